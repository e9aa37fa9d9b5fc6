/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* count.c: the counters' seldom side: adding up, the time of the last change, counting lookups. */
#include "map/count.h"

#include "base/clock.h"

#include <errno.h>

void map_counts(const struct bpfmap *map, uint64_t ret_counts[MAP_COUNTS])
{
	const struct owner_table *owners = &map->region->owners;
	uint32_t n = owner_count(owners);

	for (int c = 0; c < MAP_COUNTS; c++)
		ret_counts[c] = 0;
	for (uint32_t i = 0; i < n; i++)
		for (int c = 0; c < MAP_COUNTS; c++)
			ret_counts[c] += shm_u64_load_relaxed(&owner_record(owners, i)->counts[c]);
}

void map_count_first(struct bpfmap *map, enum map_count what, uint64_t by)
{
	struct owner_local *self;

	if (!map->region->readonly && !owner_self(&map->region->owners, &self))
		map_count(map, what, by);
}

static bool map_is_array(const struct bpfmap *map)
{
	return map->spec.type == BPF_MAP_TYPE_ARRAY || map->spec.type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

void map_count_failed(struct bpfmap *map, int err)
{
	switch (err) {
	case -E2BIG:
		/* An array is never full; its index was too large. */
		map_count(map, map_is_array(map) ? COUNT_FAILED : COUNT_FULL, 1);
		break;
	case -EEXIST: map_count(map, COUNT_EXISTS, 1); break;
	case -ENOENT: map_count(map, COUNT_ABSENT, 1); break;
	default: map_count(map, COUNT_FAILED, 1);
	}
}

void map_note_change(struct bpfmap *map)
{
	shm_u64_store_relaxed(&map->region->header->changed_ns, clock_ns(CLOCK_REALTIME));
}

static void *lookup_counted(struct bpfmap *map, const void *key)
{
	void *value = map->lookup_uncounted(map, key);

	map_count(map, COUNT_LOOKUPS, 1);
	if (value)
		map_count(map, COUNT_HITS, 1);
	return value;
}

void map_adopt_lookup_count(struct bpfmap *map)
{
	map->lookup_uncounted = map->head.lookup;
	if (!map->region->readonly && shm_u32_load_relaxed(&map->region->header->count_lookups))
		map->head.lookup = lookup_counted;
}

int bpfmap_count_lookups(struct bpfmap *map)
{
	int err = map_may_write(map);

	if (err)
		return err;
	shm_u32_store_relaxed(&map->region->header->count_lookups, 1);
	map->head.lookup = lookup_counted;
	return 0;
}
