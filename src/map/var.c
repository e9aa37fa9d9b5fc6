/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* var.c: maps of type HASH whose keys and values have lengths of their own (BPFMAP_F_VARIABLE).
 * Buckets, locks, the redo record and the count are hash.c's, free blocks are pool.c's; here is
 * what an element's bytes are, and the functions of bpfmap.h that take lengths. Bytes: hash.h.
 *
 * States       a chain of blocks is claimed, filled, linked by its first block, released as one
 *              element of hash.c is; only pool.c sees single blocks
 * Invariants   1. a LIVE element has as many blocks as its lengths need           (hash_check)
 *              2. every block is in one element, in one list, in one owner's claim or release
 *                 field, or
 *                 was never used                                                 (hash_check)
 * Locks        none of its own
 * Edges        B1, B2 (sync/bytes.h) for the bytes; H3, H4 (hash.c) for the links between blocks
 * Progress     read: never waits. A copy is valid if its first block has not been given back since
 *              the key was found: of a chain, that one is given back first.
 * Memory       block addresses exist for max_entries of the largest elements, memory comes as
 *              blocks are used: an element costs what it uses.
 */
#include "map/count.h"
#include "map/hash.h"
#include "map/var.h"

#include "base/error.h"
#include "base/hash.h"

#include <errno.h>

/* Of a block; larger ones where an element would need more than ELEM_BLOCKS of them. */
#define BLOCK_MIN   64
#define ELEM_BLOCKS 64
#define LENGTHS	    8 /* bytes before the key */

/* ---- blocks --------------------------------------------------------------------------------- */

static uint64_t block_room(uint64_t stride)
{
	return stride - ELEM_HEAD;
}

static uint64_t elem_bytes(uint32_t key_len, uint32_t value_len)
{
	return LENGTHS + RU8(key_len) + RU8(value_len);
}

static uint64_t blocks_for(uint64_t bytes, uint64_t stride)
{
	return (bytes + block_room(stride) - 1) / block_room(stride);
}

uint32_t var_blocks(const struct hash *h, uint32_t key_len, uint32_t value_len)
{
	return (uint32_t)blocks_for(elem_bytes(key_len, value_len), h->g.elem_stride);
}

int var_geometry_of(const struct map_spec *spec, uint64_t n, struct hash_geometry *g)
{
	uint64_t bytes = elem_bytes(spec->key_size, spec->value_size), stride = BLOCK_MIN;

	while (blocks_for(bytes, stride) > ELEM_BLOCKS)
		stride *= 2;
	g->elem_stride = stride;
	g->blocks = (uint32_t)blocks_for(bytes, stride);
	if (n * g->blocks > HASH_N_MAX)
		return fail(E2BIG,
			    "%u elements of up to %u bytes of key and %u of value can need %llu "
			    "blocks of "
			    "%llu bytes; a map has at most %u",
			    spec->max_entries, spec->key_size, spec->value_size,
			    (unsigned long long)(n * g->blocks), (unsigned long long)stride,
			    HASH_N_MAX);
	g->pool_n = (uint32_t)(n * g->blocks);
	return 0;
}

/* A position in an element's bytes. */
struct stream {
	const struct hash *h;
	uint32_t block; /* + 1 */
	uint32_t at;	/* in its bytes */
};

/* The next bytes that lie together, at most `want`; NULL: the chain ends too early, as no element
 * does. */
static struct shm_u64 *stream_run(struct stream *s, uint64_t want, uint32_t *ret_run)
{
	uint32_t room = (uint32_t)block_room(s->h->g.elem_stride);
	uint8_t *bytes;

	if (s->at == room) {
		/* H4 acquire <- H3 */
		s->block = shm_u32_load_acquire(&hash_elem(s->h, s->block - 1)->stage);
		s->at = 0;
	}
	if (!s->block || s->block > s->h->g.pool_n)
		return NULL;
	bytes = hash_elem_key(hash_elem(s->h, s->block - 1)) + s->at;
	*ret_run = (uint32_t)(want < room - s->at ? want : room - s->at);
	s->at += (uint32_t)RU8(*ret_run);
	return (struct shm_u64 *)bytes;
}

