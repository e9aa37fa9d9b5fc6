/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_cells.h: a writer that prints nothing: it keeps a row as cells for the screen. */
#ifndef BPFMAP_CLI_TOP_CELLS_H
#define BPFMAP_CLI_TOP_CELLS_H

#include "cli/out.h"
#include "cli/text.h"

/* Deeper than BTF printing goes (BTF_DEPTH_MAX). */
#define TOP_CELLS_DEPTH 128

struct top_cells {
	struct out out;
	struct top_cell {
		struct text label;
		struct text text;
		bool number; /* it is nothing else */
	} * cell;
	size_t count;
	size_t room; /* cells that were used before keep their memory */
	unsigned int depth;
	struct top_cell_level {
		enum out_kind kind;
		unsigned int count; /* of values, or of names */
	} level[TOP_CELLS_DEPTH];
};

void top_cells_init(struct top_cells *cells);
void top_cells_free(struct top_cells *cells);

#endif
