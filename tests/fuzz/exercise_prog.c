/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exercise_prog.c: see exercise_prog.h. The program, for a map with keys: looks the key up and adds to
 * the value's first byte, updates it, deletes one in four. For a Bloom filter: pushes and peeks. */
#include "exercise_prog.h"

#include "bpf/command.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#define INSNS_MAX 256u
#define STACK	  512u
#define PACKET	  64u

struct program {
	struct bpf_insn insns[INSNS_MAX];
	uint32_t count;
	int32_t key_at; /* below the frame pointer */
	int32_t value_at;
	int map_fd;
};

static void emit(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int32_t off,
		 int32_t imm)
{
	p->insns[p->count++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = (int16_t)off, .imm = imm};
}

/* r1 = map, r2 = stack + at */
static void emit_arguments(struct program *p, int32_t at)
{
	emit(p, BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, p->map_fd);
	emit(p, 0, 0, 0, 0, 0);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, at);
}

static void emit_call(struct program *p, int32_t helper)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

/* Zeroes on the stack, the packet's first byte in r6 and at the key's and the value's begin. */
static void emit_entry(struct program *p)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, 6, 1, offsetof(struct xdp_md, data), 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_B, 6, 6, 0, 0);
	for (int32_t at = p->value_at; at < 0; at += 8)
		emit(p, BPF_ST | BPF_MEM | BPF_DW, 10, 0, at, 0);
	if (p->key_at)
		emit(p, BPF_STX | BPF_MEM | BPF_B, 10, 6, p->key_at, 0);
	emit(p, BPF_STX | BPF_MEM | BPF_B, 10, 6, p->value_at, 0);
}

static void emit_keyed(struct program *p)
{
	emit_arguments(p, p->key_at);
	emit_call(p, BPF_FUNC_map_lookup_elem);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_B, 1, 0, 0, 0);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, 1);
	emit(p, BPF_STX | BPF_MEM | BPF_B, 0, 1, 0, 0);
	emit_arguments(p, p->key_at);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, p->value_at);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, BPF_ANY);
	emit_call(p, BPF_FUNC_map_update_elem);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, 6, 0, 0, 3);
	emit(p, BPF_JMP | BPF_JNE | BPF_K, 6, 0, 5, 0);
	emit_arguments(p, p->key_at);
	emit_call(p, BPF_FUNC_map_delete_elem);
}

static void emit_keyless(struct program *p)
{
	emit_arguments(p, p->value_at);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, BPF_ANY);
	emit_call(p, BPF_FUNC_map_push_elem);
	emit_arguments(p, p->value_at);
	emit_call(p, BPF_FUNC_map_peek_elem);
}

int exercise_prog_load(struct bpfmap *map, const struct bpfmap_info *info)
{
	uint32_t key = (info->key_size + 7) / 8 * 8, value = (info->value_size + 7) / 8 * 8;
	struct program p = {.key_at = -(int32_t)key, .value_at = -(int32_t)(key + value)};
	union bpf_attr attr;
	long fd;

	if ((uint64_t)info->key_size + info->value_size > STACK - 16)
		return -E2BIG;
	p.map_fd = bpfmap_fd(map);
	if (p.map_fd < 0)
		return p.map_fd;
	emit_entry(&p);
	if (key)
		emit_keyed(&p);
	else
		emit_keyless(&p);
	emit(&p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS);
	emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uint64_t)(uintptr_t)p.insns;
	attr.insn_cnt = p.count;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	fd = bpfmap_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	close(p.map_fd);
	return (int)fd;
}

int exercise_prog_run(int prog_fd, uint8_t key)
{
	uint8_t packet[PACKET] = {key};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog_fd;
	attr.test.data_in = (uint64_t)(uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	return (int)bpfmap_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
}
