/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sub.c: subprograms: where they and their blocks begin, registers, budget, and the entry from C;
 * and the small pieces that all emitters use.
 */
#include "jit/jit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pieces ---- */

LLVMValueRef jit_u64(const struct jit *jit, uint64_t value)
{
	return LLVMConstInt(jit->i64, value, 0);
}

LLVMValueRef jit_u32(const struct jit *jit, uint32_t value)
{
	return LLVMConstInt(jit->i32, value, 0);
}

LLVMValueRef jit_reg(struct jit *jit, uint8_t reg)
{
	if (reg == REG_FP)
		return jit->fp;
	return LLVMBuildLoad2(jit->b, jit->i64, jit->regs[reg], "");
}

LLVMValueRef jit_reg32(struct jit *jit, uint8_t reg)
{
	return LLVMBuildTrunc(jit->b, jit_reg(jit, reg), jit->i32, "");
}

void jit_set_reg(struct jit *jit, uint8_t reg, LLVMValueRef value)
{
	if (LLVMTypeOf(value) != jit->i64)
		value = LLVMBuildZExt(jit->b, value, jit->i64, "");
	LLVMBuildStore(jit->b, value, jit->regs[reg]);
}

void jit_clear_args(struct jit *jit)
{
	for (uint8_t reg = 1; reg <= 5; reg++)
		jit_set_reg(jit, reg, jit_u64(jit, 0));
}

static LLVMValueRef field_address(struct jit *jit, LLVMValueRef base, size_t off)
{
	LLVMValueRef index = jit_u64(jit, off);

	return LLVMBuildGEP2(jit->b, jit->i8, base, &index, 1, "");
}

LLVMValueRef jit_tagged(struct jit *jit, LLVMValueRef insn, enum jit_memory memory)
{
	LLVMSetMetadata(insn, jit->tag_kind, jit->tags[memory]);
	return insn;
}

LLVMValueRef jit_field(struct jit *jit, LLVMValueRef base, size_t off, LLVMTypeRef type)
{
	return jit_tagged(jit, LLVMBuildLoad2(jit->b, type, field_address(jit, base, off), ""),
			  JIT_RUN);
}

void jit_set_field(struct jit *jit, LLVMValueRef base, size_t off, LLVMValueRef value)
{
	jit_tagged(jit, LLVMBuildStore(jit->b, value, field_address(jit, base, off)), JIT_RUN);
}

LLVMValueRef jit_pointer(struct jit *jit, LLVMValueRef address)
{
	return LLVMBuildIntToPtr(jit->b, address, jit->ptr, "");
}

LLVMValueRef jit_literal(struct jit *jit, enum vm_literal_kind kind, uint32_t index)
{
	struct vm_literal what = {.kind = kind, .index = index};

	return jit->is_file ? jit_file_literal(jit, what)
			    : jit_u64(jit, jit->host->literal(jit->prog, what));
}

void jit_mark(struct jit *jit, LLVMValueRef fn, const char *attribute, uint64_t value)
{
	unsigned int kind = LLVMGetEnumAttributeKindForName(attribute, strlen(attribute));

	LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
				LLVMCreateEnumAttribute(jit->context, kind, value));
}

LLVMBasicBlockRef jit_block(struct jit *jit, const char *name)
{
	return LLVMAppendBasicBlockInContext(jit->context, jit->sub->fn, name);
}

void jit_branch_unlikely(struct jit *jit, LLVMValueRef cond, LLVMBasicBlockRef unlikely,
			 LLVMBasicBlockRef likely)
{
	LLVMValueRef branch = LLVMBuildCondBr(jit->b, cond, unlikely, likely);
	LLVMMetadataRef weights[] = {
		LLVMMDStringInContext2(jit->context, "branch_weights", 14),
		LLVMValueAsMetadata(jit_u32(jit, 1)),
		LLVMValueAsMetadata(jit_u32(jit, 100000)),
	};

	LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(jit->context, "prof", 4),
			LLVMMetadataAsValue(jit->context,
					    LLVMMDNodeInContext2(jit->context, weights, 3)));
}

