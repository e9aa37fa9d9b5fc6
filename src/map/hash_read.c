/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_read.c: what reads the hash family: lookups, copying reads, iteration. Takes no lock, writes
 * nothing but an LRU element's mark; the protocol and its edges: hash.c. */
#include "map/hash_find.h"
#include "map/lru.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- one key -------------------------------------------------------------------------------- */

/* One pass over the chain; what it saw must still be validated. Returns how far it went. */
static uint32_t chain_find(const struct hash *h, const struct bucket_shm *b, const void *key,
			   uint32_t hash, struct found *found)
{
	uint32_t link = shm_u32_load_acquire(&b->chain); /* H4 acquire <- H3 */
	uint32_t hops;

	/* A chain has at most pool_n elements; who walks longer follows scribbled links. */
	for (hops = 0; link && link <= h->g.pool_n && hops < h->g.pool_n; hops++) {
		struct elem_shm *e;

		e = hash_elem(h, link - 1);
		found->seq = shm_u32_load_acquire(&e->seq); /* H4 acquire <- H3 */
		/* H4 acquire <- H3 */
		if (shm_u32_load_acquire(&e->hash) == hash && elem_has_key(h, link, key)) {
			found->key = hash_elem_key(e);
			found->elem = link;
			break;
		}
		link = shm_u32_load_acquire(&e->next); /* H4 acquire <- H3 */
		/* Strayed into a free list? Then the bucket has changed. */
		if (hops % 64 == 63 && !meta_unchanged(b, found->meta))
			break;
	}
	return hops;
}

static inline void bucket_find(const struct hash *h, struct bucket_shm *b, const void *key,
			       uint64_t hash, struct found *found)
{
	uint64_t budget = READ_BUDGET + h->g.pool_n, spent = 0;
	uint32_t slot;

	for (; spent < budget; spent++) {
		found->elem = 0;
		found->meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */
		found->key = slots_find(h, b, found->meta, hash_tag(hash), key, h->key_size, &slot);
		if (!found->key)
			spent += chain_find(h, b, key, hash_stored(h, hash), found);
		if (__builtin_expect(meta_unchanged(b, found->meta), 1))
			return;
	}
	found->key = NULL;
}

bool hash_find(const struct hash *h, const void *key, uint64_t hash, struct found *found)
{
	uint32_t index = hash_bucket_of(h, hash);

	if (!hash_bucket_reserved(h, index))
		return false;
	bucket_find(h, hash_bucket(h, index), key, hash, found);
	return found->key != NULL;
}

static inline void *lookup_cpu(const struct hash *h, const void *key, uint32_t cpu)
{
	uint64_t hash = hash_key(h, key);
	uint32_t index = hash_bucket_of(h, hash);
	struct found found;

	if (!hash_bucket_reserved(h, index))
		return NULL;
	bucket_find(h, hash_bucket(h, index), key, hash, &found);
	if (!found.key)
		return NULL;
	/* A program's lookup is a use; a read through the system call is not. */
	if (h->lru && !h->region->readonly)
		lru_touch(h, found.elem);
	return hash_value(h, found.key, found.elem, cpu);
}

void *hash_lookup(struct bpfmap *map, const void *key)
{
	return lookup_cpu(map->priv, key, 0);
}

void *percpu_hash_lookup(struct bpfmap *map, const void *key)
{
	const struct hash *h = map->priv;

	return lookup_cpu(h, key, vcpu_current(h->g.cpus));
}

void *percpu_hash_lookup_cpu(struct bpfmap *map, const void *key, uint32_t cpu)
{
	const struct hash *h = map->priv;

	return cpu < h->g.cpus ? lookup_cpu(h, key, cpu) : NULL;
}

/* A slot's validity is the bucket's version, as is that of a value that is updated in place;
 * another pool element's is its own, so that large copies do not starve under replacements. */
bool hash_copy_valid(const struct hash *h, struct bucket_shm *b, const struct found *found)
{
	if (found->elem && !h->planes && !h->shape.lock_plus1)
		return shm_u32_load_relaxed(&hash_elem(h, found->elem - 1)->seq) == found->seq;
	return meta_unchanged(b, found->meta);
}

