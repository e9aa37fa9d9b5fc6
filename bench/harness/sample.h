/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sample.h: one timed run, and whether it was left alone.
 *
 * A sample is disturbed if the thread was taken off its CPU, if wall clock and CPU time differ by more than 1 %,
 * or if a fixed loop of multiplications before or after it ran over 10 % slower than it ever did (another
 * frequency, a busy sibling). Who measures leaves it out or repeats it.
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdint.h>

struct sample {
	double wall_ns;
	double cpu_ns; /* of the calling thread */
	double speed;  /* the fixed loop's time, as a multiple of its least */
	long switches; /* involuntary ones while it ran, then in all */
};

void sample_begin(struct sample *s);
void sample_end(struct sample *s);

/* 0: left alone. */
int sample_disturbed(const struct sample *s);

/* The n-th of the CPUs that this process may use, from the last one on, as CPU 0 has the most
 * interrupts. A failure ends the process. */
void cpu_pin(uint32_t n);
uint32_t cpu_count(void);

struct spread {
	double median;
	double least;
	double most;
};

/* Sorts the values. */
struct spread spread_of(double *values, uint32_t n);

#endif
