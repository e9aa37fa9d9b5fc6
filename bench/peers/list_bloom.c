/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* list_bloom.c: who takes part in the question "bloom". */
#include "peer.h"

#include <stddef.h>

extern const struct peer peer_ours_bloom, peer_kernel_bloom;

const struct peer *const peers[] = {&peer_ours_bloom, &peer_kernel_bloom, NULL};
