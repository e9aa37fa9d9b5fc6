/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ubpf.c: ubpf's interpreter, with its default, checked memory accesses. */
#include "race.h"

#include <bpfmap/bpfmap.h>
#include <stdlib.h>
#include <string.h>

#include <ubpf.h>

static uint64_t lookup(uint64_t map, uint64_t key, uint64_t r3, uint64_t r4, uint64_t r5)
{
	return (uintptr_t)bpfmap_lookup((struct bpfmap *)(uintptr_t)map,
					(const void *)(uintptr_t)key);
}

static void *peer_load(const struct bpf_insn *insns, uint32_t count, struct bpfmap *map)
{
	struct ubpf_vm *vm = ubpf_create();
	struct bpf_insn *copy = calloc(count, sizeof(*copy));
	char *message;

	if (!vm || !copy)
		die("ubpf: no memory");
	memcpy(copy, insns, count * sizeof(*copy));
	for (uint32_t i = 0; i < count; i++) {
		if (copy[i].code != (BPF_LD | BPF_IMM | BPF_DW) ||
		    copy[i].src_reg != BPF_PSEUDO_MAP_FD)
			continue;
		copy[i].src_reg = 0;
		copy[i].imm = (int32_t)(uintptr_t)map;
		copy[i + 1].imm = (int32_t)((uintptr_t)map >> 32);
	}
	ubpf_register(vm, 1, "lookup", (void *)lookup);
	if (ubpf_load(vm, copy, count * (uint32_t)sizeof(*copy), &message))
		die("ubpf: %s", message);
	free(copy);
	return vm;
}

static uint64_t peer_run(void *prog, struct input *in, uint32_t times)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < times; i++)
		if (ubpf_exec(prog, in, sizeof(*in), &value))
			die("ubpf: the program failed");
	return (uint32_t)value;
}

const struct peer peer_ubpf = {"ubpf", peer_load, peer_run};
