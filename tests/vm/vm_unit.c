/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vm_unit.c: the program loader's refusals, the memory and context rules, helpers, budget, calls
 * and callbacks. What each instruction computes is isa_test.c's matter.
 *
 * Maps are the smallest possible ones, kept here, so that a failure is the interpreter's.
 */
#include "isa_insn.h"
#include "jit_switch.h"

#include "base/error.h"
#include "map/map.h"
#include "vm/vm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/btf.h>
#include <linux/if_ether.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROG(...)    (struct bpf_insn[]){__VA_ARGS__}, COUNT(((struct bpf_insn[]){__VA_ARGS__}))

/* ---- a map of at most FAKE_ROOM elements: u32 keys, 16-byte values -------------------------- */

#define FAKE_ROOM 200

struct fake {
	struct bpfmap map; /* first: the ops get this address */
	uint32_t keys[FAKE_ROOM];
	uint8_t present[FAKE_ROOM];
	uint64_t values[FAKE_ROOM][2];
	int references; /* taken by a program */
};

static int fake_slot(const struct fake *fake, const void *key)
{
	uint32_t wanted;

	memcpy(&wanted, key, sizeof(wanted));
	for (int i = 0; i < FAKE_ROOM; i++)
		if (fake->present[i] && fake->keys[i] == wanted)
			return i;
	return -1;
}

static void *fake_lookup(struct bpfmap *map, const void *key)
{
	struct fake *fake = (struct fake *)map;
	int slot = fake_slot(fake, key);

	return slot < 0 ? NULL : fake->values[slot];
}

static int fake_update(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	struct fake *fake = (struct fake *)map;
	int slot = fake_slot(fake, key);

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (slot >= 0 && flags == BPF_NOEXIST)
		return -EEXIST;
	for (int i = 0; slot < 0 && i < FAKE_ROOM; i++)
		if (!fake->present[i])
			slot = i;
	fake->present[slot] = 1;
	memcpy(&fake->keys[slot], key, sizeof(fake->keys[slot]));
	memcpy(fake->values[slot], value, sizeof(fake->values[slot]));
	return 0;
}

static int fake_delete(struct bpfmap *map, const void *key)
{
	struct fake *fake = (struct fake *)map;
	int slot = fake_slot(fake, key);

	if (slot < 0)
		return -ENOENT;
	fake->present[slot] = 0;
	return 0;
}

static int fake_next_key(struct bpfmap *map, const void *key, void *ret_next)
{
	struct fake *fake = (struct fake *)map;

	for (int i = key ? fake_slot(fake, key) + 1 : 0; i < FAKE_ROOM; i++) {
		if (fake->present[i]) {
			memcpy(ret_next, &fake->keys[i], sizeof(fake->keys[i]));
			return 0;
		}
	}
	return -ENOENT;
}

/* Two buckets: one element, and all the others. */
static int fake_read_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
			    uint32_t *count)
{
	struct fake *fake = (struct fake *)map;
	int from = *cursor ? 1 : 0;
	int to = *cursor ? FAKE_ROOM : 1;
	uint32_t found = 0;

	if (*cursor > 1)
		return -ENOENT;
	for (int i = from; i < to; i++)
		found += fake->present[i];
	if (found > *count) {
		*count = found;
		return -ENOSPC;
	}
	*count = 0;
	for (int i = from; i < to; i++) {
		if (!fake->present[i])
			continue;
		memcpy((uint32_t *)keys + *count, &fake->keys[i], sizeof(fake->keys[i]));
		memcpy((uint8_t *)values + *count * 16, fake->values[i], 16);
		++*count;
	}
	++*cursor;
	return 0;
}

static bool fake_is_value(const struct bpfmap *map, const void *addr, size_t len)
{
	const struct fake *fake = (const struct fake *)map;
	uintptr_t off = (uintptr_t)addr - (uintptr_t)fake->values;

	return off < sizeof(fake->values) && off % 16 + len <= 16;
}

#define FAKE_ELEMENT_OPS                                                          \
	.lookup = fake_lookup, .update = fake_update, .delete_elem = fake_delete, \
	.next_key = fake_next_key, .is_value = fake_is_value

static const struct map_ops bucket_ops = {FAKE_ELEMENT_OPS, .read_bucket = fake_read_bucket};
static const struct map_ops key_ops = {FAKE_ELEMENT_OPS};
static const struct map_ops queue_ops = {.is_value = fake_is_value};

/* ---- fixture: one program, three maps named by index ---------------------------------------- */

enum { HASH_MAP, GLOBAL_MAP, OTHER_MAP, MAP_COUNT };

static struct {
	struct fake maps[MAP_COUNT];
	struct vm_prog *prog;
	uint8_t buf[512];
	struct vm_packet packet;
	struct __sk_buff skb;
	char log[512];
	char lines[512];
	struct vm_env env;
	uint32_t ret;
} t;

static void print(void *arg, const char *line)
{
	strncat(t.lines, line, sizeof(t.lines) - strlen(t.lines) - 2);
	strcat(t.lines, "|");
}

/* The fake maps' operations are counted here. */
static struct owner_table_shm fake_owners;
static struct region fake_region;

static int fake_reserve(void *arg, uint64_t off, uint64_t len)
{
	(void)arg, (void)off, (void)len;
	return 0;
}

static int setup(void **state)
{
	if (!fake_region.owners.shm &&
	    owner_table_open(&fake_region.owners, &fake_owners, -1, fake_reserve, NULL))
		return -1;
	memset(&t, 0, sizeof(t));
	for (int i = 0; i < MAP_COUNT; i++) {
		t.maps[i].map.ops = &bucket_ops;
		t.maps[i].map.head.lookup = fake_lookup;
		t.maps[i].map.region = &fake_region;
		t.maps[i].map.spec = (struct map_spec){.type = BPF_MAP_TYPE_HASH,
						       .key_size = 4,
						       .value_size = 16,
						       .max_entries = FAKE_ROOM};
	}
	t.maps[GLOBAL_MAP].map.spec.type = BPF_MAP_TYPE_ARRAY;
	t.maps[GLOBAL_MAP].map.spec.max_entries = 1;
	t.maps[GLOBAL_MAP].present[0] = 1;
	t.packet = (struct vm_packet){.buf = t.buf, .buf_size = 400, .off = 256, .len = 64};
	for (uint32_t i = 0; i < t.packet.len; i++)
		t.buf[256 + i] = (uint8_t)i;
	t.env.print = print;
	return 0;
}

static int teardown(void **state)
{
	vm_free(t.prog);
	for (int i = 0; i < MAP_COUNT; i++)
		assert_int_equal(t.maps[i].references, 0);
	return 0;
}

static int source_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	if (map_fd < 0 || map_fd >= MAP_COUNT)
		return (fail)(EBADF, "no such map"); /* cmocka has a macro of that name */
	t.maps[map_fd].references++;
	*ret_map = &t.maps[map_fd].map;
	return 0;
}

static void source_put(void *arg, struct bpfmap *map)
{
	((struct fake *)map)->references--;
}

static struct vm_load load_of(uint32_t type, const struct bpf_insn *insns, size_t count)
{
	return (struct vm_load){.prog_type = type,
				.insns = insns,
				.insn_cnt = (uint32_t)count,
				.maps = {.get = source_get, .put = source_put},
				.log = t.log,
				.log_size = sizeof(t.log)};
}

static int load_as(uint32_t type, const struct bpf_insn *insns, size_t count)
{
	struct vm_load load = load_of(type, insns, count);

	vm_free(t.prog);
	t.prog = NULL;
	return jit_switch_load(&load, &t.prog);
}

static void assert_sentence(const char *part)
{
	if (!strstr(error_sentence(), part))
		fail_msg("\"%s\" lacks \"%s\"", error_sentence(), part);
}

/* Refused at load, with the sentence in the log too. */
static void refused(int err, const char *part, const struct bpf_insn *insns, size_t count)
{
	assert_int_equal(load_as(BPF_PROG_TYPE_XDP, insns, count), -err);
	assert_sentence(part);
	assert_non_null(strstr(t.log, part));
}

static int run_as(uint32_t type, const struct bpf_insn *insns, size_t count)
{
	if (load_as(type, insns, count))
		fail_msg("load: %s", error_sentence());
	if (type == BPF_PROG_TYPE_SYSCALL)
		return vm_run_syscall(t.prog, &t.env, t.buf, 16, &t.ret);
	if (type == BPF_PROG_TYPE_XDP)
		return vm_run_packet(t.prog, &t.env, &t.packet, NULL, 0, &t.ret);
	return vm_run_packet(t.prog, &t.env, &t.packet, &t.skb, sizeof(t.skb), &t.ret);
}

static void returns_as(uint32_t type, uint32_t expected, const struct bpf_insn *insns, size_t count)
{
	if (run_as(type, insns, count))
		fail_msg("run: %s", error_sentence());
	assert_int_equal(t.ret, expected);
}

static void returns(uint32_t expected, const struct bpf_insn *insns, size_t count)
{
	returns_as(BPF_PROG_TYPE_XDP, expected, insns, count);
}

static void ends_as(uint32_t type, int err, const char *part, const struct bpf_insn *insns,
		    size_t count)
{
	assert_int_equal(run_as(type, insns, count), -err);
	assert_sentence(part);
	assert_sentence("insn ");
}

static void ends(int err, const char *part, const struct bpf_insn *insns, size_t count)
{
	ends_as(BPF_PROG_TYPE_XDP, err, part, insns, count);
}

static void put(int map, uint32_t key, uint64_t first)
{
	uint64_t value[2] = {first, 0};

	assert_int_equal(fake_update(&t.maps[map].map, &key, value, 0), 0);
}

static const struct fake *hash_map(void)
{
	return &t.maps[HASH_MAP];
}

/* R1 = map, R2 = address of the u32 key on the stack at -4. */
#define KEY_ARGS(map, key) ST(BPF_W, FP, -4, key), LD_MAP(R1, map), MOV_REG(R2, FP), ADD_IMM(R2, -4)
#define CLS		   BPF_PROG_TYPE_SCHED_CLS
#define FILTER		   BPF_PROG_TYPE_SOCKET_FILTER

/* What a load of some bytes gives: the machine's order is the programs' order. */
static uint64_t loaded(const void *bytes, size_t size)
{
	uint64_t whole;
	uint32_t word;
	uint16_t half;

	switch (size) {
	case sizeof(half): memcpy(&half, bytes, size); return half;
	case sizeof(word): memcpy(&word, bytes, size); return word;
	default: memcpy(&whole, bytes, sizeof(whole)); return whole;
	}
}

