/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_delete.c: remove an element. */
#include "cli/operand.h"
#include "cli/variable.h"

static int remove_key(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code;

	if (variable_is(&on->ref))
		return variable_delete(cli, args, &on->ref);
	code = operand_key_alone(args, on, "delete MAP key DATA");
	if (code)
		return code;
	err = backend_map_delete(on->ref.backend, on->ref.fd, on->key);
	code = operand_result(err, "delete", OPERAND_NO_KEY);
	if (!code)
		out_null(cli->out);
	return code;
}

int verb_delete(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, remove_key);
}
