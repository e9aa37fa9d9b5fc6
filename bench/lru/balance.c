/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* balance.c: the policy of our LRU maps. POLICY.md has the reasons.
 *
 * Lists        PROBATION: new elements and those that fell out of PROTECTED; victims come from its tail.
 *              PROTECTED: elements used since they came. Its tail falls to PROBATION's head.
 * Mark         one byte per element, set by a use, cleared when the element is moved for it.
 * Veteran      an element that was in PROTECTED once (or came back while its ghost was remembered)
 * share        how long PROBATION should be, 1 .. cap. At cap the whole is LRU, near 1 it keeps what was
 *              used. An evicted key that comes back says which kind of victim would have been worth
 *              keeping: a newcomer (share grows) or a veteran (share shrinks).
 * Bound        per eviction: SWEEP marks read (one cache line), at most that many elements moved for
 *              them, and at most STEPS steps at the tails. Every move is paid by one mark or one
 *              promotion, so the mean is constant.
 */
#include "policies.h"

#include "ghost.h"
#include "list.h"

#include <string.h>

#define SWEEP 64
#define STEPS 64
#define PARTS 16 /* share is kept in parts of an element: most moves are smaller than a few */

enum { PROBATION, PROTECTED, LISTS };
enum { NEWCOMER, VETERAN };

struct state {
	struct cache *c;
	struct link *l;
	uint8_t *mark;
	uint8_t *where;
	uint8_t *kind;
	uint32_t *spare; /* deleted slots, a stack */
	uint32_t spares;
	uint32_t used; /* slots ever used */
	uint32_t n[LISTS];
	uint32_t share, share_min;
	uint32_t step;	     /* of share, for a ghost whose kind is half of all victims */
	uint32_t hand;	     /* next slot to sweep */
	uint32_t evicted[2]; /* of each kind lately */
	struct ghost ghost;
};

static uint32_t clamp(uint32_t x, uint32_t lo, uint32_t hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

static void *balance_create(struct cache *c)
{
	struct state *s = zalloc(1, sizeof(*s));
	uint32_t cap = c->cap;

	s->c = c;
	s->l = zalloc(cap + LISTS, sizeof(*s->l));
	s->mark = zalloc(cap / SWEEP + 1, SWEEP);
	s->where = zalloc(cap, 1);
	s->kind = zalloc(cap, 1);
	s->spare = zalloc(cap, sizeof(*s->spare));
	list_init(s->l, cap + PROBATION);
	list_init(s->l, cap + PROTECTED);
	s->share_min = clamp(cap / 100, 1, cap) * PARTS;
	s->share = cap * PARTS;
	s->step = clamp(cap / 32768, 2, UINT32_MAX);
	ghost_init(&s->ghost, clamp(cap / 2, 1, cap));
	return s;
}

static void balance_destroy(void *state)
{
	struct state *s = state;

	ghost_free(&s->ghost);
	free(s->l);
	free(s->mark);
	free(s->where);
	free(s->kind);
	free(s->spare);
	free(s);
}

static void balance_hit(void *state, uint32_t slot)
{
	uint8_t *mark = &((struct state *)state)->mark[slot];

	if (!*mark)
		*mark = 1;
}

static uint32_t tail(const struct state *s, uint32_t list)
{
	return list_tail(s->l, s->c->cap + list);
}

static void add(struct state *s, uint32_t x, uint32_t list)
{
	list_add(s->l, s->c->cap + list, x);
	s->where[x] = (uint8_t)list;
	s->n[list]++;
}

static void del(struct state *s, uint32_t x)
{
	list_del(s->l, x);
	s->n[s->where[x]]--;
}

/* The only answer to a mark, wherever it is found. */
static void promote(struct state *s, uint32_t x)
{
	s->mark[x] = 0;
	s->kind[x] = VETERAN;
	del(s, x);
	add(s, x, PROTECTED);
}

/* Brings marks into list order before they are too old to say when the use was. The marks are padded
 * with zeros to a multiple of SWEEP. */
static void sweep(struct state *s)
{
	uint32_t word, x;
	uint64_t marks;

	for (word = 0; word < SWEEP; word += sizeof(marks)) {
		memcpy(&marks, s->mark + s->hand + word, sizeof(marks));
		if (!marks)
			continue;
		for (x = s->hand + word; x < s->hand + word + sizeof(marks); x++)
			if (s->mark[x])
				promote(s, x);
	}
	s->hand += SWEEP;
	if (s->hand >= s->c->cap)
		s->hand = 0;
}

/* A victim that came back: would a longer PROBATION have kept it, or a longer PROTECTED? The move is
 * as large as this kind is rare among the victims, so the kinds' chances to return are compared. */
static void learn(struct state *s, uint32_t kind)
{
	uint64_t all = (uint64_t)s->evicted[NEWCOMER] + s->evicted[VETERAN] + 2;
	uint64_t by = all * s->step * PARTS / (2 * ((uint64_t)s->evicted[kind] + 1));
	uint32_t d = clamp(by > UINT32_MAX ? UINT32_MAX : (uint32_t)by, 1, 16 * s->step * PARTS);
	uint32_t most = s->c->cap * PARTS;

	if (kind == NEWCOMER)
		s->share = most - s->share > d ? s->share + d : most;
	else
		s->share = s->share - s->share_min > d ? s->share - d : s->share_min;
}

static void drop(struct state *s, uint32_t x)
{
	uint32_t kind = s->kind[x];

	if (++s->evicted[kind] + s->evicted[!kind] > s->c->cap) {
		s->evicted[NEWCOMER] /= 2;
		s->evicted[VETERAN] /= 2;
	}
	ghost_put(&s->ghost, s->c->key_of[x], kind);
	del(s, x);
	cache_drop(s->c, x);
}

static uint32_t evict(struct state *s)
{
	uint32_t x, steps;

	sweep(s);
	for (steps = 0; steps < STEPS; steps++) {
		int demote = s->n[PROTECTED] && s->n[PROBATION] <= s->share / PARTS;

		x = tail(s, demote ? PROTECTED : PROBATION);
		if (s->mark[x]) {
			promote(s, x);
		} else if (demote) {
			del(s, x);
			add(s, x, PROBATION);
		} else {
			drop(s, x);
			return x;
		}
	}
	x = tail(s, s->n[PROBATION] ? PROBATION : PROTECTED);
	drop(s, x);
	return x;
}

static uint32_t balance_insert(void *state, uint32_t key)
{
	struct state *s = state;
	int ghost = ghost_take(&s->ghost, key, s->c->cap / 2, s->c->cap / 2);
	uint32_t x;

	if (ghost >= 0)
		learn(s, (uint32_t)ghost);
	if (s->spares)
		x = s->spare[--s->spares];
	else if (s->used < s->c->cap)
		x = s->used++;
	else
		x = evict(s);
	s->mark[x] = 0;
	s->kind[x] = ghost >= 0 ? VETERAN : NEWCOMER;
	add(s, x, ghost >= 0 ? PROTECTED : PROBATION);
	return x;
}

/* No ghost: who is deleted was not short of space. */
static void balance_remove(void *state, uint32_t slot)
{
	struct state *s = state;

	s->mark[slot] = 0;
	del(s, slot);
	s->spare[s->spares++] = slot;
}

const struct policy policy_balance = {
	.name = "ours",
	.create = balance_create,
	.hit = balance_hit,
	.insert = balance_insert,
	.remove = balance_remove,
	.destroy = balance_destroy,
};
