/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operation.c: see operation.h. The first version of each item is 1; operations write version 2. */
#include "operation.h"

#include "map/hash.h"
#include "map/value.h"
#include "sync/vcpu.h"

#include "bpf/command.h"
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define BATCH	    3u
#define TOUCHED_OFF 16u /* of a word behind the spin lock */

bool world_has(const struct world *world, size_t op)
{
	const struct map_ops *ops = map_ops_of(world->subject->type);
	void *entry;

	if (op == OP_NONE)
		return true;
	if (world_variable(world))
		return op == offsetof(struct map_ops, write) ||
		       op == offsetof(struct map_ops, delete_elem);
	memcpy(&entry, (const char *)ops + op, sizeof(entry));
	return entry != NULL;
}

uint32_t operation_target(const struct operation *operation, const struct world *world, uint32_t n)
{
	return n * (world_present(world) - 1) /
	       (operation->targets > 1 ? operation->targets - 1 : 1);
}

static void expect(const char *what, int err)
{
	if (err)
		verdict_fail("%s: %d, %s", what, err, bpfmap_last_error());
}

/* ---- what applies where ----------------------------------------------------------------------- */

static bool is_keyed(const struct world *w)
{
	return world_family(w) == FAMILY_KEYED;
}

static bool is_fixed_keyed(const struct world *w)
{
	return is_keyed(w) && !world_variable(w);
}

/* All of it, a bucket at a time: the steps multiply. */
static bool is_few(const struct world *w)
{
	return is_fixed_keyed(w) && w->subject->max_entries <= ITEMS_MAX / 2;
}

static bool is_filter(const struct world *w)
{
	return world_family(w) == FAMILY_FILTER;
}

static bool has_keys(const struct world *w)
{
	return !is_filter(w);
}

static bool has_fixed_keys(const struct world *w)
{
	return has_keys(w) && !world_variable(w);
}

static bool is_bounded(const struct world *w)
{
	return is_keyed(w) && !world_evicts(w) && w->subject->max_entries == w->items;
}

static bool has_cpus(const struct world *w)
{
	return w->map->vcpus != NULL;
}

static bool is_percpu_keyed(const struct world *w)
{
	return has_cpus(w) && is_keyed(w);
}

static bool is_shared_fixed(const struct world *w)
{
	return has_fixed_keys(w) && !has_cpus(w);
}

static bool has_spin_lock(const struct world *w)
{
	return (w->subject->flags & SUBJECT_SPIN_LOCK) != 0;
}

static bool is_locked_keyed(const struct world *w)
{
	return has_spin_lock(w) && is_keyed(w);
}

static bool any_world(const struct world *w)
{
	return w->map != NULL;
}

/* ---- prepare ---------------------------------------------------------------------------------- */

/* A new LRU world is full. */
static void make_room(struct world *w)
{
	if (world_evicts(w))
		expect("make room", world_remove(w, 2));
}

static void make_full(struct world *w)
{
	for (uint32_t i = world_present(w); i < w->items; i++)
		expect("fill", world_write(w, i, 1, BPF_NOEXIST));
}

static void make_empty(struct world *w)
{
	for (uint32_t i = 0; i < world_present(w); i++)
		expect("empty", world_remove(w, i));
}

/* Marks and lists in disorder: some were used, one was replaced. */
static void make_used(struct world *w)
{
	uint8_t key[VALUE_KEY_BYTES];

	for (uint32_t i = 0; i < world_present(w); i += 2) {
		world_key(w, i, key);
		bpfmap_lookup(w->map, key);
	}
	expect("use", world_write(w, 1, 1, BPF_EXIST));
	expect("make room", world_remove(w, 3));
	expect("evict", world_write(w, world_absent(w), 1, BPF_NOEXIST));
	expect("evict", world_write(w, 3, 1, BPF_NOEXIST));
	expect("forget", world_remove(w, world_absent(w)));
	expect("fill", world_write(w, world_absent(w) - 1, 1, BPF_NOEXIST));
}

/* ---- ready ------------------------------------------------------------------------------------ */

/* A descriptor that bpf(2) knows, and has been used through. */
static void ready_fd(struct world *w)
{
	uint8_t value[WORLD_VALUE_MAX], key[VALUE_KEY_BYTES];
	union bpf_attr attr;

	w->fd = bpfmap_fd(w->map);
	memset(&attr, 0, sizeof(attr));
	world_key(w, world_warm(w), key);
	world_value(w, world_warm(w), 1, value);
	attr.map_fd = (uint32_t)w->fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	expect("bpf(2)", (int)bpfmap_bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)));
}

static void ready_cpu(struct world *w)
{
	int cpu = bpfmap_cpu_enter(w->map);

	if (cpu < 0)
		expect("enter", cpu);
}

/* ---- act -------------------------------------------------------------------------------------- */

static int act_insert(struct world *w)
{
	return world_write(w, world_absent(w), 2, BPF_NOEXIST);
}

static int act_insert_refused(struct world *w)
{
	int err;

	w->keys[0] += 1000;
	err = world_write(w, 0, 2, BPF_ANY);
	return err == -E2BIG ? 0 : -EINVAL;
}

