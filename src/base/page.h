/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* page.h: the machine's pages: 4 KiB, on some machines 16 or 64 KiB. Addresses given to madvise(),
 * munmap() and their like begin at one. The 4096 of the region's format has nothing to do with
 * them.
 */
#ifndef BPFMAP_BASE_PAGE_H
#define BPFMAP_BASE_PAGE_H

#include <stdint.h>
#include <unistd.h>

/* The C library has it in memory. */
static inline uint64_t page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static inline uint64_t page_floor(uint64_t n)
{
	return n & ~(page_bytes() - 1);
}

static inline uint64_t page_ceil(uint64_t n)
{
	return page_floor(n + page_bytes() - 1);
}

#endif
