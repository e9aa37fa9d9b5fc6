/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_peek.c: look into a map without keys. A Bloom filter is asked for a value; absence is an
 * answer there and no error, with the exit code of what is not found. */
#include "cli/element.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>

static int peek_bloom(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *value)
{
	int err, code;

	if (!args_take(args, "value"))
		return exit_usage("did not find value: bpfmap peek MAP value DATA");
	code = mapref_value(args, ref, NULL, value);
	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = backend_map_lookup(ref->backend, ref->fd, NULL, value);
	if (err && err != -ENOENT)
		return exit_failure(err, "peek failed");
	out_begin(cli->out, OUT_OBJECT, OUT_LINE);
	out_key(cli->out, "perhaps_present", "");
	cli->out->ops->scalar(cli->out, err ? "false" : "true",
			      err ? "surely absent" : "perhaps present");
	out_end(cli->out);
	return err ? EXIT_CODE_NOT_FOUND : EXIT_CODE_OK;
}

static int peek_next(struct cli *cli, struct args *args, const struct mapref *ref, uint8_t *value)
{
	int err, code = args_end(args);

	if (code)
		return code;
	err = backend_map_lookup(ref->backend, ref->fd, NULL, value);
	if (err == -ENOENT)
		return exit_sentence(err, "peek failed: the map is empty");
	if (err)
		return exit_failure(err, "peek failed");
	element_print(cli->out, ref, NULL, NULL, value, 0);
	return 0;
}

int verb_peek(struct cli *cli, struct args *args)
{
	struct mapref ref;
	uint8_t *value;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	value = must_realloc(NULL, backend_value_size(&ref.info));
	code = mapref_keyless(&ref, "lookup MAP key DATA");
	if (!code && ref.info.type == BPF_MAP_TYPE_BLOOM_FILTER)
		code = peek_bloom(cli, args, &ref, value);
	else if (!code)
		code = peek_next(cli, args, &ref, value);
	free(value);
	mapref_close(&ref);
	return code;
}
