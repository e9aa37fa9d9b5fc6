/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_keys.c: bpfmap_lookup_keys() finds what bpfmap_lookup() finds, in the same places: key sizes with code
 * of their own and others, buckets with and without slots, present and absent keys, any number of keys. */
#include "bpfmap/bpfmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS 500
#define KEYS	 1000 /* looked up at once; about half of them are there */
#define KEY_MAX	 32

static void key_make(uint8_t *key, uint32_t key_size, uint32_t number)
{
	memset(key, 0xa5, key_size);
	memcpy(key, &number, key_size < sizeof(number) ? key_size : sizeof(number));
}

static void keys_compare(struct bpfmap *map, uint32_t key_size, const uint8_t *keys, uint32_t n)
{
	void *values[KEYS];
	uint32_t found = 0;

	memset(values, 0x5a, sizeof(values));
	for (uint32_t i = 0; i < n; i++)
		found += bpfmap_lookup(map, keys + (size_t)i * key_size) != NULL;
	assert_int_equal(bpfmap_lookup_keys(map, keys, n, values), found);
	for (uint32_t i = 0; i < n; i++)
		assert_ptr_equal(values[i], bpfmap_lookup(map, keys + (size_t)i * key_size));
	/* Behind the last key nothing was written. */
	if (n < KEYS)
		assert_int_equal((uint8_t)(uintptr_t)values[n], 0x5a);
}

static void type_compare(uint32_t type, uint32_t flags, uint32_t key_size, uint32_t value_size)
{
	static const uint32_t counts[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 999, KEYS};
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = type,
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = ELEMENTS,
		.map_flags = flags,
	};
	size_t value_bytes = 1024 * ((value_size + 7) & ~7ul);
	uint8_t *keys = malloc((size_t)KEYS * key_size), *value = calloc(1, value_bytes);
	bool array = type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
	struct bpfmap *map;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	for (uint32_t i = 0; i < KEYS; i++)
		key_make(keys + (size_t)i * key_size, key_size, i * 7 % KEYS);
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		uint8_t key[KEY_MAX];

		key_make(key, key_size, array ? i : i * 2);
		value[0] = (uint8_t)i;
		/* Numbers that a short key cannot tell apart are one element. */
		assert_int_equal(bpfmap_update(map, key, value, 0), 0);
	}
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		keys_compare(map, key_size, keys, counts[c]);
	bpfmap_close(map);
	free(keys);
	free(value);
}

static void hash_keys(void **state)
{
	static const uint32_t key_sizes[] = {1, 3, 4, 5, 8, 12, 16, 20};
	static const uint32_t value_sizes[] = {1, 8, 64, 200};

	(void)state;
	for (size_t k = 0; k < sizeof(key_sizes) / sizeof(key_sizes[0]); k++)
		for (size_t v = 0; v < sizeof(value_sizes) / sizeof(value_sizes[0]); v++) {
			type_compare(BPF_MAP_TYPE_HASH, 0, key_sizes[k], value_sizes[v]);
			type_compare(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, key_sizes[k],
				     value_sizes[v]);
			type_compare(BPF_MAP_TYPE_LRU_HASH, 0, key_sizes[k], value_sizes[v]);
			type_compare(BPF_MAP_TYPE_PERCPU_HASH, 0, key_sizes[k], value_sizes[v]);
		}
}

static void array_keys(void **state)
{
	(void)state;
	type_compare(BPF_MAP_TYPE_ARRAY, 0, 4, 8);
	type_compare(BPF_MAP_TYPE_PERCPU_ARRAY, 0, 4, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_keys),
		cmocka_unit_test(array_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
