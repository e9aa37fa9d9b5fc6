/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_array.h: bpfmap's arrays through the public API. The file that includes it defines OURS_NAME, OURS_TYPE,
 * OURS_OPS and OURS_LOOKUP(table, id). Of a per-CPU array each run is on a CPU of its own.
 */
#include "peer.h"

#include <bpfmap/typed.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES_MAX 1024 /* of one element, all CPUs' */

BPFMAP_DEFINE_ARRAY(typed, struct value);

struct table {
	struct bpfmap *map;
	struct typed typed; /* the same map, if it is not per-CPU */
};

static inline uint64_t table_get(struct table *t, const uint32_t *id)
{
	const struct value *value = OURS_LOOKUP(t, id);

	return value ? value->w[0] : 0;
}

static inline void table_add(struct table *t, const uint32_t *id, uint64_t n)
{
	struct value *value = OURS_LOOKUP(t, id);

	if (value)
		value->w[0] += n;
}

static inline void table_cycle(struct table *t)
{
	if (bpfmap_cpu_enter(t->map) < 0) {
		fprintf(stderr, OURS_NAME ": enter: %s\n", bpfmap_last_error());
		exit(1);
	}
	bpfmap_cpu_leave(t->map);
}

static inline void table_put(struct table *t, const uint32_t *id, const struct value *value)
{
	struct value *own;

	if (OURS_TYPE == BPF_MAP_TYPE_ARRAY) {
		bpfmap_update(t->map, id, value, BPF_ANY);
		return;
	}
	own = OURS_LOOKUP(t, id);
	if (own)
		*own = *value;
}

static inline uint64_t table_read(struct table *t, const uint32_t *id, struct value *ret_value)
{
	struct value values[OURS_TYPE == BPF_MAP_TYPE_ARRAY ? 1 : VALUES_MAX];

	if (bpfmap_read(t->map, id, values))
		return 0;
	*ret_value = values[0];
	return values[0].w[0];
}

#define LOOP_BY_INDEX
#define TABLE_PUT
#define TABLE_READ
#define TABLE_ADD
#define TABLE_CYCLE
#include "loop.h"
#include "ours_map.h"

static uint64_t ours_run(void *table, uint32_t worker, enum op op, const struct batch *b)
{
	struct table *t = table;
	uint64_t sum;

	if (op == OP_CYCLE)
		return loop_run(table, worker, op, b);
	if (bpfmap_cpu_enter(t->map) < 0) {
		fprintf(stderr, OURS_NAME ": enter: %s\n", bpfmap_last_error());
		exit(1);
	}
	sum = loop_run(table, worker, op, b);
	bpfmap_cpu_leave(t->map);
	return sum;
}

static void *ours_open(const struct table_spec *spec)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = OURS_TYPE,
					  .key_size = sizeof(uint32_t),
					  .value_size = sizeof(struct value),
					  .max_entries = spec->entries};
	struct table *t = calloc(1, sizeof(*t));

	if (OURS_TYPE == BPF_MAP_TYPE_ARRAY) {
		if (t && !typed_create(&opts, &t->typed)) {
			t->map = t->typed.map;
			return t;
		}
	} else if (t && !bpfmap_create(&opts, &t->map) && bpfmap_cpus(t->map) <= VALUES_MAX) {
		return t;
	}
	fprintf(stderr, OURS_NAME ": %s\n", bpfmap_last_error());
	free(t);
	return NULL;
}

#define OURS_PEER                                                                           \
	{                                                                                   \
		.name = OURS_NAME, .ops = OURS_OPS, .open = ours_open, .close = ours_close, \
		.run = ours_run, .bytes = ours_bytes                                        \
	}
