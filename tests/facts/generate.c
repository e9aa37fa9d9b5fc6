/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* generate.c: see generate.h.
 *
 * Stack   fp-8 the context (main), fp-72 to fp-8 slots for anything, fp-96 keys, fp-160 buffers
 */
#include "generate.h"

#include "isa_insn.h"
#include "random_prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

const struct bpfmap_create_opts gen_specs[GEN_MAPS] = {
	[GEN_MAP_DATA] = {.type = BPF_MAP_TYPE_ARRAY,
			  .key_size = 4,
			  .value_size = 128,
			  .max_entries = 1},
	[GEN_MAP_HASH] = {.type = BPF_MAP_TYPE_HASH,
			  .key_size = 8,
			  .value_size = 24,
			  .max_entries = 8},
	[GEN_MAP_ARRAY] = {.type = BPF_MAP_TYPE_ARRAY,
			   .key_size = 4,
			   .value_size = 40,
			   .max_entries = 4},
	[GEN_MAP_LOCK] = {.type = BPF_MAP_TYPE_ARRAY,
			  .key_size = 4,
			  .value_size = 24,
			  .max_entries = 2,
			  .spin_lock_plus1 = 9},
	[GEN_MAP_RDONLY] = {.type = BPF_MAP_TYPE_ARRAY,
			    .key_size = 4,
			    .value_size = 20,
			    .max_entries = 1,
			    .map_flags = BPF_F_RDONLY_PROG},
	[GEN_MAP_PERCPU] = {.type = BPF_MAP_TYPE_PERCPU_ARRAY,
			    .key_size = 4,
			    .value_size = 12,
			    .max_entries = 3},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CTX_SLOT   (-8)
#define SLOT_FIRST (-72)
#define SLOTS	   7
#define KEY_SLOT   (-96)
#define BUFFER	   (-160)
#define SUBS_MAX   4
#define PENDING	   16
#define INSNS_LEFT 60 /* a statement needs fewer */

enum kind { NUM, SMALL, STK, PKT, END, VAL, VAL_NULL, CTX, KEY, KINDS };

struct gen {
	struct facts_gen *prog;
	uint64_t rng;
	enum kind kinds[11];
	enum kind slots[SLOTS];
	int sub; /* 0 is main */
	int sub_cnt;
	uint32_t start[SUBS_MAX];
	/* Forward jumps that wait for statements to skip. */
	struct {
		uint32_t at;
		uint32_t left;
	} pending[PENDING];
	uint32_t pending_cnt;
	struct {
		uint32_t at;
		int sub;
	} fixups[64];
	uint32_t fixup_cnt;
	int in_loop;
};

static uint32_t below(struct gen *g, uint32_t limit)
{
	return (uint32_t)(random_next(&g->rng) >> 33) % limit;
}

static int one_in(struct gen *g, uint32_t limit)
{
	return below(g, limit) == 0;
}

#define PICK(g, array) ((array)[below(g, COUNT(array))])

static uint32_t emit(struct gen *g, struct bpf_insn insn)
{
	g->prog->insns[g->prog->insn_cnt] = insn;
	return g->prog->insn_cnt++;
}

static void emit_wide(struct gen *g, uint8_t dst, uint8_t src, int32_t low, int32_t high)
{
	const struct bpf_insn pair[2] = {LD_PAIR(dst, src, low, high)};

	emit(g, pair[0]);
	emit(g, pair[1]);
}

static uint8_t any_reg(struct gen *g)
{
	return (uint8_t)below(g, g->in_loop ? 9 : 10);
}

/* One that is thought to hold the kind, or any. */
static uint8_t reg_of(struct gen *g, enum kind kind)
{
	uint8_t first = (uint8_t)below(g, 11);

	for (uint8_t i = 0; i < 11; i++)
		if (g->kinds[(first + i) % 11] == kind)
			return (first + i) % 11;
	return (uint8_t)below(g, 11);
}

static uint8_t pointer_reg(struct gen *g)
{
	static const enum kind kinds[] = {STK, PKT, PKT, PKT, VAL, VAL, VAL, KEY, STK, CTX};

	return reg_of(g, PICK(g, kinds));
}

static void set(struct gen *g, uint8_t reg, enum kind kind)
{
	if (reg < 10)
		g->kinds[reg] = kind;
}

/* ---- numbers and addresses ---- */

static void stmt_number(struct gen *g)
{
	static const int32_t edges[] = {0,  1,	-1, 2,	7,   8,	  15,	     16,
					24, 31, 40, 63, 127, 128, INT32_MAX, INT32_MIN};
	uint8_t reg = any_reg(g);

	if (one_in(g, 3)) {
		emit(g, CALL(BPF_FUNC_get_prandom_u32));
		for (uint8_t i = 0; i <= 5; i++)
			set(g, i, NUM);
		return;
	}
	emit(g, below(g, 2) ? MOV_IMM(reg, PICK(g, edges))
			    : RAW(BPF_ALU | BPF_MOV | BPF_K, reg, 0, 0, PICK(g, edges)));
	set(g, reg, SMALL);
}

static void stmt_alu(struct gen *g)
{
	static const uint8_t ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD,  BPF_OR,
				      BPF_AND, BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH, BPF_MOV};
	uint8_t class = below(g, 3) ? BPF_ALU64 : BPF_ALU, op = PICK(g, ops);
	uint8_t dst = reg_of(g, below(g, 2) ? NUM : SMALL), src = (uint8_t)below(g, 10);
	int32_t imm = (int32_t)below(g, 64) - (one_in(g, 4) ? 32 : 0);
	int16_t variant = (op == BPF_DIV || op == BPF_MOD) && one_in(g, 2);

	if (dst == 10 || (g->in_loop && dst == 9))
		return;
	if (op == BPF_MOV && one_in(g, 2))
		variant = class == BPF_ALU64 ? (int16_t)(8 << below(g, 3))
					     : (int16_t)(8 << below(g, 2));
	if (below(g, 2) || (op == BPF_MOV && variant)) {
		emit(g, RAW(class | op | BPF_X, dst, src, variant, 0));
		set(g, dst, op == BPF_MOV && class == BPF_ALU64 && !variant ? g->kinds[src] : NUM);
		return;
	}
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		imm &= 31;
	if ((op == BPF_DIV || op == BPF_MOD) && !imm)
		imm = 3;
	emit(g, RAW(class | op | BPF_K, dst, 0, variant, imm));
	set(g, dst, NUM);
}

