/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* race.h: an interpreter that takes part. */
#ifndef BENCH_INTERP_RACE_H
#define BENCH_INTERP_RACE_H

#include <linux/bpf.h>
#include <stdint.h>

/* What the programs of programs.bpf.c get. */
struct input {
	uint64_t rounds;
	uint64_t bytes;
	uint8_t data[1008];
};

struct bpfmap;

struct peer {
	const char *name;
	/* The program, of which a 64-bit load of kind BPF_PSEUDO_MAP_FD means map. A failure ends the process. */
	void *(*load)(const struct bpf_insn *insns, uint32_t count, struct bpfmap *map);
	/* Run it so many times; returns the last result. */
	uint64_t (*run)(void *prog, struct input *in, uint32_t times);
};

extern const struct peer peer_ours;
extern const struct peer peer_ubpf;

/* Instructions that one run of a program loaded by peer_ours executes. */
uint64_t ours_count(void *prog, struct input *in);

__attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...);

#endif
