/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* types_contract.c: every type of types.def x every group of commands x every state x several shapes,
 * in lock step with the live kernel and a model (types.h). A type that is added to types.def is here
 * by itself, and fails until model_map knows it.
 *
 * BPFMAP_CANARY=n spoils our n-th answer: the run must fail. Prints TAP.
 */
#include "types.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_CPU_ENTRIES 64u /* of an LRU map: the kernel's CPUs keep free elements apart */

static const struct {
	uint32_t number;
	const char *word;
} types[] = {
#define MAP_TYPE(NAME, word, ops) {BPF_MAP_TYPE_##NAME, word},
#include "map/types.def"
#undef MAP_TYPE
};
#define TYPES (sizeof(types) / sizeof(types[0]))

/* key_size, value_size, max_entries, flags, lock_plus1, map_extra */
static const struct shape hash_shapes[] = {
	{4, 8, 4, 0, 0, 0},
	{1, 1, 1, 0, 0, 0},
	{7, 5, 6, BPF_F_NO_PREALLOC, 0, 0},
	{8, 40, 9, BPF_F_ZERO_SEED | BPF_F_RDONLY_PROG, 0, 0},
	{33, 3, 17, BPF_F_WRONLY_PROG, 0, 0},
	{4, 16, 5, 0, 1, 0},
	{4, 24, 5, BPF_F_NO_PREALLOC, 9, 0},
};
static const struct shape percpu_hash_shapes[] = {
	{4, 8, 4, 0, 0, 0},
	{3, 5, 6, BPF_F_NO_PREALLOC, 0, 0},
	{16, 20, 9, BPF_F_ZERO_SEED, 0, 0},
	{1, 1, 1, 0, 0, 0},
};
static const struct shape lru_shapes[] = {
	{4, 8, 0, 0, 0, 0},
	{9, 13, 0, BPF_F_NO_COMMON_LRU, 0, 0},
	{8, 16, 0, BPF_F_ZERO_SEED, 0, 0},
};
static const struct shape array_shapes[] = {
	{4, 8, 4, 0, 0, 0},
	{4, 1, 1, 0, 0, 0},
	{4, 5, 7, BPF_F_RDONLY_PROG, 0, 0},
	{4, 24, 10, BPF_F_MMAPABLE, 0, 0},
	{4, 16, 5, 0, 1, 0},
	{4, 20, 3, 0, 13, 0},
};
static const struct shape percpu_array_shapes[] = {
	{4, 8, 4, 0, 0, 0},
	{4, 1, 1, 0, 0, 0},
	{4, 13, 7, BPF_F_WRONLY_PROG, 0, 0},
};
static const struct shape bloom_shapes[] = {
	{0, 4, 4, 0, 0, 0},
	{0, 7, 16, BPF_F_ZERO_SEED, 0, 1},
	{0, 24, 30, 0, 0, 8},
	{0, 1, 3, 0, 0, 15},
};

#define SHAPES(list) list, sizeof(list) / sizeof((list)[0])
static const struct shape *shapes_of(uint32_t type, size_t *ret_count)
{
	static const struct {
		uint32_t type;
		const struct shape *list;
		size_t count;
	} table[] = {
		{BPF_MAP_TYPE_HASH, SHAPES(hash_shapes)},
		{BPF_MAP_TYPE_PERCPU_HASH, SHAPES(percpu_hash_shapes)},
		{BPF_MAP_TYPE_LRU_HASH, SHAPES(lru_shapes)},
		{BPF_MAP_TYPE_LRU_PERCPU_HASH, SHAPES(lru_shapes)},
		{BPF_MAP_TYPE_ARRAY, SHAPES(array_shapes)},
		{BPF_MAP_TYPE_PERCPU_ARRAY, SHAPES(percpu_array_shapes)},
		{BPF_MAP_TYPE_BLOOM_FILTER, SHAPES(bloom_shapes)},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].type == type && model_knows(type)) {
			*ret_count = table[i].count;
			return table[i].list;
		}
	}
	return NULL;
}

