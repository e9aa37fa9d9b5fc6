/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_pin.c: give a map another name in the file system. */
#include "cli/mapref.h"

int verb_pin(struct cli *cli, struct args *args)
{
	char path[MAPREF_PATH_MAX];
	struct mapref ref;
	const char *file;
	int err, code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_word(args, "PATH", &file);
	if (!code)
		code = args_end(args);
	if (!code)
		code = mapref_pin_path(file, path, sizeof(path));
	if (!code && ref.backend == &backend_user && mapref_path_world(file) != ref.backend)
		code = exit_usage("%s is a pin of the kernel's already, and this map is not the "
				  "kernel's",
				  file);
	if (!code) {
		err = backend_pin(ref.backend, ref.fd, path);
		if (err)
			code = exit_failure(err, "can't pin the map at %s", file);
		else
			out_null(cli->out);
	}
	mapref_close(&ref);
	return code;
}
