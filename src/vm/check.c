/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* check.c: the structural check, instruction by instruction, and decoding.
 *
 * What is proved here, so that the interpreter need not ask again:
 *   1. every opcode is known and its reserved fields are 0
 *   2. registers are R0 to R10, and nothing writes R10
 *   3. immediates of shifts and divisions are in range
 *   4. LD_IMM64 has its second half; map, value and function references are resolved
 *   5. helpers are known and allowed for the program type
 *   6. jumps and calls lead to an instruction of the program, not into the middle of one
 * calls.c goes on with subprograms, straight.c with what registers hold.
 *
 * This is not the kernel's verifier: types of registers, bounds and termination are checked while
 * the program runs. Errnos are the verifier's.
 */
#include "base/error.h"
#include "vm/helpers.h"
#include "vm/prog.h"

#include <errno.h>
#include <string.h>

#define REG_FP 10

/* Which fields a class uses; the rest are reserved. */
enum {
	USES_DST = 1,
	USES_SRC = 2,
	USES_OFF = 4,
	USES_IMM = 8,
	WRITES_DST = 16,
	WRITES_SRC = 32, /* with BPF_FETCH */
};

static const uint8_t class_uses[VM_CLASS_COUNT] = {
	[VM_CLASS_ALU_K] = USES_DST | USES_OFF | USES_IMM | WRITES_DST,
	[VM_CLASS_ALU_X] = USES_DST | USES_SRC | USES_OFF | WRITES_DST,
	[VM_CLASS_NEG] = USES_DST | WRITES_DST,
	[VM_CLASS_END] = USES_DST | USES_IMM | WRITES_DST,
	[VM_CLASS_JMP_K] = USES_DST | USES_OFF | USES_IMM,
	[VM_CLASS_JMP_X] = USES_DST | USES_SRC | USES_OFF,
	[VM_CLASS_JA] = USES_OFF,
	[VM_CLASS_JA32] = USES_IMM,
	[VM_CLASS_CALL] = USES_SRC | USES_IMM,
	[VM_CLASS_EXIT] = 0,
	[VM_CLASS_IMM64] = USES_DST | USES_SRC | USES_IMM | WRITES_DST,
	[VM_CLASS_ABS] = USES_IMM,
	[VM_CLASS_IND] = USES_SRC | USES_IMM,
	[VM_CLASS_LDX] = USES_DST | USES_SRC | USES_OFF | WRITES_DST,
	[VM_CLASS_ST] = USES_DST | USES_OFF | USES_IMM,
	[VM_CLASS_STX] = USES_DST | USES_SRC | USES_OFF,
	[VM_CLASS_ATOMIC] = USES_DST | USES_SRC | USES_OFF | USES_IMM | WRITES_SRC,
	[VM_CLASS_LOAD_ACQ] = USES_DST | USES_SRC | USES_OFF | USES_IMM | WRITES_DST,
	[VM_CLASS_STORE_REL] = USES_DST | USES_SRC | USES_OFF | USES_IMM,
};

static int check_fields(const struct vm_prog *prog, uint32_t at, const struct bpf_insn *insn,
			uint8_t class)
{
	uint8_t uses = class_uses[class];

	if (insn->dst_reg > REG_FP || insn->src_reg > REG_FP)
		return prog_fail(prog, at, EINVAL, "register R%u does not exist",
				 insn->dst_reg > REG_FP ? insn->dst_reg : insn->src_reg);
	if ((!(uses & USES_DST) && insn->dst_reg) || (!(uses & USES_SRC) && insn->src_reg) ||
	    (!(uses & USES_OFF) && insn->off) || (!(uses & USES_IMM) && insn->imm))
		return prog_fail(prog, at, EINVAL,
				 "opcode 0x%02x uses a reserved field (dst %u, src %u, off %d, "
				 "imm %d)",
				 insn->code, insn->dst_reg, insn->src_reg, insn->off, insn->imm);
	if (((uses & WRITES_DST) && insn->dst_reg == REG_FP) ||
	    ((uses & WRITES_SRC) && (insn->imm & BPF_FETCH) && insn->imm != BPF_CMPXCHG &&
	     insn->src_reg == REG_FP))
		return prog_fail(prog, at, EACCES, "writes R10, the read-only frame pointer");
	return 0;
}

