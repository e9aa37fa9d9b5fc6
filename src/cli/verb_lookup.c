/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_lookup.c: one element. */
#include "cli/element.h"
#include "cli/text.h"
#include "cli/variable.h"

#include <errno.h>
#include <stdlib.h>

static int lookup(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *key,
		  uint8_t *value)
{
	int err, code;

	if (!args_take(args, "key"))
		return exit_usage("did not find key: bpfmap lookup MAP key DATA");
	code = mapref_key(args, ref, key);
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_lookup(ref->backend, ref->fd, key, value);
	if (err == -ENOENT)
		return exit_sentence(err, "lookup failed: the map has no such key");
	if (err)
		return exit_failure(err, "lookup failed");
	element_print(cli->out, ref, NULL, key, value, 0);
	return 0;
}

int verb_lookup(struct cli *cli, struct args *args)
{
	uint8_t *key, *value;
	struct mapref ref;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	if (variable_is(&ref)) {
		code = variable_lookup(cli, args, &ref);
		mapref_close(&ref);
		return code;
	}
	key = must_realloc(NULL, ref.info.key_size);
	value = must_realloc(NULL, backend_value_size(&ref.info));
	code = lookup(cli, args, &ref, key, value);
	free(key);
	free(value);
	mapref_close(&ref);
	return code;
}
