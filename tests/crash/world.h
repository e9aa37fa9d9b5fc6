/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* world.h: a small map of any type, seen as numbered items: what is there, and how to change it.
 *
 * An item is a key that has a value or none; of a Bloom filter, a value that was pushed or not. A cell is
 * what an item is: 0 or 1 (there), how many bytes, the bytes. Behind the items' cells stands one more for
 * the map itself: is it frozen?
 */
#ifndef BPFMAP_TESTS_WORLD_H
#define BPFMAP_TESTS_WORLD_H

#include "harness.h"
#include "value.h"

#include "map/map.h"

/* A subject's flags that are none of the map's. */
#define SUBJECT_CROWDED	    (1ull << 32) /* all items are in one bucket */
#define SUBJECT_SPIN_LOCK   (1ull << 33)
#define SUBJECT_MANY_HASHES (1ull << 34)

#define SPIN_LOCK_PLUS1 5u
#define ITEMS_MAX	72u
#define WORLD_VALUE_MAX 65536u /* of all CPUs */

struct subject {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint64_t flags;
	const char *name;
};

extern const struct subject subjects[];
extern const uint32_t subject_count;
/* "lru_hash 8/24 of 6 (one bucket)"; valid until the next call. */
const char *subject_words(const struct subject *subject);

/* A new map, with nothing in it. The API's result. */
int subject_create(const struct subject *subject, struct bpfmap **ret_map);

enum family {
	FAMILY_KEYED,  /* elements come and go */
	FAMILY_ARRAY,  /* elements always exist */
	FAMILY_FILTER, /* values, no keys */
};

struct world {
	const struct subject *subject;
	struct bpfmap *map;
	uint32_t items;
	uint32_t keys[ITEMS_MAX]; /* key number of each item */
	uint32_t value_bytes;	  /* as bpfmap_read() copies them */
	uint32_t target;	  /* the item that the operation is about */
	int fd;			  /* for bpf(2); -1: not asked for yet */
};

enum family world_family(const struct world *world);
bool world_evicts(const struct world *world);
bool world_variable(const struct world *world);

/* A new map, pinned at path, with its first `present` items; 0 or -1 with a failed verdict. */
int world_create(struct world *world, const struct subject *subject, const char *path);
/* The map at path; flags of bpfmap_open(). */
int world_open(struct world *world, const struct subject *subject, const char *path,
	       uint32_t flags);
void world_close(struct world *world);

/* How many items a new world has: all but the last two where elements come and go, all of an array. */
uint32_t world_present(const struct world *world);
/* One of them that no operation is about. */
uint32_t world_warm(const struct world *world);
/* Too few items for operations on several. */
bool world_tiny(const struct world *world);
/* An item that a new world has not. */
uint32_t world_absent(const struct world *world);

void world_key(const struct world *world, uint32_t item, void *ret_key);
/* An item's value in some version, of all CPUs; its length. */
uint32_t world_value(const struct world *world, uint32_t item, uint64_t version,
		     uint8_t *ret_value);

/* Insert, replace or push. The API's result. */
int world_write(struct world *world, uint32_t item, uint64_t version, uint64_t flags);
int world_remove(struct world *world, uint32_t item);

/* Cells: one after another, world_cell_bytes() each. */
size_t world_cell_bytes(const struct world *world);
void world_cell(struct world *world, uint32_t item, uint8_t *ret_cell);
/* All of them and the map's. Free with free(). */
uint8_t *world_cells(struct world *world);
/* The cell that a version of an item is, version 0: absent. */
void world_cell_of(const struct world *world, uint32_t item, uint64_t version, uint8_t *ret_cell);

#endif
