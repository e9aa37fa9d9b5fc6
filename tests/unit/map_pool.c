/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_pool.c: what a dying process leaves of a pool's free lists, in states that chance seldom makes. */
#include "map/hash.h"
#include "map/map.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct bpfmap *map_new(uint32_t flags, uint32_t value_size)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 4,
					  .value_size = value_size,
					  .max_entries = 400,
					  .map_flags = flags,
					  .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

/* Claims the first element of the second list's range, and dies with the first list's lock. */
static void claim_and_die(struct hash *h)
{
	struct pool_list_shm *first = &h->shm->lists[0];
	struct owner_local *self;
	uint32_t me, index;

	if (owner_self(&h->region->owners, &self))
		_exit(1);
	me = self->number_plus1 - 1;
	if (pool_get(h, me, 1, &index) || index != h->g.list_span ||
	    lock_acquire_nested(&first->lock, &h->region->owners, me, h->g.n_buckets))
		_exit(2);
	shm_u32_store_relaxed(&first->on_behalf, me);
	_exit(0);
}

static bool is_in_a_list(const struct hash *h, uint32_t elem)
{
	for (uint32_t l = 0; l < h->g.lists; l++) {
		uint64_t heads = shm_u64_load_relaxed(&h->shm->lists[l].heads);

		if ((uint32_t)heads == elem || (uint32_t)(heads >> 32) == elem)
			return true;
	}
	return false;
}

/* Behind a full range's end comes the next list's first element: it was taken for one that its list still
 * had, and was lost. */
static void lose_nothing_at_a_range_end(uint32_t flags, uint32_t value_size)
{
	struct bpfmap *map = map_new(flags, value_size);
	struct hash *h = map->priv;
	int status;
	pid_t pid;

	if (h->g.lists < 2) {
		bpfmap_close(map);
		skip(); /* one CPU, one list */
	}
	shm_u32_store_relaxed(&h->shm->lists[0].bump, h->g.list_span);
	pid = fork();
	if (pid == 0)
		claim_and_die(h);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(owner_mend_all(&h->region->owners), 1);
	assert_true(is_in_a_list(h, h->g.list_span + 1));
	assert_int_equal(shm_u32_load_relaxed(&h->shm->lists[0].lock), 0);
	bpfmap_close(map);
}

static void hash__a_death_at_a_range_end_loses_no_element(void **state)
{
	lose_nothing_at_a_range_end(0, 8);
}

static void hash_variable__a_death_at_a_range_end_loses_no_block(void **state)
{
	lose_nothing_at_a_range_end(BPFMAP_F_VARIABLE, 64);
}

static void bumps_set(struct hash *h, uint32_t bump)
{
	for (uint32_t l = 0; l < h->g.lists; l++)
		shm_u32_store_relaxed(&h->shm->lists[l].bump, bump);
}

static void *replace_key_1(void *arg)
{
	const uint32_t key = 1;
	const uint64_t value[2] = {2, 2};

	bpfmap_update(arg, &key, value, BPF_ANY);
	return NULL;
}

static struct bucket_shm *bucket_of_only_element(struct hash *h)
{
	uint32_t i = 0;

	while (!shm_u32_load_relaxed(&hash_bucket(h, i)->chain))
		i++;
	return hash_bucket(h, i);
}

/* Who waits for a free element holds its bucket's lock: it was left to a living process for good. */
static void hash__a_thread_cancelled_while_the_pool_is_empty_leaves_no_lock(void **state)
{
	struct bpfmap *map = map_new(BPF_F_NO_PREALLOC, 16);
	struct hash *h = map->priv;
	const uint32_t key = 1;
	const uint64_t value[2] = {1, 1};
	struct bucket_shm *bucket;
	struct timespec until;
	pthread_t thread;

	assert_int_equal(bpfmap_update(map, &key, value, BPF_ANY), 0);
	bucket = bucket_of_only_element(h);
	bumps_set(h, h->g.list_span);
	assert_int_equal(pthread_create(&thread, NULL, replace_key_1, map), 0);
	while (!shm_u32_load_relaxed(&bucket->lock))
		sched_yield();
	pthread_cancel(thread);
	/* Time to be cancelled in, or else to wait. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_timedjoin_np(thread, NULL, &until)) {
		bumps_set(h, 1);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	bumps_set(h, 1);
	assert_int_equal(shm_u32_load_relaxed(&bucket->lock), 0);
	assert_int_equal(bpfmap_update(map, &key, value, BPF_ANY), 0);
	bpfmap_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash__a_death_at_a_range_end_loses_no_element),
		cmocka_unit_test(hash_variable__a_death_at_a_range_end_loses_no_block),
		cmocka_unit_test(hash__a_thread_cancelled_while_the_pool_is_empty_leaves_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
