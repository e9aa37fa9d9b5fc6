/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* random_prog.c: the generator.
 *
 * A program is made of statements, short sequences that are valid on their own. Between statements
 * the following holds in each function, so that statements can stand in any order:
 *   r0 to r9   numbers, never pointers; inside a loop r9 counts it and is not written
 *   fp-8       main: the context; elsewhere a number
 *   fp-80      64 bytes of numbers, all of them written
 *   fp-88      8 bytes for keys
 *   fp-104     16 bytes for values of the hash
 *   fp-112     where LD_ABS keeps r6
 * Pointers live inside one statement and are overwritten at its end. Results never depend on
 * addresses, time or the order of a hash, so two engines must agree to the last bit.
 *
 * Functions call only functions behind them, loops have constant bounds: every program ends.
 */
#include "random_prog.h"
#include "isa_insn.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CTX_SLOT   (-8)
#define STACK_LOW  (-80)
#define STACK_SIZE 64
#define KEY_SLOT   (-88)
#define VALUE_SLOT (-104)
#define R6_SLOT	   (-112)

#define FUNCS_MAX    4
#define MAIN_BUDGET  60 /* statements */
#define FUNC_BUDGET  10
#define BRANCHES_MAX 8 /* per function: the verifier walks every path that it cannot prune */
#define NESTING_MAX  3
#define CALLS_MAX    6

enum func_kind { FUNC_MAIN, FUNC_SUB, FUNC_CALLBACK };

struct gen {
	struct random_prog *prog;
	uint64_t rng;
	enum func_kind kind;
	int func; /* number of the function being made; 0 is main */
	int func_cnt;
	enum func_kind func_kind[FUNCS_MAX];
	uint32_t func_start[FUNCS_MAX];
	int budget;
	int branches;
	int nesting;
	int in_loop;
	int calls;
	struct {
		uint32_t at;
		int func;
	} fixups[FUNCS_MAX * (CALLS_MAX + FUNCS_MAX)];
	int fixup_cnt;
};

uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint32_t below(struct gen *gen, uint32_t limit)
{
	return (uint32_t)(random_next(&gen->rng) >> 33) % limit;
}

#define PICK(gen, array) ((array)[below(gen, COUNT(array))])

static void emit_all(struct gen *gen, const struct bpf_insn *insns, size_t cnt)
{
	struct random_prog *prog = gen->prog;

	if (prog->insn_cnt + cnt > RANDOM_PROG_INSNS)
		__builtin_trap();
	memcpy(&prog->insns[prog->insn_cnt], insns, cnt * sizeof(*insns));
	prog->insn_cnt += (uint32_t)cnt;
}

#define EMIT(gen, ...)                                        \
	emit_all(gen, (const struct bpf_insn[]){__VA_ARGS__}, \
		 COUNT(((const struct bpf_insn[]){__VA_ARGS__})))

/* Emits a jump whose target comes later; land() makes it lead to the next instruction. */
static uint32_t jump(struct gen *gen, struct bpf_insn insn)
{
	EMIT(gen, insn);
	return gen->prog->insn_cnt - 1;
}

static void land(struct gen *gen, uint32_t at)
{
	int32_t distance = (int32_t)(gen->prog->insn_cnt - at - 1);

	if (gen->prog->insns[at].code == (BPF_JMP32 | BPF_JA))
		gen->prog->insns[at].imm = distance;
	else
		gen->prog->insns[at].off = (int16_t)distance;
}

static int32_t number(struct gen *gen)
{
	static const int32_t edges[] = {0,  1,	-1,  2,	   7,	      31,
					32, 63, 255, -128, INT32_MAX, INT32_MIN};

	return below(gen, 2) ? PICK(gen, edges) : (int32_t)random_next(&gen->rng);
}

static uint8_t any_reg(struct gen *gen)
{
	return (uint8_t)below(gen, 10);
}

static uint8_t writable_reg(struct gen *gen)
{
	return (uint8_t)below(gen, gen->in_loop ? 9 : 10);
}

static uint8_t kept_reg(struct gen *gen)
{
	return (uint8_t)(R6 + below(gen, 3));
}

/* Numbers into the registers that the statement used for pointers, or that a call left unset. */
static void reset_regs(struct gen *gen, uint8_t first, uint8_t last)
{
	for (uint8_t reg = first; reg <= last; reg++) {
		if (below(gen, 2))
			EMIT(gen, MOV_REG(reg, kept_reg(gen)));
		else
			EMIT(gen, MOV_IMM(reg, number(gen)));
	}
}