static bool stream_store(struct stream *s, const struct var_bytes *from)
{
	uint32_t done = 0, run;
	struct shm_u64 *to;

	for (; done < from->len; done += run) {
		to = stream_run(s, from->len - done, &run);
		if (!to)
			return false;
		bytes_store(to, (const char *)from->data + done, run);
	}
	return true;
}

static bool stream_load(struct stream *s, void *to, uint32_t len)
{
	uint32_t done = 0, run;
	struct shm_u64 *from;

	for (; done < len; done += run) {
		from = stream_run(s, len - done, &run);
		if (!from)
			return false;
		bytes_load((char *)to + done, from, run);
	}
	return true;
}

static bool stream_skip(struct stream *s, uint32_t len)
{
	uint32_t done = 0, run;

	for (; done < len; done += run)
		if (!stream_run(s, len - done, &run))
			return false;
	return true;
}

/* At an element's first byte: its lengths. False: they are not possible. */
static bool stream_open(struct stream *s, const struct hash *h, uint32_t elem,
			uint32_t *ret_key_len, uint32_t *ret_value_len)
{
	uint64_t lengths = 0;

	*s = (struct stream){h, elem, 0};
	stream_load(s, &lengths, sizeof(lengths));
	*ret_key_len = (uint32_t)lengths;
	*ret_value_len = (uint32_t)(lengths >> 32);
	return *ret_key_len && *ret_key_len <= h->key_size && *ret_value_len <= h->value_size;
}

bool var_key_equal(const struct hash *h, uint32_t elem, const struct var_bytes *key)
{
	uint32_t key_len, value_len, done = 0, run;
	struct shm_u64 *stored;
	struct stream s;

	if (!stream_open(&s, h, elem, &key_len, &value_len) || key_len != key->len)
		return false;
	for (; done < key_len; done += run) {
		stored = stream_run(&s, key_len - done, &run);
		if (!stored || !bytes_equal(stored, (const char *)key->data + done, run))
			return false;
	}
	return true;
}

int var_fill(const struct hash *h, uint32_t elem, const struct var_bytes *key,
	     const struct var_bytes *value)
{
	uint64_t lengths = (uint64_t)value->len << 32 | key->len;
	struct var_bytes head = {&lengths, sizeof(lengths)};
	struct stream s = {h, elem, 0};

	if (!stream_store(&s, &head) || !stream_store(&s, key) || !stream_store(&s, value))
		return fail(EUCLEAN, "somebody else wrote to blocks that this thread had claimed");
	return 0;
}

bool var_load_key(const struct hash *h, uint32_t elem, void *ret_key, uint32_t *ret_key_len,
		  uint32_t *ret_value_len)
{
	struct stream s;

	return stream_open(&s, h, elem, ret_key_len, ret_value_len) &&
	       stream_load(&s, ret_key, *ret_key_len);
}

/* ---- walking over buckets ------------------------------------------------------------------- */

/* An element's record behind *used bytes of the buffer, if it fits; *used grows in any case. */
static bool record_copy(const struct hash *h, uint32_t elem, uint8_t *buf, uint64_t room,
			uint64_t *used)
{
	struct var_record *record = (struct var_record *)(buf + *used);
	uint32_t key_len, value_len;
	struct stream s;

	if (!stream_open(&s, h, elem, &key_len, &value_len))
		return false;
	*used += var_record_bytes(key_len, value_len);
	if (*used > room)
		return true;
	record->key_len = key_len;
	record->value_len = value_len;
	return stream_load(&s, record->bytes, key_len) &&
	       stream_load(&s, record->bytes + RU8(key_len), value_len);
}

int var_read_bucket(struct bpfmap *map, uint64_t *cursor, uint8_t *buf, uint64_t room,
		    uint64_t *ret_used)
{
	const struct hash *h = map->priv;
	uint64_t budget = READ_BUDGET + h->g.pool_n;
	struct bucket_shm *b;
	struct walk w;

	*ret_used = 0;
	if (*cursor >= h->g.n_buckets)
		return -ENOENT;
	if (!hash_bucket_reserved(h, (uint32_t)*cursor)) {
		(*cursor)++;
		return 0;
	}
	b = hash_bucket(h, (uint32_t)*cursor);
	for (uint64_t spent = 0; spent < budget; spent += 1 + w.hops) {
		uint64_t meta = shm_u64_load_acquire(&b->meta), used = 0; /* H2 acquire <- H1 */
		bool sound = true;

		memset(&w, 0, sizeof(w));
		while (sound && hash_walk_next(h, b, meta, &w))
			sound = record_copy(h, w.elem, buf, room, &used);
		if (shm_u64_load_relaxed(&b->meta) != meta)
			continue;
		if (!sound)
			return fail(EUCLEAN, "an element of bucket %llu makes no sense",
				    (unsigned long long)*cursor);
		*ret_used = used;
		if (used > room)
			return -ENOSPC;
		(*cursor)++;
		return 0;
	}
	return fail(EUCLEAN, "bucket %llu changes without end; is somebody scribbling?",
		    (unsigned long long)*cursor);
}

