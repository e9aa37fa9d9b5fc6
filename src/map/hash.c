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
 *              4. whatever a commit changes in a bucket, meta's version changes after it, and
 *                 before the memory that the commit freed is used again
 *              5. neither count nor high_water is above max_entries                (hash_check)
 *                 Who dies between the two leaves high_water behind: readers take the larger one.
 * Locks        bucket.lock: everything in the bucket and its chain. One at a time; a list lock of
 *              the pool may be taken under it; never held across a callback.
 * Edges        H1 release of meta, H3 release of a link -> H2 acquire of meta, H4 acquire of a
 *              link: who sees a slot or element LIVE sees its key and value.
 *              H5 release of active -> H6 acquire: who mends sees the whole redo record.
 *              C1 acq_rel of count, C3 acq_rel of acked: each sees its predecessor.
 *              B1, B2 (sync/bytes.h): who saw a word of a reused slot sees that meta has changed.
 * Progress     lookup, next_key: never wait; they begin again when a writer committed in the same
 *              bucket meanwhile. update, delete: wait per bucket.
 * If a process dies    holding bucket.lock: before active = 1 nothing is visible yet; after it, who
 *              mends carries the redo record out (hash_mend): every step stores a fixed value, or
 *              can be seen to have been done (count: detectable by owner and seq; lists: pool.c).
 * Count        count = seq << 40 | owner << 28 | n. Who changes it first notes in the previous
 *              owner's record (acked) that its change happened: so of every owner it can be told
 *              whether its last change was applied.
 * Replacement  of a value larger than a word fills an empty slot or a free element, then shows it
 *              and hides the old one in one store: a pointer sees the old value or the new one.
 * Differences from the kernel: iteration order, also with ZERO_SEED. A key that is present
 *              throughout is found by every lookup. Copies are never torn.
 */
#include "map/hash_find.h"
#include "map/hash_ops.h"
#include "map/hash_redo.h"
#include "map/lru.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* What comes of an eviction when there is nothing that could be given up. */
#define EVICT_LATER 2

/* So often others may take the place that an eviction made. */
#define EVICT_TRIES 10000

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
		h->lru_batch = lru_batch_size(h->max_entries);
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

