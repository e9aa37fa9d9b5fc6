/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operations.c: each operation TIMES times in a function of its own, whose instructions callgrind counts
 * (tests/budget/measure). Seeds are zero and keys fixed, so counts are the same each time. Their errors are
 * not looked at, because that would be counted; the state in the end is verified.
 */
#include <bpfmap/bpfmap.h>
#include <bpfmap/program.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bpf/command.h"

#define TIMES 1000u

static struct {
	struct bpfmap *hash8;
	struct bpfmap *hash16;
	struct bpfmap *growing;
	struct bpfmap *array;
	struct bpfmap *percpu;
	struct bpfmap *bloom;
	struct bpfmap *lru;
	uint64_t key8[2 * TIMES];
	uint64_t key16[2 * TIMES][2];
	uint64_t next;
	uint64_t value[8];
	int loop;
	int flow;
	struct bpfmap_prog *empty;
	struct bpfmap_packet packet;
	uint32_t verdict;
} world;

#define use(x) __asm__ volatile("" : : "r"(x))

static void die(const char *what)
{
	fprintf(stderr, "operations: %s: %s\n", what, bpfmap_last_error());
	exit(1);
}

static struct bpfmap *map_new(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t flags)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = key_size,
					  .value_size = value_size,
					  .max_entries = TIMES,
					  .map_flags = flags};
	struct bpfmap *map;

	if (type == BPF_MAP_TYPE_HASH)
		opts.max_entries *= 2;
	if (bpfmap_create(&opts, &map))
		die("create");
	return map;
}

#define INSN(opcode, dst, src, offset, value)                                          \
	{                                                                              \
		.code = (opcode), .dst_reg = (dst), .src_reg = (src), .off = (offset), \
		.imm = (value)                                                         \
	}

static int program_load(const struct bpf_insn *instructions, uint32_t count)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)instructions;
	attr.insn_cnt = count;
	attr.license = (uintptr_t) "GPL";
	fd = (int)bpfmap_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		die("load");
	return fd;
}

/* A loop of two instructions, which is run TIMES / 2 times, and three more. */
static int loop_load(void)
{
	static const struct bpf_insn instructions[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, TIMES / 2),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, -1),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, -2, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return program_load(instructions, sizeof(instructions) / sizeof(instructions[0]));
}

/* 16 instructions: a bounds check, a field of the packet as key, a lookup that finds it, a counter. */
static int flow_load(void)
{
	static const uint32_t key = 0;
	static const uint64_t value = 0;
	union bpf_attr attr;
	int map;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = sizeof(key);
	attr.value_size = sizeof(value);
	attr.max_entries = TIMES;
	attr.map_flags = BPF_F_ZERO_SEED;
	map = (int)bpfmap_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	if (map < 0 || bpfmap_bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)))
		die("map of the program");

	const struct bpf_insn instructions[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, 6, 1, offsetof(struct xdp_md, data), 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 7, 1, offsetof(struct xdp_md, data_end), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, 34),
		INSN(BPF_JMP | BPF_JGT | BPF_X, 2, 7, 9, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 6, 26, 0),
		INSN(BPF_STX | BPF_MEM | BPF_W, 10, 3, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 0),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 6, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return program_load(instructions, sizeof(instructions) / sizeof(instructions[0]));
}

static void program_run(int program, uint32_t times)
{
	static char packet[64];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)program;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = times;
	if (bpfmap_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)))
		die("test run");
}

/* What a run takes beyond the program. */
static void empty_load(void)
{
	static const struct bpf_insn instructions[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static uint8_t bytes[64];
	struct bpfmap_prog_spec spec = {.sz = sizeof(spec),
					.insns = instructions,
					.insn_cnt = 2,
					.type = BPF_PROG_TYPE_XDP};

	world.packet = (struct bpfmap_packet){.sz = sizeof(world.packet),
					      .buf = bytes,
					      .buf_size = sizeof(bytes),
					      .len = sizeof(bytes)};
	if (bpfmap_prog_load(&spec, &world.empty) ||
	    bpfmap_prog_run(world.empty, NULL, &world.packet, &world.verdict))
		die("empty program");
}

static void world_make(void)
{
	uint64_t x = 1;

	for (uint32_t i = 0; i < 2 * TIMES; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		world.key8[i] = x >> 8;
		world.key16[i][0] = x >> 8;
		world.key16[i][1] = i;
	}
	world.hash8 = map_new(BPF_MAP_TYPE_HASH, 8, 8, BPF_F_ZERO_SEED);
	world.hash16 = map_new(BPF_MAP_TYPE_HASH, 16, 64, BPF_F_ZERO_SEED);
	world.growing = map_new(BPF_MAP_TYPE_HASH, 8, 8, BPF_F_ZERO_SEED | BPF_F_NO_PREALLOC);
	world.array = map_new(BPF_MAP_TYPE_ARRAY, 4, 64, 0);
	world.percpu = map_new(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 64, 0);
	world.bloom = map_new(BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, BPF_F_ZERO_SEED);
	world.lru = map_new(BPF_MAP_TYPE_LRU_HASH, 8, 8, BPF_F_ZERO_SEED);
	world.loop = loop_load();
	world.flow = flow_load();
	empty_load();
	for (uint32_t i = 0; i < TIMES; i++)
		if (bpfmap_update(world.hash8, &world.key8[i], world.value, BPF_ANY) ||
		    bpfmap_update(world.hash16, world.key16[i], world.value, BPF_ANY) ||
		    bpfmap_update(world.lru, &world.key8[i], world.value, BPF_ANY))
			die("fill");
	/* What happens only the first time is not counted. */
	if (bpfmap_cpu_enter(world.percpu) < 0)
		die("enter");
	bpfmap_cpu_leave(world.percpu);
	program_run(world.loop, 100);
	program_run(world.flow, TIMES);
}

static void entries_expect(struct bpfmap *map, const char *what, uint64_t entries)
{
	struct bpfmap_info info;

	if (bpfmap_get_info(map, &info))
		die(what);
	if (info.entries == entries)
		return;
	fprintf(stderr, "operations: %s: %llu entries in the end, not %llu\n", what,
		(unsigned long long)info.entries, (unsigned long long)entries);
	exit(1);
}

#define OPERATION(name, statement)                                         \
	static __attribute__((noinline, noclone)) void budget_##name(void) \
	{                                                                  \
		for (uint32_t i = 0; i < TIMES; i++)                       \
			statement;                                         \
	}
#include "operations.def"
#undef OPERATION

int main(void)
{
	world_make();
#define OPERATION(name, statement) budget_##name();
#include "operations.def"
#undef OPERATION
	entries_expect(world.hash8, "hash_8_8", 0);
	entries_expect(world.hash16, "hash_16_64", TIMES);
	entries_expect(world.growing, "growing", TIMES);
	entries_expect(world.lru, "lru", TIMES);
	return 0;
}
