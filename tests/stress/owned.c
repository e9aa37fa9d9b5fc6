/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* owned.c: each key has one writer, which says in shared memory when a version begins and when it is
 * done. A reader that notes `done` before its call and `begun` after it knows the exact window in
 * which the version it got must lie; and it may never see a key's versions go back.
 *
 * Keys 0 and 1 of every four are resident: always there. The map has room for exactly all keys, so
 * no insert may be refused. Pointer reads of hash values larger than a word follow the promise of
 * bpfmap_lookup(): if a second lookup gives the same address and the first word has not changed,
 * the slot was this element's all the time, and what was read must be one value.
 */
#include "stage.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* A batch pass over this many keys at most: room for every bucket. */
#define BATCH_ROOM_MIN 8u

struct reader {
	struct worker *worker;
	uint64_t floor[VALUE_KEYS_MAX]; /* versions known to be done or seen */
	uint8_t times[VALUE_KEYS_MAX];	/* met in this batch pass */
	uint8_t *batch_keys;
	uint8_t *batch_values;
};

static bool key_is_resident(const struct stage *stage, uint32_t key)
{
	return stage->scene->shape.type == BPF_MAP_TYPE_ARRAY || key % 4 < 2;
}

static void owned_put(struct worker *worker, uint32_t key)
{
	struct key_state *state = &worker->stage->shm->keys[key];
	enum fault fault = worker->stage->scene->fault;
	uint64_t version = state->begun + 1;
	uint64_t flags = state->present ? BPF_EXIST : BPF_NOEXIST;
	int err;

	if (rng_below(&worker->rng, 2) || worker->stage->scene->shape.type == BPF_MAP_TYPE_ARRAY)
		flags = BPF_ANY;
	shm_put(state->begun, version);
	if (fault == FAULT_STALE && version >= VALUE_VERSION_FAULT)
		err = worker_update(worker, key, version - 3, flags);
	else
		err = worker_update(worker, key, version, flags);
	if (fault == FAULT_TEAR && version >= VALUE_VERSION_FAULT) {
		memset(worker->value, 0, 8);
		err = bpfmap_update(worker->map, worker->key, worker->value, BPF_ANY);
	}
	worker_expect(state->present ? "replace" : "insert", key, err, 0);
	shm_put(state->done, version);
	state->present = 1;
}

static void owned_write(void *arg)
{
	struct worker *worker = worker_begin(arg);
	struct stage *stage = worker ? worker->stage : NULL;

	if (!worker)
		return;
	while (!stage_over(stage)) {
		uint32_t own = (uint32_t)rng_below(&worker->rng, stage->keys / worker->count);
		uint32_t key = own * worker->count + worker->index;
		struct key_state *state = &stage->shm->keys[key];

		if (state->present && !key_is_resident(stage, key) && rng_below(&worker->rng, 2)) {
			worker_expect("delete", key, worker_delete(worker, key), 0);
			state->present = 0;
		} else {
			owned_put(worker, key);
		}
	}
	worker_end(worker);
}

/* The version lies in the window, and raises the floor. */
static void version_judge(struct reader *reader, uint32_t key, uint64_t version, const char *where)
{
	uint64_t ceiling = shm_get(reader->worker->stage->shm->keys[key].begun);

	if (!version)
		return;
	if (version < reader->floor[key])
		verdict_fail("%s: key %u went back from version %llu to %llu", where, key,
			     (unsigned long long)reader->floor[key], (unsigned long long)version);
	if (version > ceiling)
		verdict_fail("%s: key %u has version %llu, only %llu were written", where, key,
			     (unsigned long long)version, (unsigned long long)ceiling);
	reader->floor[key] = version;
	shm_add(reader->worker->stage->shm->reads, 1);
}

static void floor_raise(struct reader *reader, uint32_t key)
{
	uint64_t done = shm_get(reader->worker->stage->shm->keys[key].done);

	if (done > reader->floor[key])
		reader->floor[key] = done;
}

