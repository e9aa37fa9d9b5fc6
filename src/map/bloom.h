/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bloom.h: what the Bloom filter's portable functions and their vector twins share: where a value's
 * bits are. bloom.c has the layout. */
#ifndef BPFMAP_MAP_BLOOM_H
#define BPFMAP_MAP_BLOOM_H

#include "base/hash.h"
#include "map/map.h"
#include "sync/atomics.h"

#include <sys/single_threaded.h>

#define BLOOM_HASHES_MAX 15
#define BLOOM_BLOCKS_MAX 4

struct block_shm {
	struct shm_u64 words[8];
};

struct bloom {
	struct block_shm *blocks;
	uint64_t block_mask;
	uint64_t seed;
	uint32_t value_size;
	uint32_t hashes;
	uint32_t private_memory; /* 1: no other process has the filter */
	struct map_ops ops;	 /* the type's, with push and peek for this number of hashes */
};

/* Push and peek for one number of hashes. Everything that depends on it is known when they are
 * compiled: without branches and divisions the processor works on several values at once. */
struct bloom_calls {
	int (*push)(struct bpfmap *map, const void *value, uint64_t flags);
	int (*peek)(struct bpfmap *map, void *value);
};

/* Those that use this processor's vector instructions, or NULL. */
const struct bloom_calls *bloom_vector_calls(uint32_t hashes);
const struct bloom_calls *bloom_plain_calls(uint32_t hashes);

/* A filter's bits, to be carried into another one of the same spec and seed. words: of 64 bits. */
struct bloom_image {
	uint64_t seed;
	uint64_t words;
};
void bloom_get_image(const struct bpfmap *map, struct bloom_image *ret_image);
void bloom_words_read(const struct bpfmap *map, uint64_t first, uint64_t n, uint64_t *ret_words);
/* What is set stays set. EPERM: read-only or frozen. */
int bloom_words_add(struct bpfmap *map, uint64_t first, uint64_t n, const uint64_t *words);
/* Of a filter that is empty and that nobody else has opened yet. */
void bloom_adopt_seed(struct bpfmap *map, uint64_t seed);

int bloom_flags_refuse(void);
/* hash_bytes() of a value of any size. */
uint64_t bloom_hash_any(const struct bloom *b, const void *value);

#define BLOOM_INLINE static inline __attribute__((always_inline))

/* Blocks that a value's bits lie in. */
BLOOM_INLINE uint32_t bloom_blocks(uint32_t hashes)
{
	return hashes <= 5 ? 1 : hashes <= 8 ? 2 : hashes <= 11 ? 3 : BLOOM_BLOCKS_MAX;
}

/* The first bit that lies in block j: bit i lies in block i * blocks / hashes. */
BLOOM_INLINE uint32_t bloom_first(uint32_t j, uint32_t hashes)
{
	return (j * hashes + bloom_blocks(hashes) - 1) / bloom_blocks(hashes);
}

/* Where the bits of a hash are. Six positions of 9 bits each in a word. */
struct bloom_probe {
	struct block_shm *blocks[BLOOM_BLOCKS_MAX];
	uint64_t positions[3];
};

#define BLOOM_PER_WORD 6

/* Bit i's position in its block; the 6 lower bits say where in the word, the next 3 in which. */
BLOOM_INLINE uint64_t bloom_position(const struct bloom_probe *p, uint32_t i, uint32_t hashes)
{
	uint32_t word = hashes <= BLOOM_PER_WORD ? 0 : i / BLOOM_PER_WORD;

	return p->positions[word] >> (i - word * BLOOM_PER_WORD) * 9;
}

BLOOM_INLINE void bloom_probe_begin(const struct bloom *b, uint64_t hash, uint32_t hashes,
				    struct bloom_probe *p)
{
	uint64_t more;

