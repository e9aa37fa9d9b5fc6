/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* count.h: what is done to a map, counted; and the operations of ops.h with the counting around
 * them, which is how the layers above call them.
 *
 * Each owner counts in its own record, so that counting costs no shared cache line; who reads adds
 * them up (map_counts). Counts outlive their owners. A thread that cannot register (a read-only
 * handle) does not count. Lookups are counted only through handles that were asked to
 * (bpfmap_count_lookups()): a lookup of 4.7 ns takes 7.5 with the count.
 * If a process dies    an operation that it has done may be missing in the counts; no other state
 *                      depends on them.
 */
#ifndef BPFMAP_MAP_COUNT_H
#define BPFMAP_MAP_COUNT_H

#include "map/map.h"

/* Words of an owner's record. */
enum map_count {
	COUNT_LOOKUPS,
	COUNT_HITS,
	COUNT_UPDATES, /* and pushes */
	COUNT_DELETES, /* and what was taken out */
	COUNT_FULL,    /* updates that met a full map: E2BIG; or that evicted, of an LRU map */
	COUNT_EXISTS,  /* EEXIST */
	COUNT_ABSENT,  /* ENOENT */
	COUNT_FAILED,  /* any other errno */
	MAP_COUNTS
};

_Static_assert(MAP_COUNTS == OWNER_COUNTS, "the words of an owner's record");

/* The sums over all owners. */
void map_counts(const struct bpfmap *map, uint64_t ret_counts[MAP_COUNTS]);

/* Note that the map was changed about now. */
void map_note_change(struct bpfmap *map);

/* So many changes of an owner lie between two looks at the clock. */
#define CHANGES_PER_NOTE 4096

/* A thread's first count: it registers, if it can. */
void map_count_first(struct bpfmap *map, enum map_count what, uint64_t by);

static inline void map_count(struct bpfmap *map, enum map_count what, uint64_t by)
{
	struct owner_table *owners = &map->region->owners;
	uint32_t me = owner_known_plus1(owners);
	struct shm_u64 *word;
	uint64_t sum;

	if (__builtin_expect(!me, 0)) {
		map_count_first(map, what, by);
		return;
	}
	word = &owner_record(owners, me - 1)->counts[what];
	sum = shm_u64_load_relaxed(word) + by;
	shm_u64_store_relaxed(word, sum);
	if (__builtin_expect(sum % CHANGES_PER_NOTE < by, 0))
		map_note_change(map);
}

void map_count_failed(struct bpfmap *map, int err);

static inline int map_counted_update(struct bpfmap *map, int err)
{
	if (__builtin_expect(!err, 1))
		map_count(map, COUNT_UPDATES, 1);
	else
		map_count_failed(map, err);
	return err;
}

static inline int map_counted_delete(struct bpfmap *map, int err)
{
	if (!err)
		map_count(map, COUNT_DELETES, 1);
	return err;
}

static inline int map_write(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	return map_counted_update(map, map->ops->write(map, key, value, flags));
}

static inline int map_update(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	return map_counted_update(map, map->ops->update(map, key, value, flags));
}

static inline int map_push(struct bpfmap *map, const void *value, uint64_t flags)
{
	return map_counted_update(map, map->ops->push(map, value, flags));
}

static inline int map_delete(struct bpfmap *map, const void *key)
{
	return map_counted_delete(map, map->ops->delete_elem(map, key));
}

static inline int map_take(struct bpfmap *map, const void *key, void *ret_value)
{
	return map_counted_delete(map, map->ops->take(map, key, ret_value));
}

static inline int map_pop(struct bpfmap *map, void *ret_value)
{
	return map_counted_delete(map, map->ops->pop(map, ret_value));
}

static inline int map_take_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
				  uint32_t *count)
{
	int err = map->ops->take_bucket(map, cursor, keys, values, count);

	if (!err && *count)
		map_count(map, COUNT_DELETES, *count);
	return err;
}

#endif
