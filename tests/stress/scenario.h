/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* scenario.h: concurrent histories whose outcome is known exactly, on a map of any shape, by threads
 * of one process or by processes that each open the pin.
 *
 *   owned      each writer owns its keys, so the state of every key is known at any time: readers
 *              hold each result against the versions that began and ended around the call
 *   contended  all writers insert, replace and delete the same keys: per key, successful inserts
 *              less successful deletes is what is there at the end
 *   resident   a key that is there throughout is replaced without pause while its bucket
 *              neighbours come and go: no lookup may miss it
 *   counted    increments through lookup pointers, none lost
 *   capacity   inserters against max_entries: never more, and in the end exactly as many
 */
#ifndef BPFMAP_TESTS_SCENARIO_H
#define BPFMAP_TESTS_SCENARIO_H

#include "harness.h"
#include "bpfmap/bpfmap.h"

struct shape {
	const char *name;
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
};

/* What a canary run does wrong on purpose. */
enum fault {
	FAULT_NONE,
	FAULT_TEAR,   /* a writer mixes two versions in one value */
	FAULT_STALE,  /* a writer writes an older version again */
	FAULT_ABSENT, /* the resident key is deleted for a moment */
	FAULT_LOST,   /* an increment, an insert is counted but not made */
};

struct scene {
	struct shape shape;
	enum crew_kind kind;
	enum bpfmap_memory memory;
	enum fault fault;
	uint64_t run_ns;
};

void scene_owned(const struct scene *scene);
void scene_contended(const struct scene *scene);
void scene_resident(const struct scene *scene);
void scene_counted(const struct scene *scene);
void scene_capacity(const struct scene *scene);

/* A map of the shape, or NULL and a failed verdict. */
struct bpfmap *shape_create(const struct shape *shape, enum bpfmap_memory memory);

#endif
