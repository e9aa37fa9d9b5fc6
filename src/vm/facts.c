/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts.c: abstract interpretation of a program until nothing changes; then facts are written down.
 *
 * Blocks      start where jumps lead, where subprograms start, and at calls that run subprograms
 *             (so that a call is done again without what is before it). Before each block that is
 *             reached there is one state: the join of all that flows there. The lowest block to be
 *             done is next, so inner loops come to rest before what is behind them.
 * Calls       a subprogram has one state at its start, joined over its calls, and one effect.
 *             Control goes on behind a call once the callee is known to return; when an effect
 *             grows, its calls are done again.
 * An end      a block is done again only if its state has grown. Loops and subprograms let bounds
 *             grow in few steps (JOIN_TO_STOP), then to the end; after GROWN_CLEAR growths
 *             everything is given up, and a state that knows nothing cannot grow. So the work is
 *             bounded per block.
 * Too large   a program of more than STATES_MAX blocks is not proved: everything is checked when it
 *             runs.
 */
#include "vm/facts_prove.h"

#include "base/error.h"
#include "vm/helpers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATES_MAX    8192u /* about 6 KiB each */
#define GROWN_EXACT   4	    /* small loops need no stops */
#define GROWN_STOPS   24
#define GROWN_CLEAR   96
#define STOPS_MAX     1024u
#define ALL_ARGS_SURE 0x1f

/* ---- blocks ---- */

static bool runs_subprogs(const struct vm_insn *insn)
{
	const struct vm_helper *helper = (const struct vm_helper *)(uintptr_t)insn->imm;

	if (insn->op == VM_OP_CALL_LOCAL)
		return true;
	for (int arg = 0; insn->op == VM_OP_CALL && arg < 5; arg++)
		if (helper->args[arg] == VM_ARG_FUNC)
			return true;
	return false;
}

static void mark_block(struct prover *p, uint32_t at)
{
	const struct vm_insn *insn = &p->prog->code[at];
	uint32_t target = (uint32_t)((int64_t)at + 1 + insn->off);

	switch (vm_insn_rows[insn->op].class) {
	case VM_CLASS_JA:
	case VM_CLASS_JA32:
	case VM_CLASS_JMP_K:
	case VM_CLASS_JMP_X:
		p->block[target] |= BLOCK_START | (target <= at ? BLOCK_LOOP : 0);
		break;
	case VM_CLASS_CALL:
		if (!runs_subprogs(insn))
			break;
		p->block[at] |= BLOCK_START;
		p->calls[p->call_count++] = at;
		break;
	default: break;
	}
}

static void find_blocks(struct prover *p)
{
	const struct vm_prog *prog = p->prog;

	for (uint32_t at = 0; at < prog->insn_cnt; at++) {
		if (prog->is_subprog[at]) {
			p->subs[p->sub_count].start = at;
			p->sub_count++;
			p->block[at] |= BLOCK_START | BLOCK_LOOP;
		}
		p->sub_of[at] = (uint16_t)(p->sub_count - 1);
		mark_block(p, at);
		if (prog->code[at].op == VM_OP_LD_IMM64) {
			at++;
			p->sub_of[at] = (uint16_t)(p->sub_count - 1);
		}
	}
}

