/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* args.h: the words of a command line, read from left to right. Keywords may be abbreviated. */
#ifndef BPFMAP_CLI_ARGS_H
#define BPFMAP_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct args {
	char **word;
	size_t count;
};

/* The next word without taking it, NULL at the end. */
const char *args_peek(const struct args *args);
/* Take the next word, NULL at the end. */
const char *args_next(struct args *args);

/* True if word begins keyword and is not empty. */
bool args_is(const char *word, const char *keyword);
/* Take the next word if it is (a prefix of) keyword. */
bool args_take(struct args *args, const char *keyword);

/* The index of the keyword that word names: exactly, or as the only one it begins. Keywords end
 * with NULL. -1: none, -2: several. */
int args_match(const char *word, const char *const *keywords);

/* Take a whole number of 0 to max; what names it in the sentence. 0 or an exit code. */
int args_number(struct args *args, const char *what, uint64_t max, uint64_t *ret_number);
/* Take a time, TIME := NUMBER[ms|s|m|h|d], without a unit in seconds: min to max of them. */
int args_seconds(struct args *args, const char *what, double min, double max, double *ret_seconds);
/* Take a word that is not empty. */
int args_word(struct args *args, const char *what, const char **ret_word);
/* An exit code unless nothing is left. */
int args_end(const struct args *args);

#endif
