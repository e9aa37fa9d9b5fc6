/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* call.c: calls of helpers and subprograms, exit, and the instructions that are calls in disguise:
 * 64-bit constants (references to what the program has) and LD_ABS, LD_IND.
 */
#include "jit/jit.h"

#include "vm/helpers.h"

/* ---- subprograms ---- */

static void frame_set(struct jit *jit, LLVMValueRef depth, LLVMValueRef lo)
{
	LLVMValueRef frames = LLVMBuildZExt(
		jit->b, LLVMBuildAdd(jit->b, depth, jit_u32(jit, 1), ""), jit->i64, "");

	SET_RUN_FIELD(jit, depth, depth);
	if (jit->prog->uses_stack)
		SET_RUN_FIELD(jit, stack.bytes,
			      LLVMBuildMul(jit->b, frames, jit_u64(jit, VM_STACK_FRAME), ""));
	SET_RUN_FIELD(jit, stack.lo, lo);
}

static LLVMValueRef below(struct jit *jit, uint32_t frames)
{
	return LLVMBuildSub(jit->b, jit->fp, jit_u64(jit, (uint64_t)frames * VM_STACK_FRAME), "");
}

LLVMValueRef jit_call_sub(struct jit *jit, const struct jit_sub *sub, LLVMValueRef regs[REG_FP],
			  enum vm_host too_deep)
{
	LLVMValueRef depth = RUN_FIELD(jit, depth, jit->i32), args[1 + REG_FP], result, err;
	LLVMBasicBlockRef deep = jit_block(jit, "deep"), on = jit_block(jit, "on");

	jit_branch_unlikely(
		jit, LLVMBuildICmp(jit->b, LLVMIntUGE, depth, jit_u32(jit, VM_MAX_FRAMES - 1), ""),
		deep, on);
	LLVMPositionBuilderAtEnd(jit->b, deep);
	jit_end_run(jit, too_deep, jit->at);
	LLVMPositionBuilderAtEnd(jit->b, on);
	jit_budget_save(jit);
	frame_set(jit, LLVMBuildAdd(jit->b, depth, jit_u32(jit, 1), ""), below(jit, 2));
	args[0] = jit->run;
	for (uint8_t reg = 0; reg < REG_FP; reg++)
		args[1 + reg] = regs[reg];
	result = LLVMBuildCall2(jit->b, jit->sub_type, sub->fn, args, 1 + REG_FP, "");
	err = LLVMBuildExtractValue(jit->b, result, 1, "");
	jit_fail_if(jit, LLVMBuildIsNotNull(jit->b, err, ""), err);
	frame_set(jit, depth, below(jit, 1));
	jit_budget_load(jit);
	return LLVMBuildExtractValue(jit->b, result, 0, "");
}

static void call_local(struct jit *jit)
{
	uint32_t target = (uint32_t)((int64_t)jit->at + 1 + jit_decoded(jit)->off);
	LLVMValueRef regs[REG_FP];

	for (uint8_t reg = 0; reg < REG_FP; reg++)
		regs[reg] = jit_reg(jit, reg);
	jit_set_reg(jit, 0,
		    jit_call_sub(jit, jit_sub_at(jit, target), regs, VM_HOST_CALLS_TOO_DEEP));
	jit_clear_args(jit);
}

/* ---- helpers ---- */

static bool calls_back(const struct vm_helper *helper)
{
	for (int arg = 0; arg < 5; arg++)
		if (helper->args[arg] == VM_ARG_FUNC)
			return true;
	return false;
}

static void args_store(struct jit *jit)
{
	for (uint8_t arg = 0; arg < 5; arg++) {
		LLVMValueRef index = jit_u64(jit, arg);

		LLVMBuildStore(jit->b, jit_reg(jit, (uint8_t)(arg + 1)),
			       LLVMBuildGEP2(jit->b, jit->i64, jit->args, &index, 1, ""));
	}
}

static LLVMValueRef call_checked(struct jit *jit, const struct vm_helper *helper)
{
	LLVMValueRef id = jit_literal(jit, VM_LITERAL_HELPER, (uint32_t)helper->id);

	args_store(jit);
	return jit_host(jit, VM_HOST_CALL, id, LLVMBuildPtrToInt(jit->b, jit->args, jit->i64, ""),
			NULL);
}

static LLVMValueRef call_direct(struct jit *jit, const struct vm_helper *helper)
{
	LLVMValueRef fn = jit_literal(jit, VM_LITERAL_HELPER_FN, (uint32_t)helper->id);
	LLVMValueRef args[6] = {jit->run};

	SET_RUN_FIELD(jit, pc, jit_literal(jit, VM_LITERAL_CODE, jit->at));
	for (uint8_t reg = 1; reg <= 5; reg++)
		args[reg] = jit_reg(jit, reg);
	return LLVMBuildCall2(jit->b, jit->helper_type, jit_pointer(jit, fn), args, 6, "");
}

