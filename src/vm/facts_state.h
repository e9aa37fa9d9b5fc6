/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts_state.h: what is known about registers and the stack at one point of a program.
 *
 * A struct value stands for a set of words that a register or stack slot can hold. NUMBER is any
 * word within its bounds, whatever the program means by it; of all 64 bits it is "nothing known".
 * The other kinds are addresses, exactly
 *
 *     base (of the kind) + n (the variable part, a number) + off
 *
 * in arithmetic that wraps, so the signed bounds of n are a distance in bytes.
 *
 * Equal ids, not 0, in one state:
 *   NUMBER          the words are the same
 *   PACKET, META    the variable parts are the same (0: there is none, n is 0)
 *   VALUE           if maybe_null: all are 0 or none is
 * A test of one says something about all of them. After a join ids are named anew by the first
 * place that holds them, so that equal states are equal bytes; those made since are larger.
 *
 * range (PACKET, META): the packet's end is at least base + n + range, at this moment. It is a
 * statement about all that have the id. Helpers that move the packet's ends make all of these
 * NUMBERs.
 *
 * Stack slots are those of the current frame, 8 bytes each; only whole stored words are tracked,
 * the rest is NUMBER. Other frames' slots are not tracked in their callees, so an address of one
 * (STACK with a level) loads nothing known.
 */
#ifndef BPFMAP_VM_FACTS_STATE_H
#define BPFMAP_VM_FACTS_STATE_H

#include "vm/number.h"
#include "vm/prog.h"

#define REG_COUNT  11
#define REG_FP	   10
#define SLOT_COUNT (VM_STACK_FRAME / 8)
#define PLACES	   (REG_COUNT + SLOT_COUNT) /* where values are */

/* No range of a packet pointer: any statement about it is stronger. */
_Static_assert(VM_MAX_MAPS <= 64, "a bit per map");

#define RANGE_NONE (-((int64_t)1 << 60))

enum value_kind {
	VALUE_NUMBER,
	VALUE_STACK,  /* base: R10 of the frame `index` levels up the call chain */
	VALUE_PACKET, /* base: the packet's start */
	VALUE_META,   /* base: the metadata's start, which is the packet's if there is none */
	VALUE_END,    /* the packet's end, without n and off */
	VALUE_MAP,    /* the reference prog->maps[index], without n and off */
	VALUE_VALUE,  /* base: a value of one of the maps; or, if maybe_null, 0 */
	VALUE_KEY,    /* base: a key of prog->maps[index], lent for reading */
	VALUE_CTX,    /* base: the context of a program that runs on packets; n is 0 */
	VALUE_FUNC,   /* the subprogram at slot off, without n */
};

struct value {
	uint8_t kind;
	uint8_t index;
	uint8_t maybe_null;
	uint32_t id;
	int32_t off;
	int64_t range;
	uint64_t maps; /* VALUE: a bit per index in prog->maps */
	struct number n;
};

struct state {
	struct value at[PLACES]; /* R0 to R10, then the slots from the lowest address */
	uint64_t written[VM_STACK_FRAME / 64]; /* a bit per byte of the frame: surely written */
	uint32_t next_id;
};

/* Beyond every distance in a packet (facts_jump.c): pointers that walk through one stop there. */
#define LAST_STOP ((int64_t)1 << 34)

/* The bounds where growing numbers stop first: what the program compares with. Sorted. */
struct stops {
	int64_t *at;
	size_t count;
};

struct value value_any(void);
struct value value_number(struct number n);

/* An address without variable part. */
struct value value_pointer(enum value_kind kind, uint32_t index, int32_t off);

/* The start of a value of prog->maps[index]. */
struct value value_of_map(uint32_t index, int32_t off);

/* The place of the slot that begins at R10 + off; off in [-512, -8], a multiple of 8. */
static inline uint32_t slot_place(int64_t off)
{
	return REG_COUNT + (uint32_t)(off + VM_STACK_FRAME) / 8;
}

/* At the start of a subprogram: nothing is known but R10. */
void state_clear(struct state *state);

/* An id that nothing in the state has. */
uint32_t state_new_id(struct state *state);

/* Bytes [lo, hi) relative to R10 may have been overwritten by anything. */
void state_forget_stack(struct state *state, int64_t lo, int64_t hi);
/* The packet's ends may have moved. */
void state_forget_packet(struct state *state);

/* Record that the bytes [lo, hi) relative to R10 are written, or ask for the lowest of them that
 * may not be; hi if all are. */
void state_write_bytes(struct state *state, int64_t lo, int64_t hi);
int64_t state_unwritten(const struct state *state, int64_t lo, int64_t hi);

enum join_how {
	JOIN_EXACT,
	JOIN_TO_STOP,  /* growing bounds go to the next stop */
	JOIN_TO_END,   /* growing bounds go to the last stop of all, or are given up */
	JOIN_TO_CLEAR, /* everything is given up */
};

/* Extend known to hold what is known in from, too. True if that changed it. */
bool state_join(struct state *known, const struct state *from, enum join_how how,
		const struct stops *stops);

/* One value of two, without relations to others: for what a subprogram returns. */
struct value value_join(const struct value *a, const struct value *b);
bool value_equal(const struct value *a, const struct value *b);

#endif
