/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* list_hash.c: who takes part in the question "hash". */
#include "peer.h"

#include <stddef.h>

extern const struct peer peer_ours, peer_ours_shared, peer_ours_fd, peer_kernel, peer_syscall,
	peer_urcu, peer_ck, peer_rte, peer_cuckoo, peer_tbb, peer_absl, peer_line;

const struct peer *const peers[] = {&peer_ours,	   &peer_ours_shared, &peer_ours_fd, &peer_kernel,
				    &peer_syscall, &peer_urcu,	      &peer_ck,	     &peer_rte,
				    &peer_cuckoo,  &peer_tbb,	      &peer_absl,    &peer_line,
				    NULL};
