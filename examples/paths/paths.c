// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* paths.c: fills the filter of paths.bpf.c and asks the program about paths.
 *
 *   paths OBJ KNOWN-FILE < PATHS
 *
 * KNOWN-FILE has a known good path on each line; each line of the input is looked up and comes back
 * as "known PATH" or "unknown PATH". Paths of 256 bytes and more are unknown.
 * Exit status: 0, 1 if something failed, 2 for wrong arguments.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common/host.h"
#include "paths.h"

/* The next line. 1; 0 at the end; *ret_fits is 0 for a path that is too long. */
static int path_read(FILE *file, char **line, size_t *room, struct path *ret_path, int *ret_fits)
{
	ssize_t length = getline(line, room, file);

	if (length < 0)
		return 0;
	if (length && (*line)[length - 1] == '\n')
		(*line)[--length] = '\0';
	*ret_fits = length < PATH_BYTES;
	memset(ret_path, 0, sizeof(*ret_path));
	if (*ret_fits)
		memcpy(ret_path->text, *line, (size_t)length);
	return 1;
}

static int filter_fill(int map_fd, const char *name)
{
	FILE *file = fopen(name, "r");
	struct path path;
	size_t room = 0;
	char *line = NULL;
	int fits, err = 0;

	if (!file)
		return host_failed(-errno, name);
	while (!err && path_read(file, &line, &room, &path, &fits))
		if (fits && bpf_map_update_elem(map_fd, NULL, &path, BPF_ANY)) /* a push */
			err = host_failed(-errno, "push");
	free(line);
	fclose(file);
	return err;
}

static int paths_check(int prog_fd)
{
	int fits, verdict = 0;
	struct path path;
	size_t room = 0;
	char *line = NULL;

	while (verdict >= 0 && path_read(stdin, &line, &room, &path, &fits)) {
		verdict = fits ? host_run(prog_fd, &path, sizeof(path)) : PATHS_UNKNOWN;
		if (verdict >= 0)
			printf("%s %s\n", verdict == PATHS_KNOWN ? "known" : "unknown", line);
	}
	free(line);
	return verdict < 0 ? verdict : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	int prog_fd, map_fd, err;

	if (argc != 3) {
		fprintf(stderr, "usage: paths OBJ KNOWN-FILE < PATHS\n");
		return 2;
	}
	if (host_load(argv[1], &object))
		return 1;
	prog_fd = host_prog(object, "check_path");
	map_fd = host_map(object, "known");
	err = prog_fd < 0 || map_fd < 0 ? -ENOENT : filter_fill(map_fd, argv[2]);
	if (!err)
		err = paths_check(prog_fd);
	bpf_object__close(object);
	return err ? 1 : 0;
}