/* The element that has elem's value: itself, or its stage while it is being overwritten. */
static uint32_t value_holder(const struct hash *h, uint64_t meta, uint32_t elem)
{
	uint32_t stage;

	if (h->g.slots || !elem || (uint32_t)meta != elem)
		return elem;
	stage = shm_u32_load_acquire(&hash_elem(h, elem - 1)->stage); /* H4 acquire <- H3 */
	return stage && stage <= h->g.pool_n ? stage : elem;
}

void hash_value_copy(const struct hash *h, uint8_t *key, uint32_t elem, uint64_t meta,
		     uint8_t *ret_value)
{
	uint32_t holder = value_holder(h, meta, elem);

	if (holder != elem)
		key = hash_elem_key(hash_elem(h, holder - 1));
	for (uint32_t cpu = 0; cpu < h->g.cpus; cpu++)
		value_load(ret_value + cpu * h->g.value_stride, hash_value(h, key, holder, cpu),
			   &h->shape);
}

int hash_read(struct bpfmap *map, const void *key, void *ret_value)
{
	const struct hash *h = map->priv;
	uint64_t hash = hash_key(h, key);
	uint32_t index = hash_bucket_of(h, hash);
	struct bucket_shm *b = hash_bucket(h, index);
	struct found found;

	if (!hash_bucket_reserved(h, index))
		return -ENOENT;
	for (uint32_t tries = 0; tries < READ_BUDGET; tries++) {
		bucket_find(h, b, key, hash, &found);
		if (!found.key)
			return -ENOENT;
		hash_value_copy(h, found.key, found.elem, found.meta, ret_value);
		if (hash_copy_valid(h, b, &found))
			return 0;
	}
	return fail(EUCLEAN, "the element's bucket changes without end; is somebody scribbling?");
}

/* ---- iteration ------------------------------------------------------------------------------ */

/* A replacement on its way from a slot to the chain stands in both for a moment; the slot
 * counts. */
static bool walk_hidden(const struct hash *h, struct bucket_shm *b, uint64_t meta,
			struct elem_shm *e)
{
	uint32_t stored = shm_u32_load_acquire(&e->hash); /* H4 acquire <- H3 */
	uint32_t hits = slots_hit(h, meta, hash_tag(stored));

	for (; hits; hits &= hits - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(hits) / 8;

		if (bytes_same((void *)hash_slot(h, b, i), (void *)hash_elem_key(e), h->key_size))
			return true;
	}
	return false;
}

uint8_t *hash_walk_next(const struct hash *h, struct bucket_shm *b, uint64_t meta, struct walk *w)
{
	struct elem_shm *e;

	for (; w->slot < h->g.slots; w->slot++)
		if ((uint8_t)(meta >> (w->slot * 8)))
			return hash_slot(h, b, w->slot++);
	if (!w->in_chain) {
		w->in_chain = true;
		w->link = shm_u32_load_acquire(&b->chain); /* H4 acquire <- H3 */
	}
	while (w->link && w->link <= h->g.pool_n && w->hops++ < h->g.pool_n) {
		w->elem = w->link;
		e = hash_elem(h, w->link - 1);
		w->link = shm_u32_load_acquire(&e->next); /* H4 acquire <- H3 */
		if (!walk_hidden(h, b, meta, e))
			return hash_elem_key(e);
	}
	return NULL;
}

/* The key after `key` in its bucket, or the bucket's first if key is NULL. 0; -ENOENT: no further
 * one; -ESRCH: key is not in the bucket. */
