/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_sized.c: operations of the hash family, compiled for the common key sizes. They do what
 * hash.c and hash_read.c do, under the same protocol (hash.c). In maps with slots: lookup, read,
 * update and delete, as long as everything happens in the bucket; a chain, a full bucket or
 * BPF_F_LOCK they leave to the general code. In the others (LRU, per-CPU, NO_PREALLOC, large
 * elements): lookup.
 *
 * Which code a map gets is decided once, when it is opened: hash_sized_ops(), hash_sized_lookup().
 */
#include "map/hash_find.h"
#include "map/hash_ops.h"
#include "map/hash_redo.h"
#include "map/lru.h"

#include "base/error.h"

#include <errno.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What a lookup without slots must do besides finding the element. */
enum sized_kind {
	SIZED_PLAIN,
	SIZED_LRU,    /* mark it */
	SIZED_PERCPU, /* find the CPU's value */
};

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

/* So many elements of a chain are looked at before the general code takes over. */
#define CHAIN_LOOKS 32

/* The element of b's chain that has key. *link: its number + 1; if there is none, 0, or where the
 * walk was given up. */
ALWAYS_INLINE uint8_t *chain_walk(const struct hash *h, const struct bucket_shm *b, uint32_t stored,
				  const void *key, uint32_t key_size, uint32_t *link)
{
	*link = shm_u32_load_acquire(&b->chain); /* H4 acquire <- H3 */
	for (uint32_t looks = 0; *link && *link <= h->g.pool_n && looks < CHAIN_LOOKS; looks++) {
		struct elem_shm *e = hash_elem(h, *link - 1);

		/* H4 acquire <- H3 */
		if (shm_u32_load_acquire(&e->hash) == stored &&
		    bytes_equal((void *)hash_elem_key(e), key, key_size))
			return hash_elem_key(e);
		*link = shm_u32_load_acquire(&e->next); /* H4 acquire <- H3 */
	}
	return NULL;
}

ALWAYS_INLINE void *lookup_in(struct bpfmap *map, struct bucket_shm *b, uint64_t hash,
			      const void *key, uint32_t key_size)
{
	const struct hash *h = map->priv;
	uint64_t meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */
	uint32_t slot, link;
	uint8_t *at = slots_find(h, b, meta, hash_tag(hash), key, key_size, &slot);

	if (__builtin_expect(at != NULL, 1)) {
		if (__builtin_expect(meta_unchanged(b, meta), 1))
			return at + RU8(key_size);
	} else {
		at = chain_walk(h, b, (uint32_t)hash, key, key_size, &link);
		if ((at || !link) && meta_unchanged(b, meta))
			return at ? at + RU8(key_size) : NULL;
	}
	return hash_lookup(map, key);
}

ALWAYS_INLINE void *lookup_sized(struct bpfmap *map, const void *key, uint32_t key_size)
{
	const struct hash *h = map->priv;
	uint64_t hash = hash_bytes(key, key_size, h->seed);

	return lookup_in(map, hash_bucket(h, hash_bucket_of(h, hash)), hash, key, key_size);
}

/* Buckets of more than a cache line: the line of the slot that will probably be it. */
ALWAYS_INLINE void slot_prefetch(const struct hash *h, struct bucket_shm *b, uint64_t hash)
{
	uint32_t hits = slots_hit(h, shm_u64_load_relaxed(&b->meta), hash_tag(hash));

	if (hits)
		__builtin_prefetch(hash_slot(h, b, (uint32_t)__builtin_ctz(hits) / 8));
}

/* Keys on their way at once. Hashing runs AHEAD keys before the comparing, and where slots have
 * lines of their own, fetching these half as far. */
#define AHEAD 16

ALWAYS_INLINE uint32_t lookup_keys_sized(struct bpfmap *map, const uint8_t *keys, uint32_t n,
					 void **ret_values, uint32_t key_size)
{
	const struct hash *h = map->priv;
	bool far = h->g.bucket_stride > 64;
	struct bucket_shm *b[2 * AHEAD];
	uint64_t hash[2 * AHEAD];
	uint32_t found = 0;

	for (uint64_t i = 0; i < (uint64_t)n + AHEAD; i++) {
		uint32_t to = i % (2 * AHEAD), half = (i - AHEAD / 2) % (2 * AHEAD);
		uint32_t from = (i - AHEAD) % (2 * AHEAD);

		if (i < n) {
			hash[to] = hash_bytes(keys + i * key_size, key_size, h->seed);
			b[to] = hash_bucket(h, hash_bucket_of(h, hash[to]));
			__builtin_prefetch(b[to]);
		}
		if (far && i >= AHEAD / 2 && i - AHEAD / 2 < n)
			slot_prefetch(h, b[half], hash[half]);
		if (i >= AHEAD) {
			ret_values[i - AHEAD] = lookup_in(map, b[from], hash[from],
							  keys + (i - AHEAD) * key_size, key_size);
			found += ret_values[i - AHEAD] != NULL;
		}
	}
	return found;
}