static void stmt_mask(struct gen *g)
{
	static const int32_t masks[] = {1, 3, 4, 7, 8, 15, 16, 24, 31, 56, 63};
	uint8_t reg = reg_of(g, NUM);

	if (reg == 10 || (g->in_loop && reg == 9))
		return;
	emit(g, below(g, 3) ? ALU64_IMM(BPF_AND, reg, PICK(g, masks))
			    : ALU32_IMM(below(g, 2) ? BPF_AND : BPF_MOD, reg, PICK(g, masks)));
	set(g, reg, SMALL);
}

static void stmt_move(struct gen *g)
{
	uint8_t src = one_in(g, 3) ? (uint8_t)below(g, 11) : pointer_reg(g), dst = any_reg(g);

	emit(g, MOV_REG(dst, src));
	set(g, dst, g->kinds[src]);
	/* The same address, of which nothing is known any more. */
	if (one_in(g, 6))
		emit(g, ALU64_IMM(BPF_OR, dst, 0));
}

static void stmt_pointer_add(struct gen *g)
{
	uint8_t reg = pointer_reg(g), by;

	if (reg == 10 || (g->in_loop && reg == 9)) {
		reg = any_reg(g);
		emit(g, MOV_REG(reg, FP));
		set(g, reg, STK);
		emit(g, ADD_IMM(reg, -8 * (int32_t)below(g, 20) - 1 + (int32_t)below(g, 3)));
		return;
	}
	if (below(g, 2)) {
		emit(g, ADD_IMM(reg, (int32_t)below(g, 40) - 12));
		return;
	}
	by = reg_of(g, below(g, 8) ? SMALL : NUM);
	emit(g, one_in(g, 6) ? ALU64_REG(BPF_SUB, reg, by) : ADD_REG(reg, by));
}

