/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* number.h: what is known about a 64-bit word in every run: bounds, bits, steps.
 *
 * A struct number stands for a set of words: those within the unsigned bounds, the signed bounds,
 * the known bits and the residue class. Each operation takes sets and gives a set that holds every
 * result that words of the operands can have, wrapping as the instruction set does. Larger sets are
 * always right, smaller ones never: whoever changes a rule here changes what compiled code does not
 * check.
 */
#ifndef BPFMAP_VM_NUMBER_H
#define BPFMAP_VM_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number {
	uint64_t umin;
	uint64_t umax;
	int64_t smin;
	int64_t smax;
	/* Where mask has a 0, the bit is value's; where it has a 1, value has a 0. */
	uint64_t value;
	uint64_t mask;
	/* If stride is not 0, the words leave this rest when divided by it: what a counter with
	 * steps is. */
	uint64_t stride;
	uint64_t rest;
};

enum number_op {
	NUMBER_ADD,
	NUMBER_SUB,
	NUMBER_MUL,
	NUMBER_DIV,
	NUMBER_SDIV,
	NUMBER_MOD,
	NUMBER_SMOD,
	NUMBER_OR,
	NUMBER_AND,
	NUMBER_XOR,
	NUMBER_LSH,
	NUMBER_RSH,
	NUMBER_ARSH,
};

/* CLEAR is what is known when SET is false: the words have no bit in common. */
enum number_compare {
	COMPARE_EQ,
	COMPARE_NE,
	COMPARE_GT,
	COMPARE_LE,
	COMPARE_GE,
	COMPARE_LT,
	COMPARE_SET,
	COMPARE_CLEAR,
	COMPARE_SGT,
	COMPARE_SLE,
	COMPARE_SGE,
	COMPARE_SLT,
};

/* The comparison that holds when this one does not: they stand side by side. */
static inline enum number_compare compare_not(enum number_compare compare)
{
	return (enum number_compare)((unsigned int)compare ^ 1u);
}

struct number number_any(void);
struct number number_const(uint64_t value);
/* [lo, hi], unsigned or signed. */
struct number number_between(uint64_t lo, uint64_t hi);
struct number number_between_signed(int64_t lo, int64_t hi);

static inline bool number_is_const(const struct number *n)
{
	return !n->mask;
}

bool number_equal(const struct number *a, const struct number *b);

/* The low 32 bits, zero-extended; the low 8, 16 or 32 bits, sign-extended. */
struct number number_low32(const struct number *n);
struct number number_sign_extend(const struct number *n, int bits);

/* The instruction's result with 64-bit operands, and with the low halves of both, zero-extended. */
struct number number_apply(enum number_op op, const struct number *a, const struct number *b);
struct number number_apply32(enum number_op op, const struct number *a, const struct number *b);

/* The words of both sets that can be on the two sides of a true comparison. False: there are
 * none. */
bool number_assume(enum number_compare compare, struct number *a, struct number *b);
/* The same for a comparison of the low halves. */
bool number_assume32(enum number_compare compare, struct number *a, struct number *b);

/* The words that are in both; false: none are. */
bool number_meet(struct number *n, const struct number *with);
/* A set that holds both. */
struct number number_join(const struct number *a, const struct number *b);
/* The same, but of an endless sequence of growing sets only a bounded number differ: bounds that
 * grow go to the next of the sorted stops, and then to the end. */
struct number number_widen(const struct number *old, const struct number *grown,
			   const int64_t *stops, size_t stop_cnt);

#endif
