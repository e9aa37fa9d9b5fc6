/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* contended.c: every writer inserts (NOEXIST), replaces (EXIST) and deletes the same few keys. Each
 * success is counted per key; whatever the interleaving, inserts less deletes is 0 or 1 and is what
 * a read finds at the end. Two inserts that both succeed, or a delete that succeeds twice, show. */
#include "stage.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

static void contended_step(struct worker *worker, uint32_t key, uint64_t version)
{
	struct stage *stage = worker->stage;
	int err;

	switch (rng_below(&worker->rng, 4)) {
	case 0:
		err = worker_update(worker, key, version, BPF_NOEXIST);
		if (!err)
			shm_add(stage->shm->keys[key].inserted, 1);
		else
			worker_expect("insert", key, err, -EEXIST);
		break;
	case 1:
		err = worker_delete(worker, key);
		if (!err)
			shm_add(stage->shm->keys[key].deleted, 1);
		else
			worker_expect("delete", key, err, -ENOENT);
		break;
	case 2:
		err = worker_update(worker, key, version, BPF_EXIST);
		if (err)
			worker_expect("replace", key, err, -ENOENT);
		break;
	default:
		err = worker_read(worker, key);
		if (!err && value_verify(worker->value, stage->scene->shape.value_size, key,
					 "contended read"))
			shm_add(stage->shm->reads, 1);
		else if (err)
			worker_expect("read", key, err, -ENOENT);
	}
}

static void contended_work(void *arg)
{
	struct worker *worker = worker_begin(arg);
	uint64_t version = VALUE_VERSION_0;

	if (!worker)
		return;
	while (!stage_over(worker->stage)) {
		version++;
		contended_step(worker, (uint32_t)rng_below(&worker->rng, worker->stage->keys),
			       version * worker->count + worker->index);
	}
	worker_end(worker);
}

static void contended_settle(struct stage *stage, struct worker *worker)
{
	uint64_t present = 0;

	worker->stage = stage;
	worker->map = stage->map;
	if (stage->scene->fault == FAULT_LOST)
		stage->shm->keys[0].inserted++;
	for (uint32_t key = 0; key < stage->keys && !verdict_failed(); key++) {
		const struct key_state *state = &stage->shm->keys[key];
		uint64_t balance = state->inserted - state->deleted;

		if (balance > 1)
			verdict_fail("key %u: %llu inserts and %llu deletes succeeded", key,
				     (unsigned long long)state->inserted,
				     (unsigned long long)state->deleted);
		worker_expect("last read", key, worker_read(worker, key), balance ? 0 : -ENOENT);
		present += balance;
	}
	if (!verdict_failed())
		stage_settled(stage, present);
}

void scene_contended(const struct scene *scene)
{
	const struct role roles[] = {{contended_work, 3}};
	struct worker *worker;
	struct stage stage;

	if (stage_open(&stage, scene, scene->shape.max_entries < 8 ? scene->shape.max_entries : 8))
		return;
	worker = calloc(1, sizeof(*worker));
	stage_run(&stage, roles, 1);
	if (!verdict_failed())
		contended_settle(&stage, worker);
	tap_note("%s: contended: %llu writes, %llu values verified", scene->shape.name,
		 (unsigned long long)stage.shm->writes, (unsigned long long)stage.shm->reads);
	free(worker);
	stage_close(&stage);
}