static uint32_t packet_word(uint32_t off)
{
	return (uint32_t)loaded(t.buf + 256 + off, 4);
}

/* ---- refused at load --------------------------------------------------------------------- */

static void vm__empty_program_is_refused_at_load(void **state)
{
	assert_int_equal(load_as(BPF_PROG_TYPE_XDP, PROG(EXIT)), 0);
	assert_int_equal(load_as(BPF_PROG_TYPE_XDP, NULL, 0), -E2BIG);
}

static void vm__unknown_program_type_is_refused_at_load(void **state)
{
	assert_int_equal(load_as(BPF_PROG_TYPE_KPROBE, PROG(EXIT)), -EINVAL);
	assert_sentence("type kprobe (2)");
}

static void vm__unknown_opcode_is_refused_at_load(void **state)
{
	refused(EINVAL, "insn 1: unknown opcode 0xff", PROG(MOV_IMM(R0, 0), RAW(0xff, 0, 0, 0, 0)));
	refused(EINVAL, "may_goto", PROG(RAW(0xe5, 0, 0, 0, 0), MOV_IMM(R0, 0), EXIT));
	refused(EINVAL, "unknown opcode 0x00", PROG(RAW(0, 0, 0, 0, 0), EXIT));
}

static void vm__unknown_variant_is_refused_at_load(void **state)
{
	refused(EINVAL, "is not an instruction", PROG(RAW(0x37, 0, 0, 2, 1), EXIT));
	refused(EINVAL, "is not an instruction", PROG(RAW(0xbc, 0, 0, 32, 0), EXIT));
	refused(EINVAL, "is not an instruction", PROG(RAW(0xdc, 0, 0, 0, 8), EXIT));
	refused(EINVAL, "is not an instruction", PROG(LOCKED(BPF_DW, 0x60, FP, R0, -8), EXIT));
}

static void vm__reserved_field_is_refused_at_load(void **state)
{
	refused(EINVAL, "reserved field", PROG(RAW(0xb7, 0, 1, 0, 0), EXIT));
	refused(EINVAL, "reserved field", PROG(RAW(0xbf, 0, 1, 0, 5), EXIT));
	refused(EINVAL, "reserved field", PROG(RAW(0x05, 1, 0, 0, 0), EXIT));
	refused(EINVAL, "reserved field", PROG(RAW(0x95, 0, 0, 0, 1)));
	refused(EINVAL, "reserved field", PROG(RAW(0x61, 0, 1, 0, 7), EXIT));
	refused(EINVAL, "reserved field", PROG(RAW(0x85, 1, 0, 0, 5), EXIT));
}

static void vm__register_above_R10_is_refused_at_load(void **state)
{
	refused(EINVAL, "R11", PROG(MOV_IMM(11, 0), EXIT));
	refused(EINVAL, "R15", PROG(MOV_REG(R0, 15), EXIT));
}

static void vm__write_to_R10_is_refused_at_load(void **state)
{
	refused(EACCES, "R10", PROG(MOV_IMM(FP, 0), EXIT));
	refused(EACCES, "R10", PROG(LDX(BPF_DW, FP, R1, 0), EXIT));
	refused(EACCES, "R10", PROG(LOCKED(BPF_DW, BPF_ADD | BPF_FETCH, R1, FP, 0), EXIT));
	refused(EACCES, "R10", PROG(LD_IMM64(FP, 1), EXIT));
}

static void vm__division_by_immediate_zero_is_refused_at_load(void **state)
{
	refused(EINVAL, "division", PROG(ALU64_IMM(BPF_DIV, R0, 0), EXIT));
	refused(EINVAL, "division", PROG(ALU32_IMM(BPF_MOD, R0, 0), EXIT));
}

static void vm__shift_beyond_the_width_is_refused_at_load(void **state)
{
	refused(EINVAL, "shift by 64", PROG(LSH_IMM(R0, 64), EXIT));
	refused(EINVAL, "shift by 32", PROG(ALU32_IMM(BPF_RSH, R0, 32), EXIT));
	refused(EINVAL, "shift by -1", PROG(ALU64_IMM(BPF_ARSH, R0, -1), EXIT));
}

static void vm__jump_out_of_program_is_refused_at_load(void **state)
{
	refused(EINVAL, "insn 0 (goto insn 6): jump to insn 6, outside", PROG(JA(5), EXIT));
	refused(EINVAL, "jump to insn -2", PROG(JA(-3), EXIT));
	refused(EINVAL, "outside", PROG(GOTOL(70000), EXIT));
	refused(EINVAL, "outside", PROG(JMP_IMM(BPF_JEQ, R0, 0, 1), EXIT));
}

static void vm__jump_into_a_64_bit_load_is_refused_at_load(void **state)
{
	refused(EINVAL, "second half", PROG(JA(1), LD_IMM64(R0, 1), EXIT));
}

static void vm__half_a_64_bit_load_is_refused_at_load(void **state)
{
	refused(EINVAL, "second half", PROG(RAW(0x18, 0, 0, 0, 1)));
	refused(EINVAL, "second half", PROG(RAW(0x18, 0, 0, 0, 1), EXIT));
}

static void vm__falling_off_the_end_is_refused_at_load(void **state)
{
	refused(EINVAL, "falls off", PROG(MOV_IMM(R0, 0)));
	refused(EINVAL, "falls off", PROG(MOV_IMM(R0, 0), LD_IMM64(R1, 0)));
	refused(EINVAL, "falls off", PROG(CALL_LOCAL(1), MOV_IMM(R0, 0), EXIT));
	refused(EINVAL, "falls off", PROG(JMP_IMM(BPF_JEQ, R0, 0, -1)));
}

static void vm__jump_into_another_subprogram_is_refused_at_load(void **state)
{
	refused(EINVAL, "outside its subprogram",
		PROG(CALL_LOCAL(2), JMP_IMM(BPF_JEQ, R0, 0, 1), EXIT, MOV_IMM(R0, 1), EXIT));
}

static void vm__unknown_helper_is_refused_by_number(void **state)
{
	refused(EINVAL, "unknown helper 7777", PROG(CALL(7777), EXIT));
	refused(EINVAL, "unknown helper -1", PROG(CALL(-1), EXIT));
}

static void vm__unsupported_helper_is_refused_by_name(void **state)
{
	refused(EINVAL, "bpf_probe_read_kernel (113) is not supported", PROG(CALL(113), EXIT));
}

static void vm__helper_of_another_program_type_is_refused(void **state)
{
	refused(EINVAL, "bpf_skb_load_bytes (26) is not available", PROG(CALL(26), EXIT));
	assert_int_equal(load_as(CLS, PROG(CALL(44), EXIT)), -EINVAL);
	assert_int_equal(load_as(FILTER, PROG(CALL(9), EXIT)), -EINVAL);
	assert_int_equal(load_as(BPF_PROG_TYPE_SYSCALL, PROG(CALL(28), EXIT)), -EINVAL);
}

static void vm__kfunc_and_ksym_are_refused_by_name(void **state)
{
	refused(EINVAL, "kfunc", PROG(RAW(0x85, 0, 2, 0, 1), EXIT));
	refused(EINVAL, "kernel variables", PROG(LD_PAIR(R1, BPF_PSEUDO_BTF_ID, 1, 0), EXIT));
}

static void vm__unknown_map_fd_is_refused_with_the_sources_errno(void **state)
{
	refused(EBADF, "map fd 9: no such map", PROG(LD_MAP(R1, 9), EXIT));
}

static void vm__map_index_without_fd_array_is_refused(void **state)
{
	refused(EINVAL, "fd_array", PROG(LD_PAIR(R1, BPF_PSEUDO_MAP_IDX, 0, 0), EXIT));
}

static void vm__map_index_counts_into_fd_array(void **state)
{
	const struct bpf_insn insns[] = {LD_PAIR(R1, BPF_PSEUDO_MAP_IDX_VALUE, 1, 8),
					 LDX(BPF_DW, R0, R1, 0), EXIT};
	const struct bpf_insn beyond[] = {LD_PAIR(R1, BPF_PSEUDO_MAP_IDX, 2, 0), EXIT};
	const int fds[] = {HASH_MAP, GLOBAL_MAP};
	struct vm_load load = load_of(BPF_PROG_TYPE_XDP, insns, COUNT(insns));

	load.fd_array = fds;
	load.fd_array_cnt = COUNT(fds);
	t.maps[GLOBAL_MAP].values[0][1] = 77;
	assert_int_equal(jit_switch_load(&load, &t.prog), 0);
	assert_int_equal(vm_run_packet(t.prog, NULL, &t.packet, NULL, 0, &t.ret), 0);
	assert_int_equal(t.ret, 77);
	vm_free(t.prog);
	t.prog = NULL;
	load.insns = beyond;
	load.insn_cnt = COUNT(beyond);
	assert_int_equal(jit_switch_load(&load, &t.prog), -EINVAL);
}

static void vm__value_address_needs_an_array_of_one(void **state)
{
	refused(EINVAL, "not an ARRAY", PROG(LD_VALUE(R1, HASH_MAP, 0), EXIT));
	refused(EINVAL, "offset 16", PROG(LD_VALUE(R1, GLOBAL_MAP, 16), EXIT));
	t.maps[GLOBAL_MAP].map.spec.max_entries = 2;
	refused(E524, "exactly one", PROG(LD_VALUE(R1, GLOBAL_MAP, 0), EXIT));
}

static void vm__stack_access_outside_the_frame_is_refused_at_load(void **state)
{
	refused(EACCES, "R10-516", PROG(ST(BPF_W, FP, -516, 0), EXIT));
	refused(EACCES, "R10+0", PROG(LDX(BPF_B, R0, FP, 0), EXIT));
	refused(EACCES, "R10-4", PROG(STX(BPF_DW, FP, R0, -4), EXIT));
	refused(EACCES, "R10+4",
		PROG(MOV_REG(R1, FP), ADD_IMM(R1, -4), LDX(BPF_W, R0, R1, 8), EXIT));
}

static void vm__call_chain_with_more_than_512_bytes_is_refused(void **state)
{
	refused(EACCES, "528 bytes",
		PROG(ST(BPF_B, FP, -512, 0), CALL_LOCAL(1), EXIT, ST(BPF_B, FP, -1, 0), EXIT));
	assert_int_equal(load_as(BPF_PROG_TYPE_XDP, PROG(ST(BPF_B, FP, -496, 0), CALL_LOCAL(1),
							 EXIT, ST(BPF_B, FP, -1, 0), EXIT)),
			 0);
}

