/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_take.c: one element, which is removed in the same step. */
#include "cli/element.h"
#include "cli/operand.h"

static int take(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code = operand_key_alone(args, on, "take MAP key DATA");

	if (code)
		return code;
	err = backend_map_take(on->ref.backend, on->ref.fd, on->key, on->value);
	code = operand_result(err, "take", OPERAND_NO_KEY);
	if (!code)
		element_print(cli->out, &on->ref, NULL, on->key, on->value, 0);
	return code;
}

int verb_take(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, take);
}
