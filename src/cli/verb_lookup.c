/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_lookup.c: one element. */
#include "cli/element.h"
#include "cli/operand.h"
#include "cli/variable.h"

#include <errno.h>

static int lookup(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code;

	if (variable_is(&on->ref))
		return variable_lookup(cli, args, &on->ref);
	code = operand_key(args, on, "lookup MAP key DATA");
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_lookup(on->ref.backend, on->ref.fd, on->key, on->value);
	if (err == -ENOENT)
		return exit_sentence(err, "lookup failed: the map has no such key");
	if (err)
		return exit_failure(err, "lookup failed");
	element_print(cli->out, &on->ref, NULL, on->key, on->value, 0);
	return 0;
}

int verb_lookup(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, lookup);
}