/* ---- memory ---- */

static const uint8_t sizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
static const int32_t size_bytes[] = {1, 2, 4, 8};

static int32_t offset_for(struct gen *g, enum kind kind, int32_t bytes)
{
	int32_t off;

	switch (kind) {
	case STK:
		return -(int32_t)(below(g, 20) + 1) * 8 + (int32_t)below(g, 9) -
		       bytes * !below(g, 3);
	case CTX: return (int32_t)below(g, 16) * 4;
	case KEY: off = (int32_t)below(g, 9); break;
	default: off = (int32_t)below(g, 24);
	}
	return off / (below(g, 3) ? bytes : 1) * (below(g, 3) ? bytes : 1) - one_in(g, 12);
}

static void stmt_access(struct gen *g)
{
	static const int32_t ops[] = {BPF_ADD, BPF_OR, BPF_ADD | BPF_FETCH, BPF_XCHG, BPF_CMPXCHG};
	uint8_t base = pointer_reg(g), which = (uint8_t)below(g, 4), reg = any_reg(g);
	int16_t off = (int16_t)offset_for(g, g->kinds[base], size_bytes[which]);
	uint8_t src = (uint8_t)below(g, 11);

	switch (below(g, 6)) {
	case 0:
	case 1:
		emit(g, LDX(sizes[which], reg, base, off));
		set(g, reg, NUM);
		break;
	case 2:
		which %= 3;
		emit(g, LDSX(sizes[which], reg, base, off));
		set(g, reg, NUM);
		break;
	case 3: emit(g, STX(sizes[which], base, src, off)); break;
	case 4: emit(g, ST(sizes[which], base, off, (int32_t)below(g, 100))); break;
	default:
		if (g->in_loop && src == 9)
			src = 8;
		emit(g, LOCKED(which < 2 ? BPF_W : BPF_DW, PICK(g, ops), base, src % 10, off));
	}
}

static void stmt_spill(struct gen *g)
{
	uint32_t slot = below(g, SLOTS);
	int16_t off = (int16_t)(SLOT_FIRST + 8 * (int32_t)slot);
	uint8_t reg = below(g, 2) ? pointer_reg(g) : (uint8_t)below(g, 11);

	switch (below(g, 8)) {
	case 0:
		emit(g, ST(sizes[below(g, 3)], FP, (int16_t)(off + (int16_t)below(g, 5)), 5));
		break;
	case 1: emit(g, STX(BPF_DW, FP, reg, (int16_t)(off + (one_in(g, 3) ? 4 : 0)))); break;
	case 2:
	case 3:
	case 4:
		emit(g, STX(BPF_DW, FP, reg, off));
		g->slots[slot] = g->kinds[reg];
		break;
	default:
		reg = any_reg(g);
		emit(g, LDX(BPF_DW, reg, FP, off));
		set(g, reg, g->slots[slot]);
	}
}

static void stmt_packet(struct gen *g)
{
	uint8_t ctx = any_reg(g), data = any_reg(g), end = any_reg(g);
	int16_t at = g->prog->prog_type == BPF_PROG_TYPE_XDP ? 0 : offsetof(struct __sk_buff, data);
	int16_t meta =
		g->prog->prog_type == BPF_PROG_TYPE_XDP ? 8 : offsetof(struct __sk_buff, data_meta);

	emit(g, LDX(BPF_DW, ctx, FP, CTX_SLOT));
	set(g, ctx, CTX);
	if (one_in(g, 6)) {
		emit(g, LDX(BPF_W, data, ctx, meta));
		set(g, data, PKT);
		return;
	}
	if (ctx != end) {
		emit(g, LDX(BPF_W, end, ctx, (int16_t)(at + 4)));
		set(g, end, END);
	}
	emit(g, LDX(BPF_DW, ctx, FP, CTX_SLOT));
	emit(g, LDX(BPF_W, data, ctx, at));
	set(g, ctx, CTX);
	set(g, data, PKT);
}

