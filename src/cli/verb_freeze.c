/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_freeze.c: refuse all further writes but those of programs. */
#include "cli/mapref.h"

int verb_freeze(struct cli *cli, struct args *args)
{
	struct mapref ref;
	int err, code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_end(args);
	if (!code) {
		err = backend_map_freeze(ref.backend, ref.fd);
		if (err)
			code = exit_failure(err, "failed to freeze map");
		else
			out_null(cli->out);
	}
	mapref_close(&ref);
	return code;
}
