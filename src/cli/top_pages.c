/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_pages.c: keys and time.
 *
 * The loop sleeps until a key, a signal, elements from the child, or the next look. A look that
 * took t is followed by at least nine times t of rest, so that watching takes no more than a tenth
 * of a CPU.
 */
#include "cli/top.h"
#include "cli/top_term.h"

#include "base/clock.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REST_SHARE 10
#define HELP_KEYS  10
#define MESSAGE_NS 6000000000ull

/* ---- what pages share ---- */

size_t top_room(int first_line)
{
	int room = top_term_lines() - 1 - first_line;

	return room > 0 ? (size_t)room : 0;
}

void top_title_draw(const char *left, const char *right)
{
	int columns = top_term_columns();
	int len = right ? (int)strlen(right) : 0;
	bool both = len && columns > len * 2;

	top_put(0, 1, both ? columns - len - 5 : columns - 1, TOP_STRONG, TOP_LEFT, left);
	if (both)
		top_put(0, columns - len - 2, len + 1, TOP_DIM, TOP_RIGHT, right);
}

void top_foot_draw(const struct top_view *view, const char *hint)
{
	int y = top_term_lines() - 1;
	bool message = clock_now_ns() < view->message_until_ns;

	if (y < 1)
		return;
	top_put(y, 0, 1, TOP_DIM, TOP_LEFT, "");
	top_put(y, 1, top_term_columns() - 1, message ? TOP_WARN : TOP_DIM, TOP_LEFT,
		message ? view->message : hint);
}

static uint64_t pace_ns(const struct top *top)
{
	uint64_t least = top->collector.cost_ns * REST_SHARE;

	return top->interval_ns > least ? top->interval_ns : least;
}

void top_pace(const struct top *top, const struct top_view *view, char *ret_text, size_t size)
{
	uint64_t pace = pace_ns(top);

	if (view->paused)
		snprintf(ret_text, size, "paused");
	else if (pace > top->interval_ns * 3 / 2)
		snprintf(ret_text, size, "every %.1g s, as a look takes %.1g s", (double)pace / 1e9,
			 (double)top->collector.cost_ns / 1e9);
	else
		snprintf(ret_text, size, "every %.3g s", (double)top->interval_ns / 1e9);
}

__attribute__((format(printf, 2, 3))) static void message(struct top_view *view, const char *fmt,
							  ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(view->message, sizeof(view->message), fmt, args);
	va_end(args);
	view->message_until_ns = clock_now_ns() + MESSAGE_NS;
}

/* ---- help ---- */

static int help_line(int y, const char *left, const char *right)
{
	if (y + 1 < top_term_lines()) {
		top_put(y, 2, 12, TOP_STRONG, TOP_LEFT, left);
		top_put(y, 15, top_term_columns() - 15, TOP_PLAIN, TOP_LEFT, right);
	}
	return y + 1;
}

static int help_keys(void)
{
	static const char *const lines[HELP_KEYS][2] = {
		{"Enter", "the map's details and its first elements; Esc leads back"},
		{"up down j k", "choose a map; PgUp PgDn Home End"},
		{"< >", "sort by the next column; on a map's page rank by the next field"},
		{"r", "reverse the order"},
		{"s", "on a map's page: rank by the field's value or by its rate"},
		{"/", "show only maps with a text in name, type, pins or processes; Enter ends it"},
		{"space", "pause"},
		{"+ -", "look less often, more often"},
		{"c", "count the chosen map's lookups from now on (3 ns each), for good"},
		{"q", "quit"},
	};
	int y = 2;

	for (size_t i = 0; i < HELP_KEYS; i++)
		y = help_line(y, lines[i][0], lines[i][1]);
	return y + 1;
}

static void help_columns(int y)
{
	for (size_t c = 0; c < TOP_COLUMNS; c++)
		if (c != TOP_BAR)
			y = help_line(y, top_column_info[c].heading, top_column_info[c].help);
}

static bool help_fits(void)
{
	return top_term_lines() > HELP_KEYS + TOP_COLUMNS + 3;
}

/* All on one page if it fits, else keys, then columns. */
static void help_draw(const struct top_view *view)
{
	int y = 2;

	top_title_draw("keys and columns", NULL);
	if (view->help == 1)
		y = help_keys();
	if (view->help == 2 || help_fits())
		help_columns(y);
	top_foot_draw(view, view->help == 1 && !help_fits()
				    ? "any key shows the columns; Esc leads back"
				    : "any key leads back");
}

/* ---- keys ---- */

