/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* memory.h: what a map's bytes are for, before there is one. */
#ifndef BPFMAP_MAP_MEMORY_H
#define BPFMAP_MAP_MEMORY_H

#include "map/map.h"

#define MEMORY_PARTS_MAX 8

/* All that has one purpose. Its pages are counted, each of them once, as part of what comes
 * first. */
struct memory_part {
	const char *name;
	const char *why;
	uint64_t created; /* bytes when the map is made */
	uint64_t full;	  /* at most */
};

struct memory_parts {
	struct memory_part part[MEMORY_PARTS_MAX];
	uint32_t count;
};

/* The parts, which add up to what bpfmap_memory_for() says, with its errnos. */
int memory_parts_for(const struct bpfmap_create_opts *opts, uint32_t cpus,
		     struct memory_parts *ret_parts);

#endif
