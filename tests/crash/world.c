/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* world.c: see world.h. */
#include "world.h"

#include "map/hash.h"

#include "base/hash.h"
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITEMS_FEW     6u
#define CELL_HEAD     8u
#define MANY_HASHES   12u
#define VERSIONS_CPUS 4096u /* a version's values differ from CPU to CPU */

const struct subject subjects[] = {
#define SUBJECT(TYPE, key, value, max, flags, name) \
	{BPF_MAP_TYPE_##TYPE, key, value, max, flags, name},
#include "subjects.def"
#undef SUBJECT
};

const uint32_t subject_count = sizeof(subjects) / sizeof(subjects[0]);

const char *subject_words(const struct subject *subject)
{
	static char words[128];

	snprintf(words, sizeof(words), "%s %u/%u of %u (%s)", map_type_word(subject->type),
		 subject->key_size, subject->value_size, subject->max_entries, subject->name);
	return words;
}

enum family world_family(const struct world *world)
{
	const struct map_ops *ops = map_ops_of(world->subject->type);

	if (ops->push)
		return FAMILY_FILTER;
	return ops->take ? FAMILY_KEYED : FAMILY_ARRAY;
}

bool world_evicts(const struct world *world)
{
	return world->subject->type == BPF_MAP_TYPE_LRU_HASH ||
	       world->subject->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool world_variable(const struct world *world)
{
	return (world->subject->flags & BPFMAP_F_VARIABLE) != 0;
}

uint32_t world_present(const struct world *world)
{
	return world_family(world) == FAMILY_ARRAY ? world->items : world->items - 2;
}

bool world_tiny(const struct world *world)
{
	return world->items < ITEMS_FEW;
}

uint32_t world_warm(const struct world *world)
{
	return world_tiny(world) ? 0 : 1;
}

uint32_t world_absent(const struct world *world)
{
	return world->items - 1;
}

void world_key(const struct world *world, uint32_t item, void *ret_key)
{
	key_fill(ret_key, world->subject->key_size, world->keys[item]);
}

/* Key numbers: in a crowded world those that the hash leads to the first item's bucket. */
static void world_choose_keys(struct world *world)
{
	const struct subject *subject = world->subject;
	const struct hash *h = world->map->priv;
	uint32_t number = 0, bucket = 0, at;
	uint8_t key[VALUE_KEY_BYTES];

	for (uint32_t i = 0; i < world->items; number++) {
		if (subject->flags & SUBJECT_CROWDED) {
			key_fill(key, subject->key_size, number);
			at = hash_bucket_of(h, hash_bytes(key, subject->key_size, h->seed));
			bucket = i ? bucket : at;
			if (at != bucket)
				continue;
		}
		world->keys[i++] = number;
	}
}

static void world_init(struct world *world, const struct subject *subject, struct bpfmap *map)
{
	uint32_t max = subject->max_entries;

	memset(world, 0, sizeof(*world));
	world->subject = subject;
	world->map = map;
	world->fd = -1;
	world->items = max < ITEMS_FEW ? max : ITEMS_FEW;
	if (world_evicts(world))
		world->items = max + 2;
	world->value_bytes = (uint32_t)bpfmap_value_bytes(map);
	world_choose_keys(world);
}

int subject_create(const struct subject *subject, struct bpfmap **ret_map)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = subject->type,
		.key_size = subject->key_size,
		.value_size = subject->value_size,
		.max_entries = subject->max_entries,
		.map_flags = (uint32_t)subject->flags,
		.map_extra = subject->flags & SUBJECT_MANY_HASHES ? MANY_HASHES : 0,
		.spin_lock_plus1 = subject->flags & SUBJECT_SPIN_LOCK ? SPIN_LOCK_PLUS1 : 0,
		.memory = BPFMAP_MEMORY_SHARED,
		.name = "torture",
	};

	if (subject->flags & SUBJECT_CROWDED)
		opts.map_flags |= BPF_F_ZERO_SEED;
	return bpfmap_create(&opts, ret_map);
}

int world_create(struct world *world, const struct subject *subject, const char *path)
{
	struct bpfmap *map;

	if (subject_create(subject, &map) != 0) {
		verdict_fail("create: %s", bpfmap_last_error());
		return -1;
	}
	world_init(world, subject, map);
	if (bpfmap_pin(map, path) != 0)
		verdict_fail("pin: %s", bpfmap_last_error());
	for (uint32_t i = 0; i < world_present(world) && !verdict_failed(); i++)
		if (world_write(world, i, 1, BPF_ANY) != 0)
			verdict_fail("item %u: %s", i, bpfmap_last_error());
	if (!verdict_failed())
		return 0;
	world_close(world);
	return -1;
}

