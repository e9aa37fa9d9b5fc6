/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* policies.h: every policy of the simulator, in the order of the table's columns. The kernel's and
 * exact LRU come first: the others are measured against the better of these two.
 */
#ifndef BENCH_LRU_POLICIES_H
#define BENCH_LRU_POLICIES_H

#include "sim.h"

extern const struct policy policy_kernel;
extern const struct policy policy_lru;
extern const struct policy policy_clock;
extern const struct policy policy_sieve;
extern const struct policy policy_s3fifo;
extern const struct policy policy_balance;

#endif
