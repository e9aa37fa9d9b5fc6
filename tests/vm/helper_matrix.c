/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helper_matrix.c: which helper goes with which map: every type of types.def x its *_PROG flags x
 * program type x use, here and in the live kernel. The errno, or what the program returns, must be
 * equal. What the kernel refuses at load may here end the run instead (loads and stores through a
 * pointer). Skipped, and said so, without bpf(2).
 */
#include "both.h"
#include "isa_insn.h"
#include "keyless.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	uint32_t type;
	const char *word;
} map_types[] = {
#define MAP_TYPE(NAME, word, ops) {BPF_MAP_TYPE_##NAME, word},
#include "map/types.def"
#undef MAP_TYPE
};

static const uint32_t prog_types[] = {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
				      BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SYSCALL};
static const uint32_t prog_flags[] = {0, BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG};

#define LOOKUP_WITH(helper, ...)                                                                  \
	MOV_IMM(R3, 0), CALL(helper), MOV_IMM(R6, 1), JMP_IMM(BPF_JEQ, R0, 0, 2), MOV_IMM(R6, 2), \
		__VA_ARGS__, MOV_REG(R0, R6), EXIT
#define NOTHING JA(0)

/* R1: map, R2: a key (u32 1) or value on the stack, R3: a value on the stack. */
static const struct {
	const char *name;
	struct bpf_insn insns[10];
} uses[] = {
#define USE(name, ...)              \
	{                           \
		name,               \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
	USE("lookup", LOOKUP_WITH(1, NOTHING)),
	USE("lookup and read", LOOKUP_WITH(1, LDX(BPF_DW, R6, R0, 0))),
	USE("lookup and store", LOOKUP_WITH(1, ST(BPF_DW, R0, 0, 5))),
	USE("lookup of CPU 0", LOOKUP_WITH(195, NOTHING)),
	USE("lookup of CPU 0 and read", LOOKUP_WITH(195, LDX(BPF_DW, R6, R0, 0))),
	USE("lookup of CPU 0 and store", LOOKUP_WITH(195, ST(BPF_DW, R0, 0, 5))),
	USE("lookup of CPU 100000", MOV_IMM(R3, 100000), CALL(195), MOV_IMM(R6, 1),
	    JMP_IMM(BPF_JEQ, R0, 0, 1), MOV_IMM(R6, 2), MOV_REG(R0, R6), EXIT),
	USE("update", MOV_IMM(R4, 0), CALL(2), EXIT),
	USE("update with NOEXIST", MOV_IMM(R4, 1), CALL(2), EXIT),
	USE("update with EXIST", MOV_IMM(R4, 2), CALL(2), EXIT),
	USE("update with LOCK", MOV_IMM(R4, 4), CALL(2), EXIT),
	USE("delete", CALL(3), EXIT),
	USE("push", MOV_IMM(R3, 0), CALL(87), EXIT),
	USE("push with NOEXIST", MOV_IMM(R3, 1), CALL(87), EXIT),
	USE("push with EXIST", MOV_IMM(R3, 2), CALL(87), EXIT),
	USE("push with flags 3", MOV_IMM(R3, 3), CALL(87), EXIT),
	USE("pop", CALL(88), EXIT),
	USE("pop and look", CALL(88), LDX(BPF_DW, R0, FP, -8), EXIT),
	USE("peek", CALL(89), EXIT),
	USE("peek and look", CALL(89), LDX(BPF_DW, R0, FP, -8), EXIT),
#undef USE
};

static const struct bpf_insn begin[] = {
	ST(BPF_DW, FP, -8, 1), ST(BPF_DW, FP, -16, 7), LD_MAP(R1, 0),	 MOV_REG(R2, FP),
	ADD_IMM(R2, -8),       MOV_REG(R3, FP),	       ADD_IMM(R3, -16),
};

static uint32_t length(const struct bpf_insn *insns)
{
	uint32_t n = 0;

	while (insns[n++].code != (BPF_JMP | BPF_EXIT))
		;
	return n;
}

/* The kernel refuses an access although the lookup before it finds nothing in this run. */
static int is_unreached(const struct both *both)
{
	return both->kernel.err == -EACCES && !both->here.err && both->here.r0 == 1;
}

static void fill(uint32_t type)
{
	static const uint64_t values[4096] = {7, 7};
	static const uint32_t key = 1;
	int err = both_map_fill(type_is_keyless(type) ? NULL : &key, values);

	if (err)
		printf("# filling: %d: %s\n", err, bpfmap_last_error());
}

static void compare(uint32_t type, const char *word, uint32_t map_flags, int filled)
{
	const struct bpfmap_create_opts opts = {.sz = sizeof(opts),
						.type = type,
						.key_size = type_is_keyless(type) ? 0 : 4,
						.value_size = 8,
						.max_entries = 2,
						.map_flags = map_flags,
						.memory = BPFMAP_MEMORY_PRIVATE};
	struct bpf_insn insns[COUNT(begin) + COUNT(uses[0].insns)];
	struct both both;
	char name[128];

	for (size_t i = 0; i < COUNT(prog_types) * COUNT(uses); i++) {
		uint32_t prog_type = prog_types[i % COUNT(prog_types)];
		size_t use = i / COUNT(prog_types);

		memset(&both, 0, sizeof(both));
		memcpy(insns, begin, sizeof(begin));
		memcpy(insns + COUNT(begin), uses[use].insns, sizeof(uses[use].insns));
		snprintf(name, sizeof(name), "%s, flags 0x%x, %s, program type %u: %s", word,
			 map_flags, filled ? "filled" : "empty", prog_type, uses[use].name);
		/* A new map each time: no use sees what another one left. */
		both.here.err = both_map_create(&opts);
		if (!both.here.err) {
			if (filled)
				fill(type);
			both_run(prog_type, insns, length(insns), &both);
			both_map_close();
		}
		if (is_unreached(&both))
			both.here.err = both.kernel.err;
		both_agree(name, &both);
	}
}

int main(void)
{
	if (!both_has_kernel()) {
		printf("1..0 # SKIP bpf(2) is not permitted here\n");
		return 0;
	}
	for (size_t i = 0; i < COUNT(map_types); i++)
		for (size_t j = 0; j < COUNT(prog_flags); j++)
			for (int filled = 0; filled < 2; filled++)
				compare(map_types[i].type, map_types[i].word, prog_flags[j],
					filled);
	return both_finish();
}
