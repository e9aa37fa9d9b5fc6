/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_array_call.c: bpfmap's array, lookups by bpfmap_lookup(). */
#define OURS_NAME "ours-array-call"
#define OURS_TYPE BPF_MAP_TYPE_ARRAY
#define OURS_OPS                                                                     \
	(OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_READ) | \
	 OP_BIT(OP_UPDATE) | OP_BIT(OP_ADD))
#define OURS_LOOKUP(t, id) bpfmap_lookup((t)->map, id)
#include "ours_array.h"

const struct peer peer_ours_array_call = OURS_PEER;
