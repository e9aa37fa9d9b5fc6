/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model_map.h: HASH and ARRAY as plainly as they can be written: slots in an array, found by
 * looking at each of them. One thread, no clever data structure, nothing shared with src. */
#ifndef TESTS_SUPPORT_MODEL_MAP_H
#define TESTS_SUPPORT_MODEL_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct model_map {
	uint32_t type; /* BPF_MAP_TYPE_HASH or BPF_MAP_TYPE_ARRAY */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	bool *used; /* [max_entries]; all true in an array */
	unsigned char *keys;
	unsigned char *values;
	uint64_t entries;
	uint64_t high_water;
	uint64_t failed_updates; /* refused because the map was full */
};

void model_init(struct model_map *m, uint32_t type, uint32_t key_size, uint32_t value_size,
		uint32_t max_entries);
void model_free(struct model_map *m);

/* 0 or -errno, as the kernel's commands. */
int model_update(struct model_map *m, const void *key, const void *value, uint64_t flags);
int model_delete(struct model_map *m, const void *key);
/* The value, or NULL. */
const unsigned char *model_lookup(const struct model_map *m, const void *key);

#endif
