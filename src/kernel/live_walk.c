/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* live_walk.c: every element of a kernel's map. In batches where the type has them (hash maps:
 * whole buckets, so that the walk always ends), else get_next_key and lookup per element.
 *
 * A batch of 16 elements or more costs 350 to 600 ns an element on Linux 6.18, single calls twice
 * to three times as much. Types that batch by key (LPM trie) and single calls begin again where the
 * key they stand at was deleted, as the kernel defines it; the number of steps is bounded, so that
 * they end.
 */
#include "kernel/live.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for a batch: so many elements, less where they are large. */
#define BATCH_ELEMENTS 4096
#define BATCH_BYTES    (4u << 20)
#define BATCH_LEAST    16

/* Called for each batch; non-zero ends the walk and is its result. */
typedef int batch_fn(void *arg, const uint8_t *keys, const uint8_t *values, uint32_t count);

struct batches {
	int fd;
	const struct bpf_map_info *info;
	uint8_t *keys;
	uint8_t *values;
	uint8_t *cursor; /* 32 bits for hash maps, a key for others */
	uint32_t room;	 /* elements */
};

static int batches_room(struct batches *batches, uint32_t room)
{
	free(batches->keys);
	free(batches->values);
	batches->keys = malloc((size_t)room * batches->info->key_size);
	batches->values = malloc((size_t)room * backend_value_size(batches->info) + 1);
	if (!batches->keys || !batches->values)
		return fail(ENOMEM, "no memory for %u elements", room);
	batches->room = room;
	return 0;
}

static int batches_open(struct batches *batches)
{
	size_t element = batches->info->key_size + backend_value_size(batches->info);
	uint32_t cursor = batches->info->key_size, room = BATCH_ELEMENTS;

	while (room > BATCH_LEAST && room * element > BATCH_BYTES)
		room /= 2;
	batches->cursor = malloc(cursor < sizeof(uint32_t) ? sizeof(uint32_t) : cursor);
	if (!batches->cursor)
		return fail(ENOMEM, "no memory for a key");
	return batches_room(batches, room);
}

static void batches_close(struct batches *batches)
{
	free(batches->keys);
	free(batches->values);
	free(batches->cursor);
}

/* 0: more may follow; -ENOENT: that was all. *ret_count elements were read in both cases. */
static int batch_read(struct batches *batches, bool first, uint32_t *ret_count)
{
	union bpf_attr attr;
	int err;

	do {
		/* All of it, beyond the member too, as the kernel demands: an initializer need
		 * not. */
		memset(&attr, 0, sizeof(attr));
		attr.batch.map_fd = (uint32_t)batches->fd;
		attr.batch.in_batch = first ? 0 : (uint64_t)(uintptr_t)batches->cursor;
		attr.batch.out_batch = (uint64_t)(uintptr_t)batches->cursor;
		attr.batch.keys = (uint64_t)(uintptr_t)batches->keys;
		attr.batch.values = (uint64_t)(uintptr_t)batches->values;
		attr.batch.count = batches->room;
		err = (int)backend_kernel.bpf(BPF_MAP_LOOKUP_BATCH, &attr, sizeof(attr));
		/* The next bucket holds more than there is room for. */
		if (err == -ENOSPC && batches->room < UINT32_MAX / 2) {
			int failed = batches_room(batches, batches->room * 2);

			if (failed)
				return failed;
		}
	} while (err == -ENOSPC);
	*ret_count = err && err != -ENOENT ? 0 : attr.batch.count;
	return err;
}

/* -EOPNOTSUPP: the type, or the kernel, has no batches, and fn was not called. */
static int batches_walk(struct batches *batches, batch_fn *fn, void *arg)
{
	uint64_t seen = 0;
	int err = 0;

	for (bool first = true; !err && seen <= batches->info->max_entries; first = false) {
		uint32_t count = 0;
		int stop = 0;

		err = batch_read(batches, first, &count);
		if (first && (err == -E524 || err == -EINVAL || err == -EOPNOTSUPP))
			return -EOPNOTSUPP;
		if (count)
			stop = fn(arg, batches->keys, batches->values, count);
		if (stop)
			return stop;
		seen += count;
	}
	return err == -ENOENT ? 0 : err;
}

