/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_one.c: one map: opening it, and the page with its details and first elements. */
#include "cli/top.h"
#include "cli/top_term.h"

#include "cli/element.h"
#include "cli/variable.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_LINES     7 /* title, details, what elements are ranked by, headings */
#define CELL_WIDTH_MAX 40
#define COLUMNS_MAX    64

/* ---- opening ---- */

void top_one_open(struct top_one *one, const struct mapref *ref)
{
	*one = (struct top_one){.open = true,
				.ref = *ref,
				.world = ref->backend == &backend_kernel ? TOP_KERNEL : TOP_USER};
	if (!top_one_refusal(one))
		top_fields_find(ref, &one->fields);
	one->field = top_fields_choice(&one->fields);
	/* Where there is nothing to rank by, the first keys are shown. */
	one->ascending = !one->fields.count;
}

int top_one_field(struct top_one *one, const char *path)
{
	struct field checked;
	int code;

	for (size_t i = 0; i < one->fields.count; i++) {
		if (!strcmp(one->fields.field[i].path, path)) {
			one->field = i;
			return 0;
		}
	}
	code = field_parse(&one->ref, path, &checked);
	return code ? code : exit_usage("%s: elements are ranked by a number in the value", path);
}

void top_one_close(struct top_one *one)
{
	if (!one->open)
		return;
	if (one->walking)
		top_keys_stop(&one->keys);
	top_fields_free(&one->fields);
	mapref_close(&one->ref);
	*one = (struct top_one){0};
}

const char *top_one_refusal(const struct top_one *one)
{
	if (!one->ref.info.key_size)
		return "a map of this type has no keys, so there are no elements to list";
	if (variable_is(&one->ref))
		return "its elements have lengths of their own; bpfmap dump shows them";
	return NULL;
}

const char *top_one_path(const struct top_one *one)
{
	return one->field < one->fields.count ? one->fields.field[one->field].path : NULL;
}

int top_one_walk(struct top *top)
{
	struct top_one *one = &top->one;
	const struct top_keys_want want = {
		.ref = &one->ref,
		.field = top_one_path(one) ? &one->fields.field[one->field].field : NULL,
		.ascending = one->ascending,
		.limit = top->limit < 200 ? (uint32_t)top->limit : 200,
		.interval_ns = top->interval_ns,
	};
	int err;

	if (one->walking)
		top_keys_stop(&one->keys);
	err = top_keys_start(&one->keys, &want);
	one->walking = !err;
	top->collector.other_pid = err ? 0 : one->keys.child.pid;
	return err;
}

/* ---- details ---- */

static int word_draw(int y, int x, const char *label, const char *text, int ink)
{
	x += top_put(y, x, top_term_columns() - x, TOP_DIM, TOP_LEFT, label) + 1;
	x += top_put(y, x, top_term_columns() - x, ink, TOP_LEFT, text) + 3;
	return x;
}

static int value_draw(const struct top_model *model, const struct top_map *map, int y, int x,
		      enum top_column column, const char *label)
{
	double number = top_value(model, map, column).number;
	char text[32];

	top_format(text, sizeof(text), top_column_info[column].unit, number,
		   top_absent(map, column, top_sign(TOP_SIGN_NONE)));
	return word_draw(y, x, label, text, number > 0 ? TOP_STRONG : TOP_DIM);
}

static void fill_draw(const struct top_model *model, const struct top_map *map, int y)
{
	double percent = top_value(model, map, TOP_FULL).number;
	char text[64], entries[32];
	int x;

	top_format(entries, sizeof(entries), TOP_UNIT_COUNT,
		   top_value(model, map, TOP_ENTRIES).number, top_sign(TOP_SIGN_NONE));
	snprintf(text, sizeof(text), "%s%s of %" PRIu32, entries,
		 map->facts.entries_partial ? "+" : "", map->facts.max_entries);
	x = word_draw(y, 1, "entries", text, TOP_STRONG);
	x = value_draw(model, map, y, x, TOP_FULL, "full");
	top_put_bar(y, x - 2, 20, TOP_ACCENT, isnan(percent) ? 0 : fmin(percent / 100, 1));
	x = value_draw(model, map, y, x + 20, TOP_MEMORY, "memory");
	if (map->facts.world == TOP_KERNEL)
		value_draw(model, map, y, x, TOP_AGE, "counted");
}

