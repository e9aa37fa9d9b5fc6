/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_find.h: finding a key in a bucket's slots, the part of every operation that is worth having
 * inline. Protocol: hash.c. */
#ifndef BPFMAP_MAP_HASH_FIND_H
#define BPFMAP_MAP_HASH_FIND_H

#include "map/hash.h"

/* Bit 8 i + 7 for each slot i with this tag, and by mistake perhaps for a slot above such a one
 * whose tag is another: the borrow of a byte that was equal. Never for an empty slot, since tags
 * have their top bit set and its byte has not. */
static inline uint32_t slots_hit(const struct hash *h, uint64_t meta, uint8_t tag)
{
	uint32_t x = (uint32_t)meta ^ (tag * 0x01010101u);

	return (x - 0x01010101u) & ~x & h->g.tags_mask;
}

static inline uint32_t slots_free(const struct hash *h, uint64_t meta)
{
	return ~(uint32_t)meta & h->g.tags_mask;
}

static inline bool meta_unchanged(const struct bucket_shm *b, uint64_t meta)
{
	return shm_u64_load_relaxed(&b->meta) == meta;
}

static inline bool elem_has_key(const struct hash *h, uint32_t elem, const void *key)
{
	if (__builtin_expect(h->g.blocks != 0, 0))
		return var_key_equal(h, elem, key);
	return bytes_equal((void *)hash_elem_key(hash_elem(h, elem - 1)), key, h->key_size);
}

#define SLOT_NONE UINT32_MAX

/* The slot that holds key, or NULL, by what meta says, which who holds no lock validates
 * afterwards. *slot: its number, or SLOT_NONE. */
static inline uint8_t *slots_find(const struct hash *h, struct bucket_shm *b, uint64_t meta,
				  uint8_t tag, const void *key, uint32_t key_size, uint32_t *slot)
{
	uint32_t hits = slots_hit(h, meta, tag);

	for (; hits; hits &= hits - 1) {
		uint8_t *at;

		*slot = (uint32_t)__builtin_ctz(hits) / 8;
		at = hash_slot(h, b, *slot);
		if (bytes_equal((void *)at, key, key_size))
			return at;
	}
	*slot = SLOT_NONE;
	return NULL;
}

/* An empty slot of the bucket, or SLOT_NONE; where the search begins moves with the version, so
 * that a slot that was just freed is not the next to be used. */
static inline uint32_t slot_empty(const struct hash *h, uint64_t meta)
{
	uint32_t empty = slots_free(h, meta);
	uint32_t later = empty & ~0u << (meta >> 32 & 3) * 8;

	empty = later ? later : empty;
	return empty ? (uint32_t)__builtin_ctz(empty) / 8 : SLOT_NONE;
}

static inline uint64_t meta_next(uint64_t meta)
{
	return meta + (1ull << 32);
}

static inline uint64_t meta_with_tag(uint64_t meta, uint32_t slot, uint8_t tag)
{
	return (meta & ~(0xffull << (slot * 8))) | (uint64_t)tag << (slot * 8);
}

static inline void slot_fill(struct hash *h, uint8_t *slot, const void *key, const void *value,
			     uint32_t key_size)
{
	bytes_store((void *)slot, key, key_size);
	bytes_store((void *)(slot + h->g.value_off), value, h->value_size);
}

#endif
