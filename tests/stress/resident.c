/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* resident.c: key 0 is there from beginning to end. One writer replaces it without pause, another
 * inserts and deletes all other keys, in a map so small that they share its buckets and reuse its
 * slots at once. Every lookup and every read of key 0 must find it. */
#include "stage.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>

#define RESIDENT_KEY 0u

static void resident_replace(void *arg)
{
	struct worker *worker = worker_begin(arg);
	uint64_t version = VALUE_VERSION_0;

	if (!worker)
		return;
	while (!stage_over(worker->stage)) {
		worker_expect("replace", RESIDENT_KEY,
			      worker_update(worker, RESIDENT_KEY, ++version, BPF_EXIST), 0);
		if (worker->stage->scene->fault != FAULT_ABSENT || version != VALUE_VERSION_FAULT)
			continue;
		worker_delete(worker, RESIDENT_KEY);
		while (!stage_over(worker->stage))
			sched_yield();
	}
	worker_end(worker);
}

static void neighbours_churn(void *arg)
{
	struct worker *worker = worker_begin(arg);
	uint64_t version = VALUE_VERSION_0;

	if (!worker)
		return;
	while (!stage_over(worker->stage)) {
		uint32_t others = worker->stage->keys - 1;
		uint32_t key = 1 + (uint32_t)rng_below(&worker->rng, others);

		if (worker_update(worker, key, ++version, BPF_NOEXIST) == 0)
			continue;
		worker_expect("delete", key, worker_delete(worker, key), 0);
	}
	worker_end(worker);
}

static void resident_look(void *arg)
{
	struct worker *worker = worker_begin(arg);
	uint32_t size;
	uint64_t n = 0;

	if (!worker)
		return;
	size = worker->stage->scene->shape.value_size;
	while (!stage_over(worker->stage)) {
		for (uint32_t i = 0; i < 64; i++, n++) {
			if (!worker_lookup(worker, RESIDENT_KEY))
				verdict_fail("lookup %llu did not find the resident key",
					     (unsigned long long)n);
		}
		if (worker_expect("read", RESIDENT_KEY, worker_read(worker, RESIDENT_KEY), 0))
			value_verify(worker->value, size, RESIDENT_KEY, "resident read");
	}
	shm_add(worker->stage->shm->lookups, n);
	worker_end(worker);
}

void scene_resident(const struct scene *scene)
{
	const struct role roles[] = {
		{resident_replace, 1}, {neighbours_churn, 1}, {resident_look, 1}};
	struct worker *worker;
	struct stage stage;

	if (stage_open(&stage, scene, scene->shape.max_entries) != 0)
		return;
	worker = calloc(1, sizeof(*worker));
	worker->stage = &stage;
	worker->map = stage.map;
	worker_expect("first insert", RESIDENT_KEY,
		      worker_update(worker, RESIDENT_KEY, VALUE_VERSION_0, BPF_ANY), 0);
	stage.awaits_verdict = scene->fault != FAULT_NONE;
	stage_run(&stage, roles, 3);
	tap_note("%s: resident: %llu lookups beside %llu writes", scene->shape.name,
		 (unsigned long long)stage.shm->lookups, (unsigned long long)stage.shm->writes);
	if (!verdict_failed() && bpfmap_check(stage.map) != 0)
		verdict_fail("check: %s", bpfmap_last_error());
	free(worker);
	stage_close(&stage);
}
