/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours.c: this project's interpreter, by its inner interface, as system call and packet would cost more. */
#include "race.h"

#include <bpfmap/bpfmap.h>
#include <stdlib.h>

#include "vm/vm.h"

static int map_get(void *arg, int fd, struct bpfmap **ret_map)
{
	*ret_map = arg;
	return 0;
}

static void map_put(void *arg, struct bpfmap *map)
{
}

static void *ours_load(const struct bpf_insn *insns, uint32_t count, struct bpfmap *map)
{
	struct vm_load load = {.prog_type = BPF_PROG_TYPE_SYSCALL,
			       .insns = insns,
			       .insn_cnt = count,
			       .maps = {map_get, map_put, map}};
	struct vm_prog *prog;

	if (vm_load(&load, &prog))
		die("ours: %s", bpfmap_last_error());
	return prog;
}

static uint64_t ours_run(void *prog, struct input *in, uint32_t times)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < times; i++)
		if (vm_run_syscall(prog, NULL, in, sizeof(*in), &value))
			die("ours: %s", bpfmap_last_error());
	return value;
}

/* The least budget that suffices. */
uint64_t ours_count(void *prog, struct input *in)
{
	uint64_t low = 1;
	uint64_t high = 100000000;
	uint32_t value;

	while (low < high) {
		struct vm_env env = {.insn_budget = (low + high) / 2};

		if (vm_run_syscall(prog, &env, in, sizeof(*in), &value))
			low = env.insn_budget + 1;
		else
			high = env.insn_budget;
	}
	return low;
}

const struct peer peer_ours = {"ours", ours_load, ours_run};
