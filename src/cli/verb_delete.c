/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_delete.c: remove an element. */
#include "cli/mapref.h"
#include "cli/text.h"
#include "cli/variable.h"

#include <errno.h>
#include <stdlib.h>

static int remove_key(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *key)
{
	int err, code;

	if (!args_take(args, "key"))
		return exit_usage("did not find key: bpfmap delete MAP key DATA");
	code = mapref_key(args, ref, key);
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_delete(ref->backend, ref->fd, key);
	if (err == -ENOENT)
		return exit_sentence(err, "delete failed: the map has no such key");
	if (err)
		return exit_failure(err, "delete failed");
	out_null(cli->out);
	return 0;
}

int verb_delete(struct cli *cli, struct args *args)
{
	struct mapref ref;
	uint8_t *key;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	if (variable_is(&ref)) {
		code = variable_delete(cli, args, &ref);
		mapref_close(&ref);
		return code;
	}
	key = must_realloc(NULL, ref.info.key_size);
	code = remove_key(cli, args, &ref, key);
	free(key);
	mapref_close(&ref);
	return code;
}