/* ---- arithmetic ------------------------------------------------------------------------------- */

static void stmt_alu(struct gen *gen)
{
	static const uint8_t ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD,  BPF_OR,
				      BPF_AND, BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH, BPF_MOV};
	uint8_t op = PICK(gen, ops);
	uint8_t class = below(gen, 2) ? BPF_ALU64 : BPF_ALU;
	uint8_t dst = writable_reg(gen);
	int is_div = op == BPF_DIV || op == BPF_MOD;
	int16_t off = is_div && below(gen, 2) ? 1 : 0;
	int32_t imm = number(gen);

	if (below(gen, 2)) {
		EMIT(gen, RAW(class | op | BPF_X, dst, any_reg(gen), off, 0));
		return;
	}
	if (is_div && imm == 0)
		imm = -1;
	if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		imm = (int32_t)below(gen, class == BPF_ALU64 ? 64 : 32);
	EMIT(gen, RAW(class | op | BPF_K, dst, 0, off, imm));
}

static void stmt_unary(struct gen *gen)
{
	static const int32_t widths[] = {16, 32, 64};
	static const int16_t extensions[] = {8, 16, 32};
	uint8_t dst = writable_reg(gen);
	uint8_t class = below(gen, 2) ? BPF_ALU64 : BPF_ALU;

	switch (below(gen, 4)) {
	case 0: EMIT(gen, RAW(class | BPF_NEG, dst, 0, 0, 0)); break;
	case 1:
		EMIT(gen, RAW(class | BPF_MOV | BPF_X, dst, any_reg(gen),
			      extensions[below(gen, class == BPF_ALU64 ? 3 : 2)], 0));
		break;
	case 2: EMIT(gen, RAW(BPF_ALU64 | BPF_END, dst, 0, 0, PICK(gen, widths))); break;
	default:
		EMIT(gen, RAW(BPF_ALU | BPF_END | (below(gen, 2) ? BPF_TO_BE : BPF_TO_LE), dst, 0,
			      0, PICK(gen, widths)));
		break;
	}
}

static void stmt_wide(struct gen *gen)
{
	uint64_t value = random_next(&gen->rng);

	EMIT(gen, LD_IMM64(writable_reg(gen), value >> below(gen, 64)));
}

/* ---- memory ----------------------------------------------------------------------------------- */

static const uint8_t sizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
static const uint8_t size_bytes[] = {1, 2, 4, 8};

/* One access through base + low .. base + low + span; aligned where the stack wants it. The register
 * that is read or written is a number. */
static void access(struct gen *gen, uint8_t base, int16_t low, int span, int align)
{
	uint32_t which = below(gen, COUNT(sizes));
	int bytes = size_bytes[which];
	int16_t off = (int16_t)below(gen, (uint32_t)(span - bytes + 1));
	uint8_t dst = writable_reg(gen), src = any_reg(gen);

	off = (int16_t)(low + (align ? off / bytes * bytes : off));
	dst = dst == base ? R6 : dst;
	src = src == base ? R7 : src;
	switch (below(gen, 4)) {
	case 0: EMIT(gen, LDX(sizes[which], dst, base, off)); break;
	case 1:
		if (sizes[which] == BPF_DW)
			EMIT(gen, LDX(BPF_DW, dst, base, off));
		else
			EMIT(gen, LDSX(sizes[which], dst, base, off));
		break;
	case 2: EMIT(gen, STX(sizes[which], base, src, off)); break;
	default: EMIT(gen, ST(sizes[which], base, off, number(gen))); break;
	}
}

static void atomic(struct gen *gen, uint8_t base, int16_t low, int span)
{
	static const int32_t ops[] = {BPF_ADD,
				      BPF_OR,
				      BPF_AND,
				      BPF_XOR,
				      BPF_ADD | BPF_FETCH,
				      BPF_OR | BPF_FETCH,
				      BPF_AND | BPF_FETCH,
				      BPF_XOR | BPF_FETCH,
				      BPF_XCHG,
				      BPF_CMPXCHG};
	int bytes = below(gen, 2) ? 8 : 4;
	int16_t off = (int16_t)(low + (int)below(gen, (uint32_t)(span / bytes)) * bytes);
	uint8_t src = kept_reg(gen);
	/* On the stack only those that return nothing, the first four: Linux 6.18's verifier loses
	 * track of numbers that come from there through an atomic and removes branches that are live
	 * (found by this test). isa.def has all of them on the stack. */
	int32_t op = base == FP ? ops[below(gen, 4)] : PICK(gen, ops);

	/* Half of the compare-and-exchanges succeed. */
	if (op == BPF_CMPXCHG && base != R0 && below(gen, 2))
		EMIT(gen, LDX(bytes == 8 ? BPF_DW : BPF_W, R0, base, off));
	if (op == BPF_CMPXCHG && base == R0)
		op = BPF_XCHG;
	EMIT(gen, LOCKED(bytes == 8 ? BPF_DW : BPF_W, op, base, src, off));
}

