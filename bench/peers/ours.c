/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours.c: bpfmap in private memory. */
#define OURS_NAME   "ours"
#define OURS_MEMORY BPFMAP_MEMORY_PRIVATE
#include "ours.h"

const struct peer peer_ours = OURS_PEER;
