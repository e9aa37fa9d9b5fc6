/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_move.c: while a map's elements are moved, writers of other handles wait; the mover's own reads, also those
 * that take a lock, do not end that, and its death does.
 */
#include "map/map.h"
#include "map/move.h"
#include "region/region.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct value {
	uint32_t lock;
	uint32_t word;
};

struct writer {
	struct bpfmap *map;
	pthread_t thread;
	int err;
};

static struct bpfmap *map_make(uint32_t type)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 4,
					  .value_size = sizeof(struct value),
					  .max_entries = 4,
					  .memory = BPFMAP_MEMORY_SHARED,
					  .spin_lock_plus1 = offsetof(struct value, lock) + 1};
	struct value value = {.word = 7};
	struct bpfmap *map = NULL;
	uint32_t key = 0;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	assert_int_equal(bpfmap_update(map, &key, &value, BPF_ANY), 0);
	return map;
}

static struct bpfmap *map_again(const struct bpfmap *map)
{
	struct bpfmap *again = NULL;
	int fd = region_dup_fd(map->region, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(bpfmap_open_fd(fd, 0, &again), 0);
	close(fd);
	return again;
}

static void *write_one(void *arg)
{
	struct writer *writer = arg;
	struct value value = {.word = 8};
	uint32_t key = 0;

	writer->err = bpfmap_update(writer->map, &key, &value, BPF_ANY);
	return NULL;
}

static uint32_t state_of(const struct bpfmap *map)
{
	return shm_u32_load_acquire(&map->region->header->frozen);
}

/* Long enough for a writer who thinks that nobody moves the map to open it again. */
static void wait_a_moment(void)
{
	struct timespec moment = {.tv_nsec = 20000000};

	nanosleep(&moment, NULL);
}

static void reads_of_the_mover(uint32_t type)
{
	struct bpfmap *map = map_make(type);
	struct writer writer = {.map = map_again(map)};
	struct value value;
	uint32_t key = 0;

	assert_int_equal(map_move_begin(map), 0);
	assert_int_equal(map->ops->read_locked(map, &key, &value), 0);
	assert_int_equal(value.word, 7);
	assert_int_equal(pthread_create(&writer.thread, NULL, write_one, &writer), 0);
	wait_a_moment();
	assert_int_equal(state_of(map), REGION_MOVING);
	map_move_cancel(map);
	pthread_join(writer.thread, NULL);
	assert_int_equal(writer.err, 0);
	assert_int_equal(bpfmap_read(map, &key, &value), 0);
	assert_int_equal(value.word, 8);
	bpfmap_close(writer.map);
	bpfmap_close(map);
}

static void test_hash(void **state)
{
	(void)state;
	reads_of_the_mover(BPF_MAP_TYPE_HASH);
}

static void test_array(void **state)
{
	(void)state;
	reads_of_the_mover(BPF_MAP_TYPE_ARRAY);
}

static void test_dead_mover(void **state)
{
	struct bpfmap *map = map_make(BPF_MAP_TYPE_HASH);
	struct writer writer = {.map = map};
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(map_move_begin(map) ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(state_of(map), REGION_MOVING);
	write_one(&writer);
	assert_int_equal(writer.err, 0);
	assert_int_equal(state_of(map), REGION_OPEN);
	bpfmap_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_dead_mover),
	};

	return cmocka_run_group_tests_name("map_move", tests, NULL, NULL);
}