/* A chain of subprograms, each calling the next. */
static int load_chain(uint32_t frames)
{
	struct bpf_insn insns[64];
	uint32_t count = 0;

	for (uint32_t i = 1; i < frames; i++) {
		insns[count++] = CALL_LOCAL(1);
		insns[count++] = EXIT;
	}
	insns[count++] = MOV_IMM(R0, 5);
	insns[count++] = EXIT;
	return load_as(BPF_PROG_TYPE_XDP, insns, count);
}

static void vm__nine_frames_are_refused_at_load(void **state)
{
	assert_int_equal(load_chain(8), 0);
	assert_int_equal(vm_run_packet(t.prog, NULL, &t.packet, NULL, 0, &t.ret), 0);
	assert_int_equal(t.ret, 5);
	assert_int_equal(load_chain(9), -E2BIG);
	assert_sentence("9 frames");
}

static void vm__recursion_is_refused_at_load(void **state)
{
	refused(EINVAL, "recursive", PROG(CALL_LOCAL(-1), EXIT));
	refused(EINVAL, "recursive",
		PROG(CALL_LOCAL(1), EXIT, LD_FUNC(R2, -1), MOV_IMM(R0, 0), EXIT));
}

static void vm__update_of_a_read_only_map_is_refused_at_load(void **state)
{
	t.maps[HASH_MAP].map.spec.map_flags = BPF_F_RDONLY_PROG;
	refused(EACCES, "read-only for programs",
		PROG(KEY_ARGS(HASH_MAP, 1), MOV_REG(R3, FP), MOV_IMM(R4, 0), CALL(2), EXIT));
	refused(EACCES, "bpf_map_delete_elem", PROG(KEY_ARGS(HASH_MAP, 1), CALL(3), EXIT));
}

static void vm__helper_that_the_type_lacks_is_refused_at_load(void **state)
{
	t.maps[HASH_MAP].map.ops = &queue_ops;
	refused(EINVAL, "bpf_map_lookup_elem", PROG(KEY_ARGS(HASH_MAP, 1), CALL(1), EXIT));
	refused(E524, "bpf_for_each_map_elem", PROG(LD_MAP(R1, HASH_MAP), CALL(164), EXIT));
}

static void vm__random_bytes_never_crash_the_loader(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull;

	for (int round = 0; round < 20000; round++) {
		struct bpf_insn insns[8];
		uint8_t *bytes = (uint8_t *)insns;

		for (size_t i = 0; i < sizeof(insns); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			/* Mostly small numbers, so that some of it is accepted. */
			bytes[i] = (uint8_t)(seed >> 32) & (i % 8 && seed & 64 ? 3 : 255);
		}
		insns[7] = EXIT;
		t.env.insn_budget = 1000;
		if (!load_as(BPF_PROG_TYPE_XDP, insns, 8))
			vm_run_packet(t.prog, &t.env, &t.packet, NULL, 0, &t.ret);
		t.packet.off = 256;
		t.packet.len = 64;
		t.packet.meta_len = 0;
	}
}

/* ---- source lines -------------------------------------------------------------------------- */

struct tiny_btf {
	struct btf_header hdr;
	char strings[32];
};

static int load_with_lines(struct tiny_btf *btf, uint32_t btf_size, uint32_t file_off)
{
	static const struct bpf_insn insns[] = {MOV_IMM(R1, 0), LDX(BPF_W, R0, R1, 0), EXIT};
	struct bpf_line_info infos[] = {{0, file_off, 0, 33 << 10}, {1, file_off, 0, 34 << 10 | 5}};
	struct vm_load load = load_of(BPF_PROG_TYPE_XDP, insns, COUNT(insns));

	load.btf = btf;
	load.btf_size = btf_size;
	load.line_info = infos;
	load.line_info_cnt = COUNT(infos);
	load.line_info_rec_size = sizeof(infos[0]);
	vm_free(t.prog);
	t.prog = NULL;
	assert_int_equal(jit_switch_load(&load, &t.prog), 0);
	return vm_run_packet(t.prog, NULL, &t.packet, NULL, 0, &t.ret);
}

static void vm__sentence_names_the_source_line(void **state)
{
	struct tiny_btf btf = {.hdr = {.magic = BTF_MAGIC,
				       .version = 1,
				       .hdr_len = sizeof(btf.hdr),
				       .str_len = sizeof(btf.strings)},
			       .strings = "\0src/flows.bpf.c"};

	assert_int_equal(load_with_lines(&btf, sizeof(btf), 1), -EFAULT);
	assert_sentence(
		"insn 1 (flows.bpf.c:34, r0 = *(u32 *)(r1 +0)): read of 4 bytes at 0x0 is outside");
	assert_sentence("NULL pointer");
}

static void vm__malformed_btf_only_loses_the_lines(void **state)
{
	struct tiny_btf good = {.hdr = {.magic = BTF_MAGIC,
					.version = 1,
					.hdr_len = sizeof(good.hdr),
					.str_len = sizeof(good.strings)},
				.strings = "\0f.c"};
	struct tiny_btf bad[] = {good, good, good, good};

	bad[0].hdr.magic = 1;
	bad[1].hdr.str_off = UINT32_MAX;
	bad[2].hdr.str_len = UINT32_MAX;
	bad[3].hdr.hdr_len = UINT32_MAX;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(load_with_lines(&bad[i], sizeof(bad[i]), 1), -EFAULT);
		assert_sentence("insn 1 (r0 = *(u32 *)(r1 +0)): read");
	}
	assert_int_equal(load_with_lines(&good, sizeof(good), 32), -EFAULT);
	assert_int_equal(load_with_lines(&good, 10, 1), -EFAULT);
	assert_sentence("insn 1 (r0 = *(u32 *)(r1 +0)): read");
}

/* ---- memory -------------------------------------------------------------------------------- */

static void vm__frame_is_zero_at_the_start(void **state)
{
	returns(0, PROG(LDX(BPF_DW, R0, FP, -512), LDX(BPF_DW, R1, FP, -8),
			ALU64_REG(BPF_OR, R0, R1), EXIT));
}

static void vm__null_pointer_ends_the_run(void **state)
{
	ends(EFAULT,
	     "insn 1 (r0 = *(u64 *)(r1 +0)): read of 8 bytes at 0x8 is outside stack, packet and "
	     "map values",
	     PROG(MOV_IMM(R1, 8), LDX(BPF_DW, R0, R1, 0), EXIT));
	ends(EFAULT, "write of 1 bytes", PROG(MOV_IMM(R1, 0), ST(BPF_B, R1, 0, 1), EXIT));
}

static void vm__wild_pointer_ends_the_run(void **state)
{
	ends(EFAULT, "outside", PROG(LD_IMM64(R1, -1ll), LDX(BPF_DW, R0, R1, 0), EXIT));
	ends(EFAULT, "outside", PROG(LD_IMM64(R1, -4ll), LDX(BPF_DW, R0, R1, 0), EXIT));
	ends(EFAULT, "outside",
	     PROG(MOV_REG(R2, R1), ADD_IMM(R2, 1 << 20), ST(BPF_B, R2, 0, 1), EXIT));
}

static void vm__computed_stack_address_outside_the_frame_ends_the_run(void **state)
{
	ends(EFAULT, "below the stack frame",
	     PROG(MOV_IMM(R2, -520), MOV_REG(R1, FP), ADD_REG(R1, R2), ST(BPF_DW, R1, 0, 1), EXIT));
	ends(EFAULT, "above the stack",
	     PROG(MOV_IMM(R2, 0), MOV_REG(R1, FP), ADD_REG(R1, R2), LDX(BPF_B, R0, R1, 0), EXIT));
	ends(EFAULT, "outside",
	     PROG(MOV_IMM(R2, -4), MOV_REG(R1, FP), ADD_REG(R1, R2), LDX(BPF_DW, R0, R1, 0), EXIT));
}

static void vm__callee_may_use_its_callers_stack_but_not_the_reverse(void **state)
{
	returns(9, PROG(MOV_REG(R1, FP), ADD_IMM(R1, -8), CALL_LOCAL(2), LDX(BPF_DW, R0, FP, -8),
			EXIT, ST(BPF_DW, R1, 0, 9), EXIT));
	ends(EFAULT, "below the stack frame",
	     PROG(CALL_LOCAL(2), LDX(BPF_DW, R0, R0, 0), EXIT, MOV_REG(R0, FP), ADD_IMM(R0, -8),
		  EXIT));
}

#define PACKET_POINTERS LDX(BPF_W, R2, R1, 0), LDX(BPF_W, R3, R1, 4)

static void vm__packet_is_accessible_between_data_and_data_end(void **state)
{
	returns(64, PROG(PACKET_POINTERS, MOV_REG(R0, R3), ALU64_REG(BPF_SUB, R0, R2), EXIT));
	returns(packet_word(60), PROG(PACKET_POINTERS, LDX(BPF_W, R0, R3, -4), EXIT));
	returns(7, PROG(PACKET_POINTERS, ST(BPF_B, R2, 0, 7), LDX(BPF_B, R0, R2, 0), EXIT));
	ends(EFAULT, "(0 bytes after the packet's end)",
	     PROG(PACKET_POINTERS, LDX(BPF_B, R0, R3, 0), EXIT));
	ends(EFAULT, "crosses the packet's end",
	     PROG(PACKET_POINTERS, LDX(BPF_W, R0, R3, -3), EXIT));
	ends(EFAULT, "1 bytes before the packet",
	     PROG(PACKET_POINTERS, LDX(BPF_B, R0, R2, -1), EXIT));
}

static void vm__value_is_accessible_to_its_last_byte(void **state)
{
	put(HASH_MAP, 1, 42);
	returns(42, PROG(KEY_ARGS(HASH_MAP, 1), CALL(1), LDX(BPF_DW, R0, R0, 0), EXIT));
	returns(0, PROG(KEY_ARGS(HASH_MAP, 1), CALL(1), LDX(BPF_B, R0, R0, 15), EXIT));
	ends(EFAULT, "outside", PROG(KEY_ARGS(HASH_MAP, 1), CALL(1), LDX(BPF_W, R0, R0, 14), EXIT));
	ends(EFAULT, "outside",
	     PROG(KEY_ARGS(HASH_MAP, 1), CALL(1), LDX(BPF_DW, R0, R0, -4), EXIT));
	ends(EFAULT, "NULL", PROG(KEY_ARGS(HASH_MAP, 2), CALL(1), LDX(BPF_W, R0, R0, 0), EXIT));
}

