/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* publish.pml: one bucket, who writes it and who reads it (src/map/hash.c, sync/bytes.h).
 *
 * The lock makes all writers one: a process that inserts, replaces and deletes two keys, whose tags are
 * equal, in SLOTS slots and a chain from a pool of ELEMS elements. One reader: readers store nothing, so
 * more of them see nothing more. Values have two words; a value's number stands in both.
 *
 * Model                   C
 *   M[META]               bucket_shm.meta: version * 4 + tags, a bit per slot
 *   M[CHAIN]              bucket_shm.chain
 *   slot_fill(), claim_filled(), pool_put()       the same names; pool_get() is in claim_filled()
 *   insert(), replace_slot(), replace_chained(), overwrite_word(), remove()     insert_locked(), ...,
 *                         update_locked(), remove_redo(), each with its redo_apply()
 *   find()                bucket_find(), chain_find()
 *   reader                hash_read(): find, copy, hash_copy_valid(); or hash_lookup() and loads through
 *                         the pointer
 *
 * Memory       M[] is what all see. Release stores are visible at once, with all stores before them; which
 *              is what a delay of the writer as a whole also gives. With -DWEAK a relaxed store stays in a
 *              buffer until any later moment, at most until the next release store: the order of relaxed
 *              stores is not kept. The reader's loads are acquires, but for its last comparison, behind
 *              which nothing is loaded.
 *
 * Asserted     a read is what the key had at some moment between its begin and its end, absence included,
 *              so that a key which is present throughout is found; no mixture of two values; through a
 *              pointer likewise, until the memory is filled anew.
 *
 * -DWORD       values of one word, stored in place.
 *
 * Canaries     BREAK_VERSION        a commit in the chain does not change meta's version
 *              BREAK_FREE_FIRST     the old element is given back before it is unlinked
 *              BREAK_SEQ            a claim does not count the element's reuse
 *              BREAK_LINK_FIRST     linked, then filled
 *              BREAK_HIDE_FIRST     hidden in its slot, then linked in the chain
 *              BREAK_FIND_CHECK     the reader does not look at meta again after the search
 *              BREAK_COPY_CHECK     nor at the version after the copy
 *              BREAK_IN_PLACE       a value of two words is overwritten where it is
 *              BREAK_FILL_RELAXED   (WEAK) keys and values are stored relaxed
 */
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef ELEMS
#define ELEMS 2
#endif
#ifndef OPS
#define OPS 3
#endif

#define META	   0
#define CHAIN	   1
#define SLOT(i)	   (2 + (i) * 3)
#define ELEM(e)	   (2 + SLOTS * 3 + ((e) - 1) * 5)
#define KEY	   0 /* of a slot or element; then the value's words */
#define NEXT	   3
#define SEQ	   4
#define CELLS	   (2 + SLOTS * 3 + ELEMS * 5)
#define TAG(i)	   (1 << (i))
#define VERSION	   4
#define KEYS	   2

byte M[CELLS];

#ifdef WEAK
bool waits[CELLS];
byte later[CELLS];
byte waiting;

inline flush()
{
	for (cell : 0 .. CELLS - 1) {
		if
		:: waits[cell] -> M[cell] = later[cell]; waits[cell] = false; later[cell] = 0
		:: else
		fi
	};
	cell = 0;
	waiting = 0
}
#define RELAXED(at, v)                                                                             \
	atomic { waiting = (waits[at] -> waiting : waiting + 1); waits[at] = true; later[at] = v }
#define LOAD(at) (waits[at] -> later[at] : M[at])
#else
inline flush()
{
	skip
}
#define RELAXED(at, v) M[at] = v
#define LOAD(at)       M[at]
#endif
#define RELEASE(at, v)	    atomic { flush(); M[at] = v }
#define COMMIT(at, v, k, n) atomic { flush(); M[at] = v; committed(k, n) }
#ifdef BREAK_FILL_RELAXED
#define FILL(at, v) RELAXED(at, v)
#else
#define FILL(at, v) RELEASE(at, v)
#endif

/* Ghosts. */
byte current[KEYS];      /* each key's value; 0: absent */
byte seen;               /* the values that the reader's key had since it began: bits */
byte reader_key = KEYS;  /* KEYS: not reading */
byte filled[CELLS];      /* how often the slot or element at a cell has been filled */
bool writer_done;