static int act_replace(struct world *w)
{
	return world_write(w, w->target, 2, BPF_EXIST);
}

static int act_replace_locked(struct world *w)
{
	return world_write(w, w->target, 2, BPF_EXIST | BPF_F_LOCK);
}

static int act_insert_locked(struct world *w)
{
	return world_write(w, world_absent(w), 2, BPF_NOEXIST | BPF_F_LOCK);
}

static int act_delete(struct world *w)
{
	return world_remove(w, w->target);
}

static int act_take(struct world *w)
{
	uint8_t value[WORLD_VALUE_MAX], key[VALUE_KEY_BYTES];

	world_key(w, w->target, key);
	return bpfmap_take(w->map, key, value);
}

/* Two that are there, and one that is not. */
static int act_update_batch(struct world *w)
{
	uint8_t values[BATCH * WORLD_VALUE_MAX / 4], keys[BATCH * VALUE_KEY_BYTES];
	const uint32_t items[BATCH] = {w->target, is_keyed(w) ? world_absent(w) : 1, 3};
	uint32_t count = BATCH;

	for (uint32_t i = 0; i < BATCH; i++) {
		world_key(w, items[i], keys + i * w->subject->key_size);
		world_value(w, items[i], 2, values + i * w->value_bytes);
	}
	return bpfmap_update_batch(w->map, keys, values, &count, BPF_ANY);
}

static int act_take_batch(struct world *w)
{
	static uint8_t values[ITEMS_MAX * 1024], keys[ITEMS_MAX * VALUE_KEY_BYTES];
	uint32_t count = ITEMS_MAX;
	uint64_t cursor = 0;
	int err = bpfmap_take_batch(w->map, &cursor, keys, values, &count);

	return err == -ENOENT ? 0 : err;
}

static int act_delete_batch(struct world *w)
{
	const uint32_t items[BATCH] = {w->target, 2, 1};
	uint8_t keys[BATCH * VALUE_KEY_BYTES];
	union bpf_attr attr;

	for (uint32_t i = 0; i < BATCH; i++)
		world_key(w, items[i], keys + i * w->subject->key_size);
	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (uint32_t)w->fd;
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.count = BATCH;
	return (int)bpfmap_bpf(BPF_MAP_DELETE_BATCH, &attr, sizeof(attr));
}

/* As users clear maps: the first key, delete it, again. */
static int act_clear(struct world *w)
{
	uint8_t key[VALUE_KEY_BYTES];
	int err = 0;

	while (!err && bpfmap_next_key(w->map, NULL, key) == 0)
		err = bpfmap_delete(w->map, key);
	return err;
}

static int act_freeze(struct world *w)
{
	return bpfmap_freeze(w->map);
}

static int act_close(struct world *w)
{
	bpfmap_close(w->map);
	return 0;
}

static int act_read_locked(struct world *w)
{
	uint8_t value[WORLD_VALUE_MAX], key[VALUE_KEY_BYTES];

	world_key(w, w->target, key);
	return w->map->ops->read_locked(w->map, key, value);
}

/* ---- act: the program side -------------------------------------------------------------------- */

static int program_write(struct world *w, uint32_t item, uint64_t flags)
{
	uint8_t value[WORLD_VALUE_MAX], key[VALUE_KEY_BYTES];

	world_key(w, item, key);
	world_value(w, item, 2, value);
	return w->map->ops->update(w->map, key, value, flags);
}

static int act_program_update(struct world *w)
{
	return program_write(w, w->target, BPF_EXIST);
}

static int act_program_insert(struct world *w)
{
	return program_write(w, world_absent(w), BPF_NOEXIST);
}

static int act_program_delete(struct world *w)
{
	uint8_t key[VALUE_KEY_BYTES];

	world_key(w, w->target, key);
	return w->map->ops->delete_elem(w->map, key);
}

/* A program's whole run: onto a CPU, count, leave. */
static int act_program_run(struct world *w)
{
	uint8_t key[VALUE_KEY_BYTES];
	uint64_t *counter;

	if (bpfmap_cpu_enter(w->map) < 0)
		return -EBUSY;
	world_key(w, w->target, key);
	counter = bpfmap_lookup(w->map, key);
	if (!counter)
		return -ENOENT;
	++*(volatile uint64_t *)counter;
	bpfmap_cpu_leave(w->map);
	return 0;
}

static int act_touch(struct world *w)
{
	uint8_t key[VALUE_KEY_BYTES];

	world_key(w, w->target, key);
	return bpfmap_lookup(w->map, key) ? 0 : -ENOENT;
}

/* What bpf_spin_lock() and bpf_spin_unlock() do around a program's writes. */
static int act_spin(struct world *w)
{
	const struct value_shape shape = {w->subject->value_size, SPIN_LOCK_PLUS1};
	uint8_t key[VALUE_KEY_BYTES], *value;
	int err;

	world_key(w, w->target, key);
	value = bpfmap_lookup(w->map, key);
	err = value ? value_lock(w->map->region, value, &shape) : -ENOENT;
	if (err)
		return err;
	++*(volatile uint64_t *)(value + 8);
	++*(volatile uint64_t *)(value + TOUCHED_OFF);
	value_unlock(value, &shape);
	return 0;
}

