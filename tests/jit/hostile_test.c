/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hostile_test.c: programs that try to leave their bounds, in the interpreter and compiled. Each is stopped
 * with the same errno and sentence by both, and the next program runs.
 *
 * Addresses in sentences are replaced by a star: each run has its own stack. So is the instruction where
 * a budget ended: the compiler counts in larger steps (docs/jit.md).
 */
#include "../vm/isa_insn.h"

#include "base/error.h"
#include "bpfmap/bpfmap.h"
#include "vm/native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INSNS 24
#define BUDGET	  200000

enum { VALUES, HASHED, READONLY, LOCKED_VALUES, GLOBAL, MAPS };

struct hostile {
	const char *name;
	int err;
	const char *part; /* of the sentence */
	uint32_t type;	  /* 0: XDP */
	struct bpf_insn insns[MAX_INSNS];
};

/* The value of key 0 in a map, in R0. */
#define LOOKUP(map) ST(BPF_W, FP, -4, 0), MOV_REG(R2, FP), ADD_IMM(R2, -4), LD_MAP(R1, map), CALL(1)
#define ABSENT(map) \
	ST(BPF_W, FP, -4, 77), MOV_REG(R2, FP), ADD_IMM(R2, -4), LD_MAP(R1, map), CALL(1)
#define RETURN MOV_IMM(R0, 0), EXIT

