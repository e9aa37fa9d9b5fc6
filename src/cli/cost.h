/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cost.h: what a map would take, here and in the kernel. */
#ifndef BPFMAP_CLI_COST_H
#define BPFMAP_CLI_COST_H

#include "cli/out.h"
#include "kernel/backend.h"
#include "map/memory.h"

#define COST_SENTENCE 256

/* A place where the map could be, and what creation would answer there. */
struct cost_place {
	int err;		      /* 0: it could be made; the kernel's errno, negative */
	char sentence[COST_SENTENCE]; /* why not */
	uint64_t created;	      /* bytes when it is made; 0: not known */
	uint64_t full;		      /* at most */
};

struct cost {
	struct cost_place here;
	struct cost_place kernel;
	struct memory_parts parts; /* of here */
	struct memory_parts kernel_parts;
};

/* cpus 0: this machine's; only then is it asked whether there is so much memory now. */
void cost_of(const struct backend_create *how, uint32_t cpus, struct cost *ret_cost);

/* "64.0 KiB (65536 bytes)"; JSON: 65536. */
void cost_print_bytes(struct out *out, uint64_t bytes);

/* The name of an errno, "E2BIG". */
const char *cost_errno(int err);

#endif