/* ---- control ---- */

static void jump_later(struct gen *g, struct bpf_insn insn)
{
	if (g->pending_cnt == PENDING)
		return;
	g->pending[g->pending_cnt].at = emit(g, insn);
	g->pending[g->pending_cnt++].left = 1 + below(g, 6);
}

/* A check that leaves the function if it fails, or any jump. */
static void stmt_check_packet(struct gen *g)
{
	static const uint8_t ops[] = {BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JGT, BPF_JGT};
	uint8_t reg = any_reg(g), pkt = reg_of(g, PKT), end = reg_of(g, END), op = PICK(g, ops);
	int32_t bytes = (int32_t)below(g, 32);

	if (reg == pkt || reg == end || pkt == 10 || (g->in_loop && pkt == 9))
		return;
	emit(g, MOV_REG(reg, pkt));
	emit(g, ADD_IMM(reg, bytes));
	set(g, reg, PKT);
	if (below(g, 3)) {
		/* if (pkt + bytes > end) exit */
		emit(g,
		     below(g, 2) ? JMP_REG(BPF_JLE, reg, end, 2) : JMP_REG(BPF_JGE, end, reg, 2));
		emit(g, MOV_IMM(R0, 1));
		emit(g, EXIT);
		return;
	}
	jump_later(g, below(g, 2) ? JMP_REG(op, reg, end, 0) : JMP_REG(op, end, reg, 0));
}

static void stmt_check_null(struct gen *g)
{
	uint8_t reg = reg_of(g, VAL_NULL);

	if (below(g, 5)) {
		emit(g, JMP_IMM(BPF_JNE, reg, 0, 2));
		emit(g, MOV_IMM(R0, 2));
		emit(g, EXIT);
		for (uint8_t i = 0; i < 10; i++)
			if (g->kinds[i] == VAL_NULL)
				g->kinds[i] = VAL;
		return;
	}
	jump_later(g, one_in(g, 4) ? JMP32_IMM(BPF_JEQ, reg, 0, 0)
				   : JMP_IMM(below(g, 2) ? BPF_JEQ : BPF_JNE, reg, 0, 0));
}

static void stmt_branch(struct gen *g)
{
	static const uint8_t ops[] = {BPF_JEQ,	BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
				      BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};
	uint8_t reg = reg_of(g, below(g, 2) ? NUM : SMALL), op = PICK(g, ops);
	uint8_t class = below(g, 3) ? BPF_JMP : BPF_JMP32;
	int32_t imm = (int32_t)below(g, 48) - (one_in(g, 4) ? 24 : 0);

	if (one_in(g, 3))
		jump_later(g, RAW(class | op | BPF_X, reg, (uint8_t)below(g, 10), 0, 0));
	else
		jump_later(g, RAW(class | op | BPF_K, reg, 0, 0, imm));
}

/* A number kept below a bound, in one of the ways that people write. */
static void stmt_bound(struct gen *g)
{
	uint8_t reg = reg_of(g, NUM), op = below(g, 2) ? BPF_JGT : BPF_JSGT;
	uint8_t class = below(g, 3) ? BPF_JMP : BPF_JMP32;
	int32_t most = (int32_t)below(g, 40);

	if (reg == 10)
		return;
	if (op == BPF_JSGT && below(g, 4))
		jump_later(g, RAW(class | BPF_JSLT | BPF_K, reg, 0, 0, 0));
	jump_later(g, RAW(class | op | BPF_K, reg, 0, 0, most));
	set(g, reg, SMALL);
}

static void statements(struct gen *g, uint32_t count);

