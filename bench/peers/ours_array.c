/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_array.c: bpfmap's array, with types, lookups inlined. */
#define OURS_NAME "ours-array"
#define OURS_TYPE BPF_MAP_TYPE_ARRAY
#define OURS_OPS                                                                     \
	(OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_READ) | \
	 OP_BIT(OP_UPDATE) | OP_BIT(OP_ADD))
#define OURS_LOOKUP(t, id) typed_at(&(t)->typed, *(id))
#include "ours_array.h"

const struct peer peer_ours_array = OURS_PEER;
