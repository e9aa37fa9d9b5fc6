/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_batch.c: the four batch commands.
 *
 * Two algorithms, as in the kernel. Hash types read by bucket: the cursor is a 32-bit bucket
 * number, only whole buckets are delivered, and ENOSPC says that the next one alone is too big.
 * Everything else is generic, one element at a time: the cursor is a key, and reading it uses
 * next_key. Update and delete are generic for every type.
 *
 * Common order: descriptor, permission, E524, element flags, batch flags (hash reads only), then an
 * empty batch is done, count becomes 0 in the caller's block, and work begins. count says how many
 * were done also when the result is an error. A hash's bucket leaves the map before it is copied to
 * the caller, so a bad pointer loses it, as in the kernel.
 *
 * Difference from the kernel: lookup_and_delete with BPF_F_LOCK does not wait for a program that
 * holds the lock of a value.
 */
#include "base/error.h"
#include "bpf/commands.h"
#include "bpf/elem.h"
#include "bpf/user.h"
#include "map/count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OFF offsetof(struct attr_batch, count)

/* read_bucket or take_bucket. */
typedef int bucket_op(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
		      uint32_t *count);

/* An array's read_bucket has no buckets to speak of. */
static int is_hash(const struct bpfmap *map)
{
	return map->ops->take_bucket != NULL;
}

static int elem_flags_check(const struct bpfmap *map, uint64_t flags)
{
	if (flags & ~(uint64_t)BPF_F_LOCK)
		return fail(EINVAL, "a batch knows no element flag but BPF_F_LOCK (4), given %#llx",
			    (unsigned long long)flags);
	return elem_lock_check(map, flags);
}

/* One bucket at a time into a buffer that grows, from there to the caller. */
struct bucket_read {
	uint8_t *keys;
	uint8_t *values;
	uint32_t room; /* elements that keys and values have room for */
};

static int bucket_room(struct bucket_read *bucket, const struct bpfmap *map, uint32_t want)
{
	size_t value_size = map_syscall_value_size(map);
	uint8_t *keys = realloc(bucket->keys, (size_t)want * map->spec.key_size);
	uint8_t *values = keys ? realloc(bucket->values, (size_t)want * value_size) : NULL;

	if (keys)
		bucket->keys = keys;
	if (values)
		bucket->values = values;
	if (!keys || !values)
		return fail(ENOMEM, "no memory for a bucket of %u elements", want);
	bucket->room = want;
	return 0;
}

/* All elements of the bucket *cursor, if they are at most limit. 0 and *ret_count; -ENOSPC and
 * *ret_count above limit; -ENOENT past the last bucket. */
static int bucket_fetch(struct bucket_read *bucket, struct bpfmap *map, bucket_op *op,
			uint64_t *cursor, uint32_t limit, uint32_t *ret_count)
{
	for (;;) {
		uint32_t count = bucket->room < limit ? bucket->room : limit;
		int err = op(map, cursor, bucket->keys, bucket->values, &count);

		*ret_count = count;
		if (err != -ENOSPC || count > limit)
			return err;
		/* More may arrive between the two calls: leave room. */
		err = bucket_room(bucket, map, count + count / 2 + 1);
		if (err)
			return err;
	}
}

/* Read the bucket's values once more, each under its lock, and drop elements that went
 * meanwhile. */
static int bucket_relock(struct bucket_read *bucket, struct bpfmap *map, uint32_t *count)
{
	size_t key_size = map->spec.key_size, value_size = map_syscall_value_size(map);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < *count; i++) {
		const uint8_t *key = bucket->keys + i * key_size;
		int err = map->ops->read_locked(map, key, bucket->values + kept * value_size);

		if (err && err != -ENOENT)
			return err;
		if (!err)
			memmove(bucket->keys + kept++ * key_size, key, key_size);
	}
	*count = kept;
	return 0;
}

static int bucket_deliver(const struct bucket_read *bucket, const struct bpfmap *map,
			  const struct attr_batch *batch, uint32_t done, uint32_t count)
{
	size_t key_size = map->spec.key_size, value_size = map_syscall_value_size(map);
	int err = user_copy_out(batch->keys + (uint64_t)done * key_size, bucket->keys,
				count * key_size, "the keys");

	return err ? err
		   : user_copy_out(batch->values + (uint64_t)done * value_size, bucket->values,
				   count * value_size, "the values");
}

