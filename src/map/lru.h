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
	LRU_LIMBO, /* chosen as victim by the owner whose number is in prev */
};

struct lru_node {
	struct shm_u32 prev; /* node numbers */
	struct shm_u32 next;
	struct shm_u32 state; /* enum lru_where | LRU_VETERAN */
};

#define LRU_VETERAN 0x100 /* was in PROTECTED, or came back while its ghost was remembered */

/* Words that are changed with the lock held. */
struct lru_words {
	struct shm_u32 length[2];  /* of PROBATION, PROTECTED */
	struct shm_u32 share;	   /* how long PROBATION should be */
	struct shm_u32 hand;	   /* next mark to sweep */
	struct shm_u32 evicted[2]; /* newcomers, veterans; lately */
	struct shm_u32 now;	   /* evictions, the ghosts' clock */
};

struct lru_shm {
	struct shm_u32 lock;
	struct shm_u32 log_n; /* entries of the log that are in force */
	struct {
		struct shm_u32 at;  /* word number from the start of lru_shm */
		struct shm_u32 old; /* what it was */
	} log[LRU_LOG];
	struct lru_words words;
	struct shm_u64 evictions;
};

void lru_geometry_of(uint32_t capacity, uint32_t pool_n, struct lru_geometry *ret);

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

/* The table has (add) or is about to lose (remove) the element; or is about to have new in old's stead.
 * Bucket locked. 0, or lock_wait()'s error. */
int lru_add(struct hash *h, uint32_t me, uint32_t elem);
int lru_remove(struct hash *h, uint32_t me, uint32_t elem);
int lru_replace(struct hash *h, uint32_t me, uint32_t old, uint32_t new);

/* Choose a victim and put it into limbo for me; *ret_elem. No lock held. ENOENT: nothing to evict. */
int lru_choose(struct hash *h, uint32_t me, uint32_t *ret_elem);
/* Put a victim back that could not be evicted. */
void lru_spare(struct hash *h, uint32_t me, uint32_t elem);
/* Is the element still me's victim? Bucket locked; then it leaves limbo. */
bool lru_claim_victim(struct hash *h, uint32_t me, uint32_t elem);

/* The policy's lock was held by the dead: undo what was half done. */
void lru_rollback(struct hash *h);
/* Dead owners: their lock, their victims; and, with their bucket locked, what their operation left. */
void lru_mend_nested(struct hash *h, uint32_t me, uint32_t dead);
void lru_mend_bucket(struct hash *h, struct bucket_shm *b, uint32_t me, uint32_t dead);

/* live: a bit per element that is in a chain. */
int lru_check(const struct hash *h, const uint8_t *live);

#endif
