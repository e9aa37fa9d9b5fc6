/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_print.h: write a value with its type. */
#ifndef BPFMAP_CLI_BTF_PRINT_H
#define BPFMAP_CLI_BTF_PRINT_H

#include "cli/btf_type.h"
#include "cli/out.h"

/* size must be what btf_type_bytes() says. What the BTF does not explain is written as null. */
void btf_print(struct out *out, const struct btf *btf, uint32_t type_id, const void *data,
	       size_t size);

/* A part of a value, or one that is folded over CPUs. */
void btf_print_place(struct out *out, const struct btf *btf, uint32_t type_id,
		     const struct btf_place *place);

#endif
