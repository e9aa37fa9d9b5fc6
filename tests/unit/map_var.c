/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_var.c: hash maps whose keys and values have lengths of their own (BPFMAP_F_VARIABLE), against a
 * plain model, at the edges of blocks, full, under threads and from two processes.
 */
#include "bpfmap/bpfmap.h"
#include "bpf/attr.h"
#include "bpf/command.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEY_MAX	  90u
#define VALUE_MAX 400u
#define ROUND_S	  0.6

static struct bpfmap *map_make(uint32_t key_size, uint32_t value_size, uint32_t entries)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = key_size,
					  .value_size = value_size,
					  .max_entries = entries,
					  .map_flags = BPFMAP_F_VARIABLE,
					  .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map = NULL;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

static void map_end(struct bpfmap *map)
{
	assert_int_equal(bpfmap_check(map), 0);
	bpfmap_close(map);
}

static uint64_t entries_of(struct bpfmap *map)
{
	struct bpfmap_info info;

	assert_int_equal(bpfmap_get_info(map, &info), 0);
	return info.entries;
}

static uint64_t memory_of(struct bpfmap *map)
{
	struct bpfmap_info info;

	assert_int_equal(bpfmap_get_info(map, &info), 0);
	return info.memory_bytes;
}

/* Bytes that tell where they belong. */
static void fill(uint8_t *bytes, uint32_t len, uint32_t salt)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(salt * 31 + i * 7 + i / 256);
}

/* ---- against a model ------------------------------------------------------------------------ */

#define MODEL_KEYS    60u
#define MODEL_ENTRIES 40u
#define MODEL_STEPS   60000u

struct model {
	uint32_t count;
	bool there[MODEL_KEYS];
	uint32_t len[MODEL_KEYS];
	uint32_t salt[MODEL_KEYS];
};

/* Keys differ in length only, or in a byte only. */
static uint32_t model_key(uint8_t *key, uint32_t n)
{
	uint32_t len = n % 2 ? n * 3 / 2 % KEY_MAX + 1 : MODEL_KEYS;

	memset(key, 'k', len);
	if (!(n % 2))
		key[n] = '#';
	return len;
}

static int model_update(struct model *m, uint32_t n, uint32_t len, uint32_t salt, uint64_t flags)
{
	if (m->there[n] && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!m->there[n] && flags == BPF_EXIST)
		return -ENOENT;
	if (!m->there[n] && m->count == MODEL_ENTRIES)
		return -E2BIG;
	m->count += !m->there[n];
	m->there[n] = true;
	m->len[n] = len;
	m->salt[n] = salt;
	return 0;
}

static int model_delete(struct model *m, uint32_t n)
{
	if (!m->there[n])
		return -ENOENT;
	m->there[n] = false;
	m->count--;
	return 0;
}

static void model_read(struct model *m, struct bpfmap *map, uint32_t n)
{
	uint8_t key[KEY_MAX], got[VALUE_MAX], expected[VALUE_MAX];
	uint32_t key_len = model_key(key, n), len = 0;
	int err = bpfmap_var_read(map, key, key_len, got, sizeof(got), &len);

	assert_int_equal(err, m->there[n] ? 0 : -ENOENT);
	if (err)
		return;
	assert_int_equal(len, m->len[n]);
	fill(expected, len, m->salt[n]);
	assert_memory_equal(got, expected, len);
}

static void model_walk(struct model *m, struct bpfmap *map)
{
	const void *key, *value;
	uint32_t key_len, len, seen = 0;
	struct bpfmap_iter *iter;

	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	while (bpfmap_var_next(iter, &key, &key_len, &value, &len) == 1) {
		uint8_t expected[VALUE_MAX];
		uint32_t n;

		for (n = 0; n < MODEL_KEYS; n++) {
			uint8_t other[KEY_MAX];

			if (m->there[n] && model_key(other, n) == key_len &&
			    !memcmp(other, key, key_len))
				break;
		}
		assert_true(n < MODEL_KEYS);
		assert_int_equal(len, m->len[n]);
		fill(expected, len, m->salt[n]);
		assert_memory_equal(value, expected, len);
		seen++;
	}
	bpfmap_iter_free(iter);
	assert_int_equal(seen, m->count);
	assert_int_equal(entries_of(map), m->count);
	assert_int_equal(bpfmap_check(map), 0);
}