static void read_one(struct reader *reader, uint32_t key)
{
	struct worker *worker = reader->worker;
	int err;

	floor_raise(reader, key);
	err = worker_read(worker, key);
	if (err == -ENOENT && !key_is_resident(worker->stage, key))
		return;
	if (worker_expect("read", key, err, 0))
		version_judge(reader, key,
			      value_verify(worker->value, worker->stage->scene->shape.value_size,
					   key, "read"),
			      "read");
}

/* Word by word and not instrumented: reading through a pointer races with the slot's next use, by
 * the design of the interface. */
__attribute__((no_sanitize("thread"), noinline)) static void words_copy(void *to, const void *from,
									size_t size)
{
	const volatile uint64_t *source = from;
	uint64_t *target = to;

	for (size_t i = 0; i < size / 8; i++)
		target[i] = source[i];
	__atomic_thread_fence(__ATOMIC_ACQ_REL);
}

static void read_pointer(struct reader *reader, uint32_t key)
{
	struct worker *worker = reader->worker;
	const struct shape *shape = &worker->stage->scene->shape;
	uint64_t again;
	void *value;

	if (shape->value_size % 8 || (shape->type == BPF_MAP_TYPE_ARRAY && shape->value_size > 8))
		return;
	floor_raise(reader, key);
	value = worker_lookup(worker, key);
	if (!value) {
		if (key_is_resident(worker->stage, key))
			verdict_fail("lookup: key %u is there throughout and was not found", key);
		return;
	}
	words_copy(worker->value, value, shape->value_size);
	if (worker_lookup(worker, key) != value) {
		shm_add(worker->stage->shm->races, 1);
		return;
	}
	words_copy(&again, value, 8);
	if (memcmp(&again, worker->value, 8) != 0)
		shm_add(worker->stage->shm->races, 1);
	else
		version_judge(reader, key,
			      value_verify(worker->value, shape->value_size, key, "pointer"),
			      "pointer");
}

static void read_walk(struct reader *reader, uint32_t key)
{
	struct worker *worker = reader->worker;
	const struct stage *stage = worker->stage;
	uint8_t next[VALUE_KEY_BYTES];
	int err = 0;

	key_fill(next, stage->scene->shape.key_size, key);
	for (uint32_t i = 0; i < stage->keys && !err; i++) {
		err = bpfmap_next_key(worker->map, i ? next : NULL, next);
		if (err && (err != -ENOENT || i == 0))
			verdict_fail("walk: step %u: %d, %s", i, err, bpfmap_last_error());
		if (!err && key_number(next, stage->scene->shape.key_size) >= stage->keys)
			verdict_fail("walk: a key that nobody wrote");
	}
}

static void batch_take(struct reader *reader, const uint8_t *keys, const uint8_t *values,
		       uint32_t count)
{
	const struct shape *shape = &reader->worker->stage->scene->shape;

	for (uint32_t i = 0; i < count && !verdict_failed(); i++) {
		uint32_t key = key_number(keys + (size_t)i * shape->key_size, shape->key_size);
		const uint8_t *value = values + (size_t)i * shape->value_size;

		if (key >= reader->worker->stage->keys) {
			verdict_fail("batch: a key that nobody wrote");
			return;
		}
		reader->times[key]++;
		version_judge(reader, key, value_verify(value, shape->value_size, key, "batch"),
			      "batch");
	}
}

