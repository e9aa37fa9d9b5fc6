/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* create_words.h: what a map is to be, as create and size are told it. */
#ifndef BPFMAP_CLI_CREATE_WORDS_H
#define BPFMAP_CLI_CREATE_WORDS_H

#include "cli/args.h"
#include "kernel/backend.h"

enum create_word {
	CREATE_TYPE,
	CREATE_KEY,
	CREATE_VALUE,
	CREATE_ENTRIES,
	CREATE_NAME,
	CREATE_FLAGS,
	CREATE_HASHES,
	CREATE_CPUS, /* for size alone: a map has those of the machine it is made on */
	CREATE_WORDS
};

struct create_words {
	struct backend_create how;
	uint32_t cpus;
	bool given[CREATE_WORDS];
	/* By who calls: words that are not for him, and words that may be missing. */
	bool refused[CREATE_WORDS];
	bool optional[CREATE_WORDS];
};

/* The words up to the end, each at most once; verb is "create PATH" or the like, for the sentence.
 * What is not given stays as it was. 0 or an exit code. */
int create_words_parse(struct args *args, const char *verb, struct create_words *words);

#endif