static const struct hostile hostiles[] = {
	{"packet, behind its end",
	 EFAULT,
	 "after the packet's end",
	 0,
	 {LDX(BPF_W, R2, R1, 0), LDX(BPF_B, R0, R2, 4000), RETURN}},
	{"packet, across its end",
	 EFAULT,
	 "crosses the packet's end",
	 0,
	 {LDX(BPF_W, R2, R1, 0), LDX(BPF_DW, R0, R2, 60), RETURN}},
	{"packet, before its start",
	 EFAULT,
	 "before the packet",
	 0,
	 {LDX(BPF_W, R2, R1, 0), ST(BPF_B, R2, -300, 1), RETURN}},
	{"packet, an offset from the packet",
	 EFAULT,
	 "outside",
	 0,
	 {LDX(BPF_W, R2, R1, 0), LDX(BPF_W, R3, R2, 0), ADD_REG(R2, R3), LDX(BPF_B, R0, R2, 0),
	  RETURN}},
	{"packet pointer from before adjust_head",
	 EFAULT,
	 "before the packet",
	 0,
	 {MOV_REG(R6, R1), LDX(BPF_W, R7, R1, 0), MOV_IMM(R2, 32), CALL(44), LDX(BPF_B, R0, R7, 0),
	  RETURN}},
	{"packet end from before adjust_tail",
	 EFAULT,
	 "after the packet's end",
	 0,
	 {MOV_REG(R6, R1), LDX(BPF_W, R7, R1, 4), MOV_IMM(R2, -32), CALL(65),
	  LDX(BPF_B, R0, R7, -1), RETURN}},
	{"NULL from a lookup",
	 EFAULT,
	 "NULL pointer",
	 0,
	 {ABSENT(HASHED), LDX(BPF_DW, R0, R0, 0), RETURN}},
	{"NULL from a lookup in an array",
	 EFAULT,
	 "NULL pointer",
	 0,
	 {ABSENT(VALUES), ST(BPF_DW, R0, 8, 1), RETURN}},
	{"value, behind its end",
	 EFAULT,
	 "outside",
	 0,
	 {LOOKUP(HASHED), JMP_IMM(BPF_JEQ, R0, 0, 1), LDX(BPF_DW, R0, R0, 1 << 14), RETURN}},
	{"value, a negative index",
	 EFAULT,
	 "outside",
	 0,
	 {LOOKUP(VALUES), JMP_IMM(BPF_JEQ, R0, 0, 3), LDX(BPF_DW, R3, R0, 0), ADD_REG(R0, R3),
	  ST(BPF_DW, R0, -24, 1), RETURN}},
	{"value, read-only",
	 EACCES,
	 "read-only",
	 0,
	 {LOOKUP(READONLY), JMP_IMM(BPF_JEQ, R0, 0, 1), ST(BPF_DW, R0, 0, 1), RETURN}},
	{"value, its spin lock",
	 EACCES,
	 "bpf_spin_lock of a value",
	 0,
	 {LOOKUP(LOCKED_VALUES), JMP_IMM(BPF_JEQ, R0, 0, 1), ST(BPF_W, R0, 0, 0), RETURN}},
	{"global data, behind its end",
	 EFAULT,
	 "outside",
	 0,
	 {LD_VALUE(R2, GLOBAL, 0), ST(BPF_DW, R2, 1 << 14, 1), RETURN}},
	{"stack, above",
	 EFAULT,
	 "outside",
	 0,
	 {MOV_REG(R2, FP), MOV_IMM(R3, 8), LDX(BPF_W, R4, R1, 16), ADD_REG(R2, R3), ADD_REG(R2, R4),
	  STX(BPF_DW, R2, R3, 0), RETURN}},
	{"stack, below",
	 EFAULT,
	 "outside",
	 0,
	 {MOV_REG(R2, FP), MOV_IMM(R3, -600), LDX(BPF_W, R4, R1, 16), ADD_REG(R2, R3),
	  ADD_REG(R2, R4), LDX(BPF_DW, R0, R2, 0), RETURN}},
	{"the run's own memory, by way of the context",
	 EFAULT,
	 "outside",
	 0,
	 {ADD_IMM(R1, -64), ST(BPF_DW, R1, 0, -1), RETURN}},
	{"context, a field that is read-only", EACCES, "context", 0, {ST(BPF_W, R1, 0, 1), RETURN}},
	{"context, half a field", EACCES, "context", 0, {LDX(BPF_B, R0, R1, 1), RETURN}},
	{"context, a field with its sign, which no pointer gets",
	 EFAULT,
	 "NULL pointer",
	 BPF_PROG_TYPE_SCHED_CLS,
	 {MOV_IMM(R2, -1), STX(BPF_W, R1, R2, 8), LDSX(BPF_W, R3, R1, 8),
	  JMP_IMM(BPF_JSLT, R3, 0, 2), RETURN, MOV_IMM(R2, 0), LDX(BPF_DW, R0, R2, 0), RETURN}},
	{"value, plus its complement: 0, but not NULL",
	 EFAULT,
	 "outside",
	 0,
	 {LDX(BPF_W, R9, R1, 12), LD_VALUE(R6, GLOBAL, 0), MOV_REG(R7, R6), MOV_IMM(R8, 0),
	  ALU64_REG(BPF_SUB, R8, R6), ADD_REG(R7, R8), JMP_IMM(BPF_JEQ, R9, 0, 2), MOV_IMM(R6, 0),
	  MOV_IMM(R7, 0), JMP_IMM(BPF_JNE, R7, 0, 3), MOV_REG(R1, FP), ADD_REG(R1, R6),
	  ST(BPF_DW, R1, -8, 1), RETURN}},
	{"any number as an address",
	 EFAULT,
	 "outside",
	 0,
	 {LD_IMM64(R2, 0x400000), LDX(BPF_DW, R0, R2, 0), RETURN}},
	{"its own code",
	 EFAULT,
	 "outside",
	 0,
	 {LD_FUNC(R2, 4), ST(BPF_DW, R2, 0, 0), RETURN, RETURN}},
	{"its map reference, dereferenced",
	 EFAULT,
	 "outside",
	 0,
	 {LD_MAP(R2, VALUES), LDX(BPF_DW, R0, R2, 0), RETURN}},
	{"an address out of a map value",
	 EFAULT,
	 "outside",
	 0,
	 {LOOKUP(VALUES), JMP_IMM(BPF_JEQ, R0, 0, 2), LDX(BPF_DW, R2, R0, 8), ST(BPF_DW, R2, 0, -1),
	  RETURN}},
	{"a map reference, forged",
	 EINVAL,
	 "not a map of this program",
	 0,
	 {LD_MAP(R1, VALUES), ADD_IMM(R1, 8), MOV_REG(R2, FP), ADD_IMM(R2, -4), CALL(1), RETURN}},
	{"a map reference, a number",
	 EINVAL,
	 "not a map of this program",
	 0,
	 {MOV_IMM(R1, 1), MOV_REG(R2, FP), ADD_IMM(R2, -4), CALL(1), RETURN}},
	{"a helper's key, NULL",
	 EFAULT,
	 "NULL pointer",
	 0,
	 {LD_MAP(R1, HASHED), MOV_IMM(R2, 0), CALL(1), RETURN}},
	{"a helper's key, half outside the stack",
	 EFAULT,
	 "outside",
	 0,
	 {LD_MAP(R1, HASHED), MOV_REG(R2, FP), ADD_IMM(R2, -2), CALL(1), RETURN}},
	{"a helper's value, the packet's last bytes",
	 EFAULT,
	 "outside",
	 0,
	 {LDX(BPF_W, R3, R1, 4), ADD_IMM(R3, -8), ST(BPF_W, FP, -4, 0), LD_MAP(R1, HASHED),
	  MOV_REG(R2, FP), ADD_IMM(R2, -4), MOV_IMM(R4, 0), CALL(2), RETURN}},
	{"a helper's size, too large",
	 EINVAL,
	 "a size that any memory here has",
	 0,
	 {MOV_REG(R3, FP), ADD_IMM(R3, -8), MOV_IMM(R2, 0), MOV_IMM(R4, -1), CALL(189), RETURN}},
	{"a helper's context, another",
	 EINVAL,
	 "context",
	 0,
	 {ADD_IMM(R1, 4), MOV_IMM(R2, 0), CALL(44), RETURN}},
	{"a helper's callback, a number",
	 EINVAL,
	 "not a function of this program",
	 0,
	 {MOV_IMM(R1, 1), MOV_IMM(R2, 64), MOV_IMM(R3, 0), MOV_IMM(R4, 0), CALL(181), RETURN}},
	{"a loop without end", ETIMEDOUT, "budget", 0, {MOV_IMM(R0, 0), JA(-1), EXIT}},
	{"a loop without end that does something",
	 ETIMEDOUT,
	 "budget",
	 0,
	 {MOV_IMM(R0, 0), ADD_IMM(R0, 1), JMP_IMM(BPF_JNE, R0, 0, -2), EXIT}},
	{"eight million callbacks",
	 ETIMEDOUT,
	 "budget",
	 0,
	 {MOV_IMM(R1, 1 << 23), LD_FUNC(R2, 6), MOV_IMM(R3, 0), MOV_IMM(R4, 0), CALL(181), RETURN,
	  RETURN}},
	{"a callback that calls itself without end",
	 E2BIG,
	 "nest more than",
	 0,
	 {MOV_IMM(R1, 1), LD_FUNC(R2, 6), MOV_REG(R3, R2), MOV_IMM(R4, 0), CALL(181), RETURN,
	  MOV_IMM(R1, 1), MOV_REG(R3, R2), MOV_IMM(R4, 0), CALL(181), RETURN}},
	{"atomics, not aligned",
	 EINVAL,
	 "not a multiple",
	 0,
	 {LOOKUP(VALUES), JMP_IMM(BPF_JEQ, R0, 0, 2), MOV_IMM(R1, 1),
	  LOCKED(BPF_DW, BPF_ADD, R0, R1, 4), RETURN}},
	{"atomics on the packet",
	 EACCES,
	 "packet",
	 0,
	 {LDX(BPF_W, R2, R1, 0), MOV_IMM(R1, 1), LOCKED(BPF_DW, BPF_ADD, R2, R1, 0), RETURN}},
	{"atomics on NULL",
	 EFAULT,
	 "NULL pointer",
	 0,
	 {ABSENT(HASHED), MOV_IMM(R1, 1), LOCKED(BPF_DW, BPF_ADD | BPF_FETCH, R0, R1, 0), RETURN}},
	{"exit with a lock",
	 EINVAL,
	 "exit while holding",
	 0,
	 {LOOKUP(LOCKED_VALUES), JMP_IMM(BPF_JEQ, R0, 0, 2), MOV_REG(R1, R0), CALL(93), RETURN}},
	{"a helper with a lock",
	 EINVAL,
	 "while holding",
	 0,
	 {LOOKUP(LOCKED_VALUES), JMP_IMM(BPF_JEQ, R0, 0, 3), MOV_REG(R1, R0), CALL(93), CALL(5),
	  RETURN}},
	{"a lock that is none",
	 EINVAL,
	 "is not the bpf_spin_lock",
	 0,
	 {MOV_REG(R1, FP), ADD_IMM(R1, -8), CALL(93), RETURN}},
	{"LD_ABS without the context",
	 EINVAL,
	 "context in R6",
	 BPF_PROG_TYPE_SCHED_CLS,
	 {MOV_IMM(R6, 0), LD_ABS(BPF_W, 0), RETURN}},
};

