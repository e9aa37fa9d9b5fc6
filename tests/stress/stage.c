/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* stage.c: see stage.h. */
#include "stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A worker looks at its deadline between operations; an operation may take up to a second. */
#define PATIENCE_NS   (2 * NSEC_PER_SEC)
#define JOIN_GRACE_NS (20 * NSEC_PER_SEC)

struct bpfmap *shape_create(const struct shape *shape, enum bpfmap_memory memory)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = shape->type,
		.key_size = shape->key_size,
		.value_size = shape->value_size,
		.max_entries = shape->max_entries,
		.map_flags = shape->map_flags,
		.memory = memory,
		.name = "torture",
	};
	struct bpfmap *map = NULL;
	int err = bpfmap_create(&opts, &map);

	if (err)
		verdict_fail("%s: create: %d, %s", shape->name, err, bpfmap_last_error());
	return map;
}

static int stage_pin(struct stage *stage)
{
	int err;

	if (stage->scene->memory != BPFMAP_MEMORY_SHARED)
		return 0;
	unlink(stage->pin);
	err = bpfmap_pin(stage->map, stage->pin);
	if (err)
		verdict_fail("pin: %d, %s", err, bpfmap_last_error());
	return err;
}

int stage_open(struct stage *stage, const struct scene *scene, uint32_t keys)
{
	memset(stage, 0, sizeof(*stage));
	stage->scene = scene;
	stage->keys = keys;
	snprintf(stage->pin, sizeof(stage->pin), "%s", harness_path("torture"));
	stage->map = shape_create(&scene->shape, scene->memory);
	if (!stage->map)
		return -1;
	stage->shm = shared_alloc(sizeof(*stage->shm));
	if (stage_pin(stage) != 0) {
		stage_close(stage);
		return -1;
	}
	return 0;
}

void stage_close(struct stage *stage)
{
	tap_figure("torture: reads and writes on one map",
		   stage->shm->reads + stage->shm->writes + stage->shm->lookups, "operations");
	bpfmap_close(stage->map);
	munmap(stage->shm, sizeof(*stage->shm));
	unlink(stage->pin);
}

bool stage_over(const struct stage *stage)
{
	uint64_t now = now_ns();

	if (verdict_failed() || shm_get(stage->shm->stop))
		return true;
	if (stage->awaits_verdict ||
	    (stage->awaits_both && (!shm_get(stage->shm->reads) || !shm_get(stage->shm->writes))))
		return now >= stage->end_ns + PATIENCE_NS;
	return now >= stage->end_ns;
}

void stage_run(struct stage *stage, const struct role *roles, size_t role_count)
{
	struct worker *workers = calloc(CREW_MAX, sizeof(*workers));
	struct crew crew;

	stage->end_ns = now_ns() + stage->scene->run_ns;
	crew_start(&crew, stage->scene->kind);
	for (size_t r = 0; r < role_count; r++) {
		for (uint32_t i = 0; i < roles[r].count; i++) {
			struct worker *worker = &workers[crew.size];

			worker->stage = stage;
			worker->index = i;
			worker->count = roles[r].count;
			worker->rng = rng_for(1000 * (r + 1) + i);
			crew_add(&crew, roles[r].work, worker);
		}
	}
	crew_join(&crew, stage->scene->run_ns + JOIN_GRACE_NS);
	free(workers);
}

struct worker *worker_begin(void *arg)
{
	struct worker *worker = arg;
	int err;

	worker->map = worker->stage->map;
	if (worker->stage->scene->kind == CREW_THREADS)
		return worker;
	err = bpfmap_open(worker->stage->pin, 0, &worker->map);
	if (err) {
		verdict_fail("open: %d, %s", err, bpfmap_last_error());
		return NULL;
	}
	return worker;
}

void worker_end(struct worker *worker)
{
	if (worker->map != worker->stage->map)
		bpfmap_close(worker->map);
}

int worker_update(struct worker *worker, uint32_t key, uint64_t version, uint64_t flags)
{
	const struct shape *shape = &worker->stage->scene->shape;
	int err;

	key_fill(worker->key, shape->key_size, key);
	value_fill(worker->value, shape->value_size, key, version);
	err = bpfmap_update(worker->map, worker->key, worker->value, flags);
	if (!err)
		shm_add(worker->stage->shm->writes, 1);
	return err;
}

int worker_delete(struct worker *worker, uint32_t key)
{
	int err;

	key_fill(worker->key, worker->stage->scene->shape.key_size, key);
	err = bpfmap_delete(worker->map, worker->key);
	if (!err)
		shm_add(worker->stage->shm->writes, 1);
	return err;
}

int worker_read(struct worker *worker, uint32_t key)
{
	key_fill(worker->key, worker->stage->scene->shape.key_size, key);
	return bpfmap_read(worker->map, worker->key, worker->value);
}

void *worker_lookup(struct worker *worker, uint32_t key)
{
	key_fill(worker->key, worker->stage->scene->shape.key_size, key);
	return bpfmap_lookup(worker->map, worker->key);
}

bool worker_expect(const char *what, uint32_t key, int result, int expected)
{
	if (result == expected)
		return true;
	verdict_fail("%s of key %u: result %d instead of %d (%s)", what, key, result, expected,
		     result ? bpfmap_last_error() : "no error");
	return false;
}

static uint64_t walk_count(struct stage *stage, uint64_t limit)
{
	const struct shape *shape = &stage->scene->shape;
	uint8_t key[VALUE_KEY_BYTES];
	uint64_t found = 0;
	int err = bpfmap_next_key(stage->map, NULL, key);

	while (!err && found < limit) {
		if (key_number(key, shape->key_size) >= stage->keys)
			verdict_fail("walk: a key that nobody wrote");
		found++;
		err = bpfmap_next_key(stage->map, key, key);
	}
	if (err && err != -ENOENT)
		verdict_fail("walk: %d, %s", err, bpfmap_last_error());
	return found;
}

void stage_settled(struct stage *stage, uint64_t entries)
{
	uint64_t walked = walk_count(stage, entries + 16);
	struct bpfmap_info info;

	if (bpfmap_get_info(stage->map, &info) != 0)
		verdict_fail("info: %s", bpfmap_last_error());
	else if (info.entries != entries)
		verdict_fail("entries is %llu, %llu are there", (unsigned long long)info.entries,
			     (unsigned long long)entries);
	else if (info.high_water < entries || info.high_water > info.max_entries)
		verdict_fail("high_water is %llu with %llu entries of %u",
			     (unsigned long long)info.high_water, (unsigned long long)entries,
			     info.max_entries);
	if (walked != entries)
		verdict_fail("a walk finds %llu keys, %llu are there", (unsigned long long)walked,
			     (unsigned long long)entries);
	if (bpfmap_check(stage->map) != 0)
		verdict_fail("check: %s", bpfmap_last_error());
}