static void random_operations_agree_with_a_plain_model(void **state)
{
	struct bpfmap *map = map_make(KEY_MAX, VALUE_MAX, MODEL_ENTRIES);
	struct model m = {.count = 0};
	uint32_t seed = 12345;

	(void)state;
	for (uint32_t step = 0; step < MODEL_STEPS; step++) {
		uint8_t key[KEY_MAX], value[VALUE_MAX];
		uint32_t n = (seed = seed * 1664525u + 1013904223u) / 977 % MODEL_KEYS;
		uint32_t key_len = model_key(key, n), len = seed / 131 % (VALUE_MAX + 1);
		uint64_t flags = seed / 7 % 5 < 3 ? BPF_ANY : seed / 7 % 5 - 2;

		if (seed >> 30) {
			fill(value, len, step);
			assert_int_equal(bpfmap_var_update(map, key, key_len, value, len, flags),
					 model_update(&m, n, len, step, flags));
		} else {
			assert_int_equal(bpfmap_var_delete(map, key, key_len), model_delete(&m, n));
		}
		model_read(&m, map, n);
		model_read(&m, map, step % MODEL_KEYS);
		if (step % 500 == 0)
			model_walk(&m, map);
	}
	map_end(map);
}

/* ---- lengths -------------------------------------------------------------------------------- */

static void every_length_is_kept_exactly(void **state)
{
	struct bpfmap *map = map_make(KEY_MAX, VALUE_MAX, 2);
	uint8_t key[KEY_MAX], value[VALUE_MAX], got[VALUE_MAX + 1];
	uint32_t len;

	(void)state;
	for (uint32_t k = 1; k <= KEY_MAX; k++)
		for (uint32_t v = 0; v <= VALUE_MAX; v += v < 130 || v > VALUE_MAX - 10 ? 1 : 9) {
			fill(key, k, k);
			fill(value, v, v + k);
			assert_int_equal(bpfmap_var_update(map, key, k, value, v, BPF_ANY), 0);
			memset(got, 0xee, sizeof(got));
			assert_int_equal(bpfmap_var_read(map, key, k, got, v, &len), 0);
			assert_int_equal(len, v);
			assert_memory_equal(got, value, v);
			assert_int_equal(got[v], 0xee);
			if (v)
				assert_int_equal(bpfmap_var_read(map, key, k, got, v - 1, &len),
						 -ENOSPC);
			assert_int_equal(len, v);
			if (v % 3 == 0)
				assert_int_equal(bpfmap_var_delete(map, key, k), 0);
			else if (v == VALUE_MAX || v % 3 == 2)
				assert_int_equal(bpfmap_var_delete(map, key, k), 0);
		}
	map_end(map);
}

