/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_clear.c: remove every element. */
#include "cli/mapref.h"

#include <inttypes.h>

static int clear(struct cli *cli, const struct mapref *ref)
{
	const char *done = backend_is_array(ref->info.type) ? "zeroed" : "deleted";
	uint64_t count;
	int err = backend_map_clear(ref->backend, ref->fd, &ref->info, &count);

	if (err && count)
		return exit_failure(err, "clear failed after %" PRIu64 " elements were %s", count,
				    done);
	if (err)
		return exit_failure(err, "clear failed");
	out_count(cli->out, done, count);
	return 0;
}

int verb_clear(struct cli *cli, struct args *args)
{
	struct mapref ref;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_end(args);
	if (!code)
		code = clear(cli, &ref);
	mapref_close(&ref);
	return code;
}
