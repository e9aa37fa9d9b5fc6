/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers_map.c: element operations and iteration. Permission and freeze play no role for programs;
 * the map's *_PROG flags were checked before the call.
 *
 * bpf_for_each_map_elem() copies the keys of one bucket at a time and looks each up again before
 * its callback: the callback may delete what it likes, gets the live value, and is called at most
 * once per element that stays in its bucket. A key is lent to the callback read-only.
 */
#include "vm/helpers.h"

#include "map/count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_ROOM 16 /* elements to begin with; grows when a bucket has more */

static const struct vm_map *map_of(uint64_t value)
{
	return (const struct vm_map *)(uintptr_t)value;
}

uint64_t helper_map_lookup_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	struct bpfmap *map = map_of(r1)->map;
	void *value = map->head.lookup(map, (const void *)(uintptr_t)r2);

	if (value)
		memory_add_value(run, map_of(r1), value);
	return (uint64_t)(uintptr_t)value;
}

uint64_t helper_map_update_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	struct bpfmap *map = map_of(r1)->map;

	return (uint64_t)(int64_t)map_update(map, (const void *)(uintptr_t)r2,
					     (const void *)(uintptr_t)r3, r4);
}

uint64_t helper_map_delete_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	struct bpfmap *map = map_of(r1)->map;

	return (uint64_t)(int64_t)map_delete(map, (const void *)(uintptr_t)r2);
}

uint64_t helper_map_lookup_percpu_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				       uint64_t r4, uint64_t r5)
{
	struct bpfmap *map = map_of(r1)->map;
	void *value = map->ops->lookup_cpu(map, (const void *)(uintptr_t)r2, (uint32_t)r3);

	if (value)
		memory_add_value(run, map_of(r1), value);
	return (uint64_t)(uintptr_t)value;
}

uint64_t helper_map_push_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
			      uint64_t r4, uint64_t r5)
{
	struct bpfmap *map = map_of(r1)->map;

	return (uint64_t)(int64_t)map_push(map, (const void *)(uintptr_t)r2, r3);
}

/* An empty queue or stack gives zeroes. */
static uint64_t taken(struct bpfmap *map, void *value, int err)
{
	if (err == -ENOENT)
		memset(value, 0, map->spec.value_size);
	return (uint64_t)(int64_t)err;
}

uint64_t helper_map_pop_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			     uint64_t r5)
{
	struct bpfmap *map = map_of(r1)->map;
	void *value = (void *)(uintptr_t)r2;

	return taken(map, value, map_pop(map, value));
}

uint64_t helper_map_peek_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
			      uint64_t r4, uint64_t r5)
{
	struct bpfmap *map = map_of(r1)->map;
	void *value = (void *)(uintptr_t)r2;
	int err = map->ops->peek(map, value);

	/* A Bloom filter's value is input. */
	return map->ops->pop ? taken(map, value, err) : (uint64_t)(int64_t)err;
}

struct each {
	struct vm_run *run;
	const struct vm_map *ref;
	const struct vm_insn *callback;
	uint64_t ctx;
	uint64_t visited;
	uint8_t *keys;
	uint8_t *values; /* filled by read_bucket, not used */
	uint32_t room;	 /* elements */
};

/* One callback. True: go on. */
static bool each_visit(struct each *each, const void *key)
{
	struct vm_run *run = each->run;
	struct bpfmap *map = each->ref->map;
	void *value = map->head.lookup(map, key);
	struct vm_loan loan = {{(uint64_t)(uintptr_t)key, map->spec.key_size, VM_READ}, run->loans};
	const uint64_t args[5] = {(uint64_t)(uintptr_t)each->ref, loan.range.lo,
				  (uint64_t)(uintptr_t)value, each->ctx};
	uint64_t stop;
	int err;

	if (!value)
		return true;
	memory_add_value(run, each->ref, value);
	run->loans = &loan;
	err = interp_callback(run, each->callback, args, &stop);
	run->loans = loan.next;
	each->visited++;
	return !err && !stop;
}

static bool each_room(struct each *each, uint32_t room)
{
	const struct bpfmap *map = each->ref->map;

	free(each->keys);
	free(each->values);
	each->keys = calloc(room, map->spec.key_size);
	each->values = calloc(room, map_syscall_value_size(map));
	each->room = room;
	if (each->keys && each->values)
		return true;
	vm_fault(each->run, ENOMEM, "no memory for the keys of a bucket of %u elements", room);
	return false;
}

static void each_bucket(struct each *each)
{
	struct bpfmap *map = each->ref->map;
	uint64_t cursor = 0;

	while (each->room || each_room(each, BUCKET_ROOM)) {
		uint32_t count = each->room;
		int err = map->ops->read_bucket(map, &cursor, each->keys, each->values, &count);

		if (err == -ENOSPC) {
			if (!each_room(each, count))
				return;
			continue;
		}
		if (err)
			return;
		for (uint32_t i = 0; i < count; i++)
			if (!each_visit(each, each->keys + (size_t)i * map->spec.key_size))
				return;
	}
}

/* For types without buckets: the next key is fetched before the callback may delete this one. */
static void each_key(struct each *each)
{
	struct bpfmap *map = each->ref->map;
	uint8_t *key;
	uint8_t *next;

	if (!each_room(each, 2))
		return;
	key = each->keys;
	next = key + map->spec.key_size;
	for (int more = map->ops->next_key(map, NULL, key); !more;) {
		uint8_t *done = key;

		more = map->ops->next_key(map, key, next);
		if (!each_visit(each, key))
			return;
		key = next;
		next = done;
	}
}

uint64_t helper_for_each_map_elem(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				  uint64_t r4, uint64_t r5)
{
	struct each each = {
		.run = run, .ref = map_of(r1), .callback = prog_func_ref(run->prog, r2), .ctx = r3};

	if (r4)
		return (uint64_t)-EINVAL;
	if (each.ref->map->ops->read_bucket)
		each_bucket(&each);
	else
		each_key(&each);
	free(each.keys);
	free(each.values);
	return each.visited;
}
