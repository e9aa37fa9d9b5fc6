/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* program_gen.h: instructions from any bytes, such that most pass the structural check. */
#ifndef BPFMAP_TESTS_PROGRAM_GEN_H
#define BPFMAP_TESTS_PROGRAM_GEN_H

#include "fuzz.h"

#include <linux/bpf.h>

#define PROGRAM_INSNS_MAX  4096u
#define PROGRAM_MAPS	   14
#define PROGRAM_MAP_DATA   0 /* global data */
#define PROGRAM_DATA_BYTES 192u
#define PROGRAM_LOCK_OFF   8 /* in values that have a lock */

/* The number of instructions, at most PROGRAM_INSNS_MAX. Map references name maps 0 to
 * PROGRAM_MAPS - 1, and rarely one that does not exist. */
uint32_t program_generate(struct input *in, uint32_t prog_type, struct bpf_insn *ret_insns);

#endif
