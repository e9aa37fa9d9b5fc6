/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* live.h: what the parts of the kernel's backend share. */
#ifndef BPFMAP_KERNEL_LIVE_H
#define BPFMAP_KERNEL_LIVE_H

#include "kernel/backend.h"

/* live_walk.c: the operations of that name in the table. */
int live_map_walk(int fd, const struct bpf_map_info *info, backend_element_fn *element, void *arg);
int live_map_entries(int fd, const struct bpf_map_info *info, uint64_t budget_ns,
		     struct backend_entries *ret_entries);

#endif
