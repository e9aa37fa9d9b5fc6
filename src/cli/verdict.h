/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verdict.h: what programs returned, counted by value. */
#ifndef BPFMAP_CLI_VERDICT_H
#define BPFMAP_CLI_VERDICT_H

#include "cli/out.h"
#include "cli/text.h"

#include <stddef.h>
#include <stdint.h>

/* Verdicts of XDP and classifiers are small: they are counted without a search. */
#define VERDICTS_SMALL 16

struct verdicts {
	uint64_t small[VERDICTS_SMALL]; /* indexed by value */
	struct verdict {
		uint32_t value;
		uint64_t count;
	} * verdict; /* the others, in order of value */
	size_t len;
};

void verdicts_add_other(struct verdicts *verdicts, uint32_t value, uint64_t count);

static inline void verdicts_add(struct verdicts *verdicts, uint32_t value, uint64_t count)
{
	if (value < VERDICTS_SMALL)
		verdicts->small[value] += count;
	else
		verdicts_add_other(verdicts, value, count);
}

/* Add all of from, and empty it. */
void verdicts_move(struct verdicts *to, struct verdicts *from);

/* An object of counts, the most frequent first, named as the program type names them. */
void verdicts_print(struct out *out, const struct verdicts *verdicts, uint32_t prog_type);
/* The same as text: "XDP_PASS=12  XDP_DROP=1". */
void verdicts_text(struct text *text, const struct verdicts *verdicts, uint32_t prog_type);
void verdicts_free(struct verdicts *verdicts);

/* The name that a program type has for a value, NULL: none. */
const char *verdict_name(uint32_t prog_type, uint32_t value);
/* The value of a name of that program type, or of a number. False: it is neither. */
bool verdict_parse(uint32_t prog_type, const char *word, uint32_t *ret_value);
/* All names of a program type, "XDP_ABORTED, XDP_DROP ...", "" if it has none. */
void verdict_names(struct text *text, uint32_t prog_type);

#endif
