/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model.h: what must be in the map after a writer died.
 *
 * A mortal writer works on keys of its own and keeps a diary in shared memory: what each key holds,
 * and the one operation that it is in. After its death each of its keys must be exactly as the diary
 * says, except the key of that operation, which may be as before or as after it, and nothing else.
 * Whoever mends may still complete the operation: so its key may go from before to after until
 * somebody has written to it, and never back.
 */
#ifndef BPFMAP_TESTS_MODEL_H
#define BPFMAP_TESTS_MODEL_H

#include "scenario.h"
#include "value.h"

#define DIARY_KEYS_MAX 512u

enum act {
	ACT_NONE,
	ACT_PUT,    /* insert or replace */
	ACT_REMOVE, /* delete */
};

/* In shared memory. version 0: absent. */
struct diary {
	uint32_t act; /* written last before the operation, cleared first after it */
	uint32_t key;
	uint64_t version_after;
	uint64_t version_next; /* never used before */
	uint64_t acts_done;
	uint64_t slowest_ns;
	uint64_t versions[DIARY_KEYS_MAX];
};

/* A writer with its keys first_key .. first_key + keys - 1. */
struct author {
	const struct shape *shape;
	struct bpfmap *map;
	struct diary *diary;
	uint32_t first_key;
	uint32_t keys;
};

/* One operation, noted in the diary before and after; how long it took is noted as well. Its
 * failure is a failed verdict: all keys of all authors fit into the map. */
void author_put(struct author *author, uint32_t key);
void author_remove(struct author *author, uint32_t key);
/* Put or remove a key of the author's; arrays: put. */
void author_act(struct author *author, struct rng *rng);

/* Holds the map against the diary; reads only. */
void author_judge(struct author *author);
/* The same, then writes to the key of the unfinished operation, and so settles what became of it. */
void author_settle(struct author *author);
/* How many keys the diary says are present. */
uint32_t author_count(const struct author *author);
/* Deletes all of the author's elements. */
void author_clear(struct author *author);

/* Nobody else is at work. Fills the map with keys from first_key on: exactly max_entries - present
 * fit, the next is E2BIG; check passes; takes them out again: exactly `present` are left. */
void capacity_judge(struct bpfmap *map, const struct shape *shape, uint32_t present,
		    uint32_t first_key);

#endif
