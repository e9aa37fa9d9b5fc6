/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* owner.pml: numbers, beacons, locks and mending, included by the models whose owners die.
 *
 * Model                         C
 *   beacon[n]                   the kernel's lock on byte OWNER_BEACON + n; seen by owner_alive()
 *   lock_at[n]                  struct owner_shm.lock_at
 *   word[l]                     a bucket's or stripe's lock: owner + 1, WAITED
 *   mend_owner                  the owner's half of owner_table_shm.mend_lock; its generation: seen_fresh
 *   owner_register()            owner.c: take_number(), adopt_number()
 *   owner_mend_own()            lock.c: owner_mend(table, me, me)
 *   mend_trylock(), mend_unlock()      lock.c, the same names
 *   lock_acquire(), lock_release()     lock.h, the same names; waiting: lock_wait(), lock_break()
 *
 * The including model says what its locks protect:
 *   MEND_NESTED(me, dead)       table->mend(..., LOCK_NESTED)
 *   MEND_LOCK(me, dead, l)      table->mend(..., l)
 *   MEND_NONE(me, dead)         table->mend(..., LOCK_NONE)
 *   RECORD_BEGIN(me)            the rest of adopt_number(): a record of one's own
 *
 * Waiting is modelled as blocking until something can be done, so that whoever would wait for ever shows
 * as an invalid end state. Nobody times out. Each line is one step unless it says atomic; words of the
 * process alone are changed together with the step before or after them.
 *
 * Death: a killer sets killed[i] at any moment; the process's next step is its death, and its beacon goes
 * out a step later. It may live again, with whatever number it finds.
 */
#define NONE   255
#define WAITED 64
#define OWNER(w) ((w) & ~WAITED)

bool beacon[NUMBERS];
byte lock_at[NUMBERS];
byte word[LOCKS];
byte mend_owner, seen_fresh;
chan kill[PROCS] = [0] of { bool };
byte finished;

/* Ghosts. */
byte menders, inside[LOCKS];

#define DEAD(owner_plus1) ((owner_plus1) != 0 && !beacon[(owner_plus1) - 1])

/* What every process has. */
#define OWNER_LOCALS                                                                               \
	byte me, lives = LIVES;                                                                    \
	byte seen_owner; /* mend_lock's, as loaded */                                              \
	byte dead, at;                                                                             \
	bool turn;  /* we hold mend_lock */                                                        \
	byte cs;    /* lock + 1 that we are inside of */

/* The word's generation changes with each taking, so that a number whose new owner took mend_lock over
 * from its former one is told apart. Here: whose loaded copy is still the word's value. */
#ifdef BREAK_NO_GENERATION
#define WORD_IS_SEEN   (mend_owner == seen_owner)
#define WORD_CHANGED() skip
#else
#define WORD_IS_SEEN   (seen_fresh & (1 << id))
#define WORD_CHANGED() seen_fresh = 0
#endif

/* Whether trying for mend_lock can lead to anything. */
#ifdef BREAK_MENDER_STAYS
#define MEND_FREE (mend_owner == 0)
#else
#define MEND_FREE (mend_owner == 0 || mend_owner == me + 1 || DEAD(mend_owner))
#endif

inline mend_taken()
{
	mend_owner = me + 1;
	WORD_CHANGED();
	turn = true;
	menders++;
	assert(menders == 1)
}

inline mend_trylock()
{
	atomic {
		if
		:: mend_owner == 0 ->
			mend_taken()
		:: else ->
			seen_owner = mend_owner;
			seen_fresh = seen_fresh | (1 << id)
		fi
	};
	if
	:: turn
	:: else ->
		if
		:: seen_owner != me + 1 && beacon[seen_owner - 1]
		:: else ->
			atomic {
				if
				:: WORD_IS_SEEN -> mend_taken()
				:: else
				fi
			}
		fi;
		atomic { seen_owner = 0; seen_fresh = seen_fresh & ~(1 << id) }
	fi
}

inline mend_unlock()
{
	atomic {
		assert(mend_owner == me + 1);
		mend_owner = 0;
		WORD_CHANGED();
		turn = false;
		menders--;
		dead = 0; at = 0
	}
}

