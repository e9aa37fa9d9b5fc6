/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_memory.c: bpfmap_memory_for() against maps that are really made, filled and measured: all types, sizes from
 * one element to some hundred thousand, with and without flags, in files and in private memory. */
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint32_t type;
	uint32_t flags;
} kinds[] = {
	{BPF_MAP_TYPE_HASH, 0},
	{BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC},
	{BPF_MAP_TYPE_HASH, BPF_F_ZERO_SEED},
	{BPF_MAP_TYPE_HASH, BPFMAP_F_VARIABLE},
	{BPF_MAP_TYPE_PERCPU_HASH, 0},
	{BPF_MAP_TYPE_PERCPU_HASH, BPF_F_NO_PREALLOC},
	{BPF_MAP_TYPE_LRU_HASH, 0},
	{BPF_MAP_TYPE_LRU_HASH, BPF_F_NO_COMMON_LRU},
	{BPF_MAP_TYPE_LRU_PERCPU_HASH, 0},
	{BPF_MAP_TYPE_ARRAY, 0},
	{BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE},
	{BPF_MAP_TYPE_PERCPU_ARRAY, 0},
	{BPF_MAP_TYPE_BLOOM_FILTER, 0},
};
static const uint32_t entries[] = {1, 7, 64, 1000, 70000, 300001};
static const uint32_t values[] = {1, 8, 20, 256};

static uint64_t bytes_of(struct bpfmap *map)
{
	struct bpfmap_info info;

	assert_int_equal(bpfmap_get_info(map, &info), 0);
	return info.memory_bytes;
}

/* Every key, as long as the map takes them. */
static void fill(struct bpfmap *map, const struct bpfmap_create_opts *opts)
{
	uint8_t *value = calloc(1, bpfmap_value_bytes(map) + 8);

	assert_non_null(value);
	for (uint32_t i = 0; i < opts->max_entries; i++) {
		if (opts->map_flags & BPFMAP_F_VARIABLE)
			assert_int_equal(bpfmap_var_update(map, &i, opts->key_size, value,
							   opts->value_size, BPF_ANY),
					 0);
		else if (opts->key_size)
			assert_int_equal(bpfmap_update(map, &i, value, BPF_ANY), 0);
	}
	free(value);
}

static void compare(const struct bpfmap_create_opts *opts, int filled)
{
	struct bpfmap_memory_for memory;
	struct bpfmap *map;
	uint64_t got;

	assert_int_equal(bpfmap_memory_for(opts, 0, &memory), 0);
	assert_int_equal(bpfmap_create(opts, &map), 0);
	got = bytes_of(map);
	if (got != memory.created)
		fail_msg("type %u flags %#x value %u entries %u memory %u: %lu bytes, foretold %lu",
			 opts->type, opts->map_flags, opts->value_size, opts->max_entries,
			 opts->memory, got, memory.created);
	if (filled) {
		fill(map, opts);
		got = bytes_of(map);
		/* What grows may end with a few of the spare elements untouched. */
		if (got > memory.full || got * 100 < memory.full * 75)
			fail_msg("type %u flags %#x value %u entries %u: %lu bytes when full, at "
				 "most %lu foretold",
				 opts->type, opts->map_flags, opts->value_size, opts->max_entries,
				 got, memory.full);
	}
	bpfmap_close(map);
}

static void grid(uint32_t where)
{
	unsigned int compared = 0;

	for (size_t k = 0; k < COUNT(kinds); k++)
		for (size_t e = 0; e < COUNT(entries); e++)
			for (size_t v = 0; v < COUNT(values); v++) {
				struct bpfmap_create_opts opts = {
					.sz = sizeof(opts),
					.type = kinds[k].type,
					.map_flags = kinds[k].flags,
					.key_size = 4,
					.value_size = values[v],
					.max_entries = entries[e],
					.memory = where,
				};

				if (opts.type == BPF_MAP_TYPE_BLOOM_FILTER)
					opts.key_size = 0;
				compare(&opts, where == BPFMAP_MEMORY_SHARED &&
						       entries[e] <= 70000 && values[v] >= 20);
				compared++;
			}
	print_message("# %u maps made and compared\n", compared);
}

static void files_take_what_was_foretold(void **state)
{
	(void)state;
	grid(BPFMAP_MEMORY_SHARED);
}

static void private_memory_takes_what_was_foretold(void **state)
{
	(void)state;
	grid(BPFMAP_MEMORY_PRIVATE);
}

static void more_cpus_cost_more(void **state)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = BPF_MAP_TYPE_PERCPU_ARRAY,
		.key_size = 4,
		.value_size = 64,
		.max_entries = 20000,
		.memory = BPFMAP_MEMORY_SHARED,
	};
	struct bpfmap_memory_for few, many;

	(void)state;
	assert_int_equal(bpfmap_memory_for(&opts, 2, &few), 0);
	assert_int_equal(bpfmap_memory_for(&opts, 128, &many), 0);
	assert_true(many.created > 50 * few.created);
	assert_int_equal(bpfmap_memory_for(&opts, 1u << 20, &many), -EINVAL);
}

static void what_create_refuses_is_refused(void **state)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts), .type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8};
	struct bpfmap_memory_for memory;

	(void)state;
	assert_int_equal(bpfmap_memory_for(&opts, 0, &memory), -EINVAL);
	opts.max_entries = UINT32_MAX;
	assert_int_equal(bpfmap_memory_for(&opts, 0, &memory), -E2BIG);
	opts.max_entries = 1;
	opts.value_size = 4u << 20;
	assert_int_equal(bpfmap_memory_for(&opts, 0, &memory), -E2BIG);
	assert_non_null(strstr(bpfmap_last_error(), "bytes together"));
	opts.sz = 8;
	assert_int_equal(bpfmap_memory_for(&opts, 0, &memory), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_take_what_was_foretold),
		cmocka_unit_test(private_memory_takes_what_was_foretold),
		cmocka_unit_test(more_cpus_cost_more),
		cmocka_unit_test(what_create_refuses_is_refused),
	};

	return cmocka_run_group_tests_name("map_memory", tests, NULL, NULL);
}
