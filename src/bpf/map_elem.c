/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_elem.c: the commands on single elements. The order of the checks in each function is the
 * kernel's (what a caller with two mistakes is told depends on it).
 *
 * Keys and values are used in place where user.h knows the memory to be good, else they are copied
 * through a buffer, so that a bad pointer is EFAULT at the point where the kernel would notice it.
 */
#include "bpf/elem.h"

#include "base/error.h"
#include "bpf/commands.h"
#include "bpf/user.h"
#include "map/count.h"

#include <errno.h>
#include <fcntl.h>

int elem_may_read(const struct fd_ref *ref)
{
	if (ref->access == O_WRONLY)
		return fail(EPERM, "the map's descriptor was opened write-only");
	return 0;
}

int elem_may_write(const struct fd_ref *ref)
{
	if (ref->access == O_RDONLY)
		return fail(EPERM, "the map's descriptor was opened read-only");
	return map_may_write(ref->object->map);
}

int elem_lock_check(const struct bpfmap *map, uint64_t flags)
{
	if ((flags & BPF_F_LOCK) && !map->spec.spin_lock_plus1)
		return fail(EINVAL, "BPF_F_LOCK, but the values of this %s map hold no spin lock",
			    map_type_word(map->spec.type));
	return 0;
}

int elem_unsupported(const struct bpfmap *map, const char *what)
{
	if (map->spec.map_flags & BPFMAP_F_VARIABLE)
		return map_lacks(map, what);
	return fail(E524, "maps of type %s do not support %s", map_type_word(map->spec.type), what);
}

/* The commands that read look at their flags before the descriptor. */
static int read_flags_check(const char *command, uint64_t flags)
{
	if (flags & ~(uint64_t)BPF_F_LOCK)
		return fail(EINVAL, "%s knows no flag but BPF_F_LOCK (4), given %#llx", command,
			    (unsigned long long)flags);
	return 0;
}

/* What one command does with the map behind its descriptor. */
typedef int elem_work(struct bpfmap *map, const struct attr_elem *elem);

/* Which rights of the descriptor a command needs. */
#define NEEDS_READ  1u
#define NEEDS_WRITE 2u

