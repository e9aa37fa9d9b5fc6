/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lock.h: a lock word in shared memory that survives its owner's death.
 *
 * States       0 free -> owner + 1 [lock_acquire] -> 0 [lock_release]
 *              owner + 1 -> owner + 1 with LOCK_WAITED [lock_pause, before it sleeps]
 *              owner + 1, owner dead -> mended -> 0 [lock_break, by whoever waits]
 * Edges        L1 release in lock_release -> L2 acquire in lock_acquire
 * Progress     waits for the holder: spins, yields, then sleeps in growing steps up to 1 ms and
 *              asks each time whether the holder lives. Gives up when for LOCK_TIMEOUT_NS nobody
 *              has released the lock: a stopped process or a scribbled word must not hang others.
 *              Who releases a lock that somebody sleeps for lets him have it first.
 * If a process dies    the next who wants the lock mends and goes on
 */
#ifndef BPFMAP_SYNC_LOCK_H
#define BPFMAP_SYNC_LOCK_H

#include "sync/owner.h"

#define LOCK_TIMEOUT_NS 1000000000ull
#define LOCK_WAITED	0x80000000u /* somebody sleeps; cleared by the release */

/* The number of values' spin locks. Where an update holds one, it also holds the lock around it
 * (bucket, stripe), and only mending that one makes the value whole; so it is mended before the
 * value's lock is given on. */
#define LOCK_VALUE 0xfe000000u

/* In a record's lock_at: the owner is in the middle of taking or giving back all locks
 * (map/hold.c), and changes nothing meanwhile. */
#define LOCK_ALL 0xfc000000u

/* Does this owner hold the lock? */
static inline bool lock_held_by(const struct shm_u32 *word, uint32_t owner)
{
	return (shm_u32_load_acquire(word) & ~LOCK_WAITED) == owner + 1; /* L2 acquire <- L1 */
}

/* If the lock's holder is dead: mend what it left and free the lock. True if it was. */
bool lock_break_dead(struct shm_u32 *word, struct owner_table *table, uint32_t me,
		     uint32_t lock_index);

/* A moment's wait that grows from nothing to a millisecond with the round's number. Before it
 * sleeps, it marks the lock as waited for; *released says whether the lock was released since the
 * last mark. */
void lock_pause(struct shm_u32 *word, unsigned int round, bool *released);

/* Sleep with locks held, a thousandth of a second at most: no thread is cancelled meanwhile, which
 * would leave them to a living process. */
void lock_sleep(uint64_t ns);

/* Somebody sleeps for the lock that was just released: let him take it. */
void lock_yield(struct shm_u32 *word);

/* The slow path: somebody holds the word. 0: taken. ETIMEDOUT; EDEADLK: the caller holds it. */
int lock_wait(struct shm_u32 *word, struct owner_table *table, uint32_t me, uint32_t lock_index);

/* Take lock number lock_index, whose word is *word, for owner me. */
static inline int lock_acquire(struct shm_u32 *word, struct owner_table *table, uint32_t me,
			       uint32_t lock_index)
{
	uint32_t expected = 0;

	/* Before the word says that we hold it, our record says which lock that is. */
	shm_u32_store_relaxed(&owner_record(table, me)->lock_at, lock_index + 1);
	if (__builtin_expect(shm_u32_cas_acq_rel(word, &expected, me + 1),
			     1)) /* L2 acq_rel <- L1 */
		return 0;
	return lock_wait(word, table, me, lock_index);
}

/* Take a lock while another one is held: the record goes on naming the outer one. */
static inline int lock_acquire_nested(struct shm_u32 *word, struct owner_table *table, uint32_t me,
				      uint32_t lock_index)
{
	uint32_t expected = 0;

	if (__builtin_expect(shm_u32_cas_acq_rel(word, &expected, me + 1),
			     1)) /* L2 acq_rel <- L1 */
		return 0;
	return lock_wait(word, table, me, lock_index);
}

static inline void lock_release(struct shm_u32 *word)
{
	uint32_t waited = shm_u32_load_relaxed(word) & LOCK_WAITED;

	shm_u32_store_release(word, 0); /* L1 release -> L2 */
	if (__builtin_expect(waited != 0, 0))
		lock_yield(word);
}

#endif
