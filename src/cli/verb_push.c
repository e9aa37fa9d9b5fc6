/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_push.c: add a value to a map without keys. */
#include "cli/mapref.h"
#include "cli/text.h"

#include <stdlib.h>

static int push(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *value)
{
	uint64_t flags;
	int err, code = mapref_keyless(ref, "update MAP key DATA value DATA");

	if (code)
		return code;
	if (!args_take(args, "value"))
		return exit_usage("did not find value: bpfmap push MAP value DATA");
	code = mapref_value(args, ref, NULL, value);
	if (!code)
		code = mapref_flags(args, &flags);
	if (code)
		return code;
	err = backend_map_update(ref->backend, ref->fd, NULL, value, flags);
	if (err)
		return exit_failure(err, "push failed");
	out_null(cli->out);
	return 0;
}

int verb_push(struct cli *cli, struct args *args)
{
	struct mapref ref;
	uint8_t *value;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	value = must_realloc(NULL, backend_value_size(&ref.info));
	code = push(cli, args, &ref, value);
	free(value);
	mapref_close(&ref);
	return code;
}
