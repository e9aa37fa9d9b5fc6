/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vm_foreign.c: the helper table for other virtual machines (<bpfmap/helpers.h>). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpfmap/helpers.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define ENTRIES 8

static struct bpfmap *made(struct bpfmap_create_opts opts)
{
	struct bpfmap *map = NULL;

	opts.sz = sizeof(opts);
	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

static struct bpfmap *made_of(uint32_t type, uint32_t value_size)
{
	return made((struct bpfmap_create_opts){
		.type = type, .key_size = 4, .value_size = value_size, .max_entries = ENTRIES});
}

static uint64_t word(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

/* A helper by its number, as a virtual machine has it. */
static int64_t call(int32_t id, const void *map, const void *a, const void *b, uint64_t c)
{
	uint32_t n;
	const struct bpfmap_helper *helpers = bpfmap_helpers(&n);

	for (uint32_t i = 0; i < n; i++)
		if (helpers[i].id == id)
			return (int64_t)helpers[i].fn(word(map), word(a), word(b), c, 0);
	fail_msg("no helper %d", id);
	return 0;
}

#define KERNEL_NAME(name) #name
static const char *const kernel_names[] = {__BPF_FUNC_MAPPER(KERNEL_NAME)};

static void table__rows_ascend_and_have_the_kernels_numbers(void **state)
{
	uint32_t n;
	const struct bpfmap_helper *helpers = bpfmap_helpers(&n);

	assert_true(n >= 14);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(!i || helpers[i].id > helpers[i - 1].id);
		assert_string_equal(helpers[i].name, kernel_names[helpers[i].id]);
	}
}

static void elements__are_found_replaced_and_deleted_with_the_kernels_errnos(void **state)
{
	struct bpfmap *map = made_of(BPF_MAP_TYPE_HASH, 8);
	uint32_t key = 7;
	uint64_t value = 1, *found;

	assert_int_equal(call(BPF_FUNC_map_lookup_elem, map, &key, NULL, 0), 0);
	assert_int_equal(call(BPF_FUNC_map_update_elem, map, &key, &value, BPF_EXIST), -ENOENT);
	assert_int_equal(call(BPF_FUNC_map_update_elem, map, &key, &value, BPF_NOEXIST), 0);
	assert_int_equal(call(BPF_FUNC_map_update_elem, map, &key, &value, BPF_NOEXIST), -EEXIST);
	found = (uint64_t *)(uintptr_t)call(BPF_FUNC_map_lookup_elem, map, &key, NULL, 0);
	assert_non_null(found);
	assert_int_equal(*found, 1);
	for (key = 100; key < 100 + ENTRIES - 1; key++)
		assert_int_equal(call(BPF_FUNC_map_update_elem, map, &key, &value, BPF_ANY), 0);
	assert_int_equal(call(BPF_FUNC_map_update_elem, map, &key, &value, BPF_ANY), -E2BIG);
	key = 7;
	assert_int_equal(call(BPF_FUNC_map_delete_elem, map, &key, NULL, 0), 0);
	assert_int_equal(call(BPF_FUNC_map_delete_elem, map, &key, NULL, 0), -ENOENT);
	bpfmap_close(map);
}

static void map__that_lacks_the_operation_answers_with_its_errno(void **state)
{
	struct bpfmap *array = made_of(BPF_MAP_TYPE_ARRAY, 8);
	struct bpfmap *bloom = made((struct bpfmap_create_opts){
		.type = BPF_MAP_TYPE_BLOOM_FILTER, .value_size = 8, .max_entries = ENTRIES});
	uint64_t value = 3;
	uint32_t key = 0;

	assert_int_equal(call(BPF_FUNC_map_push_elem, array, &value, NULL, 0), -EINVAL);
	assert_int_equal(call(BPF_FUNC_map_pop_elem, array, &value, NULL, 0), -EINVAL);
	assert_int_equal(call(BPF_FUNC_map_peek_elem, array, &value, NULL, 0), -EINVAL);
	assert_int_equal(call(BPF_FUNC_map_delete_elem, array, &key, NULL, 0), -EINVAL);
	assert_int_equal(call(BPF_FUNC_map_lookup_percpu_elem, array, &key, NULL, 0), 0);
	assert_int_equal(call(BPF_FUNC_map_lookup_elem, bloom, &key, NULL, 0), 0);
	assert_true(call(BPF_FUNC_map_update_elem, bloom, &key, &value, 0) < 0);
	assert_true(call(BPF_FUNC_for_each_map_elem, bloom, NULL, NULL, 0) < 0);
	assert_int_equal(call(BPF_FUNC_map_peek_elem, bloom, &value, NULL, 0), -ENOENT);
	assert_int_equal(call(BPF_FUNC_map_push_elem, bloom, &value, NULL, 0), 0);
	assert_int_equal(call(BPF_FUNC_map_peek_elem, bloom, &value, NULL, 0), 0);
	assert_int_equal(bpfmap_helper_check(77, array), -EINVAL);
	assert_non_null(strstr(bpfmap_last_error(), "no helper 77"));
	bpfmap_close(array);
	bpfmap_close(bloom);
}

static void map__that_programs_may_not_write_is_not_written(void **state)
{
	struct bpfmap *map = made((struct bpfmap_create_opts){.type = BPF_MAP_TYPE_HASH,
							      .key_size = 4,
							      .value_size = 8,
							      .max_entries = ENTRIES,
							      .map_flags = BPF_F_RDONLY_PROG,
							      .memory = BPFMAP_MEMORY_SHARED});
	int fd = bpfmap_fd(map);
	struct bpfmap *reader;
	uint64_t value = 1;
	uint32_t key = 1;
	const void *found;

	assert_true(fd >= 0);
	assert_int_equal(bpfmap_update(map, &key, &value, BPF_ANY), 0);
	assert_int_equal(call(BPF_FUNC_map_update_elem, map, &key, &value, 0), -EACCES);
	assert_int_equal(call(BPF_FUNC_map_delete_elem, map, &key, NULL, 0), -EACCES);
	found = bpfmap_lookup(map, &key);
	assert_int_equal(bpfmap_value_access(map, found, 8), BPFMAP_ACCESS_READ);
	bpfmap_close(map);

	map = made((struct bpfmap_create_opts){.type = BPF_MAP_TYPE_HASH,
					       .key_size = 4,
					       .value_size = 8,
					       .max_entries = ENTRIES,
					       .memory = BPFMAP_MEMORY_SHARED});
	close(fd);
	fd = bpfmap_fd(map);
	assert_int_equal(bpfmap_update(map, &key, &value, BPF_ANY), 0);
	assert_int_equal(bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &reader), 0);
	assert_int_equal(call(BPF_FUNC_map_update_elem, reader, &key, &value, 0), -EPERM);
	assert_int_equal(call(BPF_FUNC_map_delete_elem, reader, &key, NULL, 0), -EPERM);
	assert_int_equal(bpfmap_value_access(reader, bpfmap_lookup(reader, &key), 8),
			 BPFMAP_ACCESS_READ);
	close(fd);
	bpfmap_close(reader);
	bpfmap_close(map);
}

