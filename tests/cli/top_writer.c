/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_writer.c: maps with something going on, for the test of bpfmap top.
 *
 *   usage: top_writer SECONDS   ends after so long at the latest
 *
 *   busy   pinned: keys 1 to 9; each round adds 10 to the value of key 1, 20 to that of key 2 ...; key 100
 *          begins with a large value and stays; lookups are counted, two of three find something
 *   full   four elements, and each round tries a fifth
 *   lru    a new element each round
 *   gone   is closed on SIGUSR1, and "come" is made
 */
#include <bpfmap/bpfmap.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t swap;

static void on_signal(int number)
{
	(void)number;
	swap = 1;
}

static struct bpfmap *map_make(const char *name, uint32_t type, uint32_t max_entries)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = type,
		.key_size = 4,
		.value_size = 8,
		.max_entries = max_entries,
		.memory = BPFMAP_MEMORY_SHARED,
		.name = name,
	};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map)) {
		fprintf(stderr, "%s: %s\n", name, bpfmap_last_error());
		exit(1);
	}
	return map;
}

static void busy_write(struct bpfmap *busy, uint64_t round)
{
	for (uint32_t key = 1; key < 10; key++) {
		uint64_t value = round * key * 10;

		bpfmap_update(busy, &key, &value, BPF_ANY);
	}
	for (uint32_t key = 8; key <= 10; key++)
		bpfmap_lookup(busy, &key);
}

static void fill(struct bpfmap *map, uint32_t first, uint32_t count)
{
	uint64_t value = 1;

	for (uint32_t key = first; key < first + count; key++)
		bpfmap_update(map, &key, &value, BPF_ANY);
}

int main(int argc, char **argv)
{
	struct bpfmap *busy = map_make("busy", BPF_MAP_TYPE_HASH, 1000);
	struct bpfmap *full = map_make("full", BPF_MAP_TYPE_HASH, 4);
	struct bpfmap *lru = map_make("lru", BPF_MAP_TYPE_LRU_HASH, 16);
	struct bpfmap *gone = map_make("gone", BPF_MAP_TYPE_HASH, 8);
	const struct timespec nap = {.tv_nsec = 10000000};
	uint64_t large = 1000000000000, round;
	uint32_t key = 100;

	if (argc != 2 || bpfmap_pin(busy, "/sys/fs/bpf/busy") || bpfmap_count_lookups(busy))
		return 1;
	alarm((unsigned int)atoi(argv[1]));
	signal(SIGUSR1, on_signal);
	bpfmap_update(busy, &key, &large, BPF_ANY);
	puts("ready");
	fflush(stdout);
	for (round = 1;; round++) {
		busy_write(busy, round);
		fill(full, 0, 5);
		fill(lru, (uint32_t)round, 1);
		if (swap) {
			swap = 0;
			bpfmap_close(gone);
			gone = map_make("come", BPF_MAP_TYPE_HASH, 8);
		}
		nanosleep(&nap, NULL);
	}
}
