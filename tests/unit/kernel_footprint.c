/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_footprint.c: footprint_bytes() against the "memlock" of maps that the live kernel really made: all types,
 * key and value sizes, numbers of entries and flags, empty and filled. Skipped where bpf(2) is not permitted. */
#include "kernel/backend.h"
#include "kernel/footprint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint32_t type;
	uint32_t flags;
} kinds[] = {
	{BPF_MAP_TYPE_HASH, 0},
	{BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC},
	{BPF_MAP_TYPE_PERCPU_HASH, 0},
	{BPF_MAP_TYPE_PERCPU_HASH, BPF_F_NO_PREALLOC},
	{BPF_MAP_TYPE_LRU_HASH, 0},
	{BPF_MAP_TYPE_LRU_HASH, BPF_F_NO_COMMON_LRU},
	{BPF_MAP_TYPE_LRU_PERCPU_HASH, 0},
	{BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_F_NO_COMMON_LRU},
	{BPF_MAP_TYPE_ARRAY, 0},
	{BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE},
	{BPF_MAP_TYPE_PERCPU_ARRAY, 0},
	{BPF_MAP_TYPE_BLOOM_FILTER, 0},
};
static const uint32_t keys[] = {1, 4, 13, 64};
static const uint32_t values[] = {1, 8, 20, 260, 4096};
static const uint32_t entries[] = {1, 3, 64, 1000, 10001};
static const uint32_t hashes[] = {1, 5, 15};

/* The kernel's allocator for elements that are not preallocated has some ready; when they are used up, an
 * update gets ENOMEM until more have been made ready behind its back. */
static int insert(int fd, const void *key, const void *value)
{
	int err = -ENOMEM;

	for (int tries = 0; err == -ENOMEM && tries < 200; tries++) {
		err = backend_map_update(&backend_kernel, fd, key, value, 0);
		if (err)
			usleep(1000);
	}
	return err;
}

static void compare(const struct backend_create *how, uint32_t fill)
{
	int fd = backend_map_create(&backend_kernel, how);
	uint8_t *value = calloc(1, 4096 * (size_t)backend_cpus()), key[64] = {0};
	struct bpf_map_info info;
	struct backend_stats stats;
	uint64_t foretold;

	assert_non_null(value);
	if (fd < 0)
		fail_msg("type %u flags %#x: %s", how->type, how->map_flags, bpfmap_last_error());
	for (uint32_t i = 0; i < fill; i++) {
		memcpy(key, &i, how->key_size < 4 ? how->key_size : 4);
		assert_int_equal(insert(fd, how->key_size ? key : NULL, value), 0);
	}
	assert_int_equal(backend_map_info(&backend_kernel, fd, &info), 0);
	assert_int_equal(backend_kernel.map_stats(fd, &stats), 0);
	close(fd);
	free(value);
	foretold = footprint_bytes(&info, fill, backend_cpus());
	if (stats.memory_bytes != foretold)
		fail_msg("type %u flags %#x key %u value %u entries %u with %u elements: the "
			 "kernel says %lu bytes, foretold %lu",
			 how->type, how->map_flags, how->key_size, how->value_size,
			 how->max_entries, fill, stats.memory_bytes, foretold);
}

static bool permitted(void)
{
	const struct backend_create how = {.type = BPF_MAP_TYPE_HASH,
					   .key_size = 4,
					   .value_size = 4,
					   .max_entries = 1,
					   .name = "p"};
	int fd = backend_map_create(&backend_kernel, &how);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* All key sizes that the type has, for one kind, value size and number of entries. */
static unsigned int compare_keys(struct backend_create how)
{
	unsigned int compared = 0;

	if (how.type == BPF_MAP_TYPE_BLOOM_FILTER) {
		for (size_t h = 0; h < COUNT(hashes); h++, compared++) {
			how.map_extra = hashes[h];
			compare(&how, 0);
		}
		return compared;
	}
	for (size_t k = 0; k < COUNT(keys); k++) {
		if (backend_is_array(how.type) && keys[k] != 4)
			continue;
		how.key_size = keys[k];
		compare(&how, 0);
		compare(&how, how.max_entries < 100 ? how.max_entries : 100);
		compared += 2;
	}
	return compared;
}

static void foretold_is_what_the_kernel_counts(void **state)
{
	unsigned int compared = 0;

	(void)state;
	if (!permitted())
		skip();
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (size_t v = 0; v < COUNT(values); v++)
			for (size_t e = 0; e < COUNT(entries); e++)
				compared += compare_keys(
					(struct backend_create){.type = kinds[i].type,
								.map_flags = kinds[i].flags,
								.value_size = values[v],
								.max_entries = entries[e],
								.name = "footprint"});
	print_message("# %u maps in the kernel compared\n", compared);
}

static void unknown_types_are_unknown(void **state)
{
	const struct bpf_map_info info = {.type = BPF_MAP_TYPE_SK_STORAGE, .max_entries = 1};

	(void)state;
	assert_int_equal(footprint_bytes(&info, 0, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foretold_is_what_the_kernel_counts),
		cmocka_unit_test(unknown_types_are_unknown),
	};

	return cmocka_run_group_tests_name("kernel_footprint", tests, NULL, NULL);
}
