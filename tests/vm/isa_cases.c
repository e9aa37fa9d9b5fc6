/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* isa_cases.c: makes the programs of isa.def.
 *
 * Operands come from the map value at run time and not from immediates, so that neither the
 * kernel's verifier nor our loader can fold them: every branch and every operation is executed.
 */
#include "isa_cases.h"
#include "isa_insn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BY_ORDER(little, big) (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? (little) : (big))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t edges[] = {
	0,
	1,
	2,
	7,
	31,
	32,
	63,
	64,
	UINT64_MAX,
	(uint64_t)-7,
	0x7f,
	0x80,
	0x8000,
	INT32_MAX,
	0x80000000,
	UINT32_MAX,
	0x100000000,
	0xffffffff80000000,
	INT64_MAX,
	(uint64_t)INT64_MIN,
	0x123456789abcdef0,
	0xfedcba9876543210,
};
static const int32_t edge_imms[] = {0,	1,  2,	  7,	31,	   32,	      63,
				    -1, -7, 0x7f, 0x80, INT32_MAX, INT32_MIN, 0x12345678};

/* ---- growing the table ------------------------------------------------------------------------ */

static struct isa_cases table;

static void *grown(void *array, uint32_t cnt, size_t size)
{
	void *bigger = realloc(array, (cnt + 1) * size);

	if (!bigger)
		abort();
	return bigger;
}

__attribute__((format(printf, 1, 2))) static void begin(const char *fmt, ...)
{
	struct isa_case *entry;
	va_list args;

	table.at = grown(table.at, table.cnt, sizeof(*table.at));
	entry = &table.at[table.cnt++];
	memset(entry, 0, sizeof(*entry));
	entry->prog_type = BPF_PROG_TYPE_SYSCALL;
	va_start(args, fmt);
	vsnprintf(entry->name, sizeof(entry->name), fmt, args);
	va_end(args);
}

static void emit_all(const struct bpf_insn *insns, size_t cnt)
{
	struct isa_case *entry = &table.at[table.cnt - 1];

	for (size_t i = 0; i < cnt; i++) {
		entry->insns = grown(entry->insns, entry->insn_cnt, sizeof(*insns));
		entry->insns[entry->insn_cnt++] = insns[i];
	}
}

#define EMIT(...)                                        \
	emit_all((const struct bpf_insn[]){__VA_ARGS__}, \
		 COUNT(((const struct bpf_insn[]){__VA_ARGS__})))

static struct isa_run *add_run(uint64_t in0, uint64_t in1, uint64_t in2, uint64_t out0)
{
	struct isa_case *entry = &table.at[table.cnt - 1];
	struct isa_run *run;

	entry->runs = grown(entry->runs, entry->run_cnt, sizeof(*run));
	run = &entry->runs[entry->run_cnt++];
	*run = (struct isa_run){
		.in = {in0, in1, in2, 0x80},
		.out = {out0, ISA_UNTOUCHED, ISA_UNTOUCHED, ISA_UNTOUCHED},
		.ret = (uint32_t)out0,
	};
	return run;
}

static void require_literal(const char *name, uint64_t computed, uint64_t literal)
{
	if (computed == literal)
		return;
	printf("Bail out! isa.def, %s: the expression gives 0x%llx, the literal is 0x%llx\n", name,
	       (unsigned long long)computed, (unsigned long long)literal);
	exit(1);
}

/* r9 = the value, r0 = in[0], r1 = in[1] */
#define OPERANDS LD_VALUE(R9, 0, 0), LDX(BPF_DW, R0, R9, ISA_IN), LDX(BPF_DW, R1, R9, ISA_IN + 8)
#define FINISH	 STX(BPF_DW, R9, R0, ISA_OUT), STX(BPF_DW, R9, R1, ISA_OUT + 8), EXIT

/* ---- arithmetic ------------------------------------------------------------------------------- */

enum imm_kind { IMM_ANY, IMM_NONZERO, IMM_SHIFT };

#define WORD uint64_t
#define BITS 64
#define S(x) ((int64_t)(x))
#define ISA_ALU(name, op, off, imms, expr, ...)      \
	static uint64_t alu64_##name(WORD a, WORD b) \
	{                                            \
		return expr;                         \
	}
#define ISA_JMP(name, op, expr, ...)            \
	static int jmp64_##name(WORD a, WORD b) \
	{                                       \
		return expr;                    \
	}
