/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pool.c: free elements of the hash family's pool, in a few lists so that writers seldom meet.
 *
 * States       element: never used -> claimed [pool_get] -> linked in a chain [hash.c]
 *              -> released [hash.c] -> returned [pool_put] -> fresh [pool_take_locked] -> claimed
 *              ...
 * Invariants   1. an element is in one chain, in one list, in one owner's claim or release field,
 *                 or
 *                 was never used (bump)                                      (checked by
 *                 hash_check)
 *              2. a claim or release field names an element of a list only while that list's lock
 *                 is held on_behalf of the field's owner
 * Locks        list.lock: the list's words. Taken under a bucket lock, never the other way round.
 * Edges        L1, L2 (sync/lock.h)
 *              P1 release of heads or bump -> P2 acquire, P3 release of a claim or release field ->
 *              P4 acquire: who mends sees the field that was written before the list's word, and
 *              after it
 * Progress     waits per list; an empty pool means that others hold the spare elements for a moment
 * Variable maps claim and give back chains of blocks, a block at a time. The claim field names the
 * block that was claimed last, whose stage names the one before: so the field always heads all of
 * them.
 * If a process dies    holding list.lock: the list's words change in one store (heads or bump), so
 *              whether the element is in the list can be seen from them: pool_mend_list.
 *              with an element in its claim: whoever mends its bucket gives the element back.
 * Reuse        is put off: elements come back in groups of RETURNED_MIN, first freed, first used,
 *              or when nothing else is left.
 */
#include "map/hash.h"

#include "base/error.h"

#include <errno.h>
#include <sched.h>

/* Rounds without, and with, a pause: together about a second. */
#define GET_ROUNDS   100
#define GET_PAUSES   5000
#define GET_PAUSE_NS 200000

static uint32_t list_base(const struct hash *h, uint32_t list)
{
	return list * h->g.list_span;
}

static uint32_t list_len(const struct hash *h, uint32_t list)
{
	uint32_t base = list_base(h, list);

	if (base >= h->g.pool_n)
		return 0;
	return h->g.pool_n - base < h->g.list_span ? h->g.pool_n - base : h->g.list_span;
}

static uint64_t heads_pack(uint32_t fresh, uint32_t returned)
{
	return (uint64_t)returned << 32 | fresh;
}

/* Memory behind never-used element number bump of the list's range. */
static int list_reserve(struct hash *h, struct pool_list_shm *list, uint32_t l, uint32_t bump)
{
	uint32_t reserved = shm_u32_load_relaxed(&list->reserved), len = list_len(h, l);
	uint32_t step = (uint32_t)(CHUNK_MIN / h->g.elem_stride) + 1;
	int err;

	if (bump < reserved)
		return 0;
	/* Grow by a quarter of what is there, so that reserving stays rare in large maps. */
	step = step > bump / 4 ? step : bump / 4;
	step = step < len - bump ? step : len - bump;
	err = hash_pool_reserve(h, list_base(h, l) + bump, step);
	if (!err)
		shm_u32_store_relaxed(&list->reserved, bump + step);
	return err;
}

/* The block behind one that a claim or release field names, + 1; elements have none. */
static uint32_t block_behind(const struct hash *h, uint32_t elem)
{
	return h->g.blocks ? shm_u32_load_relaxed(&hash_elem(h, elem - 1)->stage) : 0;
}

/* Into the field, before what was claimed already. The element is the list's until the list's word
 * changes. */
static void claim_push(struct hash *h, uint32_t elem, struct shm_u32 *claim)
{
	if (h->g.blocks)
		/* H3 release -> H4 */
		shm_u32_store_release(&hash_elem(h, elem - 1)->stage, shm_u32_load_relaxed(claim));
	/* P3 release -> P4 */
	shm_u32_store_release(claim, elem);
}

/* With the list's lock held: claim one. 0; -ENOENT: the list is empty; or the reserve's error. */
static int pool_take_locked(struct hash *h, struct pool_list_shm *list, uint32_t l,
			    struct shm_u32 *claim)
{
	uint64_t heads = shm_u64_load_relaxed(&list->heads);
	uint32_t fresh = (uint32_t)heads, returned = (uint32_t)(heads >> 32);
	uint32_t bump = shm_u32_load_relaxed(&list->bump);
	int err;

