/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* step.c: choosing the interpreter's handler for each instruction.
 *
 * All handlers of one operation do the same; they differ in what they try first. Where an access
 * goes is guessed from how its base register came about, in the order in which the instructions
 * stand, without regard to jumps: a wrong guess costs a few instructions.
 */
#include "vm/step.h"

#include "base/error.h"
#include "vm/helpers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REG_COUNT 11
#define REG_FP	  10

/* Where the address in a register probably leads. */
enum guess {
	GUESS_WINDOW,
	GUESS_FRAME, /* R10 itself: no guess */
	GUESS_STACK,
	GUESS_VALUE,
	GUESS_CONTEXT, /* for what is not special there: as GUESS_WINDOW */
	GUESS_COUNT
};

/* Handlers of loads and stores by enum guess; 0 for other operations, as no handler of theirs is
 * 0. */
static const uint16_t memory_steps[VM_OP_COUNT][GUESS_COUNT] = {
#define MEMORY_OP(ID)                                                             \
	[VM_OP_##ID] = {VM_STEP_##ID, VM_STEP_##ID##_FRAME, VM_STEP_##ID##_STACK, \
			VM_STEP_##ID##_VALUE, VM_STEP_##ID},
#include "vm/step.def"
};

/* What follows a pair's first instruction. */
static const struct {
	uint16_t first;
	uint16_t second;
	uint16_t handler;
} pairs[] = {
#define PAIR(FIRST, SECOND) {VM_STEP_##FIRST, VM_STEP_##SECOND, VM_STEP_##FIRST##__##SECOND},
#include "vm/step.def"
};

#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

static void guess_after(enum guess *regs, const struct vm_prog *prog, uint32_t at)
{
	const struct vm_insn *insn = &prog->code[at];
	uint8_t class = vm_insn_rows[insn->op].class;

	switch (class) {
	case VM_CLASS_ALU_X:
		if (insn->op == VM_OP_MOV64_X)
			regs[insn->dst] = regs[insn->src];
		else if (insn->op == VM_OP_ADD64_X && regs[insn->src])
			regs[insn->dst] = regs[insn->src];
		if (regs[insn->dst] == GUESS_FRAME)
			regs[insn->dst] = GUESS_STACK;
		break;
	case VM_CLASS_LDX:
	case VM_CLASS_LOAD_ACQ: regs[insn->dst] = GUESS_WINDOW; break;
	case VM_CLASS_IMM64: {
		bool is_value = prog->insns[at].src_reg == BPF_PSEUDO_MAP_VALUE ||
				prog->insns[at].src_reg == BPF_PSEUDO_MAP_IDX_VALUE;

		regs[insn->dst] = is_value ? GUESS_VALUE : GUESS_WINDOW;
		break;
	}
	case VM_CLASS_CALL: {
		const struct vm_helper *helper = (const struct vm_helper *)(uintptr_t)insn->imm;
		bool is_lookup = insn->op == VM_OP_CALL && (helper->on_map == ON_MAP_LOOKUP ||
							    helper->on_map == ON_MAP_LOOKUP_CPU);

		regs[0] = is_lookup ? GUESS_VALUE : GUESS_WINDOW;
		break;
	}
	default:
		if (insn->op == VM_OP_MOV64_K || insn->op == VM_OP_MOV32_K)
			regs[insn->dst] = GUESS_WINDOW;
	}
}

/* The handler of a load that may be one of a context's field. */
static uint16_t context_step(const struct vm_prog *prog, const struct vm_insn *insn)
{
	enum ctx_kind kind;

	if (insn->op != VM_OP_LDX_W || insn->off < 0 ||
	    !ctx_allows(prog->prog_type, (uint64_t)insn->off, sizeof(uint32_t), VM_READ, &kind))
		return insn->op;
	switch (kind) {
	case CTX_DATA: return VM_STEP_CTX_DATA;
	case CTX_DATA_END: return VM_STEP_CTX_DATA_END;
	case CTX_VALUE: return VM_STEP_CTX_VALUE;
	default: return insn->op;
	}
}

/* The handler of the instruction itself. */
static uint16_t handler_of(const struct vm_prog *prog, uint32_t at, const enum guess *regs)
{
	const struct vm_insn *insn = &prog->code[at];
	uint8_t class = vm_insn_rows[insn->op].class;

	if (class == VM_CLASS_LDX && regs[insn->src] == GUESS_CONTEXT)
		return context_step(prog, insn);
	if (memory_steps[insn->op][0])
		return memory_steps[insn->op][regs[class == VM_CLASS_LDX ? insn->src : insn->dst]];
	if (insn->op != VM_OP_CALL || !prog->is_sure[at])
		return insn->op;
	return insn->imm == (int64_t)(uintptr_t)helper_find(BPF_FUNC_map_lookup_elem)
		       ? VM_STEP_CALL_LOOKUP
		       : VM_STEP_CALL_SURE;
}

static struct vm_step step_of(const struct vm_insn *insn)
{
	uint8_t class = vm_insn_rows[insn->op].class;
	bool is_far = class == VM_CLASS_JA || class == VM_CLASS_JA32 || class == VM_CLASS_CALL;

	return (struct vm_step){.dst = insn->dst,
				.src = insn->src,
				.off = (int16_t)(is_far ? 0 : insn->off),
				.imm = is_far ? insn->off : (int32_t)insn->imm};
}

/* Each instruction that begins a pair gets its handler, also where it ends the pair before. */
static void steps_join(const struct vm_prog *prog, const uint16_t *handlers)
{
	const void *const *labels = interp_handlers();

	for (uint32_t at = 0; at < prog->insn_cnt; at++) {
		uint16_t handler = handlers[at];

		for (size_t i = 0; i < PAIRS && at + 1 < prog->insn_cnt; i++)
			if (pairs[i].first == handlers[at] && pairs[i].second == handlers[at + 1])
				handler = pairs[i].handler;
		prog->steps[at].handler = labels[handler];
		if (prog->code[at].op == VM_OP_LD_IMM64) {
			prog->steps[at + 1].value = (uint64_t)prog->code[at].imm;
			at++;
		}
	}
}

int steps_make(struct vm_prog *prog)
{
	enum guess regs[REG_COUNT] = {[1] = GUESS_CONTEXT, [REG_FP] = GUESS_FRAME};
	uint16_t *handlers = calloc(prog->insn_cnt, sizeof(*handlers));

	prog->steps = calloc(prog->insn_cnt, sizeof(*prog->steps));
	if (!prog->steps || !handlers) {
		free(handlers);
		return fail(ENOMEM, "no memory for a program of %u instructions", prog->insn_cnt);
	}
	for (uint32_t at = 0; at < prog->insn_cnt; at++) {
		prog->steps[at] = step_of(&prog->code[at]);
		prog->uses_stack |= prog->code[at].dst == REG_FP || prog->code[at].src == REG_FP;
		handlers[at] = handler_of(prog, at, regs);
		guess_after(regs, prog, at);
		if (prog->code[at].op == VM_OP_LD_IMM64)
			handlers[++at] = VM_STEP_COUNT;
	}
	steps_join(prog, handlers);
	free(handlers);
	return 0;
}
