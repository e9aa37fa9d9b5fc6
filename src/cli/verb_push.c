/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_push.c: add a value to a map without keys. */
#include "cli/operand.h"

static int push(struct cli *cli, struct args *args, const struct operand *on)
{
	uint64_t flags;
	int err, code = mapref_keyless(&on->ref, "update MAP key DATA value DATA");

	if (code)
		return code;
	if (!args_take(args, "value"))
		return exit_usage("did not find value: bpfmap push MAP value DATA");
	code = mapref_value(args, &on->ref, NULL, on->value);
	if (!code)
		code = mapref_flags(args, &flags);
	if (code)
		return code;
	err = backend_map_update(on->ref.backend, on->ref.fd, NULL, on->value, flags);
	if (err)
		return exit_failure(err, "push failed");
	out_null(cli->out);
	return 0;
}

int verb_push(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, push);
}
