/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_redo.h: how a change of a hash map is committed (hash_redo.c; protocol: hash.c). Whoever
 * calls holds the bucket's lock. */
#ifndef BPFMAP_MAP_HASH_REDO_H
#define BPFMAP_MAP_HASH_REDO_H

#include "map/hash.h"

#define COUNT_BITS   28
#define COUNT_MASK   ((1u << COUNT_BITS) - 1)
#define SEQ_MASK     0xffffffu
#define SEQ_ACK_MASK 0xffffu /* far below half of the numbers */

/* link_at of a redo record. */
#define LINK_NONE  0
#define LINK_CHAIN 1 /* the bucket's chain word */
#define LINK_ELEM  2 /* + index: that element's next */

/* An update's answer when an LRU map must give up an element before it can insert. */
#define EVICT_FIRST 1

/* Where a released element goes. */
enum redo_released {
	REDO_TO_POOL,
	REDO_KEPT, /* it stays in the record's release field, for redo_reclaim() */
};

/* What an operation is about to do, in its thread's memory. */
struct redo {
	uint64_t meta_after;
	uint32_t link_at;
	uint32_t link_val;
	uint32_t release; /* element + 1 */
	uint32_t copy_to; /* element + 1 whose value becomes that of the claimed one */
	uint32_t delta;
	enum redo_released released;
};

/* Note that owner's change number seq happened. Numbers wrap; a later one stays. */
void count_ack(struct hash *h, uint32_t owner, uint32_t seq);

/* Change the count in owner's name. False: the map is full. */
static inline bool count_change(struct hash *h, uint32_t owner, uint32_t seq, uint32_t delta)
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

/* The answer to an insertion into a full map: E2BIG, or EVICT_FIRST. */
int hash_full(struct hash *h);

/* Give back the element that an earlier call could not. ETIMEDOUT: nor can this one. redo_commit()
 * asks it, too; who changes something else first (the LRU lists) asks before that. */
int redo_leftover(struct hash *h, uint32_t me);

/* Write the record and carry it out. E2BIG: an insertion met a full map; nothing has happened. */
int redo_commit(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		const struct redo *redo);

/* Claim the element that the last commit released and kept, if nothing is claimed yet. Between its
 * two stores both fields name the element; who mends gives it back once. */
void redo_reclaim(struct hash *h, struct owner_local *self);

/* The number of the next change of the count. Our last one was applied; saying so now and then
 * keeps acked, which others write, close behind numbers that wrap. */
static inline void seq_next(struct owner_shm *record, struct owner_local *self)
{
	if (__builtin_expect(!(self->seq & SEQ_ACK_MASK), 0))
		shm_u32_store_relaxed(&record->acked, self->seq);
	self->seq = (self->seq + 1) & SEQ_MASK;
}

/* slot_commit() when an earlier call left an element to be given back first. */
int slot_commit_late(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		     uint64_t meta_after, uint32_t delta);

/* The same for a change that needs nothing of the pool: a slot filled (delta 1) or emptied
 * (UINT32_MAX). */
static inline int slot_commit(struct hash *h, struct bucket_shm *b, struct owner_local *self,
			      uint64_t meta_after, uint32_t delta)
{
	uint32_t me = self->number_plus1 - 1;
	struct owner_shm *record = owner_record(&h->region->owners, me);

	if (__builtin_expect(shm_u32_load_relaxed(&record->release) != 0, 0))
		return slot_commit_late(h, b, self, meta_after, delta);
	seq_next(record, self);
	shm_u64_store_relaxed(&record->meta_after, meta_after);
	shm_u32_store_relaxed(&record->link_at, LINK_NONE);
	shm_u32_store_relaxed(&record->copy_to, 0);
	shm_u32_store_relaxed(&record->delta, delta);
	shm_u32_store_relaxed(&record->seq, self->seq);
	shm_u32_store_release(&record->active, 1); /* H5 release -> H6 */
	if (delta == 1 && !count_change(h, me, self->seq, 1)) {
		shm_u32_store_release(&record->active, 0); /* H5 release -> H6 */
		return hash_full(h);
	}
	shm_u64_store_release(&b->meta, meta_after); /* H1 release -> H2 */
	if (delta != 1)
		count_change(h, me, self->seq, delta);
	shm_u32_store_release(&record->active, 0); /* H5 release -> H6 */
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
bool place_of(struct hash *h, struct bucket_shm *b, uint32_t elem, struct place *ret_place);

/* The region's callbacks: mend what an owner left that died with a lock; a lock's word. */
void hash_mend(void *arg, uint32_t me, uint32_t dead, uint32_t lock_index);
struct shm_u32 *hash_lock_word(void *arg, uint32_t lock_index);

#endif
