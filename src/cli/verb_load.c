/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_load.c: insert the elements of a file, in batches. The first line that is wrong, or that the
 * map refuses, ends it; all lines before it are in the map then. */
#include "cli/load_hex.h"
#include "cli/load_json.h"
#include "cli/mapref.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Elements at a time: enough to make the call's cost vanish, little memory. */
#define LOAD_BATCH 256

struct load {
	struct cli *cli;
	const struct mapref *ref;
	const char *name; /* of the file, for sentences */
	uint64_t flags;
	uint64_t line;
	struct load_hex hex;
	size_t value_size;
	uint8_t *keys;
	uint8_t *values;
	uint64_t lines[LOAD_BATCH]; /* where each element came from */
	uint32_t pending;
	uint64_t loaded;
	uint64_t bytes; /* read */
	struct progress progress;
};

static int refused(const struct load *load, uint64_t line, int err, const char *why)
{
	return exit_sentence(err, "%s:%" PRIu64 ": %s; %" PRIu64 " element%s loaded", load->name,
			     line, why, load->loaded, load->loaded == 1 ? " was" : "s were");
}

static int update_one_by_one(struct load *load, uint32_t *ret_count)
{
	int err = 0;

	for (*ret_count = 0; *ret_count < load->pending; (*ret_count)++) {
		err = backend_map_update(load->ref->backend, load->ref->fd,
					 load->keys + (size_t)*ret_count * load->ref->info.key_size,
					 load->values + *ret_count * load->value_size, load->flags);
		if (err)
			break;
	}
	return err;
}

/* Batches know no flags. */
static int flush(struct load *load)
{
	uint32_t count = load->pending;
	const char *why;
	int err;

	if (!count)
		return 0;
	if (load->flags == BPF_ANY)
		err = backend_map_update_batch(load->ref->backend, load->ref->fd, load->keys,
					       load->values, &count);
	else
		err = update_one_by_one(load, &count);
	load->loaded += count;
	load->pending = 0;
	if (!err)
		return 0;
	why = bpfmap_last_error();
	if (err == -EEXIST)
		why = "the key exists already (noexist)";
	if (err == -ENOENT)
		why = "the map has no such key (exist)";
	return refused(load, load->lines[count < LOAD_BATCH ? count : 0], err,
		       *why ? why : strerror(-err));
}

/* The line is wrong: what stands before it still counts. */
static int bad_line(struct load *load, int err)
{
	struct text why = {0};
	int code;

	text_addf(&why, "%s", bpfmap_last_error());
	code = flush(load);
	if (!code)
		code = refused(load, load->line, err, text_str(&why));
	text_free(&why);
	return code;
}

/* Dump's last line, comments and empty lines say nothing. */
static bool is_idle(const struct load *load, const char *line)
{
	return !*line || *line == '#' ||
	       (load->hex.part == LOAD_HEX_NOWHERE && !strncmp(line, "Found ", 6));
}

static int line_load(struct load *load, const char *line)
{
	uint8_t *key = load->keys + (size_t)load->pending * load->ref->info.key_size;
	uint8_t *value = load->values + load->pending * load->value_size;
	int done;

	load->line++;
	while (isspace((unsigned char)*line))
		line++;
	if (is_idle(load, line))
		return 0;
	if (*line == '{' && load->hex.part == LOAD_HEX_NOWHERE)
		done = load_json(load->ref, line, key, value);
	else
		done = load_hex(load->ref, &load->hex, line, key, value);
	if (done < 0)
		return bad_line(load, done);
	if (!done)
		return 0;
	load->lines[load->pending++] = load->line;
	return load->pending == LOAD_BATCH ? flush(load) : 0;
}

/* Of a pipe nobody knows how much is to come. */
static uint64_t size_of(FILE *file)
{
	struct stat st;

	return fstat(fileno(file), &st) || !S_ISREG(st.st_mode) ? 0 : (uint64_t)st.st_size;
}

static int file_load(struct load *load, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int code = 0;

	progress_begin(&load->progress, "load", "bytes", size_of(file));
	errno = 0;
	while (!code && (len = getline(&line, &room, file)) >= 0) {
		code = line_load(load, line);
		load->bytes += (uint64_t)len;
		progress_at(&load->progress, load->bytes);
	}
	progress_end(&load->progress);
	if (!code && ferror(file))
		code = exit_sentence(-errno, "can't read %s: %s", load->name, strerror(errno));
	free(line);
	if (!code)
		code = flush(load);
	if (!code && load->hex.part != LOAD_HEX_NOWHERE)
		code = refused(load, load->line, -EINVAL, "the last element ends too early");
	return code;
}

static int open_and_load(struct load *load, const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t key_size = load->ref->info.key_size;
	int code;

	if (!file)
		return exit_sentence(-errno, "can't open %s: %s", path, strerror(errno));
	load->name = file == stdin ? "stdin" : path;
	load->keys = must_realloc(NULL, LOAD_BATCH * key_size);
	load->values = must_realloc(NULL, LOAD_BATCH * load->value_size);
	code = file_load(load, file);
	if (!code)
		out_count(load->cli->out, "loaded", load->loaded);
	free(load->keys);
	free(load->values);
	if (file != stdin)
		fclose(file);
	return code;
}

int verb_load(struct cli *cli, struct args *args)
{
	struct load load = {.cli = cli};
	struct mapref ref;
	const char *path;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	load.ref = &ref;
	load.value_size = backend_value_size(&ref.info);
	if (!ref.info.key_size)
		code = exit_usage("a %s has no keys; bpfmap push adds values to it",
				  mapref_type(&ref.info));
	if (!code)
		code = args_word(args, "FILE (- is stdin)", &path);
	if (!code)
		code = mapref_flags(args, &load.flags);
	if (!code)
		code = open_and_load(&load, path);
	mapref_close(&ref);
	return code;
}
