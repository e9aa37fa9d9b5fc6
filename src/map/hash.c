/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash.c: fixed-capacity hash table in a region; map types HASH, PERCPU_HASH and, with
 * lru.c choosing what to give up, LRU_HASH, LRU_PERCPU_HASH. Bytes: hash.h. Free elements: pool.c.
 *
 * States       slot:    EMPTY (tag 0) -> LIVE [one store of meta] -> EMPTY [one store of meta]
 *              element: claimed -> LIVE [one store of the link before it] -> released [the same]
 *              An element never moves: inserted, it stays where it is until deleted or replaced.
 * Invariants   1. every key is in the bucket that its hash chooses, once          (hash_check)
 *              2. a slot with tag 0 and an element outside all chains are invisible; only they are
 *                 written to (but for values of one aligned word, stored in place)
 *              3. count = LIVE slots + LIVE elements, never above max_entries      (hash_check)
 *              4. whatever a commit changes in a bucket, meta's version changes after it, and before
 *                 the memory that the commit freed is used again
 *              5. high_water >= count                                              (hash_check)
 * Locks        bucket.lock: everything in the bucket and its chain. One at a time; a list lock of
 *              the pool may be taken under it; never held across a callback.
 * Edges        H1 release of meta, H3 release of a link  ->  H2 acquire of meta, H4 acquire of a link:
 *              who sees a slot or element LIVE sees its key and value.
 *              H5 release of active -> H6 acquire: who mends sees the whole redo record.
 *              C1 acq_rel of count, C3 acq_rel of acked: each sees its predecessor.
 *              B1, B2 (sync/bytes.h): who saw a word of a reused slot sees that meta has changed.
 * Progress     lookup, next_key: never wait; they begin again when a writer committed in the same
 *              bucket meanwhile. update, delete: wait per bucket.
 * If a process dies    holding bucket.lock: before active = 1 nothing is visible yet; after it, who
 *              mends carries the redo record out (hash_mend): every step stores a fixed value, or can
 *              be seen to have been done (count: detectable by owner and seq; lists: pool.c).
 * Count        count = seq << 40 | owner << 28 | n. Who changes it first notes in the previous
 *              owner's record (acked) that its change happened: so of every owner it can be told
 *              whether its last change was applied.
 * Replacement  of a value larger than a word fills an empty slot or a free element, then shows it and
 *              hides the old one in one store: a pointer sees the old value or the new one.
 * Differences from the kernel: iteration order, also with ZERO_SEED. A key that is present throughout
 *              is found by every lookup. Copies are never torn.
 */
#include "map/hash.h"
#include "map/lru.h"

#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An update's answer when an LRU map must give up an element before it can insert; what comes of the
 * attempt when there is none that could be given up. */
#define EVICT_FIRST 1
#define EVICT_LATER 2

/* So often others may take the place that an eviction made. */
#define EVICT_TRIES 10000

#define COUNT_BITS 28
#define COUNT_MASK ((1u << COUNT_BITS) - 1)
#define SEQ_MASK   0xffffffu

/* link_at of a redo record. */
#define LINK_NONE  0
#define LINK_CHAIN 1 /* the bucket's chain word */
#define LINK_ELEM  2 /* + index: that element's next */

/* ---- the handle ------------------------------------------------------------------------------ */

static int hash_attach(struct bpfmap *map)
{
	struct region *region = map->region;
	struct hash *h = calloc(1, sizeof(*h));

	if (!h)
		return fail(ENOMEM, "no memory for a handle");
	hash_geometry_of(&map->spec, region->cpus, &h->g);
	h->buckets = region->base;
	h->pool = region->base + h->g.pool_off;
	h->shm = (struct hash_shm *)region->header->type_words;
	h->region = region;
	h->seed = region->seed;
	h->key_size = map->spec.key_size;
	h->value_size = map->spec.value_size;
	h->max_entries = map->spec.max_entries;
	h->shape.size = h->value_size;
	h->shape.lock_plus1 = map->spec.spin_lock_plus1;
	map->priv = h;
	if (h->g.lru_off) {
		uint8_t *lru = region->base + h->g.lru_off;

		h->lru = (struct lru_shm *)lru;
		h->lru_nodes = (struct lru_node *)(lru + h->g.lru.nodes_off);
		h->lru_marks = (struct shm_u8 *)(lru + h->g.lru.marks_off);
		h->lru_ghosts = (struct shm_u32 *)(lru + h->g.lru.ghosts_off);
	}
	if (h->g.planes_off) {
		h->planes = region->base + h->g.planes_off;
		h->shape.size = (uint32_t)h->g.value_stride;
		h->vcpus.shm = (struct vcpu_shm *)(region->base + h->g.cpus_off);
		h->vcpus.count = h->g.cpus;
		h->vcpus.owners = &region->owners;
		map->vcpus = &h->vcpus;
	}
	return 0;
}

static void hash_detach(struct bpfmap *map)
{
	free(map->priv);
}

