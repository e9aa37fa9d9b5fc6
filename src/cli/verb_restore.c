/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_restore.c: make a map of a snapshot, in either world, or put its elements into one that is
 * there. A new map gets its name when all is in it. */
#include "cli/snapshot_file.h"
#include "cli/transfer.h"

#include <stdio.h>
#include <string.h>

struct restore {
	struct cli *cli;
	struct snapshot_reader *reader;
	struct shape shape;
	uint64_t count;
};

static int records_move(struct restore *restore, struct target *target, struct progress *progress)
{
	struct record record;
	int err;

	while ((err = snapshot_next(restore->reader, &record)) == 1) {
		progress_at(progress, snapshot_done(restore->reader));
		err = target_put(target, &record);
		if (err)
			return err;
	}
	return err ? err : target_flush(target);
}

static int fill(void *arg, const struct backend *backend, int fd)
{
	struct restore *restore = arg;
	struct progress progress;
	struct target *target;
	int err = target_open(backend, fd, &restore->shape, &target);

	if (err)
		return exit_failure(err, "the snapshot does not fit the map");
	progress_begin(&progress, "restore", "bytes", snapshot_bytes(restore->reader));
	err = records_move(restore, target, &progress);
	progress_end(&progress);
	restore->count = target_count(target);
	target_close(target);
	return err ? exit_failure(err, "the restore is incomplete") : 0;
}

/* Without a name in the words the map gets the one that it had. */
static int file_default(const struct restore *restore, struct mapref_file *ret_file)
{
	*ret_file = (struct mapref_file){.backend = &backend_user, .word = restore->shape.name};
	if (!restore->shape.name[0] || strchr(restore->shape.name, '.'))
		return exit_usage(
			"the map had no name that a pin could have: restore FILE as PATH");
	return mapref_pin_path(restore->shape.name, ret_file->path, sizeof(ret_file->path));
}

static int restore_run(struct restore *restore, struct args *args)
{
	struct mapref_file file;
	struct mapref ref;
	int code;

	if (args_take(args, "into")) {
		code = mapref_parse(restore->cli, args, &ref);
		if (code)
			return code;
		code = args_end(args);
		if (!code)
			code = fill(restore, ref.backend, ref.fd);
		mapref_close(&ref);
		return code;
	}
	if (!args->count)
		code = file_default(restore, &file);
	else if (args_take(args, "as") || args_take(args, "pinned"))
		code = mapref_file(args, "the new map's path", &file);
	else
		code = exit_usage("expected as PATH or into MAP, got: '%s'", args_peek(args));
	if (!code)
		code = args_end(args);
	return code ? code : shape_create_filled(&restore->shape, &file, fill, restore);
}

int verb_restore(struct cli *cli, struct args *args)
{
	struct restore restore = {.cli = cli};
	const char *path;
	int err, code = args_word(args, "FILE, a snapshot", &path);

	if (code)
		return code;
	err = snapshot_open(path, &restore.reader, &restore.shape);
	if (err)
		return exit_failure(err, "can't read the snapshot");
	code = restore_run(&restore, args);
	if (!code && shape_is_bloom(&restore.shape))
		out_null(cli->out);
	else if (!code)
		out_count(cli->out, "restored", restore.count);
	shape_free(&restore.shape);
	snapshot_close(restore.reader);
	return code;
}