#define HOSTILES (sizeof(hostiles) / sizeof(hostiles[0]))

/* ---- maps ---- */

static struct bpfmap *maps[MAPS];

static struct bpfmap *map_new(uint32_t type, uint32_t flags, uint32_t entries, uint32_t lock_plus1)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 4,
					  .value_size = 16,
					  .max_entries = entries,
					  .map_flags = flags,
					  .spin_lock_plus1 = lock_plus1};
	const uint32_t zero = 0;
	/* A number that looks like an address. */
	const uint64_t value[2] = {0xfffffffff000, 0x7fff00001000};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map) || bpfmap_update(map, &zero, value, BPF_ANY)) {
		printf("Bail out! %s\n", error_sentence());
		exit(1);
	}
	return map;
}

static void maps_make(void)
{
	maps[VALUES] = map_new(BPF_MAP_TYPE_ARRAY, 0, 4, 0);
	maps[HASHED] = map_new(BPF_MAP_TYPE_HASH, 0, 4, 0);
	maps[READONLY] = map_new(BPF_MAP_TYPE_ARRAY, BPF_F_RDONLY_PROG, 4, 0);
	maps[LOCKED_VALUES] = map_new(BPF_MAP_TYPE_ARRAY, 0, 4, 1);
	maps[GLOBAL] = map_new(BPF_MAP_TYPE_ARRAY, 0, 1, 0);
}

