/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_slots.c: operations on HASH maps of small elements, compiled for the common key sizes. They do what
 * hash.c and hash_read.c do, under the same protocol (hash.c), as long as everything happens in a bucket's
 * slots; whatever else there is (a chain, a full bucket, BPF_F_LOCK) they leave to the general code.
 *
 * Which size a map has is decided once, when it is opened: hash_slots_ops().
 */
#include "map/hash_find.h"
#include "map/hash_ops.h"
#include "map/hash_redo.h"

#include "base/error.h"

#include <errno.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Values of a word are what most maps have. */
ALWAYS_INLINE void value_load_small(void *dst, const struct shm_u64 *src, uint32_t size)
{
	if (size == 8)
		bytes_load(dst, src, 8);
	else
		bytes_load(dst, src, size);
}

ALWAYS_INLINE void value_store_word(struct shm_u64 *dst, const void *src, uint32_t size)
{
	if (size == 8)
		bytes_store(dst, src, 8);
	else
		bytes_store(dst, src, size);
}

/* ---- reading -------------------------------------------------------------------------------- */

ALWAYS_INLINE void *lookup_sized(struct bpfmap *map, const void *key, uint32_t key_size)
{
	const struct hash *h = map->priv;
	uint64_t hash = hash_bytes(key, key_size, h->seed);
	struct bucket_shm *b = hash_bucket(h, hash_bucket_of(h, hash));
	uint64_t meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */
	uint32_t slot;
	uint8_t *at = slots_find(h, b, meta, hash_tag(hash), key, key_size, &slot);

	if (__builtin_expect(at != NULL, 1)) {
		if (__builtin_expect(meta_unchanged(b, meta), 1))
			return at + RU8(key_size);
	} else if (!shm_u32_load_acquire(&b->chain) && /* H4 acquire <- H3 */
		   meta_unchanged(b, meta)) {
		return NULL;
	}
	return hash_lookup(map, key);
}

ALWAYS_INLINE int read_sized(struct bpfmap *map, const void *key, void *ret_value,
			     uint32_t key_size)
{
	const struct hash *h = map->priv;
	uint64_t hash = hash_bytes(key, key_size, h->seed);
	struct bucket_shm *b = hash_bucket(h, hash_bucket_of(h, hash));
	uint64_t meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */
	uint32_t slot;
	uint8_t *at = slots_find(h, b, meta, hash_tag(hash), key, key_size, &slot);

	if (at) {
		value_load_small(ret_value, (void *)(at + RU8(key_size)), h->value_size);
		if (__builtin_expect(meta_unchanged(b, meta), 1))
			return 0;
	}
	return hash_read(map, key, ret_value);
}

/* ---- writing, bucket locked ----------------------------------------------------------------- */

/* A larger value goes to another slot. SLOT_NONE: not done, the bucket has none. */
ALWAYS_INLINE uint32_t slot_replace(struct hash *h, struct bucket_shm *b, uint64_t meta,
				    uint8_t tag, uint32_t slot, const struct operand *op,
				    uint32_t key_size)
{
	uint32_t to;

	to = slot_empty(h, meta);
	if (to != SLOT_NONE) {
		slot_fill(h, hash_slot(h, b, to), op->key, op->value, key_size);
		meta = meta_with_tag(meta_next(meta), slot, 0);
		/* H1 release -> H2 */
		shm_u64_store_release(&b->meta, meta_with_tag(meta, to, tag));
	}
	return to;
}

