/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_bloom_twins.c: the vector functions of Bloom filters and the portable ones set the same bits and
 * give the same answers, for every number of hashes, and in private memory as in shared. */
#include "map/bloom.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define FILL  300u
#define ASKED 3000u

static struct bpfmap *map_make(uint32_t value_size, uint32_t hashes, uint32_t memory,
			       const struct bloom_calls *calls)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_BLOOM_FILTER,
					  .value_size = value_size,
					  .max_entries = FILL,
					  .map_flags = BPF_F_ZERO_SEED,
					  .map_extra = hashes,
					  .memory = memory};
	struct bpfmap *map = NULL;
	struct bloom *b;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	b = map->priv;
	b->ops.push = calls->push;
	b->ops.peek = calls->peek;
	return map;
}

static void value_of(unsigned char *value, uint32_t size, uint32_t number)
{
	memset(value, 0x5a, size);
	memcpy(value, &number, sizeof(number));
}

static void same_bits(struct bpfmap *a, struct bpfmap *b)
{
	const struct bloom *left = a->priv, *right = b->priv;

	assert_int_equal(left->block_mask, right->block_mask);
	assert_memory_equal(left->blocks, right->blocks,
			    (left->block_mask + 1) * sizeof(left->blocks[0]));
}

static void compare(uint32_t size, uint32_t hashes, const struct bloom_calls *first,
		    const struct bloom_calls *second)
{
	struct bpfmap *a = map_make(size, hashes, BPFMAP_MEMORY_PRIVATE, first);
	struct bpfmap *b = map_make(size, hashes, BPFMAP_MEMORY_SHARED, second);
	unsigned char value[64];

	for (uint32_t i = 0; i < FILL; i++) {
		value_of(value, size, i);
		assert_int_equal(bpfmap_push(a, value, 0), 0);
		assert_int_equal(bpfmap_push(b, value, 0), 0);
		same_bits(a, b);
	}
	for (uint32_t i = 0; i < ASKED; i++) {
		value_of(value, size, i);
		assert_int_equal(bpfmap_peek(a, value), bpfmap_peek(b, value));
	}
	assert_int_equal(bpfmap_push(a, value, 1), -EINVAL);
	assert_int_equal(bpfmap_push(b, value, 1), -EINVAL);
	bpfmap_close(a);
	bpfmap_close(b);
}

static void compare_all(const struct bloom_calls *(*first)(uint32_t),
			const struct bloom_calls *(*second)(uint32_t))
{
	static const uint32_t sizes[] = {4, 5, 8, 16, 37};

	for (uint32_t hashes = 1; hashes <= BLOOM_HASHES_MAX; hashes++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			compare(sizes[i], hashes, first(hashes), second(hashes));
}

static void plain__private_and_shared_memory_get_the_same_bits(void **state)
{
	compare_all(bloom_plain_calls, bloom_plain_calls);
}

static void vector__sets_and_finds_the_bits_that_plain_does(void **state)
{
	if (!bloom_vector_calls(1)) {
		print_message("SKIPPED: this processor has no AVX-512, or the thread sanitizer "
			      "is at work\n");
		skip();
	}
	compare_all(bloom_plain_calls, bloom_vector_calls);
	compare_all(bloom_vector_calls, bloom_plain_calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain__private_and_shared_memory_get_the_same_bits),
		cmocka_unit_test(vector__sets_and_finds_the_bits_that_plain_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