/* Without slots. */
ALWAYS_INLINE void *chained_sized(struct bpfmap *map, const void *key, uint32_t key_size,
				  enum sized_kind kind)
{
	const struct hash *h = map->priv;
	uint64_t hash = hash_bytes(key, key_size, h->seed);
	struct bucket_shm *b = hash_bucket(h, hash_bucket_of(h, hash));
	uint64_t meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */
	uint32_t link;
	uint8_t *at = chain_walk(h, b, (uint32_t)(hash >> 32), key, key_size, &link);

	if ((!at && link) || !meta_unchanged(b, meta))
		return map->ops->lookup(map, key);
	if (!at)
		return NULL;
	if (kind == SIZED_LRU)
		lru_touch(h, link);
	if (kind == SIZED_PERCPU)
		return hash_value(h, at, link, vcpu_current(h->g.cpus));
	return at + RU8(key_size);
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

#define SIZED(n)                                                                                 \
	static void *lookup_##n(struct bpfmap *map, const void *key)                             \
	{                                                                                        \
		return lookup_sized(map, key, n);                                                \
	}                                                                                        \
	static uint32_t lookup_keys_##n(struct bpfmap *map, const void *keys, uint32_t count,    \
					void **ret_values)                                       \
	{                                                                                        \
		return lookup_keys_sized(map, keys, count, ret_values, n);                       \
	}                                                                                        \
	static int read_##n(struct bpfmap *map, const void *key, void *ret_value)                \
	{                                                                                        \
		return read_sized(map, key, ret_value, n);                                       \
	}                                                                                        \
	static int update_##n(struct bpfmap *map, const void *key, const void *value,            \
			      uint64_t flags)                                                    \
	{                                                                                        \
		return update_sized(map, key, value, flags, n);                                  \
	}                                                                                        \
	static int delete_##n(struct bpfmap *map, const void *key)                               \
	{                                                                                        \
		return delete_sized(map, key, n);                                                \
	}                                                                                        \
	static const struct map_ops ops_##n = {                                                  \
		HASH_COMMON_OPS,	   .lookup = lookup_##n, .lookup_keys = lookup_keys_##n, \
		.read = read_##n,	   .write = update_##n,	 .update = update_##n,           \
		.delete_elem = delete_##n,                                                       \
	};

SIZED(4)
SIZED(8)
SIZED(16)

#define CHAINED(n, kind, KIND)                                       \
	static void *kind##_##n(struct bpfmap *map, const void *key) \
	{                                                            \
		return chained_sized(map, key, n, KIND);             \
	}

#define CHAINED_KINDS(n)               \
	CHAINED(n, plain, SIZED_PLAIN) \
	CHAINED(n, lru, SIZED_LRU)     \
	CHAINED(n, percpu, SIZED_PERCPU)

CHAINED_KINDS(4)
CHAINED_KINDS(8)
CHAINED_KINDS(16)

const struct map_ops *hash_sized_ops(const struct bpfmap *map)
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

typedef void *sized_lookup_fn(struct bpfmap *map, const void *key);

static sized_lookup_fn *chained_lookup(uint32_t key_size, sized_lookup_fn *of_4,
				       sized_lookup_fn *of_8, sized_lookup_fn *of_16)
{
	switch (key_size) {
	case 4: return of_4;
	case 8: return of_8;
	case 16: return of_16;
	default: return NULL;
	}
}

void *(*hash_sized_lookup(const struct bpfmap *map))(struct bpfmap *map, const void *key)
{
	const struct hash *h = map->priv;

	if (h->g.slots || h->g.blocks || h->g.chunk_bytes)
		return NULL;
	/* LRU_PERCPU needs both; a read-only handle must not mark. */
	if (h->lru && (h->planes || h->region->readonly))
		return NULL;
	if (h->lru)
		return chained_lookup(h->key_size, lru_4, lru_8, lru_16);
	if (h->planes)
		return chained_lookup(h->key_size, percpu_4, percpu_8, percpu_16);
	return chained_lookup(h->key_size, plain_4, plain_8, plain_16);
}