	if (!fresh && returned &&
	    (bump >= list_len(h, l) || shm_u32_load_relaxed(&list->returned) >= RETURNED_MIN)) {
		fresh = returned;
		returned = 0;
		shm_u64_store_relaxed(&list->heads, heads_pack(fresh, 0));
		shm_u32_store_relaxed(&list->returned, 0);
	}
	if (fresh > h->g.pool_n || returned > h->g.pool_n)
		return fail(EUCLEAN, "free list %u names an element that does not exist", l);
	if (fresh) {
		uint32_t next = shm_u32_load_relaxed(&hash_elem(h, fresh - 1)->next);

		claim_push(h, fresh, claim);
		shm_u64_store_release(&list->heads,
				      heads_pack(next, returned)); /* P1 release -> P2 */
		return 0;
	}
	if (bump >= list_len(h, l))
		return -ENOENT;
	err = list_reserve(h, list, l, bump);
	if (err)
		return err;
	claim_push(h, list_base(h, l) + bump + 1, claim);
	shm_u32_store_release(&list->bump, bump + 1); /* P1 release -> P2 */
	return 0;
}

static bool list_looks_empty(const struct hash *h, uint32_t l)
{
	struct pool_list_shm *list = &h->shm->lists[l];

	return !shm_u64_load_relaxed(&list->heads) &&
	       shm_u32_load_relaxed(&list->bump) >= list_len(h, l);
}

/* One walk over the lists, our own first. */
static int pool_try(struct hash *h, uint32_t me, struct shm_u32 *claim)
{
	int err = -ENOENT;

	for (uint32_t i = 0; i < h->g.lists && err == -ENOENT; i++) {
		uint32_t l = (me + i) % h->g.lists;
		struct pool_list_shm *list = &h->shm->lists[l];

		if (list_looks_empty(h, l))
			continue;
		err = lock_acquire_nested(&list->lock, &h->region->owners, me, h->g.n_buckets + l);
		if (err)
			return err;
		shm_u32_store_relaxed(&list->on_behalf, me);
		err = pool_take_locked(h, list, l, claim);
		lock_release(&list->lock);
	}
	return err;
}

static void pause_round(uint32_t round)
{
	if (round < GET_ROUNDS)
		sched_yield();
	else
		lock_sleep(GET_PAUSE_NS);
}

/* n of them, or none: who waits for more must not hold what others wait for. */
static int pool_try_all(struct hash *h, uint32_t me, uint32_t n, struct shm_u32 *claim)
{
	int err = 0;

	for (; n && !err; n--) {
		struct elem_shm *e;
		uint32_t elem;

		err = pool_try(h, me, claim);
		elem = shm_u32_load_relaxed(claim);
		if (err || !elem || elem > h->g.pool_n)
			break;
		e = hash_elem(h, elem - 1);
		/* From here on a reader that still copies the former element knows that it is
		 * gone. */
		shm_u32_store_relaxed(&e->seq, shm_u32_load_relaxed(&e->seq) + 1);
	}
	if (err && h->g.blocks)
		pool_put(h, me, me, claim);
	return err;
}

/* What a call that could not give it back left in the claim: an element serves as well as another;
 * a chain may have another length than is needed. */
static int claim_leftover(struct hash *h, uint32_t me, uint32_t *n, struct shm_u32 *claim)
{
	uint32_t elem = shm_u32_load_relaxed(claim);

	if (!elem)
		return 0;
	if (!h->g.blocks && elem <= h->g.pool_n) {
		struct elem_shm *e = hash_elem(h, elem - 1);

		shm_u32_store_relaxed(&e->seq, shm_u32_load_relaxed(&e->seq) + 1);
		*n = 0;
		return 0;
	}
	pool_put(h, me, me, claim);
	return shm_u32_load_relaxed(claim) ? -ETIMEDOUT : 0;
}

int pool_get(struct hash *h, uint32_t me, uint32_t n, uint32_t *ret_index)
{
	struct shm_u32 *claim = &owner_record(&h->region->owners, me)->claim;
	uint32_t index;
	int err = claim_leftover(h, me, &n, claim);

	if (err)
		return err;
	for (uint32_t round = 0; round < GET_ROUNDS + GET_PAUSES; round++) {
		err = pool_try_all(h, me, n, claim);
		if (err != -ENOENT)
			break;
		/* Replacements of others hold the spare elements for a moment; or the dead do. */
		if (round % 512 == GET_ROUNDS)
			owner_mend_all(&h->region->owners);
		pause_round(round);
	}
	if (err == -ENOENT)
		return fail(ENOMEM, "no free element although the map is not full: other writers "
				    "hold all spare ones");
	if (err)
		return err;
	index = shm_u32_load_relaxed(claim) - 1;
	if (index >= h->g.pool_n)
		return fail(EUCLEAN, "somebody else wrote to this thread's owner record");
	*ret_index = index;
	return 0;
}