/* More values in use at once than ranges are remembered. */
static void vm__many_values_are_accessible_at_once(void **state)
{
	struct bpf_insn insns[128];
	uint32_t count = 0;

	insns[count++] = MOV_IMM(R6, 0);
	for (int32_t key = 1; key <= 8; key++) {
		const struct bpf_insn one[] = {KEY_ARGS(HASH_MAP, key), CALL(1),
					       STX(BPF_DW, FP, R0, -8 * (key + 1))};

		put(HASH_MAP, (uint32_t)key, (uint64_t)key);
		memcpy(&insns[count], one, sizeof(one));
		count += COUNT(one);
	}
	for (int key = 1; key <= 8; key++) {
		insns[count++] = LDX(BPF_DW, R1, FP, -8 * (key + 1));
		insns[count++] = LDX(BPF_DW, R1, R1, 0);
		insns[count++] = ADD_REG(R6, R1);
	}
	insns[count++] = MOV_REG(R0, R6);
	insns[count++] = EXIT;
	returns(36, insns, count);
}

static void vm__global_data_is_read_and_written(void **state)
{
	t.maps[GLOBAL_MAP].values[0][0] = 5;
	returns(6, PROG(LD_VALUE(R1, GLOBAL_MAP, 0), LDX(BPF_DW, R2, R1, 0), ADD_IMM(R2, 1),
			STX(BPF_DW, R1, R2, 0), LD_VALUE(R3, GLOBAL_MAP, 8), ST(BPF_B, R3, 7, 1),
			MOV_REG(R0, R2), EXIT));
	assert_int_equal(t.maps[GLOBAL_MAP].values[0][0], 6);
	assert_memory_equal(&t.maps[GLOBAL_MAP].values[0][1], "\0\0\0\0\0\0\0\1", 8);
	ends(EFAULT, "outside", PROG(LD_VALUE(R1, GLOBAL_MAP, 8), LDX(BPF_DW, R0, R1, 1), EXIT));
}

static void vm__read_only_data_refuses_stores(void **state)
{
	t.maps[GLOBAL_MAP].map.spec.map_flags = BPF_F_RDONLY_PROG;
	returns(0, PROG(LD_VALUE(R1, GLOBAL_MAP, 0), LDX(BPF_W, R0, R1, 0), EXIT));
	ends(EACCES, "read-only", PROG(LD_VALUE(R1, GLOBAL_MAP, 0), ST(BPF_B, R1, 0, 1), EXIT));
	ends(EACCES, "read-only",
	     PROG(LD_VALUE(R1, GLOBAL_MAP, 0), LDX(BPF_W, R0, R1, 0), ST(BPF_B, R1, 0, 1), EXIT));
}

static void vm__write_only_map_refuses_loads(void **state)
{
	t.maps[GLOBAL_MAP].map.spec.map_flags = BPF_F_WRONLY_PROG;
	returns(3, PROG(LD_VALUE(R1, GLOBAL_MAP, 0), ST(BPF_B, R1, 0, 1), MOV_IMM(R0, 3), EXIT));
	ends(EACCES, "WRONLY_PROG", PROG(LD_VALUE(R1, GLOBAL_MAP, 0), LDX(BPF_W, R0, R1, 0), EXIT));
}

static void vm__map_reference_is_not_memory(void **state)
{
	ends(EFAULT, "outside", PROG(LD_MAP(R1, HASH_MAP), LDX(BPF_DW, R0, R1, 0), EXIT));
}

static void vm__atomics_need_alignment_and_shared_memory(void **state)
{
	ends(EINVAL, "not a multiple of 8",
	     PROG(LD_VALUE(R1, GLOBAL_MAP, 4), MOV_IMM(R2, 1), LOCKED(BPF_DW, BPF_ADD, R1, R2, 0),
		  EXIT));
	ends(EACCES, "packet",
	     PROG(PACKET_POINTERS, LOCKED(BPF_DW, BPF_ADD, R2, R0, 0), MOV_IMM(R0, 0), EXIT));
	ends(EACCES, "context", PROG(LOCKED(BPF_W, BPF_ADD, R1, R0, 12), EXIT));
	returns(8, PROG(LD_VALUE(R1, GLOBAL_MAP, 8), MOV_IMM(R2, 8),
			LOCKED(BPF_W, BPF_ADD, R1, R2, 0), LDX(BPF_W, R0, R1, 0), EXIT));
}

static void vm__read_only_map_refuses_atomics(void **state)
{
	t.maps[GLOBAL_MAP].map.spec.map_flags = BPF_F_RDONLY_PROG;
	ends(EACCES, "read-only",
	     PROG(LD_VALUE(R1, GLOBAL_MAP, 0), MOV_IMM(R2, 1), LOCKED(BPF_DW, BPF_ADD, R1, R2, 0),
		  EXIT));
}

static void vm__sign_extending_load_works_on_every_memory(void **state)
{
	memset(t.maps[GLOBAL_MAP].values[0], 0x80, 1);
	returns(0xffffff80, PROG(LD_VALUE(R1, GLOBAL_MAP, 0), LDSX(BPF_B, R0, R1, 0), EXIT));
	returns(0xffffff80, PROG(LD_VALUE(R1, GLOBAL_MAP, 0), LDSX(BPF_B, R0, R1, 0),
				 LDSX(BPF_B, R0, R1, 0), EXIT));
}

/* ---- context ------------------------------------------------------------------------------- */

#define SKB(field) ((int)offsetof(struct __sk_buff, field))

static void vm__context_fields_come_from_the_packet(void **state)
{
	t.packet.ingress_ifindex = 3;
	t.packet.rx_queue_index = 4;
	returns(7, PROG(LDX(BPF_W, R0, R1, 12), LDX(BPF_W, R2, R1, 16), ADD_REG(R0, R2), EXIT));
}

static void vm__xdp_context_gives_only_its_fields(void **state)
{
	ends(EACCES, "offset 20 of the context", PROG(LDX(BPF_W, R0, R1, 20), EXIT));
	ends(EACCES, "load of 8 bytes at offset 0",
	     PROG(LDX(BPF_DW, R0, R1, 0), MOV_IMM(R0, 0), EXIT));
	ends(EACCES, "(data)", PROG(LDX(BPF_H, R0, R1, 0), EXIT));
	ends(EACCES, "store of 4 bytes", PROG(ST(BPF_W, R1, 16, 1), EXIT));
	ends(EFAULT, "outside", PROG(LDX(BPF_W, R0, R1, 24), EXIT));
}

static void vm__context_is_not_helper_memory(void **state)
{
	ends(EFAULT, "single fields", PROG(MOV_REG(R2, R1), LD_MAP(R1, HASH_MAP), CALL(1), EXIT));
}

static void vm__sk_buff_fields_load_in_part(void **state)
{
	static const uint8_t mark[] = {0x44, 0x33, 0x22, 0x11};

	memcpy(&t.skb.mark, mark, sizeof(mark));
	t.skb.cb[1] = 0x55667788;
	returns_as(CLS, (uint32_t)loaded(mark, 2), PROG(LDX(BPF_H, R0, R1, SKB(mark)), EXIT));
	returns_as(CLS, 0x11, PROG(LDX(BPF_B, R0, R1, SKB(mark) + 3), EXIT));
	returns_as(FILTER, 0x55667788, PROG(LDX(BPF_W, R0, R1, SKB(cb[1])), EXIT));
	returns_as(FILTER, 64, PROG(LDX(BPF_W, R0, R1, SKB(len)), EXIT));
	ends_as(CLS, EACCES, "len", PROG(LDX(BPF_H, R0, R1, SKB(len) + 1), EXIT));
	ends_as(CLS, EACCES, "no field", PROG(LDX(BPF_DW, R0, R1, SKB(sk)), EXIT));
	ends_as(CLS, EACCES, "no field", PROG(LDX(BPF_W, R0, R1, SKB(local_port)), EXIT));
}

static void vm__sk_buff_stores_follow_the_program_type(void **state)
{
	returns_as(CLS, 2,
		   PROG(ST(BPF_W, R1, SKB(mark), 9), ST(BPF_B, R1, SKB(cb[4]) + 3, 1),
			ST(BPF_DW, R1, SKB(tstamp), 5), MOV_IMM(R0, 2), EXIT));
	assert_int_equal(t.skb.mark, 9);
	assert_memory_equal(&t.skb.cb[4], "\0\0\0\1", 4);
	assert_int_equal(t.skb.tstamp, 5);
	returns_as(FILTER, 0, PROG(ST(BPF_W, R1, SKB(cb[0]), 9), MOV_IMM(R0, 0), EXIT));
	ends_as(FILTER, EACCES, "store", PROG(ST(BPF_W, R1, SKB(mark), 9), EXIT));
	ends_as(CLS, EACCES, "store", PROG(ST(BPF_H, R1, SKB(mark), 9), EXIT));
	ends_as(CLS, EACCES, "store", PROG(ST(BPF_W, R1, SKB(len), 9), EXIT));
}

static void vm__socket_filter_has_no_packet_pointers(void **state)
{
	ends_as(FILTER, EACCES, "no field", PROG(LDX(BPF_W, R0, R1, SKB(data)), EXIT));
	returns_as(CLS, 1, PROG(LDX(BPF_W, R2, R1, SKB(data)), LDX(BPF_B, R0, R2, 1), EXIT));
}

static void vm__protocol_comes_from_the_link_header(void **state)
{
	t.buf[256 + 12] = 0x08;
	t.buf[256 + 13] = 0x00;
	returns_as(CLS, htons(ETH_P_IP), PROG(LDX(BPF_W, R0, R1, SKB(protocol)), EXIT));
}

static void vm__syscall_context_is_plain_memory(void **state)
{
	t.buf[0] = 5;
	returns_as(BPF_PROG_TYPE_SYSCALL, 5,
		   PROG(LDX(BPF_B, R0, R1, 0), ST(BPF_DW, R1, 8, 3), EXIT));
	assert_int_equal(loaded(t.buf + 8, 8), 3);
	ends_as(BPF_PROG_TYPE_SYSCALL, EFAULT, "outside", PROG(LDX(BPF_W, R0, R1, 13), EXIT));
}

static void vm__packet_that_does_not_fit_its_buffer_is_refused(void **state)
{
	assert_int_equal(load_as(BPF_PROG_TYPE_XDP, PROG(EXIT)), 0);
	t.packet.len = 200;
	assert_int_equal(vm_run_packet(t.prog, NULL, &t.packet, NULL, 0, &t.ret), -EINVAL);
	t.packet.len = 10;
	t.packet.off = UINT32_MAX;
	assert_int_equal(vm_run_packet(t.prog, NULL, &t.packet, NULL, 0, &t.ret), -EINVAL);
}

