/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exercise.c: see exercise.h. Buffers are sized exactly from the map's info, so that AddressSanitizer
 * sees a library that copies more than it announced. */
#include "exercise.h"
#include "exercise_prog.h"
#include "bpf/command.h"

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
	int prog_fd; /* of exercise_prog.h; negative: none for this map */
	volatile uint64_t sink;
};

uint64_t *exercise_program_runs;

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

static void program_step(struct bench *bench)
{
	int err;

	if (bench->prog_fd < 0)
		return;
	err = exercise_prog_run(bench->prog_fd, bench->keys[0]);
	judge("a program", err);
	if (!err && exercise_program_runs)
		++*exercise_program_runs;
}

static void iterate(struct bench *bench)
{
	struct bpfmap_iter *iter;
	const void *key, *value;
	int more = 1;

	if (bpfmap_iter_new(bench->map, &iter) != 0)
		return;
	for (uint32_t i = 0; i < 256 && more == 1; i++) {
		more = bpfmap_iter_next(iter, &key, &value);
		if (more == 1)
			value_touch(bench, value);
	}
	judge("iter_next", more == 1 ? 0 : more);
	bpfmap_iter_free(iter);
}

static void keyless_step(struct bench *bench)
{
	memcpy(bench->values, bench->keys, 1);
	switch (rng_below(bench->rng, 4)) {
	case 0: judge("push", bpfmap_push(bench->map, bench->values, BPF_ANY)); break;
	case 1: judge("peek", bpfmap_peek(bench->map, bench->values)); break;
	case 2: program_step(bench); break;
	default: judge("update", bpfmap_update(bench->map, bench->keys, bench->values, 0));
	}
}

static void percpu_step(struct bench *bench)
{
	uint32_t cpu = (uint32_t)rng_below(bench->rng, 2ull * bpfmap_cpus(bench->map));
	struct bpfmap_percpu_u64 sum;
	uint8_t *value;

	switch (rng_below(bench->rng, 4)) {
	case 0:
		judge("read_cpu", bpfmap_read_cpu(bench->map, bench->keys, cpu, bench->values));
		break;
	case 1: judge("percpu_u64", bpfmap_percpu_u64(bench->map, bench->keys, 0, 4, &sum)); break;
	case 2:
		value = bpfmap_lookup_cpu(bench->map, bench->keys, cpu);
		if (value)
			value_touch(bench, value);
		break;
	default:
		if (bpfmap_cpu_enter(bench->map) < 0)
			break;
		value = bpfmap_lookup(bench->map, bench->keys);
		if (value)
			value_touch(bench, value);
		bpfmap_cpu_leave(bench->map);
	}
}

static void rarely(struct bench *bench)
{
	uint32_t count = BATCH;
	uint32_t size = 0;
	const uint8_t *btf;

	switch (rng_below(bench->rng, 6)) {
	case 0: judge("check", bpfmap_check(bench->map)); break;
	case 1: judge("get_info", bpfmap_get_info(bench->map, &bench->info)); break;
	case 2:
		judge("update_batch",
		      bpfmap_update_batch(bench->map, bench->keys, bench->values, &count, BPF_ANY));
		break;
	case 3: iterate(bench); break;
	case 4: judge("take", bpfmap_take(bench->map, bench->keys, bench->values)); break;
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
	if (!bench->info.key_size && rng_below(bench->rng, 4)) {
		keyless_step(bench);
		return;
	}
	if (bpfmap_cpus(bench->map) > 1 && !rng_below(bench->rng, 4)) {
		percpu_step(bench);
		return;
	}
	switch (rng_below(bench->rng, 16)) {
	case 0:
	case 1: program_step(bench); break;
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

void map_exercise(struct bpfmap *map, int prog_fd, struct rng *rng, uint32_t rounds)
{
	struct bench bench = {.map = map, .rng = rng, .prog_fd = prog_fd};
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
	if (prog_fd < 0)
		bench.prog_fd = exercise_prog_load(map, &bench.info);
	for (uint32_t i = 0; i < rounds && !verdict_failed(); i++)
		step(&bench);
	judge("check", bpfmap_check(map));
	if (prog_fd < 0 && bench.prog_fd >= 0) {
		close(bench.prog_fd);
		bpfmap_bpf_fd_closed(bench.prog_fd);
	}
	free(bench.keys);
	free(bench.values);
	alarm(0);
}