static void stmt_loop(struct gen *g)
{
	static const uint8_t ops[] = {BPF_JNE, BPF_JLT, BPF_JSLT, BPF_JLE};
	int32_t step = 1 + (int32_t)below(g, 9), rounds = 1 + (int32_t)below(g, 6);
	uint8_t op = PICK(g, ops);
	uint32_t top;

	if (g->in_loop)
		return;
	g->in_loop = 1;
	emit(g, MOV_IMM(R9, 0));
	set(g, R9, SMALL);
	top = g->prog->insn_cnt;
	if (one_in(g, 2)) {
		emit(g, ADD_REG((uint8_t)below(g, 9), R9));
	}
	statements(g, 1 + below(g, 6));
	emit(g, ADD_IMM(R9, step));
	emit(g, RAW((below(g, 3) ? BPF_JMP : BPF_JMP32) | op | BPF_K, R9, 0,
		    (int16_t)((int32_t)top - (int32_t)g->prog->insn_cnt - 1), step * rounds));
	g->in_loop = 0;
}

/* ---- calls ---- */

static void after_call(struct gen *g, enum kind result)
{
	for (uint8_t i = 1; i <= 5; i++)
		g->kinds[i] = NUM;
	g->kinds[0] = result;
}

static void stmt_lookup(struct gen *g)
{
	int32_t map = (int32_t)below(g, GEN_MAPS);

	emit(g, ST(BPF_DW, FP, KEY_SLOT, (int32_t)below(g, 4)));
	emit(g, MOV_REG(R2, FP));
	emit(g, ADD_IMM(R2, KEY_SLOT));
	emit_wide(g, R1, BPF_PSEUDO_MAP_FD, map, 0);
	emit(g, CALL(BPF_FUNC_map_lookup_elem));
	after_call(g, VAL_NULL);
	if (below(g, 2)) {
		uint8_t copy = (uint8_t)(6 + below(g, g->in_loop ? 3 : 4));

		emit(g, MOV_REG(copy, R0));
		set(g, copy, VAL_NULL);
	}
	if (below(g, 4))
		stmt_check_null(g);
}

static void stmt_value(struct gen *g)
{
	uint8_t reg = any_reg(g);

	if (one_in(g, 4))
		emit_wide(g, reg, BPF_PSEUDO_MAP_VALUE, GEN_MAP_RDONLY, (int32_t)below(g, 20));
	else
		emit_wide(g, reg, BPF_PSEUDO_MAP_VALUE, GEN_MAP_DATA, (int32_t)below(g, 128));
	set(g, reg, VAL);
}

/* A buffer: on the stack, or what a register points to. */
static void buffer_argument(struct gen *g, uint8_t reg)
{
	if (below(g, 3)) {
		emit(g, MOV_REG(reg, FP));
		emit(g, ADD_IMM(reg, BUFFER + (int32_t)below(g, 150)));
	} else {
		emit(g, MOV_REG(reg, pointer_reg(g)));
	}
}

static void size_argument(struct gen *g, uint8_t reg)
{
	uint8_t from = reg_of(g, SMALL);

	if (below(g, 2) || from == 10 || from < 6)
		emit(g, MOV_IMM(reg, (int32_t)below(g, 24)));
	else
		emit(g, MOV_REG(reg, from));
}

static void stmt_helper(struct gen *g)
{
	bool is_xdp = g->prog->prog_type == BPF_PROG_TYPE_XDP;

	switch (below(g, 5)) {
	case 0:
		buffer_argument(g, R3);
		size_argument(g, R4);
		emit(g, LDX(BPF_DW, R1, FP, CTX_SLOT));
		emit(g, MOV_IMM(R2, (int32_t)below(g, 20)));
		emit(g, CALL(is_xdp ? (below(g, 2) ? BPF_FUNC_xdp_load_bytes
						   : BPF_FUNC_xdp_store_bytes)
				    : BPF_FUNC_skb_load_bytes));
		break;
	case 1:
		if (!is_xdp)
			return;
		emit(g, LDX(BPF_DW, R1, FP, CTX_SLOT));
		emit(g, MOV_IMM(R2, (int32_t)below(g, 24) - 12));
		emit(g, CALL(one_in(g, 3)   ? BPF_FUNC_xdp_adjust_tail
			     : one_in(g, 3) ? BPF_FUNC_xdp_adjust_meta
					    : BPF_FUNC_xdp_adjust_head));
		break;
	case 2:
		buffer_argument(g, R2);
		buffer_argument(g, R3);
		emit_wide(g, R1, BPF_PSEUDO_MAP_FD, (int32_t)below(g, 3), 0);
		emit(g, MOV_IMM(R4, 0));
		emit(g, CALL(BPF_FUNC_map_update_elem));
		break;
	case 3:
		buffer_argument(g, R1);
		size_argument(g, R2);
		buffer_argument(g, R3);
		size_argument(g, R4);
		emit(g, MOV_IMM(R5, 0));
		emit(g, CALL(BPF_FUNC_csum_diff));
		break;
	default:
		emit(g, MOV_REG(R2, pointer_reg(g)));
		emit_wide(g, R1, BPF_PSEUDO_MAP_FD, (int32_t)below(g, GEN_MAPS), 0);
		emit(g, CALL(below(g, 3) ? BPF_FUNC_map_lookup_elem : BPF_FUNC_map_delete_elem));
		after_call(g, VAL_NULL);
		return;
	}
	after_call(g, NUM);
}

