/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* age.h: in which order an LRU map would give its elements up. */
#ifndef BPFMAP_MAP_AGE_H
#define BPFMAP_MAP_AGE_H

#include "map/map.h"

/* Free with free(). */
struct map_ages;

/* The order of this moment: 0, and *ret_ages is NULL for types that keep none. ENOMEM,
 * ETIMEDOUT. */
int map_ages(struct bpfmap *map, struct map_ages **ret_ages);

/* The larger the later it is given up; UINT32_MAX for a key that has come since. */
uint32_t map_age_of(struct bpfmap *map, const struct map_ages *ages, const void *key);

#endif