ALWAYS_INLINE int update_sized_locked(struct hash *h, struct bucket_shm *b,
				      struct owner_local *self, const struct operand *op,
				      uint64_t flags, uint32_t key_size)
{
	uint64_t meta = shm_u64_load_relaxed(&b->meta);
	uint8_t tag = hash_tag(op->hash);
	uint32_t slot;
	uint8_t *at = slots_find(h, b, meta, tag, op->key, key_size, &slot);

	if (at && flags != BPF_NOEXIST) {
		if (h->value_size <= 8) {
			value_store_word((void *)(at + RU8(key_size)), op->value, h->value_size);
			return 0;
		}
		if (slot_replace(h, b, meta, tag, slot, op, key_size) != SLOT_NONE)
			return 0;
	} else if (!at && flags != BPF_EXIST && !shm_u32_load_relaxed(&b->chain)) {
		slot = slot_empty(h, meta);
		if (slot != SLOT_NONE) {
			slot_fill(h, hash_slot(h, b, slot), op->key, op->value, key_size);
			return slot_commit(h, b, self, meta_with_tag(meta_next(meta), slot, tag),
					   1);
		}
	}
	return hash_update_locked(h, b, self, op, flags);
}

/* ---- writing -------------------------------------------------------------------------------- */

ALWAYS_INLINE int update_sized(struct bpfmap *map, const void *key, const void *value,
			       uint64_t flags, uint32_t key_size)
{
	struct hash *h = map->priv;
	struct operand op = {hash_bytes(key, key_size, h->seed), key, value, ALL_CPUS};
	uint32_t index = hash_bucket_of(h, op.hash);
	struct bucket_shm *b = hash_bucket(h, index);
	struct owner_local *self;
	int err;

	if (__builtin_expect(flags > BPF_EXIST, 0))
		return hash_update(map, key, value, flags);
	err = owner_self(&h->region->owners, &self);
	if (!err)
		err = lock_acquire(&b->lock, &h->region->owners, self->number_plus1 - 1, index);
	if (err)
		return err;
	err = update_sized_locked(h, b, self, &op, flags, key_size);
	lock_release(&b->lock);
	return err;
}

ALWAYS_INLINE int delete_sized(struct bpfmap *map, const void *key, uint32_t key_size)
{
	struct hash *h = map->priv;
	uint64_t hash = hash_bytes(key, key_size, h->seed), meta;
	uint32_t index = hash_bucket_of(h, hash), slot;
	struct bucket_shm *b = hash_bucket(h, index);
	struct owner_local *self;
	int err = owner_self(&h->region->owners, &self);

	if (!err)
		err = lock_acquire(&b->lock, &h->region->owners, self->number_plus1 - 1, index);
	if (err)
		return err;
	meta = shm_u64_load_relaxed(&b->meta);
	if (slots_find(h, b, meta, hash_tag(hash), key, key_size, &slot))
		err = slot_commit(h, b, self, meta_with_tag(meta_next(meta), slot, 0), UINT32_MAX);
	else
		err = hash_delete_locked(h, b, self, key, hash, NULL);
	lock_release(&b->lock);
	return err;
}

/* ---- one table per key size ----------------------------------------------------------------- */

#define SIZED(n)                                                                      \
	static void *lookup_##n(struct bpfmap *map, const void *key)                  \
	{                                                                             \
		return lookup_sized(map, key, n);                                     \
	}                                                                             \
	static int read_##n(struct bpfmap *map, const void *key, void *ret_value)     \
	{                                                                             \
		return read_sized(map, key, ret_value, n);                            \
	}                                                                             \
	static int update_##n(struct bpfmap *map, const void *key, const void *value, \
			      uint64_t flags)                                         \
	{                                                                             \
		return update_sized(map, key, value, flags, n);                       \
	}                                                                             \
	static int delete_##n(struct bpfmap *map, const void *key)                    \
	{                                                                             \
		return delete_sized(map, key, n);                                     \
	}                                                                             \
	static const struct map_ops ops_##n = {                                       \
		HASH_COMMON_OPS,     .lookup = lookup_##n, .read = read_##n,          \
		.write = update_##n, .update = update_##n, .delete_elem = delete_##n, \
	};

SIZED(4)
SIZED(8)
SIZED(16)

const struct map_ops *hash_slots_ops(const struct bpfmap *map)
{
	const struct hash *h = map->priv;

	if (!h->g.slots)
		return map->ops;
	switch (h->key_size) {
	case 4: return &ops_4;
	case 8: return &ops_8;
	case 16: return &ops_16;
	default: return map->ops;
	}
}
