/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash.h: a keyed hash of a byte string: 64 x 64 -> 128 bit multiply and fold, once per 16 bytes
 * and once at the end. (Without the last one, consecutive numbers fill a power of two unevenly
 * under some seeds.) Built for speed on short keys and for not letting somebody who does not know
 * the seed choose collisions by counting; not a cryptographic hash. The value depends on byte
 * order; regions do too. */
#ifndef BPFMAP_BASE_HASH_H
#define BPFMAP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Odd constants with about half of their bits set; nothing else is asked of them. */
#define HASH_K0 0x9e3779b97f4a7c15ull
#define HASH_K1 0xd6e8feb86659fd93ull

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const void *p, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, p, n);
	return word;
}

static inline uint64_t hash_bytes(const void *key, size_t len, uint64_t seed)
{
	const char *p = (const char *)key;
	uint64_t h = seed ^ HASH_K0, a, b = len;

	while (len > 16) {
		h = hash_fold(hash_load(p, 8) ^ HASH_K1, hash_load(p + 8, 8) ^ h);
		p += 16;
		len -= 16;
	}
	if (len == 8) {
		a = hash_load(p, 8);
	} else if (len == 4) {
		a = hash_load(p, 4);
	} else if (len > 8) {
		a = hash_load(p, 8);
		b ^= hash_load(p + 8, len - 8);
	} else {
		a = hash_load(p, len);
	}
	h = hash_fold(a ^ h, b ^ HASH_K1);
	return hash_fold(h ^ HASH_K0, seed ^ HASH_K1);
}

#endif
