/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_counts.c: the counters of a map: each outcome in its place, all types, several threads and processes,
 * the dead included; lookups only where somebody asked for them. */
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4
#define EACH	5000

static struct bpfmap *map_make(uint32_t type, uint32_t max_entries)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = type,
		.key_size = type == BPF_MAP_TYPE_BLOOM_FILTER ? 0 : 4,
		.value_size = 8,
		.max_entries = max_entries,
		.memory = BPFMAP_MEMORY_SHARED,
	};
	struct bpfmap *map = NULL;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

static struct bpfmap_info info_of(struct bpfmap *map)
{
	struct bpfmap_info info;

	assert_int_equal(bpfmap_get_info(map, &info), 0);
	return info;
}

static void outcomes(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH, 2);
	uint64_t value = 1, got;
	struct bpfmap_info info;
	uint32_t key;

	(void)state;
	assert_int_equal(info_of(map).changed_ns, 0);
	for (key = 0; key < 3; key++)
		bpfmap_update(map, &key, &value, BPF_ANY);
	key = 0;
	assert_int_equal(bpfmap_update(map, &key, &value, BPF_NOEXIST), -EEXIST);
	key = 9;
	assert_int_equal(bpfmap_update(map, &key, &value, BPF_EXIST), -ENOENT);
	assert_int_equal(bpfmap_update(map, &key, &value, 77), -EINVAL);
	assert_int_equal(bpfmap_delete(map, &key), -ENOENT);
	key = 0;
	assert_int_equal(bpfmap_delete(map, &key), 0);
	key = 1;
	assert_int_equal(bpfmap_take(map, &key, &got), 0);
	info = info_of(map);
	assert_int_equal(info.updates, 2);
	assert_int_equal(info.failed_updates, 1);
	assert_int_equal(info.failed_exists, 1);
	assert_int_equal(info.failed_absent, 1);
	assert_int_equal(info.failed_other, 1);
	assert_int_equal(info.deletes, 2);
	assert_int_equal(info.entries, 0);
	assert_int_equal(info.high_water, 2);
	assert_true(info.changed_ns >= info.created_ns);
	assert_int_equal(info_of(map).changed_ns, info.changed_ns);
	bpfmap_close(map);
}

static void types(void **state)
{
	static const uint32_t all[] = {
		BPF_MAP_TYPE_HASH,	   BPF_MAP_TYPE_ARRAY,	  BPF_MAP_TYPE_PERCPU_HASH,
		BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH,
	};
	uint64_t values[1024] = {0};

	(void)state;
	for (size_t t = 0; t < sizeof(all) / sizeof(all[0]); t++) {
		struct bpfmap *map = map_make(all[t], 100);

		for (uint32_t key = 0; key < 100; key++)
			assert_int_equal(bpfmap_update(map, &key, values, 0), 0);
		assert_int_equal(info_of(map).updates, 100);
		assert_int_equal(bpfmap_check(map), 0);
		bpfmap_close(map);
	}
}

static void pushes(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_BLOOM_FILTER, 100);

	(void)state;
	for (uint64_t value = 0; value < 7; value++)
		assert_int_equal(bpfmap_push(map, &value, 0), 0);
	assert_int_equal(info_of(map).updates, 7);
	bpfmap_close(map);
}

static void *update_many(void *arg)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < EACH; i++) {
		uint32_t key = i % 64;

		bpfmap_update(arg, &key, &value, 0);
	}
	return NULL;
}

static void threads(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH, 64);
	pthread_t thread[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, update_many, map), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(info_of(map).updates, THREADS * EACH);
	bpfmap_close(map);
}

/* What a process did that was killed still counts, also when its record is somebody else's by now. */
static void the_dead(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH, 64);

	(void)state;
	for (int i = 0; i < 3; i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (!child) {
			update_many(map);
			raise(SIGKILL);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
	}
	assert_int_equal(info_of(map).updates, 3 * EACH);
	bpfmap_close(map);
}

static void lookups(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH, 64), *other;
	uint32_t keys[] = {1, 2, 3};
	uint64_t value = 5;
	void *found[3];
	int fd;

	(void)state;
	assert_int_equal(bpfmap_update(map, &keys[0], &value, 0), 0);
	assert_non_null(bpfmap_lookup(map, &keys[0]));
	assert_int_equal(info_of(map).lookups, 0);
	assert_int_equal(info_of(map).lookups_counted, 0);
	assert_int_equal(bpfmap_count_lookups(map), 0);
	assert_int_equal(info_of(map).lookups_counted, 1);
	assert_non_null(bpfmap_lookup(map, &keys[0]));
	assert_null(bpfmap_lookup(map, &keys[1]));
	assert_int_equal(bpfmap_lookup_keys(map, keys, 3, found), 1);
	assert_int_equal(info_of(map).lookups, 5);
	assert_int_equal(info_of(map).hits, 2);
	fd = bpfmap_fd(map);
	assert_int_equal(bpfmap_open_fd(fd, 0, &other), 0);
	assert_non_null(bpfmap_lookup(other, &keys[0]));
	assert_int_equal(info_of(map).lookups, 6);
	bpfmap_close(other);
	/* A reader sees the counts and adds nothing to them. */
	assert_int_equal(bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &other), 0);
	assert_non_null(bpfmap_lookup(other, &keys[0]));
	assert_int_equal(info_of(other).lookups, 6);
	assert_int_equal(bpfmap_count_lookups(other), -EPERM);
	bpfmap_close(other);
	close(fd);
	bpfmap_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes), cmocka_unit_test(types),	cmocka_unit_test(pushes),
		cmocka_unit_test(threads),  cmocka_unit_test(the_dead), cmocka_unit_test(lookups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