int hash_pool_reserve(struct hash *h, uint64_t first, uint64_t n)
{
	int err = region_reserve(h->region, h->g.pool_off + first * h->g.elem_stride,
				 n * h->g.elem_stride);

	for (uint32_t cpu = 0; !err && h->planes && cpu < h->g.cpus; cpu++)
		err = region_reserve(h->region,
				     h->g.planes_off + cpu * h->g.plane_stride +
					     first * h->g.value_stride,
				     n * h->g.value_stride);
	return err;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Elements of the list's range, at most n of them. */
static uint64_t list_part(const struct hash *h, uint32_t l, uint64_t n)
{
	uint64_t base = (uint64_t)l * h->g.list_span;
	uint64_t len = h->g.pool_n > base ? h->g.pool_n - base : 0;

	return least(n, least(len, h->g.list_span));
}

static int chunks_reserved(const struct hash *h, region_range_fn *fn, void *arg)
{
	int err = 0;

	for (uint64_t off = 0; h->g.chunk_bytes && off < h->g.pool_off && !err;
	     off += h->g.chunk_bytes) {
		uint64_t chunk = off / h->g.chunk_bytes;

		if (shm_u64_load_relaxed(&h->shm->chunks[chunk / 64]) >> (chunk % 64) & 1)
			err = fn(arg, off, least(h->g.chunk_bytes, h->g.pool_off - off));
	}
	return err;
}

/* The parts of an area of pool_n x stride bytes that belong to reserved elements. */
static int elements_reserved(const struct hash *h, uint64_t area, uint64_t stride,
			     region_range_fn *fn, void *arg)
{
	int err = 0;

	for (uint32_t l = 0; l < h->g.lists && !err; l++) {
		uint64_t n = list_part(h, l, shm_u32_load_relaxed(&h->shm->lists[l].reserved));

		err = fn(arg, area + (uint64_t)l * h->g.list_span * stride, n * stride);
	}
	return err;
}

static int hash_reserved(struct bpfmap *map, region_range_fn *fn, void *arg)
{
	const struct hash *h = map->priv;
	int err = chunks_reserved(h, fn, arg);

	if (!err)
		err = elements_reserved(h, h->g.pool_off, h->g.elem_stride, fn, arg);
	if (!err && h->planes)
		err = fn(arg, h->g.cpus_off, h->g.cpus * sizeof(struct vcpu_shm));
	for (uint32_t cpu = 0; !err && h->planes && cpu < h->g.cpus; cpu++)
		err = elements_reserved(h, h->g.planes_off + cpu * h->g.plane_stride,
					h->g.value_stride, fn, arg);
	return !err && h->lru ? fn(arg, h->g.lru_off, h->g.lru.bytes) : err;
}

/* Reserve the part of the pool that a full map will need, and what is beside it. */
static int hash_init(struct bpfmap *map)
{
	struct hash *h = map->priv;
	int err;

	for (uint32_t l = 0; l < h->g.lists; l++)
		shm_u32_store_relaxed(&h->shm->lists[l].reserved,
				      (uint32_t)list_part(h, l, h->g.prereserved));
	err = hash_reserved(map, region_reserve_range, h->region);
	if (!err && h->lru)
		lru_init(h);
	return err;
}

bool hash_bucket_reserved(const struct hash *h, uint32_t index)
{
	uint64_t chunk;

	if (!h->g.chunk_bytes)
		return true;
	chunk = index * h->g.bucket_stride / h->g.chunk_bytes;
	return shm_u64_load_relaxed(&h->shm->chunks[chunk / 64]) >> (chunk % 64) & 1;
}

int hash_bucket_reserve(struct hash *h, uint32_t index)
{
	uint64_t chunk, off, len;
	int err;

	if (hash_bucket_reserved(h, index))
		return 0;
	chunk = index * h->g.bucket_stride / h->g.chunk_bytes;
	off = chunk * h->g.chunk_bytes;
	len = h->g.pool_off - off < h->g.chunk_bytes ? h->g.pool_off - off : h->g.chunk_bytes;
	err = region_reserve(h->region, off, len);
	if (!err)
		shm_u64_or_relaxed(&h->shm->chunks[chunk / 64], 1ull << (chunk % 64));
	return err;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Bit 8 i + 7 for every tag byte i of meta that equals tag. Exact: a byte never borrows. */
static inline uint32_t tags_matching(uint64_t meta, uint8_t tag)
{
	uint32_t x = (uint32_t)meta ^ (tag * 0x01010101u);

	return ~(((x & 0x7f7f7f7fu) + 0x7f7f7f7fu) | x | 0x7f7f7f7fu);
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
	uint32_t hits;

	for (; spent < budget; spent++) {
		found->elem = 0;
		found->key = NULL;
		found->meta = shm_u64_load_acquire(&b->meta); /* H2 acquire <- H1 */
		hits = tags_matching(found->meta, hash_tag(hash));
		for (; hits; hits &= hits - 1) {
			uint32_t i = (uint32_t)__builtin_ctz(hits) / 8;
			uint8_t *slot = hash_slot(h, b, i);

			if (i < h->g.slots && bytes_equal((void *)slot, key, h->key_size)) {
				found->key = slot;
				break;
			}
		}
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

static uint64_t hash_key(const struct hash *h, const void *key)
{
	return hash_bytes(key, h->key_size, h->seed);
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

static void *hash_lookup(struct bpfmap *map, const void *key)
{
	return lookup_cpu(map->priv, key, 0);
}

static void *percpu_hash_lookup(struct bpfmap *map, const void *key)
{
	const struct hash *h = map->priv;

	return lookup_cpu(h, key, vcpu_current(h->g.cpus));
}

static void *percpu_hash_lookup_cpu(struct bpfmap *map, const void *key, uint32_t cpu)
{
	const struct hash *h = map->priv;

	return cpu < h->g.cpus ? lookup_cpu(h, key, cpu) : NULL;
}

/* A slot's validity is the bucket's
 * version, as is that of a value that is updated in place; another pool element's is its own, so that
 * large copies do not starve under replacements. */
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

/* All CPUs' values, in the system call's layout. */
static void value_copy(const struct hash *h, uint8_t *key, uint32_t elem, uint64_t meta,
		       uint8_t *ret_value)
{
	uint32_t holder = value_holder(h, meta, elem);

	if (holder != elem)
		key = hash_elem_key(hash_elem(h, holder - 1));
	for (uint32_t cpu = 0; cpu < h->g.cpus; cpu++)
		value_load(ret_value + cpu * h->g.value_stride, hash_value(h, key, holder, cpu),
			   &h->shape);
}

static int hash_read(struct bpfmap *map, const void *key, void *ret_value)
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
		value_copy(h, found.key, found.elem, found.meta, ret_value);
		if (hash_copy_valid(h, b, &found))
			return 0;
	}
	return fail(EUCLEAN, "the element's bucket changes without end; is somebody scribbling?");
}

/* ---- iteration ------------------------------------------------------------------------------ */

/* A replacement on its way from a slot to the chain stands in both for a moment; the slot counts. */
static bool walk_hidden(const struct hash *h, struct bucket_shm *b, uint64_t meta,
			struct elem_shm *e)
{
	uint32_t stored = shm_u32_load_acquire(&e->hash); /* H4 acquire <- H3 */
	uint32_t hits = h->g.slots ? tags_matching(meta, hash_tag(stored)) : 0;

	for (; hits; hits &= hits - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(hits) / 8;

		if (i < h->g.slots &&
		    bytes_same((void *)hash_slot(h, b, i), (void *)hash_elem_key(e), h->key_size))
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

static int hash_next_key(struct bpfmap *map, const void *key, void *ret_next)
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

/* One pass over a bucket. Returns how many elements it has; at most room of them are copied. */
static uint32_t bucket_copy(const struct hash *h, struct bucket_shm *b, uint64_t meta,
			    struct walk *w, uint8_t *keys, uint8_t *values, uint32_t room)
{
	uint32_t n = 0;
	uint8_t *k;

	memset(w, 0, sizeof(*w));
	while ((k = hash_walk_next(h, b, meta, w))) {
		if (n < room) {
			bytes_load(keys + (size_t)n * h->key_size, (void *)k, h->key_size);
			value_copy(h, k, w->elem, meta, values + n * value_bytes(h));
		}
		n++;
	}
	return n;
}

static int hash_read_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
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

		n = bucket_copy(h, b, meta, &w, keys, values, *count);
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

/* ---- count ---------------------------------------------------------------------------------- */

/* Note that owner's change number seq happened. Numbers wrap; a later one stays. */
static void count_ack(struct hash *h, uint32_t owner, uint32_t seq)
{
	struct shm_u32 *acked;
	uint32_t seen;

	if (owner >= owner_count(&h->region->owners))
		return;
	acked = &owner_record(&h->region->owners, owner)->acked;
	seen = shm_u32_load_acquire(acked); /* C3 acquire <- C3 */
	while ((int32_t)((seq - seen) << 8) > 0)
		if (shm_u32_cas_acq_rel(acked, &seen, seq)) /* C3 acq_rel -> C3 */
			break;
}

/* Change the count in owner's name. False: the map is full. */
static bool count_change(struct hash *h, uint32_t owner, uint32_t seq, uint32_t delta)
{
	uint64_t seen = shm_u64_load_acquire(&h->shm->count); /* C1 acquire <- C1 */
	uint32_t n;

	do {
		n = (uint32_t)seen & COUNT_MASK;
		if (delta == 1 && n >= h->max_entries)
			return false;
		/* Below 0 only when somebody scribbled; do not wrap into the other fields. */
		n = (n + delta) & COUNT_MASK;
		if (((uint32_t)(seen >> COUNT_BITS) & (OWNER_MAX - 1)) != owner)
			count_ack(h, (uint32_t)(seen >> COUNT_BITS) & (OWNER_MAX - 1),
				  (uint32_t)(seen >> 40));
	} while (!shm_u64_cas_acq_rel(&h->shm->count, &seen, /* C1 acq_rel <-> C1 */
				      (uint64_t)(seq & SEQ_MASK) << 40 |
					      (uint64_t)owner << COUNT_BITS | n));
	if (delta == 1)
		shm_u32_max_relaxed(&h->shm->high_water, n);
	return true;
}

/* Has owner's change number seq been applied? */
static bool count_changed(struct hash *h, uint32_t owner, uint32_t seq)
{
	uint64_t seen = shm_u64_load_acquire(&h->shm->count); /* C1 acquire <- C1 */
	/* C3 acquire <- C3 */
	uint32_t acked = shm_u32_load_acquire(&owner_record(&h->region->owners, owner)->acked);

	if (((uint32_t)(seen >> COUNT_BITS) & (OWNER_MAX - 1)) == owner &&
	    (uint32_t)(seen >> 40) == (seq & SEQ_MASK))
		return true;
	return (acked & SEQ_MASK) == (seq & SEQ_MASK);
}

/* ---- writing: the redo record --------------------------------------------------------------- */

static struct shm_u32 *link_word(struct hash *h, struct bucket_shm *b, uint32_t link_at)
{
	if (link_at == LINK_CHAIN)
		return &b->chain;
	if (link_at >= LINK_ELEM && link_at - LINK_ELEM < h->g.pool_n)
		return &hash_elem(h, link_at - LINK_ELEM)->next;
	return NULL;
}

/* The value of claim's element over that of element copy_to - 1, both in b's chain or about to be. While
 * that goes on, meta says so and readers take the new value from its stage. */
static void redo_copy(struct hash *h, struct bucket_shm *b, uint32_t copy_to, uint32_t claim,
		      uint64_t meta_after)
{
	uint8_t *to, *from;

	if (!claim || copy_to > h->g.pool_n || claim > h->g.pool_n)
		return;
	to = hash_elem_key(hash_elem(h, copy_to - 1));
	from = hash_elem_key(hash_elem(h, claim - 1));
	/* H3 release -> H4 */
	shm_u32_store_release(&hash_elem(h, copy_to - 1)->stage, claim);
	/* H1 release -> H2 */
	shm_u64_store_release(&b->meta, (meta_after - (1ull << 32)) | copy_to);
	for (uint32_t cpu = 0; cpu < h->g.cpus; cpu++)
		value_move(hash_value(h, to, copy_to, cpu), hash_value(h, from, claim, cpu),
			   &h->shape);
}

/* Carry out owner's redo record, from wherever it stopped. me acts: the owner, or who mends. */
static void redo_apply(struct hash *h, struct bucket_shm *b, uint32_t me, uint32_t owner)
{
	struct owner_shm *record = owner_record(&h->region->owners, owner);
	struct shm_u32 *link = link_word(h, b, shm_u32_load_relaxed(&record->link_at));
	uint32_t delta = shm_u32_load_relaxed(&record->delta);
	uint32_t seq = shm_u32_load_relaxed(&record->seq);
	uint32_t copy_to = shm_u32_load_relaxed(&record->copy_to);
	uint64_t meta_after = shm_u64_load_relaxed(&record->meta_after);

	if (copy_to)
		redo_copy(h, b, copy_to, shm_u32_load_relaxed(&record->claim), meta_after);
	if (link)
		/* H3 release -> H4 */
		shm_u32_store_release(link, shm_u32_load_relaxed(&record->link_val));
	shm_u64_store_release(&b->meta, meta_after); /* H1 release -> H2 */
	/* A claimed element is linked now, or has been copied from; any other is left over. */
	if (copy_to)
		pool_put(h, me, owner, &record->claim);
	else if (link &&
		 shm_u32_load_relaxed(&record->link_val) == shm_u32_load_relaxed(&record->claim))
		shm_u32_store_relaxed(&record->claim, 0);
	if (shm_u32_load_relaxed(&record->release))
		pool_put(h, me, owner, &record->release);
	/* Last: whom the count admits finds the element in the pool. */
	if (delta == UINT32_MAX && !count_changed(h, owner, seq))
		count_change(h, owner, seq, delta);
	shm_u32_store_release(&record->active, 0); /* H5 release -> H6 */
}

/* What an operation is about to do, in its thread's memory. */
struct redo {
	uint64_t meta_after;
	uint32_t link_at;
	uint32_t link_val;
	uint32_t release; /* element + 1 */
	uint32_t copy_to; /* element + 1 whose value becomes that of the claimed one */
	uint32_t delta;
};

static int hash_full(struct hash *h)
{
	if (h->lru)
		return EVICT_FIRST;
	shm_u64_add_relaxed(&h->shm->failed_updates, 1);
	return fail_quick(E2BIG, "the map is full: max_entries elements are in use; delete some or "
				 "create a larger map");
}

/* Write the record and carry it out. E2BIG: an insertion met a full map; nothing has happened. */
static int redo_commit(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		       const struct redo *redo)
{
	uint32_t me = self->number_plus1 - 1;
	struct owner_shm *record = owner_record(&h->region->owners, me);

	/* Left over from a call that could not give it back. */
	if (shm_u32_load_relaxed(&record->release))
		pool_put(h, me, me, &record->release);
	if (shm_u32_load_relaxed(&record->release))
		return -ETIMEDOUT;
	if (redo->delta) {
		/* Our last change was applied; saying so keeps acked close behind seq, which wraps. */
		shm_u32_store_relaxed(&record->acked, self->seq);
		self->seq = (self->seq + 1) & SEQ_MASK;
	}
	shm_u64_store_relaxed(&record->meta_after, redo->meta_after);
	shm_u32_store_relaxed(&record->link_at, redo->link_at);
	shm_u32_store_relaxed(&record->link_val, redo->link_val);
	shm_u32_store_relaxed(&record->release, redo->release);
	shm_u32_store_relaxed(&record->copy_to, redo->copy_to);
	shm_u32_store_relaxed(&record->delta, redo->delta);
	shm_u32_store_relaxed(&record->seq, self->seq);
	shm_u32_store_release(&record->active, 1); /* H5 release -> H6 */
	if (redo->delta == 1 && !count_change(h, me, self->seq, 1)) {
		shm_u32_store_release(&record->active, 0); /* H5 release -> H6 */
		pool_put(h, me, me, &record->claim);
		return hash_full(h);
	}
	redo_apply(h, b, me, me);
	return 0;
}

/* Where a key is, seen by the holder of the bucket's lock. */
struct place {
	uint8_t *key; /* NULL: absent */
	uint32_t slot;
	uint32_t elem;	  /* element + 1; 0: in a slot */
	uint32_t link_at; /* the link that leads to elem */
	uint32_t next;
};

/* The link that leads to element number elem - 1; false if it is not in the chain. */
static bool place_of(struct hash *h, struct bucket_shm *b, uint32_t elem, struct place *p)
{
	uint32_t link = shm_u32_load_relaxed(&b->chain);

	memset(p, 0, sizeof(*p));
	p->link_at = LINK_CHAIN;
	for (uint32_t hops = 0; link && link <= h->g.pool_n && hops < h->g.pool_n; hops++) {
		p->elem = link;
		p->next = shm_u32_load_relaxed(&hash_elem(h, link - 1)->next);
		if (link == elem)
			return true;
		p->link_at = LINK_ELEM + link - 1;
		link = p->next;
	}
	return false;
}

/* Elements that a record names and that are in no chain. */
static void leftovers_put(struct hash *h, uint32_t me, uint32_t owner)
{
	struct owner_shm *record = owner_record(&h->region->owners, owner);

	if (shm_u32_load_relaxed(&record->claim))
		pool_put(h, me, owner, &record->claim);
	if (shm_u32_load_relaxed(&record->release))
		pool_put(h, me, owner, &record->release);
}

/* The lock of bucket lock_index is held by dead; or it is a list's lock (index behind the buckets). */
static void hash_mend(void *arg, uint32_t me, uint32_t dead, uint32_t lock_index)
{
	struct hash *h = arg;
	struct owner_shm *record = owner_record(&h->region->owners, dead);
	uint64_t count = shm_u64_load_acquire(&h->shm->count); /* C1 acquire <- C1 */
	struct bucket_shm *b;
	struct place p;

	if (lock_index == LOCK_VALUE) {
		if (h->shape.lock_plus1)
			value_mend(h->region, dead);
		return;
	}
	if (lock_index == LOCK_NONE) {
		leftovers_put(h, me, dead);
		return;
	}
	if (lock_index != LOCK_NESTED && lock_index >= h->g.n_buckets) {
		/* The policy's lock, or a list's. A CPU's or a value's needs nothing. */
		if (h->lru && lock_index == LRU_LOCK)
			lru_rollback(h);
		if (lock_index - h->g.n_buckets < h->g.lists)
			pool_mend_list(h, lock_index - h->g.n_buckets);
		return;
	}
	pool_mend(h, dead);
	if (((uint32_t)(count >> COUNT_BITS) & (OWNER_MAX - 1)) == dead)
		count_ack(h, dead, (uint32_t)(count >> 40));
	if (lock_index == LOCK_NESTED) {
		vcpu_mend(&h->vcpus, dead);
		if (h->lru)
			lru_mend_nested(h, me, dead);
		return;
	}
	b = hash_bucket(h, lock_index);
	if (!shm_u32_load_acquire(&record->active)) { /* H6 acquire <- H5 */
		/* Without a redo in force it names an element that is still in the chain, or that an
		 * earlier operation could not give back. */
		if (place_of(h, b, shm_u32_load_relaxed(&record->release), &p))
			shm_u32_store_relaxed(&record->release, 0);
	} else if (shm_u32_load_relaxed(&record->delta) == 1 &&
		   !count_changed(h, dead, shm_u32_load_relaxed(&record->seq))) {
		/* An insertion that was not counted did not happen. */
		shm_u32_store_release(&record->active, 0); /* H5 release -> H6 */
	} else {
		redo_apply(h, b, me, dead);
		/* Who inherits the number goes on behind this change, which may be newer than the count
		 * looked at above. */
		count_ack(h, dead, shm_u32_load_relaxed(&record->seq));
	}
	if (h->lru)
		lru_mend_bucket(h, b, me, dead);
	leftovers_put(h, me, dead);
}

static struct shm_u32 *hash_lock_word(void *arg, uint32_t lock_index)
{
	struct hash *h = arg;

	if (lock_index < h->g.n_buckets && hash_bucket_reserved(h, lock_index))
		return &hash_bucket(h, lock_index)->lock;
	return NULL;
}

static int hash_attach_writer(struct bpfmap *map)
{
	int err = hash_attach(map);
	struct hash *h = map->priv;

	if (err)
		return err;
	h->region->owners.mend = hash_mend;
	h->region->owners.lock_word = hash_lock_word;
	h->region->owners.arg = h;
	return 0;
}

/* ---- writing: operations, bucket locked ----------------------------------------------------- */

static void place_find(struct hash *h, struct bucket_shm *b, const void *key, uint64_t hash,
		       struct place *p)
{
	uint64_t meta = shm_u64_load_relaxed(&b->meta);
	uint32_t hits = tags_matching(meta, hash_tag(hash));
	uint32_t link = shm_u32_load_relaxed(&b->chain);

	memset(p, 0, sizeof(*p));
	for (; hits; hits &= hits - 1) {
		p->slot = (uint32_t)__builtin_ctz(hits) / 8;
		p->key = hash_slot(h, b, p->slot);
		if (p->slot < h->g.slots && bytes_equal((void *)p->key, key, h->key_size))
			return;
	}
	p->link_at = LINK_CHAIN;
	for (uint32_t hops = 0; link && link <= h->g.pool_n && hops < h->g.pool_n; hops++) {
		struct elem_shm *e = hash_elem(h, link - 1);

		p->elem = link;
		p->key = hash_elem_key(e);
		p->next = shm_u32_load_relaxed(&e->next);
		if (shm_u32_load_relaxed(&e->hash) == hash_stored(h, hash) &&
		    elem_has_key(h, link, key))
			return;
		p->link_at = LINK_ELEM + link - 1;
		link = p->next;
	}
	memset(p, 0, sizeof(*p));
}

static uint64_t meta_next(uint64_t meta)
{
	return meta + (1ull << 32);
}

static uint64_t meta_with_tag(uint64_t meta, uint32_t slot, uint8_t tag)
{
	return (meta & ~(0xffull << (slot * 8))) | (uint64_t)tag << (slot * 8);
}

/* An empty slot of the bucket, beginning after the one used last; slots if there is none. */
static uint32_t slot_empty(const struct hash *h, uint64_t meta)
{
	uint32_t start = (uint32_t)(meta >> 32);

	for (uint32_t i = 0; i < h->g.slots; i++) {
		uint32_t slot = (start + i) % h->g.slots;

		if (!(uint8_t)(meta >> (slot * 8)))
			return slot;
	}
	return h->g.slots;
}

static void slot_fill(struct hash *h, uint8_t *slot, const void *key, const void *value)
{
	bytes_store((void *)slot, key, h->key_size);
	bytes_store((void *)(slot + h->g.value_off), value, h->value_size);
}

/* A new element's value; other CPUs than the writer's begin at zero. */
static void elem_value_fill(struct hash *h, uint8_t *key, uint32_t elem, const struct operand *op)
{
	static const uint8_t zeroes[PERCPU_VALUE_MAX];

	if (!h->planes) {
		bytes_store(hash_value(h, key, elem, 0), op->value, h->value_size);
		return;
	}
	for (uint32_t cpu = 0; cpu < h->g.cpus; cpu++) {
		struct shm_u64 *at = hash_value(h, key, elem, cpu);

		if (op->cpu == ALL_CPUS)
			bytes_store(at, (const char *)op->value + cpu * h->g.value_stride,
				    h->g.value_stride);
		else if (op->cpu == cpu)
			bytes_store(at, op->value, h->value_size);
		else
			bytes_store(at, zeroes, h->g.value_stride);
	}
}

/* Claim and fill a pool element that will stand before next. */
static int claim_filled(struct hash *h, struct owner_local *self, const struct operand *op,
			uint32_t next, uint32_t *ret_index)
{
	const struct var_bytes *key = op->key, *value = op->value;
	uint32_t n = h->g.blocks ? var_blocks(h, key->len, value->len) : 1;
	struct elem_shm *e;
	int err = pool_get(h, self->number_plus1 - 1, n, ret_index);

	if (err)
		return err;
	e = hash_elem(h, *ret_index);
	shm_u32_store_release(&e->hash, hash_stored(h, op->hash)); /* H3 release -> H4 */
	shm_u32_store_release(&e->next, next);			   /* H3 release -> H4 */
	if (h->g.blocks)
		return var_fill(h, *ret_index + 1, key, value);
	bytes_store((void *)hash_elem_key(e), op->key, h->key_size);
	elem_value_fill(h, hash_elem_key(e), *ret_index + 1, op);
	if (h->shape.lock_plus1)
		/* A new value's lock is free, whatever the caller's bytes say. */
		shm_u32_store_relaxed((struct shm_u32 *)(hash_elem_key(e) + h->g.value_off +
							 h->shape.lock_plus1 - 1),
				      0);
	return 0;
}

/* The element that will be linked is also to be listed. */
static int insert_chained(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			  const struct operand *op, struct redo *redo)
{
	uint32_t me = self->number_plus1 - 1, index;
	int err = claim_filled(h, self, op, shm_u32_load_relaxed(&b->chain), &index);

	if (err)
		return err;
	redo->link_at = LINK_CHAIN;
	redo->link_val = index + 1;
	if (!h->lru)
		return redo_commit(h, b, self, redo);
	lru_intend(h, me, index + 1, 0);
	err = redo_commit(h, b, self, redo);
	if (!err)
		err = lru_add(h, me, index + 1);
	lru_settled(h, me);
	return err;
}

static int insert_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			 const struct operand *op)
{
	uint64_t meta = shm_u64_load_relaxed(&b->meta);
	struct redo redo = {.meta_after = meta_next(meta), .delta = 1};
	uint32_t slot = slot_empty(h, meta);

	if (((uint32_t)shm_u64_load_relaxed(&h->shm->count) & COUNT_MASK) >= h->max_entries)
		return hash_full(h);
	if (slot == h->g.slots)
		return insert_chained(h, b, self, op, &redo);
	slot_fill(h, hash_slot(h, b, slot), op->key, op->value);
	redo.meta_after = meta_with_tag(redo.meta_after, slot, hash_tag(op->hash));
	return redo_commit(h, b, self, &redo);
}

/* The element in a slot gives way to a new one in another slot, or at the head of the chain. Readers
 * look at slots first: until meta hides the old one, they find it. */
static int replace_slot(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			const struct operand *op, const struct place *p)
{
	uint64_t meta = shm_u64_load_relaxed(&b->meta);
	uint32_t slot = slot_empty(h, meta), index;
	struct redo redo = {
		.meta_after = meta_with_tag(meta_next(meta), p->slot, 0),
		.link_at = LINK_CHAIN,
	};
	int err;

	if (slot < h->g.slots) {
		slot_fill(h, hash_slot(h, b, slot), op->key, op->value);
		/* H1 release -> H2 */
		shm_u64_store_release(&b->meta,
				      meta_with_tag(redo.meta_after, slot, hash_tag(op->hash)));
		return 0;
	}
	err = claim_filled(h, self, op, shm_u32_load_relaxed(&b->chain), &index);
	if (err)
		return err;
	redo.link_val = index + 1;
	return redo_commit(h, b, self, &redo);
}

static int replace_chained(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			   const struct operand *op, const struct place *p)
{
	struct redo redo = {
		.meta_after = meta_next(shm_u64_load_relaxed(&b->meta)),
		.link_at = p->link_at,
		.release = p->elem,
	};
	uint32_t me = self->number_plus1 - 1, index;
	int err = claim_filled(h, self, op, p->next, &index);

	if (err)
		return err;
	redo.link_val = index + 1;
	if (h->lru) {
		lru_intend(h, me, index + 1, p->elem);
		err = lru_replace(h, me, p->elem, index + 1);
		if (err)
			pool_put(h, me, me, &owner_record(&h->region->owners, me)->claim);
	}
	if (!err)
		err = redo_commit(h, b, self, &redo);
	if (h->lru)
		lru_settled(h, me);
	return err;
}

/* Per-CPU values, and values under their spin lock, stay where they are: a program that holds a
 * pointer goes on counting in the same place. */
static int overwrite(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		     const struct operand *op, const struct place *p)
{
	struct redo redo = {
		/* Twice: one version while it is being overwritten, one after. */
		.meta_after = meta_next(meta_next(shm_u64_load_relaxed(&b->meta))),
		.copy_to = p->elem,
	};
	struct shm_u64 *value = hash_value(h, p->key, p->elem, 0);
	uint32_t index;
	int err;

	if (op->cpu != ALL_CPUS) {
		bytes_store_keep(hash_value(h, p->key, p->elem, op->cpu), op->value, h->value_size);
		return 0;
	}
	err = claim_filled(h, self, op, 0, &index);
	if (err)
		return err;
	if (h->shape.lock_plus1)
		err = value_lock(h->region, value, &h->shape);
	if (err) {
		pool_put(h, self->number_plus1 - 1, self->number_plus1 - 1,
			 &owner_record(&h->region->owners, self->number_plus1 - 1)->claim);
		return err;
	}
	err = redo_commit(h, b, self, &redo);
	if (h->shape.lock_plus1)
		value_unlock(h->region, value, &h->shape);
	return err;
}

static int update_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			 const struct operand *op, uint64_t flags)
{
	struct place p;

	place_find(h, b, op->key, op->hash, &p);
	if (p.key && flags & BPF_NOEXIST)
		return fail_quick(EEXIST, "the key is present and the update says BPF_NOEXIST");
	if (!p.key && flags & BPF_EXIST)
		return fail_quick(ENOENT, "the key is absent and the update says BPF_EXIST");
	if (!p.key)
		return insert_locked(h, b, self, op);
	if (h->lru)
		lru_touch(h, p.elem);
	if (h->planes || flags & BPF_F_LOCK)
		return overwrite(h, b, self, op, &p);
	if (h->value_size <= 8 && !h->shape.lock_plus1 && !h->g.blocks) {
		bytes_store(hash_value(h, p.key, p.elem, 0), op->value, h->value_size);
		return 0;
	}
	return p.elem ? replace_chained(h, b, self, op, &p) : replace_slot(h, b, self, op, &p);
}

static int remove_redo(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		       const struct place *p)
{
	struct redo redo = {
		.meta_after = meta_next(shm_u64_load_relaxed(&b->meta)),
		.delta = UINT32_MAX,
	};

	if (p->elem) {
		redo.link_at = p->link_at;
		redo.link_val = p->next;
		redo.release = p->elem;
	} else {
		redo.meta_after = meta_with_tag(redo.meta_after, p->slot, 0);
	}
	return redo_commit(h, b, self, &redo);
}

static int remove_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			 const struct place *p)
{
	uint32_t me = self->number_plus1 - 1;
	int err = 0;

	if (!h->lru)
		return remove_redo(h, b, self, p);
	lru_intend(h, me, p->elem, 0);
	err = lru_remove(h, me, p->elem);
	if (!err)
		err = remove_redo(h, b, self, p);
	lru_settled(h, me);
	return err;
}

/* ---- operations, in the order of the ops table ---------------------------------------------- */

static int bucket_lock(struct hash *h, uint32_t index, struct owner_local **ret_self)
{
	int err = owner_self(&h->region->owners, ret_self);

	if (!err)
		err = hash_bucket_reserve(h, index);
	if (!err)
		err = lock_acquire(&hash_bucket(h, index)->lock, &h->region->owners,
				   (*ret_self)->number_plus1 - 1, index);
	return err;
}

/* Give up one element of an LRU map. No lock held. 0 also if others were faster; EVICT_LATER. */
static int hash_evict(struct hash *h, struct owner_local *self)
{
	uint32_t me = self->number_plus1 - 1, elem, index;
	struct place p;
	int err = lru_choose(h, me, &elem);

	/* All are in the hands of others who evict; or who died doing it. */
	if (err == -ENOENT)
		return owner_mend_all(&h->region->owners) ? 0 : EVICT_LATER;
	if (err)
		return err;
	index = hash_bucket_of_stored(h, shm_u32_load_relaxed(&hash_elem(h, elem - 1)->hash));
	err = bucket_lock(h, index, &self);
	if (err) {
		lru_spare(h, me, elem);
	} else {
		if (place_of(h, hash_bucket(h, index), elem, &p) && lru_claim_victim(h, me, elem))
			err = remove_redo(h, hash_bucket(h, index), self, &p);
		lock_release(&hash_bucket(h, index)->lock);
	}
	lru_settled(h, me);
	return err;
}

/* Let others evict. They have as long as for a lock: how often one may yield in that time depends on what
 * else the machine does. False: it is over. */
static bool evict_wait(uint64_t *began_ns)
{
	struct timespec ts;
	uint64_t now_ns;

	sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	if (!*began_ns)
		*began_ns = now_ns;
	return now_ns - *began_ns < LOCK_TIMEOUT_NS;
}

int hash_update_operand(struct hash *h, const struct operand *op, uint64_t flags)
{
	uint32_t index = hash_bucket_of(h, op->hash);
	struct owner_local *self;
	uint64_t began_ns = 0;
	int err = value_check_flags(flags, &h->shape);

	for (uint32_t tries = 0; !err && tries < EVICT_TRIES; tries++) {
		err = bucket_lock(h, index, &self);
		if (err)
			return err;
		err = update_locked(h, hash_bucket(h, index), self, op, flags);
		lock_release(&hash_bucket(h, index)->lock);
		if (err != EVICT_FIRST)
			return err;
		err = hash_evict(h, self);
		if (err != EVICT_LATER)
			began_ns = 0;
		else if (evict_wait(&began_ns))
			err = 0;
	}
	return err < 0 ? err : fail(ENOMEM, "others take every place that is made in the LRU map");
}

static int hash_update(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	struct hash *h = map->priv;
	struct operand op = {hash_key(h, key), key, value, ALL_CPUS};

	return hash_update_operand(h, &op, flags);
}

static int percpu_hash_update(struct bpfmap *map, const void *key, const void *value,
			      uint64_t flags)
{
	struct hash *h = map->priv;
	struct operand op = {hash_key(h, key), key, value, vcpu_current(h->g.cpus)};

	return hash_update_operand(h, &op, flags);
}

int hash_delete_key(struct hash *h, const void *key, uint64_t hash, uint8_t *ret_value)
{
	uint32_t index = hash_bucket_of(h, hash);
	struct bucket_shm *b = hash_bucket(h, index);
	struct owner_local *self;
	struct place p;
	int err;

	if (!hash_bucket_reserved(h, index))
		return -ENOENT;
	err = bucket_lock(h, index, &self);
	if (err)
		return err;
	place_find(h, b, key, hash, &p);
	if (p.key && ret_value)
		value_copy(h, p.key, p.elem, 0, ret_value);
	err = p.key ? remove_locked(h, b, self, &p) : -ENOENT;
	lock_release(&b->lock);
	return err;
}

static int hash_delete(struct bpfmap *map, const void *key)
{
	return hash_delete_key(map->priv, key, hash_key(map->priv, key), NULL);
}

static int hash_take(struct bpfmap *map, const void *key, void *ret_value)
{
	return hash_delete_key(map->priv, key, hash_key(map->priv, key), ret_value);
}

/* Copy under the element's spin lock. */
static int hash_read_locked(struct bpfmap *map, const void *key, void *ret_value)
{
	struct hash *h = map->priv;
	uint64_t hash = hash_key(h, key);
	uint32_t index = hash_bucket_of(h, hash);
	struct owner_local *self;
	struct shm_u64 *value;
	struct place p;
	int err;

	if (!hash_bucket_reserved(h, index))
		return -ENOENT;
	err = bucket_lock(h, index, &self);
	if (err)
		return err;
	place_find(h, hash_bucket(h, index), key, hash, &p);
	err = -ENOENT;
	if (p.key) {
		value = hash_value(h, p.key, p.elem, 0);
		err = value_lock(h->region, value, &h->shape);
		if (!err) {
			value_load(ret_value, value, &h->shape);
			value_unlock(h->region, value, &h->shape);
		}
	}
	lock_release(&hash_bucket(h, index)->lock);
	return err;
}

/* Empty a locked bucket whose n elements have been copied. */
static int bucket_clear_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			       uint32_t n)
{
	int err = 0;

	for (; n && !err; n--) {
		uint64_t meta = shm_u64_load_relaxed(&b->meta);
		struct place p = {0};

		while (p.slot < h->g.slots && !(uint8_t)(meta >> (p.slot * 8)))
			p.slot++;
		if (p.slot == h->g.slots) {
			p.elem = shm_u32_load_relaxed(&b->chain);
			if (!p.elem || p.elem > h->g.pool_n)
				break;
			p.link_at = LINK_CHAIN;
			p.next = shm_u32_load_relaxed(&hash_elem(h, p.elem - 1)->next);
		}
		err = remove_locked(h, b, self, &p);
	}
	return err;
}

static int hash_take_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
			    uint32_t *count)
{
	struct hash *h = map->priv;
	struct owner_local *self;
	struct bucket_shm *b;
	struct walk w;
	uint32_t n;
	int err;

	if (*cursor >= h->g.n_buckets)
		return -ENOENT;
	n = *count;
	*count = 0;
	if (!hash_bucket_reserved(h, (uint32_t)*cursor)) {
		(*cursor)++;
		return 0;
	}
	err = bucket_lock(h, (uint32_t)*cursor, &self);
	if (err)
		return err;
	b = hash_bucket(h, (uint32_t)*cursor);
	*count = bucket_copy(h, b, shm_u64_load_relaxed(&b->meta), &w, keys, values, n);
	if (*count > n)
		err = -ENOSPC;
	else
		err = bucket_clear_locked(h, b, self, *count);
	lock_release(&b->lock);
	if (!err)
		(*cursor)++;
	return err;
}