#define ISA_ATOMIC(name, imm, expr, ...)                        \
	static uint64_t atomic64_##name(WORD a, WORD b, WORD c) \
	{                                                       \
		return expr;                                    \
	}
#define ISA_UNARY(name, code, off, imm, from, expr, ...) \
	static uint64_t unary_##name(WORD a, WORD b)     \
	{                                                \
		return expr;                             \
	}
#include "isa.def"
#undef WORD
#undef BITS
#undef S

#define WORD uint32_t
#define BITS 32
#define S(x) ((int32_t)(x))
#define ISA_ALU(name, op, off, imms, expr, ...)      \
	static uint64_t alu32_##name(WORD a, WORD b) \
	{                                            \
		return (uint32_t)(expr);             \
	}
#define ISA_JMP(name, op, expr, ...)            \
	static int jmp32_##name(WORD a, WORD b) \
	{                                       \
		return expr;                    \
	}
#define ISA_ATOMIC(name, imm, expr, ...)                        \
	static uint64_t atomic32_##name(WORD a, WORD b, WORD c) \
	{                                                       \
		return expr;                                    \
	}
#include "isa.def"
#undef WORD
#undef BITS
#undef S

struct alu {
	const char *name;
	uint8_t op;
	int16_t off;
	enum imm_kind imms;
	uint64_t (*result[2])(uint64_t, uint64_t); /* 64-bit, 32-bit */
	uint64_t a, b, literal[2];
};

/* The narrow expressions take narrow operands; these cut them. */
#define ISA_ALU(name, ...)                                     \
	static uint64_t alu_low_##name(uint64_t a, uint64_t b) \
	{                                                      \
		return alu32_##name((uint32_t)a, (uint32_t)b); \
	}
#include "isa.def"