/* One by one. Values that cannot be read are reported as such. */
static int singles_walk(struct batches *batches, backend_element_fn *element, void *arg)
{
	uint8_t *key = batches->keys, *value = batches->values;
	int err = backend_map_next_key(&backend_kernel, batches->fd, NULL, key);

	for (uint32_t steps = 0; !err && steps < batches->info->max_entries; steps++) {
		int failed = backend_map_lookup(&backend_kernel, batches->fd, key, value);
		int stop = element(arg, key, failed ? NULL : value, failed);

		if (stop)
			return stop;
		err = backend_map_next_key(&backend_kernel, batches->fd, key, key);
	}
	return err == -ENOENT ? 0 : err;
}

/* ---- all elements ---- */

struct each {
	const struct bpf_map_info *info;
	backend_element_fn *element;
	void *arg;
};

static int each_of_batch(void *arg, const uint8_t *keys, const uint8_t *values, uint32_t count)
{
	const struct each *each = arg;
	size_t value_size = backend_value_size(each->info);
	int stop = 0;

	for (uint32_t i = 0; !stop && i < count; i++)
		stop = each->element(each->arg, keys + (size_t)i * each->info->key_size,
				     values + i * value_size, 0);
	return stop;
}

int live_map_walk(int fd, const struct bpf_map_info *info, backend_element_fn *element, void *arg)
{
	struct batches batches = {.fd = fd, .info = info};
	struct each each = {.info = info, .element = element, .arg = arg};
	int err = batches_open(&batches);

	if (!err)
		err = batches_walk(&batches, each_of_batch, &each);
	if (err == -EOPNOTSUPP)
		err = singles_walk(&batches, element, arg);
	batches_close(&batches);
	return err;
}

/* ---- how many ---- */

struct tally {
	uint64_t deadline_ns;
	uint64_t entries;
};

/* Ends the walk; no errno is a positive number. */
#define OUT_OF_TIME 1

static int tally_batch(void *arg, const uint8_t *keys, const uint8_t *values, uint32_t count)
{
	struct tally *tally = arg;

	(void)keys;
	(void)values;
	tally->entries += count;
	return clock_now_ns() > tally->deadline_ns ? OUT_OF_TIME : 0;
}

/* Indices of descriptor arrays exist, their values need not. */
static int tally_one(void *arg, const void *key, const void *value, int err)
{
	(void)err;
	return tally_batch(arg, key, value, value != NULL);
}

static int tally_walk(int fd, const struct bpf_map_info *info, struct tally *tally)
{
	struct batches batches = {.fd = fd, .info = info};
	int err = batches_open(&batches);

	if (!err)
		err = batches_walk(&batches, tally_batch, tally);
	if (err == -EOPNOTSUPP)
		err = singles_walk(&batches, tally_one, tally);
	batches_close(&batches);
	return err;
}

int live_map_entries(int fd, const struct bpf_map_info *info, uint64_t budget_ns,
		     struct backend_entries *ret_entries)
{
	struct tally tally = {.deadline_ns = clock_now_ns() + budget_ns};
	int err = 0;

	if (!info->key_size)
		return fail(EOPNOTSUPP, "the kernel does not tell how many elements a map without "
					"keys holds");
	if (backend_is_array(info->type))
		tally.entries = info->max_entries;
	else
		err = tally_walk(fd, info, &tally);
	if (err < 0)
		return err;
	*ret_entries = (struct backend_entries){.entries = tally.entries,
						.is_whole = err != OUT_OF_TIME,
						.taken_ns = clock_now_ns()};
	return 0;
}