static void call_fix(struct gen *g, uint32_t at, int sub)
{
	g->fixups[g->fixup_cnt].at = at;
	g->fixups[g->fixup_cnt++].sub = sub;
}

static void stmt_call(struct gen *g)
{
	int sub = g->sub + 1 + (int)below(g, SUBS_MAX);

	if (sub >= g->sub_cnt || g->fixup_cnt == COUNT(g->fixups))
		return;
	switch (below(g, 4)) {
	case 0: /* bpf_loop */
		buffer_argument(g, R3);
		emit(g, MOV_IMM(R1, (int32_t)below(g, 5)));
		emit(g, MOV_IMM(R4, 0));
		call_fix(g, g->prog->insn_cnt, sub);
		emit_wide(g, R2, BPF_PSEUDO_FUNC, 0, 0);
		emit(g, CALL(BPF_FUNC_loop));
		break;
	case 1: /* bpf_for_each_map_elem */
		buffer_argument(g, R3);
		emit(g, MOV_IMM(R4, 0));
		call_fix(g, g->prog->insn_cnt, sub);
		emit_wide(g, R2, BPF_PSEUDO_FUNC, 0, 0);
		emit_wide(g, R1, BPF_PSEUDO_MAP_FD, (int32_t)below(g, 4), 0);
		emit(g, CALL(BPF_FUNC_for_each_map_elem));
		break;
	default:
		buffer_argument(g, R1);
		emit(g, MOV_REG(R2, pointer_reg(g)));
		emit(g, MOV_REG(R3, (uint8_t)below(g, 10)));
		call_fix(g, g->prog->insn_cnt, sub);
		emit(g, CALL_LOCAL(0));
	}
	after_call(g, NUM);
}

/* ---- short stories, each with a mistake now and then ---- */

/* Packet pointers, perhaps with an index; a check; perhaps a move; accesses around the checked end. */
static void story_packet(struct gen *g)
{
	static const uint8_t bounds[] = {BPF_JLE, BPF_JLT, BPF_JGE, BPF_JGT};
	int32_t bytes = 4 + (int32_t)below(g, 12), index = (int32_t)below(g, 3);
	bool is_xdp = g->prog->prog_type == BPF_PROG_TYPE_XDP;
	int16_t at = is_xdp ? 0 : offsetof(struct __sk_buff, data);

	emit(g, LDX(BPF_DW, R6, FP, CTX_SLOT));
	emit(g, LDX(BPF_W, R7, R6, at));
	emit(g, LDX(BPF_W, R8, R6, (int16_t)(at + 4)));
	if (index) {
		emit(g, CALL(BPF_FUNC_get_prandom_u32));
		emit(g, ALU64_IMM(BPF_AND, R0, 15));
		if (index == 2)
			emit(g, ADD_IMM(R0, -2));
		emit(g, ADD_REG(R7, R0));
	}
	emit(g, MOV_REG(R3, R7));
	emit(g, ADD_IMM(R3, bytes));
	emit(g, JMP_REG(PICK(g, bounds), R3, R8, 2));
	emit(g, MOV_IMM(R0, 0));
	emit(g, EXIT);
	if (is_xdp && one_in(g, 4)) {
		emit(g, MOV_REG(R1, R6));
		emit(g, MOV_IMM(R2, (int32_t)below(g, 30) - 15));
		emit(g, CALL(one_in(g, 2) ? BPF_FUNC_xdp_adjust_head : BPF_FUNC_xdp_adjust_tail));
	}
	emit(g, LDX(BPF_B, R1, R7, (int16_t)(bytes - 1 - one_in(g, 3) + one_in(g, 3))));
	emit(g, LDX(BPF_W, R1, R7, (int16_t)(bytes - 4 - (int32_t)below(g, 5) + 2 * one_in(g, 5))));
	after_call(g, NUM);
	set(g, R6, CTX);
	set(g, R7, PKT);
	set(g, R8, END);
}

