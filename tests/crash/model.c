/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model.c: see model.h. */
#include "model.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#define note_get(field)	       __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define note_put(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

static bool shape_is_array(const struct shape *shape)
{
	return shape->type == BPF_MAP_TYPE_ARRAY;
}

static bool shape_is_lru(const struct shape *shape)
{
	return shape->type == BPF_MAP_TYPE_LRU_HASH;
}

static bool shape_is_variable(const struct shape *shape)
{
	return shape->type == BPF_MAP_TYPE_HASH && shape->map_flags & BPFMAP_F_VARIABLE;
}

/* A variable map's values have another length with each version; one word at least. */
static uint32_t value_len(const struct shape *shape, uint64_t version)
{
	return 8 + (uint32_t)(version * 67 % (shape->value_size - 7));
}

/* The map's calls, with a key's number for the key. */

static int elem_update(struct bpfmap *map, const struct shape *shape, uint32_t key,
		       uint64_t version, uint64_t flags)
{
	uint8_t key_bytes[VALUE_KEY_BYTES];
	uint8_t value[VALUE_SIZE_MAX];

	key_fill(key_bytes, shape->key_size, key);
	value_fill(value, shape->value_size, key, version);
	if (shape_is_variable(shape))
		return bpfmap_var_update(map, key_bytes, shape->key_size, value,
					 value_len(shape, version), flags);
	return bpfmap_update(map, key_bytes, value, shape_is_array(shape) ? BPF_ANY : flags);
}

static int elem_delete(struct bpfmap *map, const struct shape *shape, uint32_t key)
{
	uint8_t key_bytes[VALUE_KEY_BYTES];

	key_fill(key_bytes, shape->key_size, key);
	if (shape_is_variable(shape))
		return bpfmap_var_delete(map, key_bytes, shape->key_size);
	return bpfmap_delete(map, key_bytes);
}

static int elem_read(struct bpfmap *map, const struct shape *shape, uint32_t key,
		     uint8_t *ret_value, uint32_t *ret_len)
{
	uint8_t key_bytes[VALUE_KEY_BYTES];

	key_fill(key_bytes, shape->key_size, key);
	*ret_len = shape->value_size;
	if (shape_is_variable(shape))
		return bpfmap_var_read(map, key_bytes, shape->key_size, ret_value,
				       shape->value_size, ret_len);
	return bpfmap_read(map, key_bytes, ret_value);
}

static uint32_t elems_walk_variable(struct bpfmap *map, uint32_t most)
{
	const void *key, *value;
	struct bpfmap_iter *iter;
	uint32_t key_len, len, n = 0;

	if (bpfmap_iter_new(map, &iter) != 0)
		return UINT32_MAX;
	while (n <= most && bpfmap_var_next(iter, &key, &key_len, &value, &len) == 1)
		n++;
	bpfmap_iter_free(iter);
	return n;
}

/* How many elements a walk finds; it ends when there are more than `most`. */
static uint32_t elems_walk(struct bpfmap *map, const struct shape *shape, uint32_t most)
{
	uint8_t key[VALUE_KEY_BYTES];
	uint32_t n = 0;
	int err;

	if (shape_is_variable(shape))
		return elems_walk_variable(map, most);
	err = bpfmap_next_key(map, NULL, key);
	for (; !err && n <= most; n++)
		err = bpfmap_next_key(map, key, key);
	return n;
}

static void act_begin(struct author *author, enum act act, uint32_t key, uint64_t version)
{
	struct diary *diary = author->diary;

	diary->key = key;
	diary->version_after = version;
	note_put(diary->act, (uint32_t)act);
}

static void act_end(struct author *author, uint32_t key, uint64_t begin_ns, int err)
{
	struct diary *diary = author->diary;
	uint64_t took_ns = now_ns() - begin_ns;

	if (err)
		verdict_fail("%s: %s of key %u: %d, %s", author->shape->name,
			     diary->act == ACT_PUT ? "put" : "delete", key, err,
			     bpfmap_last_error());
	note_put(diary->versions[key - author->first_key], diary->version_after);
	note_put(diary->act, (uint32_t)ACT_NONE);
	if (took_ns > diary->slowest_ns)
		diary->slowest_ns = took_ns;
	note_put(diary->acts_done, diary->acts_done + 1);
}

void author_put(struct author *author, uint32_t key)
{
	uint64_t version = ++author->diary->version_next;
	bool present = author->diary->versions[key - author->first_key] != 0;
	uint64_t begin_ns;

	act_begin(author, ACT_PUT, key, version);
	begin_ns = now_ns();
	act_end(author, key, begin_ns,
		elem_update(author->map, author->shape, key, version,
			    present ? BPF_EXIST : BPF_NOEXIST));
}

void author_remove(struct author *author, uint32_t key)
{
	uint64_t begin_ns;

	act_begin(author, ACT_REMOVE, key, 0);
	begin_ns = now_ns();
	act_end(author, key, begin_ns, elem_delete(author->map, author->shape, key));
}

void author_act(struct author *author, struct rng *rng)
{
	uint32_t key = author->first_key + (uint32_t)rng_below(rng, author->keys);
	bool present = author->diary->versions[key - author->first_key] != 0;

	if (present && !shape_is_array(author->shape) && rng_below(rng, 2))
		author_remove(author, key);
	else
		author_put(author, key);
}

/* The version in the map, 0 if absent; UINT64_MAX with a failed verdict. An array's element that was
 * never written is all zero, and counts as absent. */