static int check_immediate(const struct vm_prog *prog, uint32_t at, const struct bpf_insn *insn,
			   uint8_t class)
{
	uint8_t alu = BPF_OP(insn->code);
	int bits = BPF_CLASS(insn->code) == BPF_ALU64 ? 64 : 32;

	if (class != VM_CLASS_ALU_K)
		return 0;
	if ((alu == BPF_DIV || alu == BPF_MOD) && insn->imm == 0)
		return prog_fail(prog, at, EINVAL, "division by the immediate 0");
	if ((alu == BPF_LSH || alu == BPF_RSH || alu == BPF_ARSH) &&
	    (insn->imm < 0 || insn->imm >= bits))
		return prog_fail(prog, at, EINVAL, "shift by %d, outside 0 to %d", insn->imm,
				 bits - 1);
	return 0;
}

/* Also for calls and function references: the distance from the next instruction. */
static int check_target(const struct vm_load *load, const struct vm_prog *prog, uint32_t at,
			int32_t distance)
{
	int64_t target = (int64_t)at + 1 + distance;

	if (target < 0 || target >= load->insn_cnt)
		return prog_fail(prog, at, EINVAL,
				 "jump to insn %lld, outside the program of %u instructions",
				 (long long)target, load->insn_cnt);
	/* An opcode byte of 0 is only ever the second half of an LD_IMM64. */
	if (load->insns[target].code == 0)
		return prog_fail(prog, at, EINVAL,
				 "jump to insn %lld, the second half of a 64-bit load",
				 (long long)target);
	return 0;
}

/* Maps that programs of a type may not refer to at all. */
static int check_map_in_type(const struct vm_prog *prog, uint32_t at, const struct bpfmap *map)
{
	if (map->spec.spin_lock_plus1 && prog->prog_type == BPF_PROG_TYPE_SOCKET_FILTER)
		return prog_fail(prog, at, EINVAL,
				 "socket_filter programs cannot use maps with a bpf_spin_lock; "
				 "load it as xdp or sched_cls");
	if (map->spec.type == BPF_MAP_TYPE_BLOOM_FILTER && prog->prog_type == BPF_PROG_TYPE_SYSCALL)
		return prog_fail(prog, at, EINVAL,
				 "syscall programs, which may sleep, cannot use bloom_filter maps");
	return 0;
}

static int map_ref(const struct vm_load *load, struct vm_prog *prog, uint32_t at, int fd,
		   struct vm_map **ret_map)
{
	struct bpfmap *map;
	uint32_t i;
	int err;

	for (i = 0; i < prog->map_cnt && prog->maps[i].fd != fd; i++)
		;
	if (i < prog->map_cnt) {
		*ret_map = &prog->maps[i];
		return 0;
	}
	if (!load->maps.get)
		return prog_fail(prog, at, EBADF, "refers to map fd %d, but maps are not available",
				 fd);
	err = load->maps.get(load->maps.arg, fd, &map);
	if (err)
		return prog_fail(prog, at, -err, "refers to map fd %d: %s", fd, error_sentence());
	if (prog->map_cnt == VM_MAX_MAPS) {
		load->maps.put(load->maps.arg, map);
		return prog_fail(prog, at, E2BIG, "the program uses more than %u maps",
				 VM_MAX_MAPS);
	}
	prog->maps[prog->map_cnt] =
		(struct vm_map){.map = map, .fd = fd, .takes = helper_map_takes(map)};
	*ret_map = &prog->maps[prog->map_cnt++];
	return check_map_in_type(prog, at, map);
}

