/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* array.pml: updates of an array's larger values (src/map/array.c): one stripe of two elements.
 *
 * Two writers, of which the first may die at any step (after it, the second mends; mending itself may die and
 * begin again: that the lock allows it is lock.pml's matter), and one reader.
 *
 * Model                       C
 *   version, copying, index   stripe_shm.state: one word
 *   stage[], value[]          array_stage(), array_value(): two words each
 *   write()                   write_locked(), stripe_finish();  finish(): stripe_finish() by array_mend()
 *   reader                    array_read_index()
 *
 * Asserted     a read is the whole of a value that the element had between its begin and its end
 *
 * Canaries     BREAK_NO_STAGE    the reader copies the element also while it is being overwritten
 *              BREAK_NO_STATE    the reader does not look at the state again
 *              BREAK_NO_MEND     who finds the writer dead does not finish its copy
 */
#ifndef OPS
#define OPS 1
#endif
#define WORDS 2

byte version, index;
bool copying;
byte stage[WORDS], value[4]; /* element i: words 2 i, 2 i + 1 */
byte lock;		     /* 1, 2: the writers */
bool dead;
bool may_die = true;

/* Ghosts. */
byte current[2], seen, reader_of = 2;
byte numbers = 1;

inline finish()
{
	if
	:: copying ->
		value[index * 2] = stage[0];
		value[index * 2 + 1] = stage[1];
		atomic { version++; copying = false; index = 0 }
	:: else
	fi
}

inline write(i)
{
	atomic { number = numbers; numbers++; stage[0] = number };
	stage[1] = number;
	atomic {
		version++;
		copying = true;
		index = i;
		current[i] = number;
		if
		:: reader_of == i -> seen = seen | (1 << number)
		:: else
		fi
	};
	finish()
}

inline lock_take(me)
{
	do
	:: atomic { lock == 0 -> lock = me }; break
	:: lock == 1 && me == 2 && dead ->
#ifndef BREAK_NO_MEND
		/* Who mends may die in between, and somebody else begins again. */
		do
		:: may_mend_again -> may_mend_again = false;
			if
			:: copying -> value[index * 2] = stage[0]
			:: else
			fi
		:: finish(); break
		od;
#else
		atomic { version++; copying = false; index = 0 };
#endif
		lock = 0
	od
}

proctype writer(byte me)
{
	byte number, op;
	bool may_mend_again = true;

	{
		for (op : 1 .. OPS) {
			lock_take(me);
			if
			:: write(0)
			:: write(1)
			fi;
			lock = 0
		};
		may_die = (me == 1 -> false : may_die)
	} unless {
		/* The killer is whoever takes this step: at any moment, once. */
		atomic { me == 1 && dead }
	}
}

active proctype killer()
{
	if
	:: atomic { may_die -> dead = true }
	:: true
	fi
}

active proctype reader()
{
	byte was, first, second;
	bool staged;

	atomic {
		if
		:: reader_of = 0
		:: reader_of = 1
		fi;
		seen = 1 << current[reader_of]
	};
	do
	:: atomic { was = version; staged = copying && index == reader_of };
#ifdef BREAK_NO_STAGE
		staged = false;
#endif
		if
		:: staged -> first = stage[0]; second = stage[1]
		:: else -> first = value[reader_of * 2]; second = value[reader_of * 2 + 1]
		fi;
		if
#ifdef BREAK_NO_STATE
		:: true ->
#else
		:: version == was ->
#endif
			assert(first == second && seen & (1 << first));
			break
#ifndef BREAK_NO_STATE
		:: else
#endif
		fi
	od
}

init {
	atomic {
		run writer(1);
		run writer(2)
	}
}
