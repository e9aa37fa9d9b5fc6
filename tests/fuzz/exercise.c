/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exercise.c: see exercise.h. Buffers are sized exactly from the map's info, so that AddressSanitizer
 * sees a library that copies more than it announced. */
#include "exercise.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_LIMIT (8u << 20) /* per element; the seed maps are far below */
#define BATCH	   8u
/* An operation on a spoilt map may wait a second for a lock that nobody will release. */
#define OPERATION_LIMIT_S 20

struct bench {
	struct bpfmap *map;
	struct bpfmap_info info;
	struct rng *rng;
	uint8_t *keys; /* BATCH of them */
	uint8_t *values;
	volatile uint64_t sink;
};

static void judge(const char *what, int result)
{
	/* That something is not there is an answer, and has no cause to name. */
	if (result < 0 && result != -ENOENT && bpfmap_last_error()[0] == '\0')
		verdict_fail("%s fails with %d and no sentence", what, result);
	if (result > 0 || result < -4095)
		verdict_fail("%s returns %d", what, result);
	alarm(OPERATION_LIMIT_S);
}

static void key_pick(struct bench *bench)
{
	uint64_t random = rng_next(bench->rng);
	uint32_t size = bench->info.key_size;

	memset(bench->keys, 0, size);
	if (random % 8 == 0)
		random >>= 32;
	else
		random = random / 8 % 64;
	memcpy(bench->keys, &random, size < 8 ? size : 8);
}

/* First, last and some byte between: all of it must be readable. */
static void value_touch(struct bench *bench, const uint8_t *value)
{
	uint32_t size = bench->info.value_size;

	bench->sink += value[0] + value[size - 1] + value[rng_below(bench->rng, size)];
}

static void walk(struct bench *bench)
{
	int err = bpfmap_next_key(bench->map, NULL, bench->keys);

	for (uint32_t i = 0; i < 256 && !err; i++)
		err = bpfmap_next_key(bench->map, bench->keys, bench->keys);
	judge("next_key", err);
}

static void batch_walk(struct bench *bench)
{
	uint64_t cursor = rng_below(bench->rng, 2) ? 0 : rng_next(bench->rng);
	int err = 0;

	for (uint32_t i = 0; i < 64 && !err; i++) {
		uint32_t count = BATCH;

		err = bpfmap_read_batch(bench->map, &cursor, bench->keys, bench->values, &count);
		judge("read_batch", err);
		if (count > BATCH && err != -ENOSPC)
			verdict_fail("read_batch says that it read %u of %u", count, BATCH);
	}
}

static void rarely(struct bench *bench)
{
	uint32_t count = BATCH;
	uint32_t size = 0;
	const uint8_t *btf;

	switch (rng_below(bench->rng, 4)) {
	case 0: judge("check", bpfmap_check(bench->map)); break;
	case 1: judge("get_info", bpfmap_get_info(bench->map, &bench->info)); break;
	case 2:
		judge("update_batch",
		      bpfmap_update_batch(bench->map, bench->keys, bench->values, &count, BPF_ANY));
		break;
	default:
		btf = bpfmap_btf(bench->map, &size);
		for (uint32_t i = 0; btf && i < size; i++)
			bench->sink += btf[i];
	}
}

static void variable_walk(struct bench *bench)
{
	const void *key, *value;
	struct bpfmap_iter *iter;
	uint32_t key_len, len;
	int more = 1;

	if (bpfmap_iter_new(bench->map, &iter) != 0)
		return;
	for (uint32_t i = 0; i < 256 && more == 1; i++) {
		more = bpfmap_var_next(iter, &key, &key_len, &value, &len);
		if (more == 1 && (key_len > bench->info.key_size || len > bench->info.value_size))
			verdict_fail("an element with a key of %u bytes and %u of value", key_len,
				     len);
	}
	judge("var_next", more == 1 ? 0 : more);
	bpfmap_iter_free(iter);
}

static void variable_step(struct bench *bench)
{
	uint32_t key_len = 1 + (uint32_t)rng_below(bench->rng, bench->info.key_size);
	uint32_t len = (uint32_t)rng_below(bench->rng, bench->info.value_size + 1ull);

	switch (rng_below(bench->rng, 8)) {
	case 0:
	case 1:
		judge("var_read", bpfmap_var_read(bench->map, bench->keys, key_len, bench->values,
						  bench->info.value_size, &len));
		break;
	case 2:
	case 3:
	case 4:
		judge("var_update",
		      bpfmap_var_update(bench->map, bench->keys, key_len, bench->values, len,
					rng_below(bench->rng, 3)));
		break;
	case 5:
	case 6: judge("var_delete", bpfmap_var_delete(bench->map, bench->keys, key_len)); break;
	default: variable_walk(bench);
	}
}

static void step(struct bench *bench)
{
	uint8_t *value;

	key_pick(bench);
	if (bench->info.map_flags & BPFMAP_F_VARIABLE && rng_below(bench->rng, 8)) {
		variable_step(bench);
		return;
	}
	switch (rng_below(bench->rng, 16)) {
	case 0:
	case 1:
	case 2:
		value = bpfmap_lookup(bench->map, bench->keys);
		if (value)
			value_touch(bench, value);
		break;
	case 3:
	case 4: judge("read", bpfmap_read(bench->map, bench->keys, bench->values)); break;
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		judge("update", bpfmap_update(bench->map, bench->keys, bench->values,
					      rng_below(bench->rng, 3)));
		break;
	case 10:
	case 11:
	case 12: judge("delete", bpfmap_delete(bench->map, bench->keys)); break;
	case 13: walk(bench); break;
	case 14: batch_walk(bench); break;
	default: rarely(bench);
	}
}

void map_exercise(struct bpfmap *map, struct rng *rng, uint32_t rounds)
{
	struct bench bench = {.map = map, .rng = rng};
	int err = bpfmap_get_info(map, &bench.info);

	judge("get_info", err);
	if (err)
		return;
	if ((!bench.info.key_size && bench.info.type != BPF_MAP_TYPE_BLOOM_FILTER) ||
	    !bench.info.value_size) {
		verdict_fail("a map with key size %u and value size %u was opened",
			     bench.info.key_size, bench.info.value_size);
		return;
	}
	/* A spoilt header may describe a type with a value per CPU, or without keys. */
	if (bench.info.key_size > SIZE_LIMIT || bpfmap_value_bytes(map) > SIZE_LIMIT)
		return;
	bench.keys = calloc(BATCH, bench.info.key_size + 1);
	bench.values = calloc(BATCH, bpfmap_value_bytes(map));
	for (uint32_t i = 0; i < rounds && !verdict_failed(); i++)
		step(&bench);
	judge("check", bpfmap_check(map));
	free(bench.keys);
	free(bench.values);
	alarm(0);
}
