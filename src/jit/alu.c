/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* alu.c: arithmetic and jumps. What LLVM leaves undefined (shifts by too much, divisions by 0, the
 * division that overflows) is given the instruction set's meaning here, without a branch.
 */
#include "jit/jit.h"

#include <string.h>

/* ---- arithmetic ---- */

static bool is_64(const struct jit *jit)
{
	uint8_t class = BPF_CLASS(jit_insn(jit)->code);

	return class == BPF_ALU64 || class == BPF_JMP;
}

static LLVMTypeRef type_of(const struct jit *jit)
{
	return is_64(jit) ? jit->i64 : jit->i32;
}

static LLVMValueRef constant(const struct jit *jit, int64_t value)
{
	return LLVMConstInt(type_of(jit), (uint64_t)value, 1);
}

static LLVMValueRef operand(struct jit *jit, uint8_t reg)
{
	return is_64(jit) ? jit_reg(jit, reg) : jit_reg32(jit, reg);
}

static LLVMValueRef is_value(struct jit *jit, LLVMValueRef a, int64_t value)
{
	return LLVMBuildICmp(jit->b, LLVMIntEQ, a, constant(jit, value), "");
}

static LLVMValueRef either(struct jit *jit, LLVMValueRef cond, LLVMValueRef a, LLVMValueRef b)
{
	return LLVMBuildSelect(jit->b, cond, a, b, "");
}

static LLVMValueRef divide_unsigned(struct jit *jit, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b,
				    LLVMValueRef by_zero)
{
	LLVMValueRef zero;

	if (LLVMIsConstant(b) || jit_fact(jit)->nonzero)
		return LLVMBuildBinOp(jit->b, op, a, b, "");
	zero = is_value(jit, b, 0);
	b = either(jit, zero, constant(jit, 1), b);
	return either(jit, zero, by_zero, LLVMBuildBinOp(jit->b, op, a, b, ""));
}

static LLVMValueRef divide_signed(struct jit *jit, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b,
				  LLVMValueRef by_zero)
{
	LLVMValueRef zero = is_value(jit, b, 0), minus = is_value(jit, b, -1);
	LLVMValueRef by_minus = op == LLVMSDiv ? LLVMBuildNeg(jit->b, a, "") : constant(jit, 0);
	LLVMValueRef result;

	b = either(jit, LLVMBuildOr(jit->b, zero, minus, ""), constant(jit, 1), b);
	result = LLVMBuildBinOp(jit->b, op, a, b, "");
	return either(jit, zero, by_zero, either(jit, minus, by_minus, result));
}

static LLVMValueRef divide(struct jit *jit, bool wants_rest, LLVMValueRef a, LLVMValueRef b)
{
	LLVMValueRef by_zero = wants_rest ? a : constant(jit, 0);

	if (jit_insn(jit)->off)
		return divide_signed(jit, wants_rest ? LLVMSRem : LLVMSDiv, a, b, by_zero);
	return divide_unsigned(jit, wants_rest ? LLVMURem : LLVMUDiv, a, b, by_zero);
}

static LLVMValueRef shift(struct jit *jit, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b)
{
	b = LLVMBuildAnd(jit->b, b, constant(jit, is_64(jit) ? 63 : 31), "");
	return LLVMBuildBinOp(jit->b, op, a, b, "");
}

static LLVMValueRef move(struct jit *jit, LLVMValueRef b)
{
	int16_t bits = jit_insn(jit)->off;
	LLVMTypeRef narrow = LLVMIntTypeInContext(jit->context, (unsigned int)bits);

	if (!bits)
		return b;
	return LLVMBuildSExt(jit->b, LLVMBuildTrunc(jit->b, b, narrow, ""), type_of(jit), "");
}

static LLVMValueRef binary(struct jit *jit, LLVMValueRef a, LLVMValueRef b)
{
	switch (BPF_OP(jit_insn(jit)->code)) {
	case BPF_ADD: return LLVMBuildAdd(jit->b, a, b, "");
	case BPF_SUB: return LLVMBuildSub(jit->b, a, b, "");
	case BPF_MUL: return LLVMBuildMul(jit->b, a, b, "");
	case BPF_DIV: return divide(jit, false, a, b);
	case BPF_MOD: return divide(jit, true, a, b);
	case BPF_OR: return LLVMBuildOr(jit->b, a, b, "");
	case BPF_AND: return LLVMBuildAnd(jit->b, a, b, "");
	case BPF_XOR: return LLVMBuildXor(jit->b, a, b, "");
	case BPF_LSH: return shift(jit, LLVMShl, a, b);
	case BPF_RSH: return shift(jit, LLVMLShr, a, b);
	case BPF_ARSH: return shift(jit, LLVMAShr, a, b);
	default: return move(jit, b); /* BPF_MOV */
	}
}

