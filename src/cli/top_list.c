/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_list.c: the page with all maps. */
#include "cli/top.h"
#include "cli/top_term.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TITLE_LINES 2 /* title, headings */
/* From so full on a map that refuses updates when it is full is warned of. */
#define FULL_WARN 80.0
#define FULL_BAD  95.0

/* ---- which columns fit ---- */

struct layout {
	bool shown[TOP_COLUMNS];
	int width[TOP_COLUMNS];
	int total;
};

static bool has_kernel(const struct top_model *model)
{
	return model->count && model->map[model->count - 1].facts.world == TOP_KERNEL;
}

static void layout_sum(struct layout *layout)
{
	layout->total = -1;
	for (size_t c = 0; c < TOP_COLUMNS; c++)
		if (layout->shown[c])
			layout->total += layout->width[c] + 1;
}

/* The shown column of the highest rank, but never one of rank 0. */
static size_t layout_last(const struct layout *layout)
{
	size_t last = TOP_ID;

	for (size_t c = 0; c < TOP_COLUMNS; c++)
		if (layout->shown[c] && top_column_info[c].rank > top_column_info[last].rank)
			last = c;
	return last;
}

/* Texts take what is left over. */
static void layout_widen(struct layout *layout, int columns)
{
	static const enum top_column flexible[] = {TOP_PINS, TOP_PIDS};
	int left = columns - layout->total;

	for (size_t i = 0; i < 2 && left > 0; i++) {
		int more = i ? left : left / 2;

		if (!layout->shown[flexible[i]])
			continue;
		layout->width[flexible[i]] += more;
		left -= more;
	}
	layout_sum(layout);
}

/* Texts and ids are as wide as the longest of them; pins and processes change too often for
 * that. */
static int width_needed(const struct top_model *model, enum top_column column)
{
	const struct top_column_info *info = &top_column_info[column];
	int width = (int)strlen(info->heading) + 1;
	char id[16];

	if (column != TOP_ID && (info->unit != TOP_UNIT_TEXT || column >= TOP_PINS))
		return info->width;
	for (size_t i = 0; i < model->count; i++) {
		struct top_value value = top_value(model, &model->map[i], column);
		int len;

		if (!value.text)
			top_format(id, sizeof(id), info->unit, value.number, "");
		len = (int)strlen(value.text ? value.text : id);
		if (width < len)
			width = len;
	}
	return width < info->width ? width : info->width;
}

static void layout_make(const struct top_model *model, int columns, struct layout *layout)
{
	for (size_t c = 0; c < TOP_COLUMNS; c++) {
		layout->shown[c] = c != TOP_AGE || has_kernel(model);
		layout->width[c] = width_needed(model, c);
	}
	layout_sum(layout);
	while (layout->total > columns) {
		size_t last = layout_last(layout);

		if (!top_column_info[last].rank)
			break;
		layout->shown[last] = false;
		layout_sum(layout);
	}
	layout_widen(layout, columns);
}

/* ---- cells ---- */

static enum top_align align_of(enum top_column column)
{
	enum top_unit unit = top_column_info[column].unit;

	return unit == TOP_UNIT_TEXT || unit == TOP_UNIT_BAR ? TOP_LEFT : TOP_RIGHT;
}

static int full_ink(const struct top_map *map, double percent)
{
	if (!map->facts.full_hurts)
		return TOP_DIM;
	if (percent < FULL_WARN)
		return TOP_ACCENT;
	return percent < FULL_BAD ? TOP_WARN : TOP_BAD;
}

static int cell_ink(const struct top_map *map, enum top_column column, double number)
{
	switch (column) {
	case TOP_NAME: return TOP_STRONG;
	case TOP_FULL: return number >= FULL_WARN ? full_ink(map, number) : TOP_PLAIN;
	case TOP_FAILURES: return number > 0 ? TOP_BAD : TOP_DIM;
	case TOP_EVICTIONS: return number > 0 ? TOP_WARN : TOP_DIM;
	case TOP_WORLD:
	case TOP_TYPE:
	case TOP_AGE:
	case TOP_PINS:
	case TOP_PIDS: return TOP_DIM;
	default: return isnan(number) || number == 0 ? TOP_DIM : TOP_PLAIN;
	}
}

void top_pins_text(const struct top_map *map, char *ret_text, size_t size)
{
	const char *root = top_backend[map->facts.world]->pin_root(), *line = map->facts.pins;
	size_t prefix = strlen(root), len = 0;

	ret_text[0] = 0;
	while (line && *line && len + 2 < size) {
		size_t length = strcspn(line, "\n");
		bool below = length > prefix && !memcmp(line, root, prefix) && line[prefix] == '/';
		size_t skip = below ? prefix + 1 : 0;

		len += (size_t)snprintf(ret_text + len, size - len, "%s%.*s", len ? ", " : "",
					(int)(length - skip), line + skip);
		line += length + (line[length] == '\n');
	}
}

static void cell_draw(const struct top_model *model, const struct top_map *map,
		      enum top_column column, int y, int x, int width, int mark)
{
	struct top_value value = top_value(model, map, column);
	enum top_unit unit = top_column_info[column].unit;
	char number[32], line[256];

	if (value.text) {
		if (column == TOP_PINS)
			top_pins_text(map, line, sizeof(line));
		else
			top_join(line, sizeof(line), value.text);
		top_put(y, x, width, cell_ink(map, column, 1) | mark, TOP_LEFT, line);
	} else if (unit == TOP_UNIT_BAR) {
		top_put_bar(y, x, width, full_ink(map, value.number) | mark,
			    isnan(value.number) ? 0 : fmin(value.number / 100, 1));
	} else {
		top_format(number, sizeof(number), unit, value.number,
			   top_absent(map, column, top_sign(TOP_SIGN_NONE)));
		if (column == TOP_ENTRIES && map->facts.entries_partial)
			strcat(number, "+");
		top_put(y, x, width, cell_ink(map, column, value.number) | mark, TOP_RIGHT, number);
	}
}

