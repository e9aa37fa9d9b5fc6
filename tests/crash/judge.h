/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* judge.h: what must hold after a death, and a survivor that goes on working. */
#ifndef BPFMAP_TESTS_JUDGE_H
#define BPFMAP_TESTS_JUDGE_H

#include "operation.h"

/* A sound build answers within the promise; a busy machine is given the benefit of the doubt by trying
 * again what can be tried again. */
#define CONTINUATION_NS (10 * NSEC_PER_MSEC)

#define MOMENTS_MAX 3u

/* Moments of a map: each cell must be as at one of them. */
struct moments {
	uint32_t count;
	const uint8_t *cells[MOMENTS_MAX];
	enum tearing tearing;
};

/* For survivors: arg is struct moments. */
void moments_judge(struct world *world, const void *arg);

/* How the survivor meets what the dead left. */
enum approach {
	WORK_FIRST,  /* it works, and mends what stands in its way */
	CHECK_FIRST, /* it lets bpfmap_check() mend all */
	APPROACHES,
};

struct survivor {
	const struct subject *subject;
	const char *path;
	/* Is what is there possible? Asked before and after mending. */
	void (*look)(struct world *world, const void *arg);
	const void *arg;
	enum approach approach;
	uint32_t first; /* it begins with this item */
	bool fills;	/* it fills large maps, too */
	bool precise;	/* waiting for a processor is not counted; that takes time */
};

/* Of time that was not spent waiting for a processor. */
struct stopwatch {
	uint64_t begin_ns;
	uint64_t delay_ns;
};
void stopwatch_start(struct stopwatch *watch);
/* Of another process, from now on: what it reads off the watch does not count its waiting. */
void stopwatch_start_for(struct stopwatch *watch, pid_t pid);
uint64_t stopwatch_ns(const struct stopwatch *watch);

/* Opens the region, read-only to look at it, then to work on it in every way: writes and reads each item,
 * fills the map to its end, is on each CPU, empties and fills it again, checks it. Nobody else is at work.
 * Returns its slowest call; failures are failed verdicts. */
uint64_t survivor_work(const struct survivor *survivor);

#endif
