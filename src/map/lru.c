/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lru.c: which element an LRU map gives up; map types LRU_HASH, LRU_PERCPU_HASH. Bytes: lru.h. The
 * table itself: hash.c. Policy and its hit ratios: bench/lru/POLICY.md.
 *
 * Policy       PROBATION has new elements and those that fell out of PROTECTED; victims come from
 *              its tail. PROTECTED has those that were used since they came. A use sets the
 *              element's mark and nothing else. A mark that is met (at a tail, or by the hand that
 *              sweeps SWEEP marks per eviction) moves its element to the head of PROTECTED. While
 *              PROBATION is not longer than `share`, PROTECTED's tail falls to PROBATION's head. An
 *              evicted key that comes back while its ghost is remembered says which kind of victim
 *              would have been worth keeping, and moves share. Deterministic for one thread, but
 *              for the hash seed's choice of ghosts.
 * States       node: NOWHERE -> PENDING [lru_add, after the element is in the table] -> PROBATION
 *              or PROTECTED [when its owner next has the lock; at once where batches are of one]
 *              -> NOWHERE [lru_remove, before it leaves the table, from any state]
 *              PROBATION -> LIMBO [lru_choose] -> NOWHERE [lru_claim_victim, under its bucket's
 *              lock] LIMBO -> PENDING [it was used meanwhile], LIMBO, PENDING -> LIMBO of another
 *              owner [steal]
 * Invariants   1. an element of the table is in one list, once, or LIMBO or PENDING; others are
 *                                                                                   NOWHERE
 *                                                                                   (lru_check)
 *              2. length[] are the lists' lengths                                    (lru_check)
 *              3. LIMBO, PENDING mean in the table: who deletes the element first makes it NOWHERE
 *              4. what is in nobody's hand is found: a thread that finds the lists empty steals
 *                 from the others, the dead's are listed by the sweep that follows their mending
 * Locks        lock: lists, words, ghosts. Taken under a bucket lock or none; under it no other.
 *              Marks: no lock.
 * Edges        L1, L2 (sync/lock.h). R1 release of log_n -> R2 acquire: who undoes sees the entries
 *              A state in LIMBO or PENDING changes by compare-and-swap, or with the lock held.
 * Progress     waits for the lock; an eviction looks at SWEEP marks and at most STEPS tails; a
 *              thread that finds the lists empty (fewer elements than threads have in hand) looks
 *              at all nodes
 * If a process dies    holding lock: every word changed since the last whole step is in the log
 *              with its old value; who breaks the lock undoes it. Between its steps: its record
 *              (aside) names the elements whose place it was changing; who mends puts them where
 *              they belong. What it had in hand stays in the table; its tag (number and tenure)
 *              tells, and the sweep lists it.
 * Differences from the kernel: the policy; one element per new one; a failing update evicts
 *              nothing;
 *              NO_COMMON_LRU is accepted and means the same.
 */
#include "map/lru.h"

#include "base/error.h"
#include "map/count.h"

#include <errno.h>

#define SWEEP 64
#define STEPS 64

/* How far a ghost moves share whose kind is half of all victims. */
#define STEP_MIN    2
#define STEP_DIVIDE 32768

/* share is kept in parts of an element: most moves are smaller than a few elements. */
#define PARTS 16

#define GHOST_WAYS	4
#define GHOST_UNITS	2048
#define GHOST_TIME_MASK 0xffffu

/* A thread's batch is at most such a part of the map. */
#define BATCH_PART 32

uint32_t lru_batch_size(uint32_t capacity)
{
	uint32_t n = capacity / BATCH_PART;

	return n < 1 ? 1 : n < LRU_VICTIMS ? n : LRU_VICTIMS;
}

