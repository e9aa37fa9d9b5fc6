/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* program_gen.c: see program_gen.h.
 *
 * A token is 8 bytes. Its kind is an operation of insn.def, whose registers, offset and immediate are
 * brought into range, or a phrase of several instructions: a helper called with arguments of the kinds
 * that helpers.def asks for, a lookup whose value is used, a bounds check, a locked section, the start
 * of a subprogram. Jumps go to tokens of the same subprogram, calls to later subprograms; both are
 * filled in when all are known. Now and then a field stays as the input has it, for the refusals.
 *
 * Registers   R6 context, R7 and R8 the packet's ends (or the context), R9 a value or the stack
 */
#include "program_gen.h"

#include "vm/helpers.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define TOKENS_MAX 320u
#define SUBS_MAX   12u
#define PHRASE_MAX 40u /* instructions that one token becomes, at most */
#define FIXES_MAX  (4 * TOKENS_MAX)
#define HELPER_IDS 256

struct token {
	uint8_t kind;
	uint8_t regs;
	int16_t off;
	int32_t imm;
};

enum phrase { CALL, CALL_AGAIN, LOOKUP, LOOKUP_USE, VALUE_REF, BOUNDS, LOCKED, SUB, PHRASES };

enum fix_kind { FIX_OFF, FIX_IMM, FIX_SUB };

/* A distance that is not known yet. */
struct fix {
	uint32_t at;
	uint32_t to; /* token, or with FIX_SUB subprogram */
	enum fix_kind kind;
};

struct builder {
	struct bpf_insn *insns;
	uint32_t count;
	uint32_t prog_type;
	struct token tokens[TOKENS_MAX];
	uint32_t token_count;
	uint32_t token_insn[TOKENS_MAX + 1];
	uint32_t sub; /* the present one */
	uint32_t sub_count;
	uint32_t sub_token[SUBS_MAX + 1];
	uint32_t sub_insn[SUBS_MAX + 1];
	struct fix fixes[FIXES_MAX];
	uint32_t fix_count;
};

static bool is_phrase(const struct token *token, enum phrase phrase)
{
	return token->kind >= VM_OP_COUNT &&
	       (enum phrase)((token->kind - VM_OP_COUNT) % PHRASES) == phrase;
}

/* One in sixteen. */
static bool is_wild(const struct token *token)
{
	return ((uint32_t)token->imm >> 28) == 0xb;
}

/* ---- emitting ---- */

static void emit(struct builder *b, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	b->insns[b->count++] = (struct bpf_insn){.code = code,
						 .dst_reg = (uint8_t)(dst & 0xf),
						 .src_reg = (uint8_t)(src & 0xf),
						 .off = off,
						 .imm = imm};
}

static void emit_wide(struct builder *b, uint8_t dst, uint8_t src, int32_t low, int32_t high)
{
	emit(b, BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, low);
	emit(b, 0, 0, 0, 0, high);
}