static void a_key_and_a_longer_one_that_begins_with_it_are_two(void **state)
{
	struct bpfmap *map = map_make(16, 16, 4);
	uint8_t got[16];
	uint32_t len;

	(void)state;
	assert_int_equal(bpfmap_var_update(map, "ab", 2, "1", 1, BPF_NOEXIST), 0);
	assert_int_equal(bpfmap_var_update(map, "ab\0", 3, "22", 2, BPF_NOEXIST), 0);
	assert_int_equal(bpfmap_var_read(map, "ab", 2, got, sizeof(got), &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(bpfmap_var_read(map, "ab\0", 3, got, sizeof(got), &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(bpfmap_var_read(map, "ab\0\0", 4, got, sizeof(got), &len), -ENOENT);
	map_end(map);
}

static void impossible_lengths_are_EINVAL(void **state)
{
	struct bpfmap *map = map_make(4, 8, 4);
	uint8_t bytes[16] = {0};
	uint32_t len;

	(void)state;
	assert_int_equal(bpfmap_var_update(map, bytes, 0, bytes, 1, BPF_ANY), -EINVAL);
	assert_int_equal(bpfmap_var_update(map, bytes, 5, bytes, 1, BPF_ANY), -EINVAL);
	assert_int_equal(bpfmap_var_update(map, bytes, 4, bytes, 9, BPF_ANY), -EINVAL);
	assert_int_equal(bpfmap_var_update(map, bytes, 4, bytes, 8, 3), -EINVAL);
	assert_int_equal(bpfmap_var_update(map, bytes, 4, bytes, 8, BPF_F_LOCK), -EINVAL);
	assert_int_equal(bpfmap_var_read(map, bytes, 0, bytes, 8, &len), -EINVAL);
	assert_int_equal(bpfmap_var_delete(map, bytes, 5), -EINVAL);
	assert_int_equal(bpfmap_var_update(map, bytes, 4, NULL, 0, BPF_ANY), 0);
	assert_int_equal(bpfmap_var_read(map, bytes, 4, NULL, 0, &len), 0);
	assert_int_equal(len, 0);
	map_end(map);
}

/* ---- the kernel's calls --------------------------------------------------------------------- */

static void calls_without_lengths_are_refused_with_a_sentence(void **state)
{
	struct bpfmap *map = map_make(8, 8, 4);
	uint64_t key = 1, value = 2, cursor = 0;
	const void *k, *v;
	struct bpfmap_iter *iter;
	uint32_t n = 1;

	(void)state;
	assert_int_equal(bpfmap_var_update(map, &key, 8, &value, 8, BPF_ANY), 0);
	assert_null(bpfmap_lookup(map, &key));
	assert_null(bpfmap_lookup_cpu(map, &key, 0));
	assert_int_equal(bpfmap_read(map, &key, &value), -ENOTSUP);
	assert_non_null(strstr(bpfmap_last_error(), "bpfmap_var_"));
	assert_int_equal(bpfmap_read_cpu(map, &key, 0, &value), -ENOTSUP);
	assert_int_equal(bpfmap_update(map, &key, &value, BPF_ANY), -ENOTSUP);
	assert_int_equal(bpfmap_update_batch(map, &key, &value, &n, BPF_ANY), -ENOTSUP);
	n = 1;
	assert_int_equal(bpfmap_delete(map, &key), -ENOTSUP);
	assert_int_equal(bpfmap_take(map, &key, &value), -ENOTSUP);
	assert_int_equal(bpfmap_next_key(map, NULL, &key), -ENOTSUP);
	assert_int_equal(bpfmap_read_batch(map, &cursor, &key, &value, &n), -ENOTSUP);
	assert_int_equal(bpfmap_take_batch(map, &cursor, &key, &value, &n), -ENOTSUP);
	assert_int_equal(bpfmap_push(map, &value, 0), -ENOTSUP);
	assert_int_equal(bpfmap_peek(map, &value), -ENOTSUP);
	assert_int_equal(bpfmap_expect(map, "k", 8, "v", 8), -EINVAL);
	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	assert_int_equal(bpfmap_iter_next(iter, &k, &v), -ENOTSUP);
	bpfmap_iter_free(iter);
	assert_int_equal(entries_of(map), 1);
	map_end(map);
}

static void bpf_commands_are_refused_with_a_sentence(void **state)
{
	static const int single[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
				     BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM};
	static const int batch[] = {BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH,
				    BPF_MAP_UPDATE_BATCH, BPF_MAP_DELETE_BATCH};
	struct bpfmap *map = map_make(8, 8, 4);
	uint32_t fd = (uint32_t)bpfmap_fd(map);
	uint64_t key = 1, value = 2, cursor;
	uint64_t keys = (uintptr_t)&key, values = (uintptr_t)&value;
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.create.map_type = BPF_MAP_TYPE_HASH;
	attr.create.key_size = 8;
	attr.create.value_size = 8;
	attr.create.max_entries = 4;
	attr.create.map_flags = BPFMAP_F_VARIABLE;
	(void)state;
	assert_int_equal(bpfmap_bpf(BPF_MAP_CREATE, &attr, sizeof(attr)), -EINVAL);
	for (size_t i = 0; i < sizeof(single) / sizeof(*single); i++) {
		memset(&attr, 0, sizeof(attr));
		attr.elem.map_fd = fd;
		attr.elem.key = keys;
		attr.elem.value = single[i] == BPF_MAP_DELETE_ELEM ? 0 : values;
		assert_int_equal(bpfmap_bpf(single[i], &attr, sizeof(attr)), -EOPNOTSUPP);
		assert_non_null(strstr(bpfmap_last_error(), "bpfmap_var_"));
	}
	for (size_t i = 0; i < sizeof(batch) / sizeof(*batch); i++) {
		memset(&attr, 0, sizeof(attr));
		attr.batch.map_fd = fd;
		attr.batch.keys = keys;
		attr.batch.values = values;
		attr.batch.out_batch = (uintptr_t)&cursor;
		attr.batch.count = 1;
		assert_int_equal(bpfmap_bpf(batch[i], &attr, sizeof(attr)), -EOPNOTSUPP);
	}
	close((int)fd);
	map_end(map);
}

static void calls_with_lengths_are_refused_by_other_maps(void **state)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 8,
					  .value_size = 8,
					  .max_entries = 4};
	const void *k, *v;
	struct bpfmap_iter *iter;
	struct bpfmap *map;
	uint64_t bytes = 0;
	uint32_t len;

	(void)state;
	assert_int_equal(bpfmap_create(&opts, &map), 0);
	assert_int_equal(bpfmap_var_update(map, &bytes, 8, &bytes, 8, BPF_ANY), -ENOTSUP);
	assert_int_equal(bpfmap_var_read(map, &bytes, 8, &bytes, 8, &len), -ENOTSUP);
	assert_int_equal(bpfmap_var_delete(map, &bytes, 8), -ENOTSUP);
	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	assert_int_equal(bpfmap_var_next(iter, &k, &len, &v, &len), -ENOTSUP);
	bpfmap_iter_free(iter);
	map_end(map);
}

static void only_hash_maps_of_a_possible_size_can_be_made(void **state)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_LRU_HASH,
					  .key_size = 8,
					  .value_size = 8,
					  .max_entries = 4,
					  .map_flags = BPFMAP_F_VARIABLE};
	struct bpfmap *map;

	(void)state;
	assert_int_equal(bpfmap_create(&opts, &map), -EINVAL);
	opts.type = BPF_MAP_TYPE_PERCPU_HASH;
	assert_int_equal(bpfmap_create(&opts, &map), -EINVAL);
	opts.type = BPF_MAP_TYPE_ARRAY;
	opts.key_size = 4;
	assert_int_equal(bpfmap_create(&opts, &map), -EINVAL);
	opts.type = BPF_MAP_TYPE_HASH;
	opts.spin_lock_plus1 = 1;
	assert_int_equal(bpfmap_create(&opts, &map), -EINVAL);
	opts.spin_lock_plus1 = 0;
	opts.value_size = 1 << 20;
	opts.max_entries = 1 << 24;
	assert_int_equal(bpfmap_create(&opts, &map), -E2BIG);
	assert_non_null(strstr(bpfmap_last_error(), "blocks"));
}

