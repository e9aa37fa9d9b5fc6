/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* replay.c: the simulator's map: knows which key is where and asks a policy for the rest. */
#include "sim.h"

#include <string.h>

void cache_init(struct cache *c, uint32_t cap, uint32_t keys)
{
	c->cap = cap;
	c->live = 0;
	c->slot_of = zalloc(keys, sizeof(*c->slot_of));
	memset(c->slot_of, 0xff, keys * sizeof(*c->slot_of));
	c->key_of = zalloc(cap, sizeof(*c->key_of));
}

void cache_free(struct cache *c)
{
	free(c->slot_of);
	free(c->key_of);
}

uint32_t cache_request(struct cache *c, const struct policy *p, void *state, uint32_t key)
{
	uint32_t slot = c->slot_of[key];

	if (slot != NONE) {
		p->hit(state, slot);
		return 1;
	}
	slot = p->insert(state, key);
	c->slot_of[key] = slot;
	c->key_of[slot] = key;
	c->live++;
	return 0;
}

double hit_ratio(const struct policy *p, uint32_t cap, const uint32_t *req, uint32_t keys)
{
	struct cache c;
	uint32_t i, hits = 0;
	void *state;

	cache_init(&c, cap, keys);
	state = p->create(&c);
	for (i = 0; i < REQUESTS; i++) {
		uint32_t hit = cache_request(&c, p, state, req[i]);

		hits += i >= WARM ? hit : 0;
	}
	p->destroy(state);
	cache_free(&c);
	return 100.0 * hits / (REQUESTS - WARM);
}

int trace_wanted(const struct trace *t, char *const *names, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (strstr(t->name, names[i]))
			return 1;
	return !n;
}
