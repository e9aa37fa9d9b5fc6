/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_pop.c: the next value of a map without keys, which is removed. */
#include "cli/element.h"
#include "cli/operand.h"

static int pop(struct cli *cli, struct args *args, const struct operand *on)
{
	int err, code = mapref_keyless(&on->ref, "take MAP key DATA");

	if (!code)
		code = args_end(args);
	if (code)
		return code;
	if (on->ref.info.type == BPF_MAP_TYPE_BLOOM_FILTER)
		return exit_usage("nothing can be taken out of a bloom_filter; bpfmap peek asks it "
				  "for a value");
	err = backend_map_take(on->ref.backend, on->ref.fd, NULL, on->value);
	code = operand_result(err, "pop", OPERAND_EMPTY);
	if (!code)
		element_print(cli->out, &on->ref, NULL, NULL, on->value, 0);
	return code;
}

int verb_pop(struct cli *cli, struct args *args)
{
	return operand_run(cli, args, pop);
}
