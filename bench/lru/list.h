/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* list.h: rings of slots linked by number. Numbers from cap on are the heads of the lists. */
#ifndef BENCH_LRU_LIST_H
#define BENCH_LRU_LIST_H

#include "sim.h"

struct link {
	uint32_t prev, next;
};

static inline void list_init(struct link *l, uint32_t head)
{
	l[head].prev = l[head].next = head;
}

/* Puts x before `at`: at the tail if `at` is a head. */
static inline void list_add_before(struct link *l, uint32_t at, uint32_t x)
{
	uint32_t prev = l[at].prev;

	l[x].prev = prev;
	l[x].next = at;
	l[prev].next = x;
	l[at].prev = x;
}

static inline void list_add(struct link *l, uint32_t head, uint32_t x)
{
	list_add_before(l, l[head].next, x);
}

static inline void list_del(struct link *l, uint32_t x)
{
	l[l[x].prev].next = l[x].next;
	l[l[x].next].prev = l[x].prev;
}

static inline uint32_t list_tail(const struct link *l, uint32_t head)
{
	return l[head].prev;
}

#endif