static void stmt_stack(struct gen *gen)
{
	if (below(gen, 3))
		access(gen, FP, STACK_LOW, STACK_SIZE, 1);
	else
		atomic(gen, FP, STACK_LOW, STACK_SIZE);
}

static void stmt_stack_variable(struct gen *gen)
{
	EMIT(gen, MOV_REG(R2, any_reg(gen)), ALU64_IMM(BPF_AND, R2, 0x38), MOV_REG(R1, FP),
	     ADD_IMM(R1, STACK_LOW), ADD_REG(R1, R2));
	if (below(gen, 2))
		EMIT(gen, LDX(BPF_DW, writable_reg(gen), R1, 0));
	else
		EMIT(gen, STX(BPF_DW, R1, kept_reg(gen), 0));
	reset_regs(gen, R1, R1);
}

static void stmt_single(struct gen *gen)
{
	EMIT(gen, LD_VALUE(R1, RANDOM_SINGLE, (int32_t)below(gen, 4) * 8));
	if (below(gen, 2))
		access(gen, R1, 0, 40, 0);
	else
		atomic(gen, R1, 0, 40);
	reset_regs(gen, R1, R1);
}

/* ---- maps ------------------------------------------------------------------------------------- */

static void map_key(struct gen *gen, int map)
{
	EMIT(gen, MOV_REG(R2, any_reg(gen)), ALU64_IMM(BPF_AND, R2, RANDOM_HASH_KEYS - 1),
	     STX(map == RANDOM_HASH ? BPF_DW : BPF_W, FP, R2, KEY_SLOT), MOV_REG(R2, FP),
	     ADD_IMM(R2, KEY_SLOT));
}

static void stmt_map_lookup(struct gen *gen)
{
	int map = below(gen, 2) ? RANDOM_HASH : RANDOM_ARRAY;
	int size = map == RANDOM_HASH ? RANDOM_HASH_VALUE : RANDOM_ARRAY_VALUE;
	uint32_t missing;

	map_key(gen, map);
	EMIT(gen, LD_MAP(R1, map), CALL(BPF_FUNC_map_lookup_elem));
	reset_regs(gen, R1, R5);
	missing = jump(gen, JMP_IMM(BPF_JEQ, R0, 0, 0));
	for (uint32_t i = below(gen, 3) + 1; i; i--) {
		if (below(gen, 3))
			access(gen, R0, 0, size, 0);
		else
			atomic(gen, R0, 0, size);
	}
	land(gen, missing);
	reset_regs(gen, R0, R0);
}

static void stmt_map_update(struct gen *gen)
{
	int map = below(gen, 3) ? RANDOM_HASH : RANDOM_ARRAY;

	if (map == RANDOM_HASH)
		EMIT(gen, STX(BPF_DW, FP, any_reg(gen), VALUE_SLOT),
		     STX(BPF_DW, FP, any_reg(gen), VALUE_SLOT + 8));
	map_key(gen, map);
	EMIT(gen, MOV_REG(R3, FP), ADD_IMM(R3, map == RANDOM_HASH ? VALUE_SLOT : STACK_LOW),
	     LD_MAP(R1, map), MOV_IMM(R4, (int32_t)below(gen, 4)), CALL(BPF_FUNC_map_update_elem));
	reset_regs(gen, R1, R5);
}

static void stmt_map_delete(struct gen *gen)
{
	int map = below(gen, 4) ? RANDOM_HASH : RANDOM_ARRAY;

	map_key(gen, map);
	EMIT(gen, LD_MAP(R1, map), CALL(BPF_FUNC_map_delete_elem));
	reset_regs(gen, R1, R5);
}

/* ---- packet and context ----------------------------------------------------------------------- */

