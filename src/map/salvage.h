/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* salvage.h: what can still be read of a map whose bytes make no sense in places. */
#ifndef BPFMAP_MAP_SALVAGE_H
#define BPFMAP_MAP_SALVAGE_H

#include "map/map.h"

/* Non-zero ends the salvage and is its result. The value is in the system call's layout. A key may
 * come twice; the first one is the better one. */
typedef int map_salvage_fn(void *arg, const void *key, uint32_t key_len, const void *value,
			   uint32_t value_len);

struct map_salvaged {
	uint64_t cut_off;  /* elements found that no chain leads to any more */
	uint64_t rejected; /* places that should hold an element, and what is there cannot be one */
};

/* Every element that lies where its key leads, and those that a broken chain has cut off where it
 * can be told that they were not deleted. Nobody writes meanwhile. There is no checksum of values:
 * one that was overwritten with its key left whole comes as it is. 0, ENOMEM, ENOTSUP (Bloom
 * filters have no elements to be found). */
int map_salvage(struct bpfmap *map, map_salvage_fn *fn, void *arg,
		struct map_salvaged *ret_salvaged);

#endif
