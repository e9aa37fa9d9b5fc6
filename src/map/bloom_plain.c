/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bloom_plain.c: push and peek of Bloom filters for any processor. Layout and proof: bloom.c. */
#include "map/bloom.h"

#include <errno.h>

BLOOM_INLINE struct shm_u64 *word_of(struct block_shm *block, uint64_t position)
{
	return &block->words[position >> 6 & 7];
}

/* A block is looked at as a whole; the next one only if all bits of this one are set. */
BLOOM_INLINE int has_bits(const struct bloom *b, uint64_t hash, uint32_t hashes)
{
	struct bloom_probe p;

	bloom_probe_begin(b, hash, hashes, &p);
#pragma GCC unroll 4
	for (uint32_t j = 0; j < bloom_blocks(hashes); j++) {
		uint64_t all = 1;

#pragma GCC unroll 5
		for (uint32_t i = bloom_first(j, hashes); i < bloom_first(j + 1, hashes); i++) {
			uint64_t at = bloom_position(&p, i, hashes);

			all &= shm_u64_load_relaxed(word_of(p.blocks[j], at)) >> (at & 63);
		}
		if (!(all & 1))
			return -ENOENT;
	}
	return 0;
}

/* Set what is missing: seldom much in a filter that fills up, and then its lines stay shared. */
BLOOM_INLINE int add_bits(const struct bloom *b, uint64_t hash, uint32_t hashes)
{
	struct bloom_probe p;

	bloom_probe_begin(b, hash, hashes, &p);
#pragma GCC unroll 4
	for (uint32_t j = 0; j < bloom_blocks(hashes); j++) {
		uint32_t first = bloom_first(j, hashes), missing = 0;

#pragma GCC unroll 5
		for (uint32_t i = first; i < bloom_first(j + 1, hashes); i++) {
			uint64_t at = bloom_position(&p, i, hashes);
			uint64_t word = shm_u64_load_relaxed(word_of(p.blocks[j], at));

			missing |= (uint32_t)(~word >> (at & 63) & 1) << (i - first);
		}
		if (missing)
			bloom_set(b, &p, j, hashes, missing);
	}
	return 0;
}

#define FUNCTIONS(k) BLOOM_CALLS(, add_bits, has_bits, k)
BLOOM_FOR_EACH(FUNCTIONS)

static const struct bloom_calls calls[BLOOM_HASHES_MAX + 1] = {BLOOM_FOR_EACH(BLOOM_ROW)};

const struct bloom_calls *bloom_plain_calls(uint32_t hashes)
{
	return &calls[hashes];
}
