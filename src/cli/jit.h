/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* jit.h: the words engine and jit of verbs that run programs, and programs compiled as jit says. */
#ifndef BPFMAP_CLI_JIT_H
#define BPFMAP_CLI_JIT_H

#include "cli/cli.h"

#include "bpfmap/program.h"

struct jit_words {
	enum bpfmap_jit mode;
	bool said;
	const char *file; /* of bpfmap compile; NULL: none */
};

/* user or kernel behind the word. 0 or an exit code. */
int engine_word(struct args *args, const struct backend **ret_backend);
/* on, off, auto or a file behind the word. 0 or an exit code. */
int jit_word(struct args *args, struct jit_words *words);
/* An exit code if it was said for an engine that has none. */
int jit_check(const struct jit_words *words, const struct backend *backend);

/* Compile the program behind a descriptor as the words say. 0 or -errno with a sentence. */
int jit_apply(const struct jit_words *words, int prog_fd);
/* The same with its handle, too; *ret_info says what became of it. */
int jit_apply_to(const struct jit_words *words, int prog_fd, struct bpfmap_prog *prog,
		 struct bpfmap_prog_info *ret_info);

#endif
