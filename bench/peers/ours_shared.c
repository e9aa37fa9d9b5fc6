/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_shared.c: bpfmap in a shared file. */
#define OURS_NAME   "ours-shared"
#define OURS_TYPE   BPF_MAP_TYPE_HASH
#define OURS_MEMORY BPFMAP_MEMORY_SHARED
#define OURS_OPS                                                                     \
	(OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_MISS) | \
	 OP_BIT(OP_READ) | OP_BIT(OP_BULK) | OP_BIT(OP_UPDATE) | OP_BIT(OP_CHURN) |  \
	 OP_BIT(OP_MIXED))
#include "ours.h"

const struct peer peer_ours_shared = OURS_PEER;
