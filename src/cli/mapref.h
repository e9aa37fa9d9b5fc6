/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mapref.h: MAP, a map named on the command line, opened and with its types. */
#ifndef BPFMAP_CLI_MAPREF_H
#define BPFMAP_CLI_MAPREF_H

#include "cli/cli.h"

#define MAPREF_PATH_MAX 4096

struct mapref {
	int fd;
	struct bpf_map_info info;
	struct btf *btf;
	uint32_t key_type; /* BTF type ids, 0 where bytes have no type */
	uint32_t value_type;
};

/* MAP := id N | pinned FILE | name NAME | PATH. 0 or an exit code, the sentence printed. */
int mapref_parse(struct cli *cli, struct args *args, struct mapref *ret_ref);

/* The map behind a descriptor, which the reference owns from then on, also on failure. */
int mapref_from_fd(struct cli *cli, int fd, struct mapref *ret_ref);

void mapref_close(struct mapref *ref);

/* A pin path as the user writes it, as bpf(2) takes it: absolute, ./x and ../x as they are, other
 * names inside the backend's pin directory. 0 or an exit code. */
int mapref_pin_path(const char *path, char *ret_path, size_t size);

/* key DATA and value DATA into buffers of the syscall's sizes; key NULL: the map has none. 0 or an
 * exit code. */
int mapref_key(struct args *args, const struct mapref *ref, void *ret_key);
int mapref_value(struct cli *cli, struct args *args, const struct mapref *ref, const void *key,
		 void *ret_value);

/* An exit code unless the map has no keys; instead is the verb for maps that have. */
int mapref_keyless(const struct mapref *ref, const char *instead);
/* any, noexist or exist as the last word, or nothing. 0 or an exit code. */
int mapref_flags(struct args *args, uint64_t *ret_flags);

/* The map's type as a word. */
const char *mapref_type(const struct bpf_map_info *info);

#endif
