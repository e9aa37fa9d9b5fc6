/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* oracle.h: runs a program and compares everything that was proved about it with what happens.
 *
 * The oracle is an engine of its own, plain and slow, put in the place of compiled code (native.h), so
 * that helpers call it for callbacks, too. Before each instruction it asks
 *   - whether the instruction was said to be reached
 *   - whether each register and stack slot holds a word of the set that was computed for it, and whether
 *     words that were said to be related are
 * and at each instruction whether its fact is true: place, offset, divisor, map, callback, arguments.
 * Frames begin with junk but for the bytes that are to be cleared, and no byte may be read that is junk.
 */
#ifndef BPFMAP_TESTS_FACTS_ORACLE_H
#define BPFMAP_TESTS_FACTS_ORACLE_H

#include "vm/vm.h"

#include <stdint.h>

struct oracle_count {
	uint64_t steps;
	uint64_t words; /* of registers and slots, compared with a set that says something */
	uint64_t facts; /* places, sure arguments, divisors */
	uint64_t ends;	/* runs that ended in order */
	uint64_t runs;
};

struct oracle;

/* NULL: the program has too many subprograms, or there is no memory. */
struct oracle *oracle_open(struct vm_prog *prog);
void oracle_close(struct oracle *oracle);

/* To be called before each run of the program; the run then goes through the oracle. bpf_get_prandom_u32()
 * gives what the seed says, so that runs can be repeated. */
void oracle_begin(struct oracle *oracle, uint32_t steps_max, uint64_t seed);
/* What was wrong in the run, or NULL. */
const char *oracle_violation(const struct oracle *oracle);

extern struct oracle_count oracle_count;

#endif
