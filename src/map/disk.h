/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* disk.h: maps whose file is on a disk and outlives a reboot. On a tmpfs nothing of this is
 * done. */
#ifndef BPFMAP_MAP_DISK_H
#define BPFMAP_MAP_DISK_H

#include "map/map.h"

/* The map was just made, is empty and nobody else's. 0 or -errno. */
int map_disk_created(struct bpfmap *map);
/* The map was just opened; it may have been left in any state. EUCLEAN: it is damaged and this
 * handle would write. */
int map_disk_open(struct bpfmap *map);
/* The handle is about to be closed. */
void map_disk_close(struct bpfmap *map);

/* Everything that was written so far is on the disk when this returns. 0, EIO, ENOSPC. */
int map_disk_sync(struct bpfmap *map);

#endif
