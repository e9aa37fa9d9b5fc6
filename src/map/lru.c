/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lru.c: which element an LRU map gives up; map types LRU_HASH, LRU_PERCPU_HASH. Bytes: lru.h. The table
 * itself: hash.c. Policy and its hit ratios: bench/lru/POLICY.md.
 *
 * Policy       PROBATION has new elements and those that fell out of PROTECTED; victims come from its tail.
 *              PROTECTED has those that were used since they came. A use sets the element's mark and
 *              nothing else. A mark that is met (at a tail, or by the hand that sweeps SWEEP marks per
 *              eviction) moves its element to the head of PROTECTED. While PROBATION is not longer than
 *              `share`, PROTECTED's tail falls to PROBATION's head. An evicted key that comes back while
 *              its ghost is remembered says which kind of victim would have been worth keeping, and
 *              moves share. Deterministic for one thread, but for the hash seed's choice of ghosts.
 * States       node: NOWHERE -> PROBATION or PROTECTED [lru_add, after the element is in the table]
 *              -> NOWHERE [lru_remove, before it leaves the table]
 *              -> LIMBO [lru_choose] -> NOWHERE [lru_claim_victim, under its bucket's lock]
 * Invariants   1. an element of the table is in one list, once; others are in none   (lru_check)
 *              2. length[] are the lists' lengths                                    (lru_check)
 *              3. LIMBO means in the table: who deletes the element first takes it out of limbo
 * Locks        lock: lists, words, ghosts. Taken under a bucket lock or none; under it no other.
 *              Marks: no lock.
 * Edges        L1, L2 (sync/lock.h). R1 release of log_n -> R2 acquire: who undoes sees the entries
 * Progress     waits for the lock; an eviction looks at SWEEP marks and at most STEPS tails
 * If a process dies    holding lock: every word changed since the last whole step is in the log with
 *              its old value; who breaks the lock undoes it. Between its steps: its record (aside)
 *              names the elements whose place it was changing; who mends puts them where they belong.
 * Differences from the kernel: the policy; one element per new one; a failing update evicts nothing;
 *              NO_COMMON_LRU is accepted and means the same.
 */
#include "map/lru.h"

#include "base/error.h"

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

#define WHERE_MASK 0xffu

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

/* A change of several words that happens as a whole or not at all. How many are in the log so far is kept
 * here: reading it back from the log would make each change wait for the one before. */
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
	return (enum lru_where)(get(&node(h, number)->state) & WHERE_MASK);
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
	put(s, &n->state, (get(&n->state) & ~WHERE_MASK) | LRU_NOWHERE);
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
	shm_u32_store_relaxed(&h->lru->words.hand, hand + SWEEP);
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

/* A victim that came back: would a longer PROBATION have kept it, or a longer PROTECTED? The move is as
 * large as this kind is rare among the victims, so the kinds' chances to return are compared. */
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

static void add_locked(struct hash *h, uint32_t number)
{
	struct step step = {h, 0};
	int ghost = ghost_take(h, get(&hash_elem(h, number)->hash));

	if (ghost >= 0)
		learn(h, ghost);
	unmark(h, number);
	if (ghost >= 0)
		link_node(&step, number, LRU_PROTECTED, LRU_VETERAN);
	else
		link_node(&step, number, LRU_PROBATION, 0);
	step_commit(&step);
}

int lru_add(struct hash *h, uint32_t me, uint32_t elem)
{
	int err = lru_lock(h, me);

	if (err)
		return err;
	add_locked(h, elem - 1);
	lru_unlock(h);
	return 0;
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

/* Into limbo, with its ghost in the books. */
static void condemn(struct hash *h, uint32_t me, uint32_t number)
{
	struct step step = {h, 0};
	uint32_t veteran = (get(&node(h, number)->state) & LRU_VETERAN) != 0;

	lru_intend(h, me, number + 1, 0);
	unlink_node(&step, number);
	put(&step, &node(h, number)->prev, me);
	put(&step, &node(h, number)->state, LRU_LIMBO);
	step_commit(&step);
	ghost_put(h, get(&hash_elem(h, number)->hash), veteran);
	count_evicted(h, veteran);
	shm_u64_store_relaxed(&h->lru->evictions, shm_u64_load_relaxed(&h->lru->evictions) + 1);
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

/* Fetch what the next evictions will need: the bucket of the next victim, whose element was fetched when
 * it was the one after the next, and the element of the one after it. */
static void foresee(const struct hash *h)
{
	uint32_t next = tail(h, LRU_PROBATION), after, bucket;

	if (next >= h->g.pool_n)
		return;
	bucket = hash_bucket_of_stored(h, get(&hash_elem(h, next)->hash));
	__builtin_prefetch(hash_bucket(h, bucket), 1);
	after = get(&node(h, next)->prev);
	if (after >= h->g.pool_n)
		return;
	__builtin_prefetch(hash_elem(h, after), 1);
	__builtin_prefetch(node(h, get(&node(h, after)->prev)), 1);
	__builtin_prefetch(&h->lru_marks[after], 1);
}

int lru_choose(struct hash *h, uint32_t me, uint32_t *ret_elem)
{
	uint32_t number;
	int err = lru_lock(h, me);

	if (err)
		return err;
	number = choose_locked(h);
	if (number < h->g.pool_n)
		condemn(h, me, number);
	lru_unlock(h);
	foresee(h);
	if (number >= h->g.pool_n)
		return -ENOENT;
	*ret_elem = number + 1;
	return 0;
}

bool lru_claim_victim(struct hash *h, uint32_t me, uint32_t elem)
{
	struct lru_node *n = node(h, elem - 1);

	if (where(h, elem - 1) != LRU_LIMBO || get(&n->prev) != me)
		return false;
	unmark(h, elem - 1);
	shm_u32_store_release(&n->state, LRU_NOWHERE); /* R1 release -> R2 */
	return true;
}

void lru_spare(struct hash *h, uint32_t me, uint32_t elem)
{
	if (lru_lock(h, me))
		return;
	if (where(h, elem - 1) == LRU_LIMBO && get(&node(h, elem - 1)->prev) == me)
		add_locked(h, elem - 1);
	lru_unlock(h);
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
	struct owner_shm *record = owner_record(&h->region->owners, dead);
	uint32_t elem;

	if (lock_held_by(&h->lru->lock, dead)) {
		lru_rollback(h);
		lru_unlock(h);
	}
	elem = (uint32_t)shm_u64_load_acquire(&record->aside); /* R2 acquire <- R1 */
	if (!elem || elem > h->g.pool_n || lru_lock(h, me))
		return;
	/* Its victim, which it will not evict now, is in the table: invariant 3. */
	if (where(h, elem - 1) == LRU_LIMBO && get(&node(h, elem - 1)->prev) == dead)
		reconcile(h, elem, true);
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

		/* What is neither in the chain nor claimed left the table, and may be somebody else's. */
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
	for (uint32_t i = 0; i < h->g.pool_n; i++)
		n += live[i / 8] >> (i % 8) & 1;
	if (n != lengths[0] + lengths[1])
		return fail(EUCLEAN, "the table has %llu elements, the LRU lists %llu",
			    (unsigned long long)n, (unsigned long long)(lengths[0] + lengths[1]));
	return 0;
}