/* With the list's lock held: the element or block that the field names into the list. */
static void pool_put_locked(struct hash *h, struct pool_list_shm *list, uint32_t elem,
			    struct shm_u32 *field)
{
	struct elem_shm *e = hash_elem(h, elem - 1);
	uint64_t heads = shm_u64_load_relaxed(&list->heads);

	/* A chain's first block vouches for all of them: readers must see that it is gone before
	 * any of them is used again. */
	if (h->g.blocks)
		shm_u32_store_relaxed(&e->seq, shm_u32_load_relaxed(&e->seq) + 1);
	/* H3 release -> H4 */
	shm_u32_store_release(&e->next, (uint32_t)(heads >> 32));
	/* P1 release -> P2 */
	shm_u64_store_release(&list->heads, heads_pack((uint32_t)heads, elem));
	/* P3 release -> P4 */
	shm_u32_store_release(field, block_behind(h, elem));
	shm_u32_store_relaxed(&list->returned, shm_u32_load_relaxed(&list->returned) + 1);
}

void pool_put(struct hash *h, uint32_t me, uint32_t number, struct shm_u32 *field)
{
	uint32_t l = me % h->g.lists, elem;
	struct pool_list_shm *list = &h->shm->lists[l];

	/* If the lock cannot be had (its holder is stopped for good), the element waits in the
	 * field for our next call; it is not lost. */
	if (lock_acquire_nested(&list->lock, &h->region->owners, me, h->g.n_buckets + l))
		return;
	for (uint32_t n = 0; n < 1 + h->g.blocks; n++) {
		/* Only now: taking the lock from a dead mender settles the field if he had put it
		 * already. */
		elem = shm_u32_load_acquire(field); /* P4 acquire <- P3 */
		if (!elem || elem > h->g.pool_n)
			break;
		shm_u32_store_relaxed(&list->on_behalf, number);
		pool_put_locked(h, list, elem, field);
	}
	lock_release(&list->lock);
}

/* A field that names an element which is in the list (again, or still) does not own it. (Behind the
 * last element of a list's range comes the next list's first, which may well be somebody's.) */
static void field_settle(struct hash *h, uint32_t l, struct shm_u32 *field)
{
	struct pool_list_shm *list = &h->shm->lists[l];
	uint64_t heads = shm_u64_load_acquire(&list->heads); /* P2 acquire <- P1 */
	uint32_t bump = shm_u32_load_acquire(&list->bump);   /* P2 acquire <- P1 */
	uint32_t elem = shm_u32_load_acquire(field);	     /* P4 acquire <- P3 */

	if (elem && elem <= h->g.pool_n &&
	    (elem == (uint32_t)heads || elem == (uint32_t)(heads >> 32) ||
	     (bump < list_len(h, l) && elem == list_base(h, l) + bump + 1)))
		shm_u32_store_relaxed(field, block_behind(h, elem));
}

void pool_mend_list(struct hash *h, uint32_t l)
{
	uint32_t number = shm_u32_load_relaxed(&h->shm->lists[l].on_behalf);

	if (number >= owner_count(&h->region->owners))
		return;
	field_settle(h, l, &owner_record(&h->region->owners, number)->claim);
	field_settle(h, l, &owner_record(&h->region->owners, number)->release);
}

/* Did the list's lock die with somebody who was working for `dead`: itself, or who mended it? */
static bool list_left_by(struct hash *h, uint32_t l, uint32_t dead)
{
	struct pool_list_shm *list = &h->shm->lists[l];
	uint32_t holder = shm_u32_load_acquire(&list->lock) & ~LOCK_WAITED; /* L2 acquire <- L1 */

	if (!holder)
		return false;
	return holder == dead + 1 || (shm_u32_load_relaxed(&list->on_behalf) == dead &&
				      !owner_alive(&h->region->owners, holder - 1));
}

void pool_mend(struct hash *h, uint32_t dead)
{
	for (uint32_t l = 0; l < h->g.lists; l++) {
		if (!list_left_by(h, l, dead))
			continue;
		pool_mend_list(h, l);
		lock_release(&h->shm->lists[l].lock);
	}
}
