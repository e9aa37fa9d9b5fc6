/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* value.c: see value.h.
 *
 * States       lock word: 0 free -> owner + 1 [value_lock] -> 0 [value_unlock]
 * Locks        a value's lock is taken under no other lock by programs, and under its bucket's or
 *              stripe's lock by updates with BPF_F_LOCK; who holds it takes no other lock.
 * Edges        L1, L2 (sync/lock.h)
 * Progress     waits for the holder
 * If a process dies    holding it: record.aside says where it is, and who mends frees it. What the
 *              program wrote so far stays, as when a program ends without unlocking.
 */
#include "map/value.h"

#include "base/error.h"

#include <errno.h>
#include <linux/bpf.h>

/* One word of a value without the lock's half, if that is in it. */
static void store_word_around(struct shm_u64 *dst, uint64_t word, size_t i,
			      const struct value_shape *shape)
{
	uint32_t lock_off = shape->lock_plus1 - 1, half = lock_off % 8 == 0;
	uint32_t halves[2];

	if (lock_off / 8 != i) {
		shm_u64_store_release(dst, word); /* B1 release -> B2 */
		return;
	}
	memcpy(halves, &word, sizeof(word));
	/* B1 release -> B2 */
	shm_u32_store_release((struct shm_u32 *)dst + half, halves[half]);
}

void value_move(struct shm_u64 *dst, const struct shm_u64 *src, const struct value_shape *shape)
{
	for (size_t i = 0; i < RU8(shape->size) / 8; i++) {
		uint64_t word = shm_u64_load_acquire(&src[i]); /* B2 acquire <- B1 */

		if (shape->lock_plus1)
			store_word_around(&dst[i], word, i, shape);
		else
			shm_u64_store_release(&dst[i], word); /* B1 release -> B2 */
	}
}

static struct shm_u32 *lock_word(void *addr, const struct value_shape *shape)
{
	return (struct shm_u32 *)((char *)addr + shape->lock_plus1 - 1);
}

int value_lock(struct region *region, void *addr, const struct value_shape *shape)
{
	struct shm_u32 *word = lock_word(addr, shape);
	struct owner_local *self;
	struct owner_shm *record;
	int err = owner_self(&region->owners, &self);

	if (err)
		return err;
	record = owner_record(&region->owners, self->number_plus1 - 1);
	shm_u64_store_relaxed(&record->aside, (uint64_t)((uint8_t *)word - region->base) + 1);
	return lock_acquire_nested(word, &region->owners, self->number_plus1 - 1, LOCK_VALUE);
}

void value_unlock(void *addr, const struct value_shape *shape)
{
	lock_release(lock_word(addr, shape));
}

void value_mend(struct region *region, uint32_t dead)
{
	struct owner_shm *record = owner_record(&region->owners, dead);
	uint64_t off = shm_u64_load_relaxed(&record->aside);
	struct shm_u32 *word;

	if (!off || (off - 1) % 4 || off - 1 > region->body_bytes - sizeof(*word))
		return;
	word = (struct shm_u32 *)(region->base + off - 1);
	if (lock_held_by(word, dead))
		lock_release(word);
	shm_u64_store_relaxed(&record->aside, 0);
}

int value_check_flags(uint64_t flags, const struct value_shape *shape)
{
	if (flags & BPF_F_LOCK && !shape->lock_plus1)
		return fail(EINVAL, "BPF_F_LOCK needs a struct bpf_spin_lock in the value");
	if ((flags & ~(uint64_t)BPF_F_LOCK) > BPF_EXIST)
		return fail(EINVAL,
			    "update flags 0x%llx: one of BPF_ANY, BPF_NOEXIST, BPF_EXIST is "
			    "possible",
			    (unsigned long long)flags);
	return 0;
}

int value_check_spec(const struct map_spec *spec)
{
	uint32_t off = spec->spin_lock_plus1 - 1;

	if (!spec->spin_lock_plus1)
		return 0;
	if (spec->type != BPF_MAP_TYPE_HASH && spec->type != BPF_MAP_TYPE_ARRAY)
		return fail(EOPNOTSUPP, "spin locks are possible in values of hash and array only");
	if (off % 4 || spec->value_size < 4 || off > spec->value_size - 4)
		return fail(EINVAL, "the spin lock does not lie in the value, or is not aligned");
	if (spec->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return fail(EACCES, "a map with spin locks cannot be read-only or write-only for "
				    "programs");
	return 0;
}