static uint64_t version_in_map(struct author *author, uint32_t key)
{
	static const uint8_t zero[VALUE_SIZE_MAX];
	uint8_t value[VALUE_SIZE_MAX];
	uint64_t version;
	uint32_t len;
	int err;

	err = elem_read(author->map, author->shape, key, value, &len);
	if (err == -ENOENT && !shape_is_array(author->shape))
		return 0;
	if (err) {
		verdict_fail("%s: read of key %u: %d, %s", author->shape->name, key, err,
			     bpfmap_last_error());
		return UINT64_MAX;
	}
	if (shape_is_array(author->shape) && !memcmp(value, zero, author->shape->value_size))
		return 0;
	version = value_verify(value, len, key, author->shape->name);
	if (shape_is_variable(author->shape) && version &&
	    len != value_len(author->shape, version)) {
		verdict_fail("%s: key %u has %u bytes of a value of %u", author->shape->name, key,
			     len, value_len(author->shape, version));
		version = 0;
	}
	return version ? version : UINT64_MAX;
}

/* Is this what a key may hold: what is noted, or what the unfinished operation makes of it? */
static bool version_is_possible(const struct author *author, uint32_t key, uint64_t found)
{
	const struct diary *diary = author->diary;
	bool unfinished = note_get(diary->act) != ACT_NONE && diary->key == key;
	uint64_t noted = note_get(diary->versions[key - author->first_key]);

	if (found == noted || (unfinished && found == diary->version_after))
		return true;
	if (found != UINT64_MAX)
		verdict_fail("%s: key %u has version %llu instead of %llu%s", author->shape->name,
			     key, (unsigned long long)found, (unsigned long long)noted,
			     unfinished ? " (its author died writing it)" : "");
	return false;
}

void author_judge(struct author *author)
{
	for (uint32_t i = 0; i < author->keys && !verdict_failed(); i++) {
		uint32_t key = author->first_key + i;

		version_is_possible(author, key, version_in_map(author, key));
	}
}

/* An insert that must not replace: it meets the dead writer's lock, and its result says whether the
 * key is there. An array has no such thing: there the key is written. */
static uint64_t key_probe(struct author *author, uint32_t key, uint64_t version)
{
	bool array = shape_is_array(author->shape);
	int err = elem_update(author->map, author->shape, key, version, BPF_NOEXIST);

	if (err && (err != -EEXIST || array))
		verdict_fail("%s: probe of key %u: %d, %s", author->shape->name, key, err,
			     bpfmap_last_error());
	return err ? 0 : version;
}

void author_settle(struct author *author)
{
	struct diary *diary = author->diary;
	uint32_t key = diary->key;
	uint64_t before;
	uint64_t after;
	uint64_t probe;

	author_judge(author);
	if (note_get(diary->act) == ACT_NONE || verdict_failed())
		return;
	before = version_in_map(author, key);
	probe = key_probe(author, key, ++diary->version_next);
	after = version_in_map(author, key);
	if (probe && after != probe)
		verdict_fail("%s: key %u has version %llu instead of %llu just written",
			     author->shape->name, key, (unsigned long long)after,
			     (unsigned long long)probe);
	else if (!probe && version_is_possible(author, key, after) && after != before &&
		 before == diary->version_after)
		verdict_fail("%s: key %u went back to version %llu after the death of its author",
			     author->shape->name, key, (unsigned long long)after);
	else if (probe && !shape_is_array(author->shape) &&
		 diary->versions[key - author->first_key] != 0 && diary->version_after != 0)
		verdict_fail("%s: key %u was lost in a replacement", author->shape->name, key);
	diary->versions[key - author->first_key] = after;
	note_put(diary->act, (uint32_t)ACT_NONE);
}

uint32_t author_count(const struct author *author)
{
	uint32_t present = 0;

	for (uint32_t i = 0; i < author->keys; i++)
		present += author->diary->versions[i] != 0;
	return present;
}

void author_clear(struct author *author)
{
	for (uint32_t i = 0; i < author->keys; i++) {
		if (author->diary->versions[i] != 0 && !shape_is_array(author->shape))
			author_remove(author, author->first_key + i);
	}
}

static void entries_judge(struct bpfmap *map, const struct shape *shape, uint32_t expected)
{
	uint32_t walked = elems_walk(map, shape, expected);
	struct bpfmap_info info;

	if (bpfmap_get_info(map, &info) != 0 || info.entries != expected)
		verdict_fail("%s: entries is %llu, %u are there", shape->name,
			     (unsigned long long)info.entries, expected);
	if (walked != expected)
		verdict_fail("%s: a walk finds %u keys, %u are there", shape->name, walked,
			     expected);
	if (bpfmap_check(map) != 0)
		verdict_fail("%s: check: %s", shape->name, bpfmap_last_error());
}

void capacity_judge(struct bpfmap *map, const struct shape *shape, uint32_t present,
		    uint32_t first_key)
{
	uint32_t room = shape->max_entries - present;
	int err;

	if (shape_is_array(shape)) {
		entries_judge(map, shape, shape->max_entries);
		return;
	}
	/* One more than fits; an LRU map would give up somebody's element for it. */
	for (uint32_t i = 0; i < room + !shape_is_lru(shape); i++) {
		err = elem_update(map, shape, first_key + i, i + 1, BPF_NOEXIST);
		if (err != (i < room ? 0 : -E2BIG))
			verdict_fail("%s: element %u of %u into the map: %d, %s", shape->name,
				     present + i + 1, shape->max_entries, err,
				     err ? bpfmap_last_error() : "it fits");
	}
	entries_judge(map, shape, shape->max_entries);
	for (uint32_t i = 0; i < room; i++) {
		if (elem_delete(map, shape, first_key + i) != 0)
			verdict_fail("%s: delete of a filler: %s", shape->name,
				     bpfmap_last_error());
	}
	entries_judge(map, shape, present);
}
