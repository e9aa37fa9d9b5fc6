/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verdict.h: what programs returned, counted by value. */
#ifndef BPFMAP_CLI_VERDICT_H
#define BPFMAP_CLI_VERDICT_H

#include "cli/out.h"

#include <stddef.h>
#include <stdint.h>

struct verdicts {
	struct verdict {
		uint32_t value;
		uint64_t count;
	} * verdict; /* in order of value */
	size_t len;
};

void verdicts_add(struct verdicts *verdicts, uint32_t value, uint64_t count);

/* An object of counts, the most frequent first, named as the program type names them. */
void verdicts_print(struct out *out, struct verdicts *verdicts, uint32_t prog_type);
void verdicts_free(struct verdicts *verdicts);

#endif