/* One pass meets every resident key exactly once and no key twice. */
static void read_batch(struct reader *reader)
{
	struct stage *stage = reader->worker->stage;
	uint32_t room = BATCH_ROOM_MIN;
	uint64_t cursor = 0;
	int err = 0;

	memset(reader->times, 0, sizeof(reader->times));
	for (uint32_t key = 0; key < stage->keys; key++)
		floor_raise(reader, key);
	while (!err && !verdict_failed()) {
		uint32_t count = room < stage->keys ? room : stage->keys;

		err = bpfmap_read_batch(reader->worker->map, &cursor, reader->batch_keys,
					reader->batch_values, &count);
		if (err == -ENOSPC && room < stage->keys) {
			room *= 2;
			err = 0;
			continue;
		}
		if (err && err != -ENOENT)
			verdict_fail("batch: %d, %s", err, bpfmap_last_error());
		else
			batch_take(reader, reader->batch_keys, reader->batch_values, count);
	}
	for (uint32_t key = 0; key < stage->keys && !verdict_failed(); key++) {
		if (reader->times[key] > 1 ||
		    (reader->times[key] == 0 && key_is_resident(stage, key)))
			verdict_fail("batch: one pass met key %u %u times", key,
				     reader->times[key]);
	}
}

static void owned_read(void *arg)
{
	struct worker *worker = worker_begin(arg);
	struct reader *reader;

	if (!worker)
		return;
	reader = calloc(1, sizeof(*reader));
	reader->worker = worker;
	reader->batch_keys = calloc(worker->stage->keys, worker->stage->scene->shape.key_size);
	reader->batch_values = calloc(worker->stage->keys, worker->stage->scene->shape.value_size);
	while (!stage_over(worker->stage)) {
		uint32_t key = (uint32_t)rng_below(&worker->rng, worker->stage->keys);
		uint64_t kind = rng_below(&worker->rng, 64);

		if (kind < 32)
			read_one(reader, key);
		else if (kind < 62)
			read_pointer(reader, key);
		else if (kind == 62)
			read_walk(reader, key);
		else
			read_batch(reader);
	}
	free(reader->batch_values);
	free(reader->batch_keys);
	free(reader);
	worker_end(worker);
}

static void residents_insert(struct stage *stage, struct worker *worker)
{
	worker->stage = stage;
	worker->map = stage->map;
	for (uint32_t key = 0; key < stage->keys; key++) {
		if (!key_is_resident(stage, key))
			continue;
		worker_expect("first insert", key, worker_update(worker, key, VALUE_VERSION_0, 0),
			      0);
		stage->shm->keys[key] = (struct key_state){
			.begun = VALUE_VERSION_0, .done = VALUE_VERSION_0, .present = 1};
	}
}

/* Nobody writes any more: each key is exactly as its owner left it. */
static void owned_settle(struct stage *stage, struct worker *worker)
{
	uint64_t present = 0;

	for (uint32_t key = 0; key < stage->keys && !verdict_failed(); key++) {
		const struct key_state *state = &stage->shm->keys[key];
		uint64_t version;

		if (!worker_expect("last read", key, worker_read(worker, key),
				   state->present ? 0 : -ENOENT) ||
		    !state->present)
			continue;
		present++;
		version = value_verify(worker->value, stage->scene->shape.value_size, key, "last");
		if (version && version != state->done)
			verdict_fail("key %u ends with version %llu instead of %llu", key,
				     (unsigned long long)version, (unsigned long long)state->done);
	}
	if (!verdict_failed())
		stage_settled(stage, present);
}

void scene_owned(const struct scene *scene)
{
	const struct role roles[] = {{owned_write, 2}, {owned_read, 1}};
	struct worker *worker;
	struct stage stage;

	if (stage_open(&stage, scene, scene->shape.max_entries) != 0)
		return;
	worker = calloc(1, sizeof(*worker));
	residents_insert(&stage, worker);
	stage.awaits_both = true;
	stage.awaits_verdict = scene->fault != FAULT_NONE;
	stage_run(&stage, roles, 2);
	if (!verdict_failed())
		owned_settle(&stage, worker);
	tap_note("%s: owned: %llu writes, %llu values verified, %llu slots moved on",
		 scene->shape.name, (unsigned long long)stage.shm->writes,
		 (unsigned long long)stage.shm->reads, (unsigned long long)stage.shm->races);
	if (!verdict_failed() && (!stage.shm->reads || !stage.shm->writes))
		verdict_fail("nothing was read or written");
	free(worker);
	stage_close(&stage);
}
