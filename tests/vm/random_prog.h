/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* random_prog.h: random programs that the kernel's verifier accepts nearly always.
 *
 * A program is a function of its seed alone. Its maps, by index of the engine:
 *   0  ARRAY, 8 elements of 64 bytes
 *   1  HASH, 8 elements, key 8 bytes (programs use 0 to 15), value 16 bytes
 *   2  ARRAY, 1 element of 128 bytes; the last 64 are r0 to r7 at the end
 */
#ifndef BPFMAP_TESTS_VM_RANDOM_PROG_H
#define BPFMAP_TESTS_VM_RANDOM_PROG_H

#include <linux/bpf.h>
#include <stdint.h>

#define RANDOM_PROG_INSNS 2048

#define RANDOM_ARRAY	    0
#define RANDOM_ARRAY_COUNT  8
#define RANDOM_ARRAY_VALUE  64
#define RANDOM_HASH	    1
#define RANDOM_HASH_COUNT   8
#define RANDOM_HASH_KEYS    16
#define RANDOM_HASH_VALUE   16
#define RANDOM_SINGLE	    2
#define RANDOM_SINGLE_VALUE 128
#define RANDOM_CONTEXT	    64 /* bytes of a SYSCALL program's context */

struct random_prog {
	uint64_t seed;
	uint32_t type; /* XDP, SCHED_CLS, SOCKET_FILTER or SYSCALL */
	uint32_t insn_cnt;
	struct bpf_insn insns[RANDOM_PROG_INSNS];
};

void random_prog_make(uint64_t seed, struct random_prog *ret_prog);

/* The generator behind everything here: splitmix64. */
uint64_t random_next(uint64_t *state);

#endif