void hash_detach(struct bpfmap *map)
{
	struct hash *h = map->priv;

	if (h && h->lru)
		lru_leave(h);
	free(h);
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

int hash_reserved(struct bpfmap *map, region_range_fn *fn, void *arg)
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
int hash_init(struct bpfmap *map)
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

int hash_attach_writer(struct bpfmap *map)
{
	int err = hash_attach(map);
	struct hash *h = map->priv;

	if (err)
		return err;
	map->ops = hash_sized_ops(map);
	map->head.lookup = hash_sized_lookup(map);
	h->region->owners.mend = hash_mend;
	h->region->owners.lock_word = hash_lock_word;
	h->region->owners.locks = h->g.n_buckets;
	h->region->owners.arg = h;
	return 0;
}

/* ---- writing: operations, bucket locked ----------------------------------------------------- */

static void place_find(struct hash *h, struct bucket_shm *b, const void *key, uint64_t hash,
		       struct place *p)
{
	uint32_t link = shm_u32_load_relaxed(&b->chain);

	memset(p, 0, sizeof(*p));
	p->key = slots_find(h, b, shm_u64_load_relaxed(&b->meta), hash_tag(hash), key, h->key_size,
			    &p->slot);
	if (p->key)
		return;
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
		err = lru_add(h, self, index + 1);
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
	if (slot == SLOT_NONE)
		return insert_chained(h, b, self, op, &redo);
	slot_fill(h, hash_slot(h, b, slot), op->key, op->value, h->key_size);
	redo.meta_after = meta_with_tag(redo.meta_after, slot, hash_tag(op->hash));
	return redo_commit(h, b, self, &redo);
}

/* The element in a slot gives way to a new one in another slot, or at the head of the chain.
 * Readers look at slots first: until meta hides the old one, they find it. */
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

	if (slot != SLOT_NONE) {
		slot_fill(h, hash_slot(h, b, slot), op->key, op->value, h->key_size);
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
		err = redo_leftover(h, me);
		if (!err)
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
		value_unlock(value, &h->shape);
	return err;
}

int hash_update_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
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
		       const struct place *p, enum redo_released released)
{
	struct redo redo = {
		.meta_after = meta_next(shm_u64_load_relaxed(&b->meta)),
		.delta = UINT32_MAX,
		.released = released,
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
		return remove_redo(h, b, self, p, REDO_TO_POOL);
	err = redo_leftover(h, me);
	if (err)
		return err;
	lru_intend(h, me, p->elem, 0);
	err = lru_remove(h, me, p->elem);
	if (!err)
		err = remove_redo(h, b, self, p, REDO_TO_POOL);
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
	int err = redo_leftover(h, me);

	if (!err)
		err = lru_choose(h, self, &elem);
	/* All are in the hands of others who evict; or who died doing it. */
	if (err == -ENOENT)
		return owner_mend_all(&h->region->owners) ? 0 : EVICT_LATER;
	if (err)
		return err;
	index = hash_bucket_of_stored(h, shm_u32_load_relaxed(&hash_elem(h, elem - 1)->hash));
	err = bucket_lock(h, index, &self);
	if (err)
		return err;
	lru_intend(h, me, elem, 0);
	if (place_of(h, hash_bucket(h, index), elem, &p) && lru_claim_victim(h, self, elem))
		err = remove_redo(h, hash_bucket(h, index), self, &p, REDO_KEPT);
	/* What was given up serves for what is about to be inserted. */
	redo_reclaim(h, self);
	lru_settled(h, me);
	lock_release(&hash_bucket(h, index)->lock);
	return err;
}

/* An element was given up, and then none was needed: somebody else has inserted the key. */
static void hash_unclaim(struct hash *h, struct owner_local *self)
{
	uint32_t me = self->number_plus1 - 1;
	struct shm_u32 *claim = &owner_record(&h->region->owners, me)->claim;

	if (__builtin_expect(shm_u32_load_relaxed(claim) != 0, 0))
		pool_put(h, me, me, claim);
}

/* Let others evict. They have as long as for a lock: how often one may yield in that time depends
 * on what else the machine does. False: it is over. */
static bool evict_wait(uint64_t *began_ns)
{
	uint64_t now_ns;

	sched_yield();
	now_ns = clock_now_ns();
	if (!*began_ns)
		*began_ns = now_ns;
	return now_ns - *began_ns < LOCK_TIMEOUT_NS;
}

int hash_update_operand(struct hash *h, const struct operand *op, uint64_t flags)
{
	uint32_t index = hash_bucket_of(h, op->hash);
	struct owner_local *self = NULL;
	uint64_t began_ns = 0;
	int err = value_check_flags(flags, &h->shape);

	for (uint32_t tries = 0; !err && tries < EVICT_TRIES; tries++) {
		err = bucket_lock(h, index, &self);
		if (err)
			break;
		err = hash_update_locked(h, hash_bucket(h, index), self, op, flags);
		if (h->lru && err != EVICT_FIRST)
			hash_unclaim(h, self);
		lock_release(&hash_bucket(h, index)->lock);
		if (err != EVICT_FIRST)
			return err;
		err = hash_evict(h, self);
		if (err != EVICT_LATER)
			began_ns = 0;
		else if (evict_wait(&began_ns))
			err = 0;
	}
	if (h->lru && self && self->number_plus1)
		hash_unclaim(h, self);
	return err < 0 ? err : fail(ENOMEM, "others take every place that is made in the LRU map");
}

int hash_update(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
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

int hash_delete_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		       const void *key, uint64_t hash, uint8_t *ret_value)
{
	struct place p;

	place_find(h, b, key, hash, &p);
	if (!p.key)
		return -ENOENT;
	if (ret_value)
		hash_value_copy(h, p.key, p.elem, 0, ret_value);
	return remove_locked(h, b, self, &p);
}

int hash_delete_key(struct hash *h, const void *key, uint64_t hash, uint8_t *ret_value)
{
	uint32_t index = hash_bucket_of(h, hash);
	struct bucket_shm *b = hash_bucket(h, index);
	struct owner_local *self;
	int err;

	if (!hash_bucket_reserved(h, index))
		return -ENOENT;
	err = bucket_lock(h, index, &self);
	if (err)
		return err;
	err = hash_delete_locked(h, b, self, key, hash, ret_value);
	lock_release(&b->lock);
	return err;
}

int hash_delete(struct bpfmap *map, const void *key)
{
	return hash_delete_key(map->priv, key, hash_key(map->priv, key), NULL);
}

int hash_take(struct bpfmap *map, const void *key, void *ret_value)
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
			value_unlock(value, &h->shape);
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

int hash_take_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
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
	*count = hash_bucket_copy(h, b, shm_u64_load_relaxed(&b->meta), &w, keys, values, n);
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

bool hash_is_value(const struct bpfmap *map, const void *addr, size_t len)
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

void hash_counters(const struct bpfmap *map, struct map_counters *ret)
{
	const struct hash *h = map->priv;
	uint32_t high = shm_u32_load_relaxed(&h->shm->high_water);

	ret->entries = hash_entries(map);
	ret->high_water = high > ret->entries ? high : ret->entries;
	ret->evictions = h->lru ? lru_evictions(h) : 0;
}

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
	.parts = hash_parts,
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