static const struct alu alus[] = {
#define ISA_ALU(name, op, off, imms, expr, a, b, lit64, lit32) \
	{#name, op, off, imms, {alu64_##name, alu_low_##name}, a, b, {lit64, lit32}},
#include "isa.def"
};

static const uint8_t alu_class[2] = {BPF_ALU64, BPF_ALU};
static const int width_bits[2] = {64, 32};

static void alu_reg_cases(const struct alu *alu, int narrow)
{
	struct bpf_insn insn = RAW(alu_class[narrow] | alu->op | BPF_X, R0, R1, alu->off, 0);

	require_literal(alu->name, alu->result[narrow](alu->a, alu->b), alu->literal[narrow]);
	begin("%s%d_reg", alu->name, width_bits[narrow]);
	EMIT(OPERANDS, insn, FINISH);
	add_run(alu->a, alu->b, 0, alu->literal[narrow])->out[1] = alu->b;
	for (size_t i = 0; i < COUNT(edges) * COUNT(edges); i++) {
		uint64_t a = edges[i / COUNT(edges)], b = edges[i % COUNT(edges)];

		add_run(a, b, 0, alu->result[narrow](a, b))->out[1] = b;
	}
	begin("%s%d_reg_with_itself", alu->name, width_bits[narrow]);
	insn.src_reg = R0;
	EMIT(OPERANDS, insn, FINISH);
	for (size_t i = 0; i < COUNT(edges); i++)
		add_run(edges[i], 5, 0, alu->result[narrow](edges[i], edges[i]))->out[1] = 5;
}

static void alu_imm_case(const struct alu *alu, int narrow, int32_t imm)
{
	uint64_t wide = (uint64_t)(int64_t)imm;

	if (alu->imms == IMM_NONZERO && imm == 0)
		return;
	if (alu->imms == IMM_SHIFT && (imm < 0 || imm >= width_bits[narrow]))
		return;
	begin("%s%d_imm_%d", alu->name, width_bits[narrow], imm);
	EMIT(OPERANDS, RAW(alu_class[narrow] | alu->op | BPF_K, R0, 0, alu->off, imm), FINISH);
	for (size_t i = 0; i < COUNT(edges); i++)
		add_run(edges[i], 5, 0, alu->result[narrow](edges[i], wide))->out[1] = 5;
}

/* Destination d with each source register in turn: operands and results wait on the stack. The
 * results are folded as a polynomial. */
static void alu_register_sweep(const struct alu *alu, int narrow, uint8_t d)
{
	uint64_t sum_ab = 0, sum_ba = 0;

	begin("%s%d_reg_r%d_with_every_source", alu->name, width_bits[narrow], d);
	EMIT(OPERANDS, STX(BPF_DW, FP, R0, -8), STX(BPF_DW, FP, R1, -16));
	for (uint8_t s = R0; s <= R9; s++) {
		uint64_t a = alu->a, b = alu->b;

		EMIT(LDX(BPF_DW, d, FP, -8));
		if (s != d)
			EMIT(LDX(BPF_DW, s, FP, -16));
		EMIT(RAW(alu_class[narrow] | alu->op | BPF_X, d, s, alu->off, 0),
		     STX(BPF_DW, FP, d, (int16_t)(-24 - 8 * s)));
		sum_ab = sum_ab * 31 + alu->result[narrow](a, s == d ? a : b);
		sum_ba = sum_ba * 31 + alu->result[narrow](b, s == d ? b : a);
	}
	EMIT(MOV_IMM(R0, 0));
	for (uint8_t s = R0; s <= R9; s++)
		EMIT(ALU64_IMM(BPF_MUL, R0, 31), LDX(BPF_DW, R1, FP, (int16_t)(-24 - 8 * s)),
		     ADD_REG(R0, R1));
	EMIT(LD_VALUE(R9, 0, 0), STX(BPF_DW, R9, R0, ISA_OUT), EXIT);
	add_run(alu->a, alu->b, 0, sum_ab);
	add_run(alu->b, alu->a, 0, sum_ba);
}

static void alu_cases(void)
{
	for (size_t i = 0; i < 2 * COUNT(alus); i++) {
		const struct alu *alu = &alus[i / 2];
		int narrow = i % 2;

		alu_reg_cases(alu, narrow);
		for (size_t k = 0; k < COUNT(edge_imms); k++)
			alu_imm_case(alu, narrow, edge_imms[k]);
		for (uint8_t d = R0; d <= R9; d++)
			alu_register_sweep(alu, narrow, d);
	}
}

enum operand { DST, SRC };

static const struct unary {
	const char *name;
	uint8_t code;
	int16_t off;
	int32_t imm;
	enum operand from;
	uint64_t (*result)(uint64_t, uint64_t);
	uint64_t a, b, literal;
} unaries[] = {
#define ISA_UNARY(name, code, off, imm, from, expr, a, b, literal) \
	{#name, code, off, imm, from, unary_##name, a, b, literal},
#include "isa.def"
};

static void unary_cases(void)
{
	for (size_t i = 0; i < COUNT(unaries); i++) {
		const struct unary *unary = &unaries[i];
		uint8_t src = unary->from == SRC ? R1 : R0;

		require_literal(unary->name, unary->result(unary->a, unary->b), unary->literal);
		begin("%s", unary->name);
		EMIT(OPERANDS, RAW(unary->code, R0, src, unary->off, unary->imm), FINISH);
		add_run(unary->a, unary->b, 0, unary->literal)->out[1] = unary->b;
		for (size_t k = 0; k < COUNT(edges); k++) {
			uint64_t a = edges[k], b = edges[COUNT(edges) - 1 - k];

			add_run(a, b, 0, unary->result(a, b))->out[1] = b;
		}
	}
}

/* ---- jumps ------------------------------------------------------------------------------------ */

#define ISA_JMP(name, ...)                                     \
	static int jmp_low_##name(uint64_t a, uint64_t b)      \
	{                                                      \
		return jmp32_##name((uint32_t)a, (uint32_t)b); \
	}
#include "isa.def"

static const struct jmp {
	const char *name;
	uint8_t op;
	int (*taken[2])(uint64_t, uint64_t);
	uint64_t a, b;
	int literal[2];
} jmps[] = {
#define ISA_JMP(name, op, expr, a, b, taken64, taken32) \
	{#name, op, {jmp64_##name, jmp_low_##name}, a, b, {taken64, taken32}},
#include "isa.def"
};

static const uint8_t jmp_class[2] = {BPF_JMP, BPF_JMP32};

/* r0 = 2 if taken, else 1. The operands are compared in r6 and r7. */
static void jmp_program(struct bpf_insn jump)
{
	EMIT(LD_VALUE(R9, 0, 0), LDX(BPF_DW, R6, R9, ISA_IN), LDX(BPF_DW, R7, R9, ISA_IN + 8),
	     MOV_IMM(R0, 2), jump, MOV_IMM(R0, 1), STX(BPF_DW, R9, R0, ISA_OUT), EXIT);
}

static void jmp_cases_of(const struct jmp *jmp, int narrow)
{
	uint8_t code = jmp_class[narrow] | jmp->op;

	require_literal(jmp->name, (uint64_t)jmp->taken[narrow](jmp->a, jmp->b),
			(uint64_t)jmp->literal[narrow]);
	begin("%s_%d_reg", jmp->name, width_bits[narrow]);
	jmp_program(RAW(code | BPF_X, R6, R7, 1, 0));
	add_run(jmp->a, jmp->b, 0, 1 + (uint64_t)jmp->literal[narrow]);
	for (size_t i = 0; i < COUNT(edges) * COUNT(edges); i++) {
		uint64_t a = edges[i / COUNT(edges)], b = edges[i % COUNT(edges)];

		add_run(a, b, 0, 1 + (uint64_t)jmp->taken[narrow](a, b));
	}
	for (size_t k = 0; k < COUNT(edge_imms); k++) {
		uint64_t wide = (uint64_t)(int64_t)edge_imms[k];

		begin("%s_%d_imm_%d", jmp->name, width_bits[narrow], edge_imms[k]);
		jmp_program(RAW(code | BPF_K, R6, 0, 1, edge_imms[k]));
		for (size_t i = 0; i < COUNT(edges); i++)
			add_run(edges[i], 0, 0, 1 + (uint64_t)jmp->taken[narrow](edges[i], wide));
	}
}

static void jmp_cases(void)
{
	for (size_t i = 0; i < 2 * COUNT(jmps); i++)
		jmp_cases_of(&jmps[i / 2], i % 2);
}

/* ---- memory ----------------------------------------------------------------------------------- */

static const struct load {
	const char *name;
	uint8_t mode;
	uint8_t bytes;
	int is_signed;
} loads[] = {
#define ISA_LOAD(name, mode, type) {#name, mode, sizeof(type), (type)-1 < (type)1},
#include "isa.def"
};

/* Where in memory the n bytes are that are least in a register. */
static void *low_bytes(uint64_t *word, uint32_t n)
{
	return (uint8_t *)word + BY_ORDER(0, 8 - n);
}

static uint64_t load_result(const struct load *load, const uint64_t in[2], int off)
{
	uint64_t value = 0;
	int unused = 64 - 8 * load->bytes;

	memcpy(low_bytes(&value, load->bytes), (const uint8_t *)in + off, load->bytes);
	return load->is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

static void load_runs(const struct load *load, int off)
{
	for (size_t i = 0; i < COUNT(edges); i++) {
		uint64_t in[2] = {edges[i], ~edges[(i * 5 + 3) % COUNT(edges)]};

		add_run(in[0], in[1], 0, load_result(load, in, off));
	}
}

/* From the map value at every offset, aligned or not; from the stack at the aligned ones. */
static void load_cases(void)
{
	for (size_t i = 0; i < 9 * COUNT(loads); i++) {
		const struct load *load = &loads[i / 9];
		int16_t off = i % 9;
		struct bpf_insn insn = RAW(BPF_LDX | load->mode, R0, R9, off, 0);

		if (off + load->bytes > 16)
			continue;
		begin("%s_from_value_plus_%d", load->name, off);
		EMIT(LD_VALUE(R9, 0, 0), insn, STX(BPF_DW, R9, R0, ISA_OUT), EXIT);
		load_runs(load, off);
		begin("%s_from_value_minus_%d", load->name, 24 - off);
		EMIT(LD_VALUE(R9, 0, 0), LD_VALUE(R1, 0, 24),
		     RAW(BPF_LDX | load->mode, R0, R1, off - 24, 0), STX(BPF_DW, R9, R0, ISA_OUT),
		     EXIT);
		load_runs(load, off);
		if (off % load->bytes)
			continue;
		begin("%s_from_stack_minus_%d", load->name, 16 - off);
		EMIT(OPERANDS, STX(BPF_DW, FP, R0, -16), STX(BPF_DW, FP, R1, -8),
		     RAW(BPF_LDX | load->mode, R0, FP, off - 16, 0), STX(BPF_DW, R9, R0, ISA_OUT),
		     EXIT);
		load_runs(load, off);
	}
}

static const struct store {
	const char *name;
	uint8_t size;
	uint8_t bytes;
} stores[] = {
#define ISA_STORE(name, size, type) {#name, size, sizeof(type)},
#include "isa.def"
};

/* out[0] and out[1] after a store of value's low bytes at out + off; out[0] is R0 in the end. */
static void store_run(const struct store *store, uint64_t in0, uint64_t value, int off)
{
	struct isa_run *run = add_run(in0, 0, 0, ISA_UNTOUCHED);

	memcpy((uint8_t *)run->out + off, low_bytes(&value, store->bytes), store->bytes);
	run->ret = (uint32_t)run->out[0];
}

/* A double word of zeros whose first bytes are value's low ones. */
static uint64_t store_first(const struct store *store, uint64_t value)
{
	uint64_t word = 0;

	memcpy(&word, low_bytes(&value, store->bytes), store->bytes);
	return word;
}

static void store_cases(void)
{
	for (size_t i = 0; i < 9 * COUNT(stores); i++) {
		const struct store *store = &stores[i / 9];
		int16_t off = i % 9;

		begin("stx%s_to_value_plus_%d", store->name, off);
		EMIT(OPERANDS, STX(store->size, R9, R0, ISA_OUT + off),
		     LDX(BPF_DW, R0, R9, ISA_OUT), EXIT);
		for (size_t k = 0; k < COUNT(edges); k++)
			store_run(store, edges[k], edges[k], off);
	}
	for (size_t i = 0; i < COUNT(edge_imms) * COUNT(stores); i++) {
		const struct store *store = &stores[i / COUNT(edge_imms)];
		int32_t imm = edge_imms[i % COUNT(edge_imms)];

		begin("st%s_imm_%d", store->name, imm);
		EMIT(LD_VALUE(R9, 0, 0), ST(store->size, R9, ISA_OUT + 3, imm),
		     LDX(BPF_DW, R0, R9, ISA_OUT), EXIT);
		store_run(store, 0, (uint64_t)(int64_t)imm, 3);
		begin("st%s_imm_%d_on_stack", store->name, imm);
		EMIT(LD_VALUE(R9, 0, 0), ST(BPF_DW, FP, -8, 0), ST(store->size, FP, -8, imm),
		     LDX(BPF_DW, R0, FP, -8), STX(BPF_DW, R9, R0, ISA_OUT), EXIT);
		add_run(0, 0, 0, store_first(store, (uint64_t)(int64_t)imm));
	}
}

/* ---- atomics ---------------------------------------------------------------------------------- */

enum receiver { NOBODY, SOURCE, IN_R0 };

#define ISA_ATOMIC(name, ...)                                                   \
	static uint64_t atomic_low_##name(uint64_t a, uint64_t b, uint64_t c)   \
	{                                                                       \
		return atomic32_##name((uint32_t)a, (uint32_t)b, (uint32_t)c) | \
		       (a & 0xffffffff00000000);                                \
	}
#include "isa.def"

static const struct atomic {
	const char *name;
	int32_t imm;
	uint64_t (*memory[2])(uint64_t, uint64_t, uint64_t);
	enum receiver receiver;
	uint64_t mem, src, r0, literal[2];
} atomics[] = {
#define ISA_ATOMIC(name, imm, expr, receiver, mem, src, r0, lit64, lit32) \
	{#name, imm, {atomic64_##name, atomic_low_##name}, receiver, mem, src, r0, {lit64, lit32}},
#include "isa.def"
};

/* A narrow operation is on the first half of memory, which is the upper one where bytes come in that order. */
static uint64_t first_half_low(uint64_t mem, int narrow)
{
	return narrow ? BY_ORDER(mem, mem << 32 | mem >> 32) : mem;
}

static void atomic_run(const struct atomic *atomic, int narrow, uint64_t mem, uint64_t src,
		       uint64_t r0)
{
	uint64_t ordered = first_half_low(mem, narrow), old = narrow ? (uint32_t)ordered : mem;
	struct isa_run *run = add_run(mem, src, r0, atomic->receiver == IN_R0 ? old : r0);

	run->out[1] = atomic->receiver == SOURCE ? old : src;
	run->out[2] = first_half_low(atomic->memory[narrow](ordered, src, r0), narrow);
}

static void atomic_runs(const struct atomic *atomic, int narrow)
{
	require_literal(atomic->name, atomic->memory[narrow](atomic->mem, atomic->src, atomic->r0),
			atomic->literal[narrow]);
	atomic_run(atomic, narrow, atomic->mem, atomic->src, atomic->r0);
	for (size_t i = 0; i < COUNT(edges) * COUNT(edges); i++) {
		uint64_t mem = edges[i / COUNT(edges)], src = edges[i % COUNT(edges)];

		atomic_run(atomic, narrow, mem, src, i % 2 ? mem : mem ^ ((uint64_t)1 << (i % 64)));
	}
}

/* Memory in[0], source in[1], R0 in[2]; out: R0, source, memory. */
static void atomic_cases(void)
{
	static const uint8_t size[2] = {BPF_DW, BPF_W};

	for (size_t i = 0; i < 2 * COUNT(atomics); i++) {
		const struct atomic *atomic = &atomics[i / 2];
		int narrow = i % 2;

		begin("atomic%d_%s_in_value", width_bits[narrow], atomic->name);
		EMIT(OPERANDS, STX(BPF_DW, R9, R0, ISA_MEM), LDX(BPF_DW, R0, R9, ISA_IN + 16),
		     LOCKED(size[narrow], atomic->imm, R9, R1, ISA_MEM),
		     LDX(BPF_DW, R2, R9, ISA_MEM), STX(BPF_DW, R9, R2, ISA_OUT + 16), FINISH);
		atomic_runs(atomic, narrow);
		begin("atomic%d_%s_on_stack", width_bits[narrow], atomic->name);
		EMIT(OPERANDS, STX(BPF_DW, FP, R0, -16), LDX(BPF_DW, R0, R9, ISA_IN + 16),
		     LOCKED(size[narrow], atomic->imm, FP, R1, -16), LDX(BPF_DW, R2, FP, -16),
		     STX(BPF_DW, R9, R2, ISA_OUT + 16), FINISH);
		atomic_runs(atomic, narrow);
	}
}

/* ---- programs written out --------------------------------------------------------------------- */

#define NOT_STORED ISA_UNTOUCHED
#define RESULT	   LD_VALUE(R1, 0, 0), STX(BPF_DW, R1, R0, ISA_OUT), EXIT

#define ISA_PROG(name, type, r0, ...) static const struct bpf_insn program_##name[] = {__VA_ARGS__};
#define ISA_OURS(name, type, r0, ...) static const struct bpf_insn program_##name[] = {__VA_ARGS__};
#define ISA_REFUSED(name, type, err, ...) \
	static const struct bpf_insn program_##name[] = {__VA_ARGS__};
#define ISA_GUARDED(name, type, err, ...) \
	static const struct bpf_insn program_##name[] = {__VA_ARGS__};
#include "isa.def"

static const struct program {
	const char *name;
	uint32_t prog_type;
	enum isa_fate fate;
	int err;
	uint64_t r0;
	const struct bpf_insn *insns;
	size_t insn_cnt;
} programs[] = {
#define PROGRAM(name, type, fate, err, r0) \
	{#name, BPF_PROG_TYPE_##type, fate, err, r0, program_##name, COUNT(program_##name)},
#define ISA_PROG(name, type, r0, ...)	  PROGRAM(name, type, ISA_RUNS, 0, r0)
#define ISA_OURS(name, type, r0, ...)	  PROGRAM(name, type, ISA_RUNS_OURS, 0, r0)
#define ISA_REFUSED(name, type, err, ...) PROGRAM(name, type, ISA_REFUSES, err, 0)
#define ISA_GUARDED(name, type, err, ...) PROGRAM(name, type, ISA_GUARDS, err, 0)
#include "isa.def"
};

static void program_cases(void)
{
	for (size_t i = 0; i < COUNT(programs); i++) {
		const struct program *program = &programs[i];
		struct isa_case *entry;
		struct isa_run *run;

		begin("%s", program->name);
		entry = &table.at[table.cnt - 1];
		entry->prog_type = program->prog_type;
		entry->fate = program->fate;
		entry->err = program->err;
		emit_all(program->insns, program->insn_cnt);
		run = add_run(0x123456789abcdef0, 0xfedcba9876543210, 3, program->r0);
		/* A program that ended before it stored anything has returned 0. */
		if (program->r0 == NOT_STORED)
			run->ret = 0;
	}
}

/* ---- the whole table -------------------------------------------------------------------------- */

void isa_packet_fill(uint8_t packet[ISA_PACKET])
{
	for (int i = 0; i < ISA_PACKET; i++)
		packet[i] = (uint8_t)(i * 37 + 0x81);
}

void isa_cases_make(struct isa_cases *ret_cases)
{
	alu_cases();
	unary_cases();
	jmp_cases();
	load_cases();
	store_cases();
	atomic_cases();
	program_cases();
	*ret_cases = table;
}

void isa_cases_free(struct isa_cases *cases)
{
	for (uint32_t i = 0; i < cases->cnt; i++) {
		free(cases->at[i].insns);
		free(cases->at[i].runs);
	}
	free(cases->at);
	cases->at = NULL;
	cases->cnt = 0;
	table = *cases;
}