static void packet_access(struct gen *gen)
{
	int is_xdp = gen->prog->type == BPF_PROG_TYPE_XDP;
	int16_t data = is_xdp ? offsetof(struct xdp_md, data) : offsetof(struct __sk_buff, data);
	int16_t end =
		is_xdp ? offsetof(struct xdp_md, data_end) : offsetof(struct __sk_buff, data_end);
	int span = (int)below(gen, 40) + 8;
	uint32_t outside;

	EMIT(gen, LDX(BPF_DW, R1, FP, CTX_SLOT), LDX(BPF_W, R2, R1, data), LDX(BPF_W, R3, R1, end));
	if (below(gen, 2))
		EMIT(gen, MOV_REG(R5, kept_reg(gen)), ALU64_IMM(BPF_AND, R5, 31), ADD_REG(R2, R5));
	EMIT(gen, MOV_REG(R1, R2), ADD_IMM(R2, span));
	outside = jump(gen, JMP_REG(BPF_JGT, R2, R3, 0));
	reset_regs(gen, R2, R5);
	for (uint32_t i = below(gen, 3) + 1; i; i--)
		access(gen, R1, 0, span, 0);
	land(gen, outside);
	reset_regs(gen, R1, R5);
}

static void context_access(struct gen *gen)
{
	uint32_t which = below(gen, COUNT(sizes));
	int16_t off = (int16_t)(below(gen, RANDOM_CONTEXT / size_bytes[which]) * size_bytes[which]);

	EMIT(gen, LDX(BPF_DW, R1, FP, CTX_SLOT));
	if (below(gen, 2))
		EMIT(gen, LDX(sizes[which], kept_reg(gen), R1, off));
	else
		EMIT(gen, STX(sizes[which], R1, kept_reg(gen), off));
	reset_regs(gen, R1, R1);
}

static void packet_load(struct gen *gen)
{
	uint8_t size = sizes[below(gen, 3)];
	int32_t off = (int32_t)below(gen, 24);

	EMIT(gen, STX(BPF_DW, FP, R6, R6_SLOT));
	if (below(gen, 2))
		EMIT(gen, LDX(BPF_DW, R6, FP, CTX_SLOT), LD_ABS(size, off));
	else
		EMIT(gen, MOV_REG(R2, R7), ALU64_IMM(BPF_AND, R2, 15),
		     LDX(BPF_DW, R6, FP, CTX_SLOT), LD_IND(size, R2, off - 4));
	EMIT(gen, LDX(BPF_DW, R6, FP, R6_SLOT));
	reset_regs(gen, R1, R5);
}

/* Fields of struct __sk_buff that programs may write. */
static void skb_field(struct gen *gen)
{
	static const int16_t fields[] = {offsetof(struct __sk_buff, cb[0]),
					 offsetof(struct __sk_buff, cb[1]),
					 offsetof(struct __sk_buff, cb[2]),
					 offsetof(struct __sk_buff, cb[3]),
					 offsetof(struct __sk_buff, cb[4])};

	EMIT(gen, LDX(BPF_DW, R1, FP, CTX_SLOT));
	if (below(gen, 2))
		EMIT(gen, LDX(BPF_W, kept_reg(gen), R1, PICK(gen, fields)));
	else
		EMIT(gen, STX(BPF_W, R1, kept_reg(gen), PICK(gen, fields)));
	reset_regs(gen, R1, R1);
}

static void stmt_input(struct gen *gen)
{
	if (gen->kind != FUNC_MAIN)
		return;
	switch (gen->prog->type) {
	case BPF_PROG_TYPE_XDP: packet_access(gen); break;
	case BPF_PROG_TYPE_SYSCALL: context_access(gen); break;
	case BPF_PROG_TYPE_SCHED_CLS:
		if (below(gen, 2)) {
			packet_access(gen);
			break;
		}
		/* fallthrough */
	default:
		if (below(gen, 3))
			packet_load(gen);
		else
			skb_field(gen);
	}
}

/* ---- control flow ----------------------------------------------------------------------------- */

static void statements(struct gen *gen, uint32_t cnt);

static uint32_t jump_random(struct gen *gen)
{
	static const uint8_t ops[] = {BPF_JEQ,	BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
				      BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};
	uint8_t code = (below(gen, 2) ? BPF_JMP : BPF_JMP32) | PICK(gen, ops);

	if (below(gen, 2))
		return jump(gen, RAW(code | BPF_X, any_reg(gen), any_reg(gen), 0, 0));
	return jump(gen, RAW(code | BPF_K, any_reg(gen), 0, 0, number(gen)));
}

