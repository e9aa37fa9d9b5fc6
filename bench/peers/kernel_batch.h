/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_batch.h: what kernel.c and its programs tell each other through the programs' .bss. */
#ifndef BENCH_KERNEL_BATCH_H
#define BENCH_KERNEL_BATCH_H

#define KERNEL_OPS (1u << 17)

struct kernel_key {
	unsigned long long w[KEY_WORDS];
};

struct kernel_value {
	unsigned long long w[VALUE_WORDS];
};

struct kernel_batch {
	unsigned int n;
	unsigned int failed;
	unsigned long long zero;
	unsigned long long sum;
	unsigned long long last;
	struct kernel_key keys[2 * KERNEL_OPS];
	unsigned int ids[KERNEL_OPS];
};

#endif
