/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sample.c: clocks, disturbances, CPUs. */
#include "sample.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define FIXED_LOOP 5000u

/* Of the CPU at its best; each worker process and thread may learn it anew. */
static __thread double fixed_least;

static double clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double fixed_ns(void)
{
	double begin = clock_ns(CLOCK_MONOTONIC), ns;
	uint64_t x = 1;

	for (uint32_t i = 0; i < FIXED_LOOP; i++)
		__asm__ volatile("" : "+r"(x) : "r"(x *= 0x9e3779b97f4a7c15ull));
	ns = clock_ns(CLOCK_MONOTONIC) - begin;
	if (fixed_least == 0 || ns < fixed_least)
		fixed_least = ns;
	return ns;
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

void sample_begin(struct sample *s)
{
	s->speed = fixed_ns();
	s->switches = switches();
	s->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	s->wall_ns = clock_ns(CLOCK_MONOTONIC);
}

void sample_end(struct sample *s)
{
	double after;

	s->wall_ns = clock_ns(CLOCK_MONOTONIC) - s->wall_ns;
	s->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - s->cpu_ns;
	s->switches = switches() - s->switches;
	after = fixed_ns();
	s->speed = (after > s->speed ? after : s->speed) / fixed_least;
}

int sample_disturbed(const struct sample *s)
{
	return s->switches || s->wall_ns - s->cpu_ns > s->wall_ns / 100 || s->speed > 1.1;
}

uint32_t cpu_count(void)
{
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	return (uint32_t)CPU_COUNT(&cpus);
}

void cpu_pin(uint32_t n)
{
	static cpu_set_t all;
	cpu_set_t one;
	int cpu = CPU_SETSIZE;

	if (!CPU_COUNT(&all))
		sched_getaffinity(0, sizeof(all), &all);
	n %= (uint32_t)CPU_COUNT(&all);
	do {
		cpu--;
	} while (!CPU_ISSET(cpu, &all) || n--);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		perror("sched_setaffinity");
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(double *values, uint32_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return (struct spread){(values[(n - 1) / 2] + values[n / 2]) / 2, values[0], values[n - 1]};
}