/* Global data: the address of a byte in the only value of an array. */
static int map_value_ref(struct vm_prog *prog, uint32_t at, struct vm_map *ref, uint32_t off,
			 int64_t *ret_imm)
{
	static const uint32_t first;
	const struct map_spec *spec = &ref->map->spec;

	if (spec->type != BPF_MAP_TYPE_ARRAY)
		return prog_fail(prog, at, EINVAL,
				 "takes a value's address in a map that is not an ARRAY");
	if (spec->max_entries != 1)
		return prog_fail(prog, at, E524,
				 "takes a value's address in an ARRAY of %u elements; it must have "
				 "exactly one",
				 spec->max_entries);
	if (off >= spec->value_size)
		return prog_fail(prog, at, EINVAL,
				 "offset %u is outside the map's value of %u bytes", off,
				 spec->value_size);
	ref->direct = (uint64_t)(uintptr_t)ref->map->ops->lookup(ref->map, &first);
	*ret_imm = (int64_t)(ref->direct + off);
	return 0;
}

static int map_fd_of(const struct vm_load *load, const struct vm_prog *prog, uint32_t at,
		     int *ret_fd)
{
	const struct bpf_insn *insn = &load->insns[at];

	if (insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE) {
		*ret_fd = insn->imm;
		return 0;
	}
	if (!load->fd_array)
		return prog_fail(prog, at, EINVAL,
				 "refers to entry %d of fd_array, but no fd_array was given",
				 insn->imm);
	if (insn->imm < 0 || (uint32_t)insn->imm >= load->fd_array_cnt)
		return prog_fail(prog, at, EINVAL, "refers to entry %d of an fd_array of %u",
				 insn->imm, load->fd_array_cnt);
	*ret_fd = load->fd_array[insn->imm];
	return 0;
}

static int decode_map(const struct vm_load *load, struct vm_prog *prog, uint32_t at)
{
	const struct bpf_insn *insn = &load->insns[at];
	struct vm_insn *out = &prog->code[at];
	struct vm_map *ref = NULL;
	int fd = -1;
	int err;

	err = map_fd_of(load, prog, at, &fd);
	if (err)
		return err;
	err = map_ref(load, prog, at, fd, &ref);
	if (err)
		return err;
	if (insn->src_reg == BPF_PSEUDO_MAP_VALUE || insn->src_reg == BPF_PSEUDO_MAP_IDX_VALUE)
		return map_value_ref(prog, at, ref, (uint32_t)insn[1].imm, &out->imm);
	if (insn[1].imm)
		return prog_fail(prog, at, EINVAL,
				 "a map reference with a non-zero second half (%d)", insn[1].imm);
	out->imm = (int64_t)(uintptr_t)ref;
	return 0;
}

static int decode_func(const struct vm_load *load, struct vm_prog *prog, uint32_t at)
{
	const struct bpf_insn *insn = &load->insns[at];
	struct vm_insn *out = &prog->code[at];
	int err;

	err = check_target(load, prog, at, insn->imm);
	if (err)
		return err;
	out->off = insn->imm;
	out->imm = (int64_t)(uintptr_t)(out + 1 + insn->imm);
	prog->is_subprog[at + 1 + insn->imm] = 1;
	return 0;
}

static int decode_imm64(const struct vm_load *load, struct vm_prog *prog, uint32_t at)
{
	const struct bpf_insn *insn = &load->insns[at];

	if (at + 1 >= load->insn_cnt || insn[1].code || insn[1].dst_reg || insn[1].src_reg ||
	    insn[1].off)
		return prog_fail(prog, at, EINVAL, "64-bit load without its second half");
	switch (insn->src_reg) {
	case 0:
		prog->code[at].imm =
			(int64_t)(((uint64_t)(uint32_t)insn[1].imm << 32) | (uint32_t)insn->imm);
		return 0;
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_VALUE:
	case BPF_PSEUDO_MAP_IDX:
	case BPF_PSEUDO_MAP_IDX_VALUE: return decode_map(load, prog, at);
	case BPF_PSEUDO_FUNC: return decode_func(load, prog, at);
	case BPF_PSEUDO_BTF_ID:
		return prog_fail(
			prog, at, EINVAL,
			"kernel variables (BPF_PSEUDO_BTF_ID) are not supported; pass the value in "
			"a map or in global data");
	default:
		return prog_fail(prog, at, EINVAL, "64-bit load with unknown source kind %u",
				 insn->src_reg);
	}
}

