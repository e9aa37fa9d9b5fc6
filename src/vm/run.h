/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run.h: one run of a program: what it may touch, and the checks. Private to one thread.
 *
 * A program may access, and nothing else is ever dereferenced on its behalf:
 *   its stack      the frames in use, one piece of memory
 *   the packet     [metadata, end), XDP and sched_cls only; the helpers that move its ends update
 *                  the range, so pointers from before are simply checked against the new one
 *   map values     of the maps that the program refers to, except their spin locks
 *   extra ranges   lent by a helper for the time of a callback (keys)
 *   the context    through context.c, field by field; a syscall program's context is plain memory
 *
 * The common cases are inline here: stack, packet and the value used last ("recent"). memory.c does
 * the rest and moves what it found to "recent".
 */
#ifndef BPFMAP_VM_RUN_H
#define BPFMAP_VM_RUN_H

#include "vm/prog.h"

#include <stdbool.h>
#include <string.h>

enum vm_access {
	VM_READ = 1,
	VM_WRITE = 2,
	VM_SPIN_LOCK = 4, /* of a found range only: bytes that belong to a bpf_spin_lock */
};

/* A range of memory and what may be done with it (enum vm_access bits). */
struct vm_range {
	uint64_t lo;
	uint64_t bytes;
	uint32_t may;
};

/* An extra range; lives in the lending helper's frame. */
struct vm_loan {
	struct vm_range range;
	struct vm_loan *next;
};

/* What a local call or a callback saves. */
struct vm_frame {
	const struct vm_step *ret; /* local calls of the interpreter */
	uint64_t saved[4];	   /* R6 to R9 */
};

#define VM_VALUE_RANGES 4

struct vm_run {
	const struct vm_prog *prog;
	const struct vm_env *env;
	const struct vm_insn *pc; /* for messages: set before anything that may fail */
	uint64_t budget_start;
	int64_t budget; /* instructions left */
	int err;	/* -errno once the run has failed */
	uint32_t depth; /* frames in use, minus one */
	uint32_t cpu;	/* the virtual CPU that the run is on; UINT32_MAX: none */

	struct vm_range stack;
	struct vm_range packet;
	struct vm_range recent;
	struct vm_range values[VM_VALUE_RANGES];
	uint32_t next_value; /* the range replaced next */
	struct vm_loan *loans;
	struct bpfmap *locked_map; /* whose value's spin lock the program holds; NULL: none */
	void *locked_value;

	struct vm_packet *pkt; /* NULL in syscall programs */
	uint32_t mac_off;      /* in pkt->buf: where the link header starts */
	uint64_t ctx;	       /* the context's address as the program sees it */
	uint32_t ctx_bytes;
	union {
		struct xdp_md xdp;
		struct __sk_buff skb;
	} fields; /* behind that address, except in syscall programs */

	struct vm_frame frames[VM_MAX_FRAMES];
	uint8_t frame_memory[VM_MAX_FRAMES * VM_STACK_FRAME] __attribute__((aligned(64)));
};

/* memset() to zero by libc. With a constant size gcc puts "rep stos" in its place, which takes
 * longer than a short program. */
static inline void memory_clear(void *at, size_t bytes)
{
	__asm__("" : "+r"(bytes));
	memset(at, 0, bytes);
}

static inline bool range_holds(const struct vm_range *range, uint64_t addr, uint64_t bytes)
{
	uint64_t off = addr - range->lo;

	return off < range->bytes && range->bytes - off >= bytes;
}

/* memory.c: everything that is not inline. Address as a pointer, or NULL after vm_fault(). */
void *memory_find(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how);

/* The same without a failure: NULL only. */
void *memory_probe(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how);

/* What programs may do with values of a map: enum vm_access bits, fixed while the map is open. */
uint32_t memory_map_may(const struct bpfmap *map);

/* Remember the value that a lookup handed out. */
void memory_add_value(struct vm_run *run, const struct vm_map *ref, const void *value);

/* The common cases; NULL means only that it is none of them. */
static inline void *memory_inline(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how)
{
	if (__builtin_expect(range_holds(&run->stack, addr, bytes), 1))
		return (void *)(uintptr_t)addr;
	if (range_holds(&run->recent, addr, bytes) && (run->recent.may & how) == how)
		return (void *)(uintptr_t)addr;
	if (range_holds(&run->packet, addr, bytes) && (run->packet.may & how) == how)
		return (void *)(uintptr_t)addr;
	return NULL;
}

/* A pointer for [addr, addr + bytes), or NULL: then the run has failed. bytes > 0. */
static inline void *memory_access(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how)
{
	void *at = memory_inline(run, addr, bytes, how);

	return at ? at : memory_find(run, addr, bytes, how);
}

/* helpers_lock.c: release the spin lock that the run holds, if any. */
void spin_lock_drop(struct vm_run *run);

/* context.c. Addresses in [ctx, ctx + ctx_bytes) of programs that run on packets go here. */
static inline bool ctx_holds(const struct vm_run *run, uint64_t addr)
{
	return run->pkt && addr - run->ctx < run->ctx_bytes;
}

/* What a field of the context gives. */
enum ctx_kind {
	CTX_VALUE, /* its bytes */
	CTX_DATA,  /* the address of the packet's start, of its end, of its metadata */
	CTX_DATA_END,
	CTX_DATA_META,
};

/* Whether programs of a type may load or store (VM_READ or VM_WRITE) so many bytes at offset off of
 * their context. */
bool ctx_allows(uint32_t prog_type, uint64_t off, uint32_t bytes, uint32_t how,
		enum ctx_kind *ret_kind);

bool ctx_load(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t *ret_value);
bool ctx_store(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t value);
/* Set up the fields from the caller's context and packet, and hand them back. */
int ctx_begin(struct vm_run *run, const void *ctx, uint32_t ctx_size);
void ctx_end(const struct vm_run *run, void *ctx, uint32_t ctx_size);
/* To be called when the packet's ends have moved. */
void ctx_packet_moved(struct vm_run *run);

/* interp.c: run from entry until its exit; args are R1 to R5. 0 and R0, or run->err. */
int interp_start(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		 uint64_t *ret_r0);
/* The same for a helper's callback, in a new frame. */
int interp_callback(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		    uint64_t *ret_r0);

/* End the run: "insn 12 (flows.bpf.c:34): " and the reason. Returns -err. */
__attribute__((format(printf, 3, 4), cold)) int vm_fault(struct vm_run *run, int err,
							 const char *fmt, ...);

#endif