/* ---- bpfmap.h ------------------------------------------------------------------------------- */

int map_check_variable(const struct bpfmap *map)
{
	if (hash_spec_variable(&map->spec))
		return 0;
	return fail(ENOTSUP,
		    "the map was made without BPFMAP_F_VARIABLE: its keys have %u bytes and its "
		    "values %u; use the functions without bpfmap_var_",
		    map->spec.key_size, map->spec.value_size);
}

static int key_check(const struct bpfmap *map, uint32_t key_len)
{
	int err = map_check_variable(map);

	if (err)
		return err;
	if (!key_len || key_len > map->spec.key_size)
		return fail(EINVAL, "a key of %u bytes: the map's have 1 to %u", key_len,
			    map->spec.key_size);
	return 0;
}

static uint64_t key_hash(const struct hash *h, const struct var_bytes *key)
{
	return hash_bytes(key->data, key->len, h->seed);
}

int bpfmap_var_update(struct bpfmap *map, const void *key, uint32_t key_len, const void *value,
		      uint32_t value_len, uint64_t flags)
{
	struct var_bytes k = {key, key_len}, v = {value, value_len};
	struct operand op = {.key = &k, .value = &v, .cpu = ALL_CPUS};
	int err = key_check(map, key_len);

	if (!err)
		err = map_may_write(map);
	if (err)
		return err;
	if (value_len > map->spec.value_size)
		return fail(EINVAL, "a value of %u bytes: the map's have at most %u", value_len,
			    map->spec.value_size);
	op.hash = key_hash(map->priv, &k);
	return map_counted_update(map, hash_update_operand(map->priv, &op, flags));
}

/* One attempt, to be validated. */
static int value_read(const struct hash *h, uint32_t elem, void *ret_value, uint32_t room,
		      uint32_t *ret_len)
{
	uint32_t key_len;
	struct stream s;

	if (!stream_open(&s, h, elem, &key_len, ret_len) || !stream_skip(&s, key_len))
		return -EUCLEAN;
	if (*ret_len > room)
		return -ENOSPC;
	return stream_load(&s, ret_value, *ret_len) ? 0 : -EUCLEAN;
}

int bpfmap_var_read(struct bpfmap *map, const void *key, uint32_t key_len, void *ret_value,
		    uint32_t room, uint32_t *ret_len)
{
	const struct hash *h = map->priv;
	struct var_bytes k = {key, key_len};
	int err = key_check(map, key_len);
	struct found found;
	uint64_t hash;
	uint32_t len;

	if (err)
		return err;
	hash = key_hash(h, &k);
	for (uint32_t tries = 0; tries < READ_BUDGET; tries++) {
		if (!hash_find(h, &k, hash, &found))
			return -ENOENT;
		err = value_read(h, found.elem, ret_value, room, &len);
		if (!hash_copy_valid(h, hash_bucket(h, hash_bucket_of(h, hash)), &found))
			continue;
		if (err == -EUCLEAN)
			return fail(EUCLEAN, "the element makes no sense; see bpfmap_check()");
		*ret_len = len;
		return err ? fail(ENOSPC, "the value has %u bytes, there is room for %u", len, room)
			   : 0;
	}
	return fail(EUCLEAN, "the element's bucket changes without end; is somebody scribbling?");
}

int bpfmap_var_delete(struct bpfmap *map, const void *key, uint32_t key_len)
{
	struct var_bytes k = {key, key_len};
	int err = key_check(map, key_len);

	if (!err)
		err = map_may_write(map);
	if (!err)
		err = hash_delete_key(map->priv, &k, key_hash(map->priv, &k), NULL);
	return map_counted_delete(map, err);
}