void jit_fail_if(struct jit *jit, LLVMValueRef cond, LLVMValueRef err)
{
	LLVMBasicBlockRef on = jit_block(jit, "on");

	LLVMBuildStore(jit->b, err, jit->err);
	jit_branch_unlikely(jit, cond, jit->fail, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
}

LLVMValueRef jit_host(struct jit *jit, enum vm_host fn, LLVMValueRef a, LLVMValueRef b,
		      LLVMValueRef c)
{
	LLVMValueRef zero = jit_u64(jit, 0);
	LLVMValueRef args[] = {jit->run, jit_u64(jit, jit->at), a ? a : zero, b ? b : zero,
			       c ? c : zero};
	LLVMValueRef address = jit_pointer(jit, jit_literal(jit, VM_LITERAL_HOST, fn));

	return LLVMBuildCall2(jit->b, jit->host_type, address, args, 5, "");
}

void jit_end_run(struct jit *jit, enum vm_host fn, uint32_t slot)
{
	uint32_t at = jit->at;
	LLVMValueRef err;

	jit->at = slot;
	err = jit_host(jit, fn, NULL, NULL, NULL);
	jit->at = at;
	LLVMBuildStore(jit->b, LLVMBuildTrunc(jit->b, err, jit->i32, ""), jit->err);
	LLVMBuildBr(jit->b, jit->fail);
}

void jit_budget_save(struct jit *jit)
{
	SET_RUN_FIELD(jit, budget, LLVMBuildLoad2(jit->b, jit->i64, jit->budget, ""));
}

void jit_budget_load(struct jit *jit)
{
	LLVMBuildStore(jit->b, RUN_FIELD(jit, budget, jit->i64), jit->budget);
}

/* Charge and end the run if nothing is left. */
static void charge(struct jit *jit, uint32_t slots, uint32_t slot)
{
	LLVMBasicBlockRef used_up = jit_block(jit, "used_up"), on = jit_block(jit, "on");
	LLVMValueRef left = LLVMBuildSub(jit->b, LLVMBuildLoad2(jit->b, jit->i64, jit->budget, ""),
					 jit_u64(jit, slots), "");

	LLVMBuildStore(jit->b, left, jit->budget);
	jit_branch_unlikely(jit, LLVMBuildICmp(jit->b, LLVMIntSLT, left, jit_u64(jit, 0), ""),
			    used_up, on);
	LLVMPositionBuilderAtEnd(jit->b, used_up);
	jit_end_run(jit, VM_HOST_OUT_OF_BUDGET, slot);
	LLVMPositionBuilderAtEnd(jit->b, on);
}

void jit_goto(struct jit *jit, uint32_t target)
{
	if (target <= jit->at)
		charge(jit, jit->at + 1 - target, target);
	LLVMBuildBr(jit->b, jit->blocks[target]);
}

const struct vm_fact *jit_fact(const struct jit *jit)
{
	static const struct vm_fact nothing = {.reached = 1};

	return jit->facts->insns ? &jit->facts->insns[jit->at] : &nothing;
}

const struct bpf_insn *jit_insn(const struct jit *jit)
{
	return &jit->prog->insns[jit->at];
}

const struct vm_insn *jit_decoded(const struct jit *jit)
{
	return &jit->prog->code[jit->at];
}

/* ---- where things begin ---- */

static void sub_declare(struct jit *jit, struct jit_sub *sub)
{
	char name[48];

	snprintf(name, sizeof(name), "%s.%u", jit->prog->name[0] ? jit->prog->name : "prog",
		 sub->start);
	sub->fn = LLVMAddFunction(jit->module, name, jit->sub_type);
	LLVMSetLinkage(sub->fn, LLVMInternalLinkage);
	jit_debug_sub(jit, sub);
}

static bool is_wide(const struct jit *jit, uint32_t at)
{
	return jit->prog->insns[at].code == (BPF_LD | BPF_IMM | BPF_DW);
}

int jit_subs_find(struct jit *jit)
{
	const struct vm_prog *prog = jit->prog;
	uint32_t count = 0;

	for (uint32_t at = 0; at < prog->insn_cnt; at++)
		count += prog->is_subprog[at];
	jit->subs = calloc(count, sizeof(*jit->subs));
	jit->blocks = calloc(prog->insn_cnt, sizeof(LLVMBasicBlockRef));
	if (!jit->subs || !jit->blocks)
		return jit->host->fail(ENOMEM, "no memory for compiling a program");
	for (uint32_t at = 0; at < prog->insn_cnt; at++)
		if (prog->is_subprog[at])
			jit->subs[jit->sub_cnt++].start = at;
	for (uint32_t i = 0; i < count; i++) {
		jit->subs[i].end = i + 1 < count ? jit->subs[i + 1].start : prog->insn_cnt;
		sub_declare(jit, &jit->subs[i]);
	}
	return 0;
}

const struct jit_sub *jit_sub_at(const struct jit *jit, uint32_t slot)
{
	uint32_t i = 0;

	while (jit->subs[i].start != slot)
		i++;
	return &jit->subs[i];
}

static bool jumps(uint8_t class)
{
	return class == VM_CLASS_JMP_K || class == VM_CLASS_JMP_X || class == VM_CLASS_JA ||
	       class == VM_CLASS_JA32;
}

static uint8_t class_at(const struct jit *jit, uint32_t at)
{
	static const uint8_t classes[VM_OP_COUNT] = {
#define INSN(ID, code, variant, class, text) [VM_OP_##ID] = VM_CLASS_##class,
#include "vm/insn.def"
#undef INSN
	};

	return classes[jit->prog->code[at].op];
}

static void block_at(struct jit *jit, int64_t slot)
{
	if (slot < jit->sub->end && !jit->blocks[slot])
		jit->blocks[slot] = jit_block(jit, "insn");
}

static void blocks_find(struct jit *jit)
{
	for (uint32_t at = jit->sub->start; at < jit->sub->end; at++) {
		uint8_t class = class_at(jit, at);

		if (jumps(class))
			block_at(jit, (int64_t)at + 1 + jit->prog->code[at].off);
		if (jumps(class) || class == VM_CLASS_EXIT)
			block_at(jit, (int64_t)at + 1);
		at += is_wide(jit, at);
	}
}

/* ---- a subprogram ---- */

static LLVMValueRef variable(struct jit *jit, LLVMTypeRef type, const char *name)
{
	return LLVMBuildAlloca(jit->b, type, name);
}

static void frame_clear(struct jit *jit)
{
	uint16_t bytes =
		jit->facts->clear_bytes ? jit->facts->clear_bytes[jit->sub->start] : VM_STACK_FRAME;
	LLVMValueRef from;

	if (!bytes || !jit->prog->uses_stack)
		return;
	from = jit_pointer(jit, LLVMBuildSub(jit->b, jit->fp, jit_u64(jit, bytes), ""));
	LLVMBuildMemSet(jit->b, from, LLVMConstInt(jit->i8, 0, 0), jit_u64(jit, bytes), 8);
}

static void prologue(struct jit *jit)
{
	char name[8];

	jit->run = LLVMGetParam(jit->sub->fn, 0);
	jit_literals_open(jit);
	for (uint8_t reg = 0; reg < REG_FP; reg++) {
		snprintf(name, sizeof(name), "r%u", reg);
		jit->regs[reg] = variable(jit, jit->i64, name);
		LLVMBuildStore(jit->b, LLVMGetParam(jit->sub->fn, 1u + reg), jit->regs[reg]);
	}
	jit->budget = variable(jit, jit->i64, "budget");
	jit->err = variable(jit, jit->i32, "err");
	jit->args = variable(jit, LLVMArrayType2(jit->i64, 5), "args");
	jit->word = variable(jit, jit->i64, "word");
	jit->index = variable(jit, jit->i32, "index");
	jit->result = variable(jit, jit->i64, "result");
	jit->fp = LLVMBuildAdd(jit->b, RUN_FIELD(jit, stack.lo, jit->i64),
			       jit_u64(jit, VM_STACK_FRAME), "r10");
	jit_budget_load(jit);
	charge(jit, jit->sub->end - jit->sub->start, jit->sub->start);
	frame_clear(jit);
}

static void fail_block(struct jit *jit)
{
	LLVMValueRef parts[] = {jit_u64(jit, 0), NULL};

	LLVMPositionBuilderAtEnd(jit->b, jit->fail);
	parts[1] = LLVMBuildLoad2(jit->b, jit->i32, jit->err, "");
	LLVMBuildAggregateRet(jit->b, parts, 2);
}

static void insn_make(struct jit *jit)
{
	static jit_emit_fn *const emit[VM_OP_COUNT] = {
#define INSN(ID, code, variant, class, text) [VM_OP_##ID] = emit_##class,
#include "vm/insn.def"
#undef INSN
	};

	if (jit->blocks[jit->at]) {
		if (!LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(jit->b)))
			LLVMBuildBr(jit->b, jit->blocks[jit->at]);
		LLVMPositionBuilderAtEnd(jit->b, jit->blocks[jit->at]);
	}
	jit_debug_slot(jit, jit->at);
	emit[jit_decoded(jit)->op](jit);
}

