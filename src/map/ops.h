/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ops.h: what a map type is. One struct map_ops per type, last in its file, named in types.def.
 *
 * Two sides call a map, and they differ as in the kernel:
 *   program side   lookup (pointer), update, delete: no permission or freeze checks
 *   syscall side   read, write, delete, next_key, ...: the caller (public API or bpf(2)) has
 *                  checked permission and freeze
 * A NULL op means that the type lacks the operation; the caller answers with the errno that
 * SEMANTICS has for it. Unless a line says otherwise an op may be called from any thread.
 */
#ifndef BPFMAP_MAP_OPS_H
#define BPFMAP_MAP_OPS_H

#include "region/region.h"
#include "region/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpfmap;

/* Where a type puts its bytes: a pure function of the spec, computed again at every open, so that
 * nothing in the file needs to be believed. Offsets from the start of the region, in bytes. */
struct map_layout {
	uint64_t body_bytes;  /* the type's own bytes, from offset 0 */
	uint64_t reserve_end; /* [0, reserve_end) is reserved at creation */
};

/* Bytes of a region that serve one purpose. */
struct map_part {
	const char *name;
	const char *why;   /* in a line, for people */
	uint64_t off;	   /* from the start of the region */
	uint64_t len;	   /* at most so many are ever reserved */
	uint64_t reserved; /* of which the first so many are at creation */
};

typedef void map_part_fn(void *arg, const struct map_part *part);

struct map_counters {
	uint64_t entries;
	uint64_t high_water; /* most entries at once */
	uint64_t evictions;  /* given up for others (LRU) */
};

struct map_ops {
	/* Early check of the spec, before privileges: the E rows of SEMANTICS 2.3. Pure. */
	int (*alloc_check)(const struct map_spec *spec);
	/* What the type makes of the spec before it is kept (NO_COMMON_LRU rounds up); NULL:
	 * nothing. */
	void (*normalize)(struct map_spec *spec, uint32_t cpus);
	/* Late check and layout. Pure. */
	int (*layout)(const struct map_spec *spec, uint32_t cpus, struct map_layout *ret_layout);
	/* The parts of the body, ascending; those of one purpose have one name and may be several.
	 * For a spec that layout has taken. Pure. */
	void (*parts)(const struct map_spec *spec, uint32_t cpus, map_part_fn *fn, void *arg);
	/* Set up the handle's private copy of the geometry (map->priv). Region already
	 * validated. */
	int (*attach)(struct bpfmap *map);
	/* After attach, once: the initial bytes of a zeroed region that nobody else sees yet; NULL
	 * if zeroes will do. */
	int (*init)(struct bpfmap *map);
	void (*detach)(struct bpfmap *map);
	/* Calls fn for each range that has been reserved behind layout's reserve_end, by the words
	 * in the region, ascending; NULL: there are none. */
	int (*reserved)(struct bpfmap *map, region_range_fn *fn, void *arg);

	/* Program side. lookup: pointer to the value, or NULL. Never waits. */
	void *(*lookup)(struct bpfmap *map, const void *key);
	/* The same for n keys side by side; returns how many were found. NULL: one after
	 * another. */
	uint32_t (*lookup_keys)(struct bpfmap *map, const void *keys, uint32_t n,
				void **ret_values);
	/* Per-CPU types: the given CPU's value; NULL also if there is no such CPU. */
	void *(*lookup_cpu)(struct bpfmap *map, const void *key, uint32_t cpu);
	/* Per-CPU types: the calling thread's CPU's value only. */
	int (*update)(struct bpfmap *map, const void *key, const void *value, uint64_t flags);
	int (*delete_elem)(struct bpfmap *map, const void *key);

	/* Syscall side. Values in the syscall's layout (per-CPU: every CPU). */
	int (*read)(struct bpfmap *map, const void *key, void *ret_value);
	int (*write)(struct bpfmap *map, const void *key, const void *value, uint64_t flags);
	/* Copy under the value's spin lock (BPF_F_LOCK); NULL: the type has no spin locks. */
	int (*read_locked)(struct bpfmap *map, const void *key, void *ret_value);
	/* Read and delete in one step. */
	int (*take)(struct bpfmap *map, const void *key, void *ret_value);
	/* Bloom filter, queue, stack: no key. push: flags as in the kernel. peek: *value is input
	 * to a Bloom filter (0: perhaps there, -ENOENT: surely not), output of a queue or stack. */
	int (*push)(struct bpfmap *map, const void *value, uint64_t flags);
	int (*peek)(struct bpfmap *map, void *value);
	int (*pop)(struct bpfmap *map, void *ret_value);
	int (*next_key)(struct bpfmap *map, const void *key, void *ret_next);
	/* All elements of the bucket *cursor (array: elements from index *cursor), at most *count;
	 * *cursor moves to the next bucket. *count becomes the number copied. 0; -ENOSPC if the
	 * bucket has more than *count elements (*count is then how many it has, cursor stays);
	 * -ENOENT when *cursor is past the last bucket. A bucket's copy is one consistent view. */
	int (*read_bucket)(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
			   uint32_t *count);

	/* The same, and the elements are deleted in the same step. */
	int (*take_bucket)(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
			   uint32_t *count);

	/* True if [addr, addr + len) lies inside one element's value: what a program may access. */
	bool (*is_value)(const struct bpfmap *map, const void *addr, size_t len);

	/* O(1). */
	void (*counters)(const struct bpfmap *map, struct map_counters *ret_counters);
	/* Every invariant of the type's own bytes; -EUCLEAN with a sentence. */
	int (*check)(struct bpfmap *map);
};

/* The ops of a type, or NULL if the number is not one of ours. */
const struct map_ops *map_ops_of(uint32_t type);
/* The same, and of a type's variants that only the native API creates (BPFMAP_F_VARIABLE). */
const struct map_ops *map_ops_for(const struct map_spec *spec);
/* "hash", ...; NULL if unknown. */
const char *map_type_word(uint32_t type);

#endif