static bool percpu_is_value(const struct hash *h, uint64_t off, size_t len)
{
	if (off < h->g.planes_off)
		return false;
	off = (off - h->g.planes_off) % h->g.plane_stride;
	if (off >= h->g.pool_n * h->g.value_stride)
		return false;
	off %= h->g.value_stride;
	return off < h->value_size && len <= h->value_size - off;
}

static bool hash_is_value(const struct bpfmap *map, const void *addr, size_t len)
{
	const struct hash *h = map->priv;
	uint64_t off = (uint64_t)((const uint8_t *)addr - h->buckets);

	if ((const uint8_t *)addr < h->buckets || off >= h->g.body_bytes || len > h->value_size)
		return false;
	if (h->planes)
		return percpu_is_value(h, off, len);
	if (off >= h->g.pool_off)
		off = (off - h->g.pool_off) % h->g.elem_stride - ELEM_HEAD;
	else if (!h->g.slots || (off = off % h->g.bucket_stride - BUCKET_HEAD) >=
					(uint64_t)h->g.slots * h->g.slot_stride)
		return false;
	else
		off %= h->g.slot_stride;
	/* Below the head or the key the difference wraps and is far too large. */
	off -= h->g.value_off;
	return off < h->value_size && len <= h->value_size - off;
}