/* A lookup, copies, a check of one, accesses through another around the value's end and its lock. */
static void story_value(struct gen *g)
{
	static const int32_t sizes_of[GEN_MAPS] = {128, 24, 40, 24, 20, 12};
	int32_t map = (int32_t)below(g, GEN_MAPS), off;
	uint8_t copy = below(g, 2) ? R6 : R0;

	emit(g, ST(BPF_DW, FP, KEY_SLOT, (int32_t)below(g, 3)));
	emit(g, MOV_REG(R2, FP));
	emit(g, ADD_IMM(R2, KEY_SLOT));
	emit_wide(g, R1, BPF_PSEUDO_MAP_FD, map, 0);
	emit(g, CALL(BPF_FUNC_map_lookup_elem));
	emit(g, MOV_REG(R6, R0));
	emit(g, one_in(g, 8) ? JMP32_IMM(BPF_JNE, R0, 0, 2) : JMP_IMM(BPF_JNE, R0, 0, 2));
	emit(g, MOV_IMM(R0, 0));
	emit(g, EXIT);
	off = map == GEN_MAP_LOCK && one_in(g, 2) ? 4 + (int32_t)below(g, 9)
						  : sizes_of[map] - 5 + (int32_t)below(g, 5);
	emit(g,
	     below(g, 2) ? LDX(BPF_W, R1, copy, (int16_t)off) : ST(BPF_B, copy, (int16_t)off, 1));
	after_call(g, VAL);
	set(g, R6, VAL);
}

/* Something in a slot; a store somewhere near, in one of several ways; the slot is used. */
static void story_slot(struct gen *g)
{
	int16_t slot = (int16_t)(SLOT_FIRST + 8 * (int32_t)below(g, SLOTS));
	int32_t near = slot - 4 + (int32_t)below(g, 14);
	int sub = g->sub + 1;

	emit_wide(g, R6, BPF_PSEUDO_MAP_VALUE, GEN_MAP_DATA, (int32_t)below(g, 64));
	emit(g, STX(BPF_DW, FP, R6, slot));
	switch (below(g, 5)) {
	case 0: emit(g, ST(BPF_B, FP, (int16_t)near, 7)); break;
	case 3:
		emit(g, MOV_REG(R7, FP));
		emit(g, ALU64_IMM(BPF_OR, R7, 0));
		emit(g, ST(BPF_B, R7, (int16_t)near, 7));
		break;
	case 1:
		emit(g, CALL(BPF_FUNC_get_prandom_u32));
		emit(g, ALU64_IMM(BPF_AND, R0, 7));
		emit(g, ADD_REG(R0, FP));
		emit(g, ST(BPF_B, R0, (int16_t)near, 7));
		break;
	case 2:
		if (sub >= g->sub_cnt || g->fixup_cnt == COUNT(g->fixups))
			break;
		emit(g, MOV_REG(R1, FP));
		emit(g, ADD_IMM(R1, near + 8));
		call_fix(g, g->prog->insn_cnt, sub);
		emit(g, CALL_LOCAL(0));
		break;
	default: emit(g, STX(BPF_DW, FP, R7, (int16_t)(near & ~7)));
	}
	emit(g, LDX(BPF_DW, R6, FP, slot));
	emit(g, LDX(BPF_B, R1, R6, 0));
	after_call(g, NUM);
	set(g, R6, VAL);
}

