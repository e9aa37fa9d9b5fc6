/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_print.c: looks, and elements of one map, as text or JSON: a table for each look. */
#include "cli/top.h"

#include "cli/element.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- all maps ---- */

static void number_print(struct out *out, enum top_unit unit, double number, const char *absent)
{
	char json[40], plain[40];

	if (isnan(number)) {
		out->ops->scalar(out, "null", absent);
		return;
	}
	if (unit == TOP_UNIT_BYTES) {
		out_size(out, (uint64_t)number);
		return;
	}
	snprintf(json, sizeof(json), unit == TOP_UNIT_COUNT ? "%.0f" : "%.3f", number);
	top_format(plain, sizeof(plain), unit, number, "-");
	out->ops->scalar(out, json, plain);
}

static void line_print(struct out *out, enum top_column column, const char *line, size_t len)
{
	size_t pid = column == TOP_PIDS ? strcspn(line, " \n") : len;

	if (pid >= len) {
		out_strn(out, line, len);
		return;
	}
	out_begin(out, OUT_OBJECT, OUT_LIST);
	out_key(out, "pid", "pid");
	out_u64(out, strtoull(line, NULL, 10));
	out_key(out, "comm", "comm");
	out_strn(out, line + pid + 1, len - pid - 1);
	out_end(out);
}

static void lines_print(struct out *out, enum top_column column, const char *lines)
{
	out_begin(out, OUT_ARRAY, OUT_LIST);
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		line_print(out, column, lines, len);
		lines += len + (lines[len] == '\n');
	}
	out_end(out);
}

static void map_print(const struct top *top, const struct top_map *map)
{
	struct out *out = top->cli->out;

	out_begin(out, OUT_OBJECT, OUT_ROW);
	for (size_t c = 0; c < TOP_COLUMNS; c++) {
		struct top_value value = top_value(&top->model, map, c);

		if (!top_column_info[c].json)
			continue;
		out_key(out, top_column_info[c].json, top_column_info[c].heading);
		if (c == TOP_PINS || c == TOP_PIDS)
			lines_print(out, c, value.text);
		else if (value.text)
			out_str(out, value.text);
		else
			number_print(out, top_column_info[c].unit, value.number,
				     top_absent(map, c, "-"));
	}
	out_key(out, "entries_complete", NULL);
	out_bool(out, map->facts.entries_known && !map->facts.entries_partial);
	out_end(out);
}

static void look_print(const struct top *top)
{
	const struct top_model *model = &top->model;

	out_begin(top->cli->out, OUT_ARRAY, OUT_TABLE);
	for (size_t i = 0; i < model->shown && i < top->limit; i++)
		map_print(top, &model->map[model->order[i]]);
	out_end(top->cli->out);
	if (!model->shown)
		out_note(top->cli->out, model->filter[0] ? "no such maps" : "no maps");
}

static void sleep_ns(uint64_t ns)
{
	struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

/* True if there is somebody to print more for. */
static bool look_gap(const struct top *top)
{
	out_note(top->cli->out, "");
	return !fflush(stdout) && !ferror(stdout);
}

static int looks_print(struct top *top)
{
	top_collect(&top->collector, &top->model);
	for (uint64_t look = 0; look < top->looks; look++) {
		if (look && !look_gap(top))
			break;
		sleep_ns(top->interval_ns);
		top_collect(&top->collector, &top->model);
		if (top->collector.kernel_err && !top->collector.look_at[TOP_USER])
			return exit_failure(top->collector.kernel_err,
					    "can't list the kernel's maps");
		look_print(top);
	}
	return 0;
}

/* ---- one map ---- */

static void figure_print(struct out *out, const struct field_value *value)
{
	if (value->kind == FIELD_FLOAT)
		out_double(out, value->real);
	else if (value->kind == FIELD_SIGNED)
		out_s64(out, (int64_t)value->number);
	else
		out_u64(out, value->number);
}

static void element_ranked(const struct top *top, size_t i)
{
	const struct top_one *one = &top->one;
	const struct btf_fold fold = top_keys_fold(&one->ref);
	bool percpu = backend_is_percpu(one->ref.info.type);
	struct out *out = top->cli->out;
	struct top_figure figure;
	const void *key, *value;

	top_keys_get(&one->keys, one->by, i, &figure, &key, &value);
	if (!top_one_path(one)) {
		element_row(out, &one->ref, percpu ? &fold : NULL, key, value);
		return;
	}
	out_begin(out, OUT_OBJECT, OUT_ROW);
	element_key(out, &one->ref, "key", "key", key);
	out_key(out, top_one_path(one), top_one_path(one));
	figure_print(out, &figure.value);
	out_key(out, "rate", "rate/s");
	number_print(out, TOP_UNIT_RATE, figure.rate, "-");
	out_end(out);
}

static int elements_print(const struct top *top)
{
	const struct top_keys_head *head = &top->one.keys.head;

	out_begin(top->cli->out, OUT_ARRAY, OUT_TABLE);
	for (size_t i = 0; i < head->count[top->one.by]; i++)
		element_ranked(top, i);
	out_end(top->cli->out);
	if (head->err < 0)
		return exit_sentence(head->err, "the walk over the map broke off: %s",
				     head->sentence);
	if (!head->elements)
		out_note(top->cli->out, "the map is empty");
	return 0;
}

/* Wait for that many walks. */
static bool walks_wait(struct top *top, uint64_t walks)
{
	struct top_keys *keys = &top->one.keys;

	while (keys->walks < walks) {
		struct pollfd fd = {.fd = keys->child.fd, .events = POLLIN};

		poll(&fd, 1, -1);
		if (!top_keys_read(keys) && keys->walks < walks)
			return false;
	}
	return true;
}

static int walks_print(struct top *top)
{
	const char *refusal = top_one_refusal(&top->one);
	uint64_t walks = 1;
	int code, err;

	if (refusal)
		return exit_usage("%s", refusal);
	err = top_one_walk(top);
	if (err)
		return exit_failure(err, "top");
	for (uint64_t look = 0; look < top->looks; look++) {
		if (look && !look_gap(top))
			break;
		if (!walks_wait(top, ++walks))
			return exit_sentence(-EIO, "the process that walks over the map has ended");
		code = elements_print(top);
		if (code)
			return code;
	}
	return 0;
}

int top_print(struct top *top)
{
	return top->one.open ? walks_print(top) : looks_print(top);
}
