/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lock.c: the slow path of lock.h, and mending.
 *
 * Mending is serialised by one lock per region, mend_lock. It needs no mending itself: what is done
 * under it is idempotent, so who finds its holder dead takes it over and begins again. The word
 * also counts its takings: else who saw a dead holder could take it from the living one that
 * inherited the number, and with it mend_lock, in between (tests/model/lock.pml).
 *
 * Edges        L1, L2: lock.h
 *              M1 release of mend_lock -> M2 acquire: the next mender sees what the last one did
 */
#include "sync/lock.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#define SPINS	     100
#define YIELDS	     20
#define SLEEP_NS     50000
#define SLEEP_MAX_NS 1000000
#define HANDOVER_NS  300000 /* longer than the sleep of somebody who waits */

void lock_sleep(uint64_t ns)
{
	struct timespec ts = {.tv_nsec = (long)ns};
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	nanosleep(&ts, NULL);
	pthread_setcancelstate(state, NULL);
}

enum mend_turn {
	MEND_BUSY,   /* somebody alive is mending */
	MEND_TAKEN,  /* we hold mend_lock; release it */
	MEND_NESTED, /* we held it already: a mender met another dead owner */
};

/* The table that this thread is mending. That mend_lock holds our number is no proof: who inherits
 * a number from an owner that died while mending inherits mend_lock too. */
static _Thread_local const struct owner_table *mending;

/* Of mend_lock: owner + 1. Above it stand the takings. */
#define MEND_OWNER 0x1fffu

static enum mend_turn mend_trylock(struct owner_table *table, uint32_t me)
{
	struct shm_u32 *word = &table->shm->mend_lock;
	uint32_t seen = shm_u32_load_relaxed(word), holder = seen & MEND_OWNER;

	if (mending == table)
		return MEND_NESTED;
	if (holder && holder != me + 1 && owner_alive(table, holder - 1))
		return MEND_BUSY;
	/* M2 acq_rel <- M1 */
	if (!shm_u32_cas_acq_rel(word, &seen, ((seen | MEND_OWNER) + 1) | (me + 1)))
		return MEND_BUSY;
	mending = table;
	return MEND_TAKEN;
}

static void mend_unlock(struct owner_table *table, enum mend_turn turn)
{
	struct shm_u32 *word = &table->shm->mend_lock;

	if (turn != MEND_TAKEN)
		return;
	mending = NULL;
	shm_u32_store_release(word,
			      shm_u32_load_relaxed(word) & ~MEND_OWNER); /* M1 release -> M2 */
}

/* The dead owner held the map still: whatever locks it had got are free again. */
static void mend_all_held(struct owner_table *table, uint32_t dead)
{
	for (uint32_t i = 0; i < table->locks; i++) {
		struct shm_u32 *word = table->lock_word(table->arg, i);

		if (word && lock_held_by(word, dead))
			lock_release(word);
	}
}

/* Mend the lock that the dead owner's record names, if it died with it. False: it did not. */
static bool mend_held(struct owner_table *table, uint32_t me, uint32_t dead)
{
	uint32_t lock_at = shm_u32_load_relaxed(&owner_record(table, dead)->lock_at);
	struct shm_u32 *word = lock_at ? table->lock_word(table->arg, lock_at - 1) : NULL;

	if (lock_at == LOCK_ALL + 1)
		mend_all_held(table, dead);
	if (!word || !lock_held_by(word, dead))
		return false;
	table->mend(table->arg, me, dead, lock_at - 1);
	lock_release(word);
	return true;
}

/* Break the lock of a dead owner. The caller has seen that the owner is dead; that is looked at
 * again under mend_lock, because its number may have passed to somebody else meanwhile. */
static void lock_break(struct shm_u32 *word, struct owner_table *table, uint32_t me, uint32_t dead,
		       uint32_t lock_index)
{
	enum mend_turn turn = mend_trylock(table, me);

	if (turn == MEND_BUSY)
		return;
	if (lock_held_by(word, dead) && !owner_alive(table, dead)) {
		if (dead < OWNER_MAX && lock_index == LOCK_VALUE)
			mend_held(table, me, dead);
		else if (dead < OWNER_MAX)
			table->mend(table->arg, me, dead, lock_index);
		lock_release(word);
	}
	mend_unlock(table, turn);
}

