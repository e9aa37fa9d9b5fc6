/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ghost.h: which keys were evicted lately, in one word each: no lists, nothing to clean up.
 *
 * Entry      31..17 fingerprint (odd, so never 0), 16 kind of the victim, 15..0 time; 0: none
 * Time       counts evictions, in units of 2^unit, modulo 2^16. The window is at most 2048 units, and a
 *            table is overwritten long before 2^16 units have passed: an old entry that seems new again
 *            is possible, rare, and costs no more than a fingerprint that two keys share.
 * Buckets    four entries of one line; a new one takes the oldest place
 */
#ifndef BENCH_LRU_GHOST_H
#define BENCH_LRU_GHOST_H

#include "sim.h"

#define GHOST_WAYS	4
#define GHOST_UNITS	2048
#define GHOST_TIME_MASK 0xffffu

struct ghost {
	uint32_t *entry;
	uint32_t mask; /* of bucket numbers */
	uint32_t unit;
	uint32_t now; /* evictions */
};

/* Remembers the last `window` evictions, nearly all of them. */
static inline void ghost_init(struct ghost *g, uint32_t window)
{
	uint32_t n = GHOST_WAYS;

	while (n < 2 * window)
		n *= 2;
	for (g->unit = 0; window >> g->unit > GHOST_UNITS; g->unit++)
		;
	g->entry = zalloc(n, sizeof(*g->entry));
	g->mask = n / GHOST_WAYS - 1;
	g->now = 0;
}

static inline void ghost_free(struct ghost *g)
{
	free(g->entry);
}

static inline uint32_t ghost_age(const struct ghost *g, uint32_t entry)
{
	return entry ? ((g->now >> g->unit) - entry) & GHOST_TIME_MASK : UINT32_MAX;
}

static inline uint32_t ghost_print(uint32_t hash)
{
	return hash >> 17 | 1;
}

static inline void ghost_put(struct ghost *g, uint32_t key, uint32_t kind)
{
	uint32_t hash = key_hash(key), *e = g->entry + (hash & g->mask) * GHOST_WAYS;
	uint32_t i, oldest = 0;

	for (i = 1; i < GHOST_WAYS; i++)
		if (ghost_age(g, e[i]) > ghost_age(g, e[oldest]))
			oldest = i;
	e[oldest] = ghost_print(hash) << 17 | kind << 16 | (g->now >> g->unit & GHOST_TIME_MASK);
	g->now++;
}

/* The kind of a key among the last window[kind] evictions, which is forgotten; else -1. */
static inline int ghost_take(struct ghost *g, uint32_t key, uint32_t window_0, uint32_t window_1)
{
	uint32_t hash = key_hash(key), *e = g->entry + (hash & g->mask) * GHOST_WAYS, i, found,
		 window;

	for (i = 0; i < GHOST_WAYS; i++) {
		if (e[i] >> 17 != ghost_print(hash))
			continue;
		found = e[i];
		e[i] = 0;
		window = found >> 16 & 1 ? window_1 : window_0;
		return ghost_age(g, found) <= window >> g->unit ? (int)(found >> 16 & 1) : -1;
	}
	return -1;
}

#endif
