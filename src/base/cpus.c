/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cpus.c: the kernel's list of possible CPUs ("0-3,6"), of which the highest number counts. */
#include "base/cpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint32_t cpus_read(void)
{
	FILE *f = fopen(CPUS_LIST, "re");
	unsigned int last = 0, n;
	int found = 0;

	while (f && fscanf(f, "%*[-,]") != EOF && fscanf(f, "%u", &n) == 1) {
		last = n > last ? n : last;
		found = 1;
	}
	if (f)
		fclose(f);
	if (!found) {
		long configured = sysconf(_SC_NPROCESSORS_CONF);

		return configured > 0 ? (uint32_t)configured : 1;
	}
	return last + 1;
}

uint32_t cpus_possible(void)
{
	static uint32_t cached;
	uint32_t n = __atomic_load_n(&cached, __ATOMIC_RELAXED);

	if (!n) {
		n = cpus_read();
		__atomic_store_n(&cached, n, __ATOMIC_RELAXED);
	}
	return n;
}

bool cpus_are_listed(void)
{
	return !access(CPUS_LIST, R_OK);
}
