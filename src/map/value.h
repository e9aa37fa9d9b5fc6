/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* value.h: values that may contain a struct bpf_spin_lock, and that lock.
 *
 * The lock word in the value holds owner + 1, like every lock of a region, so it survives the death
 * of a program's host. Copies in pass over its four bytes; copies out show them as zero.
 */
#ifndef BPFMAP_MAP_VALUE_H
#define BPFMAP_MAP_VALUE_H

#include "region/region.h"
#include "sync/bytes.h"
#include "sync/lock.h"

struct bpfmap;

/* What one CPU's value may take, in the kernel and so here. */
#define PERCPU_VALUE_MAX 32768

/* Of one value, or one CPU's value. */
struct value_shape {
	uint32_t size;	     /* bytes */
	uint32_t lock_plus1; /* offset of the lock + 1; 0: none */
};

static inline void value_load(void *dst, const struct shm_u64 *src, const struct value_shape *shape)
{
	bytes_load(dst, src, shape->size);
	if (__builtin_expect(shape->lock_plus1 != 0, 0))
		memset((char *)dst + shape->lock_plus1 - 1, 0, sizeof(uint32_t));
}

/* From one place of the region to another; the destination's lock stays as it is. */
void value_move(struct shm_u64 *dst, const struct shm_u64 *src, const struct value_shape *shape);

/* Take and release the lock of the value at addr, which lies in the region. A thread holds at most
 * one. 0, ETIMEDOUT, EDEADLK, or owner_register()'s error. */
int value_lock(struct region *region, void *addr, const struct value_shape *shape);
void value_unlock(void *addr, const struct value_shape *shape);

/* Free the value lock that a dead owner held. */
void value_mend(struct region *region, uint32_t dead);

/* Flags of an update: one of ANY, NOEXIST, EXIST, with F_LOCK where the value has a lock.
 * EINVAL. */
int value_check_flags(uint64_t flags, const struct value_shape *shape);

/* A creation's spin lock: within the value, aligned, and in a type that has them (HASH, ARRAY). */
struct map_spec;
int value_check_spec(const struct map_spec *spec);

#endif
