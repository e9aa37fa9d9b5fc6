/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* counter.c: see counter.h.
 *
 * Locks        mutex: the list of maps. It is not held while the kernel is asked.
 * If a map goes    its count's errno says so until nobody asks any more, then it leaves the list
 */
#include "kernel/counter.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
/* One map's share of a round: some two million elements. A map with more has a lower bound
 * shown. */
#define WALK_NS SECOND_NS
/* After work of t the thread rests so many t; where all counts are fresh it looks again soon. */
#define REST_TIMES 19
#define IDLE_NS	   (SECOND_NS / 10)
/* A count younger than this is not taken again. */
#define FRESH_NS SECOND_NS
/* Whoever has not been asked for so long leaves the list. */
#define FORGET_NS (60 * SECOND_NS)

struct counted {
	uint32_t id;
	int err; /* of the last count */
	uint64_t asked_ns;
	uint64_t tried_ns; /* 0: never */
	struct backend_entries last;
};

struct counter {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	struct counted *maps;
	size_t count;
};

static struct counted *counted_find(struct counter *counter, uint32_t id)
{
	for (size_t i = 0; i < counter->count; i++)
		if (counter->maps[i].id == id)
			return &counter->maps[i];
	return NULL;
}

/* The map whose count is the oldest, forgetting those nobody asks for. NULL: all are fresh. */
static struct counted *counted_next_locked(struct counter *counter)
{
	struct counted *oldest = NULL;
	uint64_t now = clock_now_ns();

	for (size_t i = counter->count; i-- > 0;)
		if (now - counter->maps[i].asked_ns > FORGET_NS)
			counter->maps[i] = counter->maps[--counter->count];
	for (size_t i = 0; i < counter->count; i++)
		if (!oldest || counter->maps[i].tried_ns < oldest->tried_ns)
			oldest = &counter->maps[i];
	return oldest && now - oldest->tried_ns > FRESH_NS ? oldest : NULL;
}

static int map_count(uint32_t id, struct backend_entries *ret_entries)
{
	int fd = backend_map_open_id(&backend_kernel, id);
	struct bpf_map_info info;
	int err;

	if (fd < 0)
		return fd;
	err = backend_map_info(&backend_kernel, fd, &info);
	if (!err)
		err = backend_kernel.map_entries(fd, &info, WALK_NS, ret_entries);
	close(fd);
	return err;
}

static void rest_locked(struct counter *counter, uint64_t rest_ns)
{
	uint64_t until = clock_now_ns() + rest_ns;
	struct timespec ts = {.tv_sec = (time_t)(until / SECOND_NS),
			      .tv_nsec = (long)(until % SECOND_NS)};

	while (!counter->stop && clock_now_ns() < until)
		pthread_cond_timedwait(&counter->wake, &counter->mutex, &ts);
}

/* One map counted, without the lock; what was found is kept if the map is still on the list.
 * Returns the time it took. */
static uint64_t count_one_locked(struct counter *counter, uint32_t id)
{
	uint64_t start = clock_now_ns(), end;
	struct backend_entries entries = {0};
	struct counted *map;
	int err;

	pthread_mutex_unlock(&counter->mutex);
	err = map_count(id, &entries);
	end = clock_now_ns();
	pthread_mutex_lock(&counter->mutex);
	map = counted_find(counter, id);
	if (map) {
		map->err = err;
		map->tried_ns = end;
		if (!err)
			map->last = entries;
	}
	return end - start;
}

static void *counter_run(void *arg)
{
	struct counter *counter = arg;

	pthread_mutex_lock(&counter->mutex);
	while (!counter->stop) {
		struct counted *next = counted_next_locked(counter);
		uint64_t worked = next ? count_one_locked(counter, next->id) : 0;

		rest_locked(counter, next ? worked * REST_TIMES : IDLE_NS);
	}
	pthread_mutex_unlock(&counter->mutex);
	return NULL;
}

int counter_start(struct counter **ret_counter)
{
	struct counter *counter = calloc(1, sizeof(*counter));
	pthread_condattr_t monotonic;
	int err;

	if (!counter)
		return fail(ENOMEM, "no memory for a counter");
	pthread_mutex_init(&counter->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&counter->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	err = pthread_create(&counter->thread, NULL, counter_run, counter);
	if (err) {
		free(counter);
		return fail_os(err, "cannot start a thread that counts");
	}
	*ret_counter = counter;
	return 0;
}

void counter_stop(struct counter *counter)
{
	if (!counter)
		return;
	pthread_mutex_lock(&counter->mutex);
	counter->stop = true;
	pthread_cond_signal(&counter->wake);
	pthread_mutex_unlock(&counter->mutex);
	pthread_join(counter->thread, NULL);
	free(counter->maps);
	free(counter);
}

static int counted_add_locked(struct counter *counter, uint32_t id)
{
	struct counted *maps = realloc(counter->maps, (counter->count + 1) * sizeof(*maps));

	if (!maps)
		return fail(ENOMEM, "no memory for a map's count");
	counter->maps = maps;
	maps[counter->count++] =
		(struct counted){.id = id, .err = -EAGAIN, .asked_ns = clock_now_ns()};
	return -EAGAIN;
}

int counter_get(struct counter *counter, uint32_t id, struct backend_entries *ret_entries)
{
	struct counted *map;
	int err;

	pthread_mutex_lock(&counter->mutex);
	map = counted_find(counter, id);
	if (map) {
		map->asked_ns = clock_now_ns();
		err = map->err;
		if (!err)
			*ret_entries = map->last;
	} else {
		err = counted_add_locked(counter, id);
	}
	pthread_mutex_unlock(&counter->mutex);
	return err;
}
