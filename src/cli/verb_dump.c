/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_dump.c: every element, or those that are asked for. */
#include "cli/query.h"
#include "cli/variable.h"

/* Lines are JSON, whatever the rest of the output would be. */
static void lines_begin(struct cli *cli)
{
	enum out_bytes bytes = out_wants_bytes(cli->out) ? OUT_BYTES_BPFTOOL : OUT_BYTES_NUMBERS;

	out_finish(cli->out);
	cli->out = out_new(OUT_STYLE_JSON, bytes);
}

static int dump(struct cli *cli, struct args *args, const struct mapref *ref)
{
	struct query query;
	int code;

	if (!ref->info.key_size)
		return exit_usage("a %s has no keys and cannot be dumped", mapref_type(&ref->info));
	code = query_parse(ref, args, &query);
	if (!code && query.form == QUERY_LINES)
		lines_begin(cli);
	if (!code)
		code = query_run(cli, ref, &query);
	query_free(&query);
	return code;
}

int verb_dump(struct cli *cli, struct args *args)
{
	struct mapref ref;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = variable_is(&ref) ? variable_dump(cli, args, &ref) : dump(cli, args, &ref);
	mapref_close(&ref);
	return code;
}
