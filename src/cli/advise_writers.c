/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* advise_writers.c: who writes to a map in user space, and whether they are in each other's way.
 *
 * Every writer's record names the lock that it holds, waits for, or had last. If the lock is
 * another writer's at the moment of a look, and both have written since the one before, they met
 * there. Writers of a single word (array elements of 8 bytes) and programs that write through
 * pointers take no locks and are not seen.
 */
#include "cli/advise.h"

#include "map/count.h"
#include "sync/lock.h"

#include <stdlib.h>

struct advise_writers {
	struct bpfmap *map;
	uint32_t looks;
	uint32_t meetings;
	uint64_t first[OWNER_MAX]; /* what each had done at the beginning */
	uint64_t last[OWNER_MAX];  /* at the last look */
	bool active[OWNER_MAX];	   /* wrote between the last two looks */
};

static uint64_t done_by(const struct owner_table *owners, uint32_t i)
{
	const struct owner_shm *record = owner_record(owners, i);

	return shm_u64_load_relaxed(&record->counts[COUNT_UPDATES]) +
	       shm_u64_load_relaxed(&record->counts[COUNT_DELETES]);
}

struct advise_writers *advise_writers_open(int fd)
{
	struct advise_writers *writers = calloc(1, sizeof(*writers));
	const struct owner_table *owners;

	if (!writers || bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &writers->map)) {
		free(writers);
		return NULL;
	}
	owners = &writers->map->region->owners;
	for (uint32_t i = 0; i < owner_count(owners); i++)
		writers->first[i] = writers->last[i] = done_by(owners, i);
	return writers;
}

/* The number + 1 of who holds the lock that owner i's record names; 0: nobody. */
static uint32_t holder_of(const struct owner_table *owners, uint32_t i)
{
	uint32_t at = shm_u32_load_relaxed(&owner_record(owners, i)->lock_at);
	struct shm_u32 *word = at ? owners->lock_word(owners->arg, at - 1) : NULL;

	return word ? shm_u32_load_relaxed(word) & ~LOCK_WAITED : 0;
}

void advise_writers_look(struct advise_writers *writers)
{
	const struct owner_table *owners = &writers->map->region->owners;
	uint32_t n = owner_count(owners), active = 0;
	bool met = false;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t done = done_by(owners, i);

		writers->active[i] = done != writers->last[i];
		writers->last[i] = done;
		active += writers->active[i];
	}
	for (uint32_t i = 0; i < n && active; i++) {
		uint32_t holder;

		/* A waiter may have done nothing since the last look, but has done something
		 * before. */
		if (done_by(owners, i) == writers->first[i])
			continue;
		holder = holder_of(owners, i);
		met = met || (holder && holder != i + 1 && holder <= n &&
			      writers->last[holder - 1] != writers->first[holder - 1]);
	}
	writers->looks++;
	writers->meetings += met;
}

void advise_writers_close(struct advise_writers *writers, struct advise_facts *facts)
{
	const struct owner_table *owners;

	if (!writers)
		return;
	owners = &writers->map->region->owners;
	facts->writers_known = true;
	for (uint32_t i = 0; i < owner_count(owners); i++)
		facts->writers += done_by(owners, i) != writers->first[i];
	facts->looks = writers->looks;
	facts->meetings = writers->meetings;
	bpfmap_close(writers->map);
	free(writers);
}