void lru_geometry_of(uint32_t capacity, uint32_t pool_n, struct lru_geometry *g)
{
	uint32_t window = capacity / 2 ? capacity / 2 : 1, ghosts = GHOST_WAYS;

	while (ghosts < 2 * (uint64_t)window)
		ghosts *= 2;
	for (g->ghost_unit = 0; window >> g->ghost_unit > GHOST_UNITS; g->ghost_unit++)
		;
	g->ghost_mask = ghosts / GHOST_WAYS - 1;
	g->nodes_off = (sizeof(struct lru_shm) + 63) / 64 * 64;
	g->marks_off = (g->nodes_off + (pool_n + 2) * sizeof(struct lru_node) + 63) / 64 * 64;
	g->ghosts_off = g->marks_off + (pool_n + SWEEP - 1) / SWEEP * SWEEP;
	g->bytes = g->ghosts_off + ghosts * sizeof(struct shm_u32);
}

/* ---- words, with an undo log ---------------------------------------------------------------- */

static uint32_t get(const struct shm_u32 *word)
{
	return shm_u32_load_relaxed(word);
}

/* A change of several words that happens as a whole or not at all. How many are in the log so far
 * is kept here: reading it back from the log would make each change wait for the one before. */
struct step {
	struct hash *h;
	uint32_t n;
};

/* Change a word; until step_commit() it can be undone. No step changes more than LRU_LOG words. */
static inline void put(struct step *s, struct shm_u32 *word, uint32_t value)
{
	struct lru_shm *lru = s->h->lru;
	uint32_t n = s->n++;

	shm_u32_store_relaxed(&lru->log[n].at, (uint32_t)(word - (struct shm_u32 *)lru));
	shm_u32_store_relaxed(&lru->log[n].old, get(word));
	shm_u32_store_release(&lru->log_n, n + 1); /* R1 release -> R2 */
	shm_u32_store_release(word, value);	   /* R1 release -> R2 */
}

static inline void step_commit(struct step *s)
{
	shm_u32_store_release(&s->h->lru->log_n, 0); /* R1 release -> R2 */
	s->n = 0;
}

