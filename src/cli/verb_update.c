/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_update.c: insert or replace an element. */
#include "cli/mapref.h"
#include "cli/text.h"
#include "cli/variable.h"

#include <errno.h>
#include <stdlib.h>

static int update(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *key,
		  uint8_t *value)
{
	uint64_t flags;
	int err, code;

	if (!args_take(args, "key"))
		return exit_usage("did not find key: bpfmap update MAP key DATA value DATA");
	code = mapref_key(args, ref, key);
	if (code)
		return code;
	if (!args_take(args, "value"))
		return exit_usage("expected value, got: '%s'",
				  args->count ? args_peek(args) : "nothing");
	code = mapref_value(args, ref, key, value);
	if (!code)
		code = mapref_flags(args, &flags);
	if (code)
		return code;
	err = backend_map_update(ref->backend, ref->fd, key, value, flags);
	if (err == -EEXIST)
		return exit_sentence(err, "update failed: the key exists already (noexist)");
	if (err == -ENOENT)
		return exit_sentence(err, "update failed: the map has no such key (exist)");
	if (err)
		return exit_failure(err, "update failed");
	out_null(cli->out);
	return 0;
}

int verb_update(struct cli *cli, struct args *args)
{
	uint8_t *key, *value;
	struct mapref ref;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	if (variable_is(&ref)) {
		code = variable_update(cli, args, &ref);
		mapref_close(&ref);
		return code;
	}
	key = must_realloc(NULL, ref.info.key_size);
	value = must_realloc(NULL, backend_value_size(&ref.info));
	code = update(cli, args, &ref, key, value);
	free(key);
	free(value);
	mapref_close(&ref);
	return code;
}
