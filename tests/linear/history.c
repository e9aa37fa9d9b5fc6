/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* history.c: see history.h.
 *
 * Walks over the begins and ends in the order of time and keeps every configuration that is possible: the
 * key's value and which of the open operations have taken effect. At an operation's end those in which it
 * has not are dropped, after each was allowed to let open operations take effect in any order. None left:
 * not linearizable. (Just-in-time linearization after Wing, Gong and Lowe; a set instead of backtracking.)
 */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#define CONFIGS_MAX 65536

struct config {
	uint64_t value;
	uint32_t applied; /* bits of open operations */
};

struct walker {
	const struct event *open[OPEN_MAX]; /* NULL: free */
	struct config *configs;
	size_t n;
	bool too_many;
};

/* The value after the operation took effect at this value; false: its result says otherwise. */
static bool op_apply(const struct event *e, uint64_t value, uint64_t *ret_value)
{
	bool known = e->end != 0;

	*ret_value = value;
	switch (e->op) {
	case OP_READ: return !known || e->out == value;
	case OP_ANY: *ret_value = e->in; return true;
	case OP_NOEXIST: *ret_value = value ? value : e->in; return !known || e->done == !value;
	case OP_EXIST: *ret_value = value ? e->in : 0; return !known || e->done == (value != 0);
	case OP_DELETE: *ret_value = 0; return !known || e->done == (value != 0);
	default: *ret_value = 0; return !known || e->out == value;
	}
}

static void config_add(struct walker *w, uint64_t value, uint32_t applied)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->configs[i].value == value && w->configs[i].applied == applied)
			return;
	if (w->n == CONFIGS_MAX)
		w->too_many = true;
	else
		w->configs[w->n++] = (struct config){value, applied};
}

/* Every configuration that open operations can lead to. The list grows while it is walked. */
static void configs_close(struct walker *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct config c = w->configs[i];
		uint64_t value;

		for (uint32_t o = 0; o < OPEN_MAX; o++)
			if (w->open[o] && !(c.applied >> o & 1) &&
			    op_apply(w->open[o], c.value, &value))
				config_add(w, value, c.applied | 1u << o);
	}
}

static bool event_begin(struct walker *w, const struct event *e)
{
	for (uint32_t o = 0; o < OPEN_MAX; o++)
		if (!w->open[o]) {
			w->open[o] = e;
			return true;
		}
	return false;
}

static void event_end(struct walker *w, const struct event *e)
{
	size_t kept = 0;
	uint32_t o = 0;

	while (w->open[o] != e)
		o++;
	configs_close(w);
	for (size_t i = 0; i < w->n; i++)
		if (w->configs[i].applied >> o & 1) {
			w->configs[kept] = w->configs[i];
			w->configs[kept++].applied &= ~(1u << o);
		}
	w->n = kept;
	w->open[o] = NULL;
}

struct moment {
	uint64_t tick;
	const struct event *event;
};

static int moment_order(const void *a, const void *b)
{
	const struct moment *l = a, *r = b;

	return (l->tick > r->tick) - (l->tick < r->tick);
}

static bool moments_walk(const struct moment *moments, size_t n, struct config *room)
{
	struct walker w = {.configs = room, .n = 1};
	bool fits = true;

	room[0] = (struct config){0};
	for (size_t i = 0; i < n && w.n && fits; i++) {
		if (moments[i].tick == moments[i].event->begin)
			fits = event_begin(&w, moments[i].event);
		else
			event_end(&w, moments[i].event);
	}
	return fits && w.n && !w.too_many;
}

bool history_linear(struct event *events, size_t n)
{
	struct moment *moments = calloc(2 * n + 1, sizeof(*moments));
	struct config *room = calloc(CONFIGS_MAX, sizeof(*room));
	size_t m = 0;
	bool linear = false;

	for (size_t i = 0; moments && room && i < n; i++) {
		moments[m++] = (struct moment){events[i].begin, &events[i]};
		if (events[i].end)
			moments[m++] = (struct moment){events[i].end, &events[i]};
	}
	if (moments && room) {
		qsort(moments, m, sizeof(*moments), moment_order);
		linear = moments_walk(moments, m, room);
	}
	free(moments);
	free(room);
	return linear;
}