inline committed(k, n)
{
	current[k] = n;
	if
	:: reader_key == k -> seen = seen | (1 << n)
	:: else
	fi
}

/* ---- the writer ----------------------------------------------------------------------------- */

bool is_free[ELEMS + 1];

inline value_fill(at, n)
{
	FILL(at + 1, n);
#ifndef WORD
	FILL(at + 2, n)
#endif
}

inline slot_fill(i)
{
	atomic { filled[SLOT(i)]++; FILL(SLOT(i) + KEY, key + 1) };
	value_fill(SLOT(i), value)
}

/* Into elem. */
inline claim_filled(next)
{
	atomic {
		if
		:: is_free[1] -> elem = 1
		:: is_free[2] -> elem = 2
#if ELEMS > 2
		:: is_free[3] -> elem = 3
#endif
		fi;
		is_free[elem] = false;
		filled[ELEM(elem)]++
	};
#ifndef BREAK_SEQ
	RELAXED(ELEM(elem) + SEQ, LOAD(ELEM(elem) + SEQ) + 1);
#endif
#ifndef BREAK_LINK_FIRST
	elem_fill(next)
#endif
}

inline elem_fill(next)
{
	RELEASE(ELEM(elem) + NEXT, next);
	FILL(ELEM(elem) + KEY, key + 1);
	value_fill(ELEM(elem), value)
}

/* The free list is any order: the element's link leads to any other free one, or nowhere. */
inline pool_put(e)
{
	if
	:: RELEASE(ELEM(e) + NEXT, 0)
	:: is_free[1] -> RELEASE(ELEM(e) + NEXT, 1)
	:: is_free[2] -> RELEASE(ELEM(e) + NEXT, 2)
	fi;
	is_free[e] = true
}

#ifdef BREAK_VERSION
#define META_NEXT skip
#else
#define META_NEXT RELEASE(META, M[META] + VERSION)
#endif

inline insert()
{
	if
	:: M[META] % VERSION != VERSION - 1 && SLOTS == 2 || M[META] % VERSION == 0 ->
		at = (M[META] & TAG(0) -> 1 : 0);
		slot_fill(at);
		COMMIT(META, M[META] + VERSION + TAG(at), key, value)
	:: else ->
		claim_filled(M[CHAIN]);
		COMMIT(CHAIN, elem, key, value);
#ifdef BREAK_LINK_FIRST
		elem_fill(LOAD(ELEM(elem) + NEXT));
#endif
		META_NEXT
	fi
}

/* at: the slot. */
inline replace_slot()
{
	if
	:: SLOTS == 2 && M[META] % VERSION != VERSION - 1 ->
		slot_fill(1 - at);
		COMMIT(META, M[META] + VERSION - TAG(at) + TAG(1 - at), key, value)
	:: else ->
		claim_filled(M[CHAIN]);
#ifdef BREAK_HIDE_FIRST
		COMMIT(META, M[META] + VERSION - TAG(at), key, value);
		RELEASE(CHAIN, elem)
#else
		RELEASE(CHAIN, elem);
		COMMIT(META, M[META] + VERSION - TAG(at), key, value)
#endif
	fi
}

/* old: the element; link: the cell that leads to it. */
inline replace_chained()
{
	claim_filled(M[ELEM(old) + NEXT]);
#ifdef BREAK_FREE_FIRST
	pool_put(old);
#endif
	COMMIT(link, elem, key, value);
	META_NEXT;
#ifndef BREAK_FREE_FIRST
	pool_put(old)
#endif
}

inline remove()
{
	if
	:: old ->
		at = M[ELEM(old) + NEXT];
#ifdef BREAK_FREE_FIRST
		pool_put(old);
#endif
		COMMIT(link, at, key, 0);
		META_NEXT;
#ifndef BREAK_FREE_FIRST
		pool_put(old)
#endif
	:: else ->
		COMMIT(META, M[META] + VERSION - TAG(at), key, 0)
	fi
}

inline overwrite()
{
#ifdef WORD
	at = (old -> ELEM(old) : SLOT(at)) + 1;
	COMMIT(at, value, key, value)
#else
	at = (old -> ELEM(old) : SLOT(at)) + 1;
	COMMIT(at, value, key, value);
	RELEASE(at + 1, value)
#endif
}

inline replace()
{
#if defined(WORD) || defined(BREAK_IN_PLACE)
	overwrite()
#else
	if
	:: old -> replace_chained()
	:: else -> replace_slot()
	fi
#endif
}