/* ---- LD_ABS, LD_IND ------------------------------------------------------------------------ */

#define CLASSIC MOV_REG(R6, R1), MOV_IMM(R7, 8)

static void vm__ld_abs_reads_network_order(void **state)
{
	returns_as(CLS, 0x04050607, PROG(CLASSIC, LD_ABS(BPF_W, 4), EXIT));
	returns_as(FILTER, 0x0405, PROG(CLASSIC, LD_ABS(BPF_H, 4), EXIT));
	returns_as(FILTER, 12, PROG(CLASSIC, LD_IND(BPF_B, R7, 4), EXIT));
}

static void vm__ld_abs_outside_the_packet_ends_with_zero(void **state)
{
	returns_as(CLS, 0, PROG(CLASSIC, MOV_IMM(R0, 5), LD_ABS(BPF_W, 61), MOV_IMM(R0, 9), EXIT));
	returns_as(CLS, 0, PROG(CLASSIC, LD_IND(BPF_B, R7, 56), MOV_IMM(R0, 9), EXIT));
	returns_as(CLS, 0, PROG(CLASSIC, LD_ABS(BPF_B, -5), MOV_IMM(R0, 9), EXIT));
}

static void vm__ld_abs_negative_offsets_name_a_header(void **state)
{
	returns_as(CLS, 14, PROG(CLASSIC, LD_ABS(BPF_B, -0x100000), EXIT));
	returns_as(CLS, 3, PROG(CLASSIC, LD_ABS(BPF_B, -0x200000 + 3), EXIT));
	t.packet.off += 14;
	t.packet.len -= 14;
	t.packet.mac_len = 14;
	returns_as(FILTER, 0, PROG(CLASSIC, LD_ABS(BPF_B, -0x200000), EXIT));
	returns_as(FILTER, 14, PROG(CLASSIC, LD_ABS(BPF_B, 0), EXIT));
}

static void vm__ld_abs_needs_the_context_in_R6(void **state)
{
	ends_as(CLS, EINVAL, "R6", PROG(MOV_IMM(R6, 0), LD_ABS(BPF_B, 0), EXIT));
	assert_int_equal(load_as(BPF_PROG_TYPE_XDP, PROG(CLASSIC, LD_ABS(BPF_B, 0), EXIT)),
			 -EINVAL);
}

/* ---- budget, calls, callbacks -------------------------------------------------------------- */

static void vm__endless_loop_ends_with_the_budget(void **state)
{
	t.env.insn_budget = 1000;
	ends(ETIMEDOUT, "budget of 1000", PROG(JA(-1), EXIT));
	ends(ETIMEDOUT, "budget of 1000", PROG(MOV_IMM(R0, 1), JMP_IMM(BPF_JEQ, R0, 1, -2), EXIT));
}

static void vm__budget_is_exact(void **state)
{
	/* 1 + 10 x 2 + 1 instructions. */
	const struct bpf_insn insns[] = {MOV_IMM(R0, 10), ADD_IMM(R0, -1),
					 JMP_IMM(BPF_JNE, R0, 0, -2), EXIT};

	t.env.insn_budget = 22;
	returns(0, insns, COUNT(insns));
	t.env.insn_budget = 21;
	ends(ETIMEDOUT, "budget", insns, COUNT(insns));
}

static void vm__budget_counts_in_callbacks(void **state)
{
	t.env.insn_budget = 1000;
	ends(ETIMEDOUT, "budget of 1000",
	     PROG(MOV_IMM(R1, 1 << 20), LD_FUNC(R2, 5), MOV_IMM(R3, 0), MOV_IMM(R4, 0), CALL(181),
		  EXIT, MOV_IMM(R0, 0), EXIT));
}

static void vm__call_keeps_R6_to_R9_and_clears_arguments(void **state)
{
	returns(60, PROG(MOV_IMM(R6, 10), MOV_IMM(R9, 20), MOV_IMM(R1, 15), MOV_IMM(R2, 15),
			 CALL_LOCAL(5), ADD_REG(R0, R6), ADD_REG(R0, R9), ADD_REG(R0, R1),
			 ADD_REG(R0, R2), EXIT, MOV_IMM(R6, 1000), MOV_IMM(R9, 1000),
			 MOV_REG(R0, R1), ADD_REG(R0, R2), EXIT));
}

static void vm__callee_gets_its_own_zeroed_frame(void **state)
{
	returns(5,
		PROG(ST(BPF_DW, FP, -8, 5), CALL_LOCAL(3), LDX(BPF_DW, R1, FP, -8), ADD_REG(R0, R1),
		     EXIT, LDX(BPF_DW, R0, FP, -8), ST(BPF_DW, FP, -8, 77), EXIT));
}

static void vm__helper_clears_R1_to_R5(void **state)
{
	returns(0, PROG(MOV_IMM(R1, 1), MOV_IMM(R5, 5), CALL(7), MOV_REG(R0, R1), ADD_REG(R0, R2),
			ADD_REG(R0, R3), ADD_REG(R0, R4), ADD_REG(R0, R5), EXIT));
}

static void vm__loop_returns_its_iterations(void **state)
{
	/* The callback adds its index to the u64 at ctx and stops at index 6. */
	const struct bpf_insn body[] = {MOV_IMM(R1, 10),
					LD_FUNC(R2, 6),
					MOV_REG(R3, FP),
					ADD_IMM(R3, -8),
					MOV_IMM(R4, 0),
					CALL(181),
					EXIT,
					LDX(BPF_DW, R3, R2, 0),
					ADD_REG(R3, R1),
					STX(BPF_DW, R2, R3, 0),
					MOV_IMM(R0, 0),
					JMP_IMM(BPF_JLT, R1, 6, 1),
					MOV_IMM(R0, 1),
					EXIT};
	struct bpf_insn copy[COUNT(body)];

	returns(7, body, COUNT(body));
	memcpy(copy, body, sizeof(copy));
	copy[0].imm = 3;
	returns(3, copy, COUNT(copy));
	copy[0].imm = 0;
	returns(0, copy, COUNT(copy));
	copy[0].imm = (1 << 23) + 1;
	returns((uint32_t)-E2BIG, copy, COUNT(copy));
	copy[0].imm = 3;
	copy[5].imm = 1;
	returns((uint32_t)-EINVAL, copy, COUNT(copy));
}

static void vm__callback_must_be_a_function_of_the_program(void **state)
{
	ends(EINVAL, "argument 2 of bpf_loop() is not a function",
	     PROG(MOV_IMM(R1, 1), MOV_IMM(R2, 0), MOV_IMM(R4, 0), CALL(181), EXIT));
}

/* A callback that is handed on and runs deeper than the references show. */
static void vm__callback_frames_are_counted_while_running(void **state)
{
	ends(E2BIG, "frames",
	     PROG(LD_FUNC(R2, 6), MOV_IMM(R1, 1), MOV_REG(R3, R2), MOV_IMM(R4, 0), CALL(181), EXIT,
		  /* callback(i, ctx = itself) */
		  MOV_REG(R3, R2), MOV_IMM(R1, 1), MOV_IMM(R4, 0), CALL(181), EXIT));
}

static void vm__fault_in_a_callback_ends_the_run(void **state)
{
	ends(EFAULT, "insn 7 (r0 = *(u32 *)(r2 +0)): read",
	     PROG(MOV_IMM(R1, 5), LD_FUNC(R2, 5), MOV_IMM(R3, 0), MOV_IMM(R4, 0), CALL(181), EXIT,
		  LDX(BPF_W, R0, R2, 0), EXIT));
}

/* ---- map helpers --------------------------------------------------------------------------- */

static void vm__map_helpers_return_the_maps_results(void **state)
{
	const struct bpf_insn update[] = {KEY_ARGS(HASH_MAP, 7),
					  ST(BPF_DW, FP, -24, 99),
					  MOV_REG(R3, FP),
					  ADD_IMM(R3, -24),
					  MOV_IMM(R4, BPF_NOEXIST),
					  CALL(2),
					  EXIT};

	returns(0, update, COUNT(update));
	assert_int_equal(hash_map()->values[0][0], 99);
	returns((uint32_t)-EEXIST, update, COUNT(update));
	returns(0, PROG(KEY_ARGS(HASH_MAP, 7), CALL(3), EXIT));
	returns((uint32_t)-ENOENT, PROG(KEY_ARGS(HASH_MAP, 7), CALL(3), EXIT));
	returns(0, PROG(KEY_ARGS(HASH_MAP, 7), CALL(1), EXIT));
}

static void vm__map_argument_must_be_a_map_of_the_program(void **state)
{
	ends(EINVAL, "argument 1 of bpf_map_lookup_elem() is not a map",
	     PROG(MOV_IMM(R1, 1), MOV_REG(R2, FP), ADD_IMM(R2, -4), CALL(1), EXIT));
	ends(EINVAL, "not a map",
	     PROG(LD_MAP(R1, HASH_MAP), ADD_IMM(R1, 8), MOV_REG(R2, FP), ADD_IMM(R2, -4), CALL(1),
		  EXIT));
	ends(EINVAL, "not a map", PROG(MOV_REG(R2, FP), ADD_IMM(R2, -4), CALL(1), EXIT));
}

static void vm__key_and_value_arguments_are_checked(void **state)
{
	ends(EFAULT, "read of 4 bytes", PROG(LD_MAP(R1, HASH_MAP), MOV_IMM(R2, 0), CALL(1), EXIT));
	ends(EFAULT, "read of 16 bytes",
	     PROG(KEY_ARGS(HASH_MAP, 1), MOV_REG(R3, FP), ADD_IMM(R3, -8), MOV_IMM(R4, 0), CALL(2),
		  EXIT));
}

static void vm__update_of_a_read_only_map_is_refused_while_running(void **state)
{
	t.maps[HASH_MAP].map.spec.map_flags = BPF_F_RDONLY_PROG;
	/* A branch hides from the loader which map is in R1. */
	ends(EACCES, "read-only for programs",
	     PROG(KEY_ARGS(HASH_MAP, 1), JMP_IMM(BPF_JEQ, R3, 0, 0), CALL(3), EXIT));
}

