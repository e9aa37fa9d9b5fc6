/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top.h: what the parts of bpfmap top share: the words behind it, and the pages.
 *
 *   verb_top.c     the words
 *   top_collect.c  a look at all maps, with top_user.c
 *   top_model.c    rates, order, numbers; asks nothing, draws nothing
 *   top_keys.c     the first elements of one map, in a child (top_child.c); top_rank.c orders them
 *   top_print.c    looks and elements as text or JSON
 *   top_pages.c    keys and time; top_list.c and top_one.c draw, on top_term.c
 */
#ifndef BPFMAP_CLI_TOP_H
#define BPFMAP_CLI_TOP_H

#include "cli/top_cells.h"
#include "cli/top_collect.h"
#include "cli/top_fields.h"
#include "cli/top_keys.h"

/* One map and its first elements. */
struct top_one {
	bool open;
	struct mapref ref;
	enum top_world world;
	struct top_fields fields;
	size_t field; /* which of them; none if there are none */
	enum top_rank_by by;
	bool ascending;
	bool walking; /* a child looks for elements */
	struct top_keys keys;
};

struct top {
	struct cli *cli;
	struct top_collector collector;
	struct top_model model;
	uint64_t interval_ns;
	uint64_t limit; /* rows; UINT64_MAX: all that fit */
	uint64_t looks; /* of batch; 0: pages, UINT64_MAX: without end */
	struct top_one one;
};

/* ---- one map ---- */

/* Takes over the reference. */
void top_one_open(struct top_one *one, const struct mapref *ref);
/* Rank by that field. 0 or an exit code. */
int top_one_field(struct top_one *one, const char *path);
void top_one_close(struct top_one *one);
/* Begin to look for elements, or begin anew after field or direction were changed. 0 or -errno. */
int top_one_walk(struct top *top);
/* Why there are no elements to look for; NULL: there are. */
const char *top_one_refusal(const struct top_one *one);
/* value.packets, or NULL */
const char *top_one_path(const struct top_one *one);

/* ---- text and JSON ---- */

/* Looks, or one map's elements, as often as `looks` says. An exit code. */
int top_print(struct top *top);

/* ---- pages ---- */

/* Where somebody looks. */
struct top_view {
	enum top_world world; /* the chosen map */
	uint32_t id;
	size_t first;	  /* row of the list on the screen's first line */
	size_t first_key; /* the same for elements */
	bool paused;
	int help;    /* its page, from 1; 0: it is not shown */
	bool typing; /* a filter */
	char message[160];
	uint64_t message_until_ns;
};

/* Until somebody ends it. An exit code. */
int top_pages(struct top *top);

void top_list_draw(struct top *top, struct top_view *view);
void top_one_draw(struct top *top, struct top_view *view);

/* Pins by the names that MAP takes: below the pin directory. */
void top_pins_text(const struct top_map *map, char *ret_text, size_t size);

/* Heading line and last line of a page. right may be NULL. */
void top_title_draw(const char *left, const char *right);
void top_foot_draw(const struct top_view *view, const char *hint);
/* "every 1 s", or that it is paused or slower than asked for. */
void top_pace(const struct top *top, const struct top_view *view, char *ret_text, size_t size);
/* Rows that fit between heading and foot of a page whose table begins on that line. */
size_t top_room(int first_line);

#endif