static void rates_draw(const struct top_model *model, const struct top_map *map, int y)
{
	int x = value_draw(model, map, y, 1, TOP_LOOKUPS, "lookups/s");

	x = value_draw(model, map, y, x, TOP_HITS, "hit");
	x = value_draw(model, map, y, x, TOP_UPDATES, "updates/s");
	x = value_draw(model, map, y, x, TOP_DELETES, "deletes/s");
	x = value_draw(model, map, y, x, TOP_EVICTIONS, "evictions/s");
	value_draw(model, map, y, x, TOP_FAILURES, "failures/s");
}

static void places_draw(const struct top_map *map, int y)
{
	char line[512];
	int x;

	top_pins_text(map, line, sizeof(line));
	x = word_draw(y, 1, "pinned", line[0] ? line : "nowhere", TOP_PLAIN);
	top_join(line, sizeof(line), map->facts.pids);
	word_draw(y, x, "held by", line[0] ? line : "nobody we may look at", TOP_PLAIN);
}

static void details_draw(const struct top *top)
{
	const struct top_map *map =
		top_model_find(&top->model, top->one.world, top->one.ref.info.id);

	if (!map) {
		top_put(1, 1, top_term_columns() - 1, TOP_WARN, TOP_LEFT,
			"nobody else holds the map any more; it goes when this page is left");
		return;
	}
	fill_draw(&top->model, map, 1);
	rates_draw(&top->model, map, 2);
	places_draw(map, 3);
}

/* ---- elements ---- */

struct table {
	struct top_cells *row;
	struct top_figure *figure;
	size_t rows;
	size_t ranked; /* the cell that elements are ranked by; COLUMNS_MAX: none */
	int width[COLUMNS_MAX];
};

#define RATE_WIDTH 9

static const char *head_of(const char *label)
{
	return !strncmp(label, "value.", 6) ? label + 6 : label;
}

static void table_fill(const struct top_one *one, size_t first, size_t room, struct table *table)
{
	const struct btf_fold fold = top_keys_fold(&one->ref);
	bool percpu = backend_is_percpu(one->ref.info.type);
	size_t count = one->keys.head.count[one->by];

	table->rows = count > first ? count - first : 0;
	if (table->rows > room)
		table->rows = room;
	table->row = must_realloc(NULL, table->rows * sizeof(*table->row));
	table->figure = must_realloc(NULL, table->rows * sizeof(*table->figure));
	for (size_t i = 0; i < table->rows; i++) {
		const void *key, *value;

		top_keys_get(&one->keys, one->by, first + i, &table->figure[i], &key, &value);
		top_cells_init(&table->row[i]);
		element_row(&table->row[i].out, &one->ref, percpu ? &fold : NULL, key, value);
	}
}

/* All rows have the same cells. */
static void table_measure(const char *path, struct table *table)
{
	for (size_t i = 0; i < table->rows; i++) {
		for (size_t c = 0; c < table->row[i].count && c < COLUMNS_MAX; c++) {
			const struct top_cell *cell = &table->row[i].cell[c];
			int head = (int)strlen(head_of(text_str(&cell->label)));
			int width = (int)cell->text.len > head ? (int)cell->text.len : head;

			if (width > CELL_WIDTH_MAX)
				width = CELL_WIDTH_MAX;
			if (table->width[c] < width)
				table->width[c] = width;
		}
	}
	table->ranked = COLUMNS_MAX;
	for (size_t c = 0; path && table->rows && c < table->row[0].count && c < COLUMNS_MAX; c++)
		if (!strcmp(text_str(&table->row[0].cell[c].label), path))
			table->ranked = c;
}

static void rate_draw(const struct top_one *one, const struct top_figure *figure, int y, int x)
{
	char text[32];

	if (figure)
		top_format(text, sizeof(text), TOP_UNIT_RATE, figure->rate,
			   top_sign(TOP_SIGN_NONE));
	if (figure)
		top_put(y, x, RATE_WIDTH, figure->rate > 0 ? TOP_STRONG : TOP_DIM, TOP_RIGHT, text);
	else
		top_put(y, x, RATE_WIDTH, one->by == TOP_BY_RATE ? TOP_ACCENT : TOP_DIM, TOP_RIGHT,
			"RATE/s");
}

