/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.h: an object file opened and loaded by libbpf, with the programs that are to run. */
#ifndef BPFMAP_CLI_OBJECT_H
#define BPFMAP_CLI_OBJECT_H

#include "cli/cli.h"
#include "cli/text.h"

#include <errno.h>

struct bpf_object;
struct bpf_program;

struct object {
	struct bpf_object *bpf;
	struct bpf_program **prog; /* in the order in which they were asked for */
	size_t prog_count;
};

/* Which programs, where none is named. */
enum object_unnamed { OBJECT_ONLY, OBJECT_ALL };

struct object_want {
	const char *const *progs; /* names */
	size_t count;
	enum object_unnamed unnamed; /* if count is 0 */
};

/* There are several programs and none was named. */
#define OBJECT_WHICH (-EDESTADDRREQ)

/* 0 or an exit code, the sentence printed. */
int object_load(struct cli *cli, const char *path, const struct object_want *want,
		struct object *ret_object);
/* 0 or -errno, the sentence in why; below it, in lines of their own, what libbpf said. */
int object_try(struct cli *cli, const char *path, const struct object_want *want,
	       struct object *ret_object, struct text *why);

/* Pin every map at DIR/NAME, dots in names replaced by underscores; all of them or none. */
int object_pin_maps(struct cli *cli, const struct object *object, const char *dir);

/* Show every map with its elements; read-only data only with -d. 0 or an exit code. */
int object_print_maps(struct cli *cli, const struct object *object);

void object_close(struct object *object);

#endif
