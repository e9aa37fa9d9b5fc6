/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_list.c: all maps, one a line. */
#include "cli/places.h"

#include <errno.h>

static void row_print(struct cli *cli, const struct places *places, const struct mapref *ref)
{
	const struct bpf_map_info *info = &ref->info;
	struct backend_stats stats;
	bool known = !ref->backend->map_stats(ref->fd, &stats);

	out_begin(cli->out, OUT_OBJECT, OUT_ROW);
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
	out_key(cli->out, "entries", "entries");
	if (known && stats.counted)
		out_u64(cli->out, stats.entries);
	else
		out_null(cli->out);
	out_key(cli->out, "max_entries", "max");
	out_u64(cli->out, info->max_entries);
	if (known) {
		out_key(cli->out, "bytes_memlock", "memory");
		out_size(cli->out, stats.memory_bytes);
	}
	places_print(cli, places, ref);
	out_end(cli->out);
}

static int rows_all(struct cli *cli, const struct places *places)
{
	size_t shown = 0;
	uint32_t id = 0;
	int err;

	out_begin(cli->out, OUT_ARRAY, OUT_TABLE);
	while (!(err = backend_map_next_id(places->backend, id, &id))) {
		int fd = backend_map_open_id(places->backend, id);
		struct mapref ref;

		/* Gone since its id was read, or another user's. */
		if (fd < 0 || mapref_from_fd(cli, places->backend, fd, &ref))
			continue;
		row_print(cli, places, &ref);
		mapref_close(&ref);
		shown++;
	}
	out_end(cli->out);
	if (err != -ENOENT)
		return exit_failure(err, "can't get next map");
	if (!shown)
		out_note(cli->out, "no maps");
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
		row_print(cli, &places, &ref);
		out_end(cli->out);
		places_free(&places);
	}
	mapref_close(&ref);
	return code;
}

int verb_list(struct cli *cli, struct args *args)
{
	struct places places;
	int code;

	if (args->count)
		return row_one(cli, args);
	places_find(&backend_user, &places);
	code = rows_all(cli, &places);
	places_free(&places);
	return code;
}
