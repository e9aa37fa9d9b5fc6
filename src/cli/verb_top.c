/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_top.c: what happens to maps, live. */
#include "cli/top.h"
#include "cli/top_term.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INTERVAL_MIN 0.05
#define INTERVAL_MAX 3600.0

/* Words that stand behind MAP; written out, they are none of its names. */
enum word { WORD_ONCE, WORD_BATCH, WORD_INTERVAL, WORD_SORT, WORD_FILTER, WORD_LIMIT };
static const char *const words[] = {
	[WORD_ONCE] = "once",
	[WORD_BATCH] = "batch",
	[WORD_INTERVAL] = "interval",
	[WORD_SORT] = "sort",
	[WORD_FILTER] = "filter",
	[WORD_LIMIT] = "limit",
	NULL,
};

static bool is_word(const char *word)
{
	for (size_t i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

static int interval_parse(struct top *top, struct args *args)
{
	double seconds;
	int code = args_seconds(args, "interval", INTERVAL_MIN, INTERVAL_MAX, &seconds);

	if (!code)
		top->interval_ns = (uint64_t)(seconds * 1e9);
	return code;
}

static void columns_say(char *ret_text, size_t size)
{
	size_t len = 0;

	for (size_t c = 0; c < TOP_COLUMNS; c++)
		if (top_column_info[c].json && len < size)
			len += (size_t)snprintf(ret_text + len, size - len, "%s%s", c ? ", " : "",
						top_column_info[c].word);
}

static int column_parse(struct top *top, const char *word)
{
	const char *names[TOP_COLUMNS + 1] = {0};
	char all[256];
	int column;

	for (size_t c = 0; c < TOP_COLUMNS; c++)
		names[c] = top_column_info[c].json ? top_column_info[c].word : "-";
	column = args_match(word, names);
	if (column < 0 || column == TOP_BAR) {
		columns_say(all, sizeof(all));
		return exit_usage("sort: expected one of %s, got: '%s'", all, word);
	}
	top->model.sort = (enum top_column)column;
	top->model.ascending =
		top_column_info[column].unit == TOP_UNIT_TEXT || top->model.sort == TOP_ID;
	return 0;
}

/* sort COLUMN, or of a map: sort FIELD [rate]; then asc or desc. */
static int sort_parse(struct top *top, struct args *args, const char **ret_field)
{
	bool *ascending = top->one.open ? &top->one.ascending : &top->model.ascending;
	const char *word;
	int code = args_word(args, top->one.open ? "sort: a field" : "sort: a column", &word);

	if (!code && !top->one.open)
		code = column_parse(top, word);
	if (code)
		return code;
	if (top->one.open) {
		*ret_field = word;
		*ascending = false;
		top->one.by = args_take(args, "rate") ? TOP_BY_RATE : TOP_BY_VALUE;
	}
	if (args_take(args, "asc"))
		*ascending = true;
	else if (args_take(args, "desc"))
		*ascending = false;
	return 0;
}

static int filter_parse(struct top *top, struct args *args)
{
	const char *word;
	int code = args_word(args, "filter: a text", &word);

	if (code)
		return code;
	if (top->one.open)
		return exit_usage("filter chooses among maps, and one was named");
	if (strlen(word) >= sizeof(top->model.filter))
		return exit_usage("filter: the text is longer than %zu bytes",
				  sizeof(top->model.filter) - 1);
	strcpy(top->model.filter, word);
	return 0;
}

static int batch_parse(struct top *top, struct args *args)
{
	const char *word = args_peek(args);

	top->looks = UINT64_MAX;
	if (word && word[0] >= '0' && word[0] <= '9')
		return args_number(args, "batch", UINT64_MAX - 1, &top->looks);
	return 0;
}

static int words_parse(struct top *top, struct args *args, const char **ret_field)
{
	int code = 0;

	while (!code && args->count) {
		const char *word = args_next(args);

		switch (args_match(word, words)) {
		case WORD_ONCE: top->looks = 1; break;
		case WORD_BATCH: code = batch_parse(top, args); break;
		case WORD_INTERVAL: code = interval_parse(top, args); break;
		case WORD_SORT: code = sort_parse(top, args, ret_field); break;
		case WORD_FILTER: code = filter_parse(top, args); break;
		case WORD_LIMIT:
			code = args_number(args, "limit", UINT64_MAX - 1, &top->limit);
			break;
		default:
			code = exit_usage("expected once, batch, interval, sort, filter or limit, "
					  "got: '%s'",
					  word);
		}
	}
	return code;
}

/* [user|kernel] [MAP] */
static int map_parse(struct top *top, struct args *args)
{
	struct args from_map = *args;
	const struct backend *world = mapref_world(args);
	const char *word = args_peek(args);
	struct mapref ref;
	int code;

	for (size_t w = 0; w < TOP_WORLDS; w++)
		top->collector.look_at[w] = !world || world == top_backend[w];
	if (!word || is_word(word))
		return 0;
	*args = from_map;
	code = mapref_parse(top->cli, args, &ref);
	if (code)
		return code;
	for (size_t w = 0; w < TOP_WORLDS; w++)
		top->collector.look_at[w] = true;
	top_one_open(&top->one, &ref);
	return 0;
}

/* Pages need a terminal. Where there is none, looks are printed. */
static void looks_choose(struct top *top)
{
	const char *refusal = "this is no terminal";
	bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	if (!top->looks && top->cli->for_programs)
		top->looks = 1;
	if (top->looks)
		return;
	if (tty)
		refusal = top_term_refusal();
	if (!refusal)
		return;
	top->looks = tty ? UINT64_MAX : 1;
	fprintf(stderr, "%s: printing %s instead of pages (once, batch)\n", refusal,
		tty ? "look after look" : "one look");
}

int verb_top(struct cli *cli, struct args *args)
{
	struct top top = {
		.cli = cli,
		.interval_ns = 1000000000,
		.limit = UINT64_MAX,
		.model = {.sort = TOP_MEMORY},
	};
	const char *field = NULL;
	int code = map_parse(&top, args);

	if (!code)
		code = words_parse(&top, args, &field);
	if (!code && field)
		code = top_one_field(&top.one, field);
	if (!code) {
		looks_choose(&top);
		top_collect_begin(&top.collector);
		code = top.looks ? top_print(&top) : top_pages(&top);
		top_collect_end(&top.collector);
	}
	top_one_close(&top.one);
	top_model_free(&top.model);
	return code;
}