int world_open(struct world *world, const struct subject *subject, const char *path, uint32_t flags)
{
	struct bpfmap *map;

	if (bpfmap_open(path, flags, &map) != 0) {
		verdict_fail("open: %s", bpfmap_last_error());
		return -1;
	}
	world_init(world, subject, map);
	return 0;
}

void world_close(struct world *world)
{
	if (world->fd >= 0)
		close(world->fd);
	bpfmap_close(world->map);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A spin lock's bytes are no part of the value. */
static void hide_lock(const struct world *world, uint8_t *value)
{
	if (world->subject->flags & SUBJECT_SPIN_LOCK)
		memset(value + SPIN_LOCK_PLUS1 - 1, 0, sizeof(uint32_t));
}

uint32_t world_value(const struct world *world, uint32_t item, uint64_t version, uint8_t *ret_value)
{
	uint32_t size = world->subject->value_size, cpus = bpfmap_cpus(world->map);

	memset(ret_value, 0, world->value_bytes);
	if (world_variable(world)) {
		/* Another length with each version. */
		size = 8 + (uint32_t)(version * 67 % (size - 7));
		value_fill(ret_value, size, item, version);
		return size;
	}
	if (world_family(world) == FAMILY_FILTER)
		version = 1;
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		value_fill(ret_value + cpu * ((size + 7) / 8 * 8), size, item,
			   version * VERSIONS_CPUS + cpu);
	hide_lock(world, ret_value);
	return world->value_bytes;
}

int world_write(struct world *world, uint32_t item, uint64_t version, uint64_t flags)
{
	uint8_t value[WORLD_VALUE_MAX], key[VALUE_KEY_BYTES];
	uint32_t len = world_value(world, item, version, value);

	if (world_family(world) == FAMILY_FILTER)
		return bpfmap_push(world->map, value, 0);
	world_key(world, item, key);
	if (world_variable(world))
		return bpfmap_var_update(world->map, key, world->subject->key_size, value, len,
					 flags);
	return bpfmap_update(world->map, key, value, flags);
}

int world_remove(struct world *world, uint32_t item)
{
	uint8_t key[VALUE_KEY_BYTES];

	world_key(world, item, key);
	if (world_variable(world))
		return bpfmap_var_delete(world->map, key, world->subject->key_size);
	return bpfmap_delete(world->map, key);
}

/* ---- cells ----------------------------------------------------------------------------------- */

size_t world_cell_bytes(const struct world *world)
{
	return CELL_HEAD + (world->value_bytes + 7) / 8 * 8;
}

static void cell_head(uint8_t *cell, uint32_t there, uint32_t len)
{
	memcpy(cell, &there, sizeof(there));
	memcpy(cell + 4, &len, sizeof(len));
}

void world_cell(struct world *world, uint32_t item, uint8_t *ret_cell)
{
	uint8_t *value = ret_cell + CELL_HEAD, key[VALUE_KEY_BYTES];
	uint32_t len = world->value_bytes;
	int err;

	memset(ret_cell, 0, world_cell_bytes(world));
	world_key(world, item, key);
	if (world_family(world) == FAMILY_FILTER) {
		world_value(world, item, 1, value);
		err = bpfmap_peek(world->map, value);
		memset(value, 0, len);
	} else if (world_variable(world)) {
		err = bpfmap_var_read(world->map, key, world->subject->key_size, value, len, &len);
	} else {
		err = bpfmap_read(world->map, key, value);
	}
	if (!err)
		cell_head(ret_cell, 1, len);
	else if (err != -ENOENT)
		verdict_fail("read of item %u: %d, %s", item, err, bpfmap_last_error());
}

uint8_t *world_cells(struct world *world)
{
	size_t bytes = world_cell_bytes(world);
	uint8_t *cells = calloc(world->items + 1, bytes);
	struct bpfmap_info info = {0};

	for (uint32_t i = 0; i < world->items; i++)
		world_cell(world, i, cells + i * bytes);
	bpfmap_get_info(world->map, &info);
	cell_head(cells + world->items * bytes, info.frozen, 0);
	return cells;
}

void world_cell_of(const struct world *world, uint32_t item, uint64_t version, uint8_t *ret_cell)
{
	memset(ret_cell, 0, world_cell_bytes(world));
	if (!version)
		return;
	cell_head(ret_cell, 1, world_value(world, item, version, ret_cell + CELL_HEAD));
	if (world_family(world) == FAMILY_FILTER)
		memset(ret_cell + CELL_HEAD, 0, world->value_bytes);
}