static void row_draw(const struct top_model *model, const struct layout *layout,
		     const struct top_map *map, int y, int mark)
{
	int x = 0;

	if (mark)
		top_put(y, 0, top_term_columns(), TOP_PLAIN | mark, TOP_LEFT, "");
	for (size_t c = 0; c < TOP_COLUMNS; c++) {
		if (!layout->shown[c])
			continue;
		cell_draw(model, map, c, y, x, layout->width[c], mark);
		x += layout->width[c] + 1;
	}
}

static void heads_draw(const struct top_model *model, const struct layout *layout)
{
	int x = 0;

	for (size_t c = 0; c < TOP_COLUMNS; c++) {
		bool sorted = c == model->sort;
		int used;

		if (!layout->shown[c])
			continue;
		used = top_put(1, x, layout->width[c], sorted ? TOP_STRONG : TOP_DIM, align_of(c),
			       top_column_info[c].heading);
		if (sorted)
			top_put(1, x + (align_of(c) == TOP_RIGHT ? layout->width[c] : used), 1,
				TOP_ACCENT, TOP_LEFT,
				top_sign(model->ascending ? TOP_SIGN_UP : TOP_SIGN_DOWN));
		x += layout->width[c] + 1;
	}
}

/* ---- the page ---- */

static void title_draw(const struct top *top, const struct top_view *view,
		       const struct layout *layout)
{
	const struct top_model *model = &top->model;
	char left[256], right[96], memory[32], updates[32];
	size_t kernel = 0;
	int len;

	for (size_t i = 0; i < model->shown; i++)
		kernel += model->map[model->order[i]].facts.world == TOP_KERNEL;
	top_format(memory, sizeof(memory), TOP_UNIT_BYTES, top_model_sum(model, TOP_MEMORY), "0");
	top_format(updates, sizeof(updates), TOP_UNIT_RATE, top_model_sum(model, TOP_UPDATES), "0");
	len = snprintf(left, sizeof(left), "%zu map%s", model->shown, model->shown == 1 ? "" : "s");
	if (model->shown < model->count)
		len += snprintf(left + len, sizeof(left) - (size_t)len, " of %zu with \"%s\"",
				model->count, model->filter);
	if (kernel)
		len += snprintf(left + len, sizeof(left) - (size_t)len, "%s %zu in the kernel",
				top_sign(TOP_SIGN_DOT), kernel);
	len += snprintf(left + len, sizeof(left) - (size_t)len, "%s memory %s%s updates %s/s",
			top_sign(TOP_SIGN_DOT), memory, top_sign(TOP_SIGN_DOT), updates);
	if (!layout->shown[model->sort])
		snprintf(left + len, sizeof(left) - (size_t)len, "%s by %s", top_sign(TOP_SIGN_DOT),
			 top_column_info[model->sort].word);
	top_pace(top, view, right, sizeof(right));
	top_title_draw(left, right);
}

static size_t chosen_row(const struct top_model *model, const struct top_view *view)
{
	for (size_t row = 0; row < model->shown; row++) {
		const struct top_facts *facts = &model->map[model->order[row]].facts;

		if (facts->id == view->id && facts->world == view->world)
			return row;
	}
	return 0;
}

/* The chosen map stays on the page. */
static void scroll(struct top_view *view, size_t chosen, size_t shown, size_t room)
{
	if (view->first > chosen)
		view->first = chosen;
	if (room && chosen >= view->first + room)
		view->first = chosen - room + 1;
	if (view->first + room > shown)
		view->first = shown > room ? shown - room : 0;
}

static void empty_draw(const struct top *top)
{
	const char *text = top->model.filter[0]
				   ? "no map has this in its name, type, pins or pids"
				   : "no maps yet; they appear here when they are made";

	top_put(3, 2, top_term_columns() - 2, TOP_DIM, TOP_LEFT, text);
	if (top->collector.kernel_err)
		top_put(4, 2, top_term_columns() - 2, TOP_DIM, TOP_LEFT,
			"the kernel does not show its maps to this user");
}

static const char *hint(const struct top *top, const struct top_view *view)
{
	const struct top_map *map = top_model_find(&top->model, view->world, view->id);

	if (map && map->facts.world == TOP_USER && !map->facts.counted[TOP_COUNT_LOOKUPS])
		return "Enter elements  < > sort  r reverse  / filter  space pause  c count "
		       "lookups  "
		       "? help  q quit";
	return "Enter elements  < > sort  r reverse  / filter  space pause  ? help  q quit";
}

void top_list_draw(struct top *top, struct top_view *view)
{
	struct top_model *model = &top->model;
	size_t chosen = chosen_row(model, view), room = top_room(TITLE_LINES);
	struct layout layout;

	layout_make(model, top_term_columns(), &layout);
	title_draw(top, view, &layout);
	heads_draw(model, &layout);
	scroll(view, chosen, model->shown, room);
	if (model->shown) {
		view->world = model->map[model->order[chosen]].facts.world;
		view->id = model->map[model->order[chosen]].facts.id;
	} else {
		empty_draw(top);
	}
	for (size_t i = 0; i < room && view->first + i < model->shown; i++)
		row_draw(model, &layout, &model->map[model->order[view->first + i]],
			 TITLE_LINES + (int)i, view->first + i == chosen ? TOP_MARKED : 0);
	top_foot_draw(view, hint(top, view));
}
