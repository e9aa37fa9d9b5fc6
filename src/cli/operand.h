/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operand.h: the frame of the verbs on one element: MAP, and room for the element's key and
 * value. */
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

/* Takes key DATA out of the words, into on->key; usage is the verb's, for the sentence. An exit
 * code. */
int operand_key(struct args *args, const struct operand *on, const char *usage);
/* The same where nothing may follow. */
int operand_key_alone(struct args *args, const struct operand *on, const char *usage);

#define OPERAND_NO_KEY "the map has no such key"
#define OPERAND_EMPTY  "the map is empty"

/* What a verb's call on the element came to, as an exit code; missing is what ENOENT means. */
int operand_result(int err, const char *verb, const char *missing);
/* The same of an update, which its flags may have kept from being done. */
int operand_updated(int err);

#endif
