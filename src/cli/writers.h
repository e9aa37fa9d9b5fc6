/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* writers.h: who writes to a map in user space, by the records that writers leave in it. */
#ifndef BPFMAP_CLI_WRITERS_H
#define BPFMAP_CLI_WRITERS_H

#include <stdint.h>

struct bpfmap;

struct writers {
	uint32_t alive;	 /* threads of others; this handle's are left out */
	uint32_t dead;	 /* ended without closing the map, */
	uint32_t midway; /* of which so many in the middle of a change */
};

/* Of this moment. */
void writers_count(struct bpfmap *map, struct writers *ret_writers);

#endif
