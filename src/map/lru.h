/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lru.h: the bytes of the replacement policy (lru.c), behind the pool of an LRU map:
 *   0            struct lru_shm
 *   nodes_off    nodes: one per pool element, then the heads of the two lists
 *   marks_off    marks: a byte per pool element, padded with zeroes to whole sweeps
 *   ghosts_off   ghosts: a word each
 */
#ifndef BPFMAP_MAP_LRU_H
#define BPFMAP_MAP_LRU_H

#include "map/hash.h"

#define LRU_LOCK 0xfd000000u /* its number; no map has so many locks of other kinds */
#define LRU_LOG	 16

enum lru_where {
	LRU_NOWHERE, /* free, or on its way into or out of the table */
	LRU_PROBATION,
	LRU_PROTECTED,
	LRU_LIMBO,   /* in the table, chosen as victim by the owner in the tag */
	LRU_PENDING, /* in the table, to be listed by the owner in the tag */
};

struct lru_node {
	struct shm_u32 prev; /* node numbers */
	struct shm_u32 next;
	struct shm_u32 state; /* enum lru_where | LRU_VETERAN | tag << LRU_TAG_SHIFT */
};

#define LRU_WHERE_MASK 7u
#define LRU_VETERAN    8 /* was in PROTECTED, or came back while its ghost was remembered */
#define LRU_TAG_SHIFT  4 /* of LIMBO and PENDING: owner | tenure << 12, which wraps */

/* What a thread does in one go under the policy's lock, so that it is not taken for each element:
 * it lists those that it has inserted since (PENDING) and chooses those that it will evict next
 * (LIMBO). Only a hint of its own: what the nodes say counts. */
#define LRU_VICTIMS 13
#define LRU_FRESH   (LRU_VICTIMS + 1)

struct lru_batch {
	uint32_t victims;
	uint32_t fresh;
	uint32_t victim[LRU_VICTIMS]; /* node numbers, the next to be evicted last */
	uint32_t fresh_ones[LRU_FRESH];
};

_Static_assert(sizeof(struct lru_batch) <= sizeof(((struct owner_local *)0)->batch), "fits");

/* Words that are changed with the lock held. */
struct lru_words {
	struct shm_u32 length[2];  /* of PROBATION, PROTECTED */
	struct shm_u32 share;	   /* how long PROBATION should be */
	struct shm_u32 hand;	   /* next mark to sweep */
	struct shm_u32 evicted[2]; /* newcomers, veterans; lately */
	struct shm_u32 now;	   /* evictions, the ghosts' clock */
	struct shm_u32 orphans; /* marks to sweep until all that the dead had in hand is listed */
};

struct lru_shm {
	struct shm_u32 lock;
	struct shm_u32 log_n; /* entries of the log that are in force */
	struct {
		struct shm_u32 at;  /* word number from the start of lru_shm */
		struct shm_u32 old; /* what it was */
	} log[LRU_LOG];
	struct lru_words words;
};

void lru_geometry_of(uint32_t capacity, uint32_t pool_n, struct lru_geometry *ret);

/* How many victims a thread chooses in one go: few, where that would be a large part of the map. */
uint32_t lru_batch_size(uint32_t capacity);

/* A fresh region's lists. */
void lru_init(struct hash *h);

/* An element's use, without any lock: one store, if it is not marked yet. */
static inline void lru_touch(const struct hash *h, uint32_t elem)
{
	struct shm_u8 *mark = &h->lru_marks[elem - 1];

	if (!shm_u8_load_relaxed(mark))
		shm_u8_store_relaxed(mark, 1);
}

/* Whose membership me is about to change: up to two elements + 1, until lru_settled(). */
void lru_intend(struct hash *h, uint32_t me, uint32_t elem, uint32_t other);
void lru_settled(struct hash *h, uint32_t me);

/* The table has (add) or is about to lose (remove) the element; or is about to have new in old's
 * stead. Bucket locked. 0, or lock_wait()'s error. */
int lru_add(struct hash *h, struct owner_local *self, uint32_t elem);
int lru_remove(struct hash *h, uint32_t me, uint32_t elem);
int lru_replace(struct hash *h, uint32_t me, uint32_t old, uint32_t new);

/* The next victim, in limbo for self; *ret_elem. No lock held. ENOENT: nothing to evict. */
int lru_choose(struct hash *h, struct owner_local *self, uint32_t *ret_elem);
/* Is the element still self's victim? Bucket locked; then it leaves limbo, and is counted as
 * evicted. */
bool lru_claim_victim(struct hash *h, struct owner_local *self, uint32_t elem);
/* Evictions of all owners. */
uint64_t lru_evictions(const struct hash *h);
/* The handle is about to be closed: list what its threads have in hand. */
void lru_leave(struct hash *h);

/* The policy's lock was held by the dead: undo what was half done. */
void lru_rollback(struct hash *h);
/* Dead owners: their lock, their victims; and, with their bucket locked, what their operation
 * left. */
void lru_mend_nested(struct hash *h, uint32_t me, uint32_t dead);
void lru_mend_bucket(struct hash *h, struct bucket_shm *b, uint32_t me, uint32_t dead);

/* live: a bit per element that is in a chain. */
int lru_check(const struct hash *h, const uint8_t *live);

#endif