static uint64_t hash_entries(const struct bpfmap *map)
{
	const struct hash *h = map->priv;

	return shm_u64_load_relaxed(&h->shm->count) & COUNT_MASK;
}

static void hash_counters(const struct bpfmap *map, struct map_counters *ret)
{
	const struct hash *h = map->priv;
	uint32_t high = shm_u32_load_relaxed(&h->shm->high_water);

	ret->entries = hash_entries(map);
	ret->high_water = high > ret->entries ? high : ret->entries;
	ret->failed_updates = shm_u64_load_relaxed(&h->shm->failed_updates);
	ret->evictions = h->lru ? shm_u64_load_relaxed(&h->lru->evictions) : 0;
}

/* What all types of the family have in common, but for variable entries. */
#define HASH_FAMILY_OPS                                                                         \
	.alloc_check = hash_alloc_check, .layout = hash_layout, .init = hash_init,              \
	.reserved = hash_reserved, .attach = hash_attach_writer, .detach = hash_detach,         \
	.delete_elem = hash_delete, .read = hash_read, .write = hash_update, .take = hash_take, \
	.next_key = hash_next_key, .read_bucket = hash_read_bucket,                             \
	.take_bucket = hash_take_bucket, .is_value = hash_is_value, .counters = hash_counters,  \
	.check = hash_check

#define PERCPU_OPS                                                          \
	.lookup = percpu_hash_lookup, .lookup_cpu = percpu_hash_lookup_cpu, \
	.update = percpu_hash_update

const struct map_ops hash_map_ops = {
	HASH_FAMILY_OPS,
	.lookup = hash_lookup,
	.update = hash_update,
	.read_locked = hash_read_locked,
};

/* Nothing that takes key_size and value_size bytes: var.c has what this type of map does. */
const struct map_ops variable_hash_map_ops = {
	.alloc_check = variable_hash_alloc_check,
	.layout = hash_layout,
	.init = hash_init,
	.reserved = hash_reserved,
	.attach = hash_attach_writer,
	.detach = hash_detach,
	.counters = hash_counters,
	.check = hash_check,
};

const struct map_ops percpu_hash_map_ops = {
	HASH_FAMILY_OPS,
	PERCPU_OPS,
};

const struct map_ops lru_hash_map_ops = {
	HASH_FAMILY_OPS,
	.normalize = hash_normalize,
	.lookup = hash_lookup,
	.update = hash_update,
};

const struct map_ops lru_percpu_hash_map_ops = {
	HASH_FAMILY_OPS,
	PERCPU_OPS,
	.normalize = hash_normalize,
};