static void vm__two_maps_are_told_apart(void **state)
{
	put(HASH_MAP, 1, 10);
	put(OTHER_MAP, 1, 20);
	returns(20, PROG(KEY_ARGS(HASH_MAP, 1), CALL(1), KEY_ARGS(OTHER_MAP, 1), CALL(1),
			 LDX(BPF_DW, R0, R0, 0), EXIT));
	assert_int_equal(vm_prog_map_count(t.prog), 2);
	assert_ptr_equal(vm_prog_map(t.prog, 0), &t.maps[HASH_MAP].map);
	assert_ptr_equal(vm_prog_map(t.prog, 1), &t.maps[OTHER_MAP].map);
	assert_null(vm_prog_map(t.prog, 2));
}

/* R0 = for_each(HASH_MAP, callback, FP - 8, flags); the callback follows. */
#define FOR_EACH(flags)                                                         \
	LD_MAP(R1, HASH_MAP), LD_FUNC(R2, 6), MOV_REG(R3, FP), ADD_IMM(R3, -8), \
		MOV_IMM(R4, flags), CALL(164), EXIT

static void fill(uint32_t count)
{
	for (uint32_t key = 0; key < count; key++)
		put(HASH_MAP, key, 1);
}

static void vm__for_each_visits_every_element_once(void **state)
{
	/* value[0] += 1, so that a second visit would show. */
	const struct bpf_insn insns[] = {FOR_EACH(0),	 LDX(BPF_DW, R5, R3, 0),
					 ADD_IMM(R5, 1), STX(BPF_DW, R3, R5, 0),
					 MOV_IMM(R0, 0), EXIT};

	fill(150);
	for (int pass = 0; pass < 2; pass++) {
		t.maps[HASH_MAP].map.ops = pass ? &key_ops : &bucket_ops;
		returns(150, insns, COUNT(insns));
	}
	for (int i = 0; i < 150; i++)
		assert_int_equal(hash_map()->values[i][0], 3);
}

static void vm__for_each_may_delete_the_current_element(void **state)
{
	const struct bpf_insn insns[] = {FOR_EACH(0), CALL(3), MOV_IMM(R0, 0), EXIT};

	for (int pass = 0; pass < 2; pass++) {
		t.maps[HASH_MAP].map.ops = pass ? &key_ops : &bucket_ops;
		fill(100);
		returns(100, insns, COUNT(insns));
		for (int i = 0; i < FAKE_ROOM; i++)
			assert_int_equal(hash_map()->present[i], 0);
	}
	returns(0, insns, COUNT(insns));
}

static void vm__for_each_stops_when_the_callback_says_so(void **state)
{
	fill(100);
	returns(1, PROG(FOR_EACH(0), MOV_IMM(R0, 1), EXIT));
	returns((uint32_t)-EINVAL, PROG(FOR_EACH(1), MOV_IMM(R0, 1), EXIT));
}

static void vm__for_each_lends_the_key_read_only(void **state)
{
	put(HASH_MAP, 77, 1);
	/* The callback copies its key to the context. */
	returns(77, PROG(LD_MAP(R1, HASH_MAP), LD_FUNC(R2, 7), MOV_REG(R3, FP), ADD_IMM(R3, -8),
			 MOV_IMM(R4, 0), CALL(164), LDX(BPF_W, R0, FP, -8), EXIT,
			 LDX(BPF_W, R5, R2, 0), STX(BPF_W, R4, R5, 0), MOV_IMM(R0, 0), EXIT));
	ends(EACCES, "a key", PROG(FOR_EACH(0), ST(BPF_B, R2, 0, 1), MOV_IMM(R0, 0), EXIT));
	ends(EFAULT, "outside", PROG(FOR_EACH(0), LDX(BPF_DW, R0, R2, 0), EXIT));
}

/* ---- printing ------------------------------------------------------------------------------ */

static void global_text(const char *text)
{
	t.maps[GLOBAL_MAP].map.spec.value_size = 256;
	memset(t.maps[GLOBAL_MAP].values, 0, 256);
	strcpy((char *)t.maps[GLOBAL_MAP].values, text);
}

/* trace_printk(text, its length + 1, 258, -2, global data + 128) */
static void prints(uint32_t expected, const char *text, const char *line)
{
	global_text(text);
	strcpy((char *)t.maps[GLOBAL_MAP].values + 128, "name");
	t.lines[0] = '\0';
	returns(expected, PROG(LD_VALUE(R1, GLOBAL_MAP, 0), MOV_IMM(R2, (int)strlen(text) + 1),
			       MOV_IMM(R3, 258), MOV_IMM(R4, -2), LD_VALUE(R5, GLOBAL_MAP, 128),
			       CALL(6), EXIT));
	assert_string_equal(t.lines, line);
}

static void vm__trace_printk_formats_as_the_kernel(void **state)
{
	prints(3, "hi\n", "hi|");
	prints(14, "%d %u", "258 4294967294|");
	prints(6, "%x %i", "102 -2|");
	prints(6, "%lx %ld", "102 -2|");
	prints(24, "%llu %llu", "258 18446744073709551614|");
	prints(15, "%lld %lli %s ok!", "258 -2 name ok!|");
	prints(12, "%5d|%-5d|", "  258|-2   ||");
	prints(7, "%c%c%%%s", "\x02\xfe%name|");
}

/* The kernel's flags and widths are C's. */
static void vm__flags_and_widths_pad_as_in_C(void **state)
{
	static const char *const flags[] = {"", "0", "-", "+", " ", "0-", "+0", "-+", " +0"};
	static const char *const widths[] = {"", "2", "4", "11"};
	static const char conversions[] = "duxX";
	char format[32], line[64];

	for (size_t f = 0; f < COUNT(flags) * COUNT(widths) * 4; f++) {
		const char *flag = flags[f % COUNT(flags)];
		const char *width = widths[f / COUNT(flags) % COUNT(widths)];
		char c = conversions[f / COUNT(flags) / COUNT(widths)];

		snprintf(format, sizeof(format), "%%%s%s%c|%%%s%s%c", flag, width, c, flag, width,
			 c);
		snprintf(line, sizeof(line), format, 258, -2);
		snprintf(line + strlen(line), 2, "|");
		prints((uint32_t)strlen(line) - 1, format, line);
	}
	prints(20, "%-5d|%x|%5s", "258  |fffffffe| name|");
}

static void vm__trace_printk_refuses_other_formats(void **state)
{
	static const char *const bad[] = {"%f",		 "%",	 "%.3d", "%hd", "%lls",
					  "%d %d %d %d", "\x01", "\xff", "%pz"};

	for (size_t i = 0; i < COUNT(bad); i++)
		prints((uint32_t)-EINVAL, bad[i], "");
}

static void vm__string_that_is_not_readable_prints_as_nothing(void **state)
{
	prints(2, "<%s>", "<>|");
}

static void vm__string_on_the_stack_prints(void **state)
{
	returns(5, PROG(ST(BPF_W, FP, -8, (int32_t)loaded("abc", 4)),
			ST(BPF_W, FP, -16, (int32_t)loaded("<%s>", 4)), MOV_REG(R1, FP),
			ADD_IMM(R1, -16), MOV_IMM(R2, 8), MOV_REG(R3, FP), ADD_IMM(R3, -8), CALL(6),
			EXIT));
	assert_string_equal(t.lines, "<abc>|");
}

static void vm__trace_vprintk_takes_its_arguments_from_memory(void **state)
{
	const struct bpf_insn insns[] = {ST(BPF_DW, FP, -16, 1),
					 ST(BPF_DW, FP, -8, 2),
					 LD_VALUE(R1, GLOBAL_MAP, 0),
					 MOV_IMM(R2, 20),
					 MOV_REG(R3, FP),
					 ADD_IMM(R3, -16),
					 MOV_IMM(R4, 16),
					 CALL(177),
					 EXIT};
	struct bpf_insn copy[COUNT(insns)];

	global_text("%d+%d");
	returns(3, insns, COUNT(insns));
	assert_string_equal(t.lines, "1+2|");
	memcpy(copy, insns, sizeof(copy));
	copy[7].imm = 12;
	returns((uint32_t)-EINVAL, copy, COUNT(copy));
	copy[7].imm = 8;
	returns((uint32_t)-EINVAL, copy, COUNT(copy));
}

static void vm__format_without_its_end_is_EINVAL(void **state)
{
	global_text("hello");
	returns((uint32_t)-EINVAL,
		PROG(LD_VALUE(R1, GLOBAL_MAP, 0), MOV_IMM(R2, 5), CALL(6), EXIT));
	ends(EFAULT, "read of 300 bytes",
	     PROG(LD_VALUE(R1, GLOBAL_MAP, 0), MOV_IMM(R2, 300), CALL(6), EXIT));
	ends(EINVAL, "at least 1",
	     PROG(LD_VALUE(R1, GLOBAL_MAP, 0), MOV_IMM(R2, 0), CALL(6), EXIT));
	ends(EINVAL, "a size", PROG(LD_VALUE(R1, GLOBAL_MAP, 0), MOV_IMM(R2, -1), CALL(6), EXIT));
}

/* snprintf(global + 64, size, "n=%d", &{7}, 8) */
static void snprintf_of(int size, uint32_t expected, const char *text)
{
	char *out = (char *)t.maps[GLOBAL_MAP].values + 64;

	global_text("n=%d");
	memset(out, '#', 16);
	returns(expected, PROG(ST(BPF_DW, FP, -8, 7), LD_VALUE(R1, GLOBAL_MAP, 64),
			       MOV_IMM(R2, size), LD_VALUE(R3, GLOBAL_MAP, 0), MOV_REG(R4, FP),
			       ADD_IMM(R4, -8), MOV_IMM(R5, 8), CALL(165), EXIT));
	assert_memory_equal(out, text, strlen(text) + (size ? 1 : 0));
}

static void vm__snprintf_returns_the_length_with_its_NUL(void **state)
{
	snprintf_of(16, 4, "n=7");
	snprintf_of(3, 4, "n=");
	snprintf_of(0, 4, "####");
}

/* Padding that nobody keeps is not written either. */
static void vm__a_huge_width_costs_no_time(void **state)
{
	global_text("%0800000000d%800000000s%-800000000x");
	returns(3 * 8388607 + 1,
		PROG(ST(BPF_DW, FP, -24, 7), ST(BPF_DW, FP, -16, 8), ST(BPF_DW, FP, -8, 9),
		     LD_VALUE(R1, GLOBAL_MAP, 64), MOV_IMM(R2, 16), LD_VALUE(R3, GLOBAL_MAP, 0),
		     MOV_REG(R4, FP), ADD_IMM(R4, -24), MOV_IMM(R5, 24), CALL(165), EXIT));
	assert_string_equal((char *)t.maps[GLOBAL_MAP].values + 64, "000000000000000");
}

