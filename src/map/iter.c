/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* iter.c: the iterator with a promise (bpfmap.h): bucket after bucket, each as one consistent view.
 *
 * An element never changes its bucket, and a bucket is visited once: what is present throughout is seen
 * exactly once. Nothing is shared; the iterator is its caller's memory.
 */
#include "map/map.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 64 /* elements; more than a bucket has, but for maps with a known hash seed */

struct bpfmap_iter {
	struct bpfmap *map;
	uint64_t cursor;
	uint8_t *keys;
	uint8_t *values;
	uint32_t room; /* elements */
	uint32_t count;
	uint32_t at;
};

static int iter_room(struct bpfmap_iter *iter, uint32_t room)
{
	uint8_t *keys = realloc(iter->keys, (size_t)room * iter->map->spec.key_size);
	uint8_t *values;

	if (keys)
		iter->keys = keys;
	values = keys ? realloc(iter->values, room * map_syscall_value_size(iter->map)) : NULL;
	if (!values)
		return fail(ENOMEM, "no memory for %u elements of a bucket", room);
	iter->values = values;
	iter->room = room;
	return 0;
}

int bpfmap_iter_new(struct bpfmap *map, struct bpfmap_iter **ret_iter)
{
	struct bpfmap_iter *iter;
	int err;

	if (!map->ops->read_bucket)
		return fail(ENOTSUP, "a %s has no keys to walk over",
			    map_type_word(map->spec.type));
	iter = calloc(1, sizeof(*iter));
	if (!iter)
		return fail(ENOMEM, "no memory for an iterator");
	iter->map = map;
	err = iter_room(iter,
			map->spec.max_entries < ROOM_FIRST ? map->spec.max_entries : ROOM_FIRST);
	if (err)
		bpfmap_iter_free(iter);
	else
		*ret_iter = iter;
	return err;
}

/* Fill the buffers with the next buckets that have elements. 0, or -ENOENT at the end. */
static int iter_fill(struct bpfmap_iter *iter)
{
	int err = 0;

	iter->at = 0;
	iter->count = 0;
	while (!err && !iter->count) {
		iter->count = iter->room;
		err = iter->map->ops->read_bucket(iter->map, &iter->cursor, iter->keys,
						  iter->values, &iter->count);
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
	if (iter->at == iter->count) {
		int err = iter_fill(iter);

		if (err)
			return err == -ENOENT ? 0 : err;
	}
	*ret_key = iter->keys + (size_t)iter->at * iter->map->spec.key_size;
	*ret_value = iter->values + iter->at * map_syscall_value_size(iter->map);
	iter->at++;
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
