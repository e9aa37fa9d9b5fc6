// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* talkers.c: the tool that the tutorial builds. It reads the map of talkers.bpf.c, whoever runs
 * that.
 *
 *   talkers MAP top N            who sends most
 *   talkers MAP room             how full the map is, its memory now and at most; status 3 from 80
 *                                % on
 *   talkers MAP expire SECONDS   forget who was not heard for so long
 *
 * MAP is a pin, for instance /sys/fs/bpf/watch/talkers. Exit status: 0, 1 if something failed, 2
 * for wrong arguments.
 */
#include <arpa/inet.h>
#include <bpfmap/bpfmap.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "talkers.h"

#define ROOM_WARNING 80 /* percent */

struct row {
	uint32_t address;
	struct talker talker;
};

static int said(const char *what)
{
	fprintf(stderr, "talkers: %s: %s\n", what, bpfmap_last_error());
	return 1;
}

/* One talker out of an element's values: a per-CPU map has one for each CPU, side by side. */
static struct talker talker_sum(const struct talker *values, uint32_t cpus)
{
	struct talker sum = {0};

	for (uint32_t i = 0; i < cpus; i++) {
		sum.packets += values[i].packets;
		sum.bytes += values[i].bytes;
		if (values[i].last_ns > sum.last_ns)
			sum.last_ns = values[i].last_ns;
	}
	return sum;
}

static int row_compare(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	if (a->talker.bytes != b->talker.bytes)
		return a->talker.bytes < b->talker.bytes ? 1 : -1;
	return memcmp(&a->address, &b->address, sizeof(a->address));
}

/* Every element that stays is seen exactly once, whatever comes and goes meanwhile. */
static int rows_read(struct bpfmap *map, struct row *rows, uint32_t room, uint32_t *ret_count)
{
	uint32_t cpus = bpfmap_cpus(map), count = 0;
	const void *key, *values;
	struct bpfmap_iter *iter;
	int more;

	if (bpfmap_iter_new(map, &iter))
		return said("reading");
	while ((more = bpfmap_iter_next(iter, &key, &values)) > 0 && count < room) {
		memcpy(&rows[count].address, key, sizeof(rows[count].address));
		rows[count++].talker = talker_sum(values, cpus);
	}
	bpfmap_iter_free(iter);
	if (more < 0)
		return said("reading");
	*ret_count = count;
	return 0;
}

static void rows_print(const struct row *rows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char text[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &rows[i].address, text, sizeof(text));
		printf("%-16s %8" PRIu64 " packets %10" PRIu64 " bytes\n", text,
		       (uint64_t)rows[i].talker.packets, (uint64_t)rows[i].talker.bytes);
	}
}

static int verb_top(struct bpfmap *map, uint32_t limit)
{
	struct bpfmap_info info;
	uint32_t count = 0;
	struct row *rows;
	int err;

	if (bpfmap_get_info(map, &info))
		return said("info");
	rows = calloc(info.max_entries, sizeof(*rows));
	if (!rows)
		return 1;
	err = rows_read(map, rows, info.max_entries, &count);
	if (!err) {
		qsort(rows, count, sizeof(*rows), row_compare);
		rows_print(rows, count < limit ? count : limit);
		if (info.failed_updates)
			printf("%" PRIu64 " packets of new talkers found the map full\n",
			       info.failed_updates);
		if (info.evictions)
			printf("%" PRIu64 " talkers made room for others\n", info.evictions);
	}
	free(rows);
	return err;
}

static int verb_room(struct bpfmap *map)
{
	struct bpfmap_create_opts same = {.sz = sizeof(same), .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap_memory_for memory;
	struct bpfmap_info info;

	if (bpfmap_get_info(map, &info))
		return said("info");
	same.type = info.type;
	same.key_size = info.key_size;
	same.value_size = info.value_size;
	same.max_entries = info.max_entries;
	same.map_flags = info.map_flags;
	same.btf = bpfmap_btf(map, &same.btf_size);
	same.btf_key_type_id = info.btf_key_type_id;
	same.btf_value_type_id = info.btf_value_type_id;
	if (bpfmap_memory_for(&same, bpfmap_cpus(map) > 1 ? bpfmap_cpus(map) : 0, &memory))
		return said("memory");
	printf("%" PRIu64 " of %u talkers, at most %" PRIu64 " so far; %" PRIu64
	       " KiB now, %" PRIu64 " KiB when full\n",
	       info.entries, info.max_entries, info.high_water, info.memory_bytes / 1024,
	       memory.full / 1024);
	return info.entries * 100 >= (uint64_t)info.max_entries * ROOM_WARNING ? 3 : 0;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Deleting what the iterator has shown is allowed. Who speaks again in between begins anew. */
static int verb_expire(struct bpfmap *map, uint32_t seconds)
{
	uint64_t limit_ns = seconds * 1000000000ull, now = now_ns();
	uint32_t cpus = bpfmap_cpus(map), gone = 0, stay = 0;
	const void *key, *values;
	struct bpfmap_iter *iter;
	int more;

	if (bpfmap_iter_new(map, &iter))
		return said("expiring");
	while ((more = bpfmap_iter_next(iter, &key, &values)) > 0) {
		struct talker talker = talker_sum(values, cpus);

		if (talker.last_ns + limit_ns > now)
			stay++;
		else if (!bpfmap_delete(map, key))
			gone++;
	}
	bpfmap_iter_free(iter);
	if (more < 0)
		return said("expiring");
	printf("%u forgotten, %u stay\n", gone, stay);
	return 0;
}

static int run(struct bpfmap *map, int argc, char **argv)
{
	uint32_t number = argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;

	if (!strcmp(argv[2], "top") && argc == 4)
		return verb_top(map, number);
	if (!strcmp(argv[2], "room") && argc == 3)
		return verb_room(map);
	if (!strcmp(argv[2], "expire") && argc == 4)
		return verb_expire(map, number);
	fprintf(stderr, "usage: talkers MAP top N | room | expire SECONDS\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct bpfmap *map;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: talkers MAP top N | room | expire SECONDS\n");
		return 2;
	}
	if (bpfmap_open(argv[1], 0, &map))
		return said(argv[1]);
	/* So that values are what we take them for. */
	if (bpfmap_expect(map, "an IPv4 address", sizeof(uint32_t), "struct talker",
			  sizeof(struct talker)))
		status = said(argv[1]);
	else
		status = run(map, argc, argv);
	bpfmap_close(map);
	return status;
}
