/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_region.c: the bytes of a region file are input. A sound file of one of the shapes below is
 * patched, opened, and used by one or two handles; further patches come between the operations, as
 * from another process that writes where it pleases. seams.h makes each access outside of the region a
 * crash, buffers are of exactly the announced sizes, and every failure must have its sentence.
 *
 * Input: shape, length change, number of patches, patches, operations. A patch is anchor (1 byte),
 * distance from it (2), length code (1), bytes; an operation is its number (1) and what it takes.
 */
#include "fuzz.h"
#include "seams.h"

#include "bpfmap/bpfmap.h"
#include "map/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WAIT_LIMIT_NS 5000000000u
#define HANDLES	      2
#define OPERATIONS    64
#define BATCH	      6u
#define WALK	      300
#define PAGE	      4096u

static const struct shape {
	uint32_t type, key_size, value_size, max_entries, map_flags, spin_lock_plus1;
} shapes[] = {
	{BPF_MAP_TYPE_HASH, 8, 8, 16, 0, 0},
	{BPF_MAP_TYPE_HASH, 5, 100, 20, 0, 0},
	{BPF_MAP_TYPE_HASH, 4, 200, 12, 0, 0},
	{BPF_MAP_TYPE_HASH, 16, 64, 32, BPF_F_NO_PREALLOC, 0},
	{BPF_MAP_TYPE_HASH, 4, 16, 9, 0, 1},
	{BPF_MAP_TYPE_HASH, 16, 120, 16, BPFMAP_F_VARIABLE, 0},
	{BPF_MAP_TYPE_ARRAY, 4, 24, 10, 0, 0},
	{BPF_MAP_TYPE_ARRAY, 4, 8, 600, BPF_F_MMAPABLE, 0},
	{BPF_MAP_TYPE_ARRAY, 4, 300, 5, 0, 9},
	{BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 7, 0, 0},
	{BPF_MAP_TYPE_PERCPU_HASH, 6, 20, 11, 0, 0},
	{BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 40, 0, 0},
	{BPF_MAP_TYPE_LRU_HASH, 8, 8, 24, 0, 0},
	{BPF_MAP_TYPE_LRU_HASH, 4, 150, 8, BPF_F_NO_COMMON_LRU, 0},
	{BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 16, 0, 0},
	{BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 8, BPF_F_NO_PREALLOC, 0},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* A sound file's bytes, and the file that is spoilt and made sound again. */
static struct base {
	uint8_t *sound;
	uint8_t *bytes; /* of the file, shared */
	uint64_t size;
	uint64_t body_bytes;
	int fd;
} bases[SHAPES];

static struct world {
	struct base *base;
	struct input in;
	struct bpfmap *maps[HANDLES];
	struct bpfmap *map; /* the one that works now */
	struct bpfmap_info info;
	struct bpfmap_iter *iter;
	uint8_t *keys;	 /* BATCH of them */
	uint8_t *values; /* the same */
	size_t value_bytes;
	volatile uint64_t sink;
} w;

static uint32_t is_variable(void)
{
	return w.info.map_flags & BPFMAP_F_VARIABLE;
}

/* ---- sound files ----------------------------------------------------------------------------- */

static int seed_element(struct bpfmap *map, const struct shape *shape, uint32_t number)
{
	static uint8_t value[SEAMS_CPUS * 512];
	uint8_t key[16] = {0};

	memcpy(key, &number, 4);
	memset(value, (int)number + 1, sizeof(value));
	if (!shape->key_size)
		return bpfmap_push(map, value, BPF_ANY);
	if (shape->map_flags & BPFMAP_F_VARIABLE)
		return bpfmap_var_update(map, key, 4 + number, value, number * 13, BPF_ANY);
	return bpfmap_update(map, key, value, BPF_ANY);
}

static void base_make(struct base *base, const struct shape *shape)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = shape->type,
					  .key_size = shape->key_size,
					  .value_size = shape->value_size,
					  .max_entries = shape->max_entries,
					  .map_flags = shape->map_flags,
					  .spin_lock_plus1 = shape->spin_lock_plus1,
					  .memory = BPFMAP_MEMORY_SHARED,
					  .name = "fuzz"};
	struct bpfmap *map;

	/* A seed of chance would make inputs mean something else each time. */
	if (shape->type != BPF_MAP_TYPE_ARRAY && shape->type != BPF_MAP_TYPE_PERCPU_ARRAY)
		opts.map_flags |= BPF_F_ZERO_SEED;
	if (bpfmap_create(&opts, &map))
		fuzz_fail("create: %s", bpfmap_last_error());
	for (uint32_t i = 0; i < 5; i++)
		if (seed_element(map, shape, i))
			fuzz_fail("seed: %s", bpfmap_last_error());
	base->size = map->region->size;
	base->body_bytes = map->region->body_bytes;
	base->sound = malloc(base->size);
	memcpy(base->sound, map->region->base, base->size);
	bpfmap_close(map);
	base->fd = memfd_create("region", MFD_CLOEXEC);
	if (ftruncate(base->fd, (off_t)base->size))
		fuzz_fail("ftruncate: %s", strerror(errno));
	base->bytes = mmap(NULL, base->size, PROT_READ | PROT_WRITE, MAP_SHARED, base->fd, 0);
	memcpy(base->bytes, base->sound, base->size);
}

