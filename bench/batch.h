/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* batch.h: what a benchmark and its kernel program tell each other through the program's .bss. */
#ifndef BENCH_BATCH_H
#define BENCH_BATCH_H

#include <linux/types.h>

#define BATCH (1u << 20)

struct batch {
	__u32 n;     /* operations per run, at most BATCH where keys are read */
	__u32 hits;  /* counted by the program */
	__u64 first; /* number of the first value for the filter */
	__u32 keys[BATCH];
};

/* Numbers to values that have nothing in common; one to one, so other numbers are other values. */
static inline __u64 value_of(__u64 number)
{
	__u64 z = number * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#endif
