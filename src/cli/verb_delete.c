/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_delete.c: remove an element. */
#include "cli/operand.h"
#include "cli/variable.h"

#include <errno.h>

static int remove_key(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code;

	if (variable_is(&on->ref))
		return variable_delete(cli, args, &on->ref);
	code = operand_key(args, on, "delete MAP key DATA");
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_delete(on->ref.backend, on->ref.fd, on->key);
	if (err == -ENOENT)
		return exit_sentence(err, "delete failed: the map has no such key");
	if (err)
		return exit_failure(err, "delete failed");
	out_null(cli->out);
	return 0;
}

int verb_delete(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, remove_key);
}
