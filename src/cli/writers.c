/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* writers.c: see writers.h. */
#include "cli/writers.h"

#include "map/map.h"
#include "sync/lock.h"

/* It has a lock, or an element that is in nobody's list. */
static bool is_midway(const struct owner_table *owners, const struct owner_shm *record,
		      uint32_t number)
{
	uint32_t lock_at = shm_u32_load_relaxed(&record->lock_at);
	struct shm_u32 *word = NULL;

	/* Bloom filters have no locks. */
	if (lock_at && owners->lock_word)
		word = owners->lock_word(owners->arg, lock_at - 1);
	return (word && lock_held_by(word, number)) || shm_u32_load_relaxed(&record->claim) ||
	       shm_u32_load_relaxed(&record->release);
}

void writers_count(struct bpfmap *map, struct writers *ret_writers)
{
	struct owner_table *owners = &map->region->owners;

	*ret_writers = (struct writers){0};
	for (uint32_t n = 0; n < owner_count(owners); n++) {
		const struct owner_shm *record = owner_record(owners, n);

		if (!shm_u32_load_relaxed(&record->state))
			continue;
		if (owner_alive(owners, n)) {
			ret_writers->alive += !(owners->mine[n / 32] >> (n % 32) & 1);
			continue;
		}
		ret_writers->dead++;
		ret_writers->midway += is_midway(owners, record, n);
	}
}