/* The text is written over its own format. */
static void vm__snprintf_into_its_format_uses_the_format_as_it_was(void **state)
{
	global_text("%d, %d, %d");
	returns(8, PROG(ST(BPF_DW, FP, -24, 7), ST(BPF_DW, FP, -16, 8), ST(BPF_DW, FP, -8, 9),
			LD_VALUE(R1, GLOBAL_MAP, 1), MOV_IMM(R2, 60), LD_VALUE(R3, GLOBAL_MAP, 0),
			MOV_REG(R4, FP), ADD_IMM(R4, -24), MOV_IMM(R5, 24), CALL(165), EXIT));
	assert_string_equal((char *)t.maps[GLOBAL_MAP].values, "%7, 8, 9");
}

/* ---- packets ------------------------------------------------------------------------------- */

/* R0 = helper(ctx, by) */
static uint32_t adjust(int helper, int by)
{
	if (run_as(BPF_PROG_TYPE_XDP, PROG(MOV_IMM(R2, by), CALL(helper), EXIT)))
		fail_msg("run: %s", error_sentence());
	return t.ret;
}

static void vm__xdp_adjust_head_moves_the_start_within_limits(void **state)
{
	assert_int_equal(adjust(44, 50), 0);
	assert_int_equal(t.packet.off, 306);
	assert_int_equal(t.packet.len, 14);
	assert_int_equal(adjust(44, 1), (uint32_t)-EINVAL);
	assert_int_equal(adjust(44, -(306 - 40)), 0);
	assert_int_equal(t.packet.off, 40);
	assert_int_equal(adjust(44, -1), (uint32_t)-EINVAL);
	assert_int_equal(adjust(44, INT32_MIN), (uint32_t)-EINVAL);
	assert_int_equal(adjust(44, INT32_MAX), (uint32_t)-EINVAL);
}

static void vm__xdp_adjust_tail_clears_what_it_adds(void **state)
{
	memset(t.buf + 256 + 64, 0xff, 80);
	assert_int_equal(adjust(65, 80), 0);
	assert_int_equal(t.packet.len, 144);
	assert_int_equal(t.buf[256 + 64], 0);
	assert_int_equal(t.buf[256 + 143], 0);
	assert_int_equal(adjust(65, 1), (uint32_t)-EINVAL);
	assert_int_equal(adjust(65, -130), 0);
	assert_int_equal(adjust(65, -1), (uint32_t)-EINVAL);
	assert_int_equal(t.packet.len, 14);
}

static void vm__xdp_adjust_meta_opens_metadata(void **state)
{
	struct xdp_md md = {0};

	assert_int_equal(adjust(54, -3), (uint32_t)-EACCES);
	assert_int_equal(adjust(54, 1), (uint32_t)-EINVAL);
	assert_int_equal(adjust(54, -220), (uint32_t)-EINVAL);
	assert_int_equal(adjust(54, -8), 0);
	assert_int_equal(t.packet.meta_len, 8);
	assert_int_equal(load_as(BPF_PROG_TYPE_XDP,
				 PROG(LDX(BPF_W, R2, R1, 8), ST(BPF_B, R2, 0, 1),
				      LDX(BPF_W, R0, R1, 0), ALU64_REG(BPF_SUB, R0, R2), EXIT)),
			 0);
	assert_int_equal(vm_run_packet(t.prog, NULL, &t.packet, &md, sizeof(md), &t.ret), 0);
	assert_int_equal(t.ret, 8);
	assert_int_equal(md.data, 8);
	assert_int_equal(md.data_end, 72);
	assert_int_equal(t.buf[248], 1);
	/* The metadata travels with the head. */
	assert_int_equal(adjust(44, -16), 0);
	assert_int_equal(t.buf[232], 1);
}

static void vm__packet_pointers_from_before_are_checked_against_the_new_ends(void **state)
{
	ends(EFAULT, "after the packet's end",
	     PROG(MOV_REG(R6, R1), LDX(BPF_W, R7, R1, 4), MOV_IMM(R2, -20), CALL(65),
		  LDX(BPF_B, R0, R7, -1), EXIT));
	returns(44, PROG(CALL(188), EXIT));
}

static void vm__adjust_needs_the_context(void **state)
{
	ends(EINVAL, "argument 1 of bpf_xdp_adjust_head() is not the program's context",
	     PROG(ADD_IMM(R1, 4), MOV_IMM(R2, 0), CALL(44), EXIT));
}

static void vm__xdp_bytes_are_copied_both_ways(void **state)
{
	returns(0, PROG(MOV_REG(R6, R1), MOV_IMM(R2, 5), MOV_REG(R3, FP), ADD_IMM(R3, -4),
			MOV_IMM(R4, 4), CALL(189), MOV_REG(R1, R6), MOV_IMM(R2, 60),
			MOV_REG(R3, FP), ADD_IMM(R3, -4), MOV_IMM(R4, 4), CALL(190), EXIT));
	assert_memory_equal(t.buf + 256 + 60, t.buf + 256 + 5, 4);
	returns((uint32_t)-EINVAL, PROG(MOV_IMM(R2, 61), MOV_REG(R3, FP), ADD_IMM(R3, -4),
					MOV_IMM(R4, 4), CALL(189), EXIT));
}

/* skb_load_bytes_relative(ctx, offset, FP - 4, 4, start) and the word read. */
static void loads_relative(int offset, int start, uint32_t ret, uint32_t first)
{
	returns_as(FILTER, ret,
		   PROG(ST(BPF_W, FP, -4, -1), MOV_IMM(R2, offset), MOV_REG(R3, FP),
			ADD_IMM(R3, -4), MOV_IMM(R4, 4), MOV_IMM(R5, start), CALL(68),
			LD_VALUE(R1, GLOBAL_MAP, 0), LDX(BPF_B, R2, FP, -4), STX(BPF_B, R1, R2, 0),
			EXIT));
	assert_int_equal(*(uint8_t *)t.maps[GLOBAL_MAP].values, first);
}

static void vm__skb_load_bytes_copies_or_clears(void **state)
{
	const struct bpf_insn insns[] = {ST(BPF_DW, FP, -8, -1), MOV_IMM(R2, 60),
					 MOV_REG(R3, FP),	 ADD_IMM(R3, -8),
					 MOV_IMM(R4, 4),	 CALL(26),
					 LDX(BPF_W, R0, FP, -8), EXIT};
	struct bpf_insn copy[COUNT(insns)];

	returns_as(CLS, packet_word(60), insns, COUNT(insns));
	memcpy(copy, insns, sizeof(copy));
	copy[1].imm = 61;
	returns_as(FILTER, 0, copy, COUNT(copy));
	copy[1].imm = -1;
	returns_as(FILTER, 0, copy, COUNT(copy));
	copy[6] = MOV_IMM(R1, 0);
	returns_as(FILTER, (uint32_t)-EFAULT, copy, COUNT(copy));
}

static void vm__skb_load_bytes_relative_counts_from_headers(void **state)
{
	loads_relative(2, BPF_HDR_START_MAC, 0, 2);
	loads_relative(2, BPF_HDR_START_NET, 0, 16);
	loads_relative(61, BPF_HDR_START_MAC, (uint32_t)-EFAULT, 0);
	loads_relative(0, 2, (uint32_t)-EFAULT, 0);
	loads_relative(0x10000, BPF_HDR_START_MAC, (uint32_t)-EFAULT, 0);
}

/* skb_store_bytes(ctx, offset, {0xaa...}, 4, flags) */
static uint32_t store_bytes(int offset, int flags)
{
	if (run_as(CLS, PROG(ST(BPF_W, FP, -4, -1), MOV_IMM(R2, offset), MOV_REG(R3, FP),
			     ADD_IMM(R3, -4), MOV_IMM(R4, 4), MOV_IMM(R5, flags), CALL(9), EXIT)))
		fail_msg("run: %s", error_sentence());
	return t.ret;
}

static void vm__skb_store_bytes_writes_inside_the_packet(void **state)
{
	assert_int_equal(store_bytes(60, 0), 0);
	assert_int_equal(t.buf[256 + 63], 0xff);
	assert_int_equal(store_bytes(61, 0), (uint32_t)-EFAULT);
	assert_int_equal(store_bytes(0, 4), (uint32_t)-EINVAL);
	t.skb.hash = 5;
	assert_int_equal(store_bytes(0, BPF_F_INVALIDATE_HASH), 0);
	assert_int_equal(t.skb.hash, 0);
}

/* The Internet checksum of the packet's first bytes, the plain way. */
static uint16_t checksum(uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)loaded(t.buf + 256 + i, 2);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* helper(ctx, offset 10, from, to, flags) */
static uint32_t replace(int helper, uint64_t from, uint64_t to, int flags)
{
	if (run_as(CLS, PROG(MOV_IMM(R2, 10), LD_IMM64(R3, from), LD_IMM64(R4, to),
			     MOV_IMM(R5, flags), CALL(helper), EXIT)))
		fail_msg("run: %s", error_sentence());
	return t.ret;
}

static void vm__csum_replace_keeps_the_sum_right(void **state)
{
	static const int helpers[] = {10, 11};
	uint16_t sum, half;
	uint32_t from;
	uint32_t to = 0xdeadbeef;

	for (size_t i = 0; i < COUNT(helpers); i++) {
		memset(t.buf + 256 + 10, 0, 2);
		sum = checksum(20);
		memcpy(t.buf + 256 + 10, &sum, 2);
		assert_int_equal(checksum(20), 0);
		memcpy(&from, t.buf + 256 + 4, 4);
		memcpy(t.buf + 256 + 4, &to, 4);
		assert_int_equal(replace(helpers[i], from, to, 4), 0);
		assert_int_equal(checksum(20), 0);
		memcpy(t.buf + 256 + 4, &from, 2);
		assert_int_equal(replace(helpers[i], loaded(&to, 2), loaded(&from, 2), 2), 0);
		assert_int_equal(checksum(20), 0);
		half = (uint16_t)(loaded(t.buf + 256 + 4, 2) + 1);
		memcpy(t.buf + 256 + 4, &half, 2);
		assert_int_equal(replace(helpers[i], 0, 1, 0), 0);
		assert_int_equal(checksum(20), 0);
		to++;
	}
	assert_int_equal(replace(10, 1, 1, 0), (uint32_t)-EINVAL);
	assert_int_equal(replace(10, 1, 1, 3), (uint32_t)-EINVAL);
	assert_int_equal(replace(10, 1, 1, 16), (uint32_t)-EINVAL);
}