static void access__holds_inside_of_one_value_only(void **state)
{
	struct bpfmap *map = made_of(BPF_MAP_TYPE_ARRAY, 12);
	struct bpfmap *locked = made((struct bpfmap_create_opts){.type = BPF_MAP_TYPE_ARRAY,
								 .key_size = 4,
								 .value_size = 16,
								 .max_entries = 1,
								 .spin_lock_plus1 = 1});
	uint32_t key = 1;
	uint8_t *value = bpfmap_lookup(map, &key);
	const int both = BPFMAP_ACCESS_READ | BPFMAP_ACCESS_WRITE;

	assert_int_equal(bpfmap_value_access(map, value, 12), both);
	assert_int_equal(bpfmap_value_access(map, value + 8, 4), both);
	assert_int_equal(bpfmap_value_access(map, value + 8, 8), 0);
	assert_int_equal(bpfmap_value_access(map, value + 12, 1), 0);
	assert_int_equal(bpfmap_value_access(map, &key, 4), 0);
	assert_int_equal(bpfmap_helper_check(BPF_FUNC_map_lookup_elem, locked), -ENOTSUP);
	key = 0;
	assert_int_equal(bpfmap_value_access(locked, bpfmap_lookup(locked, &key), 16), 0);
	bpfmap_close(map);
	bpfmap_close(locked);
}

struct walk {
	struct bpfmap *map;
	uint64_t sum;
	uint32_t left;
};

static uint64_t visit(uint64_t map, uint64_t key, uint64_t value, uint64_t ctx, uint64_t r5)
{
	struct walk *walk = (struct walk *)(uintptr_t)ctx;

	assert_int_equal(map, word(walk->map));
	walk->sum += *(uint64_t *)(uintptr_t)value;
	assert_int_equal(bpfmap_helper_map_delete_elem(map, key, 0, 0, 0), 0);
	return !--walk->left;
}

