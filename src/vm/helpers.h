/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers.h: the table of helper functions, and what they are called with.
 *
 * A helper gets R1 to R5 as they are. Before that helper_call() has verified each against its kind
 * in helpers.def, so the function may use it: a MAP is the address of a struct vm_map of this
 * program, a KEY or MEM points to memory that the program may access in that length, and so on.
 * Results and errnos are the kernel's. A helper that must end the run calls vm_fault().
 */
#ifndef BPFMAP_VM_HELPERS_H
#define BPFMAP_VM_HELPERS_H

#include "vm/run.h"

#define VM_MAX_LOOPS (1u << 23) /* the kernel's limit for bpf_loop() */

enum vm_arg {
	VM_ARG_NONE,
	VM_ARG_ANY,		/* a number */
	VM_ARG_MAP,		/* a map reference; only as A1 */
	VM_ARG_KEY,		/* readable, key_size bytes of the map in A1 */
	VM_ARG_VALUE,		/* readable, value_size bytes */
	VM_ARG_VALUE_OUT,	/* writable, value_size bytes */
	VM_ARG_VALUE_PEEK,	/* Bloom filter: as VALUE; queue, stack: as VALUE_OUT */
	VM_ARG_MEM,		/* readable, as many bytes as the next argument says */
	VM_ARG_MEM_OUT,		/* writable, likewise */
	VM_ARG_MEM_OR_NULL,	/* NULL is allowed if the size is 0 */
	VM_ARG_MEM_OUT_OR_NULL, /* likewise */
	VM_ARG_SIZE,		/* bytes, at least 1 */
	VM_ARG_SIZE0,		/* bytes, may be 0 */
	VM_ARG_STR,		/* readable up to its NUL */
	VM_ARG_CTX,		/* the context as it was in R1 at the start */
	VM_ARG_FUNC,		/* a callback of this program */
	VM_ARG_LOCK,		/* looked up by the function, which needs the value around it */
};

enum helper_on_map {
	ON_MAP_NOTHING,
	ON_MAP_LOOKUP,
	ON_MAP_LOOKUP_CPU,
	ON_MAP_UPDATE,
	ON_MAP_DELETE,
	ON_MAP_PUSH,
	ON_MAP_POP,
	ON_MAP_PEEK,
	ON_MAP_EACH,
	ON_MAP_COUNT
};

typedef uint64_t vm_helper_fn(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
			      uint64_t r4, uint64_t r5);

struct vm_helper {
	int32_t id;
	uint8_t prog_types; /* bits of helper_type_bit() */
	uint8_t on_map;	    /* enum helper_on_map */
	uint8_t args[5];    /* enum vm_arg */
	const char *name;
	vm_helper_fn *fn;
};

/* NULL if we have none with that number. */
const struct vm_helper *helper_find(int32_t id);

/* The kernel's name for a helper number, whether we have it or not; NULL if the kernel of our
 * headers has none. */
const char *helper_kernel_name(int32_t id);

/* The bit of a program type in prog_types; 0 if programs of that type cannot be run. */
uint8_t helper_type_bit(uint32_t prog_type);

/* A bit per enum helper_on_map: what helper_check_map() does not refuse. */
uint32_t helper_map_takes(const struct bpfmap *map);

/* "xdp, sched_cls": the program types that have the helper. Returns buf. */
const char *helper_type_words(const struct vm_helper *helper, char *buf, size_t size);

/* Whether the map takes the helper: EINVAL (its type lacks the operation), EACCES (read-only for
 * programs, or keys or values of no bytes), EPERM (opened read-only), E524 (no iteration). */
int helper_check_map(const struct vm_helper *helper, const struct bpfmap *map);

/* Verify the arguments and call. The result is meaningless if run->err is set afterwards. */
uint64_t helper_call(struct vm_run *run, const struct vm_helper *helper, const uint64_t args[5]);

/* The bytes that LD_ABS and LD_IND read: off from the packet's start, or, if negative, from the
 * link or network header (SKF_LL_OFF, SKF_NET_OFF). False if they are outside. (helpers_skb.c) */
bool skb_classic_bytes(const struct vm_run *run, int32_t off, uint8_t *ret_bytes, uint32_t bytes);

#define HELPER(id, name, prog_types, on_map, a1, a2, a3, a4, a5) vm_helper_fn helper_##name;
#include "vm/helpers.def"
#undef HELPER

#endif
