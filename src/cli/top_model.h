/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_model.h: maps, look by look: what changed between two looks, and the order in which maps are
 * shown. It asks no map and draws nothing.
 *
 * A look is top_model_begin(), top_model_add() for each map that is there, top_model_end(), which
 * forgets the maps that were not added.
 */
#ifndef BPFMAP_CLI_TOP_MODEL_H
#define BPFMAP_CLI_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum top_column {
#define TOP_COLUMN(NAME, word, json, heading, unit, width, rank, help) TOP_##NAME,
#include "cli/top_columns.def"
#undef TOP_COLUMN
	TOP_COLUMNS
};

enum top_unit {
	TOP_UNIT_TEXT,
	TOP_UNIT_COUNT,
	TOP_UNIT_RATE,
	TOP_UNIT_PERCENT,
	TOP_UNIT_BYTES,
	TOP_UNIT_SECONDS,
	TOP_UNIT_BAR,
};

struct top_column_info {
	const char *word;
	const char *json; /* NULL: not for programs */
	const char *heading;
	enum top_unit unit;
	int width;
	int rank;
	const char *help;
};
extern const struct top_column_info top_column_info[TOP_COLUMNS];

/* What a map counts since it was made. */
enum top_counter {
	TOP_COUNT_LOOKUPS,
	TOP_COUNT_HITS,
	TOP_COUNT_UPDATES,
	TOP_COUNT_DELETES,
	TOP_COUNT_EVICTIONS,
	TOP_COUNT_FAILURES,
	TOP_COUNTERS
};

enum top_world { TOP_USER, TOP_KERNEL, TOP_WORLDS };
extern const char *const top_world_name[TOP_WORLDS];

/* What one look says about a map. */
struct top_facts {
	enum top_world world;
	uint32_t id;
	/* Distinguishes maps that have the same id one after the other; 0: unknown. */
	uint64_t created_ns;
	char name[16];
	const char *type; /* lasts */
	uint32_t max_entries;
	bool entries_known;
	bool entries_partial; /* there are at least so many */
	uint64_t entries;
	uint64_t entries_ns; /* when they were counted, on the clock of the looks */
	bool full_hurts;     /* when it is full, updates are refused */
	bool always_full;    /* an array: all elements are there from the beginning */
	bool memory_known;
	uint64_t memory_bytes;
	bool counted[TOP_COUNTERS]; /* which counters are kept */
	uint64_t counter[TOP_COUNTERS];
	/* Paths, and processes as "PID COMMAND", a line each; the model frees them. NULL: none. */
	char *pins;
	char *pids;
};

struct top_map {
	struct top_facts facts;
	bool seen;		   /* in the present look */
	double rate[TOP_COUNTERS]; /* per second between the last two looks; NAN: not known */
};

struct top_model {
	struct top_map *map; /* in order of world and id */
	size_t count;
	uint64_t at_ns; /* of the present look */
	uint64_t before_ns;
	enum top_column sort;
	bool ascending;
	char filter[64]; /* shown are maps in which it occurs; "": all */
	size_t *order;	 /* indexes of the maps that are shown */
	size_t shown;
};

void top_model_begin(struct top_model *model, uint64_t now_ns);
/* Takes over the strings. */
void top_model_add(struct top_model *model, const struct top_facts *facts);
void top_model_end(struct top_model *model);
/* Order anew, after sort, ascending or filter were changed. */
void top_model_order(struct top_model *model);
void top_model_free(struct top_model *model);

struct top_map *top_model_find(const struct top_model *model, enum top_world world, uint32_t id);

/* A column of a map: a text, or a number that is NAN where it is not known. */
struct top_value {
	const char *text;
	double number;
};
struct top_value top_value(const struct top_model *model, const struct top_map *map,
			   enum top_column column);

/* For the heading: sums over the maps that are shown, NAN where nothing is known. */
double top_model_sum(const struct top_model *model, enum top_column column);

/* Lines as one, "a, b". */
void top_join(char *ret_text, size_t size, const char *lines);

/* Numbers as people read them, 7 characters at most where they may grow: 12345, 1.2M; 3.4%; 1.5K
 * bytes; 8s. absent stands for NAN. */
void top_format(char *ret_text, size_t size, enum top_unit unit, double number, const char *absent);

/* per second from a counter that stood at before and now stands at now; NAN: it began anew. */
double top_rate(uint64_t before, uint64_t now, uint64_t ns);

/* What stands in a column where there is no number: sign, or "all" of an array,
 * which is neither full nor empty. */
const char *top_absent(const struct top_map *map, enum top_column column, const char *sign);

#endif