static void each__is_visited_once_may_be_deleted_and_ends_the_walk(void **state)
{
	struct bpfmap *map = made_of(BPF_MAP_TYPE_HASH, 8);
	struct walk walk = {.map = map, .left = UINT32_MAX};

	for (uint32_t key = 0; key < ENTRIES; key++) {
		uint64_t value = 1ull << key;

		assert_int_equal(bpfmap_update(map, &key, &value, BPF_ANY), 0);
	}
	assert_int_equal((int64_t)bpfmap_helper_for_each_map_elem(
				 word(map), (uint64_t)(uintptr_t)visit, word(&walk), 1, 0),
			 -EINVAL);
	assert_int_equal(bpfmap_helper_for_each_map_elem(word(map), (uint64_t)(uintptr_t)visit,
							 word(&walk), 0, 0),
			 ENTRIES);
	assert_int_equal(walk.sum, (1ull << ENTRIES) - 1);
	for (uint32_t key = 0; key < ENTRIES; key++)
		assert_int_equal(bpfmap_update(map, &key, &walk.sum, BPF_ANY), 0);
	walk.left = 3;
	assert_int_equal(bpfmap_helper_for_each_map_elem(word(map), (uint64_t)(uintptr_t)visit,
							 word(&walk), 0, 0),
			 3);
	bpfmap_close(map);
}

#define THREADS 4
#define ROUNDS	20000

struct crowd {
	struct bpfmap *maps[2];
	pthread_mutex_t lock;
	uint32_t entered;
};

/* Plain additions to both maps' values while on a CPU: none may be lost. */
static void *crowd_main(void *arg)
{
	struct crowd *crowd = arg;
	struct bpfmap *mine[3] = {crowd->maps[0], crowd->maps[1], crowd->maps[0]};
	uint32_t key = 1;

	pthread_mutex_lock(&crowd->lock);
	if (crowd->entered++ % 2) {
		mine[0] = crowd->maps[1];
		mine[1] = crowd->maps[0];
	}
	pthread_mutex_unlock(&crowd->lock);
	for (int i = 0; i < ROUNDS; i++) {
		int cpu = bpfmap_helpers_enter(mine, 3);

		if (cpu < 0)
			return (void *)1;
		if (bpfmap_helper_get_smp_processor_id(0, 0, 0, 0, 0) != (uint64_t)cpu)
			return (void *)2;
		for (int m = 0; m < 2; m++)
			++*(uint64_t *)(uintptr_t)bpfmap_helper_map_lookup_elem(
				word(crowd->maps[m]), word(&key), 0, 0, 0);
		bpfmap_helpers_leave(mine, 3);
	}
	return NULL;
}

static void entered__threads_lose_no_addition_whatever_the_order_of_maps(void **state)
{
	struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER,
			      .maps = {made_of(BPF_MAP_TYPE_PERCPU_ARRAY, 8),
				       made_of(BPF_MAP_TYPE_PERCPU_ARRAY, 8)}};
	struct bpfmap *many[65] = {0};
	struct bpfmap_percpu_u64 total;
	pthread_t threads[THREADS];
	uint32_t key = 1;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &crowd), 0);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		assert_null(result);
	}
	for (int m = 0; m < 2; m++) {
		assert_int_equal(bpfmap_percpu_u64(crowd.maps[m], &key, 0, 8, &total), 0);
		assert_int_equal(total.sum, THREADS * ROUNDS);
		bpfmap_close(crowd.maps[m]);
	}
	assert_int_equal(bpfmap_helpers_enter(many, 65), -E2BIG);
	assert_int_equal(bpfmap_helpers_enter(many, 0), 0);
}

static void clocks__run_and_numbers_differ(void **state)
{
	uint64_t before = bpfmap_helper_ktime_get_ns(0, 0, 0, 0, 0);

	assert_true(bpfmap_helper_ktime_get_ns(0, 0, 0, 0, 0) >= before);
	assert_true(bpfmap_helper_ktime_get_boot_ns(0, 0, 0, 0, 0) > 0);
	assert_true(bpfmap_helper_ktime_get_coarse_ns(0, 0, 0, 0, 0) > 0);
	assert_true(bpfmap_helper_ktime_get_tai_ns(0, 0, 0, 0, 0) > 0);
	assert_true(bpfmap_helper_get_prandom_u32(0, 0, 0, 0, 0) !=
			    bpfmap_helper_get_prandom_u32(0, 0, 0, 0, 0) ||
		    bpfmap_helper_get_prandom_u32(0, 0, 0, 0, 0) !=
			    bpfmap_helper_get_prandom_u32(0, 0, 0, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table__rows_ascend_and_have_the_kernels_numbers),
		cmocka_unit_test(elements__are_found_replaced_and_deleted_with_the_kernels_errnos),
		cmocka_unit_test(map__that_lacks_the_operation_answers_with_its_errno),
		cmocka_unit_test(map__that_programs_may_not_write_is_not_written),
		cmocka_unit_test(access__holds_inside_of_one_value_only),
		cmocka_unit_test(each__is_visited_once_may_be_deleted_and_ends_the_walk),
		cmocka_unit_test(entered__threads_lose_no_addition_whatever_the_order_of_maps),
		cmocka_unit_test(clocks__run_and_numbers_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
