/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* threads.c: the scenarios of scenario.h by threads of one process, on private and on shared maps;
 * and fork() in the middle of it: the child, who has one thread, goes on with the map, whatever the
 * parent's other threads were doing. */
#include "stage.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MS	      180
#define FORK_MS	      400
#define CHILD_ACTS    2000u
#define CHILD_LIMIT_S 20

static const struct shape shapes[] = {
	{"hash 4/8", BPF_MAP_TYPE_HASH, 4, 8, 16, 0},
	{"hash 16/64", BPF_MAP_TYPE_HASH, 16, 64, 8, 0},
	{"hash 8/24 no_prealloc", BPF_MAP_TYPE_HASH, 8, 24, 32, BPF_F_NO_PREALLOC},
	{"array 8", BPF_MAP_TYPE_ARRAY, 4, 8, 16, 0},
	{"array 64", BPF_MAP_TYPE_ARRAY, 4, 64, 8, 0},
};

static const char *const memory_names[] = {"private", "shared"};

static struct scene scene_for(const struct shape *shape, enum bpfmap_memory memory, uint64_t ms)
{
	return (struct scene){
		.shape = *shape,
		.kind = CREW_THREADS,
		.memory = memory,
		.run_ns = budget_ns(ms),
	};
}

static void case_run(const struct scene *scene, void (*play)(const struct scene *scene),
		     const char *says)
{
	char sentence[160];

	snprintf(sentence, sizeof(sentence), "%s %s: %s", memory_names[scene->memory],
		 scene->shape.name, says);
	play(scene);
	tap_verdict(sentence);
}

/* In the child: its own keys, exactly as it leaves them. A private map is the child's own copy; the
 * parent's other threads may have died in it at any instruction, as far as the copy goes. */
static void child_work(struct worker *worker, uint32_t key)
{
	uint64_t version = VALUE_VERSION_0;
	uint32_t size = worker->stage->scene->shape.value_size;

	alarm(CHILD_LIMIT_S);
	for (uint32_t i = 0; i < CHILD_ACTS && !verdict_failed(); i++) {
		version++;
		worker_expect("child's put", key, worker_update(worker, key, version, BPF_ANY), 0);
		if (worker_expect("child's read", key, worker_read(worker, key), 0) &&
		    value_verify(worker->value, size, key, "child") != version)
			verdict_fail("the child does not read what it wrote");
		if (worker->stage->scene->shape.type == BPF_MAP_TYPE_HASH)
			worker_expect("child's delete", key, worker_delete(worker, key), 0);
	}
	_exit(0);
}

static void fork_work(void *arg)
{
	struct worker *worker = arg;
	struct stage *stage = worker->stage;
	uint32_t forks = 0;
	int status = 0;

	worker->map = stage->map;
	while (!stage_over(stage) || forks < 3) {
		pid_t pid = fork();

		if (pid == 0)
			child_work(worker, stage->keys);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			verdict_fail("fork %u: the child ended with status %x", forks, status);
			break;
		}
		forks++;
	}
	stage->shm->lookups = forks;
}

/* Keys 0 .. keys - 1 are the threads', key `keys` is the child's. */
static void thread_work(void *arg)
{
	struct worker *worker = arg;
	struct stage *stage = worker->stage;
	uint64_t version = VALUE_VERSION_0;

	worker->map = stage->map;
	while (!stage_over(stage)) {
		uint32_t own = (uint32_t)rng_below(&worker->rng, stage->keys / worker->count);
		uint32_t key = own * worker->count + worker->index;

		worker_expect("put", key, worker_update(worker, key, ++version, BPF_ANY), 0);
		if (worker_expect("read", key, worker_read(worker, key), 0) &&
		    value_verify(worker->value, stage->scene->shape.value_size, key, "own") !=
			    version)
			verdict_fail("key %u is not what its only writer wrote", key);
		if (stage->scene->shape.type == BPF_MAP_TYPE_HASH)
			worker_expect("delete", key, worker_delete(worker, key), 0);
	}
}

static void scene_fork(const struct scene *scene)
{
	const struct role roles[] = {{thread_work, 2}, {fork_work, 1}};
	struct stage stage;

	if (stage_open(&stage, scene, scene->shape.max_entries - 2) != 0)
		return;
	stage_run(&stage, roles, 2);
	tap_note("%s: %llu forks beside %llu writes", scene->shape.name,
		 (unsigned long long)stage.shm->lookups, (unsigned long long)stage.shm->writes);
	if (!verdict_failed() && scene->shape.type == BPF_MAP_TYPE_HASH)
		stage_settled(&stage, 0);
	stage_close(&stage);
}

static void shape_torture(const struct shape *shape, enum bpfmap_memory memory)
{
	const struct scene scene = scene_for(shape, memory, RUN_MS);
	const struct scene forking = scene_for(shape, memory, FORK_MS);

	case_run(&scene, scene_owned, "versions of a key never go back, nothing is torn");
	case_run(&scene, scene_counted, "no increment through a pointer is lost");
	case_run(&forking, scene_fork, "a child forked amid writing threads works on");
	if (shape->type != BPF_MAP_TYPE_HASH)
		return;
	case_run(&scene, scene_contended, "inserts less deletes is what is there");
	case_run(&scene, scene_resident, "a resident key is found by every lookup");
	case_run(&scene, scene_capacity, "exactly max_entries fit, however often");
}

int main(void)
{
	struct scene torn;

	harness_start("threads");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		shape_torture(&shapes[i], BPFMAP_MEMORY_PRIVATE);
		shape_torture(&shapes[i], BPFMAP_MEMORY_SHARED);
	}
	torn = scene_for(&shapes[1], BPFMAP_MEMORY_PRIVATE, RUN_MS);
	torn.fault = FAULT_STALE;
	scene_owned(&torn);
	tap_canary("a version that goes back is caught");
	return tap_finish();
}