static void emit_exit(struct gen *gen)
{
	if (gen->kind == FUNC_CALLBACK)
		EMIT(gen, MOV_IMM(R0, (int32_t)below(gen, 2)));
	EMIT(gen, EXIT);
}

static void stmt_if(struct gen *gen)
{
	uint32_t skip, end;

	if (gen->branches >= (gen->in_loop ? 2 : BRANCHES_MAX) || gen->nesting >= NESTING_MAX)
		return;
	gen->branches++;
	gen->nesting++;
	skip = jump_random(gen);
	statements(gen, below(gen, 5) + 1);
	if (below(gen, 2)) {
		end = jump(gen, below(gen, 2) ? JA(0) : GOTOL(0));
		land(gen, skip);
		statements(gen, below(gen, 5) + 1);
		land(gen, end);
	} else {
		if (gen->nesting == 1 && below(gen, 8) == 0)
			emit_exit(gen);
		land(gen, skip);
	}
	gen->nesting--;
}

static void stmt_loop(struct gen *gen)
{
	uint32_t top;
	int16_t back;

	if (gen->in_loop || gen->nesting >= NESTING_MAX)
		return;
	gen->in_loop = 1;
	gen->nesting++;
	EMIT(gen, MOV_IMM(R9, (int32_t)below(gen, 6) + 1));
	top = gen->prog->insn_cnt;
	statements(gen, below(gen, 6) + 1);
	EMIT(gen, ADD_IMM(R9, -1));
	back = (int16_t)((int32_t)top - (int32_t)gen->prog->insn_cnt - 1);
	if (below(gen, 2))
		EMIT(gen, JMP_IMM(BPF_JNE, R9, 0, back));
	else
		EMIT(gen, JMP32_IMM(BPF_JSGT, R9, 0, back));
	gen->nesting--;
	gen->in_loop = 0;
}

/* The number of a later function of this kind, or 0. */
static int later_func(struct gen *gen, enum func_kind kind)
{
	for (int tries = 0; tries < 4; tries++) {
		int func = (int)below(gen, FUNCS_MAX);

		if (func > gen->func && func < gen->func_cnt && gen->func_kind[func] == kind)
			return func;
	}
	return 0;
}

/* The call's target is filled in when all functions have their places. */
static void emit_call(struct gen *gen, int func)
{
	int is_loop = gen->func_kind[func] == FUNC_CALLBACK;

	gen->calls++;
	/* Never 0 rounds: where the verifier sees that a callback is not reached it drops the function,
	 * trips over the reference that is left, and writes a warning to the kernel's log. */
	if (is_loop)
		EMIT(gen, MOV_IMM(R1, (int32_t)below(gen, 8) + 1), MOV_IMM(R3, 0), MOV_IMM(R4, 0));
	gen->fixups[gen->fixup_cnt].at = gen->prog->insn_cnt;
	gen->fixups[gen->fixup_cnt++].func = func;
	if (is_loop)
		EMIT(gen, LD_FUNC(R2, 0), CALL(BPF_FUNC_loop));
	else
		EMIT(gen, CALL_LOCAL(0));
	reset_regs(gen, R1, R5);
}

static void stmt_call(struct gen *gen)
{
	int is_loop = gen->kind != FUNC_CALLBACK && below(gen, 2);
	int func = later_func(gen, is_loop ? FUNC_CALLBACK : FUNC_SUB);

	if (func && gen->calls < (gen->in_loop ? 1 : CALLS_MAX))
		emit_call(gen, func);
}

/* How often a statement comes is how often it stands here. */
static void (*const kinds[])(struct gen *) = {
	stmt_alu,
	stmt_alu,
	stmt_alu,
	stmt_alu,
	stmt_alu,
	stmt_alu,
	stmt_unary,
	stmt_unary,
	stmt_wide,
	stmt_stack,
	stmt_stack,
	stmt_stack,
	stmt_stack_variable,
	stmt_single,
	stmt_single,
	stmt_map_lookup,
	stmt_map_lookup,
	stmt_map_update,
	stmt_map_update,
	stmt_map_delete,
	stmt_input,
	stmt_input,
	stmt_input,
	stmt_if,
	stmt_if,
	stmt_loop,
	stmt_call,
	stmt_call,
	stmt_call,
};

