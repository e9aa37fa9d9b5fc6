/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* both.h: one program on one map, here and in the live kernel, and how it ended. Unlike isa_engine.h
 * it is for programs that may be refused: the kernel refuses at load what ends a run here.
 */
#ifndef BPFMAP_TESTS_VM_BOTH_H
#define BPFMAP_TESTS_VM_BOTH_H

#include "bpfmap/bpfmap.h"

#include <linux/bpf.h>
#include <stdint.h>

/* Errno of the load, or of the run; 0: it ended with r0. */
struct both_outcome {
	int err;
	uint32_t r0;
	char why[256]; /* our sentence, or the verifier's reason */
};

struct both {
	struct both_outcome here;
	struct both_outcome kernel;
};

/* Whether bpf(2) is permitted. */
int both_has_kernel(void);

/* A map in both, which programs name by fd 0. A value with a spin lock is struct { 32-bit words; the
 * lock at its offset }. 0 or -errno, printed. */
int both_map_create(const struct bpfmap_create_opts *opts);
/* One element; value in the syscall's layout. Bloom filter: key NULL. */
int both_map_fill(const void *key, const void *value);
void both_map_close(void);

/* Load and run once. The packet has 64 bytes of zero. */
void both_run(uint32_t prog_type, const struct bpf_insn *insns, uint32_t count, struct both *ret);

/* One TAP line; fails if the outcomes differ. */
void both_agree(const char *name, const struct both *both);

/* The plan; 1 if anything failed. */
int both_finish(void);

#endif
