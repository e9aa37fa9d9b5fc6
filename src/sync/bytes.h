/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bytes.h: keys and values in shared memory, read while somebody may be writing them.
 *
 * Stored byte strings begin at a multiple of 8 and are padded with zeroes to one; they are accessed
 * a word at a time. Who reads validates a version word afterwards, so:
 *   stores are releases    a reader that sees a word of a reused slot also sees the version that
 *                          took the slot from its former element (it was stored before)
 *   loads are acquires     the version load that validates them comes after them
 * Edge B1 release in bytes_store -> B2 acquire in bytes_load, bytes_equal.
 */
#ifndef BPFMAP_SYNC_BYTES_H
#define BPFMAP_SYNC_BYTES_H

#include "sync/atomics.h"

#include <stddef.h>
#include <string.h>

#define RU8(n) (((n) + 7) & ~(uint64_t)7)

/* The i-th word of a private byte string of n bytes, zero-padded. */
static inline uint64_t bytes_word(const void *src, size_t n, size_t i)
{
	uint64_t word = 0;

	if (n - i * 8 >= 8)
		memcpy(&word, (const char *)src + i * 8, 8);
	else
		memcpy(&word, (const char *)src + i * 8, n - i * 8);
	return word;
}

static inline void bytes_store(struct shm_u64 *dst, const void *src, size_t n)
{
	size_t full = n / 8;
	uint64_t word;

	for (size_t i = 0; i < full; i++) {
		memcpy(&word, (const char *)src + i * 8, 8);
		shm_u64_store_release(&dst[i], word); /* B1 release -> B2 */
	}
	if (n & 7)
		shm_u64_store_release(&dst[full], bytes_word(src, n, full)); /* B1 release -> B2 */
}

/* The same for a place that only we write to, whose padding stays as it is. */
static inline void bytes_store_keep(struct shm_u64 *dst, const void *src, size_t n)
{
	uint64_t last = shm_u64_load_relaxed(&dst[(n - 1) / 8]);

	bytes_store(dst, src, n / 8 * 8);
	if (!(n & 7))
		return;
	memcpy(&last, (const char *)src + n / 8 * 8, n & 7);
	shm_u64_store_release(&dst[n / 8], last); /* B1 release -> B2 */
}

static inline void bytes_load(void *dst, const struct shm_u64 *src, size_t n)
{
	size_t full = n / 8;
	uint64_t word;

	for (size_t i = 0; i < full; i++) {
		word = shm_u64_load_acquire(&src[i]); /* B2 acquire <- B1 */
		memcpy((char *)dst + i * 8, &word, 8);
	}
	if (n & 7) {
		word = shm_u64_load_acquire(&src[full]); /* B2 acquire <- B1 */
		memcpy((char *)dst + full * 8, &word, n & 7);
	}
}

static inline bool bytes_equal(const struct shm_u64 *stored, const void *key, size_t n)
{
	size_t full = n / 8;
	uint64_t word;

	if (n == 8) {
		memcpy(&word, key, 8);
		return shm_u64_load_acquire(&stored[0]) == word; /* B2 acquire <- B1 */
	}
	for (size_t i = 0; i < full; i++) {
		memcpy(&word, (const char *)key + i * 8, 8);
		if (shm_u64_load_acquire(&stored[i]) != word) /* B2 acquire <- B1 */
			return false;
	}
	if (n & 7)
		/* B2 acquire <- B1 */
		return shm_u64_load_acquire(&stored[full]) == bytes_word(key, n, full);
	return true;
}

/* Two stored byte strings. */
static inline bool bytes_same(const struct shm_u64 *a, const struct shm_u64 *b, size_t n)
{
	for (size_t i = 0; i < RU8(n) / 8; i++)
		/* B2 acquire <- B1 */
		if (shm_u64_load_acquire(&a[i]) != shm_u64_load_acquire(&b[i]))
			return false;
	return true;
}

#endif
