/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_dump.c: every element. */
#include "cli/element.h"

#include <inttypes.h>
#include <stdio.h>

int verb_dump(struct cli *cli, struct args *args)
{
	struct mapref ref;
	uint64_t count;
	char found[48];
	int err, code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_end(args);
	if (!code && !ref.info.key_size)
		code = exit_usage("a %s has no keys and cannot be dumped", mapref_type(&ref.info));
	if (!code) {
		err = element_print_all(cli, &ref, &count);
		snprintf(found, sizeof(found), "Found %" PRIu64 " element%s", count,
			 count == 1 ? "" : "s");
		if (err)
			code = exit_failure(err, "the dump is incomplete");
		else
			out_note(cli->out, found);
	}
	mapref_close(&ref);
	return code;
}
