/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* value.h: values that prove themselves. Every word of a value is the same, and says which key and
 * which version it belongs to:
 *
 *   bits 63..24   version, never used twice for a key
 *   bits 23..12   check: a hash of version and key
 *   bits 11..0    key number
 *
 * So a mixture of two updates, a value under a wrong key, and bytes of a freed slot all show.
 * A tail shorter than a word holds the word's first bytes.
 */
#ifndef BPFMAP_TESTS_VALUE_H
#define BPFMAP_TESTS_VALUE_H

#include <stddef.h>
#include <stdint.h>

#define VALUE_KEYS_MAX	4096u
#define VALUE_SIZE_MAX	4096u
#define VALUE_VERSION_0 1ull
/* From here on a canary's writer does wrong: soon, since a run may be slow. */
#define VALUE_VERSION_FAULT 5ull
#define VALUE_KEY_BYTES	    64u

uint64_t value_word(uint32_t key, uint64_t version);
/* 0 if the word is not one of this key's. */
uint64_t value_word_version(uint64_t word, uint32_t key);

void value_fill(void *buf, size_t size, uint32_t key, uint64_t version);
/* The version, or 0 and a failed verdict. where: how the value was obtained, for the sentence. */
uint64_t value_verify(const void *buf, size_t size, uint32_t key, const char *where);

/* Key bytes of a key number: the number, then a filler that depends on it, so that keys differ in
 * more than their first word. size >= 4; arrays use size 4 = the index itself. */
void key_fill(void *buf, size_t size, uint32_t key);
/* The number of a key that came out of a map, or UINT32_MAX if its bytes are not such a key. */
uint32_t key_number(const void *buf, size_t size);

#endif