static int bucket_next(const struct hash *h, struct bucket_shm *b, const void *key, void *ret_next)
{
	uint64_t budget = READ_BUDGET + h->g.pool_n;
	struct walk w;

	for (uint64_t spent = 0; spent < budget; spent += 1 + w.hops) {
		uint64_t meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */
		uint8_t *k = NULL;
		int result = -ENOENT;

		memset(&w, 0, sizeof(w));

		if (key) {
			result = -ESRCH;
			while (result == -ESRCH && (k = hash_walk_next(h, b, meta, &w)))
				if (bytes_equal((void *)k, key, h->key_size))
					result = -ENOENT;
		}
		if (result == -ENOENT && (k = hash_walk_next(h, b, meta, &w))) {
			bytes_load(ret_next, (void *)k, h->key_size);
			result = 0;
		}
		if (meta_unchanged(b, meta))
			return result;
	}
	return -ENOENT;
}

static int hash_next_from(const struct hash *h, uint32_t index, void *ret_next)
{
	for (; index < h->g.n_buckets; index++) {
		if (!hash_bucket_reserved(h, index)) {
			/* On to the last bucket of the hole. */
			uint64_t per_chunk = h->g.chunk_bytes / h->g.bucket_stride;

			index = (uint32_t)(index / per_chunk * per_chunk + per_chunk - 1);
			continue;
		}
		if (!bucket_next(h, hash_bucket(h, index), NULL, ret_next))
			return 0;
	}
	return -ENOENT;
}

static int hash_next_key_into(const struct hash *h, const void *key, void *ret_next)
{
	uint32_t index = key ? hash_bucket_of(h, hash_key(h, key)) : 0;
	int err = -ESRCH;

	if (key && hash_bucket_reserved(h, index))
		err = bucket_next(h, hash_bucket(h, index), key, ret_next);
	if (!err)
		return 0;
	return hash_next_from(h, err == -ESRCH ? 0 : index + 1, ret_next);
}

int hash_next_key(struct bpfmap *map, const void *key, void *ret_next)
{
	const struct hash *h = map->priv;
	uint8_t small[512], *next = small;
	int err;

	/* ret_next may be key itself, and a walk may have to begin again. */
	if (h->key_size > sizeof(small) && !(next = malloc(h->key_size)))
		return fail(ENOMEM, "no memory for a key");
	err = hash_next_key_into(h, key, next);
	if (!err)
		memcpy(ret_next, next, h->key_size);
	if (next != small)
		free(next);
	return err;
}

/* Bytes of an element's value in the system call's layout. */
static size_t value_bytes(const struct hash *h)
{
	return h->planes ? h->g.cpus * h->g.value_stride : h->value_size;
}

uint32_t hash_bucket_copy(const struct hash *h, struct bucket_shm *b, uint64_t meta, struct walk *w,
			  uint8_t *keys, uint8_t *values, uint32_t room)
{
	uint32_t n = 0;
	uint8_t *k;

	memset(w, 0, sizeof(*w));
	while ((k = hash_walk_next(h, b, meta, w))) {
		if (n < room) {
			bytes_load(keys + (size_t)n * h->key_size, (void *)k, h->key_size);
			hash_value_copy(h, k, w->elem, meta, values + n * value_bytes(h));
		}
		n++;
	}
	return n;
}

int hash_read_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
		     uint32_t *count)
{
	const struct hash *h = map->priv;
	uint64_t budget = READ_BUDGET + h->g.pool_n;
	struct bucket_shm *b;
	struct walk w;
	uint32_t n;

	if (*cursor >= h->g.n_buckets)
		return -ENOENT;
	if (!hash_bucket_reserved(h, (uint32_t)*cursor)) {
		*count = 0;
		(*cursor)++;
		return 0;
	}
	b = hash_bucket(h, (uint32_t)*cursor);
	for (uint64_t spent = 0; spent < budget; spent += 1 + w.hops) {
		uint64_t meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */

		n = hash_bucket_copy(h, b, meta, &w, keys, values, *count);
		if (!meta_unchanged(b, meta))
			continue;
		if (n > *count) {
			*count = n;
			return -ENOSPC;
		}
		*count = n;
		(*cursor)++;
		return 0;
	}
	return fail(EUCLEAN, "bucket %llu changes without end; is somebody scribbling?",
		    (unsigned long long)*cursor);
}
