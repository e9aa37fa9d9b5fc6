// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* host.c: see host.h. */
#include "host.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int host_failed(int err, const char *sentence)
{
	fprintf(stderr, "%s: %s\n", sentence, strerror(-err));
	return err;
}

int host_load_sharing(const char *path, const char *map, int map_fd, struct bpf_object **ret_object)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_map *shared;
	int err = 0;

	if (!object)
		return host_failed(-errno, path);
	if (map) {
		shared = bpf_object__find_map_by_name(object, map);
		err = shared ? bpf_map__reuse_fd(shared, map_fd) : -ENOENT;
	}
	if (!err)
		err = bpf_object__load(object);
	if (err) {
		bpf_object__close(object);
		return host_failed(err, path);
	}
	*ret_object = object;
	return 0;
}

int host_load(const char *path, struct bpf_object **ret_object)
{
	return host_load_sharing(path, NULL, -1, ret_object);
}

int host_prog(const struct bpf_object *object, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(object, name);

	return prog ? bpf_program__fd(prog) : host_failed(-ENOENT, name);
}

int host_map(const struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	return fd >= 0 ? fd : host_failed(fd, name);
}

int host_run(int prog_fd, const void *packet, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = (uint32_t)size);
	int err = bpf_prog_test_run_opts(prog_fd, &opts);

	return err ? host_failed(err, "cannot run the program") : (int)opts.retval;
}

int host_call(int prog_fd, void *ctx, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = ctx, .ctx_size_in = (uint32_t)size);
	int err = bpf_prog_test_run_opts(prog_fd, &opts);

	return err ? host_failed(err, "cannot call the program") : (int)opts.retval;
}

long host_number(const char *name, const char *text, long min, long max)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (!errno && end != text && !*end && number >= min && number <= max)
		return number;
	fprintf(stderr, "%s: '%s' is no number from %ld to %ld\n", name, text, min, max);
	return -EINVAL;
}
