/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_lookup.c: one element. */
#include "cli/element.h"
#include "cli/operand.h"
#include "cli/variable.h"

static int lookup(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code;

	if (variable_is(&on->ref))
		return variable_lookup(cli, args, &on->ref);
	code = operand_key_alone(args, on, "lookup MAP key DATA");
	if (code)
		return code;
	err = backend_map_lookup(on->ref.backend, on->ref.fd, on->key, on->value);
	code = operand_result(err, "lookup", OPERAND_NO_KEY);
	if (!code)
		element_print(cli->out, &on->ref, NULL, on->key, on->value, 0);
	return code;
}

int verb_lookup(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, lookup);
}
