/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* spin_lock_test.c: what programs may do with a bpf_spin_lock, here and in the live kernel: the same
 * errno, or the same result. Skipped, and said so, without bpf(2).
 */
#include "both.h"
#include "isa_insn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VALUE_SIZE   24
#define LOCK_OFF     8

#define AT(reg, off)	 MOV_REG(R1, reg), ADD_IMM(R1, off)
#define SPIN_LOCK(reg)	 AT(reg, LOCK_OFF), CALL(93)
#define SPIN_UNLOCK(reg) AT(reg, LOCK_OFF), CALL(94)
#define RETURN(value)	 MOV_IMM(R0, value), EXIT

/* R6 and R7: the values of keys 0 and 1. R8: the context. */
static const struct bpf_insn begin[] = {
	MOV_REG(R8, R1),
	ST(BPF_W, FP, -4, 0),
	LD_MAP(R1, 0),
	MOV_REG(R2, FP),
	ADD_IMM(R2, -4),
	CALL(1),
	JMP_IMM(BPF_JNE, R0, 0, 2),
	RETURN(77),
	MOV_REG(R6, R0),
	ST(BPF_W, FP, -4, 1),
	LD_MAP(R1, 0),
	MOV_REG(R2, FP),
	ADD_IMM(R2, -4),
	CALL(1),
	JMP_IMM(BPF_JNE, R0, 0, 2),
	RETURN(77),
	MOV_REG(R7, R0),
};

static const struct use {
	const char *name;
	struct bpf_insn insns[20]; /* zeroes behind the last */
} uses[] = {
	{"add under the lock",
	 {SPIN_LOCK(R6), LDX(BPF_DW, R9, R6, 16), ADD_IMM(R9, 3), STX(BPF_DW, R6, R9, 16),
	  SPIN_UNLOCK(R6), MOV_REG(R0, R9), EXIT}},
	{"lock twice, one after the other",
	 {SPIN_LOCK(R6), SPIN_UNLOCK(R6), SPIN_LOCK(R7), SPIN_UNLOCK(R7), RETURN(5)}},
	{"exit with the lock", {SPIN_LOCK(R6), RETURN(5)}},
	{"unlock without lock", {SPIN_UNLOCK(R6), RETURN(5)}},
	{"lock what is locked", {SPIN_LOCK(R6), SPIN_LOCK(R6), SPIN_UNLOCK(R6), RETURN(5)}},
	{"a second lock",
	 {SPIN_LOCK(R6), SPIN_LOCK(R7), SPIN_UNLOCK(R7), SPIN_UNLOCK(R6), RETURN(5)}},
	{"unlock another", {SPIN_LOCK(R6), SPIN_UNLOCK(R7), RETURN(5)}},
	{"helper under the lock", {SPIN_LOCK(R6), CALL(5), SPIN_UNLOCK(R6), RETURN(5)}},
	{"lookup under the lock",
	 {SPIN_LOCK(R6), LD_MAP(R1, 0), MOV_REG(R2, FP), ADD_IMM(R2, -4), CALL(1), SPIN_UNLOCK(R6),
	  RETURN(5)}},
	{"lock beside the lock", {AT(R6, 0), CALL(93), AT(R6, 0), CALL(94), RETURN(5)}},
	{"load of the lock", {LDX(BPF_W, R0, R6, LOCK_OFF), EXIT}},
	{"load of a byte of the lock", {LDX(BPF_B, R0, R6, LOCK_OFF + 3), EXIT}},
	{"load across the lock's end", {LDX(BPF_DW, R0, R6, LOCK_OFF), EXIT}},
	{"store to the lock", {ST(BPF_W, R6, LOCK_OFF, 0), RETURN(5)}},
	{"atomic on the lock",
	 {MOV_IMM(R1, 1), LOCKED(BPF_W, BPF_ADD, R6, R1, LOCK_OFF), RETURN(5)}},
	{"loads around the lock",
	 {LDX(BPF_DW, R0, R6, 0), LDX(BPF_W, R1, R6, LOCK_OFF + 4), ADD_REG(R0, R1),
	  LDX(BPF_DW, R1, R7, 16), ADD_REG(R0, R1), EXIT}},
	{"value as a helper's memory",
	 {LD_MAP(R1, 0), MOV_REG(R2, FP), ADD_IMM(R2, -4), MOV_REG(R3, R6), MOV_IMM(R4, 0), CALL(2),
	  EXIT}},
	{"part of a value as a key", {LD_MAP(R1, 0), MOV_REG(R2, R6), CALL(3), EXIT}},
	{"the lock as a key",
	 {LD_MAP(R1, 0), MOV_REG(R2, R6), ADD_IMM(R2, LOCK_OFF), CALL(3), EXIT}},
	{"update with LOCK",
	 {ST(BPF_DW, FP, -32, 1), ST(BPF_DW, FP, -24, -1), ST(BPF_DW, FP, -16, 9), LD_MAP(R1, 0),
	  MOV_REG(R2, FP), ADD_IMM(R2, -4), MOV_REG(R3, FP), ADD_IMM(R3, -32), MOV_IMM(R4, 4),
	  CALL(2), MOV_REG(R9, R0), LDX(BPF_DW, R0, R7, 16), ADD_REG(R0, R9), EXIT}},
	{"update with LOCK and NOEXIST",
	 {ST(BPF_DW, FP, -32, 1), ST(BPF_DW, FP, -24, -1), ST(BPF_DW, FP, -16, 9), LD_MAP(R1, 0),
	  MOV_REG(R2, FP), ADD_IMM(R2, -4), MOV_REG(R3, FP), ADD_IMM(R3, -32), MOV_IMM(R4, 5),
	  CALL(2), EXIT}},
	{"update with LOCK and both others",
	 {ST(BPF_DW, FP, -32, 1), ST(BPF_DW, FP, -24, -1), ST(BPF_DW, FP, -16, 9), LD_MAP(R1, 0),
	  MOV_REG(R2, FP), ADD_IMM(R2, -4), MOV_REG(R3, FP), ADD_IMM(R3, -32), MOV_IMM(R4, 7),
	  CALL(2), EXIT}},
	{"call of a subprogram under the lock",
	 {SPIN_LOCK(R6), CALL_LOCAL(5), SPIN_UNLOCK(R6), RETURN(5), RETURN(6)}},
	{"unlock in a subprogram",
	 {SPIN_LOCK(R6), MOV_REG(R1, R6), CALL_LOCAL(2), RETURN(5), ADD_IMM(R1, LOCK_OFF), CALL(94),
	  RETURN(6)}},
};