static int compare_stops(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* What counters are compared with, and their neighbours. */
static void find_stops(struct prover *p)
{
	struct stops *stops = &p->stops;
	size_t kept = 0;

	for (uint32_t at = 0; at < p->prog->insn_cnt && stops->count + 4 <= STOPS_MAX; at++) {
		const struct vm_insn *insn = &p->prog->code[at];

		if (vm_insn_rows[insn->op].class == VM_CLASS_JMP_K)
			for (int64_t by = -1; by <= 1; by++)
				stops->at[stops->count++] = insn->imm + by;
		if (insn->op == VM_OP_LD_IMM64)
			at++;
	}
	stops->at[stops->count++] = LAST_STOP;
	qsort(stops->at, stops->count, sizeof(stops->at[0]), compare_stops);
	for (size_t i = 0; i < stops->count; i++)
		if (!kept || stops->at[i] != stops->at[kept - 1])
			stops->at[kept++] = stops->at[i];
	stops->count = kept;
}

/* ---- flow ---- */

static enum join_how how_to_join(const struct prover *p, uint32_t to)
{
	uint8_t growths = p->growths[to];

	if (growths > GROWN_CLEAR)
		return JOIN_TO_CLEAR;
	if (!(p->block[to] & BLOCK_LOOP) || growths <= GROWN_EXACT)
		return JOIN_EXACT;
	return growths <= GROWN_STOPS ? JOIN_TO_STOP : JOIN_TO_END;
}

static void do_again(struct prover *p, uint32_t block)
{
	p->block[block] |= BLOCK_TODO;
	if (block < p->lowest)
		p->lowest = block;
}

void prover_flow(struct prover *p, uint32_t to, const struct state *state)
{
	bool is_new = !p->entry[to];
	bool grown;

	if (p->recording || p->err)
		return;
	if (is_new) {
		p->entry[to] = p->state_count++ < STATES_MAX ? malloc(sizeof(*state)) : NULL;
		if (!p->entry[to]) {
			p->err = p->state_count > STATES_MAX ? -E2BIG : -ENOMEM;
			return;
		}
		/* Joined with itself it gets the names of ids that joins compare. */
		*p->entry[to] = *state;
	}
	grown = state_join(p->entry[to], state, how_to_join(p, to), &p->stops);
	if (!grown && !is_new)
		return;
	p->growths[to]++;
	do_again(p, to);
}

struct subprog *prover_subprog(struct prover *p, uint32_t start)
{
	return &p->subs[p->sub_of[start]];
}

void prover_effect_grown(struct prover *p, const struct subprog *sub)
{
	for (uint32_t i = 0; i < p->call_count; i++) {
		uint32_t at = p->calls[i];
		const struct vm_insn *insn = &p->prog->code[at];
		uint32_t callee = (uint32_t)((int64_t)at + 1 + insn->off);

		if (!p->entry[at])
			continue;
		if (insn->op == VM_OP_CALL || callee == sub->start)
			do_again(p, at);
	}
}

/* Of a result only that it has an id is kept: the call gives it a new one. */
static struct value returned(const struct value *v)
{
	struct value result = *v;

	if (v->kind == VALUE_STACK)
		return value_any();
	if (v->kind == VALUE_NUMBER)
		result.id = 0;
	result.id = result.id ? 1 : 0;
	return result;
}

void prover_return(struct step *s, const struct value *result)
{
	struct effect *effect = &s->sub->effect;
	struct value now = returned(result);

	if (effect->returns)
		now = value_join(&effect->result, &now);
	now = returned(&now);
	if (effect->returns && value_equal(&now, &effect->result))
		return;
	effect->returns = 1;
	effect->result = now;
	prover_effect_grown(s->p, s->sub);
}

/* ---- steps ---- */

#define NO_SLOT UINT32_MAX

/* The slot behind, or NO_SLOT if control does not go there. */
static uint32_t step_branch(struct step *s)
{
	struct state *fall = &s->p->work[WORK_FALL], *take = &s->p->work[WORK_TAKE];
	int can = step_jump(s, fall, take);

	if (can & JUMP_CAN_TAKE)
		prover_flow(s->p, (uint32_t)((int64_t)s->at + 1 + s->insn->off), take);
	if (!(can & JUMP_CAN_FALL))
		return NO_SLOT;
	*s->state = *fall;
	return s->at + 1;
}

static uint32_t step_call(struct step *s)
{
	if (s->insn->op == VM_OP_CALL)
		step_helper(s);
	else if (!step_call_local(s))
		return NO_SLOT;
	return s->at + 1;
}

static uint32_t step(struct step *s)
{
	switch (vm_insn_rows[s->insn->op].class) {
	case VM_CLASS_ALU_K:
	case VM_CLASS_ALU_X:
	case VM_CLASS_NEG:
	case VM_CLASS_END: step_alu(s); break;
	case VM_CLASS_JMP_K:
	case VM_CLASS_JMP_X: return step_branch(s);
	case VM_CLASS_JA:
	case VM_CLASS_JA32:
		prover_flow(s->p, (uint32_t)((int64_t)s->at + 1 + s->insn->off), s->state);
		return NO_SLOT;
	case VM_CLASS_CALL: return step_call(s);
	case VM_CLASS_EXIT: prover_return(s, &s->state->at[0]); return NO_SLOT;
	case VM_CLASS_IMM64: step_imm64(s); return s->at + 2;
	case VM_CLASS_ABS:
	case VM_CLASS_IND: step_packet_load(s); break;
	case VM_CLASS_LDX: step_load(s); break;
	case VM_CLASS_ST:
	case VM_CLASS_STX: step_store(s); break;
	case VM_CLASS_ATOMIC: step_atomic(s); break;
	case VM_CLASS_LOAD_ACQ: step_acquire(s); break;
	case VM_CLASS_STORE_REL: step_release(s); break;
	default: break;
	}
	return s->at + 1;
}

static void do_block(struct prover *p, uint32_t at)
{
	struct state *state = &p->work[WORK_STATE];
	uint32_t next = at;

	p->block[at] &= (uint8_t)~BLOCK_TODO;
	*state = *p->entry[at];
	do {
		struct step s = {
			.p = p,
			.at = next,
			.insn = &p->prog->code[next],
			.state = state,
			.fact = &p->facts->insns[next],
			.sub = &p->subs[p->sub_of[next]],
		};

		*s.fact = (struct vm_fact){.reached = 1};
		next = step(&s);
	} while (next != NO_SLOT && !(p->block[next] & BLOCK_START));
	if (next != NO_SLOT)
		prover_flow(p, next, state);
}

/* Main starts with the context in R1; what other registers hold depends on the engine. */
static void flow_main(struct prover *p)
{
	struct state *state = &p->work[WORK_STATE];

	state_clear(state);
	if (p->prog->prog_type != BPF_PROG_TYPE_SYSCALL)
		state->at[1] = value_pointer(VALUE_CTX, 0, 0);
	prover_flow(p, 0, state);
}

static void prove(struct prover *p)
{
	uint32_t at = 0;

	flow_main(p);
	while (at < p->prog->insn_cnt && !p->err) {
		if (!(p->block[at] & BLOCK_TODO)) {
			at++;
			continue;
		}
		p->lowest = UINT32_MAX;
		do_block(p, at);
		at = p->lowest < at + 1 ? p->lowest : at + 1;
	}
}

/* ---- facts ---- */

static void record(struct prover *p)
{
	uint32_t cnt = p->prog->insn_cnt;

	memset(p->facts->insns, 0, cnt * sizeof(p->facts->insns[0]));
	p->recording = 1;
	for (uint32_t at = 0; at < cnt; at++)
		if (p->entry[at])
			do_block(p, at);
	for (uint32_t i = 0; i < p->sub_count; i++) {
		const struct subprog *sub = &p->subs[i];
		bool all = p->reads_any || p->calls_any || !p->entry[sub->start];

		p->facts->clear_bytes[sub->start] =
			(uint16_t)(all ? VM_STACK_FRAME : (uint32_t)(-sub->clear + 7) / 8 * 8);
	}
}

/* Nothing is known. */
static void record_nothing(struct prover *p)
{
	for (uint32_t at = 0; at < p->prog->insn_cnt; at++)
		p->facts->insns[at] = (struct vm_fact){.reached = 1};
	for (uint32_t i = 0; i < p->sub_count; i++)
		p->facts->clear_bytes[p->subs[i].start] = VM_STACK_FRAME;
}

static void count(const struct vm_prog *prog, struct vm_facts *facts)
{
	for (uint32_t at = 0; at < prog->insn_cnt; at++) {
		const struct vm_fact *fact = &facts->insns[at];
		uint16_t op = prog->code[at].op;
		uint8_t class = vm_insn_rows[op].class;
		bool is_access = class == VM_CLASS_LDX || class == VM_CLASS_ST ||
				 class == VM_CLASS_STX || class == VM_CLASS_ATOMIC ||
				 class == VM_CLASS_LOAD_ACQ || class == VM_CLASS_STORE_REL;

		facts->accesses += fact->reached && is_access;
		facts->accesses_sure += fact->reached && is_access && fact->place;
		facts->calls += fact->reached && op == VM_OP_CALL;
		facts->calls_sure +=
			fact->reached && op == VM_OP_CALL && fact->sure_args == ALL_ARGS_SURE;
		if (op == VM_OP_LD_IMM64)
			at++;
	}
}

/* ---- memory ---- */

int prover_open(struct prover *p, const struct vm_prog *prog, struct vm_facts *facts)
{
	uint32_t cnt = prog->insn_cnt, subs = 0;

	*p = (struct prover){.prog = prog, .facts = facts};
	for (uint32_t at = 0; at < cnt; at++)
		subs += p->prog->is_subprog[at];
	p->facts->insn_cnt = cnt;
	p->facts->insns = calloc(cnt, sizeof(*p->facts->insns));
	p->facts->clear_bytes = calloc(cnt, sizeof(*p->facts->clear_bytes));
	p->entry = calloc(cnt, sizeof(*p->entry));
	p->work = calloc(WORK_COUNT, sizeof(*p->work));
	p->calls = calloc(cnt, sizeof(*p->calls));
	p->block = calloc(cnt, sizeof(*p->block));
	p->growths = calloc(cnt, sizeof(*p->growths));
	p->sub_of = calloc(cnt, sizeof(*p->sub_of));
	p->subs = calloc(subs, sizeof(*p->subs));
	p->stops.at = calloc(STOPS_MAX, sizeof(*p->stops.at));
	if (!p->facts->insns || !p->facts->clear_bytes || !p->entry || !p->work || !p->calls ||
	    !p->block || !p->growths || !p->sub_of || !p->subs || !p->stops.at)
		return fail(ENOMEM, "no memory for proving a program of %u instructions", cnt);
	find_blocks(p);
	find_stops(p);
	return 0;
}

int prover_run(struct prover *p)
{
	prove(p);
	if (p->err == -ENOMEM)
		return fail(ENOMEM, "no memory for proving a program of %u instructions",
			    p->prog->insn_cnt);
	if (p->err)
		record_nothing(p);
	else
		record(p);
	count(p->prog, p->facts);
	return 0;
}

void prover_close(struct prover *p)
{
	for (uint32_t at = 0; p->entry && at < p->prog->insn_cnt; at++)
		free(p->entry[at]);
	free(p->entry);
	free(p->work);
	free(p->calls);
	free(p->block);
	free(p->growths);
	free(p->sub_of);
	free(p->subs);
	free(p->stops.at);
}

int facts_prove(const struct vm_prog *prog, struct vm_facts *ret_facts)
{
	struct vm_facts facts = {0};
	struct prover p;
	int err;

	err = prover_open(&p, prog, &facts);
	if (!err)
		err = prover_run(&p);
	prover_close(&p);
	if (err)
		facts_free(&facts);
	else
		*ret_facts = facts;
	return err;
}

void facts_free(struct vm_facts *facts)
{
	free(facts->insns);
	free(facts->clear_bytes);
	*facts = (struct vm_facts){0};
}
