/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* list_lru.c: who takes part in the question "lru". */
#include "peer.h"

#include <stddef.h>

extern const struct peer peer_ours_lru, peer_ours, peer_kernel_lru;

const struct peer *const peers[] = {&peer_ours_lru, &peer_ours, &peer_kernel_lru, NULL};