/* One bucket, if it fits into what is left of the batch after done elements: -ENOSPC if not. */
static int bucket_move(struct bucket_read *bucket, struct bpfmap *map, bucket_op *op,
		       const struct attr_batch *batch, uint64_t *cursor, uint32_t *done)
{
	uint64_t at = *cursor;
	uint32_t count;
	int err = bucket_fetch(bucket, map, op, &at, batch->count - *done, &count);

	if (err == -ENOSPC)
		return fail(ENOSPC, "the next bucket holds %u elements, the batch has room for %u",
			    count, batch->count - *done);
	if (!err && (batch->elem_flags & BPF_F_LOCK) && op == map->ops->read_bucket)
		err = bucket_relock(bucket, map, &count);
	if (!err)
		err = bucket_deliver(bucket, map, batch, *done, count);
	if (err)
		return err;
	*done += count;
	*cursor = at;
	return 0;
}

/* Whole buckets until one does not fit. *ret_done elements were delivered, *cursor is the bucket to
 * go on with. 0, ENOENT at the end, ENOSPC if the first one is too big. */
static int buckets_move(struct bpfmap *map, bucket_op *op, const struct attr_batch *batch,
			uint64_t *cursor, uint32_t *ret_done)
{
	struct bucket_read bucket = {.room = 0};
	uint32_t done = 0;
	int err = bucket_room(&bucket, map, 8);

	while (!err)
		err = bucket_move(&bucket, map, op, batch, cursor, &done);
	free(bucket.keys);
	free(bucket.values);
	*ret_done = done;
	return err == -ENOSPC && done ? 0 : err;
}

static int hash_move(struct bpfmap *map, bucket_op *op, const struct attr_batch *batch,
		     const struct call *call)
{
	uint32_t start = 0, done = 0;
	uint64_t cursor;
	int err = 0, failed;

	if (batch->in_batch)
		err = user_copy_in(&start, batch->in_batch, sizeof(start), "in_batch");
	if (err)
		return err;
	cursor = start;
	err = buckets_move(map, op, batch, &cursor, &done);
	/* A cursor that was past the end to begin with leaves the caller's alone. */
	if (err == -EFAULT || err == -ENOMEM || (err == -ENOENT && cursor == start && !done))
		return err;
	start = (uint32_t)cursor;
	failed = user_copy_out(batch->out_batch, &start, sizeof(start), "out_batch");
	if (!failed)
		failed = call_put_u32(call, COUNT_OFF, done);
	return failed ? failed : err;
}

/* Scratch for the generic algorithms: two keys and a value. */
struct scratch {
	uint8_t *key;
	uint8_t *next;
	uint8_t *value;
};

static int scratch_make(struct scratch *scratch, const struct bpfmap *map)
{
	size_t key_size = map->spec.key_size;

	scratch->key = calloc(1, 2 * key_size + map_syscall_value_size(map));
	if (!scratch->key)
		return fail(ENOMEM, "no memory for an element");
	scratch->next = scratch->key + key_size;
	scratch->value = scratch->next + key_size;
	return 0;
}

/* Element after scratch->key (NULL: the first) to place done of the caller's arrays. */
static int generic_read_one(struct bpfmap *map, const struct attr_batch *batch,
			    struct scratch *scratch, uint32_t done)
{
	size_t key_size = map->spec.key_size, value_size = map_syscall_value_size(map);
	int err = elem_reader(map, batch->elem_flags)(map, scratch->next, scratch->value);

	if (err)
		return err;
	err = user_copy_out(batch->keys + (uint64_t)done * key_size, scratch->next, key_size,
			    "the keys");
	return err ? err
		   : user_copy_out(batch->values + (uint64_t)done * value_size, scratch->value,
				   value_size, "the values");
}

static int generic_read_all(struct bpfmap *map, const struct attr_batch *batch,
			    struct scratch *scratch, uint32_t *done)
{
	const uint8_t *key = batch->in_batch ? scratch->key : NULL;

	for (*done = 0; *done < batch->count;) {
		int err = map->ops->next_key(map, key, scratch->next);

		if (!err)
			err = generic_read_one(map, batch, scratch, *done);
		else
			return err;
		if (err && err != -ENOENT)
			return err;
		if (!err)
			++*done;
		memcpy(scratch->key, scratch->next, map->spec.key_size);
		key = scratch->key;
	}
	return 0;
}

static int generic_read(struct bpfmap *map, const struct attr_batch *batch, const struct call *call)
{
	struct scratch scratch = {.key = NULL};
	uint32_t done = 0;
	int err = scratch_make(&scratch, map);
	int failed = 0;

	if (err)
		return err;
	if (batch->in_batch)
		err = user_copy_in(scratch.key, batch->in_batch, map->spec.key_size, "in_batch");
	if (!err)
		err = generic_read_all(map, batch, &scratch, &done);
	if (err != -EFAULT) {
		failed = call_put_u32(call, COUNT_OFF, done);
		if (!failed && done)
			failed = user_copy_out(batch->out_batch, scratch.key, map->spec.key_size,
					       "out_batch");
	}
	free(scratch.key);
	return failed ? failed : err;
}

