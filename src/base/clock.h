/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* clock.h: the kernel's clocks, in nanoseconds. */
#ifndef BPFMAP_BASE_CLOCK_H
#define BPFMAP_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Since an arbitrary moment, never set back. */
static inline uint64_t clock_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline double clock_now_seconds(void)
{
	return (double)clock_now_ns() / 1e9;
}

#endif
