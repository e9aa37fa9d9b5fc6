/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_peek.c: look into a map without keys. A Bloom filter is asked for a value; absence is an
 * answer there and no error, with the exit code of what is not found. */
#include "cli/element.h"
#include "cli/operand.h"

#include <errno.h>

static int peek_bloom(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code;

	if (!args_take(args, "value"))
		return exit_usage("did not find value: bpfmap peek MAP value DATA");
	code = mapref_value(args, &on->ref, NULL, on->value);
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_lookup(on->ref.backend, on->ref.fd, NULL, on->value);
	if (err && err != -ENOENT)
		return exit_failure(err, "peek failed");
	out_begin(cli->out, OUT_OBJECT, OUT_LINE);
	out_key(cli->out, "perhaps_present", "");
	cli->out->ops->scalar(cli->out, err ? "false" : "true",
			      err ? "surely absent" : "perhaps present");
	out_end(cli->out);
	return err ? EXIT_CODE_NOT_FOUND : EXIT_CODE_OK;
}

static int peek_next(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code = args_end(args);

	if (code)
		return code;
	err = backend_map_lookup(on->ref.backend, on->ref.fd, NULL, on->value);
	code = operand_result(err, "peek", OPERAND_EMPTY);
	if (!code)
		element_print(cli->out, &on->ref, NULL, NULL, on->value, 0);
	return code;
}

static int peek(struct cli *cli, struct args *args, const struct operand *on)
{
	int code = mapref_keyless(&on->ref, "lookup MAP key DATA");

	if (code)
		return code;
	return on->ref.info.type == BPF_MAP_TYPE_BLOOM_FILTER ? peek_bloom(cli, args, on)
							      : peek_next(cli, args, on);
}

int verb_peek(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, peek);
}
