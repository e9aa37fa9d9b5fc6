/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.h: an object file opened and loaded by libbpf, with the one program that is to run. */
#ifndef BPFMAP_CLI_OBJECT_H
#define BPFMAP_CLI_OBJECT_H

#include "cli/cli.h"

struct bpf_object;
struct bpf_program;

struct object {
	struct bpf_object *bpf;
	struct bpf_program *prog;
};

/* prog NULL: the only one in the object. 0 or an exit code, the sentence printed. */
int object_load(struct cli *cli, const char *path, const char *prog, struct object *ret_object);

/* Pin every map at DIR/NAME, dots in names replaced by underscores; all of them or none. */
int object_pin_maps(struct cli *cli, const struct object *object, const char *dir);

/* Show every map with its elements; read-only data only with -d. 0 or an exit code. */
int object_print_maps(struct cli *cli, const struct object *object);

void object_close(struct object *object);

#endif
