/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_update.c: insert or replace an element. */
#include "cli/operand.h"
#include "cli/variable.h"

static int update(struct cli *cli, struct args *args, const struct operand *on)
{
	uint64_t flags;
	int err, code;

	if (variable_is(&on->ref))
		return variable_update(cli, args, &on->ref);
	code = operand_key(args, on, "update MAP key DATA value DATA");
	if (code)
		return code;
	if (!args_take(args, "value"))
		return exit_usage("expected value, got: '%s'",
				  args->count ? args_peek(args) : "nothing");
	code = mapref_value(args, &on->ref, on->key, on->value);
	if (!code)
		code = mapref_flags(args, &flags);
	if (code)
		return code;
	err = backend_map_update(on->ref.backend, on->ref.fd, on->key, on->value, flags);
	code = operand_updated(err);
	if (!code)
		out_null(cli->out);
	return code;
}

int verb_update(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, update);
}
