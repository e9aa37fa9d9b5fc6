/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* promises.c: sentences of bpfmap.h that the code once did not keep, each held against it. Public API
 * alone; threads of one process, nobody stopped and nobody killed, so no call may give up. */
#include <bpfmap/bpfmap.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITERS_MAX 32
#define SECONDS	    2

struct contest {
	struct bpfmap *map;
	uint32_t keys;
	uint32_t value_size;
	int stop;
	long refused;
};

static struct bpfmap *map_new(uint32_t type, uint32_t value_size, uint32_t max_entries)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = type,
		.key_size = 4,
		.value_size = value_size,
		.max_entries = max_entries,
	};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map)) {
		printf("Bail out! %s\n", bpfmap_last_error());
		exit(1);
	}
	return map;
}

static void *write_on(void *arg)
{
	struct contest *c = arg;
	unsigned int seed = (unsigned int)(uintptr_t)&seed;
	void *value = calloc(1, c->value_size);

	while (value && !__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		uint32_t key = (uint32_t)rand_r(&seed) % c->keys;

		if (bpfmap_update(c->map, &key, value, BPF_ANY))
			__atomic_fetch_add(&c->refused, 1, __ATOMIC_RELAXED);
	}
	free(value);
	return NULL;
}

/* Updates refused while n threads replace the values of present keys. */
static long contend(uint32_t type, uint32_t value_size, uint32_t keys, int n)
{
	struct contest c = {map_new(type, value_size, keys), keys, value_size, 0, 0};
	void *value = calloc(1, value_size);
	pthread_t threads[WRITERS_MAX];

	for (uint32_t key = 0; value && key < keys; key++)
		bpfmap_update(c.map, &key, value, BPF_ANY);
	for (int i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, write_on, &c);
	sleep(SECONDS);
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	bpfmap_close(c.map);
	free(value);
	return c.refused;
}

static int enter_twice(void)
{
	struct bpfmap *map = map_new(BPF_MAP_TYPE_PERCPU_ARRAY, 8, 1);
	int err;

	bpfmap_cpu_enter(map);
	err = bpfmap_cpu_enter(map);
	bpfmap_cpu_leave(map);
	bpfmap_close(map);
	return err;
}

struct guest {
	struct bpfmap *map;
	useconds_t stay;
	int on;
};

static void *stay_on_cpu(void *arg)
{
	struct guest *guest = arg;

	bpfmap_cpu_enter(guest->map);
	__atomic_store_n(&guest->on, 1, __ATOMIC_RELEASE);
	usleep(guest->stay);
	bpfmap_cpu_leave(guest->map);
	return NULL;
}

/* All CPUs are taken, the first one for long; the others come free at once. */
static int enter_when_one_is_free(void)
{
	struct bpfmap *map = map_new(BPF_MAP_TYPE_PERCPU_ARRAY, 8, 1);
	uint32_t n = bpfmap_cpus(map);
	struct guest *guests = calloc(n, sizeof(*guests));
	pthread_t *threads = calloc(n, sizeof(*threads));
	int cpu;

	bpfmap_cpu_enter(map);
	bpfmap_cpu_leave(map);
	for (uint32_t i = 0; i < n; i++) {
		guests[i] = (struct guest){map, i ? 50000 : 1500000, 0};
		pthread_create(&threads[i], NULL, stay_on_cpu, &guests[i]);
		while (!__atomic_load_n(&guests[i].on, __ATOMIC_ACQUIRE))
			usleep(100);
	}
	cpu = n > 1 ? bpfmap_cpu_enter(map) : 0;
	if (cpu >= 0)
		bpfmap_cpu_leave(map);
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(guests);
	free(threads);
	bpfmap_close(map);
	return cpu;
}

static int report(int number, const char *what, long wanted_zero)
{
	printf("%sok %d - %s (%ld)\n", wanted_zero ? "not " : "", number, what, wanted_zero);
	return wanted_zero != 0;
}

int main(void)
{
	int failed = 0;

	puts("1..5");
	failed += report(1, "large array values: nobody times out while others make progress",
			 contend(BPF_MAP_TYPE_ARRAY, 1u << 20, 1, 3));
	failed += report(2, "large hash values: nobody times out while others make progress",
			 contend(BPF_MAP_TYPE_HASH, 1u << 18, 1, 3));
	failed += report(3, "a full map's values can be replaced by many threads",
			 contend(BPF_MAP_TYPE_HASH, 200, 64, WRITERS_MAX));
	failed += report(4, "entering a map's CPU twice is EBUSY", enter_twice() != -EBUSY);
	failed += report(5, "a CPU that comes free is taken", enter_when_one_is_free() < 0);
	return failed != 0;
}