void emit_ALU_K(struct jit *jit)
{
	const struct vm_insn *insn = jit_decoded(jit);

	jit_set_reg(jit, insn->dst,
		    binary(jit, operand(jit, insn->dst), constant(jit, jit_insn(jit)->imm)));
}

void emit_ALU_X(struct jit *jit)
{
	const struct vm_insn *insn = jit_decoded(jit);

	jit_set_reg(jit, insn->dst, binary(jit, operand(jit, insn->dst), operand(jit, insn->src)));
}

void emit_NEG(struct jit *jit)
{
	uint8_t dst = jit_decoded(jit)->dst;

	jit_set_reg(jit, dst, LLVMBuildNeg(jit->b, operand(jit, dst), ""));
}

static LLVMValueRef swapped(struct jit *jit, LLVMValueRef value)
{
	LLVMTypeRef type = LLVMTypeOf(value);
	unsigned int id = LLVMLookupIntrinsicID("llvm.bswap", strlen("llvm.bswap"));
	LLVMValueRef fn = LLVMGetIntrinsicDeclaration(jit->module, id, &type, 1);

	return LLVMBuildCall2(jit->b, LLVMIntrinsicGetType(jit->context, id, &type, 1), fn, &value,
			      1, "");
}

/* bswap in the 64-bit class, to little or big endian in the other. */
static bool swaps(const struct bpf_insn *insn)
{
	bool to_big = BPF_SRC(insn->code) == BPF_TO_BE;

	return BPF_CLASS(insn->code) == BPF_ALU64 ||
	       to_big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

void emit_END(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);
	LLVMTypeRef type = LLVMIntTypeInContext(jit->context, (unsigned int)insn->imm);
	LLVMValueRef value = jit_reg(jit, insn->dst_reg);

	if (insn->imm != 64)
		value = LLVMBuildTrunc(jit->b, value, type, "");
	jit_set_reg(jit, insn->dst_reg, swaps(insn) ? swapped(jit, value) : value);
}

/* ---- jumps ---- */

static LLVMValueRef compare(struct jit *jit, LLVMValueRef a, LLVMValueRef b)
{
	static const LLVMIntPredicate predicates[16] = {
		[BPF_JEQ >> 4] = LLVMIntEQ,   [BPF_JNE >> 4] = LLVMIntNE,
		[BPF_JGT >> 4] = LLVMIntUGT,  [BPF_JGE >> 4] = LLVMIntUGE,
		[BPF_JLT >> 4] = LLVMIntULT,  [BPF_JLE >> 4] = LLVMIntULE,
		[BPF_JSGT >> 4] = LLVMIntSGT, [BPF_JSGE >> 4] = LLVMIntSGE,
		[BPF_JSLT >> 4] = LLVMIntSLT, [BPF_JSLE >> 4] = LLVMIntSLE,
		[BPF_JSET >> 4] = LLVMIntNE,
	};
	uint8_t op = BPF_OP(jit_insn(jit)->code);

	if (op == BPF_JSET) {
		a = LLVMBuildAnd(jit->b, a, b, "");
		b = constant(jit, 0);
	}
	return LLVMBuildICmp(jit->b, predicates[op >> 4], a, b, "");
}

static uint32_t target(const struct jit *jit)
{
	return (uint32_t)((int64_t)jit->at + 1 + jit_decoded(jit)->off);
}

static void jump_if(struct jit *jit, LLVMValueRef cond)
{
	LLVMBasicBlockRef taken = jit_block(jit, "taken");

	LLVMBuildCondBr(jit->b, cond, taken, jit->blocks[jit->at + 1]);
	LLVMPositionBuilderAtEnd(jit->b, taken);
	jit_goto(jit, target(jit));
}

void emit_JMP_K(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);

	jump_if(jit, compare(jit, operand(jit, insn->dst_reg), constant(jit, insn->imm)));
}

void emit_JMP_X(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);

	jump_if(jit, compare(jit, operand(jit, insn->dst_reg), operand(jit, insn->src_reg)));
}

void emit_JA(struct jit *jit)
{
	jit_goto(jit, target(jit));
}

void emit_JA32(struct jit *jit)
{
	jit_goto(jit, target(jit));
}
