/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers_skb.c: bytes of a packet as sched_cls and socket_filter programs read and write them, and
 * checksums. Offsets count from the packet's start (packet->off), except where a header is named.
 *
 * Checksums are ones' complement sums of 16-bit words in memory order, so nothing here depends on
 * the byte order as long as all sums are taken the same way.
 */
#include "vm/helpers.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define SKF_NET_OFF (-0x100000)
#define SKF_LL_OFF  (-0x200000)
#define ETH_BYTES   14
#define CSUM_FIELD  0xffff /* largest offset of a checksum field */

/* Not in the uapi headers of the reference system: added to l4_csum_replace in Linux 6.15. */
#define F_CSUM_IPV6 (1ull << 7)

static uint8_t *skb_bytes(const struct vm_run *run, uint64_t offset, uint64_t len)
{
	const struct vm_packet *pkt = run->pkt;

	if (offset > pkt->len || len > pkt->len - offset)
		return NULL;
	return pkt->buf + pkt->off + offset;
}

/* Counted from the link header (mac_off) instead, up to the packet's end. */
static uint8_t *frame_bytes(const struct vm_run *run, uint64_t offset, uint64_t len)
{
	const struct vm_packet *pkt = run->pkt;
	uint64_t whole = (uint64_t)pkt->off + pkt->len - run->mac_off;

	if (offset > whole || len > whole - offset)
		return NULL;
	return pkt->buf + run->mac_off + offset;
}

bool skb_classic_bytes(const struct vm_run *run, int32_t off, uint8_t *ret_bytes, uint32_t bytes)
{
	const uint8_t *from = NULL;

	if (off >= 0)
		from = skb_bytes(run, (uint64_t)off, bytes);
	else if (off >= SKF_NET_OFF)
		from = frame_bytes(run, (uint64_t)(off - SKF_NET_OFF) + ETH_BYTES, bytes);
	else if (off >= SKF_LL_OFF)
		from = frame_bytes(run, (uint64_t)(off - SKF_LL_OFF), bytes);
	if (!from)
		return false;
	memcpy(ret_bytes, from, bytes);
	return true;
}

static uint64_t load_or_clear(uint64_t to, const uint8_t *from, uint64_t len)
{
	if (!from) {
		memset((void *)(uintptr_t)to, 0, len);
		return (uint64_t)-EFAULT;
	}
	memmove((void *)(uintptr_t)to, from, len);
	return 0;
}

uint64_t helper_skb_load_bytes(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
			       uint64_t r4, uint64_t r5)
{
	uint32_t offset = (uint32_t)r2;

	return load_or_clear(r3, offset > INT_MAX ? NULL : skb_bytes(run, offset, r4), r4);
}

uint64_t helper_skb_load_bytes_relative(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
					uint64_t r4, uint64_t r5)
{
	uint32_t offset = (uint32_t)r2;
	const uint8_t *from = NULL;

	if (offset <= 0xffff && (uint32_t)r5 == BPF_HDR_START_MAC)
		from = frame_bytes(run, offset, r4);
	else if (offset <= 0xffff && (uint32_t)r5 == BPF_HDR_START_NET)
		from = frame_bytes(run, (uint64_t)offset + ETH_BYTES, r4);
	return load_or_clear(r3, from, r4);
}

uint64_t helper_skb_store_bytes(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	uint32_t offset = (uint32_t)r2;
	uint8_t *to;

	if (r5 & ~(uint64_t)(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
		return (uint64_t)-EINVAL;
	to = offset > INT_MAX ? NULL : skb_bytes(run, offset, r4);
	if (!to)
		return (uint64_t)-EFAULT;
	memmove(to, (const void *)(uintptr_t)r3, r4);
	if (r5 & BPF_F_INVALIDATE_HASH)
		run->fields.skb.hash = 0;
	return 0;
}

static uint32_t csum_add(uint32_t sum, uint32_t more)
{
	sum += more;
	return sum + (sum < more);
}

static uint16_t csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The rest of an incomplete word counts as zero bytes. */
static uint32_t csum_words(const void *from, uint64_t bytes, uint32_t sum)
{
	for (uint64_t i = 0; i < bytes; i += sizeof(uint32_t)) {
		uint64_t left = bytes - i;
		uint32_t word = 0;

		memcpy(&word, (const uint8_t *)from + i, left < sizeof(word) ? left : sizeof(word));
		sum = csum_add(sum, word);
	}
	return sum;
}

/* Since Linux 6.13 the result is folded to 16 bits and sizes need not be multiples of 4. */
uint64_t helper_csum_diff(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			  uint64_t r5)
{
	uint32_t removed = csum_words((const void *)(uintptr_t)r1, r2, 0);
	uint32_t sum = csum_words((const void *)(uintptr_t)r3, r4, (uint32_t)r5);

	if (r2)
		sum = csum_add(sum, ~removed);
	return csum_fold(sum);
}

/* The checksum field's new value when a 2- or 4-byte word from becomes to, or, with width 0, when
 * the sum of what was checksummed changes by to. */
static int csum_replace(uint16_t *field, uint64_t from, uint64_t to, uint64_t width)
{
	uint32_t sum = (uint16_t) ~*field;

	switch (width) {
	case 0:
		if (from)
			return -EINVAL;
		sum = csum_add((uint32_t)to, sum);
		break;
	case 2:
		sum = csum_add(sum, (uint16_t)~from);
		sum = csum_add(sum, (uint16_t)to);
		break;
	case 4:
		sum = csum_add(sum, ~(uint32_t)from);
		sum = csum_add(sum, (uint32_t)to);
		break;
	default: return -EINVAL;
	}
	*field = (uint16_t)~csum_fold(sum);
	return 0;
}

static uint8_t *csum_field(const struct vm_run *run, uint64_t offset)
{
	return offset > CSUM_FIELD || offset % 2 ? NULL : skb_bytes(run, offset, 2);
}

uint64_t helper_l3_csum_replace(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	uint8_t *at = csum_field(run, (uint32_t)r2);
	uint16_t field;
	int err;

	if (r5 & ~(uint64_t)BPF_F_HDR_FIELD_MASK)
		return (uint64_t)-EINVAL;
	if (!at)
		return (uint64_t)-EFAULT;
	memcpy(&field, at, sizeof(field));
	err = csum_replace(&field, r3, r4, r5 & BPF_F_HDR_FIELD_MASK);
	memcpy(at, &field, sizeof(field));
	return (uint64_t)(int64_t)err;
}

/* A UDP checksum of 0 means "none": with MARK_MANGLED_0 it stays so, unless MARK_ENFORCE, and a sum
 * that comes out as 0 is stored as 0xffff. */
uint64_t helper_l4_csum_replace(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	uint64_t known = BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR |
			 BPF_F_HDR_FIELD_MASK | F_CSUM_IPV6;
	uint8_t *at = csum_field(run, (uint32_t)r2);
	uint16_t field;
	int err;

	if (r5 & ~known)
		return (uint64_t)-EINVAL;
	if (!at)
		return (uint64_t)-EFAULT;
	memcpy(&field, at, sizeof(field));
	if ((r5 & BPF_F_MARK_MANGLED_0) && !(r5 & BPF_F_MARK_ENFORCE) && !field)
		return 0;
	err = csum_replace(&field, r3, r4, r5 & BPF_F_HDR_FIELD_MASK);
	if (err)
		return (uint64_t)(int64_t)err;
	if ((r5 & BPF_F_MARK_MANGLED_0) && !field)
		field = 0xffff;
	memcpy(at, &field, sizeof(field));
	return 0;
}