static void vm__l4_csum_replace_leaves_an_absent_udp_sum(void **state)
{
	memset(t.buf + 256 + 10, 0, 2);
	assert_int_equal(replace(11, 1, 2, BPF_F_MARK_MANGLED_0 | 4), 0);
	assert_int_equal(t.buf[256 + 10] | t.buf[256 + 11], 0);
	assert_int_equal(replace(11, 1, 2, BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | 4), 0);
	assert_int_not_equal(t.buf[256 + 10] | t.buf[256 + 11], 0);
}

/* csum_diff(FP - 8, from_size, FP - 16, to_size, seed) */
static uint32_t csum_diff(int from_size, int to_size, int seed)
{
	if (run_as(BPF_PROG_TYPE_XDP,
		   PROG(ST(BPF_W, FP, -8, 0x11111111), ST(BPF_W, FP, -16, 0x33333333),
			MOV_REG(R1, FP), ADD_IMM(R1, -8), MOV_IMM(R2, from_size), MOV_REG(R3, FP),
			ADD_IMM(R3, -16), MOV_IMM(R4, to_size), MOV_IMM(R5, seed), CALL(28), EXIT)))
		fail_msg("run: %s", error_sentence());
	return t.ret;
}

static void vm__csum_diff_adds_removes_and_replaces(void **state)
{
	assert_int_equal(csum_diff(0, 4, 1), 0x6667);
	assert_int_equal(csum_diff(4, 0, 0x2223), 1);
	assert_int_equal(csum_diff(4, 4, 0), 0x4444);
	assert_int_equal(csum_diff(0, 0, 7), 7);
	assert_int_equal(csum_diff(0, 1, 0), loaded("\x33", 2));
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void vm__clocks_advance(void **state)
{
	static const int clocks[] = {5, 125, 208};

	for (size_t i = 0; i < COUNT(clocks); i++)
		returns(1, PROG(CALL(clocks[i]), MOV_REG(R6, R0), CALL(clocks[i]), MOV_REG(R1, R0),
				MOV_IMM(R0, 0), JMP_REG(BPF_JLT, R1, R6, 1), MOV_IMM(R0, 1), EXIT));
	returns(1, PROG(CALL(160), MOV_REG(R1, R0), MOV_IMM(R0, 0), JMP_IMM(BPF_JEQ, R1, 0, 1),
			MOV_IMM(R0, 1), EXIT));
}

static void vm__random_numbers_are_32_bits_and_differ(void **state)
{
	returns(0, PROG(CALL(7), RSH_IMM(R0, 32), EXIT));
	/* Four equal ones in a row: once in 2^96 runs. */
	returns(1, PROG(CALL(7), MOV_REG(R6, R0), CALL(7), MOV_REG(R7, R0), CALL(7),
			MOV_REG(R8, R0), CALL(7), MOV_REG(R1, R0), MOV_IMM(R0, 1),
			JMP_REG(BPF_JNE, R1, R6, 3), JMP_REG(BPF_JNE, R6, R7, 2),
			JMP_REG(BPF_JNE, R7, R8, 1), MOV_IMM(R0, 0), EXIT));
}

static void vm__cpu_number_is_small(void **state)
{
	returns(1, PROG(CALL(8), MOV_REG(R1, R0), MOV_IMM(R0, 0), JMP_IMM(BPF_JGT, R1, 8191, 1),
			MOV_IMM(R0, 1), EXIT));
}

static void vm__one_program_runs_again_after_a_fault(void **state)
{
	const struct bpf_insn insns[] = {PACKET_POINTERS, LDX(BPF_B, R0, R2, 20), EXIT};

	t.packet.len = 20;
	ends(EFAULT, "after the packet's end", insns, COUNT(insns));
	t.packet.len = 21;
	assert_int_equal(vm_run_packet(t.prog, NULL, &t.packet, NULL, 0, &t.ret), 0);
	assert_int_equal(t.ret, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(vm__empty_program_is_refused_at_load),
	TEST(vm__unknown_program_type_is_refused_at_load),
	TEST(vm__unknown_opcode_is_refused_at_load),
	TEST(vm__unknown_variant_is_refused_at_load),
	TEST(vm__reserved_field_is_refused_at_load),
	TEST(vm__register_above_R10_is_refused_at_load),
	TEST(vm__write_to_R10_is_refused_at_load),
	TEST(vm__division_by_immediate_zero_is_refused_at_load),
	TEST(vm__shift_beyond_the_width_is_refused_at_load),
	TEST(vm__jump_out_of_program_is_refused_at_load),
	TEST(vm__jump_into_a_64_bit_load_is_refused_at_load),
	TEST(vm__half_a_64_bit_load_is_refused_at_load),
	TEST(vm__falling_off_the_end_is_refused_at_load),
	TEST(vm__jump_into_another_subprogram_is_refused_at_load),
	TEST(vm__unknown_helper_is_refused_by_number),
	TEST(vm__unsupported_helper_is_refused_by_name),
	TEST(vm__helper_of_another_program_type_is_refused),
	TEST(vm__kfunc_and_ksym_are_refused_by_name),
	TEST(vm__unknown_map_fd_is_refused_with_the_sources_errno),
	TEST(vm__map_index_without_fd_array_is_refused),
	TEST(vm__map_index_counts_into_fd_array),
	TEST(vm__value_address_needs_an_array_of_one),
	TEST(vm__stack_access_outside_the_frame_is_refused_at_load),
	TEST(vm__call_chain_with_more_than_512_bytes_is_refused),
	TEST(vm__nine_frames_are_refused_at_load),
	TEST(vm__recursion_is_refused_at_load),
	TEST(vm__update_of_a_read_only_map_is_refused_at_load),
	TEST(vm__helper_that_the_type_lacks_is_refused_at_load),
	TEST(vm__random_bytes_never_crash_the_loader),
	TEST(vm__sentence_names_the_source_line),
	TEST(vm__malformed_btf_only_loses_the_lines),
	TEST(vm__frame_is_zero_at_the_start),
	TEST(vm__null_pointer_ends_the_run),
	TEST(vm__wild_pointer_ends_the_run),
	TEST(vm__computed_stack_address_outside_the_frame_ends_the_run),
	TEST(vm__callee_may_use_its_callers_stack_but_not_the_reverse),
	TEST(vm__packet_is_accessible_between_data_and_data_end),
	TEST(vm__value_is_accessible_to_its_last_byte),
	TEST(vm__many_values_are_accessible_at_once),
	TEST(vm__global_data_is_read_and_written),
	TEST(vm__read_only_data_refuses_stores),
	TEST(vm__write_only_map_refuses_loads),
	TEST(vm__map_reference_is_not_memory),
	TEST(vm__atomics_need_alignment_and_shared_memory),
	TEST(vm__read_only_map_refuses_atomics),
	TEST(vm__sign_extending_load_works_on_every_memory),
	TEST(vm__context_fields_come_from_the_packet),
	TEST(vm__xdp_context_gives_only_its_fields),
	TEST(vm__context_is_not_helper_memory),
	TEST(vm__sk_buff_fields_load_in_part),
	TEST(vm__sk_buff_stores_follow_the_program_type),
	TEST(vm__socket_filter_has_no_packet_pointers),
	TEST(vm__protocol_comes_from_the_link_header),
	TEST(vm__syscall_context_is_plain_memory),
	TEST(vm__packet_that_does_not_fit_its_buffer_is_refused),
	TEST(vm__ld_abs_reads_network_order),
	TEST(vm__ld_abs_outside_the_packet_ends_with_zero),
	TEST(vm__ld_abs_negative_offsets_name_a_header),
	TEST(vm__ld_abs_needs_the_context_in_R6),
	TEST(vm__endless_loop_ends_with_the_budget),
	TEST(vm__budget_is_exact),
	TEST(vm__budget_counts_in_callbacks),
	TEST(vm__call_keeps_R6_to_R9_and_clears_arguments),
	TEST(vm__callee_gets_its_own_zeroed_frame),
	TEST(vm__helper_clears_R1_to_R5),
	TEST(vm__loop_returns_its_iterations),
	TEST(vm__callback_must_be_a_function_of_the_program),
	TEST(vm__callback_frames_are_counted_while_running),
	TEST(vm__fault_in_a_callback_ends_the_run),
	TEST(vm__map_helpers_return_the_maps_results),
	TEST(vm__map_argument_must_be_a_map_of_the_program),
	TEST(vm__key_and_value_arguments_are_checked),
	TEST(vm__update_of_a_read_only_map_is_refused_while_running),
	TEST(vm__two_maps_are_told_apart),
	TEST(vm__for_each_visits_every_element_once),
	TEST(vm__for_each_may_delete_the_current_element),
	TEST(vm__for_each_stops_when_the_callback_says_so),
	TEST(vm__for_each_lends_the_key_read_only),
	TEST(vm__trace_printk_formats_as_the_kernel),
	TEST(vm__flags_and_widths_pad_as_in_C),
	TEST(vm__trace_printk_refuses_other_formats),
	TEST(vm__string_that_is_not_readable_prints_as_nothing),
	TEST(vm__string_on_the_stack_prints),
	TEST(vm__trace_vprintk_takes_its_arguments_from_memory),
	TEST(vm__format_without_its_end_is_EINVAL),
	TEST(vm__snprintf_returns_the_length_with_its_NUL),
	TEST(vm__a_huge_width_costs_no_time),
	TEST(vm__snprintf_into_its_format_uses_the_format_as_it_was),
	TEST(vm__xdp_adjust_head_moves_the_start_within_limits),
	TEST(vm__xdp_adjust_tail_clears_what_it_adds),
	TEST(vm__xdp_adjust_meta_opens_metadata),
	TEST(vm__packet_pointers_from_before_are_checked_against_the_new_ends),
	TEST(vm__adjust_needs_the_context),
	TEST(vm__xdp_bytes_are_copied_both_ways),
	TEST(vm__skb_load_bytes_copies_or_clears),
	TEST(vm__skb_load_bytes_relative_counts_from_headers),
	TEST(vm__skb_store_bytes_writes_inside_the_packet),
	TEST(vm__csum_replace_keeps_the_sum_right),
	TEST(vm__l4_csum_replace_leaves_an_absent_udp_sum),
	TEST(vm__csum_diff_adds_removes_and_replaces),
	TEST(vm__clocks_advance),
	TEST(vm__random_numbers_are_32_bits_and_differ),
	TEST(vm__cpu_number_is_small),
	TEST(vm__one_program_runs_again_after_a_fault),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