/* ---- the table -------------------------------------------------------------------------------- */

#define OP(entry) offsetof(struct map_ops, entry)

const struct operation operations[] = {
	{"insert", is_keyed, make_room, NULL, act_insert, 1, 1, WHOLE, OP(write)},
	{"insert, the first", is_keyed, make_empty, NULL, act_insert, 1, 1, WHOLE, OP(write)},
	{"insert, evicting", world_evicts, NULL, NULL, act_insert, 2, 1, WHOLE, OP(write)},
	{"insert, evicting, used", world_evicts, make_used, NULL, act_insert, 2, 1, WHOLE,
	 OP(write)},
	{"insert, refused", is_bounded, make_full, NULL, act_insert_refused, 0, 1, WHOLE,
	 OP(write)},
	{"insert, locked", is_locked_keyed, NULL, NULL, act_insert_locked, 1, 1, WHOLE, OP(write)},
	{"replace", has_keys, NULL, NULL, act_replace, 1, 2, WHOLE, OP(write)},
	{"replace, full", is_bounded, make_full, NULL, act_replace, 1, 1, WHOLE, OP(write)},
	{"replace, locked", has_spin_lock, NULL, NULL, act_replace_locked, 1, 2, WHOLE, OP(write)},
	{"delete", is_keyed, NULL, NULL, act_delete, 1, 2, WHOLE, OP(delete_elem)},
	{"take", is_fixed_keyed, NULL, NULL, act_take, 1, 2, WHOLE, OP(take)},
	{"push", is_filter, NULL, NULL, act_insert, 1, 1, WHOLE, OP(push)},
	{"update batch", has_fixed_keys, make_room, NULL, act_update_batch, BATCH, 1, WHOLE,
	 OP(write)},
	{"take batch", is_few, NULL, NULL, act_take_batch, ALL_PRESENT, 1, WHOLE, OP(take_bucket)},
	{"delete batch", is_fixed_keyed, NULL, ready_fd, act_delete_batch, BATCH, 1, WHOLE,
	 OP(delete_elem)},
	{"clear", is_few, NULL, NULL, act_clear, ALL_PRESENT, 1, WHOLE, OP(delete_elem)},
	{"freeze", any_world, NULL, NULL, act_freeze, 1, 1, WHOLE, OP_NONE},
	{"close", any_world, NULL, NULL, act_close, 0, 1, WHOLE, OP_NONE},
	{"read, locked", has_spin_lock, NULL, NULL, act_read_locked, 0, 1, WHOLE, OP(read_locked)},
	{"program: update", is_shared_fixed, NULL, NULL, act_program_update, 1, 2, WHOLE,
	 OP(update)},
	{"program: update, in place", has_cpus, NULL, ready_cpu, act_program_update, 1, 2, BY_WORD,
	 OP(update)},
	{"program: insert", is_percpu_keyed, make_room, ready_cpu, act_program_insert, 1, 1, WHOLE,
	 OP(update)},
	{"program: delete", is_percpu_keyed, NULL, ready_cpu, act_program_delete, 1, 1, WHOLE,
	 OP(delete_elem)},
	{"program: run on a CPU", has_cpus, NULL, NULL, act_program_run, 1, 1, BY_WORD, OP(lookup)},
	{"program: touch", world_evicts, NULL, NULL, act_touch, 0, 2, WHOLE, OP(lookup)},
	{"program: spin lock", has_spin_lock, NULL, NULL, act_spin, 1, 1, BY_WORD, OP(lookup)},
};

const uint32_t operation_count = sizeof(operations) / sizeof(operations[0]);

/* ---- completeness ----------------------------------------------------------------------------- */

static const struct {
	size_t op;
	const char *name;
} entries[] = {
#define ENTRY(name)             \
	{                       \
		OP(name), #name \
	}
	ENTRY(update), ENTRY(delete_elem), ENTRY(write), ENTRY(read_locked),
	ENTRY(take),   ENTRY(push),	   ENTRY(pop),	 ENTRY(take_bucket),
#undef ENTRY
};

static const uint32_t types[] = {
#define MAP_TYPE(NAME, word, ops) BPF_MAP_TYPE_##NAME,
#include "map/types.def"
#undef MAP_TYPE
};

void operations_complete(operation_explored_fn *explored)
{
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		const struct map_ops *ops = map_ops_of(types[t]);
		void *entry;

		if (!explored(types[t], OP_NONE))
			verdict_fail("no subject of type %s", map_type_word(types[t]));
		for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
			memcpy(&entry, (const char *)ops + entries[i].op, sizeof(entry));
			/* Deleting from an array always fails. */
			if (entries[i].op == OP(delete_elem) && !ops->take)
				continue;
			if (entry && !explored(types[t], entries[i].op))
				verdict_fail("nothing exercises %s of %s", entries[i].name,
					     map_type_word(types[t]));
		}
	}
}
