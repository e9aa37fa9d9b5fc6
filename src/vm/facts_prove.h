/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts_prove.h: the parts of the proof, for its own files.
 *
 *   facts.c         control flow: blocks, subprograms, until nothing changes; then facts are
 *                   written down
 *   facts_alu.c     what arithmetic makes of a state
 *   facts_jump.c    what is known on the two sides of a conditional jump
 *   facts_memory.c  where accesses go; loads, stores, atomics
 *   facts_call.c    helpers, their arguments, callbacks, subprograms
 *
 * The rules of the game, which every line here must keep:
 *   - a state holds in every run that reaches its point, so what a rule leaves out must be harmless
 *   - an access that is not proved is checked when it runs and may then go anywhere that the
 *     program may touch: above all to any stack slot of any frame in use
 *   - memory that others can write (values, packets, a syscall program's context) is never
 *     remembered
 */
#ifndef BPFMAP_VM_FACTS_PROVE_H
#define BPFMAP_VM_FACTS_PROVE_H

#include "vm/facts.h"
#include "vm/facts_state.h"
#include "vm/run.h"

#include <stdbool.h>

/* Bytes relative to a frame's R10; lo == hi == 0: none. */
struct extent {
	int16_t lo;
	int16_t hi;
};

/* What a subprogram does to those who call it, and gives back. By how many levels up, 1 is the
 * caller. */
struct effect {
	uint8_t returns;
	uint8_t moves_packet;
	struct extent writes[VM_MAX_FRAMES];
	struct extent reads[VM_MAX_FRAMES];
	struct value result;
};

struct subprog {
	uint32_t start;
	uint32_t end;
	struct effect effect;
	/* Bytes relative to R10, not positive: the lowest that is read and may be unwritten. */
	int16_t clear;
};

struct prover {
	const struct vm_prog *prog;
	struct vm_facts *facts;
	struct state **entry; /* per slot: of blocks that are reached, before their first insn */
	struct state *work;   /* by enum work */
	uint32_t *calls;      /* slots of calls that run subprograms */
	uint32_t call_count;
	uint8_t *block;	  /* per slot: enum block_mark bits */
	uint8_t *growths; /* per slot: how often the state of its block grew */
	uint16_t *sub_of; /* per slot: index in subs */
	struct subprog *subs;
	uint32_t sub_count;
	uint32_t state_count;
	uint32_t lowest; /* no block before this slot is to be done */
	struct stops stops;
	int err;	   /* ENOMEM, or E2BIG: too large to be proved */
	uint8_t recording; /* the second part: nothing changes any more, facts are written down */
	uint8_t reads_any; /* some instruction may read any stack byte in use */
	uint8_t calls_any; /* a helper may call any subprogram with anything */
};

/* States in prover.work. */
enum work {
	WORK_STATE, /* of the block being done */
	WORK_FALL,  /* behind a jump that is not taken, and taken */
	WORK_TAKE,
	WORK_CALLEE, /* at the start of what a call runs */
	WORK_COUNT
};

enum block_mark {
	BLOCK_START = 1,
	BLOCK_LOOP = 2, /* a jump backwards leads here, or a call */
	BLOCK_TODO = 4,
};

/* The present instruction and what is known before it, then after it. */
struct step {
	struct prover *p;
	uint32_t at;
	const struct vm_insn *insn;
	struct state *state;
	struct vm_fact *fact;
	struct subprog *sub;
};

/* An access of [from, from + bytes): from is what a register holds, plus off. */
struct access {
	const struct value *base;
	int64_t off;
	uint64_t bytes;
	uint32_t how;	/* enum vm_access */
	uint32_t align; /* the address must be a multiple */
};

/* Where it goes; [lo, hi) is STACK's bytes relative to R10 of the frame at level. */
struct target {
	enum vm_place place;
	uint32_t level;
	int64_t lo;
	int64_t hi;
	bool exact; /* lo is the only address */
};

/* facts.c. What facts_prove() does, in steps, for tests that look at the states, too. facts stay
 * the caller's, also after a failure; prover_close() in any case. */
int prover_open(struct prover *p, const struct vm_prog *prog, struct vm_facts *facts);
int prover_run(struct prover *p);
void prover_close(struct prover *p);

/* What is known of state holds before the block at slot to, too. */
void prover_flow(struct prover *p, uint32_t to, const struct state *state);
/* The effect of a step's subprogram has grown: its callers are done again. */
void prover_effect_grown(struct prover *p, const struct subprog *sub);
struct subprog *prover_subprog(struct prover *p, uint32_t start);
/* The subprogram ends here with this in R0. */
void prover_return(struct step *s, const struct value *result);

/* facts_alu.c: ALU, NEG, END, LD_IMM64. */
void step_alu(struct step *s);
void step_imm64(struct step *s);
/* dst becomes what src is, and known to be the same. */
void step_copy(struct state *state, uint32_t dst, uint32_t src);

/* facts_jump.c: the two states behind a conditional jump; a bit each if control can go there. */
enum jump_can {
	JUMP_CAN_FALL = 1,
	JUMP_CAN_TAKE = 2,
};
int step_jump(const struct step *s, struct state *fall, struct state *take);

/* facts_memory.c */
struct target access_target(const struct prover *p, const struct access *access);
/* What an access that reads or writes does to the state and to what callers must know. */
void access_read(struct step *s, const struct target *target);
void access_written(struct step *s, const struct target *target);
void step_load(struct step *s);
void step_store(struct step *s);
void step_atomic(struct step *s);
void step_acquire(struct step *s);
void step_release(struct step *s);

/* facts_call.c. step_call_local: false if control does not come back as far as is known. */
void step_helper(struct step *s);
bool step_call_local(struct step *s);
/* LD_ABS, LD_IND. */
void step_packet_load(struct step *s);

#endif
