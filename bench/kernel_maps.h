/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_maps.h: the live kernel's LRU_HASH and BLOOM_FILTER, driven by the programs of
 * kernel_maps.bpf.c.
 */
#ifndef BENCH_KERNEL_MAPS_H
#define BENCH_KERNEL_MAPS_H

#include "batch.h"

struct kernel_sizes {
	__u32 lru_entries;
	__u32 bloom_entries;
	__u32 bloom_hashes;
};

struct kernel_maps;

/* 0, or -errno where the kernel does not permit it. 0 in sizes: 1. */
int kernel_maps_open(const char *object, const struct kernel_sizes *sizes,
		     struct kernel_maps **ret_maps);
void kernel_maps_close(struct kernel_maps *maps);

/* Memory that the programs see. */
struct batch *kernel_maps_batch(struct kernel_maps *maps);

/* Runs a program once on this CPU. A failure ends the process. */
void kernel_maps_run(struct kernel_maps *maps, const char *program);

/* Numbers are only comparable when all of a process runs on one CPU. */
void stay_on_one_cpu(void);

#endif
