/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* keys.h: which keys a batch has. A table holds the keys of PARTS runs of consecutive numbers, one for each
 * worker that deletes and inserts; numbers become keys by a mixing function, so keys are in no order.
 */
#ifndef BENCH_KEYS_H
#define BENCH_KEYS_H

#include "peer.h"

#define PARTS	WORKERS
#define UNIT	320u	      /* operations: a multiple of BULK and of the cycle of OP_MIXED */
#define OPS_MAX (400u * UNIT) /* in a batch */

enum draw { DRAW_UNIFORM, DRAW_ZIPF, DRAWS };

struct keys {
	uint32_t entries; /* a multiple of PARTS */
	uint32_t *zipf;	  /* ZIPF_DRAWS elements, Zipf 0.99, popular ones in no place */
	uint64_t random;
};

/* What a table holds: numbers part << 40 | head .. head + entries / PARTS - 1. */
struct held {
	uint64_t head[PARTS];
};

/* Memory for a batch that all processes forked from this one share. */
struct batch_room {
	struct batch batch;
	struct key keys[2 * OPS_MAX];
	uint32_t ids[OPS_MAX];
	uint64_t expected; /* what OP_HIT and its like return */
};

void keys_init(struct keys *keys, uint32_t entries);

/* Fills in n operations of the worker; CHURN moves the worker's part of what is held. */
void keys_draw(struct keys *keys, enum op op, enum draw draw, struct held *held, uint32_t worker,
	       uint32_t n, struct batch_room *room);

/* The elements first .. first + n - 1 of what a table is to hold in the beginning. */
void keys_fill(const struct keys *keys, uint32_t first, uint32_t n, struct batch_room *room);

#endif
