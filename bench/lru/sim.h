/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sim.h: what a replacement policy of the simulator sees and what it has to offer.
 *
 * Keys are small integers, elements are slots 0 .. cap - 1. The simulator knows which key is where;
 * the policy chooses the slot of a new key and says whom it throws out for it.
 */
#ifndef BENCH_LRU_SIM_H
#define BENCH_LRU_SIM_H

#include <stdint.h>
#include <stdlib.h>

#define NONE UINT32_MAX

#define REQUESTS 4000000u
#define WARM	 1000000u /* requests that do not count */

struct cache {
	uint32_t cap;
	uint32_t live;
	uint32_t *slot_of; /* key -> slot, or NONE */
	uint32_t *key_of;  /* slot -> key */
};

struct policy {
	const char *name;
	void *(*create)(struct cache *c);
	void (*hit)(void *state, uint32_t slot);
	/* Gives the slot for a new key, after cache_drop() of everybody evicted for it. */
	uint32_t (*insert)(void *state, uint32_t key);
	void (*remove)(void *state, uint32_t slot); /* NULL: not simulated */
	void (*destroy)(void *state);
};

struct trace {
	const char *name;
	uint32_t cap;
	/* Writes n requests, returns the number of different keys that they may name. */
	uint32_t (*fill)(const struct trace *t, uint32_t *req, uint32_t n);
	double a, b, c; /* parameters of fill */
};

/* Every trace begins from its own seed, so a table of some traces shows what the table of all does. */
void trace_seed(uint64_t seed);
extern const struct trace traces[];
/* Does its name contain one of these n? Yes if n is 0. */
int trace_wanted(const struct trace *t, char *const *names, int n);

void cache_init(struct cache *c, uint32_t cap, uint32_t keys);
void cache_free(struct cache *c);
/* 1: hit, 0: inserted */
uint32_t cache_request(struct cache *c, const struct policy *p, void *state, uint32_t key);
/* Percent of the last REQUESTS - WARM of REQUESTS requests that hit. */
double hit_ratio(const struct policy *p, uint32_t cap, const uint32_t *req, uint32_t keys);

static inline void cache_drop(struct cache *c, uint32_t slot)
{
	c->slot_of[c->key_of[slot]] = NONE;
	c->live--;
}

/* A key's hash: the murmur finaliser, as any table with good hashing would give. */
static inline uint32_t key_hash(uint32_t key)
{
	key ^= key >> 16;
	key *= 0x85ebca6bu;
	key ^= key >> 13;
	key *= 0xc2b2ae35u;
	return key ^ key >> 16;
}

static inline void *zalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

#endif