/* An LRU map stays at exactly max_entries, and what was used outlives what was not. */
void group_evict(struct pair *p)
{
	uint32_t n = pair_keys(p);

	if (!model_is_lru(p->model.type) || p->state == STATE_FROZEN || p->state == STATE_RDONLY ||
	    p->state == STATE_WRONLY)
		return;
	for (uint32_t i = 0; i < n + 3; i++)
		pair_delete(p, i);
	for (uint32_t i = 0; i < n; i++)
		pair_update(p, i, BPF_ANY);
	for (uint32_t i = 0; i < n; i += 2)
		pair_update(p, i, BPF_EXIST);
	for (uint32_t i = 0; i < n / 4; i++)
		pair_update(p, n + i, BPF_NOEXIST);
	for (uint32_t i = 0; i < n; i += 2) {
		unsigned char key[64];

		key_make(p, i, key);
		comparisons++;
		if (!model_lookup(&p->model, key))
			report(p, "an element that was used went before those that were not");
	}
	comparisons++;
	if (p->model.entries != n)
		report(p, "the map holds %" PRIu64 " of %u elements", p->model.entries, n);
	pair_compare_contents(p);
}

static const struct {
	const char *name;
	void (*run)(struct pair *p);
} groups[] = {
	{"lookup", group_lookup},
	{"update", group_update},
	{"delete", group_delete},
	{"get_next_key", group_next_key},
	{"lookup_and_delete", group_take},
	{"lookup_batch", group_lookup_batch},
	{"lookup_and_delete_batch", group_take_batch},
	{"update_batch", group_update_batch},
	{"delete_batch", group_delete_batch},
	{"freeze", group_freeze},
	{"info", group_info},
	{"evict", group_evict},
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static void run_shape(size_t type, size_t group, const struct shape *shape)
{
	struct shape sized = *shape;
	struct pair p;

	if (!sized.max_entries)
		sized.max_entries = PER_CPU_ENTRIES * types_cpus();
	for (int state = 0; state < STATES; state++) {
		if (!pair_open(&p, types[type].number, types[type].word, &sized))
			return;
		pair_enter_state(&p, (enum state)state);
		groups[group].run(&p);
		pair_close(&p);
	}
}

static void run_group(size_t type, size_t group, unsigned int point)
{
	uint64_t compared = comparisons, failed = failures;
	const struct shape *shapes;
	size_t count;

	failures_shown = 0;
	shapes = shapes_of(types[type].number, &count);
	if (!shapes) {
		failures++;
		printf("# no shapes and no model for %s\n", types[type].word);
		count = 0;
	}
	for (size_t s = 0; s < count; s++)
		run_shape(type, group, &shapes[s]);
	if (failures > failed)
		printf("# %" PRIu64 " differences\n", failures - failed);
	printf("%s %u - %s: %s: %" PRIu64 " comparisons\n", failures > failed ? "not ok" : "ok",
	       point, types[type].word, groups[group].name, comparisons - compared);
}

/* The kernel's LRU lists are per CPU: stay on one. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(void)
{
	unsigned int point = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	stay_on_one_cpu();
	types_begin();
	for (size_t t = 0; t < TYPES; t++) {
		for (size_t g = 0; g < GROUPS; g++) {
			if (groups[g].run == group_evict && !model_is_lru(types[t].number))
				continue;
			/* A canary that was noticed has done its work. */
			if (failures && getenv("BPFMAP_CANARY"))
				return 1;
			run_group(t, g, ++point);
		}
	}
	if (kernel_answers)
		printf("ok %u - the live kernel was compared\n", ++point);
	else
		printf("ok %u - the live kernel # SKIP bpf(2) is not permitted; model only\n",
		       ++point);
	printf("# figure: answers of all types compared = %" PRIu64 " answers\n1..%u\n",
	       comparisons, point);
	return failures != 0;
}
