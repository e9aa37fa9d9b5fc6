/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lock.pml: the lock that survives its owner's death (src/sync/lock.c, owner.c), and CPUs (vcpu.c).
 *
 * What a lock protects here: two words that must be equal, changed by a redo record (rec, active) as a
 * bucket's are. Who acquires a lock finds them equal.
 *
 * Asserted     one live owner inside a lock; one live mender; the words are equal when a lock is taken and
 *              in the end; nobody waits for ever (no invalid end state), whoever dies and whoever inherits
 *              which number; after the last adoption no lock is held
 * -DWITH_CPUS  owners go onto a CPU first (vcpu_enter): its lock stands in no record. No live owner's
 *              plain addition to the CPU's value is lost.
 *
 * Canaries     BREAK_NO_RECHECK     lock_break() trusts what it saw before it had mend_lock
 *              BREAK_ADOPT          a number is inherited without mending
 *              BREAK_LOCK_AT_LATE   the record names the lock after it was taken
 *              BREAK_RELEASE_FIRST  freed, then mended
 *              BREAK_MENDER_STAYS   a dead mender's lock is not taken over
 *              BREAK_NO_GENERATION  mend_lock is the owner's number alone
 *              BREAK_CPU_STAYS      (WITH_CPUS) who inherits a number does not leave its CPUs
 */
#ifndef PROCS
#define PROCS 3
#endif
#ifndef NUMBERS
#define NUMBERS 3
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef OPS
#define OPS 1
#endif
#define LOCKS 1
#define LIVES 3
#define CPUS  1

byte left[1], right[1], rec[NUMBERS];
bool active_[NUMBERS];

inline redo_apply(owner, l)
{
	left[l] = rec[owner];
	right[l] = rec[owner];
	active_[owner] = false
}

#define MEND_LOCK(me, dead, l)                                                                     \
	if                                                                                         \
	:: active_[dead] -> redo_apply(dead, l)                                                    \
	:: else                                                                                    \
	fi
#define MEND_NONE(me, dead) skip
#define RECORD_BEGIN(me)    active_[me] = false

#ifdef WITH_CPUS
byte cpu_word[CPUS], cpu_value[CPUS], cpu_added[CPUS];

inline vcpu_mend()
{
#ifndef BREAK_CPU_STAYS
	if
	:: cpu_word[0] == dead + 1 -> cpu_word[0] = 0
	:: else
	fi
#else
	skip
#endif
}
#define MEND_NESTED(me, dead) vcpu_mend()
#else
#define MEND_NESTED(me, dead) skip
#endif

#include "owner.pml"

#ifdef WITH_CPUS
/* break_dead(): as lock_break() with an index that needs no mending. */
inline vcpu_break()
{
	mend_trylock();
	if
	:: turn ->
		if
		:: cpu_word[0] == dead + 1 && !beacon[dead] -> cpu_word[0] = 0
		:: else
		fi;
		mend_unlock()
	:: else
	fi
}

inline vcpu_enter()
{
	do
	:: atomic { cpu_word[0] == 0 -> cpu_word[0] = me + 1 }; break
	:: atomic {
		cpu_word[0] != me + 1 && DEAD(cpu_word[0]) && MEND_FREE ->
		dead = cpu_word[0] - 1
	   };
		vcpu_break()
	od
}

inline cpu_count()
{
	atomic { assert(cpu_value[0] == cpu_added[0]); sum = cpu_value[0] + 1 };
	atomic { assert(cpu_value[0] == cpu_added[0]); cpu_value[0] = sum; cpu_added[0]++ }
}
#endif

inline operation()
{
#ifdef WITH_CPUS
	vcpu_enter();
	cpu_count();
#endif
	lock_acquire(0);
	assert(left[0] == right[0]);
	rec[me] = 1 - left[0];
	active_[me] = true;
	redo_apply(me, 0);
	lock_release(0);
#ifdef WITH_CPUS
	cpu_word[0] = 0
#endif
}

proctype process(byte id)
{
	OWNER_LOCALS
	byte op;
#ifdef WITH_CPUS
	byte sum;
#endif

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
			atomic { kill[id]?true -> process_die() }
		}
	od
}

/* Whoever comes last inherits every number: nothing is left of anybody. */
proctype last()
{
	OWNER_LOCALS
	byte n, id = PROCS;

	finished == PROCS;
	for (n : 0 .. NUMBERS - 1) {
		atomic { me = n; beacon[n] = true };
		owner_adopt();
		beacon[n] = false
	};
	assert(word[0] == 0 && left[0] == right[0] && mend_owner == 0);
#ifdef WITH_CPUS
	assert(cpu_word[0] == 0)
#endif
}

init {
	processes_start()
}
