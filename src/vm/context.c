/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* context.c: what R1 points to when a program starts: struct xdp_md or struct __sk_buff.
 *
 * The kernel's verifier knows which instructions access the context and rewrites them: a 4-byte
 * load of ctx->data becomes a load of a 64-bit pointer from the kernel's own structure. We have no
 * types at load, but the address says the same at run time: R1 is the address of run->fields, no
 * other memory check accepts that range, so every access to it ends here and is answered from the
 * table in context.def. A load of data, data_end or data_meta gives the full register-wide pointer;
 * other fields are read from run->fields in the requested width. Which fields, widths and stores a
 * program type may use is what the kernel's verifier allows it (ctx_allows, which facts_memory.c
 * asks, too); the refusal comes when the instruction is reached, because before that nobody may
 * know that it is a context access.
 *
 * Programs may compute ctx + n and pass it on; as in the kernel, helpers take only the unmodified
 * context (helpers.c).
 */
#include "base/error.h"
#include "vm/access.h"
#include "vm/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum field_sizes { WORD, DOUBLE, NARROW, ANY };
enum field_rights { NO = 0, RO = VM_READ, RW = VM_READ | VM_WRITE };

struct ctx_field {
	const char *name;
	uint16_t off;
	uint8_t bytes;
	uint8_t kind;
	uint8_t sizes;
	uint8_t xdp;
	uint8_t cls;
	uint8_t filter;
};

static const struct ctx_field ctx_fields[] = {
#define CTX_FIELD(type, field, kind, sizes, xdp, cls, filter) \
	{#field,                                              \
	 offsetof(struct type, field),                        \
	 sizeof(((struct type *)0)->field),                   \
	 CTX_##kind,                                          \
	 sizes,                                               \
	 xdp,                                                 \
	 cls,                                                 \
	 filter},
#include "vm/context.def"
#undef CTX_FIELD
};

static uint8_t rights(uint32_t prog_type, const struct ctx_field *field)
{
	switch (prog_type) {
	case BPF_PROG_TYPE_XDP: return field->xdp;
	case BPF_PROG_TYPE_SCHED_CLS: return field->cls;
	case BPF_PROG_TYPE_SOCKET_FILTER: return field->filter;
	default: return NO;
	}
}

/* The field that holds the access and that this program type has at all. */
static const struct ctx_field *field_at(uint32_t prog_type, uint64_t off, uint32_t bytes)
{
	for (size_t i = 0; i < sizeof(ctx_fields) / sizeof(ctx_fields[0]); i++) {
		const struct ctx_field *field = &ctx_fields[i];

		if (rights(prog_type, field) && off >= field->off &&
		    off + bytes <= (uint64_t)field->off + field->bytes)
			return field;
	}
	return NULL;
}

static bool load_size_ok(const struct ctx_field *field, uint64_t off, uint32_t bytes)
{
	switch (field->sizes) {
	case WORD: return bytes == 4;
	case DOUBLE: return bytes == 8;
	case NARROW: return bytes <= 4 && off % bytes == 0;
	default: return off % bytes == 0;
	}
}

static bool store_size_ok(const struct ctx_field *field, uint64_t off, uint32_t bytes)
{
	return field->sizes == ANY ? off % bytes == 0 : bytes == field->bytes;
}

static bool field_allows(uint32_t prog_type, const struct ctx_field *field, uint64_t off,
			 uint32_t bytes, uint32_t how)
{
	if (!field || (rights(prog_type, field) & how) != how)
		return false;
	return how & VM_WRITE ? store_size_ok(field, off, bytes) : load_size_ok(field, off, bytes);
}

bool ctx_allows(uint32_t prog_type, uint64_t off, uint32_t bytes, uint32_t how,
		enum ctx_kind *ret_kind)
{
	const struct ctx_field *field = field_at(prog_type, off, bytes);

	if (!field_allows(prog_type, field, off, bytes, how))
		return false;
	*ret_kind = (enum ctx_kind)field->kind;
	return true;
}

static bool refuse(struct vm_run *run, const char *what, uint64_t off, uint32_t bytes,
		   const struct ctx_field *field)
{
	vm_fault(run, EACCES,
		 "%s of %u bytes at offset %llu of the context (%s) is not allowed in this program "
		 "type",
		 what, bytes, (unsigned long long)off,
		 field ? field->name : "no field that it may use");
	return false;
}

