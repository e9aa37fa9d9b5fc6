/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel.c: what Linux 6.18 does in an LRU_HASH map with the common list, two CPUs present, one of
 * them driving. Follows the written description of the behaviour, not the kernel's source.
 */
#include "policies.h"

#include "list.h"

#define CPUS  2
#define SCANS 128

enum { ACTIVE, INACTIVE, FREE, LOCAL, PENDING, LISTS };

struct state {
	struct cache *c;
	struct link *l;
	uint8_t *mark;
	uint8_t *where;
	uint32_t count[LISTS];
	uint32_t cursor; /* on INACTIVE */
	uint32_t target;
};

static uint32_t head(const struct state *s, uint32_t list)
{
	return s->c->cap + list;
}

static void unlink_node(struct state *s, uint32_t x)
{
	if (s->cursor == x)
		s->cursor = s->l[x].prev;
	list_del(s->l, x);
	s->count[s->where[x]]--;
}

/* To the head of a list; the mark goes. */
static void move(struct state *s, uint32_t x, uint32_t list)
{
	unlink_node(s, x);
	list_add(s->l, head(s, list), x);
	s->where[x] = (uint8_t)list;
	s->count[list]++;
	s->mark[x] = 0;
}

static void *kernel_create(struct cache *c)
{
	struct state *s = zalloc(1, sizeof(*s));
	uint32_t i;

	s->c = c;
	s->l = zalloc(c->cap + LISTS, sizeof(*s->l));
	s->mark = zalloc(c->cap, 1);
	s->where = zalloc(c->cap, 1);
	for (i = 0; i < LISTS; i++)
		list_init(s->l, head(s, i));
	for (i = 0; i < c->cap; i++) {
		list_add(s->l, head(s, FREE), i);
		s->where[i] = FREE;
	}
	s->count[FREE] = c->cap;
	s->cursor = head(s, INACTIVE);
	s->target = c->cap / CPUS / 2;
	s->target = s->target < 1 ? 1 : s->target > 128 ? 128 : s->target;
	return s;
}

static void kernel_destroy(void *state)
{
	struct state *s = state;

	free(s->l);
	free(s->mark);
	free(s->where);
	free(s);
}

static void kernel_hit(void *state, uint32_t slot)
{
	((struct state *)state)->mark[slot] = 1;
}

static void rotate_active(struct state *s)
{
	uint32_t n, x = list_tail(s->l, head(s, ACTIVE)), first = s->l[head(s, ACTIVE)].next;

	for (n = 0; n < SCANS && x != head(s, ACTIVE); n++) {
		uint32_t prev = s->l[x].prev, last = x == first;

		move(s, x, s->mark[x] ? ACTIVE : INACTIVE);
		if (last)
			break;
		x = prev;
	}
}

static void rotate_inactive(struct state *s)
{
	uint32_t n, steps = s->count[INACTIVE] < SCANS ? s->count[INACTIVE] : SCANS;
	uint32_t h = head(s, INACTIVE), x = s->cursor;

	for (n = 0; n < steps; n++) {
		uint32_t prev;

		if (x == h)
			x = s->l[h].prev;
		prev = s->l[x].prev;
		if (s->mark[x])
			move(s, x, ACTIVE);
		x = prev;
	}
	s->cursor = x;
}

static void evict(struct state *s, uint32_t x)
{
	cache_drop(s->c, x);
	move(s, x, LOCAL);
}

static void shrink(struct state *s, uint32_t want)
{
	uint32_t h = head(s, INACTIVE), x = list_tail(s->l, h), n, got = 0;

	for (n = 0; n < SCANS && x != h && got < want; n++) {
		uint32_t prev = s->l[x].prev;

		if (s->mark[x]) {
			move(s, x, ACTIVE);
		} else {
			evict(s, x);
			got++;
		}
		x = prev;
	}
	if (got)
		return;
	x = list_tail(s->l, s->count[INACTIVE] ? h : head(s, ACTIVE));
	if (x < s->c->cap)
		evict(s, x);
}

static void refill(struct state *s)
{
	uint32_t n;

	while (s->count[PENDING]) {
		uint32_t x = list_tail(s->l, head(s, PENDING));

		move(s, x, s->mark[x] ? ACTIVE : INACTIVE);
	}
	if (s->count[INACTIVE] < s->count[ACTIVE])
		rotate_active(s);
	rotate_inactive(s);
	for (n = 0; n < s->target && s->count[FREE]; n++)
		move(s, s->l[head(s, FREE)].next, LOCAL);
	if (n < s->target)
		shrink(s, s->target - n);
}

/* Stealing from other CPUs never happens: refill leaves nothing pending, so shrink finds a node. */
static uint32_t kernel_insert(void *state, uint32_t key)
{
	struct state *s = state;
	uint32_t x;

	(void)key;
	if (!s->count[LOCAL])
		refill(s);
	x = s->l[head(s, LOCAL)].next;
	move(s, x, PENDING);
	return x;
}

const struct policy policy_kernel = {
	.name = "kernel",
	.create = kernel_create,
	.hit = kernel_hit,
	.insert = kernel_insert,
	.destroy = kernel_destroy,
};
