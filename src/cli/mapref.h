/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mapref.h: MAP, a map named on the command line, opened and with its types.
 *
 * There are two worlds: maps in user space and the live kernel's. The words user and kernel say
 * which; without them a map is in user space, unless it is named by the path of a file in bpffs.
 */
#ifndef BPFMAP_CLI_MAPREF_H
#define BPFMAP_CLI_MAPREF_H

#include "cli/cli.h"

#define MAPREF_PATH_MAX 4096

struct mapref {
	const struct backend *backend; /* its world */
	int fd;
	struct bpf_map_info info;
	struct btf *btf;
	uint32_t key_type; /* BTF type ids, 0 where bytes have no type */
	uint32_t value_type;
};

/* MAP := [user|kernel] (id N | pinned FILE | name NAME | PATH). 0 or an exit code, the sentence
 * printed. */
int mapref_parse(struct cli *cli, struct args *args, struct mapref *ret_ref);

/* The map behind a descriptor, which the reference owns from then on, also on failure. */
int mapref_from_fd(struct cli *cli, const struct backend *backend, int fd, struct mapref *ret_ref);

void mapref_close(struct mapref *ref);

/* Take the word user or kernel, written out, if it is next; else NULL. */
const struct backend *mapref_world(struct args *args);
/* The world of a path that was given without such a word. /sys/fs/bpf/x is the kernel's if there is
 * such a file, else the same name in the runtime directory, as in programs that bpfmap serves. */
const struct backend *mapref_path_world(const char *path);

/* A pin path as the user writes it, as bpf(2) takes it: absolute, ./x and ../x as they are, other
 * names inside the backend's pin directory. 0 or an exit code. */
int mapref_pin_path(const char *path, char *ret_path, size_t size);

/* FILE := [user|kernel] PATH: where a new pin goes. */
struct mapref_file {
	const struct backend *backend;
	const char *word; /* as it was written */
	char path[MAPREF_PATH_MAX];
};
/* what names it in the sentence. 0 or an exit code. */
int mapref_file(struct args *args, const char *what, struct mapref_file *ret_file);

/* key DATA and value DATA into buffers of the syscall's sizes; key NULL: the map has none. 0 or an
 * exit code. */
int mapref_key(struct args *args, const struct mapref *ref, void *ret_key);
int mapref_value(struct args *args, const struct mapref *ref, const void *key, void *ret_value);

/* An exit code unless the map has no keys; instead is the verb for maps that have. */
int mapref_keyless(const struct mapref *ref, const char *instead);
/* any, noexist or exist as the last word, or nothing. 0 or an exit code. */
int mapref_flags(struct args *args, uint64_t *ret_flags);

/* The map's type as a word. */
const char *mapref_type(const struct bpf_map_info *info);

#endif
