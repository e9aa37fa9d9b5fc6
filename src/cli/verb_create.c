/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_create.c: make a map and pin it. */
#include "cli/create_words.h"
#include "cli/mapref.h"
#include "cli/variable.h"

#include <string.h>
#include <unistd.h>

/* The pin's last part is a fine name unless it holds what map names may not. */
static void name_default(const char *path, char ret_name[static BPF_OBJ_NAME_LEN])
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strnlen(base, BPF_OBJ_NAME_LEN - 1);

	if (strspn(base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") < len)
		len = 0;
	memcpy(ret_name, base, len);
	ret_name[len] = 0;
}

int verb_create(struct cli *cli, struct args *args)
{
	char name[BPF_OBJ_NAME_LEN];
	struct create_words words = {.how = {.name = name}, .refused = {[CREATE_CPUS] = true}};
	struct backend_create *how = &words.how;
	struct mapref_file file;
	int code, fd, err;

	code = mapref_file(args, "PATH", &file);
	if (code)
		return code;
	name_default(file.path, name);
	code = create_words_parse(args, "create PATH", &words);
	if (code)
		return code;
	fd = how->map_flags & BPFMAP_F_VARIABLE ? variable_create(file.backend, how)
						: backend_map_create(file.backend, how);
	if (fd < 0)
		return exit_failure(fd, "map create failed");
	err = backend_pin(file.backend, fd, file.path);
	close(fd);
	if (err)
		return exit_failure(err, "can't pin the map at %s", file.word);
	out_null(cli->out);
	return 0;
}
