/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_snapshot.c: write a map to a file (snapshot_file.h). */
#include "cli/snapshot_file.h"
#include "cli/transfer.h"

#include <stdio.h>
#include <string.h>

static uint32_t flags_of(const struct mapref *ref, const struct transfer_read *read)
{
	bool live = ref->backend == &backend_kernel;
	uint32_t flags = live ? SNAPSHOT_FROM_KERNEL : 0;

	if (read->one_moment)
		flags |= SNAPSHOT_ONE_MOMENT;
	if (!live && backend_is_lru(ref->info.type))
		flags |= SNAPSHOT_BY_AGE;
	return flags;
}

static void say(struct cli *cli, const struct mapref *ref, const struct transfer_read *read,
		uint64_t bytes)
{
	bool bloom = ref->info.type == BPF_MAP_TYPE_BLOOM_FILTER;

	out_begin(cli->out, OUT_OBJECT, OUT_LINE);
	if (!bloom) {
		out_key(cli->out, "elements", "elements");
		out_u64(cli->out, read->ret_count);
	}
	out_key(cli->out, "bytes", "bytes");
	out_u64(cli->out, bytes);
	if (read->ret_lost) {
		out_key(cli->out, "lost", "lost");
		out_u64(cli->out, read->ret_lost);
	}
	out_end(cli->out);
	if (backend_is_lru(ref->info.type) && !read->ret_by_age)
		out_note(cli->out, "the kernel does not tell its elements' ages: they are in no "
				   "particular order");
}

static int write_all(const struct mapref *ref, const char *path, struct transfer_read *read,
		     uint64_t *ret_bytes)
{
	struct snapshot_writer *writer;
	struct shape shape;
	int err = shape_of_map(ref, &shape);

	if (err)
		return err;
	err = snapshot_create(path, &shape, flags_of(ref, read), &writer);
	shape_free(&shape);
	if (err)
		return err;
	err = transfer_each(ref, read, snapshot_add, writer);
	if (err) {
		snapshot_abort(writer);
		return err;
	}
	return snapshot_commit(writer, ret_bytes);
}

int verb_snapshot(struct cli *cli, struct args *args)
{
	struct progress progress;
	struct transfer_read read = {.progress = &progress};
	struct mapref ref;
	const char *path;
	uint64_t bytes;
	int err, code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_word(args, "FILE", &path);
	if (!code && args_take(args, "consistent"))
		read.one_moment = true;
	if (!code)
		code = args_end(args);
	if (!code) {
		progress_begin(&progress, "snapshot", "elements", transfer_expect(&ref));
		err = write_all(&ref, path, &read, &bytes);
		progress_end(&progress);
		if (err)
			code = exit_failure(err, "no snapshot was written");
		else
			say(cli, &ref, &read, bytes);
	}
	mapref_close(&ref);
	return code;
}
