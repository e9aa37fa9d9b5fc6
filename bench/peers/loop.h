/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* loop.h: the loops, inlined into each peer. The file that includes it has defined struct table and
 *   static inline uint64_t table_get(struct table *, const struct key *)     first word, 0 if absent
 * and, as far as its ops say so, with a macro of the same name in capitals,
 *   static inline void table_put(struct table *, const struct key *, const struct value *)
 *   static inline void table_remove(struct table *, const struct key *)
 *   static inline uint64_t table_read(struct table *, const struct key *, struct value *)
 *   static inline uint64_t table_bulk(struct table *, const struct key *)    BULK keys: sum of first words
 *   static inline void table_add(struct table *, const struct key *, uint64_t)    to the first word
 *   static inline void table_cycle(struct table *)
 * With LOOP_BY_INDEX keys are elements' numbers: const uint32_t * instead of const struct key *.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include "peer.h"

#ifdef LOOP_BY_INDEX
#define LOOP_KEY	uint32_t
#define LOOP_KEYS(b)	((b)->ids)
#define LOOP_CHAIN(key) (key)
#else
#define LOOP_KEY	struct key
#define LOOP_KEYS(b)	((b)->keys)
#define LOOP_CHAIN(key) ((key).w[0])
#endif

static uint64_t loop_empty(const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		LOOP_KEY key = LOOP_KEYS(b)[i];

		__asm__ volatile("" : : "r"(LOOP_CHAIN(key)));
		sum += b->zero;
	}
	return sum;
}

static uint64_t loop_get(struct table *t, const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++)
		sum += table_get(t, &LOOP_KEYS(b)[i]);
	return sum;
}

static uint64_t loop_dependent(struct table *t, const struct batch *b)
{
	uint64_t sum = 0, last = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		LOOP_KEY key = LOOP_KEYS(b)[i];

		LOOP_CHAIN(key) += last & b->zero;
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

		table_put(t, &LOOP_KEYS(b)[i], &value);
	}
	return 0;
}

static uint64_t loop_mixed(struct table *t, const struct batch *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		struct value value;

		if (i % 10 != 9) {
			sum += table_get(t, &LOOP_KEYS(b)[i]);
			continue;
		}
		value = value_for(&b->keys[i]);
		table_put(t, &LOOP_KEYS(b)[i], &value);
	}
	return sum;
}
#define PUT_CASES                              \
	case OP_UPDATE:                        \
	case OP_INSERT: return loop_put(t, b); \
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
		sum += table_read(t, &LOOP_KEYS(b)[i], &value);
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
		sum += table_bulk(t, &LOOP_KEYS(b)[i]);
	return sum;
}
#define BULK_CASES    \
	case OP_BULK: \
		return loop_bulk(t, b);
#else
#define BULK_CASES
#endif

#ifdef TABLE_ADD
static uint64_t loop_add(struct table *t, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		table_add(t, &LOOP_KEYS(b)[i], b->zero);
	return 0;
}
#define ADD_CASES    \
	case OP_ADD: \
		return loop_add(t, b);
#else
#define ADD_CASES
#endif

#ifdef TABLE_CYCLE
static uint64_t loop_cycle(struct table *t, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		table_cycle(t);
	return 0;
}
#define CYCLE_CASES    \
	case OP_CYCLE: \
		return loop_cycle(t, b);
#else
#define CYCLE_CASES
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
		ADD_CASES
		CYCLE_CASES
	default: return 0;
	}
}

#endif
