/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* counted.c: what programs do with __sync_fetch_and_add() on a looked-up value. Half of the keys are
 * counters: inserted once as zero, then only incremented through pointers; the others come and go
 * around them. A counter's address must stay the counter's, and no increment may be lost. */
#include "stage.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

static uint32_t counters_of(const struct stage *stage)
{
	return stage->keys / 2;
}

static void counted_add(void *arg)
{
	struct worker *worker = worker_begin(arg);
	uint64_t *value;

	if (!worker)
		return;
	while (!stage_over(worker->stage)) {
		uint32_t key = (uint32_t)rng_below(&worker->rng, counters_of(worker->stage));

		value = worker_lookup(worker, key);
		if (!value) {
			verdict_fail("counter %u was not found", key);
			break;
		}
		__atomic_fetch_add(value, 1, __ATOMIC_RELAXED);
		shm_add(worker->stage->shm->keys[key].done, 1);
	}
	worker_end(worker);
}

static void counted_churn(void *arg)
{
	struct worker *worker = worker_begin(arg);
	const struct stage *stage = worker ? worker->stage : NULL;
	uint64_t version = VALUE_VERSION_0;

	if (!worker)
		return;
	while (!stage_over(stage)) {
		uint32_t first = counters_of(stage);
		uint32_t key = first + (uint32_t)rng_below(&worker->rng, stage->keys - first);

		worker_expect("update", key, worker_update(worker, key, ++version, BPF_ANY), 0);
		if (stage->scene->shape.type != BPF_MAP_TYPE_ARRAY && rng_below(&worker->rng, 2))
			worker_expect("delete", key, worker_delete(worker, key), 0);
	}
	worker_end(worker);
}

static void counters_insert(struct stage *stage, struct worker *worker)
{
	worker->stage = stage;
	worker->map = stage->map;
	for (uint32_t key = 0; key < counters_of(stage); key++) {
		key_fill(worker->key, stage->scene->shape.key_size, key);
		memset(worker->value, 0, sizeof(worker->value));
		worker_expect("insert", key,
			      bpfmap_update(worker->map, worker->key, worker->value, BPF_ANY), 0);
	}
}

static void counters_settle(struct stage *stage, struct worker *worker)
{
	uint64_t counted;

	if (stage->scene->fault == FAULT_LOST)
		stage->shm->keys[0].done++;
	for (uint32_t key = 0; key < counters_of(stage) && !verdict_failed(); key++) {
		if (!worker_expect("last read", key, worker_read(worker, key), 0))
			return;
		memcpy(&counted, worker->value, 8);
		if (counted != stage->shm->keys[key].done)
			verdict_fail("counter %u is %llu after %llu increments", key,
				     (unsigned long long)counted,
				     (unsigned long long)stage->shm->keys[key].done);
		stage->shm->reads += counted;
	}
}

void scene_counted(const struct scene *scene)
{
	const struct role roles[] = {{counted_add, 2}, {counted_churn, 1}};
	struct worker *worker;
	struct stage stage;

	if (stage_open(&stage, scene, scene->shape.max_entries) != 0)
		return;
	worker = calloc(1, sizeof(*worker));
	counters_insert(&stage, worker);
	stage_run(&stage, roles, 2);
	if (!verdict_failed())
		counters_settle(&stage, worker);
	tap_note("%s: counted: %llu increments beside %llu writes", scene->shape.name,
		 (unsigned long long)stage.shm->reads, (unsigned long long)stage.shm->writes);
	free(worker);
	stage_close(&stage);
}
