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

static inline uint64_t table_get(struct table *t, const uint32_t *id)
{
	return t->lines[*id][0];
}

static inline void table_put(struct table *t, const uint32_t *id, const struct value *value)
{
	t->lines[*id][0] = value->w[0];
}

#define LOOP_BY_INDEX
#define TABLE_PUT
#include "loop.h"

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
			       .run = loop_run};