static const struct use packet_load = {"LD_ABS under the lock",
				       {SPIN_LOCK(R6), MOV_REG(R9, R6), MOV_REG(R6, R8),
					LD_ABS(BPF_B, 0), SPIN_UNLOCK(R9), RETURN(5)}};

static uint32_t length(const struct use *use)
{
	uint32_t n = COUNT(use->insns);

	while (!use->insns[n - 1].code)
		n--;
	return n;
}

static void compare(uint32_t type, uint32_t prog_type, const struct use *use)
{
	const struct bpfmap_create_opts opts = {.sz = sizeof(opts),
						.type = type,
						.key_size = 4,
						.value_size = VALUE_SIZE,
						.max_entries = 4,
						.spin_lock_plus1 = LOCK_OFF + 1,
						.memory = BPFMAP_MEMORY_PRIVATE};
	static const uint32_t value[VALUE_SIZE / 4] = {1000, 0, 0, 200, 30, 0};
	struct bpf_insn insns[COUNT(begin) + COUNT(use->insns)];
	struct both both = {.here.err = both_map_create(&opts)};
	char name[128];

	snprintf(name, sizeof(name), "map type %u, program type %u: %s", type, prog_type,
		 use->name);
	memcpy(insns, begin, sizeof(begin));
	memcpy(insns + COUNT(begin), use->insns, sizeof(use->insns));
	if (!both.here.err) {
		for (uint32_t key = 0; key < 2; key++)
			both_map_fill(&key, value);
		both_run(prog_type, insns, (uint32_t)COUNT(begin) + length(use), &both);
		both_map_close();
	}
	both_agree(name, &both);
}

int main(void)
{
	static const uint32_t map_types[] = {BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY};
	static const uint32_t prog_types[] = {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
					      BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SYSCALL};

	if (!both_has_kernel()) {
		printf("1..0 # SKIP bpf(2) is not permitted here\n");
		return 0;
	}
	for (size_t i = 0; i < COUNT(map_types); i++) {
		for (size_t j = 0; j < COUNT(prog_types); j++)
			for (size_t k = 0; k < COUNT(uses); k++)
				compare(map_types[i], prog_types[j], &uses[k]);
		compare(map_types[i], BPF_PROG_TYPE_SCHED_CLS, &packet_load);
	}
	return both_finish();
}
