/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lru_cost.c: what an insert with eviction and a lookup of a resident key cost, 8-byte keys and values.
 *
 * lru_cost [-k OBJECT] [-r ROUNDS]
 *
 * Ours through the native API, the kernel's LRU_HASH inside a program (OBJECT: kernel_maps.bpf.o), the
 * loops' own cost included on both sides. Inserts go to a full map, keys never come again; lookups to maps
 * that were filled to their capacity and never evicted. One thread on one CPU. A round measures everything once, one
 * after the other, so that ratios are between neighbours in time; times are the thread's CPU time, so
 * that other load on the machine costs caches but not waiting. A table with tabs: capacity, what,
 * median, least, most; ratios are medians of the rounds' ratios.
 */
#include "kernel_maps.h"

#include <bpfmap/bpfmap.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OPS	   (1u << 18)
#define ROUNDS_MAX 99

enum { OUR_INSERT, KERNEL_INSERT, OUR_LOOKUP, HASH_LOOKUP, KERNEL_LOOKUP, KERNEL_LOOP, SERIES };

static const char *const series_names[SERIES] = {
	"insert with eviction, ours, ns", "insert with eviction, kernel, ns",
	"resident lookup, ours, ns",	  "lookup in our hash, ns",
	"resident lookup, kernel, ns",	  "empty loop in the kernel, ns"};

static const struct {
	const char *name;
	int above;
	int below;
} ratios[] = {
	{"insert with eviction, ours / kernel", OUR_INSERT, KERNEL_INSERT},
	{"resident lookup, ours / our hash", OUR_LOOKUP, HASH_LOOKUP},
	{"resident lookup, ours / kernel", OUR_LOOKUP, KERNEL_LOOKUP},
};

struct bench {
	struct bpfmap *lru;
	struct bpfmap *resident; /* LRU and hash with the first cap keys */
	struct bpfmap *hash;
	struct kernel_maps *kernel; /* NULL where it is not permitted, as the next */
	struct kernel_maps *kernel_resident;
	uint32_t cap;
	uint32_t next; /* number of the next new key */
	uint32_t keys[OPS];
	double ns[SERIES][ROUNDS_MAX];
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "lru_cost: %s: %s\n", what, bpfmap_last_error());
	exit(1);
}

static struct bpfmap *create(uint32_t type, uint32_t cap)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 8,
					  .value_size = 8,
					  .max_entries = cap};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map))
		die("create");
	return map;
}

/* Keys that come in no order: an odd factor maps 32-bit numbers to each other one to one. */
static uint32_t key_of(uint32_t number)
{
	return number * 0x9e3779b1u;
}

static double our_inserts(struct bench *b, struct bpfmap *map, uint32_t n)
{
	double begin = now_ns();

	for (uint32_t i = 0; i < n; i++) {
		uint64_t key = b->keys[i];

		if (bpfmap_update(map, &key, &key, BPF_ANY))
			die("update");
	}
	return (now_ns() - begin) / n;
}

static double our_lookups(struct bench *b, struct bpfmap *map)
{
	double begin = now_ns();
	uint32_t hits = 0;

	for (uint32_t i = 0; i < OPS; i++) {
		uint64_t key = b->keys[i];

		hits += bpfmap_lookup(map, &key) != NULL;
	}
	if (hits != OPS)
		die("a resident key was not found");
	return (now_ns() - begin) / OPS;
}

static double kernel_ops(struct bench *b, struct kernel_maps *maps, const char *program, uint32_t n)
{
	struct batch *batch = kernel_maps_batch(maps);
	double begin;

	for (uint32_t i = 0; i < n; i++)
		batch->keys[i] = b->keys[i];
	batch->n = n;
	batch->hits = 0;
	begin = now_ns();
	kernel_maps_run(maps, program);
	return (now_ns() - begin) / n;
}

static void new_keys(struct bench *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		b->keys[i] = key_of(b->next++);
}

/* Any of the first cap keys. */
static void resident_keys(struct bench *b)
{
	uint32_t x = b->next;

	for (uint32_t i = 0; i < OPS; i++) {
		x = x * 1664525u + 1013904223u;
		b->keys[i] = key_of((uint32_t)((uint64_t)x * b->cap >> 32));
	}
}

