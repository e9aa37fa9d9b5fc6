/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* generate.h: random programs full of addresses and branches, most of which nearly work.
 *
 * They load always, and end by themselves or by the budget. The generator guesses what registers hold
 * and uses them so; at every join it may be wrong, offsets are sometimes off by one, and checks are
 * sometimes left out: that is what the proof has to notice.
 */
#ifndef BPFMAP_TESTS_FACTS_GENERATE_H
#define BPFMAP_TESTS_FACTS_GENERATE_H

#include "bpfmap/bpfmap.h"
#include <linux/bpf.h>
#include <stdint.h>

#define FACTS_GEN_INSNS 1024

/* Maps, by descriptor. */
enum facts_gen_map {
	GEN_MAP_DATA,	/* ARRAY of one value of 128 bytes */
	GEN_MAP_HASH,	/* key 8 bytes, value 24 */
	GEN_MAP_ARRAY,	/* 4 values of 40 bytes */
	GEN_MAP_LOCK,	/* ARRAY of 2 values of 24 bytes, a spin lock at 8 */
	GEN_MAP_RDONLY, /* ARRAY of one value of 20 bytes, read-only for programs */
	GEN_MAP_PERCPU, /* PERCPU_ARRAY of 3 values of 12 bytes */
	GEN_MAPS
};

/* By enum above: what the maps are that programs refer to. */
extern const struct bpfmap_create_opts gen_specs[GEN_MAPS];

struct facts_gen {
	uint32_t prog_type;
	uint32_t insn_cnt;
	struct bpf_insn insns[FACTS_GEN_INSNS];
};

void facts_gen_make(uint64_t seed, struct facts_gen *ret_prog);

#endif
