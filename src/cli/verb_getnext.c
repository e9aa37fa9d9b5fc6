/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_getnext.c: the key that follows another in the map's own order. */
#include "cli/element.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>

static int getnext(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *key,
		   uint8_t *next)
{
	int err, code = 0;

	if (!args->count)
		key = NULL;
	else if (!args_take(args, "key"))
		return exit_usage("expected key, got: '%s'", args_peek(args));
	else
		code = mapref_key(args, ref, key);
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_next_key(ref->backend, ref->fd, key, next);
	if (err == -ENOENT)
		return exit_sentence(err, key ? "no key follows: it is the last one"
					      : "the map is empty");
	if (err)
		return exit_failure(err, "can't get next key");
	out_begin(cli->out, OUT_OBJECT, OUT_ELEMENT);
	element_key(cli->out, ref, "key", "key", key);
	element_key(cli->out, ref, "next_key", "next key", next);
	out_end(cli->out);
	return 0;
}

int verb_getnext(struct cli *cli, struct args *args)
{
	uint8_t *key, *next;
	struct mapref ref;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	key = must_realloc(NULL, ref.info.key_size);
	next = must_realloc(NULL, ref.info.key_size);
	code = getnext(cli, args, &ref, key, next);
	free(key);
	free(next);
	mapref_close(&ref);
	return code;
}
