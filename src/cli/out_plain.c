/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* out_plain.c: the plain text writer.
 *
 * Scalars, lists and typed values are collected in a cell; the container that the cell stands in
 * (record, row, element, section) decides where it is printed, when the next key or the end comes.
 * A typed value is a C literal that update accepts again.
 */
#include "cli/out.h"

#include "cli/literal.h"
#include "cli/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_LABEL_WIDTH 16
#define PLAIN_DEPTH_MAX	  128
/* bpftool's layout of untyped elements: up to 24 bytes on one line, else 16 bytes a row. */
#define PLAIN_BYTES_ONE_LINE 24
#define PLAIN_BYTES_ROW	     16

struct plain_cell {
	char *label;
	struct text text; /* raw: the bytes themselves */
	bool raw;
};

struct plain_cells {
	struct plain_cell *cell;
	size_t count;
};

struct out_plain {
	struct out out;
	unsigned int depth;
	struct plain_level {
		enum out_shape shape;
		enum out_kind kind;
		unsigned int count;
	} level[PLAIN_DEPTH_MAX];
	struct plain_cell cur;	  /* being filled; no label: nothing there */
	struct plain_cells cells; /* finished, of the current row, element or heading line */
	struct plain_cells *rows; /* of the current table */
	size_t row_count;
};

static struct out_plain *plain_of(struct out *out)
{
	return (struct out_plain *)out;
}

static struct plain_level *plain_top(struct out_plain *plain)
{
	return &plain->level[plain->depth];
}

static char *plain_dup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(must_realloc(NULL, size), s, size);
}

static void cells_free(struct plain_cells *cells)
{
	for (size_t i = 0; i < cells->count; i++) {
		free(cells->cell[i].label);
		text_free(&cells->cell[i].text);
	}
	free(cells->cell);
	*cells = (struct plain_cells){0};
}

static const struct plain_cell *cells_find(const struct plain_cells *cells, const char *label)
{
	for (size_t i = 0; i < cells->count; i++)
		if (!strcmp(cells->cell[i].label, label))
			return &cells->cell[i];
	return NULL;
}

/* ---- elements: "key: ...  value: ..." ---- */

static void bytes_print(const struct text *bytes, const char *row_gap)
{
	for (size_t i = 0; i < bytes->len; i++) {
		if (i && i % PLAIN_BYTES_ROW == 0)
			fputs(row_gap, stdout);
		else if (i)
			fputs(i % 8 ? " " : "  ", stdout);
		printf("%02x", (unsigned char)bytes->s[i]);
	}
}

static bool element_is_one_line(const struct plain_cells *cells)
{
	size_t raw_bytes = 0, columns = 0;

	for (size_t i = 0; i < cells->count; i++) {
		const struct plain_cell *cell = &cells->cell[i];

		raw_bytes += cell->raw ? cell->text.len : 0;
		columns += strlen(cell->label) + 4 + cell->text.len * (cell->raw ? 3 : 1);
	}
	return raw_bytes <= PLAIN_BYTES_ONE_LINE && columns <= LITERAL_WIDTH + 2;
}

static void element_print(const struct plain_cells *cells)
{
	bool one_line = element_is_one_line(cells);

	for (size_t i = 0; i < cells->count; i++) {
		const struct plain_cell *cell = &cells->cell[i];

		printf("%s%s:", i && one_line ? "  " : "", cell->label);
		putchar(cell->raw && !one_line ? '\n' : ' ');
		if (cell->raw)
			bytes_print(&cell->text, one_line ? "  " : "\n");
		else
			literal_print(text_str(&cell->text),
				      one_line ? 0 : strlen(cell->label) + 2);
		if (!one_line)
			putchar('\n');
	}
	if (one_line)
		putchar('\n');
}

/* ---- tables ---- */

struct plain_column {
	const char *label;
	size_t width;
	bool right; /* numbers are aligned to the right */
};

static bool text_is_number(const char *s)
{
	if (!strcmp(s, "-"))
		return true;
	s += *s == '-';
	return isdigit((unsigned char)s[0]) && strspn(s, "0123456789.%") == strlen(s);
}

/* The columns are the labels of all rows, in order of first appearance. */
static size_t table_columns(const struct out_plain *plain, struct plain_column **ret_columns)
{
	struct plain_column *columns = NULL;
	size_t count = 0;

	for (size_t r = 0; r < plain->row_count; r++) {
		for (size_t c = 0; c < plain->rows[r].count; c++) {
			const struct plain_cell *cell = &plain->rows[r].cell[c];
			size_t i = 0, width = cell->text.len;

			/* A column in which no row has anything is not shown. */
			if (!width)
				continue;
			while (i < count && strcmp(columns[i].label, cell->label))
				i++;
			if (i == count) {
				columns = must_realloc(columns, ++count * sizeof(*columns));
				columns[i] = (struct plain_column){cell->label, strlen(cell->label),
								   true};
			}
			if (columns[i].width < width)
				columns[i].width = width;
			if (!text_is_number(cell->text.s))
				columns[i].right = false;
		}
	}
	*ret_columns = columns;
	return count;
}

