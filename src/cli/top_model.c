/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_model.c: maps, look by look. */
#include "cli/top_model.h"

#include "cli/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct top_column_info top_column_info[TOP_COLUMNS] = {
#define TOP_COLUMN(NAME, word, json, heading, unit, width, rank, help) \
	[TOP_##NAME] = {word, json, heading, TOP_UNIT_##unit, width, rank, help},
#include "cli/top_columns.def"
#undef TOP_COLUMN
};

const char *const top_world_name[TOP_WORLDS] = {"user", "kernel"};

/* ---- a look ---- */

/* Where the map is among those kept, which are in order of world and id, or where it belongs. */
static size_t map_place(const struct top_model *model, enum top_world world, uint32_t id)
{
	size_t low = 0, high = model->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct top_facts *facts = &model->map[middle].facts;

		if (facts->world < world || (facts->world == world && facts->id < id))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct top_map *top_model_find(const struct top_model *model, enum top_world world, uint32_t id)
{
	size_t i = map_place(model, world, id);

	if (i == model->count || model->map[i].facts.world != world || model->map[i].facts.id != id)
		return NULL;
	return &model->map[i];
}

double top_rate(uint64_t before, uint64_t now, uint64_t ns)
{
	if (now < before || !ns)
		return NAN;
	return (double)(now - before) * 1e9 / (double)ns;
}

static void facts_free(struct top_facts *facts)
{
	free(facts->pins);
	free(facts->pids);
}

static void rates_forget(struct top_map *map)
{
	for (size_t c = 0; c < TOP_COUNTERS; c++)
		map->rate[c] = NAN;
}

void top_model_begin(struct top_model *model, uint64_t now_ns)
{
	model->before_ns = model->at_ns;
	model->at_ns = now_ns;
	for (size_t i = 0; i < model->count; i++)
		model->map[i].seen = false;
}

static void map_update(struct top_model *model, struct top_map *map, const struct top_facts *facts)
{
	bool same = map->facts.created_ns == facts->created_ns;
	uint64_t ns = model->at_ns - model->before_ns;

	for (size_t c = 0; c < TOP_COUNTERS; c++)
		map->rate[c] = same && map->facts.counted[c] && facts->counted[c]
				       ? top_rate(map->facts.counter[c], facts->counter[c], ns)
				       : NAN;
	facts_free(&map->facts);
	map->facts = *facts;
	map->seen = true;
}

void top_model_add(struct top_model *model, const struct top_facts *facts)
{
	struct top_map *map = top_model_find(model, facts->world, facts->id);
	size_t place;

	if (map) {
		map_update(model, map, facts);
		return;
	}
	model->map = must_realloc(model->map, (model->count + 1) * sizeof(*model->map));
	place = map_place(model, facts->world, facts->id);
	map = &model->map[place];
	memmove(map + 1, map, (model->count++ - place) * sizeof(*map));
	*map = (struct top_map){.facts = *facts, .seen = true};
	rates_forget(map);
}

void top_model_end(struct top_model *model)
{
	size_t kept = 0;

	for (size_t i = 0; i < model->count; i++) {
		if (model->map[i].seen)
			model->map[kept++] = model->map[i];
		else
			facts_free(&model->map[i].facts);
	}
	model->count = kept;
	top_model_order(model);
}

void top_model_free(struct top_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		facts_free(&model->map[i].facts);
	free(model->map);
	free(model->order);
	model->map = NULL;
	model->order = NULL;
	model->count = model->shown = 0;
}

/* ---- values ---- */

static double percent_full(const struct top_facts *facts)
{
	if (!facts->entries_known || !facts->max_entries || facts->always_full)
		return NAN;
	return 100.0 * (double)facts->entries / facts->max_entries;
}

static double hit_percent(const struct top_map *map)
{
	double lookups = map->rate[TOP_COUNT_LOOKUPS], hits = map->rate[TOP_COUNT_HITS];

	/* Counts of one owner are read one after the other: a hit may be seen before its lookup. */
	return lookups > 0 ? 100.0 * fmin(hits / lookups, 1) : NAN;
}

static double age_seconds(const struct top_model *model, const struct top_facts *facts)
{
	/* In user space they are counted all the time. */
	if (!facts->entries_known || facts->world == TOP_USER)
		return NAN;
	return facts->entries_ns < model->at_ns ? (double)(model->at_ns - facts->entries_ns) / 1e9
						: 0;
}

static const char *text_or_none(const char *s)
{
	return s ? s : "";
}

struct top_value top_value(const struct top_model *model, const struct top_map *map,
			   enum top_column column)
{
	const struct top_facts *facts = &map->facts;
	struct top_value value = {.number = NAN};

	switch (column) {
	case TOP_ID: value.number = facts->id; break;
	case TOP_WORLD: value.text = top_world_name[facts->world]; break;
	case TOP_NAME: value.text = facts->name; break;
	case TOP_TYPE: value.text = facts->type; break;
	case TOP_ENTRIES: value.number = facts->entries_known ? (double)facts->entries : NAN; break;
	case TOP_AGE: value.number = age_seconds(model, facts); break;
	case TOP_MAX: value.number = facts->max_entries; break;
	case TOP_FULL:
	case TOP_BAR: value.number = percent_full(facts); break;
	case TOP_MEMORY:
		value.number = facts->memory_known ? (double)facts->memory_bytes : NAN;
		break;
	case TOP_LOOKUPS: value.number = map->rate[TOP_COUNT_LOOKUPS]; break;
	case TOP_HITS: value.number = hit_percent(map); break;
	case TOP_UPDATES: value.number = map->rate[TOP_COUNT_UPDATES]; break;
	case TOP_DELETES: value.number = map->rate[TOP_COUNT_DELETES]; break;
	case TOP_EVICTIONS: value.number = map->rate[TOP_COUNT_EVICTIONS]; break;
	case TOP_FAILURES: value.number = map->rate[TOP_COUNT_FAILURES]; break;
	case TOP_PINS: value.text = text_or_none(facts->pins); break;
	case TOP_PIDS: value.text = text_or_none(facts->pids); break;
	case TOP_COLUMNS: break;
	}
	return value;
}

const char *top_absent(const struct top_map *map, enum top_column column, const char *sign)
{
	return column == TOP_FULL && map->facts.always_full ? "all" : sign;
}

double top_model_sum(const struct top_model *model, enum top_column column)
{
	double sum = NAN;

	for (size_t i = 0; i < model->shown; i++) {
		double number = top_value(model, &model->map[model->order[i]], column).number;

		if (!isnan(number))
			sum = isnan(sum) ? number : sum + number;
	}
	return sum;
}

/* ---- order ---- */

static bool filter_passes(const struct top_model *model, const struct top_map *map)
{
	static const enum top_column columns[] = {TOP_NAME, TOP_TYPE, TOP_WORLD, TOP_PINS,
						  TOP_PIDS};
	char id[16];

	if (!model->filter[0])
		return true;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (strcasestr(top_value(model, map, columns[i]).text, model->filter))
			return true;
	snprintf(id, sizeof(id), "%" PRIu32, map->facts.id);
	return !strcmp(id, model->filter);
}

/* What is not known comes last in either direction. */
static int number_compare(double a, double b, bool ascending)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return ascending ? (a > b) - (a < b) : (a < b) - (a > b);
}

