/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* syscall.c: the kernel's hash through bpf(2). */
#define FD_NAME "syscall"
#include "fd.h"
#include "memlock.h"

static int fd_calls(struct fd_calls *ret_calls)
{
	*ret_calls = (struct fd_calls){bpf_map_create, bpf_map_lookup_elem, bpf_map_update_elem,
				       bpf_map_delete_elem};
	return 0;
}

static void fd_close(void *table)
{
	struct table *t = table;

	close(t->fd);
	free(t);
}

static uint64_t fd_bytes(void *table)
{
	struct table *t = table;

	return memlock_bytes(t->fd);
}

const struct peer peer_syscall = {.name = "syscall",
				  .ops = FD_OPS,
				  .open = fd_open,
				  .close = fd_close,
				  .run = loop_run,
				  .bytes = fd_bytes};
