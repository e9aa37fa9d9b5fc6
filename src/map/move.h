/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* move.h: a map's elements are moved into another region, which takes its place. */
#ifndef BPFMAP_MAP_MOVE_H
#define BPFMAP_MAP_MOVE_H

#include "map/map.h"

/* From now on writers through the API wait, a second at most; programs, which ask nobody, do not.
 * EPERM: read-only or frozen. ESTALE: moved already. EBUSY: somebody else is at it. */
int map_move_begin(struct bpfmap *map);
/* The map with that id has the elements: writers are told to open it, for ever; reads go on. */
void map_move_done(struct bpfmap *map, uint32_t new_id);
/* Writers go on as before. */
void map_move_cancel(struct bpfmap *map);

/* Changes that were made through the API and by programs since the map was created. */
uint64_t map_changes(const struct bpfmap *map);

/* For a writer who finds REGION_MOVING or REGION_MOVED: 0 if it may write after all, ESTALE,
 * ETIMEDOUT. */
int map_move_wait(const struct bpfmap *map);

#endif
