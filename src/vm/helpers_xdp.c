/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers_xdp.c: moving the ends of an XDP packet, copying its bytes.
 *
 *   buf       buf + 40      metadata   data             data_end     buf + buf_size
 *    | xdp_frame |  head room  |  meta   |     packet     |  tail room   |
 *
 * The kernel keeps a struct xdp_frame (40 bytes) at the start of the head room, and at least an
 * Ethernet header of packet; the same limits apply here.
 */
#include "vm/helpers.h"

#include <errno.h>
#include <string.h>

#define FRAME_BYTES 40
#define ETH_BYTES   14
#define OFFSET_MAX  0xffff
#define META_MAX    252 /* the largest multiple of 4 that the kernel's 8-bit length holds */

uint64_t helper_xdp_adjust_head(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	struct vm_packet *pkt = run->pkt;
	int64_t by = (int32_t)r2;
	int64_t off = (int64_t)pkt->off + by;

	if (off < FRAME_BYTES + (int64_t)pkt->meta_len ||
	    off > (int64_t)pkt->off + pkt->len - ETH_BYTES)
		return (uint64_t)-EINVAL;
	memmove(pkt->buf + off - pkt->meta_len, pkt->buf + pkt->off - pkt->meta_len, pkt->meta_len);
	pkt->off = (uint32_t)off;
	pkt->len = (uint32_t)(pkt->len - by);
	ctx_packet_moved(run);
	return 0;
}

uint64_t helper_xdp_adjust_meta(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	struct vm_packet *pkt = run->pkt;
	int64_t len = (int64_t)pkt->meta_len - (int32_t)r2;

	if (len < 0 || (int64_t)pkt->off - len < FRAME_BYTES)
		return (uint64_t)-EINVAL;
	if (len % 4 || len > META_MAX)
		return (uint64_t)-EACCES;
	pkt->meta_len = (uint32_t)len;
	ctx_packet_moved(run);
	return 0;
}

uint64_t helper_xdp_adjust_tail(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	struct vm_packet *pkt = run->pkt;
	int64_t by = (int32_t)r2;
	int64_t len = (int64_t)pkt->len + by;

	if (len < ETH_BYTES || len > (int64_t)pkt->buf_size - pkt->off)
		return (uint64_t)-EINVAL;
	if (by > 0)
		memset(pkt->buf + pkt->off + pkt->len, 0, (size_t)by);
	pkt->len = (uint32_t)len;
	ctx_packet_moved(run);
	return 0;
}

uint64_t helper_xdp_get_buff_len(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				 uint64_t r4, uint64_t r5)
{
	return run->pkt->len;
}

/* The packet's bytes at offset: 0, EFAULT (no packet is that long) or EINVAL (this one is not). */
static int xdp_bytes(const struct vm_run *run, uint32_t offset, uint64_t len, uint8_t **ret_bytes)
{
	const struct vm_packet *pkt = run->pkt;

	if (offset > OFFSET_MAX || len > OFFSET_MAX)
		return -EFAULT;
	if (offset > pkt->len || len > pkt->len - offset)
		return -EINVAL;
	*ret_bytes = pkt->buf + pkt->off + offset;
	return 0;
}

uint64_t helper_xdp_load_bytes(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
			       uint64_t r4, uint64_t r5)
{
	uint8_t *bytes;
	int err = xdp_bytes(run, (uint32_t)r2, r4, &bytes);

	if (!err)
		memmove((void *)(uintptr_t)r3, bytes, r4);
	return (uint64_t)(int64_t)err;
}

uint64_t helper_xdp_store_bytes(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	uint8_t *bytes;
	int err = xdp_bytes(run, (uint32_t)r2, r4, &bytes);

	if (!err)
		memmove(bytes, (const void *)(uintptr_t)r3, r4);
	return (uint64_t)(int64_t)err;
}