static void choose_move(struct top *top, struct top_view *view, long by)
{
	const struct top_model *model = &top->model;
	size_t room = top_room(2);
	long row = 0, last = (long)model->shown - 1;

	for (size_t i = 0; i < model->shown; i++)
		if (model->map[model->order[i]].facts.id == view->id &&
		    model->map[model->order[i]].facts.world == view->world)
			row = (long)i;
	row += by;
	if (last < 0)
		return;
	row = row < 0 ? 0 : row > last ? last : row;
	view->id = model->map[model->order[row]].facts.id;
	view->world = model->map[model->order[row]].facts.world;
	if (room && (size_t)row >= view->first + room)
		view->first = (size_t)row - room + 1;
}

static void sort_next(struct top_model *model, int step)
{
	do {
		model->sort = (model->sort + TOP_COLUMNS + (unsigned int)step) % TOP_COLUMNS;
	} while (model->sort == TOP_BAR);
	/* Texts from A on, numbers from the largest on; ids as they are given. */
	model->ascending =
		top_column_info[model->sort].unit == TOP_UNIT_TEXT || model->sort == TOP_ID;
	top_model_order(model);
}

static int chosen_open(const struct top_view *view)
{
	return backend_map_open_id(top_backend[view->world], view->id);
}

static void one_enter(struct top *top, struct top_view *view)
{
	struct mapref ref;
	int fd;

	if (!top_model_find(&top->model, view->world, view->id))
		return;
	fd = chosen_open(view);
	if (fd < 0) {
		message(view, "map %u cannot be opened: %s", view->id, bpfmap_last_error());
		return;
	}
	if (mapref_from_fd(top->cli, top_backend[view->world], fd, &ref))
		return;
	top_one_open(&top->one, &ref);
	view->first_key = 0;
	if (!top_one_refusal(&top->one) && top_one_walk(top))
		message(view, "%s", bpfmap_last_error());
}

static void lookups_count(struct top *top, struct top_view *view)
{
	struct bpfmap *map;
	int fd, err;

	if (!top_model_find(&top->model, view->world, view->id))
		return;
	if (view->world == TOP_KERNEL) {
		message(view, "the kernel does not count what is done to its maps");
		return;
	}
	fd = chosen_open(view);
	err = fd < 0 ? fd : bpfmap_open_fd(fd, 0, &map);
	if (!err) {
		err = bpfmap_count_lookups(map);
		bpfmap_close(map);
	}
	if (fd >= 0)
		close(fd);
	if (err)
		message(view, "not counted: %s", bpfmap_last_error());
	else
		message(view, "whoever opens map %u from now on has his lookups counted", view->id);
}

static void interval_change(struct top *top, double by)
{
	double seconds = (double)top->interval_ns / 1e9 * by;

	seconds = seconds < 0.125 ? 0.125 : seconds > 3600 ? 3600 : seconds;
	top->interval_ns = (uint64_t)(seconds * 1e9);
}

static void filter_key(struct top *top, struct top_view *view, int key)
{
	char *filter = top->model.filter;
	size_t len = strlen(filter);

	if (key == '\r' || key == '\n' || key == KEY_ENTER)
		view->typing = false;
	else if (key == TOP_KEY_ESCAPE)
		view->typing = false, filter[0] = 0;
	else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len)
		filter[len - 1] = 0;
	else if (key >= ' ' && key < 256 && key != 127 && len + 1 < sizeof(top->model.filter))
		filter[len] = (char)key, filter[len + 1] = 0;
	top_model_order(&top->model);
}

/* False: the key is none of the list's. */
static bool list_key(struct top *top, struct top_view *view, int key)
{
	long page = (long)top_room(2);

	switch (key) {
	case KEY_UP:
	case 'k': choose_move(top, view, -1); break;
	case KEY_DOWN:
	case 'j': choose_move(top, view, 1); break;
	case KEY_PPAGE: choose_move(top, view, -page); break;
	case KEY_NPAGE: choose_move(top, view, page); break;
	case KEY_HOME:
	case 'g': choose_move(top, view, -(long)top->model.shown); break;
	case KEY_END:
	case 'G': choose_move(top, view, (long)top->model.shown); break;
	case '>':
	case KEY_RIGHT: sort_next(&top->model, 1); break;
	case '<':
	case KEY_LEFT: sort_next(&top->model, -1); break;
	case 'r':
		top->model.ascending = !top->model.ascending;
		top_model_order(&top->model);
		break;
	case '/': view->typing = true; break;
	case TOP_KEY_ESCAPE:
		top->model.filter[0] = 0;
		top_model_order(&top->model);
		break;
	case 'c': lookups_count(top, view); break;
	case '\r':
	case '\n':
	case KEY_ENTER: one_enter(top, view); break;
	default: return false;
	}
	return true;
}