static int batch_read(struct bpfmap *map, bucket_op *op, const struct attr_batch *batch,
		      const struct call *call)
{
	int err = elem_flags_check(map, batch->elem_flags);

	if (!err && is_hash(map) && batch->flags)
		err = fail(EINVAL, "a batch knows no flags, given %#llx",
			   (unsigned long long)batch->flags);
	if (err || !batch->count)
		return err;
	err = call_put_u32(call, COUNT_OFF, 0);
	if (err)
		return err;
	return is_hash(map) ? hash_move(map, op, batch, call) : generic_read(map, batch, call);
}

long map_lookup_batch(union call_attr *attr, const struct call *call)
{
	struct bpfmap *map;
	struct fd_ref ref;
	int err = fd_get((int)attr->batch.map_fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	map = ref.object->map;
	err = elem_may_read(&ref);
	if (!err && !map->ops->read)
		err = elem_unsupported(map, "lookup in batches");
	if (!err)
		err = batch_read(map, map->ops->read_bucket, &attr->batch, call);
	fd_put(&ref);
	return err;
}

long map_lookup_and_delete_batch(union call_attr *attr, const struct call *call)
{
	struct bpfmap *map;
	struct fd_ref ref;
	int err = fd_get((int)attr->batch.map_fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	map = ref.object->map;
	err = elem_may_read(&ref);
	if (!err)
		err = elem_may_write(&ref);
	if (!err && !map->ops->take_bucket)
		err = elem_unsupported(map, "lookup_and_delete in batches");
	if (!err)
		err = batch_read(map, map_take_bucket, &attr->batch, call);
	fd_put(&ref);
	return err;
}

typedef int batch_step(struct bpfmap *map, const struct attr_batch *batch, struct scratch *scratch,
		       uint32_t done);

static int step_key(struct bpfmap *map, const struct attr_batch *batch, struct scratch *scratch,
		    uint32_t done)
{
	return user_copy_in(scratch->key, batch->keys + (uint64_t)done * map->spec.key_size,
			    map->spec.key_size, "the keys");
}

static int step_update(struct bpfmap *map, const struct attr_batch *batch, struct scratch *scratch,
		       uint32_t done)
{
	size_t size = map_syscall_value_size(map);
	int err = step_key(map, batch, scratch, done);

	if (!err)
		err = user_copy_in(scratch->value, batch->values + (uint64_t)done * size, size,
				   "the values");
	return err ? err : map_write(map, scratch->key, scratch->value, batch->elem_flags);
}

static int step_delete(struct bpfmap *map, const struct attr_batch *batch, struct scratch *scratch,
		       uint32_t done)
{
	int err = step_key(map, batch, scratch, done);

	return err ? err : map_delete(map, scratch->key);
}

/* Element by element until one fails. */
static int batch_write(struct bpfmap *map, const struct attr_batch *batch, const struct call *call,
		       batch_step *step)
{
	struct scratch scratch = {.key = NULL};
	uint32_t done = 0;
	int failed;
	int err = elem_flags_check(map, batch->elem_flags);

	if (err || !batch->count)
		return err;
	err = scratch_make(&scratch, map);
	if (err)
		return err;
	while (!err && done < batch->count) {
		err = step(map, batch, &scratch, done);
		if (!err)
			done++;
	}
	free(scratch.key);
	failed = call_put_u32(call, COUNT_OFF, done);
	return failed ? failed : err;
}

long map_update_batch(union call_attr *attr, const struct call *call)
{
	struct fd_ref ref;
	int err = fd_get((int)attr->batch.map_fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	err = elem_may_write(&ref);
	if (!err && !ref.object->map->ops->write)
		err = elem_unsupported(ref.object->map, "update in batches");
	if (!err)
		err = batch_write(ref.object->map, &attr->batch, call, step_update);
	fd_put(&ref);
	return err;
}

long map_delete_batch(union call_attr *attr, const struct call *call)
{
	struct fd_ref ref;
	int err = fd_get((int)attr->batch.map_fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	err = elem_may_write(&ref);
	/* Elements of an array cannot go; its delete op exists to say so one at a time. */
	if (!err && (!is_hash(ref.object->map) || !ref.object->map->ops->delete_elem))
		err = elem_unsupported(ref.object->map, "delete in batches");
	if (!err)
		err = batch_write(ref.object->map, &attr->batch, call, step_delete);
	fd_put(&ref);
	return err;
}
