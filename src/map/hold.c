/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hold.c: see hold.h. All bucket locks are taken, in order. Nobody else holds two of them, so
 * nobody waits in a circle; when the last one is taken every change that has begun is done.
 *
 * States       record: lock_at = LOCK_ALL [map_hold, before the first lock] -> 0 [map_let_go, after
 *              the last]
 * Edges        L1, L2 (sync/lock.h)
 * Progress     waits for each bucket's writer
 * If a process dies    who waits for one of the locks finds its holder dead and breaks that lock;
 *              who mends the owner finds LOCK_ALL in its record and frees them all (sync/lock.c),
 *              before its number can be used again.
 */
#include "map/hold.h"

#include "base/clock.h"
#include "base/error.h"
#include "map/hash.h"

#include <errno.h>

/* Locks between two looks at the clock. */
#define LOCKS_PER_LOOK 1024

static void locks_release(struct hash *h, struct owner_local *self, uint32_t n)
{
	uint32_t me = self->number_plus1 - 1;

	for (uint32_t i = 0; i < n; i++)
		lock_release(&hash_bucket(h, i)->lock);
	shm_u32_store_relaxed(&owner_record(&h->region->owners, me)->lock_at, 0);
}

/* A bucket without memory holds nothing, but might get some. */
static int bucket_hold(struct hash *h, uint32_t me, uint32_t index)
{
	int err = hash_bucket_reserve(h, index);

	return err ? err
		   : lock_acquire_nested(&hash_bucket(h, index)->lock, &h->region->owners, me,
					 index);
}

int map_hold(struct bpfmap *map, uint64_t within_ns)
{
	struct hash *h = map->priv;
	struct owner_local *self;
	uint64_t deadline;
	uint32_t n = 0;
	int err;

	if (map->spec.type != BPF_MAP_TYPE_HASH && map->spec.type != BPF_MAP_TYPE_LRU_HASH)
		return fail(ENOTSUP,
			    "maps of type %s cannot be held still: programs write to them without "
			    "a lock",
			    map_type_word(map->spec.type));
	/* All that the dead hold, at once; one by one it would take too long. */
	owner_mend_all(&h->region->owners);
	err = owner_self(&h->region->owners, &self);
	if (err)
		return err;
	shm_u32_store_relaxed(&owner_record(&h->region->owners, self->number_plus1 - 1)->lock_at,
			      LOCK_ALL + 1);
	deadline = clock_now_ns() + within_ns;
	while (!err && n < h->g.n_buckets) {
		err = bucket_hold(h, self->number_plus1 - 1, n);
		n += !err;
		if (!err && n % LOCKS_PER_LOOK == 0 && clock_now_ns() > deadline)
			err = fail(ETIMEDOUT,
				   "the map's writers could not be held within %llu ms: it is too "
				   "large, or the machine too busy",
				   (unsigned long long)(within_ns / 1000000));
	}
	if (err)
		locks_release(h, self, n);
	return err;
}

void map_let_go(struct bpfmap *map)
{
	struct hash *h = map->priv;
	struct owner_local *self;

	/* Who holds it is registered. */
	if (!owner_self(&h->region->owners, &self))
		locks_release(h, self, h->g.n_buckets);
}
