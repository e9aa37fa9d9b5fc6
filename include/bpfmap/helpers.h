/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers.h: our maps for another eBPF virtual machine.
 *
 * Virtual machines take helper functions as plain function pointers of five 64-bit words:
 * ubpf_register(), rbpf's register_helper(), DPDK's struct rte_bpf_xsym. Here are the kernel's map
 * helpers in that shape:
 *
 *   uint32_t n;
 *   const struct bpfmap_helper *helpers = bpfmap_helpers(&n);
 *
 *   for (uint32_t i = 0; i < n; i++)
 *           foreign_register(vm, helpers[i].id, helpers[i].name, helpers[i].fn);
 *
 * A map is the address of its struct bpfmap. The loader puts it where an instruction refers to a
 * map (LD_IMM64 with BPF_PSEUDO_MAP_FD, or the relocation against the symbol in ".maps"), so it
 * arrives as the helper's first argument. A reference to global data is bpfmap_array_get_view()'s
 * address.
 *
 * What the virtual machine answers for, since a helper cannot see it:
 *   arguments   r1 is a map that the loader put there and no number that a program made; key and
 *               value pointers lead to key_size and value_size bytes (map_pop_elem, map_peek_elem:
 *               writable) that stay while the call runs. Lengths: bpfmap_get_info(). A pointer that
 *               is not checked is followed: the process may crash.
 *   values      what a lookup returned is value_size bytes until bpfmap_close(), NULL if there is
 *               no element. The program must compare with NULL; loads and stores stay in it:
 *               bpfmap_value_access() tells.
 *   stores      none into a map that was opened read-only (its pages are): SIGSEGV.
 *   endings     instruction budget; a program that ends early needs bpfmap_helpers_leave() all the
 *               same.
 *
 * Threads: any number may call, each for itself; the maps look after themselves, also between
 * processes. Per-CPU maps: between bpfmap_helpers_enter() and bpfmap_helpers_leave() a thread owns
 * its CPU's values. Errnos: results of int in the kernel are -errno, extended to 64 bits; those for
 * a map that cannot do what is asked are in bpfmap_helper_check()'s comment. A loader asks that
 * once, and programs get no surprises.
 */
#ifndef BPFMAP_HELPERS_H
#define BPFMAP_HELPERS_H

#include <bpfmap/bpfmap.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t bpfmap_helper_fn(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);

/* One row of the table. */
struct bpfmap_helper {
	int32_t id;	  /* what a call instruction's immediate says: BPF_FUNC_* */
	const char *name; /* the kernel's, without "bpf_" */
	bpfmap_helper_fn *fn;
};

/* The table: *ret_count rows, ascending by id, for the life of the process. */
BPFMAP_API const struct bpfmap_helper *bpfmap_helpers(uint32_t *ret_count);

/* Whether a map takes a helper: what a verifier would refuse at load. EINVAL: the type lacks the
 * operation, or there is no such helper; EACCES: the map is read-only for programs
 * (BPF_F_RDONLY_PROG), or has no keys or values; EPERM: opened read-only; E524 (524): no iteration;
 * ENOTSUP: values hold a bpf_spin_lock, whose helpers are not in the table. Called all the same,
 * helpers that write return these, lookups NULL. */
BPFMAP_API int bpfmap_helper_check(int32_t id, const struct bpfmap *map);

#define BPFMAP_ACCESS_READ  1
#define BPFMAP_ACCESS_WRITE 2

/* What a program may do with len bytes at addr: the bits above if they lie inside of one element's
 * value of the map, else 0. For a virtual machine's check of a load or store
 * (ubpf_register_data_bounds_check()). */
BPFMAP_API int bpfmap_value_access(const struct bpfmap *map, const void *addr, size_t len);

/* Before a run: go onto one CPU of all those of the maps that are per-CPU, and off it. The same
 * maps for both, in any order. The CPU's number; 0 if none is per-CPU. Errnos as
 * bpfmap_cpu_enter(); E2BIG: more than 64 maps. */
BPFMAP_API int bpfmap_helpers_enter(struct bpfmap *const *maps, uint32_t n);
BPFMAP_API void bpfmap_helpers_leave(struct bpfmap *const *maps, uint32_t n);

/* ---- the helpers ------------------------------------------------------------------------------
 * Arguments as in bpf-helpers(7); those that are not named are not looked at. */

/* (map, key): the value's address, or 0. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_map_lookup_elem;
/* (map, key, value, flags): 0, -E2BIG, -EEXIST, -ENOENT, -EINVAL, -ENOMEM, -ETIMEDOUT. Of a per-CPU
 * map: the own CPU's value. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_map_update_elem;
/* (map, key): 0, -ENOENT, -EINVAL. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_map_delete_elem;
/* (map, value, flags): 0, -EINVAL, -E2BIG. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_map_push_elem;
/* (map, value): 0, or -ENOENT and zeroes. No type in this version can be popped: -EINVAL. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_map_pop_elem;
/* (map, value): Bloom filter: 0 perhaps there, -ENOENT surely not. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_map_peek_elem;
/* (map, key, cpu): the address of one CPU's value, or 0. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_map_lookup_percpu_elem;
/* (map, callback, context, flags 0): elements visited, -EINVAL, -ENOMEM. The callback is a
 * bpfmap_helper_fn's address, called as (map, key, value, context, 0) until it returns other than
 * 0; it may delete. To run a subprogram, give a function of yours, with what it needs to know in
 * the context. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_for_each_map_elem;
/* (): the CPU that the thread is on, else a number that is its own if there are enough. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_get_smp_processor_id;
/* (): 32 random bits, for sampling. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_get_prandom_u32;
/* (): nanoseconds of CLOCK_MONOTONIC, _BOOTTIME, _MONOTONIC_COARSE, _TAI. */
BPFMAP_API bpfmap_helper_fn bpfmap_helper_ktime_get_ns;
BPFMAP_API bpfmap_helper_fn bpfmap_helper_ktime_get_boot_ns;
BPFMAP_API bpfmap_helper_fn bpfmap_helper_ktime_get_coarse_ns;
BPFMAP_API bpfmap_helper_fn bpfmap_helper_ktime_get_tai_ns;

#ifdef __cplusplus
}
#endif

#endif