	p->blocks[0] = &b->blocks[hash & b->block_mask];
	p->positions[0] = hash_fold(hash ^ HASH_K1, HASH_K0);
	if (bloom_blocks(hashes) < 2)
		return;
	p->blocks[1] = &b->blocks[(hash >> 32) & b->block_mask];
	p->positions[1] = hash_fold(hash + 5, HASH_K1);
	if (bloom_blocks(hashes) < 3)
		return;
	more = hash_fold(hash ^ HASH_K0, HASH_K1);
	p->blocks[2] = &b->blocks[more & b->block_mask];
	p->blocks[3] = &b->blocks[(more >> 32) & b->block_mask];
	p->positions[2] = hash_fold(hash + 11, HASH_K1);
}

/* Can nobody else be writing? In private memory of a process with one thread. */
BLOOM_INLINE bool bloom_is_alone(const struct bloom *b)
{
	return b->private_memory && __libc_single_threaded;
}

/* Then all bits of a block are set without locked instructions, and without a look: to guess wrong
 * which ones need it costs more. */
BLOOM_INLINE void bloom_set_alone(const struct bloom_probe *p, uint32_t j, uint32_t hashes)
{
#pragma GCC unroll 5
	for (uint32_t i = bloom_first(j, hashes); i < bloom_first(j + 1, hashes); i++) {
		uint64_t at = bloom_position(p, i, hashes);
		struct shm_u64 *word = &p->blocks[j]->words[at >> 6 & 7];

		shm_u64_store_relaxed(word, shm_u64_load_relaxed(word) | 1ull << (at & 63));
	}
}

/* Set the missing bits of block j; bit l of `missing` stands for the value's bit
 * bloom_first(j, hashes) + l. */
BLOOM_INLINE void bloom_set(const struct bloom *b, const struct bloom_probe *p, uint32_t j,
			    uint32_t hashes, uint32_t missing)
{
	if (bloom_is_alone(b)) {
		bloom_set_alone(p, j, hashes);
		return;
	}
	for (; missing; missing &= missing - 1) {
		uint32_t i = bloom_first(j, hashes) + (uint32_t)__builtin_ctz(missing);
		uint64_t at = bloom_position(p, i, hashes);

		shm_u64_or_relaxed(&p->blocks[j]->words[at >> 6 & 7], 1ull << (at & 63));
	}
}

/* hash_bytes() of a value of 4 or 8 bytes. */
BLOOM_INLINE uint64_t bloom_hash_word(const struct bloom *b, const void *value)
{
	return b->value_size == 8 ? hash_bytes(value, 8, b->seed) : hash_bytes(value, 4, b->seed);
}

#define BLOOM_FOR_EACH(x) \
	x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)

/* The table of a twin, made of its ADD(b, hash, k) and HAS(b, hash, k): 0, or -ENOENT. Values of 4
 * and 8 bytes, the usual ones, are hashed without a call; the others are dealt with by functions
 * that stand aside, so that the usual way saves no registers. */
#define BLOOM_CALLS(attributes, ADD, HAS, k)                                                  \
	static int __attribute__((noinline))                                                  \
	attributes push_any_##k(const struct bloom *b, const void *value)                     \
	{                                                                                     \
		return ADD(b, bloom_hash_any(b, value), k);                                   \
	}                                                                                     \
	static int __attribute__((noinline))                                                  \
	attributes peek_any_##k(const struct bloom *b, const void *value)                     \
	{                                                                                     \
		return HAS(b, bloom_hash_any(b, value), k);                                   \
	}                                                                                     \
	static int attributes push_##k(struct bpfmap *map, const void *value, uint64_t flags) \
	{                                                                                     \
		const struct bloom *b = map->priv;                                            \
                                                                                              \
		if (flags != BPF_ANY)                                                         \
			return bloom_flags_refuse();                                          \
		if (b->value_size != 8 && b->value_size != 4)                                 \
			return push_any_##k(b, value);                                        \
		return ADD(b, bloom_hash_word(b, value), k);                                  \
	}                                                                                     \
	static int attributes peek_##k(struct bpfmap *map, void *value)                       \
	{                                                                                     \
		const struct bloom *b = map->priv;                                            \
                                                                                              \
		if (b->value_size != 8 && b->value_size != 4)                                 \
			return peek_any_##k(b, value);                                        \
		return HAS(b, bloom_hash_word(b, value), k);                                  \
	}
#define BLOOM_ROW(k) [k] = {push_##k, peek_##k},

#endif
