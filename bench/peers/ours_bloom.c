/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_bloom.c: bpfmap's Bloom filter: peek of present and absent values, push. */
#include "peer.h"

#include <bpfmap/bpfmap.h>
#include <stdio.h>
#include <stdlib.h>

struct table {
	struct bpfmap *map;
};

static inline uint64_t table_get(struct table *t, const struct key *key)
{
	return bpfmap_peek(t->map, (void *)(uintptr_t)key) ? 0 : key->w[0] >> VALUE_SHIFT;
}

static inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	if (bpfmap_push(t->map, key, BPF_ANY)) {
		fprintf(stderr, "ours-bloom: push: %s\n", bpfmap_last_error());
		exit(1);
	}
}

#define TABLE_PUT
#include "loop.h"
#include "ours_map.h"

static void *ours_open(const struct table_spec *spec)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_BLOOM_FILTER,
					  .value_size = sizeof(struct key),
					  .max_entries = spec->entries,
					  .map_extra = spec->hashes};
	struct table *t = calloc(1, sizeof(*t));

	if (t && !bpfmap_create(&opts, &t->map))
		return t;
	fprintf(stderr, "ours-bloom: %s\n", bpfmap_last_error());
	free(t);
	return NULL;
}

const struct peer peer_ours_bloom = {.name = "ours-bloom",
				     .ops = (OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_MISS) |
					     OP_BIT(OP_UPDATE)),
				     .open = ours_open,
				     .close = ours_close,
				     .run = loop_run,
				     .bytes = ours_bytes};
