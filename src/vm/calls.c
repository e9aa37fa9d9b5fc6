/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* calls.c: the second half of the structural check.
 *
 * A subprogram starts at slot 0, at the target of a BPF-to-BPF call and at a function reference,
 * and ends where the next one starts. Proved here:
 *   1. control leaves a subprogram only by exit: its last instruction is exit or a jump, and its
 *      jumps stay inside
 *   2. calls do not recurse; no chain has more than VM_MAX_FRAMES frames or, as far as can be seen
 *      (straight.c), more than VM_STACK_FRAME bytes of stack. A function reference counts as a
 *      call, as in the kernel: whoever refers to a callback may cause it to run.
 * The interpreter counts frames again, because a callback may be passed on and run deeper.
 */
#include "base/error.h"
#include "vm/prog.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_SUBPROGS 256 /* the kernel's limit */

struct graph {
	const struct vm_load *load;
	const struct vm_prog *prog;
	uint16_t *depths; /* per slot where a subprogram starts: its own stack, bytes */
	uint32_t count;
	uint32_t start[MAX_SUBPROGS + 1];
	uint16_t stack[MAX_SUBPROGS];  /* bytes of the deepest chain from here */
	uint16_t frames[MAX_SUBPROGS]; /* likewise, frames */
	enum { NEW, ACTIVE, DONE } state[MAX_SUBPROGS];
};

static int find_subprogs(struct graph *g)
{
	for (uint32_t at = 0; at < g->prog->insn_cnt; at++) {
		if (!g->prog->is_subprog[at])
			continue;
		if (g->count == MAX_SUBPROGS)
			return prog_fail(g->prog, at, E2BIG, "more than %d subprograms",
					 MAX_SUBPROGS);
		g->start[g->count++] = at;
	}
	g->start[g->count] = g->prog->insn_cnt;
	return 0;
}

static bool is_jump(const struct vm_insn *insn)
{
	uint8_t class = vm_insn_rows[insn->op].class;

	return class == VM_CLASS_JA || class == VM_CLASS_JA32 || class == VM_CLASS_JMP_K ||
	       class == VM_CLASS_JMP_X;
}

static bool is_reference(const struct graph *g, uint32_t at)
{
	uint16_t op = g->prog->code[at].op;

	return op == VM_OP_CALL_LOCAL ||
	       (op == VM_OP_LD_IMM64 && g->load->insns[at].src_reg == BPF_PSEUDO_FUNC);
}

static int check_control_flow(const struct graph *g, uint32_t sub)
{
	uint32_t start = g->start[sub];
	uint32_t end = g->start[sub + 1];
	const struct vm_insn *last = &g->prog->code[end - 1];

	for (uint32_t at = start; at < end; at++) {
		const struct vm_insn *insn = &g->prog->code[at];
		int64_t target = (int64_t)at + 1 + insn->off;

		if (is_jump(insn) && (target < start || target >= end))
			return prog_fail(g->prog, at, EINVAL,
					 "jump to insn %lld, outside its subprogram (insns %u to "
					 "%u)",
					 (long long)target, start, end - 1);
		if (insn->op == VM_OP_LD_IMM64)
			at++;
	}
	if (g->load->insns[end - 1].code == 0 ||
	    (last->op != VM_OP_EXIT && last->op != VM_OP_JA && last->op != VM_OP_JA32))
		return prog_fail(g->prog, end - 1, EINVAL,
				 "the last instruction of a subprogram must be exit or a jump, "
				 "otherwise control falls off its end");
	return 0;
}

static uint32_t subprog_at(const struct graph *g, uint32_t slot)
{
	uint32_t low = 0;
	uint32_t high = g->count;

	while (high - low > 1) {
		uint32_t mid = (low + high) / 2;

		if (g->start[mid] <= slot)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int check_limits(const struct graph *g, uint32_t sub)
{
	if (g->frames[sub] > VM_MAX_FRAMES)
		return prog_fail(g->prog, g->start[sub], E2BIG,
				 "calls nest %u frames deep, more than %u", g->frames[sub],
				 VM_MAX_FRAMES);
	if (g->stack[sub] > VM_STACK_FRAME)
		return prog_fail(g->prog, g->start[sub], EACCES,
				 "the call chain from here uses %u bytes of stack, more than %u",
				 g->stack[sub], VM_STACK_FRAME);
	return 0;
}

/* Depth first; a subprogram's figures are final when its state is DONE. The C stack is bounded by
 * MAX_SUBPROGS levels, since no subprogram is entered twice. */
static int visit(struct graph *g, uint32_t sub)
{
	uint16_t own = (uint16_t)((g->depths[g->start[sub]] + 15) / 16 * 16);

	g->state[sub] = ACTIVE;
	g->stack[sub] = own;
	g->frames[sub] = 1;
	for (uint32_t at = g->start[sub]; at < g->start[sub + 1]; at++) {
		uint32_t callee;
		int err;

		if (!is_reference(g, at))
			continue;
		callee = subprog_at(g, (uint32_t)((int64_t)at + 1 + g->prog->code[at].off));
		if (g->state[callee] == ACTIVE)
			return prog_fail(g->prog, at, EINVAL, "recursive call");
		if (g->state[callee] == NEW) {
			err = visit(g, callee);
			if (err)
				return err;
		}
		if (own + g->stack[callee] > g->stack[sub])
			g->stack[sub] = (uint16_t)(own + g->stack[callee]);
		if (1 + g->frames[callee] > g->frames[sub])
			g->frames[sub] = (uint16_t)(1 + g->frames[callee]);
	}
	g->state[sub] = DONE;
	return check_limits(g, sub);
}

static int check_graph(struct graph *g)
{
	int err;

	err = find_subprogs(g);
	for (uint32_t sub = 0; !err && sub < g->count; sub++)
		err = check_control_flow(g, sub);
	if (!err)
		err = prog_check_straight(g->load, g->prog, g->depths);
	for (uint32_t sub = 0; !err && sub < g->count; sub++)
		err = g->state[sub] == NEW ? visit(g, sub) : 0;
	return err;
}

int prog_check_calls(const struct vm_load *load, struct vm_prog *prog)
{
	struct graph *g;
	int err;

	g = calloc(1, sizeof(*g));
	if (!g)
		return fail(ENOMEM, "no memory for checking the program");
	g->load = load;
	g->prog = prog;
	g->depths = calloc(prog->insn_cnt, sizeof(*g->depths));
	if (g->depths)
		err = check_graph(g);
	else
		err = fail(ENOMEM, "no memory for checking the program");
	free(g->depths);
	free(g);
	return err;
}
