/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_fd.c: our hash through libbpf's names. libbpfmap-compat defines them, as libbpf does, so it is opened at
 * run time and its names kept apart.
 */
#define FD_NAME "ours-fd"
#include "fd.h"

#include <dlfcn.h>

static void *compat;
static int (*compat_close)(int fd);

static void *compat_name(const char *name)
{
	void *p = dlsym(compat, name);

	if (!p) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return p;
}

static int fd_calls(struct fd_calls *ret_calls)
{
	if (!compat)
		compat = dlopen("libbpfmap-compat.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	if (!compat) {
		fprintf(stderr, FD_NAME ": %s\n", dlerror());
		return -1;
	}
	ret_calls->create = compat_name("bpf_map_create");
	ret_calls->lookup = compat_name("bpf_map_lookup_elem");
	ret_calls->update = compat_name("bpf_map_update_elem");
	ret_calls->remove = compat_name("bpf_map_delete_elem");
	compat_close = compat_name("close");
	return 0;
}

static void fd_close(void *table)
{
	struct table *t = table;

	compat_close(t->fd);
	free(t);
}

const struct peer peer_ours_fd = {
	.name = "ours-fd", .ops = FD_OPS, .open = fd_open, .close = fd_close, .run = loop_run};
