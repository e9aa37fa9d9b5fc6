// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* maps.c: see maps.h. */
#include "maps.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include "count.h"

static const struct bpfmap_create_opts map_opts[MAPS] = {
	[MAP_SOURCES] = {.sz = sizeof(map_opts[0]),
			 .type = BPF_MAP_TYPE_HASH,
			 .key_size = sizeof(uint32_t),
			 .value_size = sizeof(struct source),
			 .max_entries = SOURCES_MAX,
			 .memory = BPFMAP_MEMORY_SHARED,
			 .name = "sources"},
	[MAP_TOTALS] = {.sz = sizeof(map_opts[0]),
			.type = BPF_MAP_TYPE_PERCPU_ARRAY,
			.key_size = sizeof(uint32_t),
			.value_size = sizeof(uint64_t),
			.max_entries = TOTAL_COUNT,
			.name = "totals"},
};

const char *map_name(int index)
{
	return map_opts[index].name;
}

int maps_failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, bpfmap_last_error());
	return -1;
}

int maps_make(struct bpfmap *maps[MAPS], const char *pin)
{
	for (int i = 0; i < MAPS; i++)
		maps[i] = NULL;
	for (int i = 0; i < MAPS; i++)
		if (bpfmap_create(&map_opts[i], &maps[i]))
			return maps_failed(map_opts[i].name);
	return bpfmap_pin(maps[MAP_SOURCES], pin) ? maps_failed("pin") : 0;
}

int maps_print(struct bpfmap *const maps[MAPS])
{
	static const char *const words[TOTAL_COUNT] = {"IPv4", "other"};
	struct bpfmap_percpu_u64 total;
	struct bpfmap_iter *iter;
	const void *key, *value;

	for (uint32_t i = 0; i < TOTAL_COUNT; i++) {
		if (bpfmap_percpu_u64(maps[MAP_TOTALS], &i, 0, sizeof(uint64_t), &total))
			return maps_failed("totals");
		printf("%-16s %8" PRIu64 " packets\n", words[i], total.sum);
	}
	if (bpfmap_iter_new(maps[MAP_SOURCES], &iter))
		return maps_failed("sources");
	while (bpfmap_iter_next(iter, &key, &value) > 0) {
		const struct source *source = value;
		char text[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, key, text, sizeof(text));
		printf("%-16s %8" PRIu64 " packets %10" PRIu64 " bytes\n", text,
		       (uint64_t)source->packets, (uint64_t)source->bytes);
	}
	bpfmap_iter_free(iter);
	return 0;
}

void maps_close(struct bpfmap *const maps[MAPS])
{
	for (int i = 0; i < MAPS; i++)
		bpfmap_close(maps[i]);
}
