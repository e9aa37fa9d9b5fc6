/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bloom_rates.c: how often Bloom filters are wrong about values that were never pushed.
 *
 * bloom_rates [-k OBJECT] [-n ABSENT] [ITEMS ...]
 *
 * Filters for ITEMS 8-byte values (65536 and 100000 unless given), filled with as many, with 1 to 15
 * hashes: ours through the native API, the kernel's driven by OBJECT (kernel_maps.bpf.o). ABSENT values
 * (2M) are asked for at least; more, up to 32 times as many, until ENOUGH were reported present. A
 * table with tabs:
 * items, hashes, bits per item (ours, then the kernel's), theory (1 - e^(-kn/m))^k, our prediction
 * (bpfmap_bloom_info), our rate and count, the kernel's rate and count ("-" where it is not permitted).
 */
#include "kernel_maps.h"

#include <bpfmap/bpfmap.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENOUGH	1000u
#define MORE	32u
#define ABSENT0 (1ull << 40) /* number of the first value that is never pushed */

struct rate {
	uint64_t found;
	uint64_t asked;
};

static void die(const char *what)
{
	fprintf(stderr, "bloom_rates: %s: %s\n", what, bpfmap_last_error());
	exit(1);
}

static uint32_t our_batch(struct bpfmap *map, uint64_t first, uint32_t n)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t value = value_of(first + i);

		found += bpfmap_peek(map, &value) == 0;
	}
	return found;
}

static struct bpfmap *our_filter(uint32_t items, uint32_t hashes)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_BLOOM_FILTER,
					  .value_size = 8,
					  .max_entries = items,
					  .map_extra = hashes};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map))
		die("create");
	for (uint32_t i = 0; i < items; i++) {
		uint64_t value = value_of(i);

		if (bpfmap_push(map, &value, 0))
			die("push");
	}
	if (our_batch(map, 0, items) != items)
		die("a pushed value was not found");
	return map;
}

static struct rate our_rate(struct bpfmap *map, uint64_t absent)
{
	struct rate r = {0, 0};

	for (; r.asked < absent || (r.found < ENOUGH && r.asked < MORE * absent); r.asked += BATCH)
		r.found += our_batch(map, ABSENT0 + r.asked, BATCH);
	return r;
}

static uint32_t kernel_batch(struct kernel_maps *maps, const char *program, uint64_t first,
			     uint32_t n)
{
	struct batch *batch = kernel_maps_batch(maps);

	batch->first = first;
	batch->n = n;
	batch->hits = 0;
	kernel_maps_run(maps, program);
	return batch->hits;
}

/* asked is 0 where the kernel does not permit it. */
static struct rate kernel_rate(const char *object, uint32_t items, uint32_t hashes, uint64_t absent)
{
	struct kernel_sizes sizes = {.bloom_entries = items, .bloom_hashes = hashes};
	struct kernel_maps *maps;
	struct rate r = {0, 0};

	if (!object || kernel_maps_open(object, &sizes, &maps))
		return r;
	kernel_batch(maps, "push", 0, items);
	if (kernel_batch(maps, "peek", 0, items) != items) {
		fprintf(stderr, "bloom_rates: the kernel does not find a pushed value\n");
		exit(1);
	}
	for (; r.asked < absent || (r.found < ENOUGH && r.asked < MORE * absent); r.asked += BATCH)
		r.found += kernel_batch(maps, "peek", ABSENT0 + r.asked, BATCH);
	kernel_maps_close(maps);
	return r;
}

/* As the kernel documents it: 7/5 bits per item and hash, up to the next power of two. */
static double kernel_bits(uint32_t items, uint32_t hashes)
{
	double bits = 64, wanted = items * (double)hashes / 5 * 7;

	while (bits < wanted)
		bits *= 2;
	return bits;
}

static void print_row(const char *object, uint32_t items, uint32_t hashes, uint64_t absent)
{
	struct bpfmap *map = our_filter(items, hashes);
	struct bpfmap_bloom_info info;
	struct rate ours, kernel;

	if (bpfmap_bloom_info(map, &info))
		die("info");
	ours = our_rate(map, absent);
	bpfmap_close(map);
	kernel = kernel_rate(object, items, hashes, absent);
	printf("%u\t%u\t%.1f\t%.1f\t%.4g\t%.4g\t%.4g\t%llu", items, hashes,
	       (double)info.bits / items, kernel_bits(items, hashes) / items,
	       pow(1 - exp(-1.0 * hashes * items / (double)info.bits), hashes),
	       info.false_positive_rate, (double)ours.found / (double)ours.asked,
	       (unsigned long long)ours.found);
	if (kernel.asked)
		printf("\t%.4g\t%llu\n", (double)kernel.found / (double)kernel.asked,
		       (unsigned long long)kernel.found);
	else
		printf("\t-\t-\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char *sizes[] = {"65536", "100000"};
	const char *object = NULL;
	uint64_t absent = 2 * BATCH;
	int c;

	while ((c = getopt(argc, argv, "k:n:")) != -1)
		if (c == 'k')
			object = optarg;
		else if (c == 'n')
			absent = strtoull(optarg, NULL, 0);
		else
			return 2;
	stay_on_one_cpu();
	argv += optind;
	argc -= optind;
	for (int i = 0; i < (argc ? argc : 2); i++) {
		char **items = argc ? argv : sizes;

		for (uint32_t k = 1; k <= 15; k++)
			print_row(object, (uint32_t)strtoul(items[i], NULL, 0), k, absent);
	}
	return 0;
}