static void a_frozen_map_can_be_read(void **state)
{
	struct bpfmap *map = map_make(8, 8, 4);
	uint8_t got[8];
	uint32_t len;

	(void)state;
	assert_int_equal(bpfmap_var_update(map, "a", 1, "b", 1, BPF_ANY), 0);
	assert_int_equal(bpfmap_freeze(map), 0);
	assert_int_equal(bpfmap_var_update(map, "a", 1, "c", 1, BPF_ANY), -EPERM);
	assert_int_equal(bpfmap_var_delete(map, "a", 1), -EPERM);
	assert_int_equal(bpfmap_var_read(map, "a", 1, got, 8, &len), 0);
	assert_int_equal(got[0], 'b');
	map_end(map);
}

/* ---- memory --------------------------------------------------------------------------------- */

#define BIG_VALUE (1u << 20)

static void an_element_costs_what_it_uses(void **state)
{
	struct bpfmap *map = map_make(64, BIG_VALUE, 1000);
	uint8_t *value = calloc(1, BIG_VALUE), *got = malloc(BIG_VALUE);
	uint64_t before, after;
	uint32_t len;

	(void)state;
	fill(value, BIG_VALUE, 9);
	assert_true(memory_of(map) < 1 << 20);
	before = memory_of(map);
	assert_int_equal(bpfmap_var_update(map, "small", 5, value, 3, BPF_ANY), 0);
	after = memory_of(map);
	assert_true(after - before < 1 << 20);
	assert_int_equal(bpfmap_var_update(map, "big", 3, value, BIG_VALUE, BPF_ANY), 0);
	assert_true(memory_of(map) - after >= BIG_VALUE);
	assert_true(memory_of(map) - after < 3 * BIG_VALUE);
	assert_int_equal(bpfmap_var_read(map, "big", 3, got, BIG_VALUE, &len), 0);
	assert_int_equal(len, BIG_VALUE);
	assert_memory_equal(got, value, BIG_VALUE);
	/* Blocks that come back are used again. */
	for (int i = 0; i < 50; i++) {
		assert_int_equal(bpfmap_var_delete(map, "big", 3), 0);
		assert_int_equal(bpfmap_var_update(map, "big", 3, value, BIG_VALUE, BPF_ANY), 0);
	}
	assert_true(memory_of(map) - before < 8 * BIG_VALUE);
	free(value);
	free(got);
	map_end(map);
}

