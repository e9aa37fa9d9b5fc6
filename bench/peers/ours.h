/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours.h: bpfmap through its public API and shared library, in private memory or in a shared file. The
 * file that includes it defines OURS_NAME, OURS_TYPE, OURS_MEMORY and OURS_OPS.
 */
#include "peer.h"

#include <bpfmap/bpfmap.h>
#include <stdio.h>
#include <stdlib.h>

struct table {
	struct bpfmap *map;
};

static inline uint64_t table_get(struct table *t, const struct key *key)
{
	const struct value *value = bpfmap_lookup(t->map, key);

	return value ? value->w[0] : 0;
}

static inline uint64_t table_read(struct table *t, const struct key *key, struct value *ret_value)
{
	return bpfmap_read(t->map, key, ret_value) ? 0 : ret_value->w[0];
}

static inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	if (bpfmap_update(t->map, key, value, BPF_ANY)) {
		fprintf(stderr, OURS_NAME ": update: %s\n", bpfmap_last_error());
		exit(1);
	}
}

static inline void table_remove(struct table *t, const struct key *key)
{
	if (bpfmap_delete(t->map, key)) {
		fprintf(stderr, OURS_NAME ": the oldest key has gone\n");
		exit(1);
	}
}

static inline uint64_t table_bulk(struct table *t, const struct key *keys)
{
	void *values[BULK];
	uint64_t sum = 0;

	bpfmap_lookup_keys(t->map, keys, BULK, values);
	for (uint32_t i = 0; i < BULK; i++)
		sum += values[i] ? *(uint64_t *)values[i] : 0;
	return sum;
}

#define TABLE_BULK
#define TABLE_PUT
#define TABLE_REMOVE
#define TABLE_READ
#include "loop.h"
#include "ours_map.h"

static void *ours_open(const struct table_spec *spec)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = OURS_TYPE,
					  .key_size = sizeof(struct key),
					  .value_size = sizeof(struct value),
					  .max_entries = spec->entries,
					  .memory = OURS_MEMORY};
	struct table *t = calloc(1, sizeof(*t));

	if (t && !bpfmap_create(&opts, &t->map))
		return t;
	fprintf(stderr, OURS_NAME ": %s\n", bpfmap_last_error());
	free(t);
	return NULL;
}

#define OURS_PEER                                                                           \
	{                                                                                   \
		.name = OURS_NAME, .ops = OURS_OPS, .open = ours_open, .close = ours_close, \
		.run = loop_run, .bytes = ours_bytes                                        \
	}
