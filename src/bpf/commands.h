/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* commands.h: one handler per command of bpf(2), declared from commands.def. */
#ifndef BPFMAP_BPF_COMMANDS_H
#define BPFMAP_BPF_COMMANDS_H

#include "bpf/attr.h"

#include <stdint.h>

/* A call in progress. attr (the handler's first argument) is a private, zero-extended copy; results
 * that bpf(2) writes into the caller's block go through call_put_u32(). */
struct call {
	uint64_t uattr; /* the caller's block */
	uint32_t size;	/* bytes of it */
};

/* Write a 32-bit result at byte off of the caller's block. 0 or -EFAULT. */
int call_put_u32(const struct call *call, uint64_t off, uint32_t value);

#define COMMAND(number, name, end, handler) \
	long handler(union call_attr *attr, const struct call *call);
#include "bpf/commands.def"
#undef COMMAND

#endif
