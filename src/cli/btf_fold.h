/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_fold.h: one number from the numbers of all CPUs. Without a fold in the place, the number
 * itself. */
#ifndef BPFMAP_CLI_BTF_FOLD_H
#define BPFMAP_CLI_BTF_FOLD_H

#include "cli/btf_type.h"

enum btf_fold_op { BTF_FOLD_SUM, BTF_FOLD_MIN, BTF_FOLD_MAX };

struct btf_fold {
	enum btf_fold_op op;
	unsigned int cpus;
	size_t stride; /* bytes from one CPU's value to the next one's */
};

int64_t btf_sign_extend(uint64_t value, uint32_t bits);

/* An integer, sign-extended if it is signed. Sums are 64 bits wide, so counters of fewer bits do
 * not overflow. False if the place is not in the value. */
bool btf_fold_load(const struct btf_place *place, uint32_t bits, bool is_signed,
		   uint64_t *ret_value);

/* A floating-point number of 4 or 8 bytes. */
bool btf_fold_float(const struct btf_place *place, uint32_t size, double *ret_value);

/* True if all CPUs have the same size bytes there. */
bool btf_fold_agrees(const struct btf_place *place, size_t size);

#endif