#define FULL_ENTRIES 300u

static void exactly_max_entries_of_the_largest_fit(void **state)
{
	struct bpfmap *map = map_make(KEY_MAX, VALUE_MAX, FULL_ENTRIES);
	uint8_t key[KEY_MAX] = {0}, value[VALUE_MAX];
	struct bpfmap_info info;

	(void)state;
	fill(value, VALUE_MAX, 1);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i <= FULL_ENTRIES; i++) {
			memcpy(key, &i, 4);
			assert_int_equal(bpfmap_var_update(map, key, KEY_MAX, value, VALUE_MAX,
							   BPF_NOEXIST),
					 i < FULL_ENTRIES ? 0 : -E2BIG);
		}
		for (uint32_t i = 0; i < FULL_ENTRIES; i++) {
			memcpy(key, &i, 4);
			assert_int_equal(bpfmap_var_update(map, key, KEY_MAX, value,
							   VALUE_MAX - i % 3, BPF_EXIST),
					 0);
		}
		assert_int_equal(bpfmap_check(map), 0);
		for (uint32_t i = 0; i < FULL_ENTRIES; i++) {
			memcpy(key, &i, 4);
			assert_int_equal(bpfmap_var_delete(map, key, KEY_MAX), 0);
		}
	}
	assert_int_equal(bpfmap_get_info(map, &info), 0);
	assert_int_equal(info.entries, 0);
	assert_int_equal(info.high_water, FULL_ENTRIES);
	assert_int_equal(info.failed_updates, 3);
	map_end(map);
}

/* ---- threads and processes ------------------------------------------------------------------ */

#define STAYING 20u
#define COMING	12u
#define WRITERS 4u /* more than there are spare elements */

struct churn {
	struct bpfmap *map;
	uint32_t seed;
	bool *stop;
	uint32_t torn;
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t churn_key(char *key, uint32_t n)
{
	return (uint32_t)sprintf(key, "%u:%.*s", n, (int)(n * 5 % 60),
				 "a filler that makes keys as long as they can be, or shorter");
}

/* The first two bytes say which length and byte the rest has. */
static uint32_t churn_value(uint8_t *value, uint32_t n, uint32_t seed)
{
	uint32_t len = 2 + seed / 3 % (VALUE_MAX - 2);

	memset(value, (int)(n * 16 + len), len);
	memcpy(value, &(uint16_t){(uint16_t)len}, 2);
	return len;
}

static bool churn_sound(const uint8_t *value, uint32_t len, uint32_t n)
{
	uint16_t said;

	if (len < 2)
		return false;
	memcpy(&said, value, 2);
	for (uint32_t i = 2; i < len; i++)
		if (value[i] != (uint8_t)(n * 16 + len))
			return false;
	return said == len;
}

static uint32_t churn_once(struct churn *c)
{
	uint32_t staying = (c->seed = c->seed * 1664525u + 1013904223u) / 7 % STAYING, len = 0;
	uint32_t coming = STAYING + c->seed / 77 % COMING, bad = 0;
	uint8_t value[VALUE_MAX];
	char key[KEY_MAX];
	int err;

	len = churn_value(value, staying, c->seed);
	bad += bpfmap_var_update(c->map, key, churn_key(key, staying), value, len, BPF_ANY) != 0;
	len = churn_value(value, coming, c->seed);
	if (c->seed & 1u << 20)
		bpfmap_var_update(c->map, key, churn_key(key, coming), value, len, BPF_ANY);
	else
		bpfmap_var_delete(c->map, key, churn_key(key, coming));
	staying = c->seed / 11 % STAYING;
	err = bpfmap_var_read(c->map, key, churn_key(key, staying), value, sizeof(value), &len);
	return bad + (err || !churn_sound(value, len, staying));
}

static void *churn_thread(void *arg)
{
	struct churn *c = arg;

	while (!__atomic_load_n(c->stop, __ATOMIC_RELAXED))
		c->torn += churn_once(c);
	return NULL;
}

static void walk_sees_what_stays_once(struct bpfmap *map)
{
	uint32_t seen[STAYING + COMING] = {0}, key_len, len;
	const void *key, *value;
	struct bpfmap_iter *iter;
	int more;

	assert_int_equal(bpfmap_iter_new(map, &iter), 0);
	while ((more = bpfmap_var_next(iter, &key, &key_len, &value, &len)) == 1) {
		uint32_t n = (uint32_t)atoi(key);

		assert_true(n < STAYING + COMING);
		assert_true(churn_sound(value, len, n));
		seen[n]++;
	}
	assert_int_equal(more, 0);
	bpfmap_iter_free(iter);
	for (uint32_t n = 0; n < STAYING; n++)
		assert_int_equal(seen[n], 1);
}

static struct bpfmap *churn_map(void)
{
	/* Full when all that come are there. */
	struct bpfmap *map = map_make(KEY_MAX, VALUE_MAX, STAYING + COMING);
	struct churn c = {.map = map, .seed = 1};
	uint8_t value[VALUE_MAX];
	char key[KEY_MAX];

