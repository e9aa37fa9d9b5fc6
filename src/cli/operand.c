/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operand.c: see operand.h. */
#include "cli/operand.h"

#include "cli/text.h"

#include <errno.h>
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

int operand_key_alone(struct args *args, const struct operand *on, const char *usage)
{
	int code = operand_key(args, on, usage);

	return code ? code : args_end(args);
}

int operand_result(int err, const char *verb, const char *missing)
{
	if (err == -ENOENT)
		return exit_sentence(err, "%s failed: %s", verb, missing);
	return err ? exit_failure(err, "%s failed", verb) : 0;
}

int operand_updated(int err)
{
	if (err == -EEXIST)
		return exit_sentence(err, "update failed: the key exists already (noexist)");
	return operand_result(err, "update", OPERAND_NO_KEY " (exist)");
}
