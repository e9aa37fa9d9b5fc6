/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_iter.c: the iterator's promise. While threads and another process insert, delete and replace,
 * every element that is present throughout is seen exactly once, and every walk ends.
 */
#include "bpfmap/bpfmap.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STAYING 300u /* keys 0 .. STAYING - 1 are never deleted */
#define COMING	300u /* those behind come and go */
#define THREADS 2
#define ROUND_S 0.6

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct bpfmap *map_make(uint32_t type, uint32_t flags)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 4,
					  .value_size = 16,
					  .max_entries = STAYING + COMING,
					  .map_flags = flags,
					  .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map = NULL;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

struct churn {
	struct bpfmap *map;
	uint32_t seed;
	bool *stop;
};

static void churn_once(struct bpfmap *map, uint32_t *seed, uint64_t *value)
{
	uint32_t key = STAYING + (*seed = *seed * 1664525u + 1013904223u) / 7 % COMING;

	for (size_t i = 0; i < bpfmap_value_bytes(map) / 8; i++)
		value[i] = key;
	if (*seed & 1u << 20)
		bpfmap_update(map, &key, value, BPF_ANY);
	else
		bpfmap_delete(map, &key);
	/* Staying elements are replaced, not removed. */
	key = *seed / 11 % STAYING;
	for (size_t i = 0; i < bpfmap_value_bytes(map) / 8; i++)
		value[i] = key;
	bpfmap_update(map, &key, value, BPF_EXIST);
}

static void *churn_thread(void *arg)
{
	struct churn *c = arg;
	uint64_t *value = malloc(bpfmap_value_bytes(c->map));

	while (!__atomic_load_n(c->stop, __ATOMIC_RELAXED))
		churn_once(c->map, &c->seed, value);
	free(value);
	return NULL;
}

static pid_t churn_process(struct bpfmap *map)
{
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t *value = malloc(bpfmap_value_bytes(map));
		double until = seconds() + 60;
		uint32_t seed = 77;

		while (seconds() < until && getppid() != 1)
			churn_once(map, &seed, value);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* One walk: staying keys once each, no key twice, values belong to their keys. */
static void walk_once(struct bpfmap *map)
{
	unsigned int seen[STAYING + COMING] = {0}, steps = 0;
	const void *key, *value;
	struct bpfmap_iter *iter;
	int result;

	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	while ((result = bpfmap_iter_next(iter, &key, &value)) == 1) {
		uint32_t number;
		uint64_t word;

		memcpy(&number, key, sizeof(number));
		assert_true(number < STAYING + COMING);
		for (size_t i = 0; i < bpfmap_value_bytes(map); i += 8) {
			memcpy(&word, (const char *)value + i, sizeof(word));
			assert_int_equal(word, number);
		}
		seen[number]++;
		assert_true(++steps <= STAYING + COMING);
	}
	assert_int_equal(result, 0);
	assert_int_equal(bpfmap_iter_next(iter, &key, &value), 0);
	bpfmap_iter_free(iter);
	for (uint32_t i = 0; i < STAYING + COMING; i++)
		assert_true(i < STAYING ? seen[i] == 1 : seen[i] <= 1);
}

static void promise(uint32_t type, uint32_t flags)
{
	struct bpfmap *map = map_make(type, flags);
	uint64_t *value = malloc(bpfmap_value_bytes(map));
	struct churn churn[THREADS];
	pthread_t threads[THREADS];
	double until = seconds() + ROUND_S;
	bool stop = false;
	pid_t pid;
	int walks;

	for (uint32_t key = 0; key < STAYING; key++) {
		for (size_t i = 0; i < bpfmap_value_bytes(map) / 8; i++)
			value[i] = key;
		assert_int_equal(bpfmap_update(map, &key, value, BPF_NOEXIST), 0);
	}
	pid = churn_process(map);
	for (uint32_t i = 0; i < THREADS; i++) {
		churn[i] = (struct churn){map, i + 1, &stop};
		assert_int_equal(pthread_create(&threads[i], NULL, churn_thread, &churn[i]), 0);
	}
	for (walks = 0; walks < 3 || seconds() < until; walks++)
		walk_once(map);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	walk_once(map);
	assert_int_equal(bpfmap_check(map), 0);
	print_message("type %u flags 0x%x: %d walks\n", type, flags, walks);
	bpfmap_close(map);
	free(value);
}

static void hash__present_throughout_is_seen_exactly_once(void **state)
{
	promise(BPF_MAP_TYPE_HASH, 0);
}

static void hash_no_prealloc__present_throughout_is_seen_exactly_once(void **state)
{
	promise(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC);
}

static void percpu_hash__present_throughout_is_seen_exactly_once(void **state)
{
	promise(BPF_MAP_TYPE_PERCPU_HASH, 0);
}

static void lru_hash__present_throughout_is_seen_exactly_once(void **state)
{
	promise(BPF_MAP_TYPE_LRU_HASH, 0);
}

/* Deleting and inserting by the walker itself, as users do. */
static void hash__deleting_what_was_seen_empties_the_map(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH, 0);
	uint64_t value[2] = {0, 0};
	const void *key, *got;
	struct bpfmap_info info;
	struct bpfmap_iter *iter;
	unsigned int steps = 0;

	for (uint32_t i = 0; i < STAYING; i++)
		assert_int_equal(bpfmap_update(map, &i, value, BPF_ANY), 0);
	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	while (bpfmap_iter_next(iter, &key, &got) == 1) {
		assert_int_equal(bpfmap_delete(map, key), 0);
		steps++;
	}
	bpfmap_iter_free(iter);
	assert_int_equal(bpfmap_get_info(map, &info), 0);
	assert_int_equal(steps, STAYING);
	assert_int_equal(info.entries, 0);
	bpfmap_close(map);
}

