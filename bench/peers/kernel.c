/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel.c: the kernel's hash, driven by kernel.bpf.c. */
#include "peer.h"

#define KERNEL_NAME   "kernel"
#define KERNEL_TYPE   BPF_MAP_TYPE_HASH
#define KERNEL_OBJECT "kernel.bpf.o"
#define KERNEL_OPS_MASK                                                              \
	(OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_MISS) | \
	 OP_BIT(OP_UPDATE) | OP_BIT(OP_CHURN) | OP_BIT(OP_MIXED))
#include "kernel.h"

const struct peer peer_kernel = KERNEL_PEER;