bool ctx_load(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t *ret_value)
{
	uint64_t off = addr - run->ctx;
	uint32_t prog_type = run->prog->prog_type;
	const struct ctx_field *field = field_at(prog_type, off, bytes);
	uint64_t value = 0;

	if (!field_allows(prog_type, field, off, bytes, VM_READ))
		return refuse(run, "load", off, bytes, field);
	switch (field->kind) {
	case CTX_DATA:
		*ret_value = (uint64_t)(uintptr_t)(run->pkt->buf + run->pkt->off);
		return true;
	case CTX_DATA_END: *ret_value = run->packet.lo + run->packet.bytes; return true;
	case CTX_DATA_META: *ret_value = run->packet.lo; return true;
	default: break;
	}
	memcpy(register_low(&value, bytes), (const uint8_t *)&run->fields + off, bytes);
	*ret_value = value;
	return true;
}

bool ctx_store(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t value)
{
	uint64_t off = addr - run->ctx;
	uint32_t prog_type = run->prog->prog_type;
	const struct ctx_field *field = field_at(prog_type, off, bytes);

	if (!field_allows(prog_type, field, off, bytes, VM_WRITE))
		return refuse(run, "store", off, bytes, field);
	memcpy((uint8_t *)&run->fields + off, register_low(&value, bytes), bytes);
	return true;
}

void ctx_packet_moved(struct vm_run *run)
{
	const struct vm_packet *pkt = run->pkt;

	run->packet.lo = (uint64_t)(uintptr_t)pkt->buf + pkt->off - pkt->meta_len;
	run->packet.bytes = (uint64_t)pkt->len + pkt->meta_len;
	if (run->prog->prog_type != BPF_PROG_TYPE_XDP)
		run->fields.skb.len = pkt->len;
}

static void skb_begin(struct vm_run *run)
{
	const struct vm_packet *pkt = run->pkt;
	uint16_t protocol;

	run->mac_off = pkt->off - pkt->mac_len;
	if (!run->fields.skb.protocol && pkt->mac_len + pkt->len >= 14) {
		memcpy(&protocol, pkt->buf + run->mac_off + 12, sizeof(protocol));
		run->fields.skb.protocol = protocol;
	}
	if (!run->fields.skb.ingress_ifindex)
		run->fields.skb.ingress_ifindex = pkt->ingress_ifindex;
	/* A socket filter reads packets through helpers and LD_ABS alone. */
	if (run->prog->prog_type == BPF_PROG_TYPE_SOCKET_FILTER)
		run->packet.may = 0;
}

int ctx_begin(struct vm_run *run, const void *ctx, uint32_t ctx_size)
{
	const struct vm_packet *pkt = run->pkt;
	bool is_xdp = run->prog->prog_type == BPF_PROG_TYPE_XDP;
	uint32_t size = is_xdp ? sizeof(run->fields.xdp) : sizeof(run->fields.skb);

	if (pkt->off > pkt->buf_size || pkt->len > pkt->buf_size - pkt->off ||
	    pkt->meta_len > pkt->off || pkt->mac_len > pkt->off)
		return fail(EINVAL,
			    "packet of %u bytes at %u (metadata %u, link header %u) does not "
			    "fit its buffer of %u bytes",
			    pkt->len, pkt->off, pkt->meta_len, pkt->mac_len, pkt->buf_size);
	memory_clear(&run->fields, size);
	if (ctx)
		memcpy(&run->fields, ctx, ctx_size < size ? ctx_size : size);
	run->ctx = (uint64_t)(uintptr_t)&run->fields;
	run->ctx_bytes = size;
	run->packet.may = VM_READ | VM_WRITE;
	if (!is_xdp)
		skb_begin(run);
	else if (!ctx)
		run->fields.xdp = (struct xdp_md){.ingress_ifindex = pkt->ingress_ifindex,
						  .rx_queue_index = pkt->rx_queue_index};
	ctx_packet_moved(run);
	return 0;
}

void ctx_end(const struct vm_run *run, void *ctx, uint32_t ctx_size)
{
	struct xdp_md xdp = run->fields.xdp;
	const void *from = &run->fields;

	if (!ctx)
		return;
	/* As BPF_PROG_TEST_RUN reports them: offsets from the start of the metadata. */
	if (run->prog->prog_type == BPF_PROG_TYPE_XDP) {
		xdp.data_meta = 0;
		xdp.data = run->pkt->meta_len;
		xdp.data_end = run->pkt->meta_len + run->pkt->len;
		from = &xdp;
	}
	memcpy(ctx, from, ctx_size < run->ctx_bytes ? ctx_size : run->ctx_bytes);
}
