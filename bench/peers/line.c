/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* line.c: what no table can beat: one cache line per element, its place known, in 2 MiB pages where the
 * machine gives them.
 */
#include "peer.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LINE	  64u
#define HUGE_PAGE (2ul << 20)

struct table {
	uint64_t (*lines)[LINE / sizeof(uint64_t)];
};

static uint64_t line_get(const struct table *t, const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++)
		sum += t->lines[b->ids[i]][0];
	return sum;
}

static uint64_t line_dependent(const struct table *t, const struct batch *b)
{
	uint64_t sum = 0, last = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		last = t->lines[b->ids[i] + (last & b->zero)][0];
		sum += last;
	}
	return sum;
}

static uint64_t line_put(struct table *t, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		t->lines[b->ids[i]][0] = value_for(&b->keys[i]).w[0];
	return 0;
}

static uint64_t line_run(void *table, uint32_t worker, enum op op, const struct batch *b)
{
	if (op == OP_UPDATE)
		return line_put(table, b);
	return op == OP_DEPENDENT ? line_dependent(table, b) : line_get(table, b);
}

static void *line_open(const struct table_spec *spec)
{
	size_t size = ((size_t)spec->entries * LINE + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	struct table *t = malloc(sizeof(*t));

	if (!t)
		abort();
	t->lines = aligned_alloc(HUGE_PAGE, size);
	if (!t->lines)
		abort();
	madvise(t->lines, size, MADV_HUGEPAGE);
	return t;
}

static void line_close(void *table)
{
	struct table *t = table;

	free(t->lines);
	free(t);
}

const struct peer peer_line = {.name = "line",
			       .ops = OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_UPDATE),
			       .open = line_open,
			       .close = line_close,
			       .run = line_run};
