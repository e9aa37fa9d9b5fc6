/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_percpu.c: who is on a CPU owns its values. 64 threads and 8 processes increment them without
 * atomics and not one increment is lost; who is killed on a CPU does not keep it.
 */
#include "bpfmap/bpfmap.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	    64
#define PROCESSES   8
#define KEYS	    5u
#define YIELD_EVERY 50
#ifdef __SANITIZE_THREAD__
#define ROUNDS 300u /* of each thread and process; each is one stay on a CPU */
#else
#define ROUNDS 10000u
#endif

/* A value: a counter of 8 bytes, and one of 2 that shares its word with others. */
struct counters {
	uint64_t large;
	uint16_t unused;
	uint16_t small;
	uint32_t rest;
};

static struct bpfmap *map_make(uint32_t type)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 4,
					  .value_size = sizeof(struct counters),
					  .max_entries = KEYS,
					  .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map = NULL;
	void *zero;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	zero = calloc(1, bpfmap_value_bytes(map));
	for (uint32_t key = 0; key < KEYS; key++)
		assert_int_equal(bpfmap_update(map, &key, zero, BPF_ANY), 0);
	free(zero);
	return map;
}

/* 0, or how many times a CPU could not be had. */
static unsigned long increment(struct bpfmap *map, uint32_t seed)
{
	unsigned long refused = 0;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t key = (seed + i) % KEYS;
		struct counters *value;
		uint64_t before;

		while (bpfmap_cpu_enter(map) == -ETIMEDOUT)
			refused++;
		value = bpfmap_lookup(map, &key);
		before = value->large;
		/* Now and then somebody else runs in the middle of the addition. */
		if (i % YIELD_EVERY == 0)
			sched_yield();
		value->large = before + 1;
		value->small++;
		bpfmap_cpu_leave(map);
	}
	return refused;
}

struct task {
	struct bpfmap *map;
	uint32_t seed;
};

static void *increment_thread(void *arg)
{
	const struct task *t = arg;

	increment(t->map, t->seed);
	return NULL;
}

static void processes_start(struct bpfmap *map, pid_t *pids)
{
	for (uint32_t i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			alarm(120);
			increment(map, i);
			_exit(0);
		}
	}
}

