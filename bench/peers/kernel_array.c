/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_array.c: the kernel's array, driven by kernel_array.bpf.c. */
#include "peer.h"

#define KERNEL_NAME   "kernel-array"
#define KERNEL_TYPE   BPF_MAP_TYPE_ARRAY
#define KERNEL_OBJECT "kernel_array.bpf.o"
#define KERNEL_OPS_MASK                                                                \
	(OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_UPDATE) | \
	 OP_BIT(OP_ADD))
#include "kernel.h"

const struct peer peer_kernel_array = KERNEL_PEER;
