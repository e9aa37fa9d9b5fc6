/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_cells.c: a row as cells. The row itself is the object at depth 1; what is nested in a cell is
 * written as a C literal. */
#include "cli/top_cells.h"

#include <stdlib.h>

static struct top_cells *cells_of(struct out *out)
{
	return (struct top_cells *)out;
}

static struct top_cell *cell_last(struct top_cells *cells)
{
	return &cells->cell[cells->count - 1];
}

/* What stands before an array's value. Arrays do without commas: addresses are long enough. */
static void lead(struct top_cells *cells)
{
	struct top_cell_level *level = &cells->level[cells->depth];

	if (cells->depth > 1 && level->kind == OUT_ARRAY && level->count++)
		text_addf(&cell_last(cells)->text, " ");
}

static void cells_begin(struct out *out, enum out_kind kind, enum out_shape shape)
{
	struct top_cells *cells = cells_of(out);

	if (cells->depth) {
		lead(cells);
		text_addf(&cell_last(cells)->text, "{");
		cell_last(cells)->number = false;
	}
	if (cells->depth + 1 == TOP_CELLS_DEPTH)
		abort();
	cells->level[++cells->depth] = (struct top_cell_level){.kind = kind};
}

static void cells_end(struct out *out)
{
	struct top_cells *cells = cells_of(out);

	if (--cells->depth)
		text_addf(&cell_last(cells)->text, "}");
}

static void cells_key(struct out *out, const char *name, const char *label)
{
	struct top_cells *cells = cells_of(out);
	struct top_cell *cell;

	if (cells->depth > 1) {
		text_addf(&cell_last(cells)->text,
			  "%s.%s=", cells->level[cells->depth].count++ ? ", " : "", name);
		return;
	}
	if (cells->count == cells->room) {
		cells->cell = must_realloc(cells->cell, ++cells->room * sizeof(*cells->cell));
		cells->cell[cells->count] = (struct top_cell){0};
	}
	cell = &cells->cell[cells->count++];
	text_clear(&cell->label);
	text_clear(&cell->text);
	text_addf(&cell->label, "%s", label ? label : name);
	cell->number = true;
}

static void cells_scalar(struct out *out, const char *json, const char *plain)
{
	lead(cells_of(out));
	text_addf(&cell_last(cells_of(out))->text, "%s", plain);
}

static void cells_string(struct out *out, const char *s, size_t len)
{
	struct top_cells *cells = cells_of(out);

	lead(cells);
	text_add(&cell_last(cells)->text, s, len);
	cell_last(cells)->number = false;
}

static void cells_word(struct out *out, const char *s)
{
	lead(cells_of(out));
	text_addf(&cell_last(cells_of(out))->text, "%s", s);
	cell_last(cells_of(out))->number = false;
}

static void cells_bytes(struct out *out, const void *data, size_t len)
{
	struct top_cells *cells = cells_of(out);

	lead(cells);
	for (size_t i = 0; i < len; i++)
		text_addf(&cell_last(cells)->text, "%s%02x", i ? " " : "",
			  ((const unsigned char *)data)[i]);
	cell_last(cells)->number = false;
}

static void cells_note(struct out *out, const char *text)
{
}

static bool cells_wants_bytes(const struct out *out)
{
	return false;
}

static void cells_close(struct out *out)
{
}

static const struct out_ops cells_ops = {
	.begin = cells_begin,
	.end = cells_end,
	.key = cells_key,
	.scalar = cells_scalar,
	.string = cells_string,
	.word = cells_word,
	.bytes = cells_bytes,
	.note = cells_note,
	.wants_bytes = cells_wants_bytes,
	.free = cells_close,
};

void top_cells_init(struct top_cells *cells)
{
	*cells = (struct top_cells){.out.ops = &cells_ops};
}

void top_cells_free(struct top_cells *cells)
{
	for (size_t i = 0; i < cells->room; i++) {
		text_free(&cells->cell[i].label);
		text_free(&cells->cell[i].text);
	}
	free(cells->cell);
	*cells = (struct top_cells){0};
}
