/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exit.h: exit codes and error sentences. Sentences go to stderr in every output format. */
#ifndef BPFMAP_CLI_EXIT_H
#define BPFMAP_CLI_EXIT_H

enum exit_code {
#define EXIT_CODE(NAME, number, meaning) EXIT_CODE_##NAME = number,
#include "cli/exit.def"
#undef EXIT_CODE
};

/* Print "Error: ..." and return EXIT_CODE_USAGE: the command line is at fault. */
__attribute__((format(printf, 1, 2))) int exit_usage(const char *fmt, ...);

/* Print "Error: <what>: <bpfmap_last_error()>" for a call that returned err (negative errno) and
 * return its exit code. */
__attribute__((format(printf, 2, 3))) int exit_failure(long err, const char *fmt, ...);

/* The same without the library's sentence: the text says all. */
__attribute__((format(printf, 2, 3))) int exit_sentence(long err, const char *fmt, ...);

#endif
