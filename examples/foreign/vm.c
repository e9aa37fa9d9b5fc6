// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* vm.c: an interpreter in some two hundred lines: arithmetic, jumps, loads, stores, atomic
 * addition, helper calls. Every access is checked: the stack is the program's own, for all else it
 * asks the access function.
 */
#include "vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELPERS	   256
#define STACK_SIZE 512
#define MAX_STEPS  1000000

struct vm {
	vm_helper_fn *helpers[HELPERS];
	vm_access_fn *access;
	void *access_arg;
	const struct bpf_insn *insns;
	uint32_t count;
	char error[160];
	uint64_t reg[11];
	uint64_t stack[STACK_SIZE / 8];
};

struct vm *vm_new(void)
{
	return calloc(1, sizeof(struct vm));
}

void vm_free(struct vm *vm)
{
	free(vm);
}

int vm_register(struct vm *vm, uint32_t id, const char *name, vm_helper_fn *fn)
{
	if (id >= HELPERS)
		return -1;
	vm->helpers[id] = fn;
	return 0;
}

void vm_set_access(struct vm *vm, vm_access_fn *fn, void *arg)
{
	vm->access = fn;
	vm->access_arg = arg;
}

void vm_load(struct vm *vm, const struct bpf_insn *insns, uint32_t count)
{
	vm->insns = insns;
	vm->count = count;
}

const char *vm_error(const struct vm *vm)
{
	return vm->error;
}

__attribute__((format(printf, 3, 4))) static int stop(struct vm *vm, uint32_t pc, const char *fmt,
						      ...)
{
	int len = snprintf(vm->error, sizeof(vm->error), "instruction %u: ", pc);
	va_list args;

	va_start(args, fmt);
	vsnprintf(vm->error + len, sizeof(vm->error) - (size_t)len, fmt, args);
	va_end(args);
	return -1;
}

static int is_allowed(struct vm *vm, uint64_t addr, size_t len, int write)
{
	uint64_t off = addr - (uint64_t)(uintptr_t)vm->stack;

	if (off < STACK_SIZE && STACK_SIZE - off >= len)
		return 1;
	return vm->access && vm->access(vm->access_arg, addr, len, write);
}

static size_t size_of(uint8_t code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B: return 1;
	case BPF_H: return 2;
	case BPF_W: return 4;
	default: return 8;
	}
}

/* 0 and *dst, or -1: no such operation. Division by zero is 0, as the instruction set says. */
static int arithmetic(uint8_t op, uint64_t *dst, uint64_t src, unsigned int bits)
{
	unsigned int shift = src & (bits - 1);
	uint64_t a = *dst;

	switch (op) {
	case BPF_ADD: a += src; break;
	case BPF_SUB: a -= src; break;
	case BPF_MUL: a *= src; break;
	case BPF_DIV: a = src ? a / src : 0; break;
	case BPF_MOD: a = src ? a % src : a; break;
	case BPF_OR: a |= src; break;
	case BPF_AND: a &= src; break;
	case BPF_XOR: a ^= src; break;
	case BPF_LSH: a <<= shift; break;
	case BPF_RSH: a >>= shift; break;
	case BPF_ARSH: a = (uint64_t)(bits == 64 ? (int64_t)a : (int32_t)a) >> shift; break;
	case BPF_NEG: a = -a; break;
	case BPF_MOV: a = src; break;
	default: return -1;
	}
	*dst = bits == 64 ? a : (uint32_t)a;
	return 0;
}

static uint64_t truncated(uint64_t value, int bits)
{
	return bits == 64 ? value : value & ((1ull << bits) - 1);
}

static uint64_t swapped(uint64_t value, int bits)
{
	switch (bits) {
	case 16: return __builtin_bswap16((uint16_t)value);
	case 32: return __builtin_bswap32((uint32_t)value);
	default: return __builtin_bswap64(value);
	}
}

static uint64_t to_order(uint8_t order, uint64_t value, int bits)
{
	int host_is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	return (order == BPF_TO_LE) == host_is_little ? truncated(value, bits)
						      : swapped(value, bits);
}

static uint64_t load(uint64_t addr, size_t size)
{
	union {
		uint8_t byte;
		uint16_t half;
		uint32_t word;
		uint64_t whole;
	} value;

	memcpy(&value, (const void *)(uintptr_t)addr, size);
	switch (size) {
	case 1: return value.byte;
	case 2: return value.half;
	case 4: return value.word;
	default: return value.whole;
	}
}

static void store(uint64_t addr, size_t size, uint64_t value)
{
	const uint8_t byte = (uint8_t)value;
	const uint16_t half = (uint16_t)value;
	const uint32_t word = (uint32_t)value;
	void *at = (void *)(uintptr_t)addr;

	switch (size) {
	case 1: memcpy(at, &byte, size); break;
	case 2: memcpy(at, &half, size); break;
	case 4: memcpy(at, &word, size); break;
	default: memcpy(at, &value, size);
	}
}

/* 1: jump, 0: go on, -1: no such comparison. */
static int compare(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return (a & b) != 0;
	case BPF_JSGT: return (int64_t)a > (int64_t)b;
	case BPF_JSGE: return (int64_t)a >= (int64_t)b;
	case BPF_JSLT: return (int64_t)a < (int64_t)b;
	case BPF_JSLE: return (int64_t)a <= (int64_t)b;
	default: return -1;
	}
}