static void column_print(const struct plain_column *column, const char *s, const char *end)
{
	if (*end == '\n' && !column->right)
		printf("%s%s", s, end);
	else
		printf(column->right ? "%*s%s" : "%-*s%s", (int)column->width, s, end);
}

static void table_print(struct out_plain *plain)
{
	struct plain_column *columns;
	size_t count = table_columns(plain, &columns);

	for (size_t c = 0; c < count; c++) {
		char *heading = plain_dup(columns[c].label);

		for (char *p = heading; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		column_print(&columns[c], heading, c + 1 < count ? "  " : "\n");
		free(heading);
	}
	for (size_t r = 0; r < plain->row_count; r++) {
		for (size_t c = 0; c < count; c++) {
			const struct plain_cell *cell =
				cells_find(&plain->rows[r], columns[c].label);

			column_print(&columns[c], cell ? text_str(&cell->text) : "",
				     c + 1 < count ? "  " : "\n");
		}
	}
	for (size_t r = 0; r < plain->row_count; r++)
		cells_free(&plain->rows[r]);
	free(columns);
	free(plain->rows);
	plain->rows = NULL;
	plain->row_count = 0;
}

static void row_finish(struct out_plain *plain)
{
	plain->rows =
		must_realloc(plain->rows, (plain->row_count + 1) * sizeof(struct plain_cells));
	plain->rows[plain->row_count++] = plain->cells;
	plain->cells = (struct plain_cells){0};
}

/* ---- the stream ---- */

/* The heading line of a section: its scalars in one line. */
static void heading_print(struct plain_cells *cells)
{
	for (size_t i = 0; i < cells->count; i++)
		printf("%s%s%s%s", i ? "  " : "", cells->cell[i].label,
		       cells->cell[i].label[0] ? " " : "", text_str(&cells->cell[i].text));
	if (cells->count)
		putchar('\n');
	cells_free(cells);
}

/* The cell is complete: print it or keep it, as its container wants. */
static void cell_finish(struct out_plain *plain)
{
	struct plain_cells *cells = &plain->cells;

	if (!plain->cur.label) {
		text_clear(&plain->cur.text);
		return;
	}
	if (plain_top(plain)->shape == OUT_RECORD) {
		if (plain->cur.text.len)
			printf("%-*s %s\n", PLAIN_LABEL_WIDTH, plain->cur.label,
			       text_str(&plain->cur.text));
		free(plain->cur.label);
		text_free(&plain->cur.text);
	} else {
		cells->cell = must_realloc(cells->cell, (cells->count + 1) * sizeof(plain->cur));
		cells->cell[cells->count++] = plain->cur;
	}
	plain->cur = (struct plain_cell){0};
}

/* A container that has lines or cells of its own begins: what was collected comes before it. */
static void block_begin(struct out_plain *plain, enum out_shape shape)
{
	if (shape != OUT_ELEMENTS && shape != OUT_SECTIONS && shape != OUT_CPUS)
		return;
	free(plain->cur.label);
	plain->cur.label = NULL;
	if (plain_top(plain)->shape == OUT_SECTION)
		heading_print(&plain->cells);
}

static bool shape_is_element(enum out_shape shape)
{
	return shape == OUT_ELEMENT || shape == OUT_CPU;
}

/* The separator before a value in a literal or a list. */
static void value_lead(struct out_plain *plain)
{
	struct plain_level *top = plain_top(plain);

	if (top->kind != OUT_ARRAY || (top->shape != OUT_VALUE && top->shape != OUT_LIST))
		return;
	if (top->shape == OUT_VALUE)
		text_addf(&plain->cur.text, top->count ? ", " : " ");
	else if (top->count)
		text_addf(&plain->cur.text, ", ");
	top->count++;
}

static void plain_begin(struct out *out, enum out_kind kind, enum out_shape shape)
{
	struct out_plain *plain = plain_of(out);

	block_begin(plain, shape);
	if (shape == OUT_SECTION)
		putchar('\n');
	if (shape == OUT_VALUE || shape == OUT_LIST)
		value_lead(plain);
	if (shape == OUT_VALUE)
		text_addf(&plain->cur.text, "{");
	if (plain->depth + 1 == PLAIN_DEPTH_MAX)
		abort();
	plain->level[++plain->depth] = (struct plain_level){.shape = shape, .kind = kind};
}

static void plain_end(struct out *out)
{
	struct out_plain *plain = plain_of(out);
	struct plain_level *top = plain_top(plain);

	switch (top->shape) {
	case OUT_VALUE: text_addf(&plain->cur.text, top->count ? " }" : "}"); break;
	case OUT_RECORD: cell_finish(plain); break;
	case OUT_LINE:
	case OUT_SECTION:
		cell_finish(plain);
		heading_print(&plain->cells);
		break;
	case OUT_ELEMENT:
		cell_finish(plain);
		element_print(&plain->cells);
		cells_free(&plain->cells);
		break;
	case OUT_ROW:
		cell_finish(plain);
		row_finish(plain);
		break;
	case OUT_TABLE: table_print(plain); break;
	default: break;
	}
	plain->depth--;
}

static void plain_key(struct out *out, const char *name, const char *label)
{
	struct out_plain *plain = plain_of(out);
	struct plain_level *top = plain_top(plain);

	if (top->shape == OUT_VALUE) {
		text_addf(&plain->cur.text, "%s.%s = ", top->count ? ", " : " ", name);
	} else if (top->shape == OUT_COUNTS) {
		text_addf(&plain->cur.text, "%s%s=", top->count ? "  " : "", label);
	} else if (top->shape == OUT_LIST) {
		text_addf(&plain->cur.text, "%s", top->count ? " " : "");
	} else {
		cell_finish(plain);
		plain->cur.label = label ? plain_dup(label) : NULL;
	}
	top->count++;
}

static void plain_scalar(struct out *out, const char *json, const char *text)
{
	struct out_plain *plain = plain_of(out);

	value_lead(plain);
	text_addf(&plain->cur.text, "%s", text);
}

/* One character of a C string literal. */
static void char_quote(struct text *text, unsigned char c)
{
	if (c == '"' || c == '\\')
		text_addf(text, "\\%c", c);
	else if (c == '\n')
		text_addf(text, "\\n");
	else if (c < 0x20 || c == 0x7f)
		text_addf(text, "\\%03o", c);
	else
		text_add(text, (const char *)&c, 1);
}

/* Quoted where a literal is being written, else as it is, without control characters: names come
 * from files that anybody may have written. */
static void plain_string(struct out *out, const char *s, size_t len)
{
	struct out_plain *plain = plain_of(out);
	enum out_shape shape = plain_top(plain)->shape;
	struct text *text = &plain->cur.text;

	value_lead(plain);
	if (shape != OUT_VALUE && !shape_is_element(shape)) {
		for (size_t i = 0; i < len; i++)
			text_addf(text, "%c", iscntrl((unsigned char)s[i]) ? '?' : s[i]);
		return;
	}
	text_addf(text, "\"");
	for (size_t i = 0; i < len; i++)
		char_quote(text, (unsigned char)s[i]);
	text_addf(text, "\"");
}

static void plain_word(struct out *out, const char *s)
{
	value_lead(plain_of(out));
	for (; *s; s++)
		text_addf(&plain_of(out)->cur.text, "%c", iscntrl((unsigned char)*s) ? '?' : *s);
}

static void plain_bytes(struct out *out, const void *data, size_t len)
{
	struct out_plain *plain = plain_of(out);
	const uint8_t *bytes = data;

	if (shape_is_element(plain_top(plain)->shape)) {
		plain->cur.raw = true;
		text_add(&plain->cur.text, data, len);
		return;
	}
	if (plain_top(plain)->shape == OUT_ROW) {
		for (size_t i = 0; i < len; i++)
			text_addf(&plain->cur.text, "%s%02x", i ? " " : "", bytes[i]);
		return;
	}
	value_lead(plain);
	text_addf(&plain->cur.text, "{");
	for (size_t i = 0; i < len; i++)
		text_addf(&plain->cur.text, "%s0x%02x", i ? ", " : " ", bytes[i]);
	text_addf(&plain->cur.text, len ? " }" : "}");
}

static void plain_note(struct out *out, const char *text)
{
	puts(text);
}

static bool plain_wants_bytes(const struct out *out)
{
	return false;
}

static void plain_free(struct out *out)
{
	struct out_plain *plain = plain_of(out);

	free(plain->cur.label);
	text_free(&plain->cur.text);
	cells_free(&plain->cells);
	free(plain);
}

static const struct out_ops plain_ops = {
	.begin = plain_begin,
	.end = plain_end,
	.key = plain_key,
	.scalar = plain_scalar,
	.string = plain_string,
	.word = plain_word,
	.bytes = plain_bytes,
	.note = plain_note,
	.wants_bytes = plain_wants_bytes,
	.free = plain_free,
};

struct out *out_plain_new(void)
{
	struct out_plain *plain = must_realloc(NULL, sizeof(*plain));

	*plain = (struct out_plain){.out.ops = &plain_ops};
	return &plain->out;
}