bool lock_break_dead(struct shm_u32 *word, struct owner_table *table, uint32_t me,
		     uint32_t lock_index)
{
	uint32_t holder = shm_u32_load_relaxed(word) & ~LOCK_WAITED;

	if (!holder || holder == me + 1 || owner_alive(table, holder - 1))
		return false;
	lock_break(word, table, me, holder - 1, lock_index);
	return true;
}

void lock_pause(struct shm_u32 *word, unsigned int round, bool *released)
{
	uint32_t seen = shm_u32_load_relaxed(word);
	uint64_t ns;

	*released = !(seen & LOCK_WAITED);
	if (round < SPINS) {
		cpu_relax();
		return;
	}
	if (round < SPINS + YIELDS) {
		sched_yield();
		return;
	}
	if (seen && !(seen & LOCK_WAITED))
		shm_u32_cas_acq_rel(word, &seen, seen | LOCK_WAITED); /* L2 acq_rel <- L1 */
	round -= SPINS + YIELDS;
	ns = round < 5 ? (uint64_t)SLEEP_NS << round : SLEEP_MAX_NS;
	lock_sleep(*released ? SLEEP_NS : ns);
}

void lock_yield(struct shm_u32 *word)
{
	uint64_t deadline = clock_now_ns() + HANDOVER_NS;

	while (shm_u32_load_relaxed(word) == 0 && clock_now_ns() < deadline)
		sched_yield();
}

static int lock_timeout(struct shm_u32 *word, const struct owner_table *table, uint32_t lock_index)
{
	uint32_t holder = shm_u32_load_relaxed(word) & ~LOCK_WAITED;

	return fail(ETIMEDOUT,
		    "process %u has held lock %u of the map for a second and is alive; is it "
		    "stopped?",
		    holder && holder <= owner_count(table)
			    ? shm_u32_load_relaxed(&owner_record(table, holder - 1)->pid)
			    : 0,
		    lock_index);
}

int lock_wait(struct shm_u32 *word, struct owner_table *table, uint32_t me, uint32_t lock_index)
{
	uint64_t start = 0;
	bool released;

	for (unsigned int round = 0;; round++) {
		uint32_t holder = 0;

		if (shm_u32_load_relaxed(word) == 0 &&
		    shm_u32_cas_acq_rel(word, &holder, me + 1)) /* L2 acq_rel <- L1 */
			return 0;
		if (lock_held_by(word, me))
			return fail(
				EDEADLK,
				"this thread already holds lock %u of the map; do not use a map "
				"from a signal handler",
				lock_index);
		lock_pause(word, round, &released);
		if (round < SPINS + YIELDS)
			continue;
		if (lock_break_dead(word, table, me, lock_index))
			continue;
		if (!start || released)
			start = clock_now_ns();
		else if (clock_now_ns() - start > LOCK_TIMEOUT_NS)
			return lock_timeout(word, table, lock_index);
	}
}

int owner_mend(struct owner_table *table, uint32_t me, uint32_t dead)
{
	struct owner_shm *record = owner_record(table, dead);
	uint64_t deadline = clock_now_ns() + LOCK_TIMEOUT_NS;
	enum mend_turn turn;

	while ((turn = mend_trylock(table, me)) == MEND_BUSY) {
		if (clock_now_ns() > deadline)
			return fail(ETIMEDOUT, "a live process has been mending the map for a "
					       "second; is it stopped?");
		lock_sleep(SLEEP_NS);
	}
	table->mend(table->arg, me, dead, LOCK_NESTED);
	if (!mend_held(table, me, dead))
		table->mend(table->arg, me, dead, LOCK_NONE);
	table->mend(table->arg, me, dead, LOCK_VALUE);
	shm_u32_store_relaxed(&record->lock_at, 0);
	shm_u32_store_relaxed(&record->moves, 0);
	mend_unlock(table, turn);
	return 0;
}
