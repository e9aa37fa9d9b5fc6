/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* growth.c: what changes with the number of entries: 8-byte keys and values, one thread.
 *
 * growth -n ENTRIES [-r ROUNDS]
 *
 * Each round makes, fills, walks and drops a preallocated map of ours, one of ours with BPF_F_NO_PREALLOC and
 * one of the kernel's each, which is filled and dumped in batches of BATCH. "pages" is what the kernel
 * takes to hand out as much zeroed memory as our preallocated map has. Times are the thread's CPU time. A table
 * with tabs, as race.c; "create" and "pages" are nanoseconds in all, others per entry; "pause" is the longest single
 * insert, "slow" the one that one in ten thousand exceeds; "bytes" are bytes per entry when full.
 */
#include "sample.h"

#include <bpf/bpf.h>
#include <bpfmap/bpfmap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memlock.h"

#define ROUNDS_MAX 15u
#define BATCH	   65536u

enum what { CREATE, FILL, SLOW, PAUSE, HIT, ITERATE, DUMP, BYTES, DROP, PAGES, WHATS };
static const char *const words[WHATS] = {"create",  "fill", "slow",  "pause", "hit",
					 "iterate", "dump", "bytes", "drop",  "pages"};

enum who { OURS, OURS_GROWING, KERNEL, KERNEL_GROWING, WHOS };
static const char *const names[WHOS] = {"ours", "ours-no-prealloc", "kernel", "kernel-no-prealloc"};

struct growth {
	uint32_t entries;
	uint32_t round;
	uint64_t *keys; /* BATCH each */
	uint64_t *values;
	uint32_t *slow; /* how many inserts took so many nanoseconds */
	double results[WHOS][WHATS][ROUNDS_MAX];
};
#define SLOW_MAX (1u << 20)

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double wall_cost(void)
{
	double begin = wall_ns();

	for (int i = 0; i < 998; i++)
		wall_ns();
	return (wall_ns() - begin) / 999;
}

static void die(const char *what)
{
	fprintf(stderr, "growth: %s: %s\n", what, bpfmap_last_error());
	exit(1);
}

static uint64_t key_of(uint64_t number)
{
	uint64_t z = number * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	return z ^ z >> 27;
}

static double *result(struct growth *g, enum who who, enum what what)
{
	return &g->results[who][what][g->round];
}

/* Times each insert by the wall clock, whose own cost is taken off: a pause is a pause, whatever it is. */
static void ours_fill(struct growth *g, struct bpfmap *map, enum who who)
{
	double clock = wall_cost(), begin = now_ns(), last = wall_ns(), longest = 0;
	uint64_t rest = g->entries / 10000;
	uint32_t ns;

	memset(g->slow, 0, SLOW_MAX * sizeof(*g->slow));
	for (uint32_t i = 0; i < g->entries; i++) {
		uint64_t key = key_of(i);
		double t;

		if (bpfmap_update(map, &key, &key, BPF_ANY))
			die("update");
		t = wall_ns();
		longest = t - last > longest ? t - last : longest;
		g->slow[t - last < SLOW_MAX ? (uint32_t)(t - last) : SLOW_MAX - 1]++;
		last = t;
	}
	*result(g, who, FILL) = (now_ns() - begin) / g->entries - clock;
	for (ns = SLOW_MAX - 1; ns && g->slow[ns] <= rest; ns--)
		rest -= g->slow[ns];
	*result(g, who, SLOW) = ns;
	*result(g, who, PAUSE) = longest;
}

static void ours_hits(struct growth *g, struct bpfmap *map, enum who who)
{
	uint32_t n = 1u << 20;
	uint64_t sum = 0;
	double begin = now_ns();

	for (uint32_t i = 0; i < n; i++) {
		uint64_t key = key_of(key_of(i) % g->entries), *value = bpfmap_lookup(map, &key);

		if (!value)
			die("a key has gone");
		sum += *value;
	}
	__asm__ volatile("" : : "r"(sum));
	*result(g, who, HIT) = (now_ns() - begin) / n;
}

static void ours_iterate(struct growth *g, struct bpfmap *map, enum who who)
{
	double begin = now_ns();
	struct bpfmap_iter *iter;
	const void *key, *value;
	uint32_t n = 0;

	if (bpfmap_iter_new(map, &iter))
		die("iter_new");
	while (bpfmap_iter_next(iter, &key, &value) > 0)
		n++;
	bpfmap_iter_free(iter);
	*result(g, who, ITERATE) = (now_ns() - begin) / g->entries;
	if (n != g->entries)
		die("iteration did not see all");
}

