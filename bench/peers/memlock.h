/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* memlock.h: what the kernel says that a map takes. */
#ifndef BENCH_MEMLOCK_H
#define BENCH_MEMLOCK_H

#include <stdint.h>
#include <stdio.h>

static inline uint64_t memlock_bytes(int fd)
{
	unsigned long long bytes = 0;
	char line[128];
	FILE *info;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
	info = fopen(line, "r");
	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (info)
		fclose(info);
	return bytes;
}

#endif
