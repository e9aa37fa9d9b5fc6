/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* list_array.c: who takes part in the question "array". */
#include "peer.h"

#include <stddef.h>

extern const struct peer peer_ours_array, peer_ours_array_call, peer_kernel_array, peer_plain_array,
	peer_ours_percpu, peer_kernel_percpu;

const struct peer *const peers[] = {&peer_ours_array,
				    &peer_ours_array_call,
				    &peer_kernel_array,
				    &peer_plain_array,
				    &peer_ours_percpu,
				    &peer_kernel_percpu,
				    NULL};
