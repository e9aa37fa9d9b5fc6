/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* iter.c: the iterator with a promise (bpfmap.h): bucket after bucket, each as one consistent view.
 *
 * An element never changes its bucket, and a bucket is visited once: what is present throughout is
 * seen exactly once. Nothing is shared; the iterator is its caller's memory.
 */
#include "map/map.h"
#include "map/var.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST  64 /* elements; more than a bucket has, but for maps with a known hash seed */
#define BYTES_FIRST 4096

struct bpfmap_iter {
	struct bpfmap *map;
	uint64_t cursor;
	uint8_t *keys; /* variable maps: struct var_record */
	uint8_t *values;
	uint64_t room; /* elements; variable maps: bytes, as the next two */
	uint64_t count;
	uint64_t at;
};

static bool iter_variable(const struct bpfmap_iter *iter)
{
	return iter->map->spec.map_flags & BPFMAP_F_VARIABLE;
}

static int iter_room(struct bpfmap_iter *iter, uint64_t room)
{
	bool variable = iter_variable(iter);
	uint8_t *keys = realloc(iter->keys, room * (variable ? 1 : iter->map->spec.key_size));
	uint8_t *values;

	if (keys)
		iter->keys = keys;
	if (keys && !variable) {
		values = realloc(iter->values, room * map_syscall_value_size(iter->map));
		if (values)
			iter->values = values;
		keys = values;
	}
	if (!keys)
		return fail(ENOMEM, "no memory for the elements of a bucket");
	iter->room = room;
	return 0;
}

int bpfmap_iter_new(struct bpfmap *map, struct bpfmap_iter **ret_iter)
{
	uint64_t room = ROOM_FIRST;
	struct bpfmap_iter *iter;
	int err;

	if (!map->ops->read_bucket && map_check_variable(map))
		return map_lacks(map, "has no keys to walk over");
	iter = calloc(1, sizeof(*iter));
	if (!iter)
		return fail(ENOMEM, "no memory for an iterator");
	iter->map = map;
	if (iter_variable(iter))
		room = BYTES_FIRST;
	else if (map->spec.max_entries < room)
		room = map->spec.max_entries;
	err = iter_room(iter, room);
	if (err)
		bpfmap_iter_free(iter);
	else
		*ret_iter = iter;
	return err;
}

/* The next bucket. count is what it holds, also if that is more than there is room for. */
static int iter_bucket(struct bpfmap_iter *iter)
{
	uint32_t n = (uint32_t)iter->room;
	int err;

	if (iter_variable(iter))
		return var_read_bucket(iter->map, &iter->cursor, iter->keys, iter->room,
				       &iter->count);
	err = iter->map->ops->read_bucket(iter->map, &iter->cursor, iter->keys, iter->values, &n);
	iter->count = n;
	return err;
}

/* Fill the buffers with the next buckets that have elements. 0, or -ENOENT at the end. */
static int iter_fill(struct bpfmap_iter *iter)
{
	int err = 0;

	iter->at = 0;
	iter->count = 0;
	while (!err && !iter->count) {
		err = iter_bucket(iter);
		/* The count is what the bucket holds now; leave room for what may come. */
		if (err == -ENOSPC)
			err = iter_room(iter, iter->count + iter->count / 2 + 1);
		else if (!err)
			continue;
		iter->count = 0;
	}
	return err;
}

int bpfmap_iter_next(struct bpfmap_iter *iter, const void **ret_key, const void **ret_value)
{
	int err = 0;

	if (iter_variable(iter))
		return map_lacks(iter->map, "");
	if (iter->at == iter->count)
		err = iter_fill(iter);
	if (err)
		return err == -ENOENT ? 0 : err;
	*ret_key = iter->keys + iter->at * iter->map->spec.key_size;
	*ret_value = iter->values + iter->at * map_syscall_value_size(iter->map);
	iter->at++;
	return 1;
}

int bpfmap_var_next(struct bpfmap_iter *iter, const void **ret_key, uint32_t *ret_key_len,
		    const void **ret_value, uint32_t *ret_value_len)
{
	int err = map_check_variable(iter->map);
	const struct var_record *record;

	if (err)
		return err;
	if (iter->at == iter->count)
		err = iter_fill(iter);
	if (err)
		return err == -ENOENT ? 0 : err;
	record = (const struct var_record *)(iter->keys + iter->at);
	*ret_key = record->bytes;
	*ret_key_len = record->key_len;
	*ret_value = record->bytes + RU8(record->key_len);
	*ret_value_len = record->value_len;
	iter->at += var_record_bytes(record->key_len, record->value_len);
	return 1;
}

void bpfmap_iter_free(struct bpfmap_iter *iter)
{
	if (!iter)
		return;
	free(iter->keys);
	free(iter->values);
	free(iter);
}
