/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operand.h: the frame of the verbs on one element: MAP, and room for the element's key and value. */
#ifndef BPFMAP_CLI_OPERAND_H
#define BPFMAP_CLI_OPERAND_H

#include "cli/mapref.h"

struct operand {
	struct mapref ref;
	uint8_t *key;
	uint8_t *value; /* all CPUs' */
};

/* The verb behind MAP. An exit code. */
typedef int operand_verb(struct cli *cli, struct args *args, const struct operand *on);

/* Takes MAP out of the words and does the verb with it. An exit code. */
int operand_run(struct cli *cli, struct args *args, operand_verb *verb);

/* Takes key DATA out of the words, into on->key; usage is the verb's, for the sentence. An exit code. */
int operand_key(struct args *args, const struct operand *on, const char *usage);

#endif
