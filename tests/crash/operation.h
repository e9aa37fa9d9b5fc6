/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operation.h: everything that changes a map, one by one. */
#ifndef BPFMAP_TESTS_OPERATION_H
#define BPFMAP_TESTS_OPERATION_H

#include "world.h"

enum tearing {
	WHOLE,	 /* each item is as before or as after */
	BY_WORD, /* each word of each item is: the value is written in place, as in the kernel */
};

struct operation {
	const char *name;
	bool (*applies)(const struct world *world);
	/* The map before it, from a new world; NULL: as it is. */
	void (*prepare)(struct world *world);
	/* What the process has ready before it begins, NULL: nothing. */
	void (*ready)(struct world *world);
	/* 0, or its failure. About world->target where that makes sense. */
	int (*act)(struct world *world);
	uint32_t changes; /* cells that it changes */
	uint32_t targets; /* it is tried on so many items, spread over those that are there */
	enum tearing tearing;
	/* The entry of struct map_ops that it exercises, as its offset; OP_NONE. */
	size_t op;
};

#define OP_NONE	    SIZE_MAX
#define ALL_PRESENT UINT32_MAX /* changes: each item that was there */

extern const struct operation operations[];
extern const uint32_t operation_count;

/* Does the type have the entry? Variable maps count as having write and delete_elem. */
bool world_has(const struct world *world, size_t op);

/* The item of the n-th of an operation's targets. */
uint32_t operation_target(const struct operation *operation, const struct world *world, uint32_t n);

/* For every entry of every type's ops that changes a map: has an operation with that entry been
 * `explored`? A failed verdict names the first that has not. */
typedef bool operation_explored_fn(uint32_t type, size_t op);
void operations_complete(operation_explored_fn *explored);

#endif