static void base_restore(struct base *base)
{
	for (uint64_t at = 0; at < base->size; at += PAGE)
		if (memcmp(base->bytes + at, base->sound + at, PAGE))
			memcpy(base->bytes + at, base->sound + at, PAGE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_rundir();
	for (size_t i = 0; i < SHAPES; i++)
		base_make(&bases[i], &shapes[i]);
	return 0;
}

/* ---- spoiling -------------------------------------------------------------------------------- */

static uint64_t anchor_offset(uint8_t anchor)
{
	uint64_t header = w.base->size - REGION_HEADER_LEN;

	switch (anchor % 5) {
	case 0: return header;
	case 1: return header + offsetof(struct region_header_shm, type_words);
	case 2: return 0;
	case 3: return (w.base->body_bytes + 65535) / 65536 * 65536; /* the owner table */
	default: return w.base->body_bytes / 256 * (anchor / 5);
	}
}

static void patch(void)
{
	uint64_t at = anchor_offset(input_u8(&w.in)) + input_u16(&w.in);
	uint8_t code = input_u8(&w.in);
	const uint8_t *bytes;
	size_t size = (size_t)1 << code % 6;

	size = input_take(&w.in, size, &bytes);
	if (at >= w.base->size || size > w.base->size - at)
		return;
	if (code & 0x80)
		for (size_t i = 0; i < size; i++)
			w.base->bytes[at + i] ^= bytes[i];
	else if (size)
		memcpy(w.base->bytes + at, bytes, size);
}

/* ---- operations ------------------------------------------------------------------------------ */

static void judge(const char *what, long result)
{
	if (result > 0 || result < -4095)
		fuzz_fail("%s returns %ld", what, result);
	if (result < 0 && result != -ENOENT && !bpfmap_last_error()[0])
		fuzz_fail("%s fails with %ld and no sentence", what, result);
}

static const uint8_t *key_take(void)
{
	memset(w.keys, 0, w.info.key_size);
	if (w.info.key_size)
		w.keys[0] = input_u8(&w.in);
	return w.keys;
}

static const uint8_t *value_take(void)
{
	memset(w.values, input_u8(&w.in), w.value_bytes);
	return w.values;
}

/* What a program may do with a value. */
static void value_use(uint8_t *value)
{
	if (!value)
		return;
	w.sink += value[0] + value[w.info.value_size - 1];
	if (!w.map->region->readonly)
		value[w.info.value_size / 2]++;
}

static void op_lookup(void)
{
	value_use(bpfmap_lookup(w.map, key_take()));
}

static void op_read(void)
{
	judge("read", bpfmap_read(w.map, key_take(), w.values));
}

static void op_read_locked(void)
{
	const uint8_t *key = key_take();

	if (w.map->ops->read_locked && w.map->spec.spin_lock_plus1)
		judge("read_locked", w.map->ops->read_locked(w.map, key, w.values));
}

static void op_update(void)
{
	uint64_t flags = input_u8(&w.in);
	const uint8_t *key = key_take();

	judge("update", bpfmap_update(w.map, key, value_take(), flags));
}

static void op_delete(void)
{
	judge("delete", bpfmap_delete(w.map, key_take()));
}

static void op_take(void)
{
	judge("take", bpfmap_take(w.map, key_take(), w.values));
}

static void op_walk(void)
{
	int err = bpfmap_next_key(w.map, NULL, w.keys);

	for (int i = 0; i < WALK && !err; i++)
		err = bpfmap_next_key(w.map, w.keys, w.keys);
	judge("next_key", err);
}

static void op_next_key(void)
{
	judge("next_key", bpfmap_next_key(w.map, key_take(), w.keys));
}

static void op_batch(void)
{
	uint8_t how = input_u8(&w.in);
	uint64_t cursor = how & 1 ? input_u64(&w.in) : 0;
	int err = 0;

	for (int i = 0; i < WALK && !err; i++) {
		uint32_t count = 1 + (how >> 2) % BATCH;
		uint32_t room = count;

		if (how & 2)
			err = bpfmap_take_batch(w.map, &cursor, w.keys, w.values, &count);
		else
			err = bpfmap_read_batch(w.map, &cursor, w.keys, w.values, &count);
		judge("batch", err);
		if (count > room && err != -ENOSPC)
			fuzz_fail("a batch says %u of %u", count, room);
	}
}

static void op_update_batch(void)
{
	uint32_t count = input_u8(&w.in) % (BATCH + 1);

	input_bytes(&w.in, w.keys, w.info.key_size * 2);
	value_take();
	judge("update_batch", bpfmap_update_batch(w.map, w.keys, w.values, &count, BPF_ANY));
}

static void op_push(void)
{
	judge("push", bpfmap_push(w.map, value_take(), 0));
}

static void op_peek(void)
{
	value_take();
	judge("peek", bpfmap_peek(w.map, w.values));
}

static void op_check(void)
{
	judge("check", bpfmap_check(w.map));
}

static void op_info(void)
{
	struct bpfmap_bloom_info bloom;
	struct bpfmap_info info;
	uint32_t size = 0;
	const uint8_t *btf = bpfmap_btf(w.map, &size);

	judge("get_info", bpfmap_get_info(w.map, &info));
	judge("bloom_info", bpfmap_bloom_info(w.map, &bloom));
	for (uint32_t i = 0; btf && i < size; i++)
		w.sink += btf[i];
}

static void op_expect(void)
{
	judge("expect", bpfmap_expect(w.map, "int", input_u8(&w.in), "value", 8));
}

static void op_freeze(void)
{
	judge("freeze", bpfmap_freeze(w.map));
}

static void op_percpu(void)
{
	const uint8_t *key = key_take();
	uint32_t cpu = input_u8(&w.in);
	struct bpfmap_percpu_u64 sum;

	value_use(bpfmap_lookup_cpu(w.map, key, cpu));
	judge("read_cpu", bpfmap_read_cpu(w.map, key, cpu, w.values));
	judge("percpu_u64", bpfmap_percpu_u64(w.map, key, cpu, 4, &sum));
}

static void op_on_cpu(void)
{
	int cpu = bpfmap_cpu_enter(w.map);

	if (cpu < 0) {
		judge("cpu_enter", cpu);
		return;
	}
	value_use(bpfmap_lookup(w.map, key_take()));
	bpfmap_cpu_leave(w.map);
}

/* As a program calls it. */
static void op_program(void)
{
	const struct map_ops *ops = w.map->ops;
	uint8_t how = input_u8(&w.in);
	const uint8_t *key = key_take();
	uint8_t *value;

	if (w.map->region->readonly)
		return;
	if (how % 4 == 0 && ops->update)
		judge("program's update", ops->update(w.map, key, value_take(), how / 4));
	else if (how % 4 == 1 && ops->delete_elem)
		judge("program's delete", ops->delete_elem(w.map, key));
	else if (ops->lookup) {
		value = ops->lookup(w.map, key);
		if (value && !ops->is_value(w.map, value, w.info.value_size))
			fuzz_fail("a value that is none");
		value_use(value);
	}
}

static void op_iter(void)
{
	uint32_t key_len, len, rounds = input_u8(&w.in);
	const void *key, *value;
	int more = 1;

	if (!w.iter && bpfmap_iter_new(w.map, &w.iter))
		return;
	for (uint32_t i = 0; i < rounds && more == 1; i++) {
		key_len = w.info.key_size;
		len = w.info.value_size;
		more = is_variable() ? bpfmap_var_next(w.iter, &key, &key_len, &value, &len)
				     : bpfmap_iter_next(w.iter, &key, &value);
		if (more == 1 && (key_len > w.info.key_size || len > w.info.value_size))
			fuzz_fail("an element of %u and %u bytes", key_len, len);
		if (more == 1 && key_len)
			w.sink += ((const uint8_t *)key)[key_len - 1];
		if (more == 1 && len)
			w.sink += ((const uint8_t *)value)[len - 1];
	}
	if (more == 1)
		return;
	judge("iter_next", more);
	bpfmap_iter_free(w.iter);
	w.iter = NULL;
}

static void op_var_update(void)
{
	uint32_t key_len = input_u8(&w.in) % (w.info.key_size + 2);
	uint32_t len = input_u8(&w.in) % (w.info.value_size + 2);
	uint8_t flags = input_u8(&w.in);
	const uint8_t *key = key_take();

	judge("var_update", bpfmap_var_update(w.map, key, key_len, value_take(), len, flags));
}

static void op_var_read(void)
{
	uint32_t key_len = input_u8(&w.in) % (w.info.key_size + 2);
	uint32_t room = input_u8(&w.in) % (w.info.value_size + 1), len;

	judge("var_read", bpfmap_var_read(w.map, key_take(), key_len, w.values, room, &len));
}

static void op_var_delete(void)
{
	uint32_t key_len = input_u8(&w.in) % (w.info.key_size + 2);

	judge("var_delete", bpfmap_var_delete(w.map, key_take(), key_len));
}

static void op_other_handle(void)
{
	struct bpfmap *other = w.maps[w.map == w.maps[0]];

	if (other)
		w.map = other;
	bpfmap_iter_free(w.iter);
	w.iter = NULL;
}

static void op_reopen(void)
{
	struct bpfmap **place = &w.maps[w.map == w.maps[1]];
	uint32_t flags = input_u8(&w.in) % 2 ? BPFMAP_OPEN_RDONLY : 0;
	struct bpfmap *map;
	int err = bpfmap_open_fd(w.base->fd, flags, &map);

	judge("open", err);
	if (err)
		return;
	/* Another map may lie there by now; the buffers are for this one. */
	if (map->spec.key_size != w.info.key_size || bpfmap_value_bytes(map) != w.value_bytes) {
		bpfmap_close(map);
		return;
	}
	bpfmap_iter_free(w.iter);
	w.iter = NULL;
	bpfmap_close(*place);
	*place = w.map = map;
	judge("get_info", bpfmap_get_info(w.map, &w.info));
}

static void (*const operations[])(void) = {
	patch,	       op_lookup,   op_read,	   op_read_locked,  op_update, op_delete,  op_take,
	op_walk,       op_next_key, op_batch,	   op_update_batch, op_push,   op_peek,	   op_check,
	op_info,       op_expect,   op_freeze,	   op_percpu,	    op_on_cpu, op_program, op_iter,
	op_var_update, op_var_read, op_var_delete, op_other_handle, op_reopen,
};

/* ---- one execution --------------------------------------------------------------------------- */

static void world_buffers(void)
{
	w.value_bytes = bpfmap_value_bytes(w.map);
	w.keys = calloc(BATCH, w.info.key_size);
	w.values = calloc(BATCH, w.value_bytes);
}

/* Whoever finds a spoilt lock that a living process seems to hold gives up after a second. */
static void operation(uint32_t number)
{
	uint64_t before = seams_waited_ns();

	operations[number]();
	if (seams_waited_ns() - before > WAIT_LIMIT_NS)
		fuzz_fail("operation %u waited for %.1f s", number,
			  (double)(seams_waited_ns() - before) / 1e9);
}

static void world_use(void)
{
	judge("get_info", bpfmap_get_info(w.map, &w.info));
	world_buffers();
	for (int i = 0; i < OPERATIONS && w.in.left; i++)
		operation(input_u8(&w.in) % (sizeof(operations) / sizeof(operations[0])));
	bpfmap_iter_free(w.iter);
	free(w.keys);
	free(w.values);
}

/* Files that are cut short or too long are made anew. */
static void length_change(uint8_t code)
{
	int64_t change = (code / 3) * (code % 3 == 1 ? -(int64_t)PAGE : 97);

	if (change > (int64_t)w.base->size || ftruncate(w.base->fd, (off_t)w.base->size + change))
		return;
	if (!bpfmap_open_fd(w.base->fd, 0, &w.map) && change)
		fuzz_fail("a region whose length changed by %lld is opened", (long long)change);
	bpfmap_close(w.map);
	if (ftruncate(w.base->fd, (off_t)w.base->size))
		fuzz_fail("ftruncate: %s", strerror(errno));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t selector, length, patches;

	memset(&w, 0, sizeof(w));
	w.in = (struct input){data, size};
	selector = input_u8(&w.in);
	w.base = &bases[selector % SHAPES];
	length = input_u8(&w.in);
	patches = input_u8(&w.in);
	for (uint8_t i = 0; i < patches % 16; i++)
		patch();
	seams_begin();
	if (length) {
		length_change(length);
	} else if (!bpfmap_open_fd(w.base->fd, patches & 0x80 ? BPFMAP_OPEN_RDONLY : 0,
				   &w.maps[0])) {
		w.map = w.maps[0];
		if (patches & 0x40 && bpfmap_open_fd(w.base->fd, 0, &w.maps[1]))
			w.maps[1] = NULL;
		world_use();
		bpfmap_close(w.maps[0]);
		bpfmap_close(w.maps[1]);
	}
	seams_end();
	base_restore(w.base);
	return 0;
}