void lru_rollback(struct hash *h)
{
	uint32_t n = shm_u32_load_acquire(&h->lru->log_n); /* R2 acquire <- R1 */

	for (n = n < LRU_LOG ? n : LRU_LOG; n > 0; n--) {
		uint32_t at = get(&h->lru->log[n - 1].at);

		if (at < h->g.lru.bytes / sizeof(struct shm_u32))
			shm_u32_store_release((struct shm_u32 *)h->lru + at, /* R1 release -> R2 */
					      get(&h->lru->log[n - 1].old));
	}
	shm_u32_store_release(&h->lru->log_n, 0); /* R1 release -> R2 */
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* Any number from shared memory leads to some node. */
static struct lru_node *node(const struct hash *h, uint32_t number)
{
	return &h->lru_nodes[number < h->g.pool_n + 2 ? number : h->g.pool_n];
}

static uint32_t head_of(const struct hash *h, enum lru_where list)
{
	return h->g.pool_n + (list == LRU_PROTECTED);
}

static enum lru_where where(const struct hash *h, uint32_t number)
{
	return (enum lru_where)(get(&node(h, number)->state) & LRU_WHERE_MASK);
}

static bool in_list(enum lru_where place)
{
	return place == LRU_PROBATION || place == LRU_PROTECTED;
}

static struct shm_u32 *length_of(struct hash *h, enum lru_where list)
{
	return &h->lru->words.length[list == LRU_PROTECTED];
}

static uint32_t tail(const struct hash *h, enum lru_where list)
{
	return get(&node(h, head_of(h, list))->prev);
}

static inline void unlink_node(struct step *s, uint32_t number)
{
	struct hash *h = s->h;
	struct lru_node *n = node(h, number);
	enum lru_where list = where(h, number);
	uint32_t prev = get(&n->prev), next = get(&n->next);

	if (!in_list(list))
		return;
	put(s, &node(h, prev)->next, next);
	put(s, &node(h, next)->prev, prev);
	put(s, length_of(h, list), get(length_of(h, list)) - 1);
	put(s, &n->state, LRU_NOWHERE);
}

static inline void link_node(struct step *s, uint32_t number, enum lru_where list, uint32_t veteran)
{
	struct hash *h = s->h;
	struct lru_node *n = node(h, number), *head = node(h, head_of(h, list));
	uint32_t first = get(&head->next);

	put(s, &n->prev, head_of(h, list));
	put(s, &n->next, first);
	put(s, &node(h, first)->prev, number);
	put(s, &head->next, number);
	put(s, length_of(h, list), get(length_of(h, list)) + 1);
	put(s, &n->state, list | veteran);
}

void lru_init(struct hash *h)
{
	uint32_t heads[2] = {head_of(h, LRU_PROBATION), head_of(h, LRU_PROTECTED)};

	for (int i = 0; i < 2; i++) {
		shm_u32_store_relaxed(&node(h, heads[i])->prev, heads[i]);
		shm_u32_store_relaxed(&node(h, heads[i])->next, heads[i]);
	}
	shm_u32_store_relaxed(&h->lru->words.share, h->max_entries * PARTS);
}

/* ---- marks ---------------------------------------------------------------------------------- */

static bool marked(const struct hash *h, uint32_t number)
{
	return number < h->g.pool_n && shm_u8_load_relaxed(&h->lru_marks[number]);
}

static void unmark(const struct hash *h, uint32_t number)
{
	shm_u8_store_relaxed(&h->lru_marks[number], 0);
}

/* The only answer to a mark, wherever it is found. */
static void promote(struct hash *h, uint32_t number)
{
	struct step step = {h, 0};

	unmark(h, number);
	if (!in_list(where(h, number)))
		return;
	unlink_node(&step, number);
	link_node(&step, number, LRU_PROTECTED, LRU_VETERAN);
	step_commit(&step);
}

/* ---- ghosts --------------------------------------------------------------------------------- */

static struct shm_u32 *ghost_bucket(const struct hash *h, uint32_t hash)
{
	return h->lru_ghosts + (uint64_t)(hash & h->g.lru.ghost_mask) * GHOST_WAYS;
}

static uint32_t ghost_age(const struct hash *h, uint32_t entry)
{
	uint32_t now = get(&h->lru->words.now) >> h->g.lru.ghost_unit;

	return entry ? (now - entry) & GHOST_TIME_MASK : UINT32_MAX;
}

static uint32_t ghost_print(uint32_t hash)
{
	return hash >> 17 | 1;
}

/* Ghosts are hints: they are not logged. */
static void ghost_put(struct hash *h, uint32_t hash, uint32_t veteran)
{
	struct shm_u32 *e = ghost_bucket(h, hash), *oldest = e;
	uint32_t now = get(&h->lru->words.now);

	for (uint32_t i = 1; i < GHOST_WAYS; i++)
		if (ghost_age(h, get(&e[i])) > ghost_age(h, get(oldest)))
			oldest = &e[i];
	shm_u32_store_relaxed(oldest, ghost_print(hash) << 17 | veteran << 16 |
					      (now >> h->g.lru.ghost_unit & GHOST_TIME_MASK));
	shm_u32_store_relaxed(&h->lru->words.now, now + 1);
}

/* 0: a newcomer's ghost, 1: a veteran's; it is forgotten. -1: none that is young enough. */
static int ghost_take(struct hash *h, uint32_t hash)
{
	struct shm_u32 *e = ghost_bucket(h, hash);
	uint32_t window = h->max_entries / 2;

	for (uint32_t i = 0; i < GHOST_WAYS; i++) {
		uint32_t found = get(&e[i]);

		if (found >> 17 != ghost_print(hash))
			continue;
		shm_u32_store_relaxed(&e[i], 0);
		return ghost_age(h, found) <= window >> h->g.lru.ghost_unit ? (int)(found >> 16 & 1)
									    : -1;
	}
	return -1;
}

/* A victim that came back: would a longer PROBATION have kept it, or a longer PROTECTED? The move
 * is as large as this kind is rare among the victims, so the kinds' chances to return are
 * compared. */
static void learn(struct hash *h, int veteran)
{
	struct lru_words *w = &h->lru->words;
	uint32_t cap = h->max_entries, most = cap * PARTS, share = get(&w->share);
	uint32_t least = (cap / 100 ? cap / 100 : 1) * PARTS;
	uint64_t all = (uint64_t)get(&w->evicted[0]) + get(&w->evicted[1]) + 2;
	uint32_t step = (cap / STEP_DIVIDE > STEP_MIN ? cap / STEP_DIVIDE : STEP_MIN) * PARTS;
	uint64_t by = all * step / (2 * ((uint64_t)get(&w->evicted[veteran]) + 1));
	uint32_t d = by < 1 ? 1 : by > 16 * (uint64_t)step ? 16 * step : (uint32_t)by;

	if (share > most)
		share = most;
	if (!veteran)
		share = most - share > d ? share + d : most;
	else
		share = share > least + d ? share - d : least;
	shm_u32_store_relaxed(&w->share, share);
}

static void count_evicted(struct hash *h, uint32_t veteran)
{
	struct shm_u32 *evicted = h->lru->words.evicted;
	uint64_t all;

	shm_u32_store_relaxed(&evicted[veteran], get(&evicted[veteran]) + 1);
	all = (uint64_t)get(&evicted[0]) + get(&evicted[1]);
	for (int i = 0; i < 2 && all > h->max_entries; i++)
		shm_u32_store_relaxed(&evicted[i], get(&evicted[i]) / 2);
}

/* ---- operations ----------------------------------------------------------------------------- */

static int lru_lock(struct hash *h, uint32_t me)
{
	return lock_acquire_nested(&h->lru->lock, &h->region->owners, me, LRU_LOCK);
}

static void lru_unlock(struct hash *h)
{
	lock_release(&h->lru->lock);
}

void lru_intend(struct hash *h, uint32_t me, uint32_t elem, uint32_t other)
{
	shm_u64_store_release(&owner_record(&h->region->owners, me)->aside, /* R1 release -> R2 */
			      (uint64_t)other << 32 | elem);
}

void lru_settled(struct hash *h, uint32_t me)
{
	shm_u64_store_relaxed(&owner_record(&h->region->owners, me)->aside, 0);
}

/* Into a list, from whatever state but one of those. A veteran was worth keeping before. */
static void list(struct hash *h, uint32_t number)
{
	struct step step = {h, 0};
	uint32_t veteran = get(&node(h, number)->state) & LRU_VETERAN;
	int ghost = veteran ? -1 : ghost_take(h, get(&hash_elem(h, number)->hash));

	if (ghost >= 0)
		learn(h, ghost);
	if (veteran || ghost >= 0)
		link_node(&step, number, LRU_PROTECTED, LRU_VETERAN);
	else
		link_node(&step, number, LRU_PROBATION, 0);
	step_commit(&step);
}

static void add_locked(struct hash *h, uint32_t number)
{
	unmark(h, number);
	list(h, number);
}

/* ---- what a thread has in hand -------------------------------------------------------------- */

static struct lru_batch *batch_of(struct owner_local *self)
{
	return (struct lru_batch *)self->batch;
}

static uint32_t tag_of(const struct hash *h, uint32_t owner)
{
	uint32_t tenure = get(&owner_record(&h->region->owners, owner)->tenure);

	return (owner | tenure << 12) << LRU_TAG_SHIFT;
}

static uint32_t tag_owner(uint32_t state)
{
	return state >> LRU_TAG_SHIFT & (OWNER_MAX - 1);
}

/* Does the owner of what is in hand live, and is it the same as then? */
static bool tag_valid(const struct hash *h, uint32_t state)
{
	uint32_t owner = tag_owner(state);

	return owner < owner_count(&h->region->owners) &&
	       (state ^ tag_of(h, owner)) >> LRU_TAG_SHIFT == 0 &&
	       owner_alive(&h->region->owners, owner);
}

static bool in_hand(uint32_t state)
{
	uint32_t place = state & LRU_WHERE_MASK;

	return place == LRU_LIMBO || place == LRU_PENDING;
}

/* From LIMBO or PENDING, where others may be before us. */
static bool state_swap(const struct hash *h, uint32_t number, uint32_t from, uint32_t to)
{
	return shm_u32_cas_acq_rel(&node(h, number)->state, &from, to); /* R1 acq_rel <-> R2 */
}

/* List what self has inserted. */
static void fresh_list(struct hash *h, struct owner_local *self)
{
	struct lru_batch *batch = batch_of(self);
	uint32_t pending = LRU_PENDING | tag_of(h, self->number_plus1 - 1);

	for (uint32_t i = 0; i < batch->fresh; i++) {
		uint32_t state = get(&node(h, batch->fresh_ones[i])->state);

		if ((state & ~(uint32_t)LRU_VETERAN) == pending)
			list(h, batch->fresh_ones[i]);
	}
	batch->fresh = 0;
}

static int fresh_add(struct hash *h, struct owner_local *self, uint32_t number)
{
	struct lru_batch *batch = batch_of(self);
	int err = 0;

	if (batch->fresh == LRU_FRESH || batch->fresh > h->lru_batch) {
		err = lru_lock(h, self->number_plus1 - 1);
		if (err)
			return err;
		fresh_list(h, self);
		lru_unlock(h);
	}
	batch->fresh_ones[batch->fresh++] = number;
	return 0;
}

int lru_add(struct hash *h, struct owner_local *self, uint32_t elem)
{
	uint32_t me = self->number_plus1 - 1;
	int err;

	if (h->lru_batch > 1) {
		unmark(h, elem - 1);
		/* R1 release -> R2 */
		shm_u32_store_release(&node(h, elem - 1)->state, LRU_PENDING | tag_of(h, me));
		return fresh_add(h, self, elem - 1);
	}
	err = lru_lock(h, me);
	if (err)
		return err;
	add_locked(h, elem - 1);
	lru_unlock(h);
	return 0;
}

/* Back into the lists: what a thread has in hand and will not need. */
static void batch_spare(struct hash *h, struct owner_local *self)
{
	struct lru_batch *batch = batch_of(self);
	uint32_t limbo = LRU_LIMBO | tag_of(h, self->number_plus1 - 1);

	fresh_list(h, self);
	for (; batch->victims; batch->victims--)
		if (get(&node(h, batch->victim[batch->victims - 1])->state) == limbo)
			list(h, batch->victim[batch->victims - 1]);
}

void lru_leave(struct hash *h)
{
	struct owner_table *owners = &h->region->owners;
	struct owner_local *self;

	for (uint32_t thread = 0; thread < owners->threads; thread++) {
		self = &owners->by_thread[thread];
		if (!self->number_plus1 || (!batch_of(self)->victims && !batch_of(self)->fresh))
			continue;
		if (lru_lock(h, self->number_plus1 - 1))
			return;
		batch_spare(h, self);
		lru_unlock(h);
	}
}

static void remove_locked(struct hash *h, uint32_t number)
{
	struct step step = {h, 0};

	unmark(h, number);
	if (in_list(where(h, number)))
		unlink_node(&step, number);
	else
		put(&step, &node(h, number)->state, LRU_NOWHERE);
	step_commit(&step);
}

int lru_remove(struct hash *h, uint32_t me, uint32_t elem)
{
	int err = lru_lock(h, me);

	if (err)
		return err;
	remove_locked(h, elem - 1);
	lru_unlock(h);
	return 0;
}

/* The new element takes the old one's place in its list, and counts as used. */
int lru_replace(struct hash *h, uint32_t me, uint32_t old, uint32_t new)
{
	struct step step = {h, 0};
	struct lru_node *from, *to;
	int err = lru_lock(h, me);

	if (err)
		return err;
	from = node(h, old - 1);
	to = node(h, new - 1);
	if (in_list(where(h, old - 1))) {
		put(&step, &to->prev, get(&from->prev));
		put(&step, &to->next, get(&from->next));
		put(&step, &to->state, get(&from->state));
		put(&step, &node(h, get(&from->prev))->next, new - 1);
		put(&step, &node(h, get(&from->next))->prev, new - 1);
		put(&step, &from->state, LRU_NOWHERE);
		step_commit(&step);
	} else {
		remove_locked(h, old - 1);
		add_locked(h, new - 1);
	}
	unmark(h, old - 1);
	lru_unlock(h);
	lru_touch(h, new);
	return 0;
}

/* ---- victims --------------------------------------------------------------------------------- */

/* Those of the dead among the nodes whose marks are swept: into a list. The kernel is asked once
 * for a row of one owner's, since the lock is held. */
static void orphans_list(struct hash *h, uint32_t from)
{
	struct lru_words *w = &h->lru->words;
	uint32_t left = get(&w->orphans), asked = UINT32_MAX,
		 end = from + SWEEP < h->g.pool_n ? from + SWEEP : h->g.pool_n;
	bool lives = false;

	for (uint32_t i = from; i < end; i++) {
		uint32_t state = get(&node(h, i)->state);

		if (!in_hand(state))
			continue;
		if (state >> LRU_TAG_SHIFT != asked)
			lives = tag_valid(h, state);
		asked = state >> LRU_TAG_SHIFT;
		if (!lives)
			list(h, i);
	}
	shm_u32_store_relaxed(&w->orphans, left > SWEEP ? left - SWEEP : 0);
}

/* Brings marks into list order before they are too old to say when the use was. */
static void sweep(struct hash *h)
{
	uint32_t hand = get(&h->lru->words.hand) / SWEEP * SWEEP;

	if (hand >= h->g.pool_n)
		hand = 0;
	for (uint32_t word = hand; word < hand + SWEEP; word += 8) {
		if (!shm_u64_load_relaxed((const struct shm_u64 *)(h->lru_marks + word)))
			continue;
		for (uint32_t i = word; i < word + 8; i++)
			if (marked(h, i))
				promote(h, i);
	}
	if (__builtin_expect(get(&h->lru->words.orphans) != 0, 0))
		orphans_list(h, hand);
	shm_u32_store_relaxed(&h->lru->words.hand, hand + SWEEP);
}

/* Into limbo, with its ghost in the books. */
static void condemn(struct hash *h, uint32_t number, uint32_t limbo)
{
	struct step step = {h, 0};
	uint32_t veteran = (get(&node(h, number)->state) & LRU_VETERAN) != 0;

	unlink_node(&step, number);
	put(&step, &node(h, number)->state, limbo);
	step_commit(&step);
	ghost_put(h, get(&hash_elem(h, number)->hash), veteran);
	count_evicted(h, veteran);
}

static uint32_t choose_locked(struct hash *h)
{
	struct lru_words *w = &h->lru->words;
	struct step step = {h, 0};
	uint32_t number;

	sweep(h);
	for (uint32_t steps = 0; steps < STEPS; steps++) {
		bool demote = get(&w->length[1]) && get(&w->length[0]) <= get(&w->share) / PARTS;

		number = tail(h, demote ? LRU_PROTECTED : LRU_PROBATION);
		if (number >= h->g.pool_n)
			break;
		if (marked(h, number)) {
			promote(h, number);
		} else if (demote) {
			uint32_t veteran = get(&node(h, number)->state) & LRU_VETERAN;

			unlink_node(&step, number);
			link_node(&step, number, LRU_PROBATION, veteran);
			step_commit(&step);
		} else {
			return number;
		}
	}
	number = tail(h, get(&w->length[0]) ? LRU_PROBATION : LRU_PROTECTED);
	return number < h->g.pool_n ? number : tail(h, LRU_PROTECTED);
}

/* Fetch what the next batch will need: victims to be, their marks and nodes. */
static void foresee(const struct hash *h)
{
	uint32_t next = tail(h, LRU_PROBATION);

	for (uint32_t i = 0; i < h->lru_batch && next < h->g.pool_n; i++) {
		__builtin_prefetch(hash_elem(h, next), 1);
		__builtin_prefetch(&h->lru_marks[next], 1);
		next = get(&node(h, next)->prev);
	}
	__builtin_prefetch(node(h, next), 1);
}

/* The lists are empty: somebody else's, or what a thread lost that this handle once had. */
static bool steal(struct hash *h, uint32_t limbo, uint32_t *ret_number)
{
	for (uint32_t i = 0; i < h->g.pool_n; i++) {
		uint32_t state = get(&node(h, i)->state);

		if (in_hand(state) && state_swap(h, i, state, limbo)) {
			*ret_number = i;
			return true;
		}
	}
	return false;
}

/* Victims for a batch, so many as there are. */
static void batch_choose(struct hash *h, struct owner_local *self)
{
	struct lru_batch *batch = batch_of(self);
	uint32_t limbo = LRU_LIMBO | tag_of(h, self->number_plus1 - 1), at = h->lru_batch;

	fresh_list(h, self);
	while (at) {
		uint32_t number = choose_locked(h);

		if (number >= h->g.pool_n)
			break;
		condemn(h, number, limbo);
		batch->victim[--at] = number;
	}
	if (at == h->lru_batch && steal(h, limbo, &batch->victim[at - 1]))
		at--;
	batch->victims = h->lru_batch - at;
	for (uint32_t i = 0; at && i < batch->victims; i++)
		batch->victim[i] = batch->victim[i + at];
}

/* The batch's next victim that was not used since it was chosen. */
static bool batch_next(struct hash *h, struct owner_local *self, uint32_t *ret_number)
{
	struct lru_batch *batch = batch_of(self);
	uint32_t tag = tag_of(h, self->number_plus1 - 1);

	while (batch->victims) {
		uint32_t number = batch->victim[--batch->victims];

		if (get(&node(h, number)->state) != (LRU_LIMBO | tag))
			continue;
		if (!marked(h, number)) {
			*ret_number = number;
			return true;
		}
		if (fresh_add(h, self, number))
			return false;
		unmark(h, number);
		state_swap(h, number, LRU_LIMBO | tag, LRU_PENDING | LRU_VETERAN | tag);
	}
	return false;
}

int lru_choose(struct hash *h, struct owner_local *self, uint32_t *ret_elem)
{
	struct lru_batch *batch = batch_of(self);
	uint32_t number, next;
	int err;

	for (uint32_t tries = 0; !batch_next(h, self, &number); tries++) {
		err = lru_lock(h, self->number_plus1 - 1);
		if (err)
			return err;
		batch_choose(h, self);
		lru_unlock(h);
		foresee(h);
		if (!batch->victims || tries == STEPS)
			return -ENOENT;
	}
	if (batch->victims) {
		next = batch->victim[batch->victims - 1];
		next = hash_bucket_of_stored(h, get(&hash_elem(h, next)->hash));
		__builtin_prefetch(hash_bucket(h, next), 1);
	}
	*ret_elem = number + 1;
	return 0;
}

bool lru_claim_victim(struct hash *h, struct owner_local *self, uint32_t elem)
{
	uint32_t me = self->number_plus1 - 1;
	struct shm_u64 *count = &owner_record(&h->region->owners, me)->counts[COUNT_FULL];

	if (!state_swap(h, elem - 1, LRU_LIMBO | tag_of(h, me), LRU_NOWHERE))
		return false;
	unmark(h, elem - 1);
	shm_u64_store_relaxed(count, shm_u64_load_relaxed(count) + 1);
	return true;
}

uint64_t lru_evictions(const struct hash *h)
{
	const struct owner_table *owners = &h->region->owners;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < owner_count(owners); i++)
		sum += shm_u64_load_relaxed(&owner_record(owners, i)->counts[COUNT_FULL]);
	return sum;
}