/* place_find(), by who holds the lock: found; and old with link, or at. */
inline place_find()
{
	old = 0;
	at = 0;
	found = false;
	do
	:: at < SLOTS && M[META] & TAG(at) && M[SLOT(at) + KEY] == key + 1 -> found = true; break
	:: at < SLOTS && !(M[META] & TAG(at) && M[SLOT(at) + KEY] == key + 1) -> at++
	:: at == SLOTS ->
		at = 0;
		link = CHAIN;
		do
		:: M[link] == 0 -> old = 0; break
		:: M[link] && M[ELEM(M[link]) + KEY] == key + 1 -> old = M[link]; found = true; break
		:: else -> link = ELEM(M[link]) + NEXT
		od;
		break
	od
}

active proctype writer()
{
	byte key, value = 1, at, elem, old, link, op;
#ifdef WEAK
	byte cell;
#endif
	bool found;

	d_step {
		is_free[1] = true;
		is_free[2] = true;
#if ELEMS > 2
		is_free[3] = true
#endif
	};
	for (op : 1 .. OPS) {
		atomic {
			select(key : 0 .. KEYS - 1);
			place_find()
		};
		if
		:: !found -> insert(); value++
		:: found -> replace(); value++
		:: found -> remove()
		fi;
		/* The lock's release. */
		atomic { flush(); elem = 0; old = 0; link = 0; at = 0 }
	};
	writer_done = true
}

#ifdef WEAK
/* Any buffered store, at any moment. */
active proctype drain()
{
	byte cell;

	do
	:: atomic {
		waiting ->
		select(cell : 0 .. CELLS - 1);
		if
		:: waits[cell] ->
			M[cell] = later[cell];
			waits[cell] = false;
			later[cell] = 0;
			waiting--
		:: else
		fi;
		cell = 0
	   }
	:: writer_done && !waiting -> break
	od
}
#endif

/* ---- the reader ----------------------------------------------------------------------------- */

inline chain_find()
{
	hops = 0;
	link = M[CHAIN];
	do
	:: link == 0 || hops == ELEMS -> break
	:: else ->
		seq = M[ELEM(link) + SEQ];
		if
		:: M[ELEM(link) + KEY] == reader_key + 1 -> place = ELEM(link); break
		:: else -> link = M[ELEM(link) + NEXT]; hops++
		fi
	od
}

/* place: the cell where the slot or element begins, 0: not found; link: the element, 0: a slot. */
inline find()
{
	do
	:: atomic { place = 0; link = 0; seq = 0; meta = M[META] };
		if
		:: meta & TAG(0) && M[SLOT(0) + KEY] == reader_key + 1 -> place = SLOT(0)
		:: else
		fi;
#if SLOTS == 2
		if
		:: !place && meta & TAG(1) && M[SLOT(1) + KEY] == reader_key + 1 -> place = SLOT(1)
		:: else
		fi;
#endif
		if
		:: !place -> chain_find()
		:: else
		fi;
#ifdef BREAK_FIND_CHECK
		break
#else
		if
		:: atomic { M[META] == meta -> life = (place -> filled[place] : 0) }; break
		:: M[META] != meta
		fi
#endif
	od
}

#define WHOLE (first == second)

inline copy()
{
	first = M[place + 1];
#ifdef WORD
	second = first
#else
	second = M[place + 2]
#endif
}

#ifdef BREAK_COPY_CHECK
#define COPY_VALID true
#else
#define COPY_VALID (link -> M[ELEM(link) + SEQ] == seq : M[META] == meta)
#endif

active proctype reader()
{
	byte meta, link, hops, seq, place, first, second, life;

	atomic {
		if
		:: reader_key = 0
		:: reader_key = 1
		fi;
		seen = 1 << current[reader_key]
	};
	if
	/* A copy. */
	:: do
	   :: find();
		if
		:: place == 0 ->
			assert(seen & 1);
			break
		:: else ->
			copy();
			if
			:: atomic { COPY_VALID -> assert(WHOLE && seen & (1 << first)) }; break
			:: !COPY_VALID
			fi
		fi
	   od
	/* A pointer. */
	:: find();
		if
		:: place == 0 -> assert(seen & 1)
		:: else ->
			copy();
			assert(filled[place] != life || (WHOLE && seen & (1 << first)))
		fi
	fi
}
