/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lru.c: exact LRU. Every hit moves the element, which the map itself may not do. */
#include "policies.h"

#include "list.h"

struct state {
	struct cache *c;
	struct link *l;
};

static void *lru_create(struct cache *c)
{
	struct state *s = zalloc(1, sizeof(*s));

	s->c = c;
	s->l = zalloc(c->cap + 1, sizeof(*s->l));
	list_init(s->l, c->cap);
	return s;
}

static void lru_destroy(void *state)
{
	struct state *s = state;

	free(s->l);
	free(s);
}

static void lru_hit(void *state, uint32_t slot)
{
	struct state *s = state;

	list_del(s->l, slot);
	list_add(s->l, s->c->cap, slot);
}

static uint32_t lru_insert(void *state, uint32_t key)
{
	struct state *s = state;
	uint32_t x = s->c->live;

	(void)key;
	if (x == s->c->cap) {
		x = list_tail(s->l, s->c->cap);
		list_del(s->l, x);
		cache_drop(s->c, x);
	}
	list_add(s->l, s->c->cap, x);
	return x;
}

const struct policy policy_lru = {
	.name = "LRU",
	.create = lru_create,
	.hit = lru_hit,
	.insert = lru_insert,
	.destroy = lru_destroy,
};