static void field_next(struct top *top, struct top_view *view, size_t step)
{
	struct top_one *one = &top->one;

	if (!one->fields.count)
		return;
	one->field = (one->field + step) % one->fields.count;
	if (top_one_walk(top))
		message(view, "%s", bpfmap_last_error());
}

static bool one_key(struct top *top, struct top_view *view, int key)
{
	struct top_one *one = &top->one;
	size_t page = top_room(7);

	switch (key) {
	case TOP_KEY_ESCAPE:
	case KEY_BACKSPACE:
		top_one_close(one);
		top->collector.other_pid = 0;
		break;
	case KEY_UP:
	case 'k': view->first_key -= view->first_key > 0; break;
	case KEY_DOWN:
	case 'j': view->first_key++; break;
	case KEY_PPAGE: view->first_key -= view->first_key > page ? page : view->first_key; break;
	case KEY_NPAGE: view->first_key += page; break;
	case '>':
	case KEY_RIGHT: field_next(top, view, 1); break;
	case '<':
	case KEY_LEFT: field_next(top, view, one->fields.count - 1); break;
	case 's':
		if (one->fields.count)
			one->by = one->by == TOP_BY_VALUE ? TOP_BY_RATE : TOP_BY_VALUE;
		break;
	case 'r':
		one->ascending = !one->ascending;
		field_next(top, view, 0);
		break;
	default: return false;
	}
	return true;
}

/* False: it is time to end. */
static bool key_do(struct top *top, struct top_view *view, int key)
{
	if (key == KEY_RESIZE)
		return true;
	if (view->help) {
		bool more = view->help == 1 && key != TOP_KEY_ESCAPE && !help_fits();

		view->help = more ? 2 : 0;
		return key != 'q';
	}
	if (view->typing) {
		filter_key(top, view, key);
		return true;
	}
	if (top->one.open ? one_key(top, view, key) : list_key(top, view, key))
		return true;
	switch (key) {
	case 'q': return false;
	case '?':
	case 'h': view->help = 1; break;
	case ' ':
	case 'p': view->paused = !view->paused; break;
	case '+': interval_change(top, 2); break;
	case '-': interval_change(top, 0.5); break;
	default: break;
	}
	return true;
}

/* ---- the loop ---- */

static void draw(struct top *top, struct top_view *view)
{
	char text[128];

	top_term_begin();
	if (view->help)
		help_draw(view);
	else if (top->one.open)
		top_one_draw(top, view);
	else
		top_list_draw(top, view);
	if (view->typing) {
		snprintf(text, sizeof(text), "/%s_", top->model.filter);
		top_put(top_term_lines() - 1, 1, top_term_columns() - 1, TOP_STRONG, TOP_LEFT,
			text);
	}
	top_term_end();
}

/* False: the terminal has gone. */
static bool wait_for(const struct top *top, uint64_t until_ns, const struct top_view *view)
{
	bool elements = top->one.walking && !view->paused;
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = elements ? top->one.keys.child.fd : -1, .events = POLLIN},
	};
	uint64_t now = clock_now_ns(), left = until_ns > now ? until_ns - now : 0;

	poll(fds, 2, (int)(left / 1000000 + 1));
	return !(fds[0].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void elements_take(struct top *top, struct top_view *view)
{
	struct top_one *one = &top->one;

	if (!one->walking || view->paused || top_keys_read(&one->keys))
		return;
	/* What it found so far stays on the page. */
	top_child_stop(&one->keys.child);
	one->walking = false;
	message(view, "the process that walks over the map has ended");
}

/* Wait for something, and do what it asks for. False: it is time to end. */
static bool step(struct top *top, struct top_view *view, uint64_t *next_ns)
{
	uint64_t now = clock_now_ns();
	int key;

	if (now >= *next_ns) {
		if (!view->paused)
			top_collect(&top->collector, &top->model);
		*next_ns = now + pace_ns(top);
	}
	elements_take(top, view);
	if (top_term_said(view->message, sizeof(view->message)))
		view->message_until_ns = now + MESSAGE_NS;
	draw(top, view);
	if (!wait_for(top, *next_ns, view))
		return false;
	while ((key = top_term_key()))
		if (!key_do(top, view, key))
			return false;
	return !top_term_signal();
}

int top_pages(struct top *top)
{
	struct top_view view = {0};
	uint64_t next_ns = 0;
	int signal_number, err = top_term_start();

	if (err)
		return exit_failure(err, "top");
	if (top->one.open && !top_one_refusal(&top->one) && top_one_walk(top))
		message(&view, "%s", bpfmap_last_error());
	while (step(top, &view, &next_ns))
		;
	signal_number = top_term_signal();
	top_term_stop();
	if (signal_number)
		raise(signal_number);
	return 0;
}
