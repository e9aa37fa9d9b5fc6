/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* value.c: see value.h. */
#include "value.h"
#include "harness.h"

#include <string.h>

static uint64_t check_bits(uint32_t key, uint64_t version)
{
	struct rng rng = {.state = version * 4099 + key};

	return rng_next(&rng) & 0xfff;
}

uint64_t value_word(uint32_t key, uint64_t version)
{
	return version << 24 | check_bits(key, version) << 12 | key;
}

uint64_t value_word_version(uint64_t word, uint32_t key)
{
	uint64_t version = word >> 24;

	return word == value_word(key, version) ? version : 0;
}

void value_fill(void *buf, size_t size, uint32_t key, uint64_t version)
{
	uint64_t word = value_word(key, version);
	uint8_t *at = buf;
	size_t off;

	for (off = 0; off + 8 <= size; off += 8)
		memcpy(at + off, &word, 8);
	memcpy(at + off, &word, size - off);
}

uint64_t value_verify(const void *buf, size_t size, uint32_t key, const char *where)
{
	const uint8_t *at = buf;
	uint64_t word;
	uint64_t other;
	size_t off;

	memcpy(&word, at, 8);
	if (value_word_version(word, key) == 0) {
		verdict_fail("%s: key %u holds the foreign word %016llx", where, key,
			     (unsigned long long)word);
		return 0;
	}
	for (off = 8; off < size; off += 8) {
		other = word;
		memcpy(&other, at + off, size - off < 8 ? size - off : 8);
		if (other != word) {
			verdict_fail("%s: key %u is torn: version %llu at byte 0, %llu at byte %zu",
				     where, key, (unsigned long long)(word >> 24),
				     (unsigned long long)(other >> 24), off);
			return 0;
		}
	}
	return word >> 24;
}

static uint8_t key_filler(uint32_t key, size_t i)
{
	return (uint8_t)(key * 37 + i * 11);
}

void key_fill(void *buf, size_t size, uint32_t key)
{
	uint8_t *at = buf;

	memcpy(at, &key, 4);
	for (size_t i = 4; i < size; i++)
		at[i] = key_filler(key, i);
}

uint32_t key_number(const void *buf, size_t size)
{
	const uint8_t *at = buf;
	uint32_t key;

	memcpy(&key, at, 4);
	for (size_t i = 4; i < size; i++) {
		if (at[i] != key_filler(key, i))
			return UINT32_MAX;
	}
	return key;
}
