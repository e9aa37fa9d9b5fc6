/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* series.h: the maps of series.bpf.c, for the program and for its host. */
#ifndef EXAMPLES_SERIES_H
#define EXAMPLES_SERIES_H

#include <linux/types.h>

#define RING_SLOTS 16

struct sample {
	__u64 number;  /* of the sample, from 1; 0: the slot was never written */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 packets; /* since the previous sample */
	__u64 total;
};

/* Where the ring stands. */
struct ring_state {
	__u64 written; /* samples so far; the next one goes to slot written % RING_SLOTS */
	__u64 total_before;
};

#endif