	for (uint32_t n = 0; n < STAYING; n++) {
		uint32_t len = churn_value(value, n, c.seed);

		assert_int_equal(
			bpfmap_var_update(map, key, churn_key(key, n), value, len, BPF_NOEXIST), 0);
	}
	return map;
}

static void threads_see_whole_elements_only(void **state)
{
	struct bpfmap *map = churn_map();
	struct churn churns[WRITERS];
	pthread_t threads[WRITERS];
	double end = seconds() + ROUND_S;
	bool stop = false;

	(void)state;
	for (uint32_t i = 0; i < WRITERS; i++) {
		churns[i] = (struct churn){map, i * 7919 + 3, &stop, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, churn_thread, &churns[i]), 0);
	}
	while (seconds() < end)
		walk_sees_what_stays_once(map);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(churns[i].torn, 0);
	}
	walk_sees_what_stays_once(map);
	map_end(map);
}

static void churn_process(int fd, uint32_t seed)
{
	struct churn c = {.seed = seed};
	double end = seconds() + ROUND_S;

	if (bpfmap_open_fd(fd, 0, &c.map))
		_exit(2);
	while (seconds() < end && !c.torn)
		c.torn += churn_once(&c);
	_exit(c.torn ? 1 : 0);
}

static void processes_see_whole_elements_only(void **state)
{
	struct bpfmap *map = churn_map(), *readonly;
	int fd = bpfmap_fd(map), status;
	pid_t pids[2];

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			churn_process(fd, i + 5);
	}
	assert_int_equal(bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &readonly), 0);
	for (uint32_t i = 0; i < 50; i++)
		walk_sees_what_stays_once(readonly);
	assert_int_equal(bpfmap_var_delete(readonly, "x", 1), -EPERM);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	bpfmap_close(readonly);
	close(fd);
	map_end(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_a_plain_model),
		cmocka_unit_test(every_length_is_kept_exactly),
		cmocka_unit_test(a_key_and_a_longer_one_that_begins_with_it_are_two),
		cmocka_unit_test(impossible_lengths_are_EINVAL),
		cmocka_unit_test(calls_without_lengths_are_refused_with_a_sentence),
		cmocka_unit_test(bpf_commands_are_refused_with_a_sentence),
		cmocka_unit_test(calls_with_lengths_are_refused_by_other_maps),
		cmocka_unit_test(only_hash_maps_of_a_possible_size_can_be_made),
		cmocka_unit_test(a_frozen_map_can_be_read),
		cmocka_unit_test(an_element_costs_what_it_uses),
		cmocka_unit_test(exactly_max_entries_of_the_largest_fit),
		cmocka_unit_test(threads_see_whole_elements_only),
		cmocka_unit_test(processes_see_whole_elements_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
