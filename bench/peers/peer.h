/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* peer.h: what a benchmark asks of a hash table: "carry out these operations", thousands at a time, so
 * that each table's own functions are inlined into a loop of its own (loop.h).
 *
 * All of it is compiled once per shape: KEY_WORDS and VALUE_WORDS are 8-byte words.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "shape.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct key {
	uint64_t w[KEY_WORDS];
};

struct value {
	uint64_t w[VALUE_WORDS];
};

enum op {
#define OP(id, word, keys) OP_##id,
#include "ops.def"
#undef OP
	OPS
};
#define OP_BIT(op) (1u << (op))
#define OPS_WITH_SUM                                                                 \
	(OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_READ) | OP_BIT(OP_BULK) | \
	 OP_BIT(OP_MIXED))
#define OPS_OF_PRESENT (OPS_WITH_SUM | OP_BIT(OP_UPDATE) | OP_BIT(OP_ADD))

#define BULK 64u /* keys in one call of OP_BULK */

struct batch {
	const struct key *keys; /* CHURN: deleted, inserted, deleted, inserted, ... */
	const uint32_t *ids;	/* which present element the key is, 0 .. entries - 1 */
	uint32_t n;		/* operations; of BULK a multiple of it */
	uint64_t zero;		/* 0, which the compiler cannot know */
};

struct table_spec {
	uint32_t entries; /* elements that the table will hold at once */
	uint32_t threads; /* at most WORKERS at once */
	uint32_t hashes;  /* Bloom filters: hash functions; else 0 */
};
#define WORKERS 2u

struct peer {
	const char *name;
	unsigned int ops; /* OP_BIT of those that it has */
	/* NULL: not possible here; why was said on stderr. */
	void *(*open)(const struct table_spec *spec);
	void (*close)(void *table);
	/* Around a worker thread's life, and before each run, untimed. NULL: nothing to do. */
	void (*enter)(void *table, uint32_t worker);
	void (*leave)(void *table, uint32_t worker);
	void (*prepare)(void *table, uint32_t worker, enum op op, const struct batch *batch);
	/* The sum of the values' first words of lookups that hit; of other operations nothing. */
	uint64_t (*run)(void *table, uint32_t worker, enum op op, const struct batch *batch);
	/* What it says that it takes; NULL: nothing, so the process is asked. */
	uint64_t (*bytes)(void *table);
};

/* Peers in the order of reports, ended by NULL; ours, to which ratios refer, is the first. */
extern const struct peer *const peers[];

static inline struct value value_for(const struct key *key)
{
	struct value value = {{key->w[0] >> VALUE_SHIFT}};

	return value;
}

/* For tables that leave hashing to the user: two multiplications per word. */
static inline uint64_t key_hash(const struct key *key)
{
	uint64_t h = 0x9e3779b97f4a7c15ull;

	for (int i = 0; i < KEY_WORDS; i++) {
		h = (h ^ key->w[i]) * 0xbf58476d1ce4e5b9ull;
		h ^= h >> 32;
	}
	return h * 0x94d049bb133111ebull;
}

static inline int key_equal(const struct key *a, const struct key *b)
{
	uint64_t diff = 0;

	for (int i = 0; i < KEY_WORDS; i++)
		diff |= a->w[i] ^ b->w[i];
	return diff == 0;
}

#ifdef __cplusplus
}
#endif

#endif
