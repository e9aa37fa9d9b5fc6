/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_lock.c: values with a struct bpf_spin_lock. Updates with BPF_F_LOCK overwrite the value in place
 * and are seen whole by reads with BPF_F_LOCK and by copying reads, between threads and processes, also
 * when a writer is killed.
 */
#include "bpf/command.h"
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

#define WORDS	  32u
#define KEYS	  3u
#define LOCK_WORD 2u /* the 32-bit word that is the lock */
#define WRITERS	  2
#define PROCESSES 2
#define KILLS	  20
#define ROUND_S	  0.5

struct value {
	uint32_t word[WORDS];
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct value value_of(uint32_t token)
{
	struct value v;

	for (uint32_t i = 0; i < WORDS; i++)
		v.word[i] = token;
	return v;
}

/* Of one update, and the lock's bytes are zero. */
static bool is_whole(const struct value *v)
{
	for (uint32_t i = 0; i < WORDS; i++)
		if (v->word[i] != (i == LOCK_WORD ? 0 : v->word[0]))
			return false;
	return true;
}

static struct bpfmap *map_make(uint32_t type, uint32_t flags)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 4,
					  .value_size = sizeof(struct value),
					  .max_entries = KEYS,
					  .map_flags = flags,
					  .memory = BPFMAP_MEMORY_SHARED,
					  .spin_lock_plus1 = LOCK_WORD * 4 + 1};
	struct value v = value_of(0);
	struct bpfmap *map = NULL;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	for (uint32_t key = 0; key < KEYS; key++)
		assert_int_equal(bpfmap_update(map, &key, &v, BPF_ANY), 0);
	return map;
}

static int read_locked(int fd, uint32_t key, struct value *ret)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)ret;
	attr.flags = BPF_F_LOCK;
	return (int)bpfmap_bpf(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
}

struct writer {
	struct bpfmap *map;
	uint32_t token;
	bool *stop;
	int failed;
};

static void write_once(struct writer *w)
{
	struct value v = value_of(w->token += 16);
	uint32_t key = w->token / 16 % KEYS;

	if (bpfmap_update(w->map, &key, &v, BPF_F_LOCK | (w->token & 16 ? BPF_EXIST : BPF_ANY)))
		w->failed++;
}

static void *write_thread(void *arg)
{
	struct writer *w = arg;

	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED))
		write_once(w);
	return NULL;
}

static pid_t write_process(struct bpfmap *map, uint32_t token)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct writer w = {map, token, NULL, 0};
		double until = seconds() + 60;

		while (seconds() < until && getppid() != 1)
			write_once(&w);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* Both kinds of reads; returns how many values differed from the one before. */
static unsigned int read_until(struct bpfmap *map, int fd, double until)
{
	unsigned int changes = 0;
	uint32_t before = 0;
	struct value v;

	for (uint32_t i = 0; i < 100 || seconds() < until; i++) {
		uint32_t key = i % KEYS;

		assert_int_equal(read_locked(fd, key, &v), 0);
		assert_true(is_whole(&v));
		changes += v.word[0] != before;
		before = v.word[0];
		assert_int_equal(bpfmap_read(map, &key, &v), 0);
		assert_true(is_whole(&v));
	}
	return changes;
}

static void seen_whole(uint32_t type, uint32_t flags)
{
	struct bpfmap *map = map_make(type, flags);
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	pid_t pids[PROCESSES];
	bool stop = false;
	int fd = bpfmap_fd(map);
	unsigned int changes;

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < PROCESSES; i++)
		pids[i] = write_process(map, WRITERS + i + 1);
	for (uint32_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){map, i + 1, &stop, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, write_thread, &writers[i]), 0);
	}
	changes = read_until(map, fd, seconds() + ROUND_S);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].failed, 0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	read_until(map, fd, 0);
	assert_int_equal(bpfmap_check(map), 0);
	print_message("type %u flags 0x%x: %u changes seen\n", type, flags, changes);
	close(fd);
	bpfmap_close(map);
}

static void hash__locked_updates_are_seen_whole(void **state)
{
	seen_whole(BPF_MAP_TYPE_HASH, 0);
}

static void hash_no_prealloc__locked_updates_are_seen_whole(void **state)
{
	seen_whole(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC);
}

static void array__locked_updates_are_seen_whole(void **state)
{
	seen_whole(BPF_MAP_TYPE_ARRAY, 0);
}