/* The frame of all commands: descriptor, rights, then the work. */
static int elem_command(const struct attr_elem *elem, unsigned int needs, elem_work *work)
{
	struct fd_ref ref;
	int err = fd_get((int)elem->map_fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	if (needs & NEEDS_READ)
		err = elem_may_read(&ref);
	if (!err && (needs & NEEDS_WRITE))
		err = elem_may_write(&ref);
	if (!err)
		err = work(ref.object->map, elem);
	fd_put(&ref);
	return err;
}

/* Types without keys: what delete and next_key say. */
static int keyless(const struct bpfmap *map, const char *what)
{
	const char *word = map_type_word(map->spec.type);

	if (map->ops->pop)
		return fail(EINVAL, "a %s has no keys, and so no %s", word, what);
	if (map->ops->push)
		return fail(EOPNOTSUPP, "a %s has no keys, and so no %s", word, what);
	return elem_unsupported(map, what);
}

/* Bring the key in. Maps without keys want NULL. */
static int key_read(struct user_buf *buf, const struct bpfmap *map, uint64_t key,
		    const void **ret_key)
{
	buf->big = NULL;
	if (map->spec.key_size)
		return user_read(buf, key, map->spec.key_size, "the key", ret_key);
	if (key)
		return fail(EINVAL, "a map of type %s has no keys: the key must be NULL",
			    map_type_word(map->spec.type));
	*ret_key = NULL;
	return 0;
}

/* A result of the map's: in place if out is good memory, else in buf. NULL: no memory. */
static void *result_room(struct user_buf *buf, uint64_t out, size_t size)
{
	buf->big = NULL;
	return user_is_plain(out, size) ? (void *)(uintptr_t)out : user_buf_get(buf, size);
}

static int result_deliver(const void *room, uint64_t out, size_t size, const char *what)
{
	if ((uintptr_t)room == out)
		return 0;
	return user_copy_out(out, room, size, what);
}

/* Read, or read and remove (op), one element into the caller's value. */
static int elem_fetch(struct bpfmap *map, const struct attr_elem *elem, elem_read_op *op)
{
	size_t size = map_syscall_value_size(map);
	struct user_buf key_buf, value_buf;
	const void *key;
	void *value;
	int err = key_read(&key_buf, map, elem->key, &key);

	if (err)
		return err;
	value = result_room(&value_buf, elem->value, size);
	err = value ? op(map, key, value) : fail(ENOMEM, "no memory for a value");
	if (!err)
		err = result_deliver(value, elem->value, size, "the value");
	user_buf_free(&value_buf);
	user_buf_free(&key_buf);
	return err;
}

/* Keyless types as read ops. */
static int read_peek(struct bpfmap *map, const void *key, void *ret_value)
{
	return map->ops->peek(map, ret_value);
}

static int take_pop(struct bpfmap *map, const void *key, void *ret_value)
{
	return map_pop(map, ret_value);
}

/* A Bloom filter is asked about a value: it comes in, nothing goes out. */
static int elem_query(struct bpfmap *map, const struct attr_elem *elem)
{
	struct user_buf key_buf, buf;
	const void *key, *value;
	void *copy;
	int err = key_read(&key_buf, map, elem->key, &key);

	if (err)
		return err;
	err = user_read(&buf, elem->value, map->spec.value_size, "the value", &value);
	if (err)
		return err;
	copy = (void *)(uintptr_t)value;
	err = map->ops->peek(map, copy);
	user_buf_free(&buf);
	return err;
}

static int elem_lookup(struct bpfmap *map, const struct attr_elem *elem)
{
	elem_read_op *op = elem_reader(map, elem->flags);
	int err = elem_lock_check(map, elem->flags);

	if (err)
		return err;
	if (op)
		return elem_fetch(map, elem, op);
	if (!map->ops->peek)
		return elem_unsupported(map, "lookup");
	return map->ops->pop ? elem_fetch(map, elem, read_peek) : elem_query(map, elem);
}

long map_lookup_elem(union call_attr *attr, const struct call *call)
{
	int err = read_flags_check("lookup", attr->elem.flags);

	return err ? err : elem_command(&attr->elem, NEEDS_READ, elem_lookup);
}

static int elem_write(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	if (map->ops->write)
		return map_write(map, key, value, flags);
	if (map->ops->push)
		return map_push(map, value, flags);
	return elem_unsupported(map, "update");
}

static int elem_store(struct bpfmap *map, const struct attr_elem *elem)
{
	struct user_buf key_buf, value_buf;
	const void *key, *value;
	int err = elem_lock_check(map, elem->flags);

	if (!err)
		err = key_read(&key_buf, map, elem->key, &key);
	if (err)
		return err;
	err = user_read(&value_buf, elem->value, map_syscall_value_size(map), "the value", &value);
	if (!err) {
		err = elem_write(map, key, value, elem->flags);
		user_buf_free(&value_buf);
	}
	user_buf_free(&key_buf);
	return err;
}

long map_update_elem(union call_attr *attr, const struct call *call)
{
	return elem_command(&attr->elem, NEEDS_WRITE, elem_store);
}

static int elem_remove(struct bpfmap *map, const struct attr_elem *elem)
{
	struct user_buf key_buf;
	const void *key;
	int err = key_read(&key_buf, map, elem->key, &key);

	if (err)
		return err;
	err = map->ops->delete_elem ? map_delete(map, key) : keyless(map, "delete");
	user_buf_free(&key_buf);
	return err;
}

long map_delete_elem(union call_attr *attr, const struct call *call)
{
	return elem_command(&attr->elem, NEEDS_WRITE, elem_remove);
}

static int elem_next(struct bpfmap *map, const struct attr_elem *elem)
{
	struct user_buf key_buf = {.big = NULL}, next_buf;
	size_t size = map->spec.key_size;
	const void *key = NULL;
	void *next;
	int err = elem->key ? key_read(&key_buf, map, elem->key, &key) : 0;

	if (err)
		return err;
	next = result_room(&next_buf, elem->value, size);
	if (!map->ops->next_key)
		err = keyless(map, "iteration");
	else
		err = next ? map->ops->next_key(map, key, next)
			   : fail(ENOMEM, "no memory for a key");
	if (!err)
		err = result_deliver(next, elem->value, size, "the next key");
	user_buf_free(&next_buf);
	user_buf_free(&key_buf);
	return err;
}

long map_get_next_key(union call_attr *attr, const struct call *call)
{
	return elem_command(&attr->elem, NEEDS_READ, elem_next);
}

/* The value is copied to the caller when the element is gone already, as in the kernel: a bad
 * pointer loses it. */
static int elem_take(struct bpfmap *map, const struct attr_elem *elem)
{
	struct user_buf key_buf;
	const void *key;
	int err = elem_lock_check(map, elem->flags);

	if (err)
		return err;
	if (map->ops->take)
		return elem_fetch(map, elem, map_take);
	if (map->ops->pop)
		return elem_fetch(map, elem, take_pop);
	err = key_read(&key_buf, map, elem->key, &key);
	if (err)
		return err;
	user_buf_free(&key_buf);
	return elem_unsupported(map, "lookup_and_delete");
}

long map_lookup_and_delete_elem(union call_attr *attr, const struct call *call)
{
	int err = read_flags_check("lookup_and_delete", attr->elem.flags);

	return err ? err : elem_command(&attr->elem, NEEDS_READ | NEEDS_WRITE, elem_take);
}
