/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operand.c: see operand.h. */
#include "cli/operand.h"

#include "cli/text.h"

#include <stdlib.h>

int operand_run(struct cli *cli, struct args *args, operand_verb *verb)
{
	struct operand on;
	int code = mapref_parse(cli, args, &on.ref);

	if (code)
		return code;
	on.key = must_realloc(NULL, on.ref.info.key_size);
	on.value = must_realloc(NULL, backend_value_size(&on.ref.info));
	code = verb(cli, args, &on);
	free(on.key);
	free(on.value);
	mapref_close(&on.ref);
	return code;
}

int operand_key(struct args *args, const struct operand *on, const char *usage)
{
	if (!args_take(args, "key"))
		return exit_usage("did not find key: bpfmap %s", usage);
	return mapref_key(args, &on->ref, on->key);
}