static void killed_writers(uint32_t type)
{
	struct bpfmap *map = map_make(type, 0);
	int fd = bpfmap_fd(map);
	struct value v;

	for (uint32_t i = 0; i < KILLS; i++) {
		pid_t pid = write_process(map, i + 1);

		read_until(map, fd, seconds() + 0.004 * i / KILLS);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		for (uint32_t key = 0; key < KEYS; key++) {
			v = value_of(i);
			assert_int_equal(bpfmap_update(map, &key, &v, BPF_F_LOCK), 0);
			assert_int_equal(read_locked(fd, key, &v), 0);
			assert_int_equal(v.word[0], i);
			assert_true(is_whole(&v));
		}
	}
	assert_int_equal(bpfmap_check(map), 0);
	close(fd);
	bpfmap_close(map);
}

static void hash__a_killed_writer_leaves_whole_values_and_no_lock(void **state)
{
	killed_writers(BPF_MAP_TYPE_HASH);
}

static void array__a_killed_writer_leaves_whole_values_and_no_lock(void **state)
{
	killed_writers(BPF_MAP_TYPE_ARRAY);
}

static void in_place(uint32_t type)
{
	struct bpfmap *map = map_make(type, 0);
	struct value v = value_of(7), *before, *after;
	uint32_t key = 1;

	before = bpfmap_lookup(map, &key);
	assert_int_equal(bpfmap_update(map, &key, &v, BPF_F_LOCK), 0);
	after = bpfmap_lookup(map, &key);
	assert_ptr_equal(before, after);
	assert_int_equal(after->word[0], 7);
	/* The lock in the map is not what the caller's bytes say. */
	assert_int_equal(after->word[LOCK_WORD], 0);
	assert_int_equal(bpfmap_update(map, &key, &v, BPF_F_LOCK | BPF_NOEXIST), -EEXIST);
	assert_int_equal(bpfmap_update(map, &key, &v, BPF_F_LOCK | 3), -EINVAL);
	assert_int_equal(bpfmap_update(map, &key, &v, BPF_F_LOCK | 8), -EINVAL);
	bpfmap_close(map);
}

static void hash__locked_update_is_in_place(void **state)
{
	in_place(BPF_MAP_TYPE_HASH);
}

static void array__locked_update_is_in_place(void **state)
{
	in_place(BPF_MAP_TYPE_ARRAY);
}

static int create_with_lock(uint32_t type, uint32_t value_size, uint32_t lock_plus1)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 4,
					  .value_size = value_size,
					  .max_entries = 1,
					  .spin_lock_plus1 = lock_plus1};
	struct bpfmap *map = NULL;
	int err;

	if (type == BPF_MAP_TYPE_BLOOM_FILTER)
		opts.key_size = 0;
	err = bpfmap_create(&opts, &map);
	bpfmap_close(map);
	return err;
}

static void create__the_lock_is_aligned_and_inside_and_in_a_hash_or_array(void **state)
{
	assert_int_equal(create_with_lock(BPF_MAP_TYPE_HASH, 8, 1), 0);
	assert_int_equal(create_with_lock(BPF_MAP_TYPE_HASH, 8, 5), 0);
	assert_int_equal(create_with_lock(BPF_MAP_TYPE_HASH, 8, 6), -EINVAL);
	assert_int_equal(create_with_lock(BPF_MAP_TYPE_HASH, 8, 9), -EINVAL);
	assert_int_equal(create_with_lock(BPF_MAP_TYPE_HASH, 3, 1), -EINVAL);
	assert_int_equal(create_with_lock(BPF_MAP_TYPE_ARRAY, 8, UINT32_MAX - 2), -EINVAL);
	assert_int_not_equal(create_with_lock(BPF_MAP_TYPE_PERCPU_ARRAY, 8, 1), 0);
	assert_int_not_equal(create_with_lock(BPF_MAP_TYPE_PERCPU_HASH, 8, 1), 0);
	assert_int_not_equal(create_with_lock(BPF_MAP_TYPE_BLOOM_FILTER, 8, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash__locked_updates_are_seen_whole),
		cmocka_unit_test(hash_no_prealloc__locked_updates_are_seen_whole),
		cmocka_unit_test(array__locked_updates_are_seen_whole),
		cmocka_unit_test(hash__a_killed_writer_leaves_whole_values_and_no_lock),
		cmocka_unit_test(array__a_killed_writer_leaves_whole_values_and_no_lock),
		cmocka_unit_test(hash__locked_update_is_in_place),
		cmocka_unit_test(array__locked_update_is_in_place),
		cmocka_unit_test(create__the_lock_is_aligned_and_inside_and_in_a_hash_or_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