static int memory(struct vm *vm, uint32_t pc, const struct bpf_insn *insn)
{
	uint64_t *dst = &vm->reg[insn->dst_reg], src = vm->reg[insn->src_reg];
	int write = BPF_CLASS(insn->code) != BPF_LDX;
	uint64_t addr = (write ? *dst : src) + (uint64_t)(int64_t)insn->off;
	size_t size = size_of(insn->code);

	if (!is_allowed(vm, addr, size, write))
		return stop(vm, pc, "%s of %zu bytes where the program has no business",
			    write ? "store" : "load", size);
	if (!write) {
		*dst = load(addr, size);
	} else if (BPF_MODE(insn->code) == BPF_ATOMIC) {
		if (insn->imm != BPF_ADD || addr % size || size < 4)
			return stop(vm, pc,
				    "the only atomic operation here is an aligned addition");
		if (size == 8)
			__atomic_fetch_add((uint64_t *)(uintptr_t)addr, src, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add((uint32_t *)(uintptr_t)addr, (uint32_t)src,
					   __ATOMIC_RELAXED);
	} else {
		if (BPF_CLASS(insn->code) == BPF_ST)
			src = (uint64_t)(int64_t)insn->imm;
		store(addr, size, src);
	}
	return 0;
}

static int call(struct vm *vm, uint32_t pc, const struct bpf_insn *insn)
{
	uint64_t *r = vm->reg;
	vm_helper_fn *fn = (uint32_t)insn->imm < HELPERS ? vm->helpers[insn->imm] : NULL;

	if (!fn || insn->src_reg)
		return stop(vm, pc, "nobody has registered helper %d", insn->imm);
	r[0] = fn(r[1], r[2], r[3], r[4], r[5]);
	return 0;
}

static int jump(struct vm *vm, const struct bpf_insn *insn, uint32_t *pc)
{
	uint64_t a = vm->reg[insn->dst_reg];
	uint64_t b = BPF_SRC(insn->code) == BPF_X ? vm->reg[insn->src_reg]
						  : (uint64_t)(int64_t)insn->imm;
	int taken = 1;

	if (BPF_CLASS(insn->code) == BPF_JMP32) {
		/* Sign-extended, so that one comparison serves both. */
		a = (uint64_t)(int64_t)(int32_t)a;
		b = (uint64_t)(int64_t)(int32_t)b;
	}
	if (BPF_OP(insn->code) != BPF_JA)
		taken = compare(BPF_OP(insn->code), a, b);
	if (taken < 0)
		return stop(vm, *pc, "unknown opcode 0x%02x", insn->code);
	if (taken)
		*pc += (uint32_t)(int32_t)insn->off;
	return 0;
}

static int calculate(struct vm *vm, uint32_t pc, const struct bpf_insn *insn)
{
	uint64_t *dst = &vm->reg[insn->dst_reg];
	uint64_t src = BPF_SRC(insn->code) == BPF_X ? vm->reg[insn->src_reg]
						    : (uint64_t)(int64_t)insn->imm;
	unsigned int bits = BPF_CLASS(insn->code) == BPF_ALU64 ? 64 : 32;

	if (BPF_OP(insn->code) == BPF_END) {
		*dst = to_order(BPF_SRC(insn->code), *dst, insn->imm);
		return 0;
	}
	if (bits == 32) {
		*dst = (uint32_t)*dst;
		src = (uint32_t)src;
	}
	if (arithmetic(BPF_OP(insn->code), dst, src, bits))
		return stop(vm, pc, "unknown opcode 0x%02x", insn->code);
	return 0;
}

/* 0: go on, 1: the program has ended, -1: it was stopped. */
static int step(struct vm *vm, uint32_t *pc)
{
	const struct bpf_insn *insn = &vm->insns[*pc];

	if (insn->dst_reg > 10 || insn->src_reg > 10)
		return stop(vm, *pc, "there is no such register");
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64: return calculate(vm, *pc, insn);
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX: return memory(vm, *pc, insn);
	case BPF_LD:
		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW) || *pc + 1 >= vm->count)
			return stop(vm, *pc, "unknown opcode 0x%02x", insn->code);
		vm->reg[insn->dst_reg] = (uint32_t)insn[0].imm | (uint64_t)(uint32_t)insn[1].imm
									 << 32;
		++*pc;
		return 0;
	default:
		if (insn->code == (BPF_JMP | BPF_EXIT))
			return 1;
		if (insn->code == (BPF_JMP | BPF_CALL))
			return call(vm, *pc, insn);
		return jump(vm, insn, pc);
	}
}

int vm_run(struct vm *vm, uint64_t context, uint64_t *ret_r0)
{
	int state = 0;

	memset(vm->reg, 0, sizeof(vm->reg));
	memset(vm->stack, 0, sizeof(vm->stack));
	vm->reg[1] = context;
	vm->reg[10] = (uint64_t)(uintptr_t)vm->stack + STACK_SIZE;
	for (uint32_t pc = 0, steps = 0; !state; pc++) {
		if (pc >= vm->count)
			return stop(vm, pc, "the program has no such instruction");
		if (++steps > MAX_STEPS)
			return stop(vm, pc, "%d instructions are enough", MAX_STEPS);
		state = step(vm, &pc);
	}
	if (state < 0)
		return -1;
	*ret_r0 = vm->reg[0];
	return 0;
}
