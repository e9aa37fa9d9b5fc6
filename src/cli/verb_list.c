/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_list.c: all maps of both worlds, one a line. */
#include "cli/places.h"

#include "base/clock.h"
#include "region/rundir.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kernel's maps are counted by walking over them: so long, all together. */
#define COUNT_NS 300000000ull

static void entries_print(struct cli *cli, const struct mapref *ref, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(), left = now < deadline_ns ? deadline_ns - now : 0;
	struct backend_entries found;
	char json[24], plain[32];

	out_key(cli->out, "entries", "entries");
	/* Ours keep a count, which costs no time. */
	if ((!left && ref->backend == &backend_kernel) ||
	    ref->backend->map_entries(ref->fd, &ref->info, left, &found)) {
		out_null(cli->out);
		return;
	}
	snprintf(json, sizeof(json), "%" PRIu64, found.entries);
	snprintf(plain, sizeof(plain), "%s%s", json, found.is_whole ? "" : "+");
	cli->out->ops->scalar(cli->out, json, plain);
	if (!found.is_whole) {
		out_key(cli->out, "entries_at_least", NULL);
		out_bool(cli->out, true);
	}
}

static void row_print(struct cli *cli, const struct places *places, const struct mapref *ref,
		      uint64_t deadline_ns)
{
	const struct bpf_map_info *info = &ref->info;
	struct backend_stats stats;

	out_begin(cli->out, OUT_OBJECT, OUT_ROW);
	out_key(cli->out, "world", "world");
	out_word(cli->out, ref->backend->name);
	out_key(cli->out, "id", "id");
	out_u64(cli->out, info->id);
	out_key(cli->out, "type", "type");
	out_str(cli->out, mapref_type(info));
	out_key(cli->out, "name", "name");
	out_str(cli->out, info->name);
	out_key(cli->out, "flags", "flags");
	out_hex(cli->out, info->map_flags);
	out_key(cli->out, "bytes_key", "key");
	out_size(cli->out, info->key_size);
	out_key(cli->out, "bytes_value", "value");
	out_size(cli->out, info->value_size);
	entries_print(cli, ref, deadline_ns);
	out_key(cli->out, "max_entries", "max");
	out_u64(cli->out, info->max_entries);
	if (!ref->backend->map_stats(ref->fd, &stats)) {
		out_key(cli->out, "bytes_memlock", "memory");
		out_size(cli->out, stats.memory_bytes);
	}
	places_print(cli, places, ref);
	out_end(cli->out);
}

/* Rows need no types, which would be read and parsed for each map. */
static bool row_open(const struct backend *backend, uint32_t id, struct mapref *ret_ref)
{
	struct mapref ref = {.backend = backend, .fd = backend_map_open_id(backend, id)};

	/* Gone since its id was read, or another user's. */
	if (ref.fd < 0)
		return false;
	*ret_ref = ref;
	if (!backend_map_info(backend, ref.fd, &ret_ref->info))
		return true;
	mapref_close(&ref);
	return false;
}

/* 0 or -errno: not all were seen. */
static int rows_of(struct cli *cli, const struct backend *backend, size_t *shown)
{
	uint64_t deadline_ns = clock_now_ns() + COUNT_NS;
	struct places places;
	struct mapref ref;
	uint32_t id = 0;
	int err = backend_map_next_id(backend, id, &id);

	if (err)
		return err == -ENOENT ? 0 : err;
	places_find(backend, &places);
	for (; !err; err = backend_map_next_id(backend, id, &id)) {
		if (!row_open(backend, id, &ref))
			continue;
		row_print(cli, &places, &ref, deadline_ns);
		mapref_close(&ref);
		(*shown)++;
	}
	places_free(&places);
	return err == -ENOENT ? 0 : err;
}

/* With the place: a BPFMAP_DIR that is misspelt, or somebody else's, has none either. */
static void none_print(struct out *out, const struct backend *only)
{
	const char *dir = rundir_path();
	char text[PATH_MAX + 80];
	bool refused = access(dir, R_OK | X_OK) && errno != ENOENT;

	if (only == &backend_kernel) {
		out_note(out, "no maps");
		return;
	}
	snprintf(text, sizeof(text), "no maps in %s%s%s", dir, refused ? ": " : "",
		 refused ? strerror(errno) : "");
	out_note(out, text);
}

/* backend NULL: both. Who may not ask the kernel sees what is ours. */
static int rows_all(struct cli *cli, const struct backend *only)
{
	size_t shown = 0;
	int err = 0;

	out_begin(cli->out, OUT_ARRAY, OUT_TABLE);
	if (only != &backend_kernel)
		err = rows_of(cli, &backend_user, &shown);
	if (!err && only != &backend_user)
		err = rows_of(cli, &backend_kernel, &shown);
	out_end(cli->out);
	if (!only && (err == -EPERM || err == -EACCES || err == -ENOSYS)) {
		/* To be told so once at a terminal is enough: who scripts asks for a world. */
		fflush(stdout);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "Note: the kernel's maps are left out: %s\n",
				bpfmap_last_error());
		err = 0;
	}
	if (err)
		return exit_failure(err, "can't get next map");
	if (!shown)
		none_print(cli->out, only);
	return 0;
}

static int row_one(struct cli *cli, struct args *args)
{
	struct places places;
	struct mapref ref;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_end(args);
	if (!code) {
		places_find(ref.backend, &places);
		out_begin(cli->out, OUT_ARRAY, OUT_TABLE);
		row_print(cli, &places, &ref, clock_now_ns() + COUNT_NS);
		out_end(cli->out);
		places_free(&places);
	}
	mapref_close(&ref);
	return code;
}

int verb_list(struct cli *cli, struct args *args)
{
	if (args->count > 1 || (args->count && !backend_find(args_peek(args))))
		return row_one(cli, args);
	return rows_all(cli, mapref_world(args));
}
