/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lru_maps.c: hit ratios of real maps on the simulator's traces (bench/lru/traces.c).
 *
 * lru_maps [-k OBJECT] [-s SEED] [NAME ...]
 *
 * A request is a program's lookup; a miss is followed by an insert. Ours is an LRU_HASH map through the
 * native API, the kernel's is driven by OBJECT (kernel_maps.bpf.o) on one CPU; where that is not
 * permitted, or without -k, the simulator's model of it stands in. Exact LRU is the simulator's, and
 * so is "simulated", the model of our policy, which the real map has to agree with. A table with tabs:
 * trace, seed, kernel, LRU, ours, simulated, live or model.
 */
#include "kernel_maps.h"
#include "lru/policies.h"

#include <bpfmap/bpfmap.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "lru_maps: %s: %s\n", what, bpfmap_last_error());
	exit(1);
}

/* Full once it has evicted: one element for one. */
static void expect_full(struct bpfmap *map, uint32_t cap)
{
	struct bpfmap_info info;

	if (bpfmap_check(map) || bpfmap_get_info(map, &info))
		die("check");
	if (info.evictions && info.entries != cap) {
		fprintf(stderr, "lru_maps: %llu of %u elements in a full map\n",
			(unsigned long long)info.entries, cap);
		exit(1);
	}
}

static double our_ratio(uint32_t cap, const uint32_t *req)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_LRU_HASH,
					  .key_size = 8,
					  .value_size = 8,
					  .max_entries = cap};
	struct bpfmap *map;
	uint32_t i, hits = 0;

	if (bpfmap_create(&opts, &map))
		die("create");
	for (i = 0; i < REQUESTS; i++) {
		uint64_t key = req[i];

		if (bpfmap_lookup(map, &key))
			hits += i >= WARM;
		else if (bpfmap_update(map, &key, &key, BPF_ANY))
			die("update");
	}
	expect_full(map, cap);
	bpfmap_close(map);
	return 100.0 * hits / (REQUESTS - WARM);
}

static double kernel_ratio(struct kernel_maps *maps, const uint32_t *req)
{
	struct batch *batch = kernel_maps_batch(maps);
	uint32_t i;

	for (i = 0; i < REQUESTS; i += batch->n) {
		uint32_t left = (i < WARM ? WARM : REQUESTS) - i;

		if (i == WARM)
			batch->hits = 0;
		batch->n = left < BATCH ? left : BATCH;
		memcpy(batch->keys, req + i, batch->n * sizeof(*req));
		kernel_maps_run(maps, "replay");
	}
	return 100.0 * batch->hits / (REQUESTS - WARM);
}

static void print_row(const struct trace *t, uint64_t seed, const char *object, uint32_t *req)
{
	struct kernel_sizes sizes = {.lru_entries = t->cap};
	struct kernel_maps *maps = NULL;
	uint32_t keys;
	double kernel;

	trace_seed(seed);
	keys = t->fill(t, req, REQUESTS);
	if (object && !kernel_maps_open(object, &sizes, &maps)) {
		kernel = kernel_ratio(maps, req);
		kernel_maps_close(maps);
	} else {
		kernel = hit_ratio(&policy_kernel, t->cap, req, keys);
	}
	printf("%s\t%llu\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", t->name, (unsigned long long)seed, kernel,
	       hit_ratio(&policy_lru, t->cap, req, keys), our_ratio(t->cap, req),
	       hit_ratio(&policy_balance, t->cap, req, keys), maps ? "live" : "model");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *object = NULL;
	uint64_t seed = 1;
	uint32_t *req = zalloc(REQUESTS, sizeof(*req));
	const struct trace *t;
	int c;

	while ((c = getopt(argc, argv, "k:s:")) != -1)
		if (c == 'k')
			object = optarg;
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	stay_on_one_cpu();
	for (t = traces; t->name; t++)
		if (trace_wanted(t, argv + optind, argc - optind))
			print_row(t, seed, object, req);
	free(req);
	return 0;
}
