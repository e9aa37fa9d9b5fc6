/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hold.h: a map held still, so that it can be read as it is at one moment. */
#ifndef BPFMAP_MAP_HOLD_H
#define BPFMAP_MAP_HOLD_H

#include "map/map.h"

/* From now on no element comes, goes or is replaced: writers wait. They give up after a second
 * (LOCK_TIMEOUT_NS), so hold it for less. Values that programs change through pointers go on
 * changing. The calling thread must not write. ENOTSUP: only HASH and LRU_HASH have locks that all
 * their writers take. EPERM: read-only. ETIMEDOUT: it took longer than within_ns, and nothing is
 * held. */
int map_hold(struct bpfmap *map, uint64_t within_ns);
void map_let_go(struct bpfmap *map);

#endif
