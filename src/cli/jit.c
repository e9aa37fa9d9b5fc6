/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* jit.c: see jit.h. */
#include "cli/jit.h"

#include "bpf/prog_code.h"

#include <errno.h>
#include <string.h>

int engine_word(struct args *args, const struct backend **ret_backend)
{
	const char *word;
	int code = args_word(args, "engine", &word);

	if (code)
		return code;
	*ret_backend = backend_find(word);
	return *ret_backend ? 0 : exit_usage("engine: '%s' is neither user nor kernel", word);
}

int jit_word(struct args *args, struct jit_words *words)
{
	/* In the order of enum bpfmap_jit. */
	static const char *const modes[] = {"off", "on", "auto", NULL};
	const char *word;
	int mode, code = args_word(args, "jit", &word);

	if (code)
		return code;
	mode = args_match(word, modes);
	if (mode < 0 && !strchr(word, '.') && !strchr(word, '/'))
		return exit_usage(
			"jit: '%s' is neither on, off nor auto, nor a file (FILE.so, ./FILE)",
			word);
	*words = (struct jit_words){.mode = mode < 0 ? BPFMAP_JIT_ON : (enum bpfmap_jit)mode,
				    .said = true,
				    .file = mode < 0 ? word : NULL};
	return 0;
}

int jit_check(const struct jit_words *words, const struct backend *backend)
{
	if (words->said && backend->engine == BPFMAP_ENGINE_KERNEL)
		return exit_usage("jit is for engine user; the kernel's is set by "
				  "net.core.bpf_jit_enable");
	return 0;
}

/* A program that has code from an earlier case keeps it. */
static int file_apply(const struct jit_words *words, int prog_fd)
{
	int err = words->file ? prog_code_load(prog_fd, words->file) : 0;

	return err == -EBUSY ? 0 : err;
}

int jit_apply_to(const struct jit_words *words, int prog_fd, struct bpfmap_prog *prog,
		 struct bpfmap_prog_info *ret_info)
{
	int err = file_apply(words, prog_fd);

	*ret_info = (struct bpfmap_prog_info){.sz = sizeof(*ret_info)};
	/* What there is to know of an interpreted program would have to be proved first. */
	if (err || words->mode == BPFMAP_JIT_OFF)
		return err;
	err = bpfmap_prog_jit(prog, words->mode);
	return err ? err : bpfmap_prog_get_info(prog, ret_info);
}

int jit_apply(const struct jit_words *words, int prog_fd)
{
	struct bpfmap_prog *prog;
	int err;

	if (words->mode == BPFMAP_JIT_OFF)
		return 0;
	err = bpfmap_prog_from_fd(prog_fd, &prog);
	if (err)
		return err;
	err = file_apply(words, prog_fd);
	if (!err)
		err = bpfmap_prog_jit(prog, words->mode);
	bpfmap_prog_close(prog);
	return err;
}