/* ---- after a death -------------------------------------------------------------------------- */

/* With the policy's lock held: live or not, the element goes where it belongs. */
static void reconcile(struct hash *h, uint32_t elem, bool live)
{
	if (!elem || elem > h->g.pool_n)
		return;
	if (live && !in_list(where(h, elem - 1)))
		add_locked(h, elem - 1);
	else if (!live)
		remove_locked(h, elem - 1);
}

static bool chain_has(const struct hash *h, const struct bucket_shm *b, uint32_t elem)
{
	uint32_t link = get(&b->chain);

	for (uint32_t hops = 0; link && link <= h->g.pool_n && hops < h->g.pool_n; hops++) {
		if (link == elem)
			return true;
		link = get(&hash_elem(h, link - 1)->next);
	}
	return false;
}

void lru_mend_nested(struct hash *h, uint32_t me, uint32_t dead)
{
	if (lock_held_by(&h->lru->lock, dead)) {
		lru_rollback(h);
		lru_unlock(h);
	}
	/* What it had in hand, if the number was ever used, is listed by and by. */
	if (!get(&owner_record(&h->region->owners, dead)->tenure) || lru_lock(h, me))
		return;
	shm_u32_store_relaxed(&h->lru->words.orphans, h->g.pool_n + SWEEP);
	lru_unlock(h);
}