static void emit_mov(struct builder *b, uint8_t dst, uint8_t src)
{
	emit(b, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void emit_set(struct builder *b, uint8_t dst, int32_t imm)
{
	emit(b, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static void emit_add(struct builder *b, uint8_t dst, int32_t imm)
{
	emit(b, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}

/* The instruction just emitted leads to a token or subprogram. */
static void fix_later(struct builder *b, enum fix_kind kind, uint32_t at, uint32_t to)
{
	if (b->fix_count < FIXES_MAX)
		b->fixes[b->fix_count++] = (struct fix){at, to, kind};
}

/* ---- operands ---- */

/* Call chains share 512 bytes of stack. */
static int16_t stack_off(const struct builder *b, const struct token *token)
{
	uint32_t room = b->sub ? 96 : 256;

	return (int16_t)(-8 - (int16_t)((uint16_t)token->off % room & 0xfff8));
}

static int32_t map_pick(uint32_t word)
{
	return word % 64 == 63 ? PROGRAM_MAPS : (int32_t)(word % PROGRAM_MAPS);
}

static uint32_t sub_pick(const struct builder *b, const struct token *token, uint32_t word)
{
	uint32_t later = b->sub_count - b->sub - 1;

	if (is_wild(token) || !later)
		return word % b->sub_count;
	return b->sub + 1 + word % later;
}

static uint32_t token_near(const struct builder *b, uint32_t at, int32_t distance)
{
	uint32_t first = b->sub_token[b->sub];
	uint32_t count = b->sub_token[b->sub + 1] - first;

	return first + (at - first + 1 + (uint32_t)distance) % count;
}

/* A memory operand: base register and an offset that fits it. */
static uint8_t base_pick(const struct builder *b, const struct token *token, uint8_t reg,
			 int16_t *ret_off)
{
	static const uint8_t bases[16] = {0, 9, 2, 9, 0, 9, 6, 7, 7, 9, 10, 10, 6, 10, 7, 8};
	uint8_t base = bases[reg & 15];

	if (is_wild(token))
		*ret_off = token->off;
	else if (base == 10)
		*ret_off = stack_off(b, token);
	else if (base == 6 && b->prog_type != BPF_PROG_TYPE_SYSCALL)
		*ret_off = (int16_t)((uint16_t)token->off % 192 & 0xfffc);
	else
		*ret_off = (int16_t)((uint16_t)token->off % 48 - 4);
	return base;
}

/* ---- single instructions ---- */

static int32_t alu_imm(const struct vm_insn_row *row, const struct token *token)
{
	uint8_t op = BPF_OP(row->code);
	int bits = BPF_CLASS(row->code) == BPF_ALU64 ? 64 : 32;

	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		return (int32_t)((uint32_t)token->imm % (uint32_t)bits);
	return (op == BPF_DIV || op == BPF_MOD) && !token->imm ? 1 : token->imm;
}

static void insn_memory(struct builder *b, const struct vm_insn_row *row, const struct token *token)
{
	uint8_t low = token->regs & 15, high = token->regs >> 4;
	int16_t off;
	uint8_t base;

	switch (row->class) {
	case VM_CLASS_LDX:
		base = base_pick(b, token, high, &off);
		emit(b, row->code, low % 10, base, off, 0);
		break;
	case VM_CLASS_LOAD_ACQ:
		base = base_pick(b, token, high, &off);
		emit(b, row->code, low % 10, base, off, row->variant);
		break;
	case VM_CLASS_ST:
		base = base_pick(b, token, low, &off);
		emit(b, row->code, base, 0, off, token->imm);
		break;
	case VM_CLASS_STX:
		base = base_pick(b, token, low, &off);
		emit(b, row->code, base, high % 11, off, 0);
		break;
	default:
		base = base_pick(b, token, low, &off);
		emit(b, row->code, base, high % 10, off, row->variant);
	}
}

static void insn_wide(struct builder *b, const struct token *token)
{
	uint8_t dst = token->regs % 10;
	uint32_t at = b->count;

	switch (token->regs >> 5) {
	case 0: emit_wide(b, dst, BPF_PSEUDO_MAP_FD, map_pick((uint32_t)token->imm), 0); break;
	case 1:
		emit_wide(b, dst, BPF_PSEUDO_MAP_VALUE, PROGRAM_MAP_DATA,
			  (int32_t)((uint16_t)token->off % PROGRAM_DATA_BYTES));
		break;
	case 2:
		emit_wide(b, dst, BPF_PSEUDO_FUNC, 0, 0);
		fix_later(b, FIX_SUB, at, sub_pick(b, token, (uint32_t)token->imm));
		break;
	default: emit_wide(b, dst, 0, token->imm, token->off);
	}
}

static void insn_jump(struct builder *b, const struct vm_insn_row *row, const struct token *token,
		      uint32_t index)
{
	uint8_t dst = (token->regs & 15) % 11, src = (token->regs >> 4) % 11;
	bool is_k = row->class == VM_CLASS_JMP_K;
	uint32_t at = b->count;

	if (row->class == VM_CLASS_JA || row->class == VM_CLASS_JA32)
		emit(b, row->code, 0, 0, 0, 0);
	else
		emit(b, row->code, dst, is_k ? 0 : src, 0, is_k ? token->imm : 0);
	if (is_wild(token))
		b->insns[at].off = token->off;
	else
		fix_later(b, row->class == VM_CLASS_JA32 ? FIX_IMM : FIX_OFF, at,
			  token_near(b, index, (int8_t)token->off));
}

static void insn_call(struct builder *b, const struct vm_insn_row *row, const struct token *token)
{
	uint32_t at = b->count;

	if (row->variant == BPF_PSEUDO_CALL) {
		emit(b, row->code, 0, BPF_PSEUDO_CALL, 0, 0);
		fix_later(b, FIX_SUB, at, sub_pick(b, token, (uint32_t)token->imm));
	} else {
		emit(b, row->code, 0, 0, 0, (int32_t)((uint32_t)token->imm % HELPER_IDS));
	}
}

static void insn_emit(struct builder *b, const struct token *token, uint32_t index)
{
	const struct vm_insn_row *row = &vm_insn_rows[token->kind];
	uint8_t dst = (token->regs & 15) % 10, src = (token->regs >> 4) % 11;

	switch (row->class) {
	case VM_CLASS_ALU_K: emit(b, row->code, dst, 0, row->variant, alu_imm(row, token)); break;
	case VM_CLASS_ALU_X: emit(b, row->code, dst, src, row->variant, 0); break;
	case VM_CLASS_NEG: emit(b, row->code, dst, 0, 0, 0); break;
	case VM_CLASS_END: emit(b, row->code, dst, 0, 0, row->variant); break;
	case VM_CLASS_JMP_K:
	case VM_CLASS_JMP_X:
	case VM_CLASS_JA:
	case VM_CLASS_JA32: insn_jump(b, row, token, index); break;
	case VM_CLASS_CALL: insn_call(b, row, token); break;
	case VM_CLASS_EXIT: emit(b, row->code, 0, 0, 0, 0); break;
	case VM_CLASS_IMM64: insn_wide(b, token); break;
	case VM_CLASS_ABS: emit(b, row->code, 0, 0, 0, token->imm >> (token->regs & 31)); break;
	case VM_CLASS_IND: emit(b, row->code, 0, src, 0, token->imm >> (token->regs & 31)); break;
	default: insn_memory(b, row, token);
	}
}

/* ---- phrases ---- */

/* A pointer into memory of some kind: stack, packet, the last value, global data. */
static void pointer_emit(struct builder *b, const struct token *token, uint8_t reg, uint32_t choice)
{
	switch (choice % 8) {
	case 0: break; /* whatever it holds */
	case 1:
		emit_mov(b, reg, 7);
		emit_add(b, reg, token->off & 31);
		break;
	case 2: emit_mov(b, reg, 9); break;
	case 3:
	case 4:
		emit_wide(b, reg, BPF_PSEUDO_MAP_VALUE, PROGRAM_MAP_DATA,
			  (int32_t)((uint16_t)token->off % PROGRAM_DATA_BYTES));
		break;
	default: emit_mov(b, reg, 10); emit_add(b, reg, stack_off(b, token));
	}
}

static void arg_emit(struct builder *b, const struct token *token, uint8_t kind, uint8_t reg)
{
	uint32_t word = (uint32_t)token->imm >> (3 * (reg - 1));

	switch (kind) {
	case VM_ARG_NONE: break;
	case VM_ARG_ANY:
		if (word % 4)
			emit_set(b, reg, word % 4 == 3 ? token->off : (int32_t)(word % 16));
		break;
	case VM_ARG_MAP:
		emit_wide(b, reg, BPF_PSEUDO_MAP_FD, map_pick((uint16_t)token->off), 0);
		break;
	case VM_ARG_SIZE:
	case VM_ARG_SIZE0: emit_set(b, reg, (int32_t)(word % 8 == 7 ? word : word % 33)); break;
	case VM_ARG_CTX: emit_mov(b, reg, 6); break;
	case VM_ARG_FUNC:
		fix_later(b, FIX_SUB, b->count, sub_pick(b, token, word));
		emit_wide(b, reg, BPF_PSEUDO_FUNC, 0, 0);
		break;
	case VM_ARG_LOCK:
		emit_mov(b, reg, 9);
		emit_add(b, reg, PROGRAM_LOCK_OFF);
		break;
	default: pointer_emit(b, token, reg, word);
	}
}

static void helper_emit(struct builder *b, const struct vm_helper *helper,
			const struct token *token)
{
	for (uint8_t i = 0; i < 5; i++)
		arg_emit(b, token, helper->args[i], (uint8_t)(i + 1));
	emit(b, BPF_JMP | BPF_CALL, 0, 0, 0, helper->id);
}

static void phrase_call(struct builder *b, const struct token *token)
{
	const struct vm_helper *known[HELPER_IDS];
	uint32_t count = 0;

	for (int32_t id = 0; id < HELPER_IDS; id++)
		if (helper_find(id))
			known[count++] = helper_find(id);
	helper_emit(b, known[token->regs % count], token);
}

/* A key on the stack, the lookup, and out of the way if nothing is found. */
static void phrase_lookup(struct builder *b, const struct token *token, bool use)
{
	int16_t off = stack_off(b, token);

	emit(b, BPF_ST | BPF_MEM | BPF_DW, 10, 0, off, token->imm % 4);
	emit_wide(b, 1, BPF_PSEUDO_MAP_FD, map_pick(token->regs), 0);
	emit_mov(b, 2, 10);
	emit_add(b, 2, off);
	emit(b, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, use ? 3 : 1, 0);
	emit_mov(b, 9, 0);
	if (!use)
		return;
	emit(b, BPF_LDX | BPF_MEM | BPF_DW, 1, 9, (int16_t)(token->imm >> 8) % 32, 0);
	emit(b, BPF_STX | BPF_ATOMIC | BPF_DW, 9, 1, (int16_t)(token->imm >> 16) % 32, BPF_ADD);
}

static void phrase_bounds(struct builder *b, const struct token *token)
{
	bool is_xdp = b->prog_type == BPF_PROG_TYPE_XDP;
	int16_t data = is_xdp ? 0 : offsetof(struct __sk_buff, data);

	emit(b, BPF_LDX | BPF_MEM | BPF_W, 7, 6, data, 0);
	emit(b, BPF_LDX | BPF_MEM | BPF_W, 8, 6, (int16_t)(data + 4), 0);
	emit_mov(b, 3, 7);
	emit_add(b, 3, token->regs);
	emit(b, BPF_JMP | BPF_JGT | BPF_X, 3, 8, 1, 0);
	emit(b, BPF_LDX | BPF_MEM | BPF_B, 4, 7, (int16_t)(token->regs - 1), 0);
}

static void phrase_locked(struct builder *b, const struct token *token)
{
	emit_mov(b, 1, 9);
	emit_add(b, 1, is_wild(token) ? token->off : PROGRAM_LOCK_OFF);
	emit(b, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_spin_lock);
	emit(b, BPF_ST | BPF_MEM | BPF_W, 9, 0, token->regs % 24, token->imm);
	emit_mov(b, 1, 9);
	emit_add(b, 1, PROGRAM_LOCK_OFF);
	if (token->regs < 240)
		emit(b, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_spin_unlock);
}

static void phrase_emit(struct builder *b, const struct token *token)
{
	switch ((token->kind - VM_OP_COUNT) % PHRASES) {
	case LOOKUP: phrase_lookup(b, token, false); break;
	case LOOKUP_USE: phrase_lookup(b, token, true); break;
	case VALUE_REF:
		emit_wide(b, 9, BPF_PSEUDO_MAP_VALUE, PROGRAM_MAP_DATA,
			  (int32_t)((uint16_t)token->off % PROGRAM_DATA_BYTES));
		break;
	case BOUNDS: phrase_bounds(b, token); break;
	case LOCKED: phrase_locked(b, token); break;
	case SUB: break;
	default: phrase_call(b, token);
	}
}

/* ---- subprograms ---- */

static void sub_open(struct builder *b)
{
	b->sub_insn[b->sub] = b->count;
	emit_mov(b, 6, 1);
	emit_mov(b, 7, b->sub ? 2 : 1);
	emit_mov(b, 9, b->sub ? 3 : 10);
	if (!b->sub)
		emit_add(b, 9, -64);
}

static void sub_close(struct builder *b)
{
	emit(b, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Where subprograms begin among the tokens. */
static void subs_find(struct builder *b)
{
	b->sub_count = 1;
	for (uint32_t i = 1; i < b->token_count && b->sub_count < SUBS_MAX; i++)
		if (is_phrase(&b->tokens[i], SUB))
			b->sub_token[b->sub_count++] = i;
	b->sub_token[b->sub_count] = b->token_count;
}

static void fixes_apply(struct builder *b)
{
	for (uint32_t i = 0; i < b->fix_count; i++) {
		const struct fix *fix = &b->fixes[i];
		uint32_t to = fix->kind == FIX_SUB ? b->sub_insn[fix->to] : b->token_insn[fix->to];
		int32_t distance = (int32_t)to - (int32_t)fix->at - 1;

		if (fix->kind == FIX_OFF)
			b->insns[fix->at].off = (int16_t)distance;
		else
			b->insns[fix->at].imm = distance;
	}
}

uint32_t program_generate(struct input *in, uint32_t prog_type, struct bpf_insn *ret_insns)
{
	static struct builder b;

	memset(&b, 0, sizeof(b));
	b.insns = ret_insns;
	b.prog_type = prog_type;
	while (in->left && b.token_count < TOKENS_MAX)
		input_bytes(in, &b.tokens[b.token_count++], sizeof(b.tokens[0]));
	subs_find(&b);
	for (; b.sub < b.sub_count; b.sub++) {
		sub_open(&b);
		for (uint32_t i = b.sub_token[b.sub]; i < b.sub_token[b.sub + 1]; i++) {
			const struct token *token = &b.tokens[i];

			b.token_insn[i] = b.count;
			if (b.count + PHRASE_MAX + SUBS_MAX * 8 > PROGRAM_INSNS_MAX)
				continue;
			if (token->kind < VM_OP_COUNT)
				insn_emit(&b, token, i);
			else
				phrase_emit(&b, token);
		}
		sub_close(&b);
	}
	fixes_apply(&b);
	return b.count;
}