static int decode_call(const struct vm_load *load, struct vm_prog *prog, uint32_t at)
{
	const struct bpf_insn *insn = &load->insns[at];
	const struct vm_helper *helper;
	char words[64];
	int err;

	if (insn->src_reg == BPF_PSEUDO_CALL) {
		err = check_target(load, prog, at, insn->imm);
		if (err)
			return err;
		prog->code[at].off = insn->imm;
		prog->is_subprog[at + 1 + insn->imm] = 1;
		return 0;
	}
	helper = helper_find(insn->imm);
	if (!helper) {
		const char *name = helper_kernel_name(insn->imm);

		if (name)
			return prog_fail(
				prog, at, EINVAL,
				"helper bpf_%s (%d) is not supported; programs that need it "
				"run in a kernel only",
				name, insn->imm);
		return prog_fail(prog, at, EINVAL, "unknown helper %d", insn->imm);
	}
	if (!(helper->prog_types & helper_type_bit(prog->prog_type)))
		return prog_fail(prog, at, EINVAL,
				 "helper bpf_%s (%d) is not available to this program type (%u); "
				 "%s programs have it",
				 helper->name, insn->imm, prog->prog_type,
				 helper_type_words(helper, words, sizeof(words)));
	prog->code[at].imm = (int64_t)(uintptr_t)helper;
	return 0;
}

static int decode_by_class(const struct vm_load *load, struct vm_prog *prog, uint32_t at,
			   uint8_t class)
{
	const struct bpf_insn *insn = &load->insns[at];
	struct vm_insn *out = &prog->code[at];

	switch (class) {
	case VM_CLASS_IMM64: return decode_imm64(load, prog, at);
	case VM_CLASS_CALL: return decode_call(load, prog, at);
	case VM_CLASS_JA32: out->off = insn->imm; return check_target(load, prog, at, insn->imm);
	case VM_CLASS_JA:
	case VM_CLASS_JMP_K:
	case VM_CLASS_JMP_X: return check_target(load, prog, at, insn->off);
	case VM_CLASS_ABS:
	case VM_CLASS_IND:
		if (prog->prog_type != BPF_PROG_TYPE_SCHED_CLS &&
		    prog->prog_type != BPF_PROG_TYPE_SOCKET_FILTER)
			return prog_fail(prog, at, EINVAL,
					 "LD_ABS and LD_IND exist only in sched_cls and "
					 "socket_filter programs");
		return 0;
	default: return check_immediate(prog, at, insn, class);
	}
}

static int refuse_opcode(const struct vm_prog *prog, uint32_t at, const struct bpf_insn *insn)
{
	if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
		return prog_fail(
			prog, at, EINVAL,
			"kernel functions (kfuncs) are not supported; use helpers and maps");
	if (insn->code == 0xe5)
		return prog_fail(
			prog, at, EINVAL,
			"may_goto is not supported; use bpf_loop() or a loop with a bound");
	for (int op = 0; op < VM_OP_COUNT; op++)
		if (vm_insn_rows[op].code == insn->code)
			return prog_fail(prog, at, EINVAL,
					 "opcode 0x%02x with src %u, off %d, imm %d is not an "
					 "instruction",
					 insn->code, insn->src_reg, insn->off, insn->imm);
	return prog_fail(prog, at, EINVAL, "unknown opcode 0x%02x", insn->code);
}

int prog_check(const struct vm_load *load, struct vm_prog *prog)
{
	int err;

	prog->is_subprog[0] = 1;
	for (uint32_t at = 0; at < load->insn_cnt; at++) {
		const struct bpf_insn *insn = &load->insns[at];
		int op = insn_op(insn);
		uint8_t class;

		if (op < 0)
			return refuse_opcode(prog, at, insn);
		class = vm_insn_rows[op].class;
		err = check_fields(prog, at, insn, class);
		if (err)
			return err;
		prog->code[at] = (struct vm_insn){.op = (uint16_t)op,
						  .dst = insn->dst_reg,
						  .src = insn->src_reg,
						  .off = insn->off,
						  .imm = insn->imm};
		err = decode_by_class(load, prog, at, class);
		if (err)
			return err;
		if (class == VM_CLASS_IMM64)
			at++;
	}
	return prog_check_calls(load, prog);
}
