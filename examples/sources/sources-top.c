// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* sources-top.c: prints the hash of sources.bpf.c, most packets first, with <bpfmap/typed.h>.
 *
 *   sources-top DIR      DIR holds the pin "sources"
 *
 * Exit status: 0, 1 if the map cannot be read, 2 for wrong arguments.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpfmap/typed.h>
#include "sources.h"

#define IPV4_PREFIX 12 /* bytes of ::ffff:0:0/96 */

BPFMAP_DEFINE(source_map, struct source_key, struct source_stats);

struct source {
	struct source_key key;
	struct source_stats stats;
};

static void address_print(const uint8_t *address)
{
	static const uint8_t mapped[IPV4_PREFIX] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN];

	if (!memcmp(address, mapped, sizeof(mapped)))
		inet_ntop(AF_INET, address + IPV4_PREFIX, text, sizeof(text));
	else
		inet_ntop(AF_INET6, address, text, sizeof(text));
	printf("%-40s", text);
}

/* The key breaks ties, so that equal maps print equal tables. */
static int source_compare(const void *left, const void *right)
{
	const struct source *a = left, *b = right;

	if (a->stats.packets != b->stats.packets)
		return a->stats.packets < b->stats.packets ? 1 : -1;
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static int sources_print(const struct source_map *map)
{
	static struct source sources[SOURCES_MAX];
	struct source_map_iter it;
	size_t count = 0;

	bpfmap_for_each(source_map, map, &it)
	{
		if (count == SOURCES_MAX) {
			source_map_iter_end(&it);
			break;
		}
		sources[count].key = *it.key;
		sources[count++].stats = *it.value;
	}
	qsort(sources, count, sizeof(sources[0]), source_compare);
	for (size_t i = 0; i < count; i++) {
		address_print(sources[i].key.address);
		printf(" %10" PRIu64 " %12" PRIu64 "\n", (uint64_t)sources[i].stats.packets,
		       (uint64_t)sources[i].stats.bytes);
	}
	return it.err;
}

int main(int argc, char **argv)
{
	struct source_map map;
	char path[4096];
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: sources-top DIR\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/sources", argv[1]);
	if (source_map_open(path, BPFMAP_OPEN_RDONLY, &map)) {
		fprintf(stderr, "sources-top: %s\n", bpfmap_last_error());
		return 1;
	}
	err = sources_print(&map);
	source_map_close(&map);
	if (err)
		fprintf(stderr, "sources-top: %s\n", bpfmap_last_error());
	return err ? 1 : 0;
}
