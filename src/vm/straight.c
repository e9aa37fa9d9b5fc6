/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* straight.c: what is known about registers in straight-line code. Whatever a branch may change is
 * forgotten at its target, so everything reported here is certain; the rest is found while the
 * program runs.
 *
 * Tracked per register: nothing, "R10 plus a constant", or "map number m". Used for
 *   1. stack accesses through R10 (or a copy) outside the frame
 *   2. the stack that a subprogram uses
 *   3. helpers that the map in R1 refuses: read-only for programs (EACCES), or an operation that
 *      its type lacks (EINVAL)
 *   4. calls of helpers whose arguments are all certain to be of their kinds: a known map, keys and
 *      values in the frame (prog->is_sure); the interpreter does not check them again
 */
#include "base/error.h"
#include "vm/helpers.h"
#include "vm/prog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REG_COUNT 11
#define REG_FP	  10

struct reg {
	enum { UNKNOWN, FRAME, MAP } kind;
	int32_t value; /* FRAME: distance from R10; MAP: index in prog->maps */
};

struct straight {
	const struct vm_load *load;
	const struct vm_prog *prog;
	uint8_t *leader; /* per slot: 1 if a jump leads here */
	struct reg regs[REG_COUNT];
	int32_t lowest; /* of the current subprogram, relative to R10 */
};

static void forget(struct straight *s)
{
	memset(s->regs, 0, sizeof(s->regs));
	s->regs[REG_FP] = (struct reg){.kind = FRAME};
}

static void find_leaders(struct straight *s)
{
	for (uint32_t at = 0; at < s->prog->insn_cnt; at++) {
		const struct vm_insn *insn = &s->prog->code[at];

		switch (vm_insn_rows[insn->op].class) {
		case VM_CLASS_JA:
		case VM_CLASS_JA32:
		case VM_CLASS_JMP_K:
		case VM_CLASS_JMP_X: s->leader[(int64_t)at + 1 + insn->off] = 1; break;
		case VM_CLASS_IMM64: at++; break;
		default: break;
		}
	}
}

/* A memory access at base + off. */
static int use_stack(struct straight *s, uint32_t at, uint8_t base, int32_t off)
{
	int32_t bytes = (int32_t)insn_access_bytes(s->load->insns[at].code);
	int64_t from;

	if (s->regs[base].kind != FRAME)
		return 0;
	from = (int64_t)s->regs[base].value + off;
	if (from < -(int64_t)VM_STACK_FRAME || from + bytes > 0)
		return prog_fail(s->prog, at, EACCES,
				 "stack access of %d bytes at R10%+lld, outside the frame of %u "
				 "bytes",
				 bytes, (long long)from, VM_STACK_FRAME);
	if (from < s->lowest)
		s->lowest = (int32_t)from;
	return 0;
}

static void move_frame(struct straight *s, struct reg *reg, int64_t by)
{
	int64_t value = reg->value + by;

	if (reg->kind != FRAME || value > VM_STACK_FRAME || value < -(int64_t)VM_STACK_FRAME) {
		*reg = (struct reg){0};
		return;
	}
	reg->value = (int32_t)value;
	if (reg->value < s->lowest)
		s->lowest = reg->value;
}

/* Whether bytes from the register on are in the current frame. */
static bool in_frame(const struct reg *reg, uint64_t bytes)
{
	return reg->kind == FRAME && reg->value >= -(int32_t)VM_STACK_FRAME &&
	       (int64_t)reg->value + (int64_t)bytes <= 0;
}

/* Callbacks and the context's helpers are never sure: they may change budget and packet. */
static bool is_sure(const struct straight *s, const struct vm_helper *helper)
{
	const struct map_spec *spec = NULL;

	if (helper->args[0] == VM_ARG_MAP && s->regs[1].kind != MAP)
		return false;
	if (helper->args[0] == VM_ARG_MAP)
		spec = &s->prog->maps[s->regs[1].value].map->spec;
	for (int arg = 0; arg < 5; arg++) {
		switch (helper->args[arg]) {
		case VM_ARG_NONE:
		case VM_ARG_ANY:
		case VM_ARG_MAP: break;
		case VM_ARG_KEY:
			if (!in_frame(&s->regs[arg + 1], spec->key_size))
				return false;
			break;
		case VM_ARG_VALUE:
		case VM_ARG_VALUE_OUT:
		case VM_ARG_VALUE_PEEK:
			if (!in_frame(&s->regs[arg + 1], spec->value_size))
				return false;
			break;
		default: return false;
		}
	}
	return true;
}

