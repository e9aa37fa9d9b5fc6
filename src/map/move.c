/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* move.c: see move.h. The region's header says who may write (header.frozen, enum region_closed).
 *
 * States       OPEN -> MOVING [map_move_begin; before it, moved_to and the mover's record say who]
 *              MOVING -> MOVED [map_move_done] or OPEN [map_move_cancel; or a writer who finds that
 *              the mover is dead: map_move_wait]
 * Invariants   1. the mover's record says that it moves, as long as it does; who mends it or
 *                 inherits its number clears that first (owner_mend)
 * Edges        V1 release of frozen -> F2 acquire (map.c): who sees MOVED sees moved_to
 *              V2 acq_rel of moved_to and frozen: movers see each other
 * Progress     a writer waits for the mover, a second at most
 * If a process dies    moving: the next writer opens the map again; the new region was nobody's
 *              yet. Between the renaming of pins and MOVED (map_move_done): who has the old map
 *              open goes on writing to it; whoever opens a pin gets the new one.
 */
#include "map/move.h"

#include "base/error.h"
#include "map/count.h"
#include "sync/lock.h"

#include <errno.h>
#include <time.h>

#define WAIT_NS	 1000000
#define WAIT_MAX (LOCK_TIMEOUT_NS / WAIT_NS)

uint64_t map_changes(const struct bpfmap *map)
{
	struct map_counters counters = {0};
	uint64_t counts[MAP_COUNTS];

	map->ops->counters(map, &counters);
	map_counts(map, counts);
	return counts[COUNT_UPDATES] + counts[COUNT_DELETES] + counters.evictions;
}

static struct shm_u32 *state_of(const struct bpfmap *map)
{
	return &map->region->header->frozen;
}

/* Does the mover that the header names still move? */
static bool mover_lives(const struct bpfmap *map, uint32_t mover)
{
	struct owner_table *owners = &map->region->owners;

	return mover && owner_alive(owners, mover - 1) &&
	       shm_u32_load_relaxed(&owner_record(owners, mover - 1)->moves);
}

int map_move_begin(struct bpfmap *map)
{
	struct owner_table *owners = &map->region->owners;
	struct owner_local *self;
	uint32_t expected = REGION_OPEN, before, me;
	int err = map_may_write(map);

	if (!err)
		err = owner_self(owners, &self);
	if (err)
		return err;
	me = self->number_plus1;
	/* Of two movers one gets the word; a dead one's is taken over. */
	before = shm_u32_load_relaxed(&map->region->header->moved_to);
	if (mover_lives(map, before))
		return fail(EBUSY, "process %u is resizing the map",
			    shm_u32_load_relaxed(&owner_record(owners, before - 1)->pid));
	shm_u32_store_relaxed(&owner_record(owners, me - 1)->moves, 1);
	/* V2 acq_rel <-> V2 */
	if (shm_u32_cas_acq_rel(&map->region->header->moved_to, &before, me) &&
	    shm_u32_cas_acq_rel(state_of(map), &expected, REGION_MOVING)) /* V2 acq_rel <-> V2 */
		return 0;
	shm_u32_store_relaxed(&owner_record(owners, me - 1)->moves, 0);
	return fail(EBUSY, "somebody else resizes or freezes the map at this moment");
}

static void move_end(struct bpfmap *map, uint32_t new_id, enum region_closed state)
{
	struct owner_table *owners = &map->region->owners;
	uint32_t me = owner_known_plus1(owners);

	shm_u32_store_relaxed(&map->region->header->moved_to, new_id);
	shm_u32_store_release(state_of(map), state); /* V1 release -> F2 */
	if (me)
		shm_u32_store_relaxed(&owner_record(owners, me - 1)->moves, 0);
}

void map_move_done(struct bpfmap *map, uint32_t new_id)
{
	move_end(map, new_id, REGION_MOVED);
}

void map_move_cancel(struct bpfmap *map)
{
	move_end(map, 0, REGION_OPEN);
}

int map_move_wait(const struct bpfmap *map)
{
	struct region_header_shm *header = map->region->header;
	struct timespec moment = {.tv_nsec = WAIT_NS};
	uint32_t state, mover;

	for (unsigned int round = 0; round < WAIT_MAX; round++) {
		state = shm_u32_load_acquire(&header->frozen); /* F2 acquire <- V1 */
		mover = shm_u32_load_relaxed(&header->moved_to);
		if (state == REGION_MOVED)
			return fail(ESTALE,
				    "the map was resized, and the map with id %u has its elements: "
				    "open its pin again",
				    mover);
		if (state != REGION_MOVING)
			return state ? map_may_write(map) : 0;
		if (!mover_lives(map, mover))
			shm_u32_cas_acq_rel(&header->frozen, &state,
					    REGION_OPEN); /* V1 acq_rel <- V1 */
		else
			nanosleep(&moment, NULL);
	}
	return fail(ETIMEDOUT, "the map is being resized by a process that takes longer than a "
			       "second; try again");
}