static void sub_make(struct jit *jit, const struct jit_sub *sub)
{
	LLVMBasicBlockRef entry;

	jit->sub = sub;
	jit->at = sub->start;
	entry = jit_block(jit, "entry");
	jit->fail = jit_block(jit, "fail");
	blocks_find(jit);
	LLVMPositionBuilderAtEnd(jit->b, entry);
	jit_debug_slot(jit, sub->start);
	prologue(jit);
	for (; jit->at < sub->end; jit->at++) {
		bool wide = is_wide(jit, jit->at);

		insn_make(jit);
		jit->at += wide;
	}
	fail_block(jit);
}

/* ---- the entry from C ---- */

/* A run that still holds a lock must not end in order. exit has set run->pc. */
static LLVMValueRef err_at_exit(struct jit *jit, LLVMValueRef err)
{
	LLVMBasicBlockRef from, locked, on;
	LLVMValueRef holds, late, phi;

	if (!jit->may_lock)
		return err;
	from = LLVMGetInsertBlock(jit->b);
	locked = jit_block(jit, "locked");
	on = jit_block(jit, "on");
	holds = LLVMBuildAnd(jit->b, LLVMBuildICmp(jit->b, LLVMIntEQ, err, jit_u32(jit, 0), ""),
			     LLVMBuildIsNotNull(jit->b, RUN_FIELD(jit, locked_map, jit->ptr), ""),
			     "");
	jit_branch_unlikely(jit, holds, locked, on);
	LLVMPositionBuilderAtEnd(jit->b, locked);
	late = LLVMBuildTrunc(jit->b, jit_host(jit, VM_HOST_EXIT_LOCKED, NULL, NULL, NULL),
			      jit->i32, "");
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
	phi = LLVMBuildPhi(jit->b, jit->i32, "");
	LLVMAddIncoming(phi, (LLVMValueRef[]){err, late}, (LLVMBasicBlockRef[]){from, locked}, 2);
	return phi;
}