/* i SIZE_MAX: the headings. Returns where the next one stands. */
static int cell_draw(const struct top_one *one, const struct table *table, size_t i, size_t c,
		     int y, int x)
{
	const struct top_cell *cell = &table->row[i == SIZE_MAX ? 0 : i].cell[c];
	enum top_align align = cell->number ? TOP_RIGHT : TOP_LEFT;
	bool ranked = c == table->ranked;

	if (i == SIZE_MAX)
		top_put(y, x, table->width[c],
			ranked && one->by == TOP_BY_VALUE ? TOP_ACCENT : TOP_DIM, align,
			head_of(text_str(&cell->label)));
	else
		top_put(y, x, table->width[c], ranked ? TOP_STRONG : TOP_PLAIN, align,
			text_str(&cell->text));
	return x + table->width[c] + 2;
}

/* What elements are ranked by comes first, so that it is seen however long the keys are. */
static void row_draw(const struct top_one *one, const struct table *table, size_t i, int y)
{
	size_t count = table->row[0].count;
	int x = 1;

	if (table->ranked < count) {
		x = cell_draw(one, table, i, table->ranked, y, x);
		rate_draw(one, i == SIZE_MAX ? NULL : &table->figure[i], y, x);
		x += RATE_WIDTH + 2;
	}
	for (size_t c = 0; c < count && c < COLUMNS_MAX && x < top_term_columns(); c++)
		if (c != table->ranked)
			x = cell_draw(one, table, i, c, y, x);
}

static void table_draw(const struct top_one *one, struct top_view *view)
{
	struct table table = {0};
	size_t count = one->keys.head.count[one->by], room = top_room(HEAD_LINES);

	if (view->first_key + room > count)
		view->first_key = count > room ? count - room : 0;
	table_fill(one, view->first_key, room, &table);
	table_measure(top_one_path(one), &table);
	if (table.rows)
		row_draw(one, &table, SIZE_MAX, HEAD_LINES - 1);
	else
		top_put(HEAD_LINES, 1, top_term_columns() - 1, TOP_DIM, TOP_LEFT,
			"the map is empty");
	for (size_t i = 0; i < table.rows; i++)
		row_draw(one, &table, i, HEAD_LINES + (int)i);
	for (size_t i = 0; i < table.rows; i++)
		top_cells_free(&table.row[i]);
	free(table.row);
	free(table.figure);
}

static void elements_draw(const struct top_one *one, struct top_view *view)
{
	const char *refusal = top_one_refusal(one), *path = top_one_path(one);
	const struct top_keys_head *head = &one->keys.head;
	char text[256];

	if (refusal || !one->keys.walks) {
		top_put(5, 1, top_term_columns() - 1, TOP_DIM, TOP_LEFT,
			refusal ? refusal : "walking over the map ...");
		return;
	}
	if (head->err < 0)
		snprintf(text, sizeof(text), "the walk broke off: %s", head->sentence);
	else if (!path)
		snprintf(text, sizeof(text), "%" PRIu64 " element%s in order of their keys",
			 head->elements, head->elements == 1 ? "" : "s");
	else
		snprintf(text, sizeof(text), "%" PRIu64 " element%s by %s%s %s%s", head->elements,
			 head->elements == 1 ? "" : "s",
			 one->by == TOP_BY_RATE ? "the rate of " : "", head_of(path),
			 top_sign(one->ascending ? TOP_SIGN_UP : TOP_SIGN_DOWN),
			 one->by == TOP_BY_RATE && !head->has_rates
				 ? "  (known after a second walk)"
				 : "");
	top_put(5, 1, top_term_columns() - 1, head->err < 0 ? TOP_WARN : TOP_STRONG, TOP_LEFT,
		text);
	table_draw(one, view);
}

void top_one_draw(struct top *top, struct top_view *view)
{
	const struct bpf_map_info *info = &top->one.ref.info;
	char left[160], right[96];

	snprintf(left, sizeof(left), "%s%s %s%s %s id %" PRIu32 "%s key %u B%s value %u B",
		 info->name[0] ? info->name : "(no name)", top_sign(TOP_SIGN_DOT),
		 mapref_type(info), top_sign(TOP_SIGN_DOT), top_world_name[top->one.world],
		 info->id, top_sign(TOP_SIGN_DOT), info->key_size, top_sign(TOP_SIGN_DOT),
		 info->value_size);
	top_pace(top, view, right, sizeof(right));
	top_title_draw(left, right);
	details_draw(top);
	elements_draw(&top->one, view);
	top_foot_draw(view, top->one.fields.count
				    ? "< > field  s value or rate  r reverse  space pause  "
				      "? help  Esc back  q quit"
				    : "space pause  ? help  Esc back  q quit");
}