static void hash__a_walk_that_replaces_and_inserts_ends(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH, 0);
	uint64_t value[2] = {0, 0};
	unsigned int seen[STAYING] = {0}, steps = 0;
	const void *key, *got;
	struct bpfmap_iter *iter;

	for (uint32_t i = 0; i < STAYING; i++)
		assert_int_equal(bpfmap_update(map, &i, value, BPF_ANY), 0);
	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	while (bpfmap_iter_next(iter, &key, &got) == 1) {
		uint32_t number, other;

		memcpy(&number, key, sizeof(number));
		other = STAYING + number % COMING;
		if (number < STAYING)
			seen[number]++;
		assert_int_equal(bpfmap_update(map, &number, value, BPF_EXIST), 0);
		bpfmap_update(map, &other, value, BPF_ANY);
		assert_true(++steps <= STAYING + COMING);
	}
	bpfmap_iter_free(iter);
	for (uint32_t i = 0; i < STAYING; i++)
		assert_int_equal(seen[i], 1);
	bpfmap_close(map);
}

static void array__walk_is_in_order_of_the_index(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_ARRAY, 0);
	const void *key, *value;
	struct bpfmap_iter *iter;
	uint32_t want = 0, number;

	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	while (bpfmap_iter_next(iter, &key, &value) == 1) {
		memcpy(&number, key, sizeof(number));
		assert_int_equal(number, want++);
	}
	bpfmap_iter_free(iter);
	assert_int_equal(want, STAYING + COMING);
	bpfmap_close(map);
}

static void hash__a_batch_too_small_for_a_bucket_says_how_large_it_is(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH, 0);
	const uint64_t value[2] = {0};
	uint64_t cursor = 0, got[2];
	uint32_t key, count, room = 1;
	int err = 0;

	for (uint32_t i = 0; i < STAYING + COMING; i++)
		assert_int_equal(bpfmap_update(map, &i, value, BPF_ANY), 0);
	while (!err) {
		count = room;
		err = bpfmap_read_batch(map, &cursor, &key, got, &count);
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(count, 0);
	assert_non_null(strstr(bpfmap_last_error(), "there is room for 1"));
	bpfmap_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash__present_throughout_is_seen_exactly_once),
		cmocka_unit_test(hash_no_prealloc__present_throughout_is_seen_exactly_once),
		cmocka_unit_test(percpu_hash__present_throughout_is_seen_exactly_once),
		cmocka_unit_test(lru_hash__present_throughout_is_seen_exactly_once),
		cmocka_unit_test(hash__deleting_what_was_seen_empties_the_map),
		cmocka_unit_test(hash__a_walk_that_replaces_and_inserts_ends),
		cmocka_unit_test(hash__a_batch_too_small_for_a_bucket_says_how_large_it_is),
		cmocka_unit_test(array__walk_is_in_order_of_the_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
