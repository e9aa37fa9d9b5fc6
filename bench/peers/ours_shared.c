/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_shared.c: bpfmap in a shared file. */
#define OURS_NAME   "ours-shared"
#define OURS_MEMORY BPFMAP_MEMORY_SHARED
#include "ours.h"

const struct peer peer_ours_shared = OURS_PEER;