static int source_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	(void)arg;
	*ret_map = maps[map_fd];
	return 0;
}

static void source_put(void *arg, struct bpfmap *map)
{
	(void)arg, (void)map;
}

/* ---- a run ---- */

struct outcome {
	int load_err;
	int err;
	uint32_t verdict;
	char why[512];
};

static uint32_t count_of(const struct bpf_insn *insns)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < MAX_INSNS; i++)
		if (insns[i].code == (BPF_JMP | BPF_EXIT))
			count = i + 1;
	return count;
}

/* Every number of an address, and with a budget the place where it ended, becomes a star. */
static void note_sentence(struct outcome *ret, int err)
{
	const char *from = error_sentence();
	char *to = ret->why;

	if (err == -ETIMEDOUT && strstr(from, "): "))
		from = strstr(from, "): ");
	for (; *from && to < ret->why + sizeof(ret->why) - 2; from++) {
		*to++ = *from;
		if (from[0] == '0' && from[1] == 'x') {
			to[-1] = '*';
			from += 1 + strspn(from + 2, "0123456789abcdef");
		}
	}
	*to = '\0';
}

static void run_in(enum vm_jit_mode mode, uint32_t type, const struct bpf_insn *insns,
		   struct outcome *ret)
{
	struct vm_load load = {.prog_type = type ? type : BPF_PROG_TYPE_XDP,
			       .insns = insns,
			       .insn_cnt = count_of(insns),
			       .maps = {.get = source_get, .put = source_put}};
	const struct vm_env env = {.insn_budget = BUDGET};
	uint8_t buf[1024];
	struct vm_packet packet = {.buf = buf, .buf_size = sizeof(buf), .off = 256, .len = 64};
	struct vm_prog *prog;

