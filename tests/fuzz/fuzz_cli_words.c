/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_cli_words.c: any words as command lines of the tool, on maps of every kind.
 *
 * Input    lines; in each words between blanks (0x1f stands for a blank inside a word). %o, %p and %l
 *          stand for an object file, a capture and a file that load reads.
 * Left out are words that lead out of the runtime directory, the kernel's engine and its maps, and counts
 * of repetitions that are only long. */
#include "cli_call.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX  6
#define WORDS_MAX  40
#define BYTES_MAX  2000
#define REPEAT_MAX 20

static const char load_text[] = "{\"key\":[1,0,0,0],\"value\":[1,2,3,4,5,6,7,8]}\n"
				"key: 02 00 00 00  value: 01 02 03 04 05 06 07 08\n"
				"{\"key\":3,\"value\":7}\n";

static char load_path[512];

static bool begins(const char *word, const char *whole)
{
	return word[0] && !strncmp(word, whole, strlen(word));
}

/* advise watches for as long as it is told, or 1.5 s. */
static bool is_patient(const char *const *words)
{
	bool advise = false, brief = false;

	for (size_t i = 0; words[i]; i++) {
		advise = advise || begins(words[i], "advise");
		if (i && begins(words[i - 1], "for"))
			brief = strtod(words[i], NULL) <= 0.01 && !strchr(words[i], 'm');
	}
	return advise && !brief;
}

/* Whether the line may run. */
static bool is_tame(const char *const *words)
{
	if (is_patient(words))
		return false;
	for (size_t i = 0; words[i]; i++) {
		if (strchr("./", words[i][0]) || strstr(words[i], ".."))
			return false;
		if (i && begins(words[i - 1], "engine") && begins(words[i], "kernel"))
			return false;
		if (!strcmp(words[i], "kernel") || begins(words[i], "gc"))
			return false;
		/* These watch, and do not end of themselves. */
		if ((begins(words[i], "top") || begins(words[i], "serve")) && words[i][1])
			return false;
		if (i && begins(words[i - 1], "repeat") && strtoull(words[i], NULL, 0) > REPEAT_MAX)
			return false;
	}
	return true;
}

static const char *word_of(const char *word)
{
	if (!strcmp(word, "%o"))
		return FUZZ_OBJECT;
	if (!strcmp(word, "%p"))
		return FUZZ_CAPTURE;
	return strcmp(word, "%l") ? word : load_path;
}

static void line_run(char *line)
{
	const char *words[WORDS_MAX + 1] = {NULL};
	const char *meant[WORDS_MAX + 1] = {NULL};
	char *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " ", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest)) {
		for (char *c = word; *c; c++)
			*c = *c == 0x1f ? ' ' : *c;
		words[count] = word;
		meant[count++] = word_of(word);
	}
	if (is_tame(words))
		cli_call(meant);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[BYTES_MAX + 1], *rest = NULL;
	size_t lines = 0;

	size = size < BYTES_MAX ? size : BYTES_MAX;
	memcpy(text, data, size);
	text[size] = 0;
#ifdef FUZZ_CANARY
	/* A verb that fails and says nothing. */
	if (!strncmp(text, "lookup", 6)) {
		cli_begin();
		cli_end("the canary", 1);
	}
#endif
	maps_restore(text);
	snprintf(load_path, sizeof(load_path), "%s",
		 cli_file("load.txt", load_text, sizeof(load_text) - 1));
	for (char *line = strtok_r(text, "\n", &rest); line && lines < LINES_MAX;
	     line = strtok_r(NULL, "\n", &rest), lines++)
		line_run(line);
	cli_clean();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cli_prepare(1u << 20);
	maps_make(FUZZ_OBJECT, FUZZ_CAPTURE);
	return 0;
}
