/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts.h: what is proved about a program's instructions before it runs (facts.c and its parts,
 * facts_prove.h).
 *
 * A fact holds on every path that reaches its instruction, in every run, whatever other threads and
 * processes do to maps meanwhile. What is not proved is no error: it is checked when the
 * instruction runs, as the interpreter checks everything. So facts only make programs faster, never
 * refuse them; without facts (all zero) every user of them is still right.
 */
#ifndef BPFMAP_VM_FACTS_H
#define BPFMAP_VM_FACTS_H

#include "vm/prog.h"

/* Where a load, store or atomic goes, in full width and with the right to do it. */
enum vm_place {
	VM_PLACE_UNKNOWN, /* check when it runs */
	VM_PLACE_STACK,	  /* the frames in use; of the current frame if in_frame */
	VM_PLACE_PACKET,  /* within [data_meta, data_end) as they are at this moment */
	VM_PLACE_VALUE,	  /* a map's value, away from its bpf_spin_lock */
	VM_PLACE_CONTEXT, /* a field that the program type may use so; at is its offset */
	VM_PLACE_MEMORY,  /* a syscall program's context, a key lent to a callback */
};

struct vm_fact {
	uint8_t reached;  /* 0: no path leads here */
	uint8_t place;	  /* loads, stores, atomics: enum vm_place of the access */
	uint8_t in_frame; /* VM_PLACE_STACK: always at R10 + at of the current frame */
	/* Calls of helpers: bit i: argument i + 1 is certain to be of its kind (helpers.def), so it
	 * need not be checked. A MAP argument that is certain is the map in map_plus1, which takes
	 * the helper. */
	uint8_t sure_args;
	/* Calls: index in prog->maps of the only map that R1 can be, plus 1; 0: unknown. */
	uint8_t map_plus1;
	uint8_t nonzero; /* divisions: the divisor in a register is never 0 */
	int32_t at;	 /* STACK in frame: bytes from R10; CONTEXT: offset */
	/* Calls: slot of the only callback that the FUNC argument can be, plus 1. */
	uint32_t func_plus1;
};

struct vm_facts {
	uint32_t insn_cnt;
	struct vm_fact *insns; /* per slot */
	/* Per slot where a subprogram starts: bytes of its frame that may be read before they are
	 * written or that may be accessed through addresses which are not constant; what is outside
	 * need not be cleared on entry. Measured down from R10. */
	uint16_t *clear_bytes;
	/* For messages and figures. */
	uint32_t accesses;	/* loads, stores, atomics that are reached */
	uint32_t accesses_sure; /* of these, with a place */
	uint32_t calls;		/* of helpers */
	uint32_t calls_sure;	/* of these, with all arguments sure */
};

/* Prove what can be proved. The time is bounded by a constant per instruction. ENOMEM. */
int facts_prove(const struct vm_prog *prog, struct vm_facts *ret_facts);
void facts_free(struct vm_facts *facts);

#endif
