/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* loop.h: the loops, inlined into each peer. The file that includes it has defined struct table and
 *   static inline uint64_t table_get(struct table *, const struct key *)     first word, 0 if absent
 * and, as far as its ops say so, with a macro of the same name in capitals,
 *   static inline void table_put(struct table *, const struct key *, const struct value *)
 *   static inline void table_remove(struct table *, const struct key *)
 *   static inline uint64_t table_read(struct table *, const struct key *, struct value *)
 *   static inline uint64_t table_bulk(struct table *, const struct key *)    BULK keys: sum of first words
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include "peer.h"

static uint64_t loop_empty(const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct key *key = &b->keys[i];

		__asm__ volatile("" : : "r"(key->w[0]));
		sum += b->zero;
	}
	return sum;
}

static uint64_t loop_get(struct table *t, const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++)
		sum += table_get(t, &b->keys[i]);
	return sum;
}

static uint64_t loop_dependent(struct table *t, const struct batch *b)
{
	uint64_t sum = 0, last = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		struct key key = b->keys[i];

		key.w[0] += last & b->zero;
		last = table_get(t, &key);
		sum += last;
	}
	return sum;
}

#ifdef TABLE_PUT
static uint64_t loop_put(struct table *t, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct value value = value_for(&b->keys[i]);

		table_put(t, &b->keys[i], &value);
	}
	return 0;
}

static uint64_t loop_mixed(struct table *t, const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		struct value value;

		if (i % 10 != 9) {
			sum += table_get(t, &b->keys[i]);
			continue;
		}
		value = value_for(&b->keys[i]);
		table_put(t, &b->keys[i], &value);
	}
	return sum;
}
#define PUT_CASES                              \
	case OP_UPDATE: return loop_put(t, b); \
	case OP_MIXED:                         \
		return loop_mixed(t, b);
#else
#define PUT_CASES
#endif

#ifdef TABLE_REMOVE
static uint64_t loop_churn(struct table *t, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct value value = value_for(&b->keys[2 * i + 1]);

		table_remove(t, &b->keys[2 * i]);
		table_put(t, &b->keys[2 * i + 1], &value);
	}
	return 0;
}
#define REMOVE_CASES   \
	case OP_CHURN: \
		return loop_churn(t, b);
#else
#define REMOVE_CASES
#endif

#ifdef TABLE_READ
static uint64_t loop_read(struct table *t, const struct batch *b)
{
	struct value value;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		sum += table_read(t, &b->keys[i], &value);
		__asm__ volatile("" : : "r"(&value) : "memory");
	}
	return sum;
}
#define READ_CASES    \
	case OP_READ: \
		return loop_read(t, b);
#else
#define READ_CASES
#endif

#ifdef TABLE_BULK
static uint64_t loop_bulk(struct table *t, const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i += BULK)
		sum += table_bulk(t, &b->keys[i]);
	return sum;
}
#define BULK_CASES    \
	case OP_BULK: \
		return loop_bulk(t, b);
#else
#define BULK_CASES
#endif

static uint64_t loop_run(void *table, uint32_t worker, enum op op, const struct batch *b)
{
	struct table *t = (struct table *)table;

	(void)worker;
	switch (op) {
	case OP_LOOP: return loop_empty(b);
	case OP_HIT:
	case OP_MISS: return loop_get(t, b);
	case OP_DEPENDENT:
		return loop_dependent(t, b);
		PUT_CASES
		REMOVE_CASES
		READ_CASES
		BULK_CASES
	default: return 0;
	}
}

#endif