static void ours_dump(struct growth *g, struct bpfmap *map, enum who who)
{
	double begin = now_ns();
	uint64_t cursor = 0;
	uint32_t n = 0, count;
	int err;

	do {
		count = BATCH;
		err = bpfmap_read_batch(map, &cursor, g->keys, g->values, &count);
		n += count;
	} while (!err);
	*result(g, who, DUMP) = (now_ns() - begin) / g->entries;
	if (n != g->entries)
		die("the batches did not have all");
}

static void ours_pages(struct growth *g, uint64_t bytes)
{
	double begin = now_ns();
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	*result(g, OURS, PAGES) = now_ns() - begin;
	munmap(p, bytes);
}

static void ours_grow(struct growth *g, enum who who)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 8,
					  .value_size = 8,
					  .max_entries = g->entries,
					  .map_flags = who == OURS ? 0 : BPF_F_NO_PREALLOC};
	double begin = now_ns();
	struct bpfmap_info info;
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map))
		die("create");
	*result(g, who, CREATE) = now_ns() - begin;
	ours_fill(g, map, who);
	ours_hits(g, map, who);
	ours_iterate(g, map, who);
	ours_dump(g, map, who);
	bpfmap_get_info(map, &info);
	*result(g, who, BYTES) = (double)info.memory_bytes / g->entries;
	begin = now_ns();
	bpfmap_close(map);
	*result(g, who, DROP) = (now_ns() - begin) / g->entries;
	if (who == OURS)
		ours_pages(g, info.memory_bytes);
}

static void kernel_dump(struct growth *g, int fd, enum who who)
{
	double begin = now_ns();
	uint32_t cursor = 0, n = 0, count;
	int err, first = 1;

	do {
		count = BATCH;
		err = bpf_map_lookup_batch(fd, first ? NULL : &cursor, &cursor, g->keys, g->values,
					   &count, NULL);
		first = 0;
		n += count;
	} while (!err);
	*result(g, who, DUMP) = (now_ns() - begin) / g->entries;
	if (n != g->entries)
		fprintf(stderr, "growth: the kernel's dump had %u of %u\n", n, g->entries);
}

static void kernel_grow(struct growth *g, enum who who)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = who == KERNEL ? 0 : BPF_F_NO_PREALLOC);
	double begin = now_ns();
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "growth", 8, 8, g->entries, &opts);

	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", names[who], strerror(-fd));
		return;
	}
	*result(g, who, CREATE) = now_ns() - begin;
	begin = now_ns();
	for (uint32_t i = 0; i < g->entries;) {
		uint32_t count = 0;

		for (; count < BATCH && i < g->entries; i++)
			g->keys[count++] = key_of(i);
		if (bpf_map_update_batch(fd, g->keys, g->keys, &count, NULL))
			die("the kernel's batch");
	}
	*result(g, who, FILL) = (now_ns() - begin) / g->entries;
	kernel_dump(g, fd, who);
	*result(g, who, BYTES) = (double)memlock_bytes(fd) / g->entries;
	close(fd);
}

static void print_results(struct growth *g)
{
	for (enum what what = 0; what < WHATS; what++)
		for (enum who who = 0; who < WHOS; who++) {
			double ours = spread_of(g->results[OURS][what], g->round).median;
			struct spread s = spread_of(g->results[who][what], g->round);
			double ratio = ours > 0 ? s.median / ours : 0;

			if (s.median > 0)
				printf("8/"
				       "8\tgrowth\t%s\t%u\t1\t%s\t%.2f\t%.2f\t%.2f\t%.3f\t%.3f\t%."
				       "3f\t%u\t0\t0\n",
				       words[what], g->entries, names[who], s.median, s.least,
				       s.most, ratio, ratio, ratio, g->round);
		}
}

int main(int argc, char **argv)
{
	struct growth *g = calloc(1, sizeof(*g));
	uint32_t rounds = 3;
	int c;

	while ((c = getopt(argc, argv, "n:r:")) != -1)
		if (c == 'n')
			g->entries = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 'r')
			rounds = (uint32_t)strtoul(optarg, NULL, 0);
		else
			return 2;
	g->keys = malloc(BATCH * sizeof(*g->keys));
	g->values = malloc(BATCH * sizeof(*g->values));
	g->slow = malloc(SLOW_MAX * sizeof(*g->slow));
	if (!g->entries || !rounds || rounds > ROUNDS_MAX || !g->keys || !g->values || !g->slow)
		return 2;
	cpu_pin(0);
	for (g->round = 0; g->round < rounds; g->round++) {
		ours_grow(g, OURS);
		ours_grow(g, OURS_GROWING);
		kernel_grow(g, KERNEL);
		kernel_grow(g, KERNEL_GROWING);
	}
	print_results(g);
	return 0;
}
