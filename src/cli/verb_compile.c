/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_compile.c: compile the programs of an object ahead of time, into a file that needs no
 * compiler. */
#include "cli/object.h"

#include "base/clock.h"
#include "bpf/prog_code.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <sys/stat.h>

struct compile_words {
	const char *object;
	const char *file; /* NULL: not given */
	const char *prog; /* NULL: all */
};

static int words_parse(struct args *args, struct compile_words *words)
{
	int code = args_word(args, "OBJ.bpf.o", &words->object);

	while (!code && args->count) {
		if (!words->file && (args_take(args, "-o")))
			code = args_word(args, "-o", &words->file);
		else if (!words->prog && args_take(args, "prog"))
			code = args_word(args, "prog", &words->prog);
		else
			return exit_usage("expected -o FILE or prog NAME, got: '%s'",
					  args_peek(args));
	}
	if (!code && !words->file)
		return exit_usage("-o FILE is missing: where shall the compiled code go?");
	return code;
}

static void report(struct cli *cli, const struct compile_words *words, const struct object *object,
		   double seconds)
{
	struct out *out = cli->out;
	struct stat st = {0};

	stat(words->file, &st);
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	out_key(out, "file", "file");
	out_str(out, words->file);
	out_key(out, "bytes", "bytes");
	out_u64(out, (uint64_t)st.st_size);
	out_key(out, "seconds", "time");
	out_seconds(out, seconds);
	out_key(out, "programs", "programs");
	out_begin(out, OUT_ARRAY, OUT_LIST);
	for (size_t i = 0; i < object->prog_count; i++)
		out_str(out, bpf_program__name(object->prog[i]));
	out_end(out);
	out_end(out);
}

static int object_compile(struct cli *cli, const struct compile_words *words,
			  const struct object *object)
{
	int *fds = calloc(object->prog_count + 1, sizeof(*fds));
	double start = clock_now_seconds();
	int err = -ENOMEM;

	for (size_t i = 0; fds && i < object->prog_count; i++)
		fds[i] = bpf_program__fd(object->prog[i]);
	if (fds)
		err = prog_code_save(fds, (uint32_t)object->prog_count, words->file);
	free(fds);
	if (err)
		return exit_failure(err, "can't compile %s", words->object);
	report(cli, words, object, clock_now_seconds() - start);
	return 0;
}

int verb_compile(struct cli *cli, struct args *args)
{
	struct compile_words words = {0};
	struct object_want want = {.progs = &words.prog, .unnamed = OBJECT_ALL};
	struct object object;
	int code = words_parse(args, &words);

	if (code)
		return code;
	want.count = words.prog != NULL;
	cli_engine(cli, &backend_user);
	code = object_load(cli, words.object, &want, &object);
	if (code)
		return code;
	code = object_compile(cli, &words, &object);
	object_close(&object);
	return code;
}
