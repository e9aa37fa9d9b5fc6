/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_redo.c: commits of the hash family that survive their author: the exact count, the redo
 * record, and finishing what a dead owner began. Protocol, invariants and edges: hash.c. */
#include "map/hash_redo.h"
#include "map/lru.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

/* ---- the count ------------------------------------------------------------------------------ */

void count_ack(struct hash *h, uint32_t owner, uint32_t seq)
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

static struct shm_u32 *link_word(struct hash *h, struct bucket_shm *b, uint32_t link_at)
{
	if (link_at == LINK_CHAIN)
		return &b->chain;
	if (link_at >= LINK_ELEM && link_at - LINK_ELEM < h->g.pool_n)
		return &hash_elem(h, link_at - LINK_ELEM)->next;
	return NULL;
}

/* The value of claim's element over that of element copy_to - 1, both in b's chain or about to be.
 * While that goes on, meta says so and readers take the new value from its stage. */
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
static void redo_apply(struct hash *h, struct bucket_shm *b, uint32_t me, uint32_t owner,
		       enum redo_released released)
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
	if (released == REDO_TO_POOL && shm_u32_load_relaxed(&record->release))
		pool_put(h, me, owner, &record->release);
	/* Last: whom the count admits finds the element in the pool. */
	if (delta == UINT32_MAX && !count_changed(h, owner, seq))
		count_change(h, owner, seq, delta);
	shm_u32_store_release(&record->active, 0); /* H5 release -> H6 */
}

int hash_full(struct hash *h)
{
	if (h->lru)
		return EVICT_FIRST;
	return fail_quick(E2BIG, "the map is full: max_entries elements are in use; delete some or "
				 "create a larger map");
}

int redo_leftover(struct hash *h, uint32_t me)
{
	struct shm_u32 *release = &owner_record(&h->region->owners, me)->release;

	if (shm_u32_load_relaxed(release))
		pool_put(h, me, me, release);
	return shm_u32_load_relaxed(release) ? -ETIMEDOUT : 0;
}

int redo_commit(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		const struct redo *redo)
{
	uint32_t me = self->number_plus1 - 1;
	struct owner_shm *record = owner_record(&h->region->owners, me);
	int err = redo_leftover(h, me);

	if (err)
		return err;
	if (redo->delta)
		seq_next(record, self);
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
	redo_apply(h, b, me, me, redo->released);
	return 0;
}

int slot_commit_late(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		     uint64_t meta_after, uint32_t delta)
{
	struct redo redo = {.meta_after = meta_after, .delta = delta};

	return redo_commit(h, b, self, &redo);
}

void redo_reclaim(struct hash *h, struct owner_local *self)
{
	struct owner_shm *record = owner_record(&h->region->owners, self->number_plus1 - 1);
	uint32_t elem = shm_u32_load_relaxed(&record->release);

	if (!elem || shm_u32_load_relaxed(&record->claim))
		return;
	shm_u32_store_release(&record->claim, elem); /* P3 release -> P4 */
	shm_u32_store_release(&record->release, 0);  /* P3 release -> P4 */
}

bool place_of(struct hash *h, struct bucket_shm *b, uint32_t elem, struct place *p)
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

	/* Both name one element: it died in redo_reclaim(). */
	if (shm_u32_load_relaxed(&record->claim) == shm_u32_load_relaxed(&record->release))
		shm_u32_store_relaxed(&record->release, 0);
	if (shm_u32_load_relaxed(&record->claim))
		pool_put(h, me, owner, &record->claim);
	if (shm_u32_load_relaxed(&record->release))
		pool_put(h, me, owner, &record->release);
}

/* The lock of bucket lock_index is held by dead; or it is a list's lock (index behind the
 * buckets). */
void hash_mend(void *arg, uint32_t me, uint32_t dead, uint32_t lock_index)
{
	struct hash *h = arg;
	struct owner_shm *record = owner_record(&h->region->owners, dead);
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
	if (lock_index == LOCK_NESTED) {
		vcpu_mend(&h->vcpus, dead);
		if (h->lru)
			lru_mend_nested(h, me, dead);
		return;
	}
	b = hash_bucket(h, lock_index);
	if (!shm_u32_load_acquire(&record->active)) { /* H6 acquire <- H5 */
		/* Without a redo in force it names an element that is still in the chain, or that
		 * an earlier operation could not give back. */
		if (place_of(h, b, shm_u32_load_relaxed(&record->release), &p))
			shm_u32_store_relaxed(&record->release, 0);
	} else if (shm_u32_load_relaxed(&record->delta) == 1 &&
		   !count_changed(h, dead, shm_u32_load_relaxed(&record->seq))) {
		/* An insertion that was not counted did not happen. */
		shm_u32_store_release(&record->active, 0); /* H5 release -> H6 */
	} else {
		redo_apply(h, b, me, dead, REDO_TO_POOL);
	}
	if (h->lru)
		lru_mend_bucket(h, b, me, dead);
	leftovers_put(h, me, dead);
}

struct shm_u32 *hash_lock_word(void *arg, uint32_t lock_index)
{
	struct hash *h = arg;

	if (lock_index < h->g.n_buckets && hash_bucket_reserved(h, lock_index))
		return &hash_bucket(h, lock_index)->lock;
	return NULL;
}