/* How a callee begins: with what its caller's address points to. */
static void story_callee(struct gen *g)
{
	int16_t off = (int16_t)(-(int32_t)below(g, 32));

	if (!one_in(g, 3))
		emit(g, ST(PICK(g, sizes), R1, off, 3));
	if (!one_in(g, 3))
		emit(g, LDX(PICK(g, sizes), R0, R1, off));
	if (one_in(g, 4))
		emit(g, STX(BPF_DW, R1, FP, off));
	if (one_in(g, 5)) {
		emit(g, MOV_REG(R0, FP));
		emit(g, EXIT);
	}
}

static void (*const kinds[])(struct gen *) = {
	story_packet,	   story_packet,    story_value, story_value,	    story_slot,
	story_slot,	   stmt_number,	    stmt_alu,	 stmt_alu,	    stmt_mask,
	stmt_mask,	   stmt_move,	    stmt_move,	 stmt_pointer_add,  stmt_pointer_add,
	stmt_access,	   stmt_access,	    stmt_access, stmt_access,	    stmt_access,
	stmt_spill,	   stmt_spill,	    stmt_packet, stmt_packet,	    stmt_branch,
	stmt_bound,	   stmt_bound,	    stmt_value,	 stmt_lookup,	    stmt_lookup,
	stmt_helper,	   stmt_call,	    stmt_loop,	 stmt_check_packet, stmt_check_packet,
	stmt_check_packet, stmt_check_null,
};

static void land(struct gen *g, uint32_t index)
{
	uint32_t at = g->pending[index].at;

	g->prog->insns[at].off = (int16_t)(g->prog->insn_cnt - at - 1);
	g->pending[index] = g->pending[--g->pending_cnt];
}

static void statements(struct gen *g, uint32_t count)
{
	for (; count &&
	       g->prog->insn_cnt < FACTS_GEN_INSNS / SUBS_MAX * (uint32_t)(g->sub + 1) - INSNS_LEFT;
	     count--) {
		PICK(g, kinds)(g);
		for (uint32_t i = 0; i < g->pending_cnt; i++)
			if (!g->pending[i].left--)
				land(g, i--);
	}
}

static void function(struct gen *g, int sub)
{
	g->sub = sub;
	g->start[sub] = g->prog->insn_cnt;
	memset(g->kinds, 0, sizeof(g->kinds));
	memset(g->slots, 0, sizeof(g->slots));
	g->kinds[10] = STK;
	g->kinds[1] = sub ? PICK(g, ((enum kind[]){STK, NUM, PKT, VAL})) : CTX;
	g->kinds[2] = sub ? PICK(g, ((enum kind[]){STK, NUM, PKT, VAL, KEY})) : NUM;
	g->kinds[3] = sub ? PICK(g, ((enum kind[]){STK, NUM, PKT, VAL})) : NUM;
	if (!sub)
		emit(g, STX(BPF_DW, FP, R1, CTX_SLOT));
	else if (below(g, 2))
		story_callee(g);
	statements(g, 4 + below(g, sub ? 8 : 30));
	while (g->pending_cnt)
		land(g, 0);
	emit(g, MOV_REG(R0, (uint8_t)below(g, 10)));
	if (one_in(g, 2))
		emit(g, ALU64_IMM(BPF_AND, R0, 1));
	emit(g, EXIT);
}

void facts_gen_make(uint64_t seed, struct facts_gen *ret_prog)
{
	struct gen g = {.prog = ret_prog, .rng = seed};

	memset(ret_prog, 0, sizeof(*ret_prog));
	ret_prog->prog_type = below(&g, 4) ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS;
	g.sub_cnt = 1 + (int)below(&g, SUBS_MAX);
	for (int sub = 0; sub < g.sub_cnt; sub++)
		function(&g, sub);
	for (uint32_t i = 0; i < g.fixup_cnt; i++)
		ret_prog->insns[g.fixups[i].at].imm =
			(int32_t)g.start[g.fixups[i].sub] - (int32_t)g.fixups[i].at - 1;
}