void lru_mend_bucket(struct hash *h, struct bucket_shm *b, uint32_t me, uint32_t dead)
{
	struct owner_shm *record = owner_record(&h->region->owners, dead);
	uint64_t aside = shm_u64_load_acquire(&record->aside); /* R2 acquire <- R1 */

	if (!aside || lru_lock(h, me))
		return;
	for (; aside; aside >>= 32) {
		uint32_t elem = (uint32_t)aside;
		bool live = chain_has(h, b, elem);

		/* What is neither in the chain nor claimed left the table, and may be somebody
		 * else's. */
		if (live || elem == get(&record->claim))
			reconcile(h, elem, live);
	}
	lru_unlock(h);
	shm_u64_store_relaxed(&record->aside, 0);
}

/* ---- check ---------------------------------------------------------------------------------- */

static int list_check(const struct hash *h, enum lru_where list, const uint8_t *live,
		      uint64_t *ret_length)
{
	uint32_t head = head_of(h, list), at = get(&node(h, head)->next), prev = head;

	for (*ret_length = 0; at != head; (*ret_length)++) {
		if (at >= h->g.pool_n || *ret_length > h->g.pool_n)
			return fail(EUCLEAN, "LRU list %u leads astray", list);
		if (where(h, at) != list || get(&node(h, at)->prev) != prev)
			return fail(EUCLEAN, "LRU list %u is broken at element %u", list, at + 1);
		if (!(live[at / 8] >> (at % 8) & 1))
			return fail(EUCLEAN, "element %u is in an LRU list but not in the table",
				    at + 1);
		prev = at;
		at = get(&node(h, at)->next);
	}
	if (*ret_length != get(&h->lru->words.length[list == LRU_PROTECTED]))
		return fail(EUCLEAN, "LRU list %u has %llu elements, its length says %u", list,
			    (unsigned long long)*ret_length,
			    get(&h->lru->words.length[list == LRU_PROTECTED]));
	return 0;
}

int lru_check(const struct hash *h, const uint8_t *live)
{
	uint64_t lengths[2], n = 0;
	int err;

	if (get(&h->lru->lock) || get(&h->lru->log_n))
		return fail(EUCLEAN, "the LRU lists are locked although nobody uses the map");
	err = list_check(h, LRU_PROBATION, live, &lengths[0]);
	if (!err)
		err = list_check(h, LRU_PROTECTED, live, &lengths[1]);
	if (err)
		return err;
	for (uint32_t i = 0; i < h->g.pool_n; i++) {
		bool is_live = live[i / 8] >> (i % 8) & 1, held = in_hand(get(&node(h, i)->state));

		if (held && !is_live)
			return fail(EUCLEAN, "element %u is chosen or pending but not in the table",
				    i + 1);
		n += is_live && !held;
	}
	if (n != lengths[0] + lengths[1])
		return fail(EUCLEAN,
			    "the table has %llu elements that no thread has in hand, the LRU lists "
			    "%llu",
			    (unsigned long long)n, (unsigned long long)(lengths[0] + lengths[1]));
	return 0;
}
