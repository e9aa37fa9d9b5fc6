/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* count.pml: the redo record and the count (src/map/hash.c): exact max_entries, whoever dies.
 *
 * Two buckets of one slot each; the map has room for MAX elements. An operation inserts into an empty
 * bucket or deletes from a full one.
 *
 * Model                      C
 *   c_n, c_owner, c_seq      hash_shm.count: one word
 *   live[l]                  the bucket's meta
 *   rec_*, active_, acked    struct owner_shm; self_seq: struct owner_local.seq
 *   count_ack(), count_change(), count_changed(), redo_apply(), redo_commit()    the same names
 *   MEND_LOCK, MEND_NESTED   hash_mend()
 *
 * Asserted     live <= count <= max_entries at every step; count = live in the end, so that capacity is
 *              whole; and what owner.pml asserts
 *
 * Canaries     BREAK_COUNT_FIRST    the count is changed before the record is in force
 *              BREAK_NO_ACK         who changes the count does not note its predecessor's change
 *              BREAK_NOT_ASKED      who mends counts a deletion without asking whether it was counted
 *              BREAK_HIDDEN_LATE    a deletion is counted before the element is hidden
 *              BREAK_OLD_NUMBERS    who inherits a number uses the dead owner's numbers again
 */
#ifndef PROCS
#define PROCS 2
#endif
#ifndef NUMBERS
#define NUMBERS 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef OPS
#define OPS 2
#endif
#define LOCKS 2
#define LIVES (DEATHS + 1)
#ifndef MAX
#define MAX 1
#endif

bool live[LOCKS];
byte c_n, c_owner, c_seq;
byte acked[NUMBERS], rec_seq[NUMBERS];
bool rec_insert[NUMBERS], active_[NUMBERS];

#define COUNT_LOCALS                                                                               \
	byte self_seq, k_n, k_owner, k_seq, ack_seen;                                              \
	bool counted;

inline count_load()
{
	atomic { k_n = c_n; k_owner = c_owner; k_seq = c_seq }
}

inline count_forget()
{
	k_n = 0; k_owner = 0; k_seq = 0; ack_seen = 0
}

inline count_ack(owner, seq)
{
	ack_seen = acked[owner];
	do
	:: seq > ack_seen ->
		atomic {
			if
			:: acked[owner] == ack_seen -> acked[owner] = seq; break
			:: else -> ack_seen = acked[owner]
			fi
		}
	:: else -> break
	od
}

/* insert: +1, else -1 */
inline count_change(owner, seq, insert)
{
	count_load();
	do
	:: insert && k_n >= MAX -> counted = false; break
	:: else ->
#ifndef BREAK_NO_ACK
		if
		:: k_owner != owner -> count_ack(k_owner, k_seq)
		:: else
		fi;
#endif
		atomic {
			if
			:: c_n == k_n && c_owner == k_owner && c_seq == k_seq ->
				c_n = c_n + (insert -> 1 : -1);
				c_owner = owner;
				c_seq = seq;
				assert(c_n <= MAX && live[0] + live[1] <= c_n);
				counted = true;
				break
			:: else -> count_load()
			fi
		}
	od;
	atomic { count_forget() }
}

/* Into counted. */
inline count_changed(owner)
{
	counted = (c_owner == owner && c_seq == rec_seq[owner]);
	counted = counted || (acked[owner] == rec_seq[owner])
}

inline redo_apply(owner, l)
{
#ifdef BREAK_HIDDEN_LATE
	if
	:: !rec_insert[owner] -> count_changed(owner); redo_count(owner)
	:: else
	fi;
#endif
	atomic { live[l] = rec_insert[owner]; assert(live[0] + live[1] <= c_n) };
#ifndef BREAK_HIDDEN_LATE
	if
	:: !rec_insert[owner] -> count_changed(owner); redo_count(owner)
	:: else
	fi;
#endif
	active_[owner] = false
}

inline redo_count(owner)
{
	if
#ifndef BREAK_NOT_ASKED
	:: counted -> skip
#endif
	:: else -> count_change(owner, rec_seq[owner], false)
	fi
}

inline hash_mend(owner, l)
{
	if
	:: !active_[owner]
	:: else ->
		count_changed(owner);
		if
		:: rec_insert[owner] && !counted -> active_[owner] = false
		:: else ->
			redo_apply(owner, l)
		fi
	fi;
	atomic { count_forget(); counted = false }
}

#define MEND_LOCK(me, dead, l) hash_mend(dead, l)
#define MEND_NESTED(me, dead)  skip
#define MEND_NONE(me, dead)    skip
#ifdef BREAK_OLD_NUMBERS
#define RECORD_BEGIN(me)       self_seq = acked[me]; active_[me] = false
#else
#define RECORD_BEGIN(me)       self_seq = rec_seq[me]; active_[me] = false
#endif

#include "owner.pml"

inline redo_commit(l)
{
	if :: acked[me] = self_seq :: skip fi;
	self_seq++;
	/* No order between these four. */
	atomic { rec_insert[me] = !live[l]; rec_seq[me] = self_seq };
#ifdef BREAK_COUNT_FIRST
	counted = true;
	if
	:: rec_insert[me] -> count_change(me, self_seq, true)
	:: else
	fi;
	active_[me] = true;
#else
	active_[me] = true;
	counted = true;
	if
	:: rec_insert[me] -> count_change(me, self_seq, true)
	:: else
	fi;
#endif
	if
	:: !counted -> active_[me] = false
	:: else -> redo_apply(me, l)
	fi;
	counted = false
}

inline operation()
{
	if
	:: bucket = 0
	:: bucket = 1
	fi;
	lock_acquire(bucket);
	redo_commit(bucket);
	lock_release(bucket);
	bucket = 0
}

proctype process(byte id)
{
	OWNER_LOCALS
	COUNT_LOCALS
	byte op, bucket;

	me = id;
	do
	:: lives == 0 -> atomic { finished++; break }
	:: else ->
		{
			owner_register();
			for (op : 1 .. OPS) {
				operation()
			};
			process_end();
			break
		} unless {
			atomic { kill[id]?true -> process_die(); count_forget(); self_seq = 0; counted = false; op = 0; bucket = 0 }
		}
	od
}

proctype last()
{
	OWNER_LOCALS
	COUNT_LOCALS
	byte n, id = PROCS;

	finished == PROCS;
	for (n : 0 .. NUMBERS - 1) {
		atomic { me = n; beacon[n] = true };
		owner_adopt();
		beacon[n] = false
	};
	assert(word[0] == 0 && word[1] == 0 && mend_owner == 0);
	assert(c_n == live[0] + live[1])
}

init {
	processes_start()
}