static int after_call(struct straight *s, uint32_t at)
{
	const struct vm_insn *insn = &s->prog->code[at];
	const struct vm_helper *helper;
	int err = 0;

	if (insn->op == VM_OP_CALL) {
		helper = (const struct vm_helper *)(uintptr_t)insn->imm;
		if (helper->args[0] == VM_ARG_MAP && s->regs[1].kind == MAP)
			err = helper_check_map(helper, s->prog->maps[s->regs[1].value].map);
		if (err)
			return prog_fail(s->prog, at, -err, "%s", error_sentence());
		s->prog->is_sure[at] = is_sure(s, helper);
	}
	memset(s->regs, 0, 6 * sizeof(s->regs[0]));
	return 0;
}

static void after_imm64(struct straight *s, uint32_t at)
{
	const struct vm_insn *insn = &s->prog->code[at];
	const struct vm_map *ref = NULL;
	uint8_t kind = s->load->insns[at].src_reg;

	if (kind == BPF_PSEUDO_MAP_FD || kind == BPF_PSEUDO_MAP_IDX)
		ref = prog_map_ref(s->prog, (uint64_t)insn->imm);
	s->regs[insn->dst] =
		ref ? (struct reg){MAP, (int32_t)(ref - s->prog->maps)} : (struct reg){0};
}

static int step(struct straight *s, uint32_t at)
{
	const struct vm_insn *insn = &s->prog->code[at];

	switch (vm_insn_rows[insn->op].class) {
	case VM_CLASS_ALU_K:
		if (insn->op == VM_OP_ADD64_K || insn->op == VM_OP_SUB64_K)
			move_frame(s, &s->regs[insn->dst],
				   insn->op == VM_OP_ADD64_K ? insn->imm : -insn->imm);
		else
			s->regs[insn->dst] = (struct reg){0};
		return 0;
	case VM_CLASS_ALU_X:
		s->regs[insn->dst] =
			insn->op == VM_OP_MOV64_X ? s->regs[insn->src] : (struct reg){0};
		return 0;
	case VM_CLASS_NEG:
	case VM_CLASS_END: s->regs[insn->dst] = (struct reg){0}; return 0;
	case VM_CLASS_IMM64: after_imm64(s, at); return 0;
	case VM_CLASS_CALL: return after_call(s, at);
	case VM_CLASS_ABS:
	case VM_CLASS_IND: memset(s->regs, 0, 6 * sizeof(s->regs[0])); return 0;
	case VM_CLASS_LDX:
	case VM_CLASS_LOAD_ACQ: {
		int err = use_stack(s, at, insn->src, insn->off);

		s->regs[insn->dst] = (struct reg){0};
		return err;
	}
	case VM_CLASS_ATOMIC:
		if (insn->imm & BPF_FETCH)
			s->regs[insn->imm == BPF_CMPXCHG ? 0 : insn->src] = (struct reg){0};
		return use_stack(s, at, insn->dst, insn->off);
	case VM_CLASS_ST:
	case VM_CLASS_STX:
	case VM_CLASS_STORE_REL: return use_stack(s, at, insn->dst, insn->off);
	default: return 0;
	}
}

static int walk(struct straight *s, uint16_t *depths)
{
	uint32_t start = 0;
	int err;

	for (uint32_t at = 0; at < s->prog->insn_cnt; at++) {
		if (s->prog->is_subprog[at]) {
			start = at;
			s->lowest = 0;
			forget(s);
		}
		if (s->leader[at])
			forget(s);
		err = step(s, at);
		if (err)
			return err;
		depths[start] = (uint16_t)-s->lowest;
		if (s->prog->code[at].op == VM_OP_LD_IMM64)
			at++;
	}
	return 0;
}

int prog_check_straight(const struct vm_load *load, const struct vm_prog *prog, uint16_t *depths)
{
	struct straight s = {.load = load, .prog = prog};
	int err;

	s.leader = calloc(prog->insn_cnt, 1);
	if (!s.leader)
		return fail(ENOMEM, "no memory for checking the program");
	find_leaders(&s);
	err = walk(&s, depths);
	free(s.leader);
	return err;
}