/* With a lock held a helper is refused, and it is the checked call that does so. */
static LLVMValueRef call_sure(struct jit *jit, const struct vm_helper *helper)
{
	LLVMBasicBlockRef locked, free, on;
	LLVMValueRef values[2], phi;

	if (!jit->may_lock)
		return call_direct(jit, helper);
	locked = jit_block(jit, "locked");
	free = jit_block(jit, "free");
	on = jit_block(jit, "on");
	LLVMBuildCondBr(jit->b,
			LLVMBuildIsNotNull(jit->b, RUN_FIELD(jit, locked_map, jit->ptr), ""),
			locked, free);
	LLVMPositionBuilderAtEnd(jit->b, locked);
	values[0] = call_checked(jit, helper);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, free);
	values[1] = call_direct(jit, helper);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
	phi = LLVMBuildPhi(jit->b, jit->i64, "");
	LLVMAddIncoming(phi, values, (LLVMBasicBlockRef[]){locked, free}, 2);
	return phi;
}

static bool is_sure(const struct jit *jit)
{
	return jit_fact(jit)->sure_args == (1u << 5) - 1;
}

static void call_helper(struct jit *jit, const struct vm_helper *helper)
{
	LLVMValueRef r0 = NULL, err;

	if (is_sure(jit) && !jit->may_lock) {
		r0 = jit_lookup(jit, helper);
		r0 = r0 ? r0 : jit_loop(jit, helper);
	}
	if (!r0) {
		if (calls_back(helper))
			jit_budget_save(jit);
		r0 = is_sure(jit) ? call_sure(jit, helper) : call_checked(jit, helper);
		err = RUN_FIELD(jit, err, jit->i32);
		jit_fail_if(jit, LLVMBuildIsNotNull(jit->b, err, ""), err);
		if (calls_back(helper))
			jit_budget_load(jit);
	}
	jit_set_reg(jit, 0, r0);
	jit_clear_args(jit);
}

void emit_CALL(struct jit *jit)
{
	if (jit_insn(jit)->src_reg == BPF_PSEUDO_CALL)
		call_local(jit);
	else
		call_helper(jit, (const struct vm_helper *)(uintptr_t)jit_decoded(jit)->imm);
}

/* ---- the rest ---- */

static void leave(struct jit *jit, LLVMValueRef r0)
{
	LLVMValueRef parts[] = {r0, jit_u32(jit, 0)};

	if (jit->may_lock)
		SET_RUN_FIELD(jit, pc, jit_literal(jit, VM_LITERAL_CODE, jit->at));
	jit_budget_save(jit);
	LLVMBuildAggregateRet(jit->b, parts, 2);
}

void emit_EXIT(struct jit *jit)
{
	leave(jit, jit_reg(jit, 0));
}

/* The program's map that a value's address belongs to. */
static LLVMValueRef direct_value(struct jit *jit, uint64_t address)
{
	const struct vm_prog *prog = jit->prog;

	for (uint32_t i = 0; i < prog->map_cnt; i++) {
		uint64_t off = address - prog->maps[i].direct;

		if (prog->maps[i].direct && off < prog->maps[i].map->spec.value_size)
			return LLVMBuildAdd(jit->b, jit_literal(jit, VM_LITERAL_DIRECT, i),
					    jit_u64(jit, off), "");
	}
	return jit_u64(jit, address);
}

void emit_IMM64(struct jit *jit)
{
	const struct vm_insn *insn = jit_decoded(jit);
	uint64_t imm = (uint64_t)insn->imm;
	LLVMValueRef value;

	switch (jit_insn(jit)->src_reg) {
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_IDX:
		value = jit_literal(jit, VM_LITERAL_MAP_REF,
				    (uint32_t)(prog_map_ref(jit->prog, imm) - jit->prog->maps));
		break;
	case BPF_PSEUDO_MAP_VALUE:
	case BPF_PSEUDO_MAP_IDX_VALUE: value = direct_value(jit, imm); break;
	case BPF_PSEUDO_FUNC:
		value = jit_literal(jit, VM_LITERAL_CODE,
				    (uint32_t)(prog_func_ref(jit->prog, imm) - jit->prog->code));
		break;
	default: value = jit_u64(jit, imm); break;
	}
	jit_set_reg(jit, insn->dst, value);
}

static void packet(struct jit *jit, LLVMValueRef off)
{
	uint64_t bytes = insn_access_bytes(jit_insn(jit)->code);
	LLVMValueRef found =
		jit_host(jit, VM_HOST_PACKET, off, jit_u64(jit, bytes), jit_reg(jit, 6));
	LLVMBasicBlockRef outside = jit_block(jit, "outside"), on = jit_block(jit, "on");

	jit_fail_if(jit, LLVMBuildICmp(jit->b, LLVMIntEQ, found, jit_u64(jit, 1ull << 33), ""),
		    RUN_FIELD(jit, err, jit->i32));
	LLVMBuildCondBr(jit->b, LLVMBuildIsNull(jit->b, found, ""), outside, on);
	LLVMPositionBuilderAtEnd(jit->b, outside);
	leave(jit, jit_u64(jit, 0));
	LLVMPositionBuilderAtEnd(jit->b, on);
	jit_clear_args(jit);
	jit_set_reg(jit, 0, LLVMBuildTrunc(jit->b, found, jit->i32, ""));
}

void emit_ABS(struct jit *jit)
{
	packet(jit, jit_u64(jit, (uint64_t)(int64_t)jit_insn(jit)->imm));
}

void emit_IND(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);
	LLVMValueRef off = LLVMBuildAdd(jit->b, jit_reg32(jit, insn->src_reg),
					jit_u32(jit, (uint32_t)insn->imm), "");

	packet(jit, LLVMBuildSExt(jit->b, off, jit->i64, ""));
}
