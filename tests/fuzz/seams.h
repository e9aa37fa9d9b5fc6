/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* seams.h: what a harness links between the library and the system (seams.c), by the linker's --wrap. */
#ifndef BPFMAP_TESTS_FUZZ_SEAMS_H
#define BPFMAP_TESTS_FUZZ_SEAMS_H

#include <stdint.h>

/* While an execution runs
 *   files are mapped between two ranges of GUARD_BYTES that nobody may touch, so that an access outside
 *   of a region is a crash however far away it is;
 *   sleeping and yielding take no time, but the monotonic clock advances as if they did, so that who
 *   waits a second for a lock has waited after some microseconds. */
#define GUARD_BYTES ((uint64_t)64 << 30)

void seams_begin(void);
/* Time that was waited and did not pass, of all executions. */
uint64_t seams_waited_ns(void);
void seams_end(void);

/* Files made by the library are alike on all machines. */
#define SEAMS_CPUS 3

#endif
