/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_copy.c: the elements of one map into another, in whichever worlds; the other is made if it
 * is not there. A new map gets its name when all is in it. */
#include "cli/transfer.h"

#include <errno.h>
#include <stdio.h>

struct copy {
	struct cli *cli;
	struct mapref from;
	struct shape shape;
	uint64_t count;
};

static int fill(void *arg, const struct backend *backend, int fd)
{
	struct copy *copy = arg;
	struct progress progress;
	struct transfer_read read = {.progress = &progress};
	struct target *target;
	int err = target_open(backend, fd, &copy->shape, &target);

	if (err)
		return exit_failure(err, "the maps do not fit");
	progress_begin(&progress, "copy", "elements", transfer_expect(&copy->from));
	err = transfer_each(&copy->from, &read, target_put, target);
	if (!err)
		err = target_flush(target);
	progress_end(&progress);
	copy->count = target_count(target);
	target_close(target);
	return err ? exit_failure(err, "the copy is incomplete") : 0;
}

static int into_open(struct copy *copy, const struct mapref *to)
{
	struct backend_token a, b;
	int err = copy->from.backend->map_token(copy->from.fd, &copy->from.info, &a);

	if (!err)
		err = to->backend->map_token(to->fd, &to->info, &b);
	if (!err && copy->from.backend == to->backend && a.a == b.a && a.b == b.b)
		return exit_usage("both are the same map");
	return fill(copy, to->backend, to->fd);
}

/* True if the words name a map by what is not a path, so that it must be there. */
static bool is_there(struct args args)
{
	static const char *const keywords[] = {"id", "name", NULL};
	const char *word;

	mapref_world(&args);
	word = args_peek(&args);
	return word && args.count > 1 && args_match(word, keywords) >= 0;
}

static int into_path(struct copy *copy, struct args *args)
{
	struct args words = *args;
	const struct backend *world = mapref_world(&words);
	bool pinned = words.count > 1 && args_take(&words, "pinned");
	struct mapref_file file;
	struct mapref to;
	int fd, code;

	/* user pinned FILE: the world is the file's. */
	if (pinned)
		*args = words;
	code = mapref_file(args, "the other map", &file);
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	if (pinned && world)
		file.backend = world;
	fd = backend_map_open_pin(file.backend, file.path);
	if (fd == -ENOENT)
		return shape_create_filled(&copy->shape, &file, fill, copy);
	if (fd < 0)
		return exit_failure(fd, "can't open the pinned map %s", file.word);
	code = mapref_from_fd(copy->cli, file.backend, fd, &to);
	if (code)
		return code;
	code = into_open(copy, &to);
	mapref_close(&to);
	return code;
}

static int into_map(struct copy *copy, struct args *args)
{
	struct mapref to;
	int code = mapref_parse(copy->cli, args, &to);

	if (code)
		return code;
	code = args_end(args);
	if (!code)
		code = into_open(copy, &to);
	mapref_close(&to);
	return code;
}

int verb_copy(struct cli *cli, struct args *args)
{
	struct copy copy = {.cli = cli};
	int err, code = mapref_parse(cli, args, &copy.from);

	if (code)
		return code;
	err = shape_of_map(&copy.from, &copy.shape);
	if (err) {
		code = exit_failure(err, "the map can't be copied");
	} else {
		code = is_there(*args) ? into_map(&copy, args) : into_path(&copy, args);
		if (!code && shape_is_bloom(&copy.shape))
			out_null(cli->out);
		else if (!code)
			out_count(cli->out, "copied", copy.count);
		shape_free(&copy.shape);
	}
	mapref_close(&copy.from);
	return code;
}
