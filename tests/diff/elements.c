/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* elements.c: the steps that read and write elements, one or several. */
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WALK_STEPS 1000

/* ---- one element ---- */

static uint8_t *elem_attr(struct request *r, union bpf_attr *attr, uint32_t value_bytes)
{
	uint8_t key[64];

	memset(attr, 0, sizeof(*attr));
	attr->map_fd = (uint32_t)r->fd;
	if (r->o)
		key_make(r->o, arg(r, 'k'), key);
	attr->key = pointer(r->e, BUFFER_KEY, arg(r, 'p'), r->key_size, r->o ? key : NULL);
	/* A map without keys wants none. */
	if (r->o && !r->key_size)
		attr->key = arg(r, 'p') ? 1 : 0;
	attr->value = pointer(r->e, BUFFER_VALUE, arg(r, 'q'), value_bytes, NULL);
	attr->flags = (uint64_t)arg(r, 'f');
	return (uint8_t *)(uintptr_t)attr->value;
}

static void value_give(struct request *r, uint8_t *at, int64_t number)
{
	uint8_t value[65536];

	if (!r->o)
		return;
	value_make(r->o, number, value);
	if (arg(r, 'q') == 0)
		memcpy(at, value, r->value_bytes);
	if (arg(r, 'q') == 3)
		memcpy(at, value, r->value_bytes - 1);
}

static bool is_bloom(const struct request *r)
{
	return r->o && r->o->model.type == BPF_MAP_TYPE_BLOOM_FILTER;
}

void do_lookup(struct request *r)
{
	union bpf_attr attr;
	uint8_t *value = elem_attr(r, &attr, r->value_bytes);

	if (is_bloom(r))
		value_give(r, value, arg(r, 'k'));
	r->a->result = call(r, BPF_MAP_LOOKUP_ELEM, &attr);
	if (!r->a->result && r->o && !is_bloom(r))
		answer_add_value(r->a, r->o, value);
}

void do_update(struct request *r)
{
	union bpf_attr attr;
	uint32_t tries = 0;

	value_give(r, elem_attr(r, &attr, r->value_bytes), arg(r, 'v'));
	do
		r->a->result = call(r, BPF_MAP_UPDATE_ELEM, &attr);
	while (call_again(r, r->a->result, &tries));
}

void do_delete(struct request *r)
{
	union bpf_attr attr;
	uint8_t key[64];

	elem_attr(r, &attr, r->value_bytes);
	attr.value = attr.flags = 0;
	if (r->e->lies && !r->e->lied && r->o && !arg(r, 'p') && r->slot->may_write &&
	    !r->o->frozen && model_is_hash(r->o->model.type)) {
		key_make(r->o, arg(r, 'k'), key);
		r->e->lied = model_lookup(&r->o->model, key) != NULL;
		if (r->e->lied)
			return;
	}
	r->a->result = call(r, BPF_MAP_DELETE_ELEM, &attr);
}

void do_next(struct request *r)
{
	union bpf_attr attr;
	uint8_t *next = elem_attr(r, &attr, r->key_size);

	attr.flags = 0;
	r->a->result = call(r, BPF_MAP_GET_NEXT_KEY, &attr);
	if (r->a->result || !r->o)
		return;
	if (model_is_array(r->o->model.type))
		answer_add(r->a, next, r->key_size);
	else /* any that is there, but for the one that was given */
		r->a->count = model_lookup(&r->o->model, next) != NULL;
}

void do_take(struct request *r)
{
	union bpf_attr attr;
	uint8_t *value = elem_attr(r, &attr, r->value_bytes);

	r->a->result = call(r, BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr);
	if (!r->a->result && r->o)
		answer_add_value(r->a, r->o, value);
}

/* ---- several elements ---- */

static void batch_attr(struct request *r, union bpf_attr *attr, uint32_t count)
{
	memset(attr, 0, sizeof(*attr));
	attr->batch.map_fd = (uint32_t)r->fd;
	attr->batch.count = count;
	attr->batch.elem_flags = (uint64_t)arg(r, 'e');
	attr->batch.flags = (uint64_t)arg(r, 'f');
}

/* From start to end with little room; ENOSPC doubles it. */
void do_walk(struct request *r)
{
	int cmd = arg(r, 'c') ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH;
	uint32_t room = (uint32_t)arg(r, 'n') % 16 + 1, total = 0, steps = 0, cursor = 0;
	uint8_t *keys = malloc(((size_t)r->key_size + 1) * 4 * ROOM_ALL);
	uint8_t *values = malloc((size_t)r->value_bytes * 4 * ROOM_ALL);
	union bpf_attr attr;

	do {
		batch_attr(r, &attr, room);
		attr.batch.in_batch = steps ? (uintptr_t)&cursor : 0;
		attr.batch.out_batch = (uintptr_t)&cursor;
		attr.batch.keys = (uintptr_t)(keys + (size_t)total * r->key_size);
		attr.batch.values = (uintptr_t)(values + (size_t)total * r->value_bytes);
		r->a->result = call(r, cmd, &attr);
		if (r->a->result == -ENOSPC)
			room *= 2;
		else if (!r->a->result || r->a->result == -ENOENT)
			total += attr.batch.count;
	} while ((!r->a->result || r->a->result == -ENOSPC) && ++steps < WALK_STEPS &&
		 total + room < 4 * ROOM_ALL);
	r->a->count = total;
	if (r->o)
		answer_add_sorted(r->a, r->o, keys, values, total);
	free(keys);
	free(values);
}