static int text_compare(const char *a, const char *b, bool ascending)
{
	if (!*a || !*b)
		return !*a - !*b;
	return ascending ? strcasecmp(a, b) : strcasecmp(b, a);
}

/* Equal maps stand in order of world and id, whatever the direction. */
static int map_compare(const void *left, const void *right, void *arg)
{
	const struct top_model *model = arg;
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	struct top_value x = top_value(model, &model->map[a], model->sort);
	struct top_value y = top_value(model, &model->map[b], model->sort);
	int order = x.text ? text_compare(x.text, y.text, model->ascending)
			   : number_compare(x.number, y.number, model->ascending);

	return order ? order : (a > b) - (a < b);
}

void top_model_order(struct top_model *model)
{
	model->order = must_realloc(model->order, model->count * sizeof(*model->order));
	model->shown = 0;
	for (size_t i = 0; i < model->count; i++)
		if (filter_passes(model, &model->map[i]))
			model->order[model->shown++] = i;
	if (model->shown)
		qsort_r(model->order, model->shown, sizeof(*model->order), map_compare, model);
}

/* ---- for people ---- */

void top_join(char *ret_text, size_t size, const char *lines)
{
	size_t len = 0;

	for (; lines && *lines && len + 2 < size; lines++) {
		ret_text[len++] = *lines == '\n' ? ',' : *lines;
		if (*lines == '\n')
			ret_text[len++] = ' ';
	}
	ret_text[len] = 0;
}

/* Three significant digits and a letter. */
static void scaled(char *ret_text, size_t size, double number, double step, const char *letters)
{
	size_t unit = 0;

	while (fabs(number) >= step && letters[unit + 1]) {
		number /= step;
		unit++;
	}
	snprintf(ret_text, size, fabs(number) < 10 && unit ? "%.1f%.1s" : "%.0f%.1s", number,
		 unit ? letters + unit : "");
}

void top_format(char *ret_text, size_t size, enum top_unit unit, double number, const char *absent)
{
	if (isnan(number)) {
		snprintf(ret_text, size, "%s", absent);
		return;
	}
	switch (unit) {
	case TOP_UNIT_RATE:
		if (number > 0 && number < 10)
			snprintf(ret_text, size, "%.1f", number);
		else if (fabs(number) < 1e5)
			snprintf(ret_text, size, "%.0f", number);
		else
			scaled(ret_text, size, number, 1000, " kMGTPE");
		break;
	case TOP_UNIT_PERCENT: snprintf(ret_text, size, "%.1f%%", number); break;
	case TOP_UNIT_BYTES: scaled(ret_text, size, number, 1024, " KMGTPE"); break;
	case TOP_UNIT_SECONDS: snprintf(ret_text, size, "%.0fs", number); break;
	default: snprintf(ret_text, size, "%.0f", number); break;
	}
}
