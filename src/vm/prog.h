/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* prog.h: a loaded program: what the checker leaves for the interpreter. Immutable after vm_load().
 *
 * code[] has one slot per slot of the original program (LD_IMM64 keeps its second, unused one), so
 * instruction numbers in messages are the object file's.
 *
 * A map reference in a register is the address of the program's own struct vm_map; a callback
 * reference is the address of its first struct vm_insn. Both are compared with the program's tables
 * before use and never dereferenced before that, so a program cannot forge one.
 */
#ifndef BPFMAP_VM_PROG_H
#define BPFMAP_VM_PROG_H

#include "map/map.h"
#include "sync/private.h"
#include "vm/insn.h"
#include "vm/lines.h"
#include "vm/vm.h"

#define VM_STACK_FRAME 512u /* bytes a frame has, and all frames of a call chain together */
#define VM_MAX_FRAMES  8u
#define VM_MAX_INSNS   1000000u	       /* the kernel's limit for privileged callers */
#define VM_MAX_MAPS    MAP_ORDERED_MAX /* likewise: 64 */

/* A decoded instruction. */
struct vm_insn {
	uint16_t op; /* enum vm_op */
	uint8_t dst;
	uint8_t src;
	int32_t off; /* memory offset, or distance of a jump or local call in instructions */
	int64_t imm; /* sign-extended immediate, LD_IMM64's value, or address of a struct vm_helper */
};

_Static_assert(sizeof(struct vm_insn) == 16, "one instruction: a quarter of a cache line");

struct vm_map {
	struct bpfmap *map;
	int fd;		/* as the program names it */
	uint32_t takes; /* a bit per enum helper_on_map that the map does not refuse */
	/* Value of a one-element array that instructions address directly; 0 if none does. */
	uint64_t direct;
};

struct vm_prog {
	uint32_t prog_type;
	uint32_t insn_cnt;
	uint32_t map_cnt;
	/* 0: no instruction names R10, so no address of a frame can be known. */
	uint32_t uses_stack;
	struct vm_insn *code;
	struct vm_step *steps;	/* code as the interpreter walks it (step.h) */
	struct bpf_insn *insns; /* as they were loaded: for messages */
	uint8_t *is_subprog;	/* per slot: 1 where a subprogram starts */
	uint8_t *is_sure;	/* per slot: 1 where a helper call needs no check (straight.c) */
	struct vm_map maps[VM_MAX_MAPS];
	/* The per-CPU maps' CPUs, each once, in the order in which every program goes onto them: by
	 * region id, then by address. */
	struct vcpus *vcpus[VM_MAX_MAPS];
	uint32_t vcpu_cnt;
	struct vm_map_source source;
	struct vm_lines lines;
	struct private_ptr native; /* struct vm_native, once there is compiled code (native.h) */
	char name[16];
};

/* The map behind a register's value, or NULL. */
static inline const struct vm_map *prog_map_ref(const struct vm_prog *prog, uint64_t value)
{
	uint64_t off = value - (uint64_t)(uintptr_t)prog->maps;

	if (off >= prog->map_cnt * sizeof(struct vm_map) || off % sizeof(struct vm_map))
		return NULL;
	return &prog->maps[off / sizeof(struct vm_map)];
}

/* The subprogram behind a register's value, or NULL. */
static inline const struct vm_insn *prog_func_ref(const struct vm_prog *prog, uint64_t value)
{
	uint64_t off = value - (uint64_t)(uintptr_t)prog->code;

	if (off >= prog->insn_cnt * sizeof(struct vm_insn) || off % sizeof(struct vm_insn) ||
	    !prog->is_subprog[off / sizeof(struct vm_insn)])
		return NULL;
	return &prog->code[off / sizeof(struct vm_insn)];
}

/* check.c: decode and check load->insns into prog->code. 0 or -errno with the sentence. */
int prog_check(const struct vm_load *load, struct vm_prog *prog);

/* calls.c: subprograms, the jumps inside them, and the depth of call chains. */
int prog_check_calls(const struct vm_load *load, struct vm_prog *prog);

/* straight.c: what can be known about registers without following branches. Sets depths[i] to the
 * bytes of stack that the subprogram starting at slot i is seen to use. */
int prog_check_straight(const struct vm_load *load, const struct vm_prog *prog, uint16_t *depths);

/* fail() with "insn N (file:line): " in front. */
__attribute__((format(printf, 4, 5), cold)) int prog_fail(const struct vm_prog *prog, uint32_t at,
							  int err, const char *fmt, ...);

#endif
