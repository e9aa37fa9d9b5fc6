/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* maps.h: the maps that the programs count into, made and printed; the same for both virtual
 * machines. Results: 0, or -1 after a sentence on stderr.
 */
#ifndef EXAMPLES_FOREIGN_MAPS_H
#define EXAMPLES_FOREIGN_MAPS_H

#include <bpfmap/helpers.h>

enum { MAP_SOURCES, MAP_TOTALS, MAPS };

/* The name that programs know a map by. */
const char *map_name(int index);

/* Make the maps, and pin the first one. Close them with maps_close(), also after a failure. */
int maps_make(struct bpfmap *maps[MAPS], const char *pin);
int maps_print(struct bpfmap *const maps[MAPS]);
void maps_close(struct bpfmap *const maps[MAPS]);

/* Say what failed last. Returns -1. */
int maps_failed(const char *what);

#endif