static void not_one_lost(uint32_t type)
{
	struct bpfmap *map = map_make(type);
	uint64_t sum = 0, small = 0, want = (uint64_t)ROUNDS * (THREADS + PROCESSES);
	struct bpfmap_percpu_u64 total;
	struct task tasks[THREADS];
	pthread_t threads[THREADS];
	pid_t pids[PROCESSES];
	int status;

	processes_start(map, pids);
	for (uint32_t i = 0; i < THREADS; i++) {
		tasks[i] = (struct task){map, i};
		assert_int_equal(pthread_create(&threads[i], NULL, increment_thread, &tasks[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < PROCESSES; i++) {
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	for (uint32_t key = 0; key < KEYS; key++) {
		assert_int_equal(bpfmap_percpu_u64(map, &key, 0, 8, &total), 0);
		sum += total.sum;
		assert_true(total.max >= total.min);
		for (uint32_t cpu = 0; cpu < bpfmap_cpus(map); cpu++) {
			struct counters value;

			assert_int_equal(bpfmap_read_cpu(map, &key, cpu, &value), 0);
			assert_int_equal((uint16_t)value.large, value.small);
			small += value.large;
		}
	}
	assert_int_equal(sum, want);
	assert_int_equal(small, want);
	assert_int_equal(bpfmap_check(map), 0);
	bpfmap_close(map);
}

static void percpu_array__64_threads_and_8_processes_lose_no_increment(void **state)
{
	not_one_lost(BPF_MAP_TYPE_PERCPU_ARRAY);
}

static void percpu_hash__64_threads_and_8_processes_lose_no_increment(void **state)
{
	not_one_lost(BPF_MAP_TYPE_PERCPU_HASH);
}

/* As many processes as there are CPUs are killed while they are on them. */
static void killed_on_a_cpu(uint32_t type)
{
	struct bpfmap *map = map_make(type);
	uint32_t cpus = bpfmap_cpus(map), key = 0;
	pid_t *pids = calloc(cpus, sizeof(pids[0]));
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	for (uint32_t i = 0; i < cpus; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			byte = bpfmap_cpu_enter(map) >= 0 ? 'y' : 'n';
			if (write(ready[1], &byte, 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		assert_int_equal(read(ready[0], &byte, 1), 1);
		assert_int_equal(byte, 'y');
	}
	assert_int_equal(bpfmap_cpu_enter(map), -ETIMEDOUT);
	for (uint32_t i = 0; i < cpus; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	assert_in_range(bpfmap_cpu_enter(map), 0, cpus - 1);
	assert_non_null(bpfmap_lookup(map, &key));
	bpfmap_cpu_leave(map);
	increment(map, 0);
	assert_int_equal(bpfmap_check(map), 0);
	close(ready[0]);
	close(ready[1]);
	bpfmap_close(map);
	free(pids);
}

static void percpu_array__who_is_killed_on_a_cpu_does_not_keep_it(void **state)
{
	killed_on_a_cpu(BPF_MAP_TYPE_PERCPU_ARRAY);
}

static void percpu_hash__who_is_killed_on_a_cpu_does_not_keep_it(void **state)
{
	killed_on_a_cpu(BPF_MAP_TYPE_PERCPU_HASH);
}

static void cpu_enter__twice_is_EBUSY(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_PERCPU_ARRAY);

	assert_true(bpfmap_cpu_enter(map) >= 0);
	assert_int_equal(bpfmap_cpu_enter(map), -EBUSY);
	bpfmap_cpu_leave(map);
	assert_true(bpfmap_cpu_enter(map) >= 0);
	bpfmap_cpu_leave(map);
	bpfmap_close(map);
}

static void percpu_u64__sum_min_max_of_every_width(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_PERCPU_ARRAY);
	uint32_t key = 1, cpus = bpfmap_cpus(map);
	unsigned char *values = malloc(bpfmap_value_bytes(map));
	struct bpfmap_percpu_u64 got;

	memset(values, 0xff, bpfmap_value_bytes(map));
	assert_int_equal(bpfmap_update(map, &key, values, BPF_ANY), 0);
	for (uint32_t size = 1; size <= 4; size *= 2) {
		assert_int_equal(bpfmap_percpu_u64(map, &key, 15 - size, size, &got), 0);
		assert_int_equal(got.max, (1ull << (size * 8)) - 1);
		assert_int_equal(got.min, got.max);
		assert_int_equal(got.sum, got.max * cpus);
	}
	assert_int_equal(bpfmap_percpu_u64(map, &key, 9, 8, &got), -EINVAL);
	assert_int_equal(bpfmap_percpu_u64(map, &key, UINT32_MAX, 8, &got), -EINVAL);
	assert_int_equal(bpfmap_percpu_u64(map, &key, 0, 3, &got), -EINVAL);
	key = KEYS;
	assert_int_equal(bpfmap_percpu_u64(map, &key, 0, 8, &got), -ENOENT);
	assert_int_equal(bpfmap_read_cpu(map, &key, 0, values), -ENOENT);
	assert_int_equal(bpfmap_read_cpu(map, &key, cpus, values), -EINVAL);
	free(values);
	bpfmap_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percpu_array__64_threads_and_8_processes_lose_no_increment),
		cmocka_unit_test(percpu_hash__64_threads_and_8_processes_lose_no_increment),
		cmocka_unit_test(percpu_array__who_is_killed_on_a_cpu_does_not_keep_it),
		cmocka_unit_test(percpu_hash__who_is_killed_on_a_cpu_does_not_keep_it),
		cmocka_unit_test(cpu_enter__twice_is_EBUSY),
		cmocka_unit_test(percpu_u64__sum_min_max_of_every_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
