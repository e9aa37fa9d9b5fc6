/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fifos.h: what CLOCK, SIEVE and S3-FIFO have in common: a mark per element, two queues. */
#ifndef BENCH_LRU_FIFOS_H
#define BENCH_LRU_FIFOS_H

#include "ghost.h"
#include "list.h"

enum { SMALL, MAIN };

struct fifos {
	struct cache *c;
	struct link *l; /* new elements at the head, victims at the tail */
	uint8_t *mark;
	uint8_t *where;
	uint32_t n[2];
	uint32_t small; /* size that SMALL should have */
	uint32_t hand;	/* SIEVE's */
	struct ghost ghost;
};

void *fifos_create(struct cache *c);
void fifos_destroy(void *state);
/* A mark is one bit; SIEVE and CLOCK. */
void fifos_mark(void *state, uint32_t slot);
/* A mark counts to three; S3-FIFO. */
void fifos_count(void *state, uint32_t slot);
void fifos_add(struct fifos *f, uint32_t queue, uint32_t slot);
void fifos_del(struct fifos *f, uint32_t slot);
/* The slot at the tail of a queue, which is not empty. */
uint32_t fifos_tail(const struct fifos *f, uint32_t queue);

#endif
