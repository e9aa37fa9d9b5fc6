/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* step.h: a program as the interpreter walks it: one step per slot, with the address of the code
 * that carries it out. What an instruction means stays in struct vm_insn (prog.h); which of several
 * handlers of the same meaning is used is chosen once, when the program is loaded (step.c).
 */
#ifndef BPFMAP_VM_STEP_H
#define BPFMAP_VM_STEP_H

#include "vm/prog.h"

enum vm_handler {
#define INSN(ID, code, variant, class, text) VM_STEP_##ID,
#include "vm/insn.def"
#undef INSN
#define MEMORY_OP(ID)	    VM_STEP_##ID##_FRAME, VM_STEP_##ID##_STACK, VM_STEP_##ID##_VALUE,
#define STEP(ID)	    VM_STEP_##ID,
#define PAIR(FIRST, SECOND) VM_STEP_##FIRST##__##SECOND,
#include "vm/step.def"
	VM_STEP_COUNT
};

/* As many bytes as a struct vm_insn, so that the distance from a step to its instruction is the
 * same in all of a program. The second slot of a 64-bit load holds its value. */
struct vm_step {
	union {
		const void *handler; /* a label in interp_run() */
		uint64_t value;
	};
	uint8_t dst;
	uint8_t src;
	int16_t off;
	int32_t imm; /* JA, JA32, local calls: the distance in slots; helper calls: none */
};

_Static_assert(sizeof(struct vm_step) == sizeof(struct vm_insn),
	       "steps and instructions side by side");

/* interp.c: the labels, by enum vm_handler. */
const void *const *interp_handlers(void);

/* Make prog->steps of prog->code. ENOMEM. */
int steps_make(struct vm_prog *prog);

#endif