	memset(ret, 0, sizeof(*ret));
	memset(buf, 0xff, sizeof(buf));
	ret->load_err = vm_load(&load, &prog);
	if (ret->load_err) {
		note_sentence(ret, ret->load_err);
		return;
	}
	ret->load_err = vm_prog_compile(prog, mode);
	ret->err = vm_run_packet(prog, &env, &packet, NULL, 0, &ret->verdict);
	if (ret->load_err || ret->err)
		note_sentence(ret, ret->err);
	vm_free(prog);
}

static unsigned int points, failed;

static void point(int ok, const char *name)
{
	failed += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", ++points, name);
}

static int is_same(const struct outcome *a, const struct outcome *b)
{
	return !a->load_err && !b->load_err && a->err == b->err && !strcmp(a->why, b->why);
}

static void hostile_check(const struct hostile *hostile)
{
	static const struct bpf_insn good[MAX_INSNS] = {MOV_IMM(R0, 7), EXIT};
	struct outcome interpreted, compiled, next;
	int ok;

	run_in(VM_JIT_OFF, hostile->type, hostile->insns, &interpreted);
	run_in(VM_JIT_ON, hostile->type, hostile->insns, &compiled);
	ok = is_same(&interpreted, &compiled) && compiled.err == -hostile->err &&
	     strstr(compiled.why, hostile->part);
	run_in(VM_JIT_ON, 0, good, &next);
	point(ok && !next.err && next.verdict == 7, hostile->name);
	if (ok)
		return;
	printf("# interpreted: %d %d %s\n# compiled: %d %d %s\n", interpreted.load_err,
	       interpreted.err, interpreted.why, compiled.load_err, compiled.err, compiled.why);
}

/* No page of this process may be written and executed, while compiled code is there. */
static int has_writable_code(void)
{
	char line[512];
	FILE *file = fopen("/proc/self/maps", "r");
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, "rwx") != NULL;
	if (file)
		fclose(file);
	return found;
}

static void pages_check(void)
{
	static const struct bpf_insn good[] = {MOV_IMM(R0, 7), EXIT};
	struct vm_load load = {.prog_type = BPF_PROG_TYPE_XDP, .insns = good, .insn_cnt = 2};
	struct vm_prog *prog;
	int ok = !vm_load(&load, &prog) && !vm_prog_compile(prog, VM_JIT_ON);

	point(ok && !has_writable_code(), "compiled code is on pages that cannot be written");
	vm_free(prog);
}

/* The comparison must notice what it is for. */
static void canary(void)
{
	struct outcome a, b;

	run_in(VM_JIT_ON, 0, hostiles[0].insns, &a);
	run_in(VM_JIT_ON, 0, hostiles[1].insns, &b);
	point(!is_same(&a, &b), "another sentence is noticed (canary)");
}

int main(void)
{
	maps_make();
	for (size_t i = 0; i < HOSTILES; i++)
		hostile_check(&hostiles[i]);
	pages_check();
	canary();
	for (int i = 0; i < MAPS; i++)
		bpfmap_close(maps[i]);
	printf("1..%u\n# figure: hostile programs stopped alike by both engines = %zu programs\n",
	       points, HOSTILES);
	return failed != 0;
}
