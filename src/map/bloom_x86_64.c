/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bloom_x86_64.c: push and peek of Bloom filters with AVX-512 (and BMI2): a block is one register,
 * and all bits of a value that lie in it are tested at once. The twin of bloom_plain.c;
 * tests/unit/map_bloom.c compares.
 *
 * Shared words are read here by a vector load, which is no atomic access: it may see a word half
 * changed. Bits are only ever set, so each bit read is one that was there before or after.
 */
#include "map/bloom.h"

#include <errno.h>
#include <immintrin.h>

/* The thread sanitizer would take the vector loads for races. */
#ifdef __SANITIZE_THREAD__
#define USABLE 0
#else
#define USABLE (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("bmi2"))
#endif

#define TARGET __attribute__((target("avx512f,bmi2")))

/* Shift that brings bit i's position down, and whether it comes from another word than bit
 * `first`'s. */
#define SHIFT(i)   ((long long)((i) % BLOOM_PER_WORD * 9))
#define FOREIGN(l) (((first + (l)) / BLOOM_PER_WORD != first / BLOOM_PER_WORD) << (l))

/* The positions of bits first, first + 1, ... in lanes 0, 1, ...; above their 9 bits stands
 * more. */
BLOOM_INLINE TARGET __m512i lanes_of(const struct bloom_probe *p, uint32_t first)
{
	const __m512i shifts =
		_mm512_set_epi64(SHIFT(first + 7), SHIFT(first + 6), SHIFT(first + 5),
				 SHIFT(first + 4), SHIFT(first + 3), SHIFT(first + 2),
				 SHIFT(first + 1), SHIFT(first));
	const __mmask8 foreign = FOREIGN(0) | FOREIGN(1) | FOREIGN(2) | FOREIGN(3) | FOREIGN(4);
	uint32_t at = first / BLOOM_PER_WORD;
	__m512i words = _mm512_set1_epi64((long long)p->positions[at]);

	if (foreign)
		words = _mm512_mask_set1_epi64(words, foreign, (long long)p->positions[at + 1]);
	return _mm512_srlv_epi64(words, shifts);
}

/* Which lanes' bits are set. A permutation looks at 3 bits of a lane, a rotation at 6. */
BLOOM_INLINE TARGET uint32_t lanes_set(const struct block_shm *block, __m512i lanes)
{
	__m512i words = _mm512_permutexvar_epi64(_mm512_srli_epi64(lanes, 6),
						 _mm512_load_si512((const void *)block));

	return _mm512_test_epi64_mask(_mm512_rorv_epi64(words, lanes), _mm512_set1_epi64(1));
}

BLOOM_INLINE TARGET int has_bits(const struct bloom *b, uint64_t hash, uint32_t hashes)
{
	struct bloom_probe p;

	bloom_probe_begin(b, hash, hashes, &p);
#pragma GCC unroll 4
	for (uint32_t j = 0; j < bloom_blocks(hashes); j++) {
		uint32_t first = bloom_first(j, hashes);
		uint32_t all = (1u << (bloom_first(j + 1, hashes) - first)) - 1;

		if ((lanes_set(p.blocks[j], lanes_of(&p, first)) & all) != all)
			return -ENOENT;
	}
	return 0;
}

BLOOM_INLINE TARGET int add_bits(const struct bloom *b, uint64_t hash, uint32_t hashes)
{
	struct bloom_probe p;

	bloom_probe_begin(b, hash, hashes, &p);
#pragma GCC unroll 4
	for (uint32_t j = 0; j < bloom_blocks(hashes); j++) {
		uint32_t first = bloom_first(j, hashes);
		uint32_t all = (1u << (bloom_first(j + 1, hashes) - first)) - 1;
		uint32_t missing = ~lanes_set(p.blocks[j], lanes_of(&p, first)) & all;

		if (missing)
			bloom_set(b, &p, j, hashes, missing);
	}
	return 0;
}

#define FUNCTIONS(k) BLOOM_CALLS(TARGET, add_bits, has_bits, k)
BLOOM_FOR_EACH(FUNCTIONS)

static const struct bloom_calls calls[BLOOM_HASHES_MAX + 1] = {BLOOM_FOR_EACH(BLOOM_ROW)};

const struct bloom_calls *bloom_vector_calls(uint32_t hashes)
{
	return USABLE ? &calls[hashes] : NULL;
}