/* The lock that the dead owner's record names, if it died with it. */
inline mend_held()
{
	at = lock_at[dead];
	if
	:: at != 0 && OWNER(word[at - 1]) == dead + 1 ->
		MEND_LOCK(me, dead, at - 1);
		word[at - 1] = 0
	:: else ->
		MEND_NONE(me, dead)
	fi
}

inline owner_mend_own()
{
	do
	:: turn -> break
	:: !turn && MEND_FREE -> mend_trylock()
	od;
	dead = me;
	MEND_NESTED(me, dead);
	mend_held();
	lock_at[me] = 0;
	mend_unlock()
}

inline owner_adopt()
{
#ifndef BREAK_ADOPT
	owner_mend_own();
#endif
	RECORD_BEGIN(me)
}

/* A process begins with a record of its own; later lives take whatever number is dark. */
inline owner_register()
{
	if
	:: lives == LIVES -> atomic { me = id; RECORD_BEGIN(me) }
	:: else ->
		if
		:: atomic { !beacon[0] -> beacon[0] = true; me = 0 }
		:: atomic { !beacon[1] -> beacon[1] = true; me = 1 }
#if NUMBERS > 2
		:: atomic { !beacon[2] -> beacon[2] = true; me = 2 }
#endif
		fi;
		owner_adopt()
	fi
}

#ifdef BREAK_NO_RECHECK
#define STILL_DEAD(l) true
#else
#define STILL_DEAD(l) (OWNER(word[l]) == dead + 1 && !beacon[dead])
#endif

inline lock_break(l)
{
	mend_trylock();
	if
	:: turn ->
		if
		:: STILL_DEAD(l) ->
#ifdef BREAK_RELEASE_FIRST
			word[l] = 0;
			MEND_LOCK(me, dead, l)
#else
			MEND_LOCK(me, dead, l);
			word[l] = 0
#endif
		:: else
		fi;
		mend_unlock()
	:: else
	fi
}

inline lock_acquire(l)
{
#ifndef BREAK_LOCK_AT_LATE
	lock_at[me] = l + 1;
#endif
	do
	:: atomic { word[l] == 0 -> word[l] = me + 1; cs = l + 1; inside[l]++ };
		assert(inside[l] == 1);
		break
#ifdef WITH_WAITED
	:: atomic { word[l] != 0 && !(word[l] & WAITED) -> word[l] = word[l] | WAITED }
#endif
	:: atomic {
		OWNER(word[l]) != me + 1 && DEAD(OWNER(word[l])) && MEND_FREE ->
		dead = OWNER(word[l]) - 1
	   };
		lock_break(l)
	od;
#ifdef BREAK_LOCK_AT_LATE
	lock_at[me] = l + 1
#endif
}

inline lock_release(l)
{
	atomic {
		assert(OWNER(word[l]) == me + 1);
		word[l] = 0;
		cs = 0;
		inside[l]--
	}
}

/* The process is gone with its beacon. (That the beacon goes out later than the last step is no other
 * behaviour: a process that takes no step for a while, and then dies.) */
inline process_die()
{
	if
	:: cs -> inside[cs - 1]--; cs = 0
	:: else
	fi;
	if
	:: turn -> menders--; turn = false
	:: else
	fi;
	if
	:: me != NONE -> beacon[me] = false; me = NONE
	:: else
	fi;
	seen_fresh = seen_fresh & ~(1 << id);
	dead = 0; at = 0; seen_owner = 0;
	lives--
}

/* owner_table_close() */
inline process_end()
{
	atomic {
		beacon[me] = false;
		me = NONE;
		finished++
	}
}

proctype killer()
{
	byte left_over = DEATHS;

	do
	:: left_over > 0 && finished < PROCS ->
		if
		:: atomic { kill[0]!true; left_over-- }
		:: atomic { kill[1]!true; left_over-- }
#if PROCS > 2
		:: atomic { kill[2]!true; left_over-- }
#endif
		:: finished == PROCS -> skip
		fi
	:: else -> break
	od
}

/* The numbers of the first lives are lit. */
inline processes_start()
{
	byte i;

	atomic {
		for (i : 0 .. PROCS - 1) {
			beacon[i] = true;
			run process(i)
		};
		run killer();
		run last()
	}
}
