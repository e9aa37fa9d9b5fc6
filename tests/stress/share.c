/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* share.c: several processes on one pinned map. See scenario.h for what each scenario proves. */
#include "scenario.h"

#include <stdio.h>

#define RUN_MS 220

static const struct shape shapes[] = {
	{"hash 4/8", BPF_MAP_TYPE_HASH, 4, 8, 64, 0},
	{"hash 8/24", BPF_MAP_TYPE_HASH, 8, 24, 48, 0},
	{"hash 16/64", BPF_MAP_TYPE_HASH, 16, 64, 8, 0},
	{"hash 13/3000", BPF_MAP_TYPE_HASH, 13, 3000, 32, 0},
	{"hash 8/8 no_prealloc", BPF_MAP_TYPE_HASH, 8, 8, 40, BPF_F_NO_PREALLOC},
	{"hash 40/64 no_prealloc", BPF_MAP_TYPE_HASH, 40, 64, 1000, BPF_F_NO_PREALLOC},
	{"array 8", BPF_MAP_TYPE_ARRAY, 4, 8, 64, 0},
	{"array 24", BPF_MAP_TYPE_ARRAY, 4, 24, 8, 0},
	{"array 64", BPF_MAP_TYPE_ARRAY, 4, 64, 16, 0},
	{"array 3000", BPF_MAP_TYPE_ARRAY, 4, 3000, 8, 0},
};

static struct scene scene_for(const struct shape *shape)
{
	return (struct scene){
		.shape = *shape,
		.kind = CREW_PROCESSES,
		.memory = BPFMAP_MEMORY_SHARED,
		.run_ns = budget_ns(RUN_MS),
	};
}

static void case_run(const struct scene *scene, void (*play)(const struct scene *scene),
		     const char *says)
{
	char sentence[160];

	snprintf(sentence, sizeof(sentence), "%s: %s", scene->shape.name, says);
	play(scene);
	tap_verdict(sentence);
}

static void shape_torture(const struct shape *shape)
{
	const struct scene scene = scene_for(shape);

	case_run(&scene, scene_owned,
		 "two processes write, a third reads, nothing is torn or stale");
	case_run(&scene, scene_counted, "no increment through a pointer is lost");
	if (shape->type != BPF_MAP_TYPE_HASH)
		return;
	case_run(&scene, scene_contended, "inserts less deletes is what is there");
	case_run(&scene, scene_resident, "a resident key is found by every lookup");
	case_run(&scene, scene_capacity, "exactly max_entries fit, however often");
}

static void canary(void (*play)(const struct scene *scene), enum fault fault, const char *sentence)
{
	struct scene scene = scene_for(&shapes[1]);

	scene.fault = fault;
	play(&scene);
	tap_canary(sentence);
}

int main(void)
{
	harness_start("share");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		shape_torture(&shapes[i]);
	canary(scene_owned, FAULT_TEAR, "a torn value is caught");
	canary(scene_owned, FAULT_STALE, "a stale value is caught");
	canary(scene_contended, FAULT_LOST, "a lost insert is caught");
	canary(scene_resident, FAULT_ABSENT, "a resident key that is away for a moment is caught");
	canary(scene_counted, FAULT_LOST, "a lost increment is caught");
	canary(scene_capacity, FAULT_LOST, "an element too many is caught");
	return tap_finish();
}
