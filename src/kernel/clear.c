/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* clear.c: delete every element of a map, in batches. Three ways: take whole buckets; where a type
 * has no such command, delete key after key; arrays are overwritten with zeroes.
 */
#include "kernel/backend.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Elements at a time: enough to make the call's cost vanish, little memory. */
#define CLEAR_BATCH 256

struct clear {
	const struct backend *backend;
	int fd;
	const struct bpf_map_info *info;
	uint8_t *keys;
	uint8_t *values;
	uint32_t room; /* elements */
	uint64_t count;
};

static int clear_room(struct clear *clear, uint32_t room)
{
	free(clear->keys);
	free(clear->values);
	clear->keys = calloc(room, clear->info->key_size);
	clear->values = calloc(room, backend_value_size(clear->info));
	if (!clear->keys || !clear->values)
		return fail(ENOMEM, "no memory for %u elements", room);
	clear->room = room;
	return 0;
}

/* The cursor of hash types is 32 bits wide, whatever the key's size. */
static int clear_buckets(struct clear *clear)
{
	uint32_t cursor = 0;
	union bpf_attr attr;
	int err = 0;

	for (bool first = true; !err; first = false) {
		/* All of it, beyond the member too, as the kernel demands: an initializer need
		 * not. */
		memset(&attr, 0, sizeof(attr));
		attr.batch.map_fd = (uint32_t)clear->fd;
		attr.batch.in_batch = first ? 0 : (uint64_t)(uintptr_t)&cursor;
		attr.batch.out_batch = (uint64_t)(uintptr_t)&cursor;
		attr.batch.keys = (uint64_t)(uintptr_t)clear->keys;
		attr.batch.values = (uint64_t)(uintptr_t)clear->values;
		attr.batch.count = clear->room;
		err = (int)clear->backend->bpf(BPF_MAP_LOOKUP_AND_DELETE_BATCH, &attr,
					       sizeof(attr));
		if (err == -ENOSPC && clear->room < UINT32_MAX / 2)
			err = clear_room(clear, clear->room * 2);
		else if (!err || err == -ENOENT)
			clear->count += attr.batch.count;
	}
	return err == -ENOENT ? 0 : err;
}

/* The next key is asked for before its predecessor goes. Not the first one again and again: the
 * indices of descriptors' arrays are there also when nothing is left at them. */
static int clear_keys(struct clear *clear)
{
	uint8_t *key = clear->keys, *next = clear->keys + clear->info->key_size;
	int end = backend_map_next_key(clear->backend, clear->fd, NULL, key);

	while (!end) {
		int err;

		end = backend_map_next_key(clear->backend, clear->fd, key, next);
		err = backend_map_delete(clear->backend, clear->fd, key);
		if (err && err != -ENOENT)
			return err;
		clear->count += !err;
		memcpy(key, next, clear->info->key_size);
	}
	return end == -ENOENT ? 0 : end;
}

static int clear_array(struct clear *clear)
{
	uint32_t *index = (uint32_t *)(void *)clear->keys;
	uint64_t left = clear->info->max_entries;
	int err = 0;

	while (!err && left) {
		uint32_t count = left < clear->room ? (uint32_t)left : clear->room;

		for (uint32_t i = 0; i < count; i++)
			index[i] = (uint32_t)clear->count + i;
		err = backend_map_update_batch(clear->backend, clear->fd, clear->keys,
					       clear->values, &count);
		clear->count += count;
		left -= count;
	}
	return err;
}

int backend_map_clear(const struct backend *backend, int fd, const struct bpf_map_info *info,
		      uint64_t *ret_count)
{
	struct clear clear = {.backend = backend, .fd = fd, .info = info};
	int err;

	if (!info->key_size)
		return fail(ENOTSUP, "a map without keys cannot be cleared; make a new one");
	err = clear_room(&clear, CLEAR_BATCH);
	if (!err && backend_is_array(info->type)) {
		err = clear_array(&clear);
	} else if (!err) {
		err = clear_buckets(&clear);
		if (err == -E524)
			err = clear_keys(&clear);
	}
	free(clear.keys);
	free(clear.values);
	*ret_count = clear.count;
	return err;
}
