/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* plain_array.c: an array of C, with the bounds check that a map has. */
#include "peer.h"

#include <stdlib.h>

struct table {
	uint32_t n;
	struct value *values;
};

static inline uint64_t table_get(struct table *t, const uint32_t *id)
{
	return *id < t->n ? t->values[*id].w[0] : 0;
}

static inline void table_add(struct table *t, const uint32_t *id, uint64_t n)
{
	if (*id < t->n)
		t->values[*id].w[0] += n;
}

static inline void table_put(struct table *t, const uint32_t *id, const struct value *value)
{
	if (*id < t->n)
		t->values[*id] = *value;
}

#define LOOP_BY_INDEX
#define TABLE_PUT
#define TABLE_ADD
#include "loop.h"

static void *plain_open(const struct table_spec *spec)
{
	struct table *t = malloc(sizeof(*t));

	if (!t)
		abort();
	t->n = spec->entries;
	t->values = calloc(t->n, sizeof(*t->values));
	if (!t->values)
		abort();
	return t;
}

static void plain_close(void *table)
{
	struct table *t = table;

	free(t->values);
	free(t);
}

const struct peer peer_plain_array = {.name = "plain",
				      .ops = (OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) |
					      OP_BIT(OP_DEPENDENT) | OP_BIT(OP_UPDATE) |
					      OP_BIT(OP_ADD)),
				      .open = plain_open,
				      .close = plain_close,
				      .run = loop_run};
