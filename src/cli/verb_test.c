/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_test.c: run the cases of test files. Without FILE, OBJ.bpf.o has its cases beside it in
 * OBJ.test.yaml. Exit code 1 if a case fails, 2 if a file is at fault. */
#include "cli/test.h"

#include "base/clock.h"
#include "bpfmap/bpfmap.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_CASE_FAILED 1

struct test_words {
	const char *object;
	const char **files;
	size_t file_count;
	char *beside; /* the file of that name, if none is given */
	const char *junit;
	bool tap, keep;
	struct jit_words jit;
	const struct backend *backend;
	const char *only; /* cases whose name holds this */
};

static int tap_word(struct args *args, struct test_words *words)
{
	words->tap = true;
	return 0;
}

static int keep_word(struct args *args, struct test_words *words)
{
	words->keep = true;
	return 0;
}

static int junit_word(struct args *args, struct test_words *words)
{
	return args_word(args, "junit", &words->junit);
}

static int case_word(struct args *args, struct test_words *words)
{
	return args_word(args, "case", &words->only);
}

static int backend_word(struct args *args, struct test_words *words)
{
	return engine_word(args, &words->backend);
}

static int compile_word(struct args *args, struct test_words *words)
{
	return jit_word(args, &words->jit);
}

/* Words behind OBJ; others are files. They are written out, as a file may have any name. */
static const struct {
	const char *name;
	int (*read)(struct args *args, struct test_words *words);
} keywords[] = {
	{"engine", backend_word}, {"case", case_word}, {"keep", keep_word},
	{"jit", compile_word},	  {"tap", tap_word},   {"junit", junit_word},
};
#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

static void file_add(struct test_words *words, const char *path)
{
	size_t size = (words->file_count + 1) * sizeof(*words->files);

	words->files = must_realloc(words->files, size);
	words->files[words->file_count++] = path;
}

/* OBJ.bpf.o: OBJ.test.yaml */
static void file_beside(struct test_words *words)
{
	static const char *const ends[] = {".bpf.o", ".o"};
	size_t len = strlen(words->object);
	struct text path = {0};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && !strcmp(words->object + len - end, ends[i])) {
			len -= end;
			break;
		}
	}
	text_add(&path, words->object, len);
	text_addf(&path, ".test.yaml");
	words->beside = path.s;
	file_add(words, path.s);
}

static int words_parse(struct cli *cli, struct args *args, struct test_words *words)
{
	bool seen[KEYWORDS] = {false};
	int code = args_word(args, "OBJ.bpf.o", &words->object);

	while (!code && args->count) {
		const char *word = args_next(args);
		size_t i = 0;

		while (i < KEYWORDS && strcmp(keywords[i].name, word))
			i++;
		if (i == KEYWORDS) {
			file_add(words, word);
			continue;
		}
		if (seen[i])
			return exit_usage("%s specified multiple times", word);
		seen[i] = true;
		code = keywords[i].read(args, words);
	}
	if (!code)
		code = jit_check(&words->jit, words->backend);
	if (!code && words->tap && cli->for_programs)
		code = exit_usage("tap and JSON are both for programs; choose one");
	if (!code && !words->file_count)
		file_beside(words);
	return code;
}

/* ---- running ---- */

static void file_run(struct test_run *run, const struct test_words *words,
		     const struct test_file *file, struct test_results *results)
{
	for (size_t i = 0; i < file->count && !run->refused; i++) {
		if (words->only && !strstr(file->cases[i].name, words->only))
			continue;
		results->item =
			must_realloc(results->item, (results->count + 1) * sizeof(*results->item));
		test_case_run(run, file, &file->cases[i], &results->item[results->count++]);
	}
	/* Nobody goes on with the maps of another file. */
	if (run->object.bpf)
		object_close(&run->object);
}

static int report(struct cli *cli, const struct test_words *words,
		  const struct test_results *results)
{
	int err = 0;

	if (words->tap)
		test_report_tap(results);
	else
		test_report(cli->out, results);
	if (words->junit)
		err = test_report_junit(results, words->junit);
	if (err)
		return exit_sentence(-EIO, "%s", bpfmap_last_error());
	if (test_results_count(results, TEST_BAD))
		return EXIT_CODE_USAGE;
	return test_results_count(results, TEST_FAILED) ? EXIT_CASE_FAILED : 0;
}

static int files_run(struct cli *cli, const struct test_words *words, const struct test_file *files)
{
	struct test_run run = {
		.cli = cli, .object_path = words->object, .keep = words->keep, .jit = words->jit};
	struct test_results results = {.object = words->object, .engine = words->backend->name};
	double begun = clock_now_seconds();
	int code;

	for (size_t i = 0; i < words->file_count && !run.refused; i++)
		file_run(&run, words, &files[i], &results);
	results.seconds = clock_now_seconds() - begun;
	if (run.refused)
		code = exit_sentence(run.refused, "%s",
				     text_str(&results.item[results.count - 1].why));
	else if (!results.count)
		code = exit_sentence(-ENOENT, "no case has '%s' in its name", words->only);
	else
		code = report(cli, words, &results);
	for (size_t i = 0; i < results.count; i++)
		test_result_free(&results.item[i]);
	free(results.item);
	return code;
}

/* All files are read before the first case runs. */
static int files_read(const struct test_words *words, struct test_file *files, size_t *ret_count)
{
	int err = 0;

	for (*ret_count = 0; !err && *ret_count < words->file_count; *ret_count += !err)
		err = test_file_read(words->files[*ret_count], &files[*ret_count]);
	if (err == -EINVAL)
		return exit_usage("%s", bpfmap_last_error());
	return err ? exit_sentence(err, "%s", bpfmap_last_error()) : 0;
}

int verb_test(struct cli *cli, struct args *args)
{
	struct test_words words = {.backend = &backend_user};
	struct test_file *files = NULL;
	size_t count = 0;
	int code = words_parse(cli, args, &words);

	if (!code && access(words.object, R_OK))
		code = exit_sentence(-errno, "can't open %s: %s", words.object, strerror(errno));
	if (!code) {
		cli_engine(cli, words.backend);
		files = must_realloc(NULL, words.file_count * sizeof(*files));
		code = files_read(&words, files, &count);
	}
	if (!code)
		code = files_run(cli, &words, files);
	for (size_t i = 0; i < count; i++)
		test_file_free(&files[i]);
	free(files);
	free(words.files);
	free(words.beside);
	return code;
}
