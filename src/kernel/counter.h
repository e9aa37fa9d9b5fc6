/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* counter.h: entry counts of the kernel's maps, taken in the background.
 *
 * The kernel keeps no count that bpf(2) would tell; it takes a walk over all elements (0.4 us
 * each). A thread of its own walks, in turn, the maps that somebody has asked for lately, and rests
 * nineteen times as long as it worked: at most 5 % of one CPU. Counts therefore have an age, to be
 * shown.
 */
#ifndef BPFMAP_KERNEL_COUNTER_H
#define BPFMAP_KERNEL_COUNTER_H

#include "kernel/backend.h"

struct counter;

/* ENOMEM, EAGAIN. Free with counter_stop(), which waits for the batch that is being read. */
int counter_start(struct counter **ret_counter);
void counter_stop(struct counter *counter);

/* The last count of map `id`; from now on, and as long as it is asked for, it is counted again and
 * again. -EAGAIN: not counted yet; -EOPNOTSUPP: it cannot be counted; others: why it could not be.
 * Any thread. */
int counter_get(struct counter *counter, uint32_t id, struct backend_entries *ret_entries);

#endif
