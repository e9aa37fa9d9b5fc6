/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_percpu.c: bpfmap's per-CPU array; an update is of the own CPU's value, through the pointer. */
#define OURS_NAME "ours-percpu"
#define OURS_TYPE BPF_MAP_TYPE_PERCPU_ARRAY
#define OURS_OPS                                                                       \
	(OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_UPDATE) | \
	 OP_BIT(OP_ADD) | OP_BIT(OP_CYCLE))
#define OURS_LOOKUP(t, id) bpfmap_lookup((t)->map, id)
#include "ours_array.h"

const struct peer peer_ours_percpu = OURS_PEER;
