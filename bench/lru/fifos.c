/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fifos.c: the policies made of one or two queues with second chances, for comparison. */
#include "fifos.h"

#include "policies.h"

void *fifos_create(struct cache *c)
{
	struct fifos *f = zalloc(1, sizeof(*f));

	f->c = c;
	f->l = zalloc(c->cap + 2, sizeof(*f->l));
	f->mark = zalloc(c->cap, 1);
	f->where = zalloc(c->cap, 1);
	list_init(f->l, c->cap + SMALL);
	list_init(f->l, c->cap + MAIN);
	f->small = c->cap / 10;
	f->hand = NONE;
	ghost_init(&f->ghost, c->cap);
	return f;
}

void fifos_destroy(void *state)
{
	struct fifos *f = state;

	ghost_free(&f->ghost);
	free(f->l);
	free(f->mark);
	free(f->where);
	free(f);
}

void fifos_mark(void *state, uint32_t slot)
{
	((struct fifos *)state)->mark[slot] = 1;
}

void fifos_count(void *state, uint32_t slot)
{
	uint8_t *mark = &((struct fifos *)state)->mark[slot];

	if (*mark < 3)
		++*mark;
}

void fifos_add(struct fifos *f, uint32_t queue, uint32_t slot)
{
	list_add(f->l, f->c->cap + queue, slot);
	f->where[slot] = (uint8_t)queue;
	f->n[queue]++;
}

void fifos_del(struct fifos *f, uint32_t slot)
{
	list_del(f->l, slot);
	f->n[f->where[slot]]--;
}

uint32_t fifos_tail(const struct fifos *f, uint32_t queue)
{
	return list_tail(f->l, f->c->cap + queue);
}

/* Throws out the tail of a queue, and remembers it. */
static uint32_t drop_tail(struct fifos *f, uint32_t queue)
{
	uint32_t x = fifos_tail(f, queue);

	ghost_put(&f->ghost, f->c->key_of[x], queue);
	fifos_del(f, x);
	cache_drop(f->c, x);
	return x;
}

static void requeue_tail(struct fifos *f, uint32_t from, uint32_t to)
{
	uint32_t x = fifos_tail(f, from);

	fifos_del(f, x);
	fifos_add(f, to, x);
}

static uint32_t settle(struct fifos *f, uint32_t queue, uint32_t slot)
{
	f->mark[slot] = 0;
	fifos_add(f, queue, slot);
	return slot;
}

static uint32_t clock_insert(void *state, uint32_t key)
{
	struct fifos *f = state;
	uint32_t x = f->c->live;

	(void)key;
	if (x == f->c->cap) {
		while (f->mark[x = fifos_tail(f, SMALL)]) {
			f->mark[x] = 0;
			requeue_tail(f, SMALL, SMALL);
		}
		drop_tail(f, SMALL);
	}
	return settle(f, SMALL, x);
}

static uint32_t sieve_insert(void *state, uint32_t key)
{
	struct fifos *f = state;
	uint32_t x = f->c->live;

	(void)key;
	if (x == f->c->cap) {
		x = f->hand;
		for (;;) {
			if (x >= f->c->cap)
				x = fifos_tail(f, SMALL);
			if (!f->mark[x])
				break;
			f->mark[x] = 0;
			x = f->l[x].prev;
		}
		f->hand = f->l[x].prev;
		fifos_del(f, x);
		cache_drop(f->c, x);
	}
	return settle(f, SMALL, x);
}

/* Looks at the tail of SMALL, else of MAIN; a used one moves to MAIN. Returns the victim. */
static uint32_t two_queue_evict(struct fifos *f, uint32_t small)
{
	for (;;) {
		uint32_t queue = f->n[SMALL] >= small || !f->n[MAIN] ? SMALL : MAIN;
		uint32_t x;

		queue = f->n[SMALL] ? queue : MAIN;
		x = fifos_tail(f, queue);
		if (!f->mark[x])
			return drop_tail(f, queue);
		f->mark[x] = queue == SMALL ? 0 : f->mark[x] - 1;
		requeue_tail(f, queue, MAIN);
	}
}

static uint32_t s3fifo_insert(void *state, uint32_t key)
{
	struct fifos *f = state;
	uint32_t x = f->c->live;
	int ghost = ghost_take(&f->ghost, key, f->c->cap, 0);

	if (x == f->c->cap)
		x = two_queue_evict(f, f->small + 1);
	return settle(f, ghost == SMALL ? MAIN : SMALL, x);
}

#define FIFO_POLICY(id, title, on_hit)      \
	const struct policy policy_##id = { \
		.name = title,              \
		.create = fifos_create,     \
		.hit = on_hit,              \
		.insert = id##_insert,      \
		.destroy = fifos_destroy,   \
	}

FIFO_POLICY(clock, "CLOCK", fifos_mark);
FIFO_POLICY(sieve, "SIEVE", fifos_mark);
FIFO_POLICY(s3fifo, "S3-FIFO", fifos_count);
