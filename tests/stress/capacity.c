/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* capacity.c: three inserters with more keys than the map holds. `live` is raised after an insert and
 * lowered before a delete, so it never exceeds what is really there: above max_entries it proves an
 * element too many. At the end the rest is filled up: exactly max_entries are there, the next is
 * E2BIG, and after deleting all, none. Several rounds: a slot lost in one is missing in the next. */
#include "stage.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_ROUNDS 4u

static void capacity_insert(struct worker *worker, uint32_t key, uint64_t version)
{
	struct stage *stage = worker->stage;
	int err = worker_update(worker, key, version, BPF_NOEXIST);
	uint64_t live;

	if (err) {
		worker_expect("insert", key, err, -E2BIG);
		return;
	}
	stage->shm->keys[key].present = 1;
	live = shm_add(stage->shm->live, 1) + 1;
	if (live > stage->scene->shape.max_entries)
		verdict_fail("%llu elements in a map of %u", (unsigned long long)live,
			     stage->scene->shape.max_entries);
}

static void capacity_work(void *arg)
{
	struct worker *worker = worker_begin(arg);
	struct stage *stage = worker ? worker->stage : NULL;
	uint64_t version = VALUE_VERSION_0;

	if (!worker)
		return;
	while (!stage_over(stage)) {
		uint32_t own = (uint32_t)rng_below(&worker->rng, stage->keys / worker->count);
		uint32_t key = own * worker->count + worker->index;

		if (!stage->shm->keys[key].present) {
			capacity_insert(worker, key, ++version);
		} else if (rng_below(&worker->rng, 4) == 0) {
			worker_expect("replace", key,
				      worker_update(worker, key, ++version, BPF_EXIST), 0);
		} else {
			shm_add(stage->shm->live, -1);
			stage->shm->keys[key].present = 0;
			worker_expect("delete", key, worker_delete(worker, key), 0);
		}
	}
	worker_end(worker);
}

static void capacity_fill(struct stage *stage, struct worker *worker)
{
	uint64_t live = stage->shm->live;
	uint32_t key;

	stage_settled(stage, live);
	if (stage->scene->fault == FAULT_LOST)
		live--;
	for (key = 0; key < stage->keys && live < stage->scene->shape.max_entries; key++) {
		if (stage->shm->keys[key].present)
			continue;
		if (!worker_expect("fill", key, worker_update(worker, key, 1, BPF_NOEXIST), 0))
			return;
		stage->shm->keys[key].present = 1;
		live++;
	}
	for (; key < stage->keys; key++) {
		if (!stage->shm->keys[key].present)
			worker_expect("insert into the full map", key,
				      worker_update(worker, key, 1, BPF_NOEXIST), -E2BIG);
	}
	if (!verdict_failed())
		stage_settled(stage, live);
}

static void capacity_drain(struct stage *stage, struct worker *worker)
{
	for (uint32_t key = 0; key < stage->keys; key++) {
		if (stage->shm->keys[key].present)
			worker_expect("drain", key, worker_delete(worker, key), 0);
		stage->shm->keys[key].present = 0;
	}
	stage->shm->live = 0;
	stage_settled(stage, 0);
}

void scene_capacity(const struct scene *scene)
{
	const struct role roles[] = {{capacity_work, 3}};
	struct scene part = *scene;
	struct worker *worker;
	struct stage stage;

	part.run_ns = scene->run_ns / CAPACITY_ROUNDS;
	if (stage_open(&stage, &part, scene->shape.max_entries / 2 * 3 + 3) != 0)
		return;
	worker = calloc(1, sizeof(*worker));
	worker->stage = &stage;
	worker->map = stage.map;
	for (uint32_t round = 0; round < CAPACITY_ROUNDS && !verdict_failed(); round++) {
		stage_run(&stage, roles, 1);
		if (!verdict_failed())
			capacity_fill(&stage, worker);
		if (!verdict_failed())
			capacity_drain(&stage, worker);
	}
	tap_note("%s: capacity: %llu writes", scene->shape.name,
		 (unsigned long long)stage.shm->writes);
	free(worker);
	stage_close(&stage);
}