static void entry_make(struct jit *jit, struct jit_sub *target)
{
	struct jit_sub entry = {.start = target->start};
	LLVMValueRef args[1 + REG_FP], result, err;
	char name[32];

	snprintf(name, sizeof(name), "entry_%u", target->start);
	entry.fn = target->entry = LLVMAddFunction(jit->module, name, jit->entry_type);
	jit->sub = &entry;
	jit->at = target->start;
	jit->run = LLVMGetParam(entry.fn, 0);
	LLVMPositionBuilderAtEnd(jit->b, jit_block(jit, "entry"));
	jit_debug_entry(jit, entry.fn, target->start);
	jit_literals_open(jit);
	args[0] = jit->run;
	for (uint8_t reg = 0; reg < REG_FP; reg++)
		args[1 + reg] = reg < 1 || reg > 5
					? jit_u64(jit, 0)
					: jit_field(jit, LLVMGetParam(entry.fn, 1),
						    (reg - 1u) * sizeof(uint64_t), jit->i64);
	result = LLVMBuildCall2(jit->b, jit->sub_type, target->fn, args, 1 + REG_FP, "");
	jit_set_field(jit, LLVMGetParam(entry.fn, 2), 0,
		      LLVMBuildExtractValue(jit->b, result, 0, ""));
	err = LLVMBuildExtractValue(jit->b, result, 1, "");
	LLVMBuildRet(jit->b, err_at_exit(jit, err));
}

void jit_subs_make(struct jit *jit)
{
	for (uint32_t i = 0; i < jit->sub_cnt; i++) {
		sub_make(jit, &jit->subs[i]);
		entry_make(jit, &jit->subs[i]);
	}
}