static void statements(struct gen *gen, uint32_t cnt)
{
	for (; cnt && gen->budget > 0; cnt--) {
		gen->budget--;
		PICK(gen, kinds)(gen);
	}
}

/* ---- functions -------------------------------------------------------------------------------- */

static void prologue(struct gen *gen)
{
	if (gen->kind != FUNC_SUB)
		EMIT(gen, STX(BPF_DW, FP, R1, CTX_SLOT));
	if (gen->kind == FUNC_SUB)
		EMIT(gen, MOV_REG(R6, R1), MOV_REG(R7, R2), MOV_REG(R8, R3));
	else if (gen->kind == FUNC_CALLBACK)
		EMIT(gen, MOV_REG(R6, R1), MOV_IMM(R7, number(gen)), MOV_IMM(R8, number(gen)));
	else
		EMIT(gen, LD_VALUE(R1, RANDOM_SINGLE, 0), LDX(BPF_DW, R6, R1, 0),
		     LDX(BPF_DW, R7, R1, 8), LDX(BPF_DW, R8, R1, 16));
	reset_regs(gen, R0, R5);
	reset_regs(gen, R9, R9);
	for (int16_t off = STACK_LOW; off < STACK_LOW + STACK_SIZE; off += 8)
		EMIT(gen, STX(BPF_DW, FP, kept_reg(gen), off));
	EMIT(gen, ST(BPF_DW, FP, KEY_SLOT, 0));
}

/* Main leaves its registers and the sum of its stack in the single-element array. */
static void epilogue(struct gen *gen)
{
	if (gen->kind == FUNC_CALLBACK) {
		uint32_t skip;

		EMIT(gen, MOV_IMM(R0, 0));
		skip = jump(gen, JMP_IMM(BPF_JNE, R6, (int32_t)below(gen, 8), 0));
		EMIT(gen, MOV_IMM(R0, 1));
		land(gen, skip);
	}
	if (gen->kind == FUNC_MAIN) {
		EMIT(gen, LD_VALUE(R9, RANDOM_SINGLE, 64));
		for (uint8_t reg = R0; reg <= R7; reg++)
			EMIT(gen, STX(BPF_DW, R9, reg, 8 * reg));
		for (int16_t off = STACK_LOW; off < STACK_LOW + STACK_SIZE; off += 8)
			EMIT(gen, ALU64_IMM(BPF_MUL, R0, 31), LDX(BPF_DW, R1, FP, off),
			     ADD_REG(R0, R1));
	}
	EMIT(gen, EXIT);
}

static void function(struct gen *gen, int func)
{
	gen->func = func;
	gen->kind = gen->func_kind[func];
	gen->func_start[func] = gen->prog->insn_cnt;
	gen->budget = gen->kind == FUNC_MAIN ? MAIN_BUDGET : FUNC_BUDGET;
	gen->branches = gen->kind == FUNC_MAIN ? 0 : BRANCHES_MAX - 2;
	gen->nesting = 0;
	gen->calls = gen->kind == FUNC_MAIN ? 0 : CALLS_MAX - 1;
	prologue(gen);
	statements(gen, (uint32_t)gen->budget / 2 + below(gen, (uint32_t)gen->budget / 2));
	/* The verifier refuses functions that nobody calls. */
	for (int callee = 1; gen->kind == FUNC_MAIN && callee < gen->func_cnt; callee++)
		emit_call(gen, callee);
	epilogue(gen);
}

static void fix_calls(struct gen *gen)
{
	for (int i = 0; i < gen->fixup_cnt; i++) {
		uint32_t at = gen->fixups[i].at;
		int32_t target = (int32_t)gen->func_start[gen->fixups[i].func];

		gen->prog->insns[at].imm = target - (int32_t)at - 1;
	}
}

void random_prog_make(uint64_t seed, struct random_prog *ret_prog)
{
	static const uint32_t types[] = {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
					 BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SYSCALL};
	struct gen gen = {.prog = ret_prog, .rng = seed};

	memset(ret_prog, 0, sizeof(*ret_prog));
	ret_prog->seed = seed;
	ret_prog->type = PICK(&gen, types);
	gen.func_cnt = 1 + (int)below(&gen, FUNCS_MAX);
	for (int func = 1; func < gen.func_cnt; func++)
		gen.func_kind[func] = below(&gen, 2) ? FUNC_SUB : FUNC_CALLBACK;
	for (int func = 0; func < gen.func_cnt; func++)
		function(&gen, func);
	fix_calls(&gen);
}
