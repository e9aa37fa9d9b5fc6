/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_pop.c: the next value of a map without keys, which is removed. */
#include "cli/element.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>

static int pop(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *value)
{
	int err, code = mapref_keyless(ref, "take MAP key DATA");

	if (!code)
		code = args_end(args);
	if (code)
		return code;
	if (ref->info.type == BPF_MAP_TYPE_BLOOM_FILTER)
		return exit_usage("nothing can be taken out of a bloom_filter; bpfmap peek asks it "
				  "for a value");
	err = backend_map_take(ref->backend, ref->fd, NULL, value);
	if (err == -ENOENT)
		return exit_sentence(err, "pop failed: the map is empty");
	if (err)
		return exit_failure(err, "pop failed");
	element_print(cli->out, ref, NULL, NULL, value, 0);
	return 0;
}

int verb_pop(struct cli *cli, struct args *args)
{
	struct mapref ref;
	uint8_t *value;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	value = must_realloc(NULL, backend_value_size(&ref.info));
	code = pop(cli, args, &ref, value);
	free(value);
	mapref_close(&ref);
	return code;
}
