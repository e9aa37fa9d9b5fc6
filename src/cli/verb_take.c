/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_take.c: one element, which is removed in the same step. */
#include "cli/element.h"
#include "cli/operand.h"

#include <errno.h>

static int take(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code = operand_key(args, on, "take MAP key DATA");

	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_take(on->ref.backend, on->ref.fd, on->key, on->value);
	if (err == -ENOENT)
		return exit_sentence(err, "take failed: the map has no such key");
	if (err)
		return exit_failure(err, "take failed");
	element_print(cli->out, &on->ref, NULL, on->key, on->value, 0);
	return 0;
}

int verb_take(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, take);
}