static void round_run(struct bench *b, uint32_t r)
{
	new_keys(b, OPS);
	b->ns[OUR_INSERT][r] = our_inserts(b, b->lru, OPS);
	if (b->kernel)
		b->ns[KERNEL_INSERT][r] = kernel_ops(b, b->kernel, "insert", OPS);
	resident_keys(b);
	b->ns[OUR_LOOKUP][r] = our_lookups(b, b->resident);
	b->ns[HASH_LOOKUP][r] = our_lookups(b, b->hash);
	if (!b->kernel)
		return;
	b->ns[KERNEL_LOOKUP][r] = kernel_ops(b, b->kernel_resident, "lookup", OPS);
	if (kernel_maps_batch(b->kernel_resident)->hits != OPS)
		die("the kernel does not find a resident key");
	b->ns[KERNEL_LOOP][r] = kernel_ops(b, b->kernel, "empty", OPS);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_spread(const struct bench *b, const char *name, double *samples, uint32_t n,
			 int digits)
{
	qsort(samples, n, sizeof(*samples), compare);
	printf("%u\t%s\t%.*f\t%.*f\t%.*f\n", b->cap, name, digits, samples[n / 2], digits,
	       samples[0], digits, samples[n - 1]);
}

static void print_results(struct bench *b, uint32_t rounds)
{
	double samples[ROUNDS_MAX];

	for (uint32_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++) {
		const double *below = b->ns[ratios[i].below];

		for (uint32_t r = 0; r < rounds; r++)
			samples[r] = b->ns[ratios[i].above][r] / below[r];
		if (below[0] > 0)
			print_spread(b, ratios[i].name, samples, rounds, 2);
	}
	for (uint32_t i = 0; i < SERIES; i++)
		if (b->ns[i][0] > 0)
			print_spread(b, series_names[i], b->ns[i], rounds, 1);
	fflush(stdout);
}

static void kernel_open(struct bench *b, const char *object)
{
	struct kernel_sizes sizes = {.lru_entries = b->cap};

	if (object && !kernel_maps_open(object, &sizes, &b->kernel) &&
	    kernel_maps_open(object, &sizes, &b->kernel_resident))
		die("the kernel permits one map, not two");
}

static void measure(struct bench *b, const char *object, uint32_t cap, uint32_t rounds)
{
	b->cap = cap;
	b->next = 0;
	b->kernel = NULL;
	b->lru = create(BPF_MAP_TYPE_LRU_HASH, cap);
	b->resident = create(BPF_MAP_TYPE_LRU_HASH, cap);
	b->hash = create(BPF_MAP_TYPE_HASH, cap);
	kernel_open(b, object);
	new_keys(b, cap);
	our_inserts(b, b->lru, cap);
	our_inserts(b, b->resident, cap);
	our_inserts(b, b->hash, cap);
	if (b->kernel) {
		kernel_ops(b, b->kernel, "insert", cap);
		kernel_ops(b, b->kernel_resident, "insert", cap);
	}
	for (uint32_t r = 0; r < rounds; r++)
		round_run(b, r);
	print_results(b, rounds);
	bpfmap_close(b->lru);
	bpfmap_close(b->resident);
	bpfmap_close(b->hash);
	if (b->kernel) {
		kernel_maps_close(b->kernel);
		kernel_maps_close(b->kernel_resident);
	}
}

int main(int argc, char **argv)
{
	static const uint32_t caps[] = {1024, 16384, 131072};
	struct bench *b = calloc(1, sizeof(*b));
	const char *object = NULL;
	uint32_t rounds = 15;
	int c;

	while ((c = getopt(argc, argv, "k:r:")) != -1)
		if (c == 'k')
			object = optarg;
		else if (c == 'r')
			rounds = (uint32_t)strtoul(optarg, NULL, 0);
		else
			return 2;
	if (!b || !rounds || rounds > ROUNDS_MAX)
		return 2;
	stay_on_one_cpu();
	for (uint32_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		measure(b, object, caps[i], rounds);
	free(b);
	return 0;
}