void do_readb(struct request *r)
{
	static const uint32_t starts[] = {0, 0, UINT32_MAX, 0};
	int cmd = arg(r, 'c') ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH;
	uint64_t in = (uint64_t)arg(r, 'b') % 4;
	uint32_t room = (uint32_t)arg(r, 'n') % ROOM_ALL;
	uint8_t *keys, *values;
	union bpf_attr attr;

	/* What fits depends on a hash's buckets unless all does. */
	if (r->o && model_is_hash(r->o->model.type) && room)
		room = ROOM_ALL;
	batch_attr(r, &attr, room);
	attr.batch.in_batch = pointer(r->e, BUFFER_IN,
				      in == 0	? 1
				      : in == 3 ? 2
						: 0,
				      4, &starts[in]);
	attr.batch.out_batch = pointer(r->e, BUFFER_OUT, arg(r, 'o'), 4, NULL);
	keys = buffer_cut(r->e, BUFFER_KEY, (size_t)room * r->key_size, (size_t)room * r->key_size);
	values = (void *)(uintptr_t)pointer(r->e, BUFFER_VALUE, arg(r, 'q'),
					    (size_t)room * r->value_bytes, NULL);
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)values;
	r->a->result = call(r, cmd, &attr);
	r->a->count = attr.batch.count;
	if (r->o && (!r->a->result || r->a->result == -ENOENT) && attr.batch.count <= room && room)
		answer_add_sorted(r->a, r->o, keys, values, attr.batch.count);
}

/* n % BATCH_MOST elements from key k on. q: how many of the keys cannot be read, from the end. */
static uint64_t keys_give(struct request *r, uint32_t count)
{
	uint32_t cut = (uint32_t)arg(r, 'q') % (count + 1);
	uint32_t good = (count - cut) * r->key_size;
	uint8_t *keys = buffer_cut(r->e, BUFFER_KEY, (size_t)count * r->key_size, good);

	for (uint32_t i = 0; i < count - cut && r->o; i++)
		key_make(r->o, arg(r, 'k') + i, keys + (size_t)i * r->key_size);
	return (uintptr_t)keys;
}

void do_updateb(struct request *r)
{
	uint32_t count = (uint32_t)arg(r, 'n') % BATCH_MOST, tries = 0;
	size_t bytes = (size_t)count * r->value_bytes;
	uint8_t *values = buffer_cut(r->e, BUFFER_VALUE, bytes, bytes);
	union bpf_attr attr;

	batch_attr(r, &attr, count);
	attr.batch.keys = keys_give(r, count);
	attr.batch.values = (uintptr_t)values;
	for (uint32_t i = 0; i < count && r->o; i++)
		value_make(r->o, arg(r, 'v') + i, values + (size_t)i * r->value_bytes);
	do {
		attr.batch.count = count;
		r->a->result = call(r, BPF_MAP_UPDATE_BATCH, &attr);
	} while (call_again(r, r->a->result, &tries));
	r->a->count = attr.batch.count;
}

void do_deleteb(struct request *r)
{
	uint32_t count = (uint32_t)arg(r, 'n') % BATCH_MOST;
	union bpf_attr attr;

	batch_attr(r, &attr, count);
	attr.batch.keys = keys_give(r, count);
	r->a->result = call(r, BPF_MAP_DELETE_BATCH, &attr);
	r->a->count = attr.batch.count;
}

/* Everything by next_key and lookup. */
void do_dump(struct request *r)
{
	uint8_t *keys = malloc(((size_t)r->key_size + 1) * ROOM_ALL);
	uint8_t *values = malloc((size_t)r->value_bytes * ROOM_ALL);
	uint32_t n = 0;

	while (n < ROOM_ALL - 1) {
		union bpf_attr attr;

		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (uint32_t)r->fd;
		attr.key = n ? (uintptr_t)(keys + (size_t)(n - 1) * r->key_size) : 0;
		attr.next_key = (uintptr_t)(keys + (size_t)n * r->key_size);
		r->a->result = call(r, BPF_MAP_GET_NEXT_KEY, &attr);
		if (r->a->result)
			break;
		attr.key = attr.next_key;
		attr.value = (uintptr_t)(values + (size_t)n++ * r->value_bytes);
		r->a->result = call(r, BPF_MAP_LOOKUP_ELEM, &attr);
		if (r->a->result)
			break;
	}
	r->a->count = n;
	if (r->o)
		answer_add_sorted(r->a, r->o, keys, values, n);
	free(keys);
	free(values);
}
