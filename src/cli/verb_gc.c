/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_gc.c: show what nobody needs any more; free it if told so. */
#include "cli/garbage.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct gc_words {
	const struct backend *only; /* NULL: both worlds */
	struct garbage_want want;
	char below[MAPREF_PATH_MAX];
	enum { GC_SHOW, GC_FREE } what;
};

struct gc_totals {
	uint64_t items;
	uint64_t bytes;
	uint64_t unseen;
	uint64_t failed;
};

static int age_parse(struct args *args, uint64_t *ret_seconds)
{
	double seconds;
	int code = args_seconds(args, "older", 0, UINT32_MAX, &seconds);

	if (!code)
		*ret_seconds = (uint64_t)ceil(seconds);
	return code;
}

static int below_parse(struct args *args, struct gc_words *words)
{
	const char *word;
	int code = args_word(args, "below: a directory", &word);

	words->want.below = words->below;
	return code ? code : mapref_pin_path(word, words->below, sizeof(words->below));
}

static int words_parse(struct args *args, struct gc_words *words)
{
	static const char *const keywords[] = {"older", "below", "yes", NULL};
	int code = 0;

	words->only = mapref_world(args);
	while (!code && args->count) {
		const char *word = args_next(args);

		switch (args_match(word, keywords)) {
		case 0: code = age_parse(args, &words->want.older_s); break;
		case 1: code = below_parse(args, words); break;
		case 2: words->what = GC_FREE; break;
		default:
			return exit_usage("expected user, kernel, older, below or yes, got: '%s'",
					  word);
		}
	}
	return code;
}

static void age_print(struct out *out, uint64_t seconds)
{
	char json[24], plain[32];

	snprintf(json, sizeof(json), "%" PRIu64, seconds);
	if (seconds < 120)
		snprintf(plain, sizeof(plain), "%" PRIu64 "s", seconds);
	else if (seconds < 7200)
		snprintf(plain, sizeof(plain), "%" PRIu64 "m", seconds / 60);
	else if (seconds < 172800)
		snprintf(plain, sizeof(plain), "%" PRIu64 "h", seconds / 3600);
	else
		snprintf(plain, sizeof(plain), "%" PRIu64 "d", seconds / 86400);
	out_key(out, "age_seconds", "age");
	out->ops->scalar(out, json, plain);
}

static const char *kind_word(enum garbage_kind kind)
{
	switch (kind) {
	case GARBAGE_PIN: return "pin";
	case GARBAGE_LEFTOVER: return "leftover";
	default: return "dead-writers";
	}
}

/* What became of it; NULL: nothing, it is only shown. */
static void item_print(struct out *out, const struct garbage *garbage,
		       const struct garbage_item *item, const char *result)
{
	out_begin(out, OUT_OBJECT, OUT_ROW);
	out_key(out, "world", "world");
	out_word(out, garbage->backend->name);
	out_key(out, "what", "what");
	out_word(out, kind_word(item->kind));
	out_key(out, "path", "path");
	out_str(out, item->path);
	if (item->info.id) {
		out_key(out, "id", "id");
		out_u64(out, item->info.id);
		out_key(out, "type", "type");
		out_str(out, mapref_type(&item->info));
		out_key(out, "name", "name");
		out_str(out, item->info.name);
	}
	age_print(out, item->age_s);
	out_key(out, "bytes", "memory");
	out_size(out, item->bytes);
	if (item->kind == GARBAGE_WRITERS) {
		out_key(out, "dead_writers", "dead");
		out_u64(out, item->dead);
		out_key(out, "midway", "midway");
		out_u64(out, item->midway);
	}
	if (result) {
		out_key(out, "result", "result");
		out_word(out, result);
	}
	out_end(out);
}

static void item_visit(struct cli *cli, const struct gc_words *words, const struct garbage *garbage,
		       const struct garbage_item *item, struct gc_totals *totals)
{
	const char *result = NULL;
	int err = 0;

	if (words->what == GC_FREE) {
		err = garbage_collect(garbage, item);
		result = item->kind == GARBAGE_WRITERS ? "mended" : "freed";
		if (err)
			result = err == -EBUSY ? "in use" : "failed";
	}
	item_print(cli->out, garbage, item, result);
	if (err && err != -EBUSY) {
		totals->failed++;
		exit_failure(err, "can't free %s", item->path);
	}
	if (!err && item->kind != GARBAGE_WRITERS) {
		totals->items++;
		totals->bytes += item->bytes;
	}
}

static int world_visit(struct cli *cli, const struct gc_words *words, const struct backend *backend,
		       struct gc_totals *totals)
{
	struct garbage garbage;
	int err = garbage_find(backend, &words->want, &garbage);

	if (err)
		return err;
	for (size_t i = 0; i < garbage.count; i++)
		item_visit(cli, words, &garbage, &garbage.item[i], totals);
	if (garbage.unseen > totals->unseen)
		totals->unseen = garbage.unseen;
	garbage_free(&garbage);
	return 0;
}

static void totals_print(struct out *out, const struct gc_words *words,
			 const struct gc_totals *totals)
{
	char size[SIZE_TEXT], text[160];

	size_format(totals->bytes, size, sizeof(size));
	snprintf(text, sizeof(text), "%" PRIu64 " file%s, %s%s", totals->items,
		 totals->items == 1 ? "" : "s", size,
		 words->what == GC_FREE ? " freed"
		 : totals->items	? " could be freed: say yes as well"
					: " to free");
	out_note(out, text);
	if (!totals->unseen)
		return;
	snprintf(text, sizeof(text),
		 "%" PRIu64 " process%s could not be looked at; be root to see all holders",
		 totals->unseen, totals->unseen == 1 ? "" : "es");
	out_note(out, text);
}

int verb_gc(struct cli *cli, struct args *args)
{
	struct gc_words words = {0};
	struct gc_totals totals = {0};
	int err = 0, code = words_parse(args, &words);

	if (code)
		return code;
	out_begin(cli->out, OUT_ARRAY, OUT_TABLE);
	if (words.only != &backend_kernel)
		err = world_visit(cli, &words, &backend_user, &totals);
	if (!err && words.only != &backend_user) {
		err = world_visit(cli, &words, &backend_kernel, &totals);
		if (!words.only && err) {
			fprintf(stderr, "Note: the kernel's maps are left out: %s\n",
				bpfmap_last_error());
			err = 0;
		}
	}
	out_end(cli->out);
	totals_print(cli->out, &words, &totals);
	if (err)
		return exit_failure(err, "can't look for garbage");
	return totals.failed ? EXIT_CODE_OTHER : 0;
}
