/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cli.c: options, the verb, and whether its output arrived. */
#include "cli/cli.h"
#include "cli/help.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(struct cli *cli, struct args *args);
} verbs[] = {
#define VERB(name, synopsis, help) {#name, verb_##name},
#include "cli/verbs.def"
#undef VERB
#define ALIAS(word, verb) {#word, verb_##verb},
#include "cli/aliases.def"
#undef ALIAS
};

static const struct {
	const char *words;
	const char *instead;
} strangers[] = {
#define STRANGER(words, instead) {words, instead},
#include "cli/strangers.def"
#undef STRANGER
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* Values of long options that have no letter. */
enum { OPTION_BPFTOOL_JSON = 256 };

static const struct option long_options[] = {
#define OPTION(letter, name, help) \
	{name, no_argument, NULL, (letter) ? (letter) : OPTION_BPFTOOL_JSON},
#include "cli/options.def"
#undef OPTION
	{0},
};

/* What the options ask for. */
struct options {
	enum out_style style;
	enum out_bytes bytes;
	bool debug;
	const char *verb; /* one that an option stands for */
};

static int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = {.style = OUT_STYLE_PLAIN};
	int c;

	/* +: the verb ends the options, so that a key may begin with a minus sign. */
	while ((c = getopt_long(argc, argv, "+jpfdVh", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			if (options.style == OUT_STYLE_PLAIN)
				options.style = OUT_STYLE_JSON;
			break;
		case 'p': options.style = OUT_STYLE_JSON_PRETTY; break;
		case OPTION_BPFTOOL_JSON:
			options.bytes = OUT_BYTES_BPFTOOL;
			if (options.style == OUT_STYLE_PLAIN)
				options.style = OUT_STYLE_JSON;
			break;
		case 'f': break;
		case 'd': options.debug = true; break;
		case 'V': options.verb = "version"; break;
		case 'h': options.verb = "help"; break;
		default: return EXIT_CODE_USAGE;
		}
	}
	*ret_options = options;
	return 0;
}

void cli_engine(struct cli *cli, const struct backend *backend)
{
	cli->backend = backend;
	bpfmap_compat_engine(backend->engine);
}

static bool is_among(const char *word, const char *words)
{
	size_t len = strlen(word);

	for (;; words++) {
		if (len && strcspn(words, "|") == len && !strncmp(words, word, len))
			return true;
		words = strchr(words, '|');
		if (!words)
			return false;
	}
}

/* What does here what the word does elsewhere. */
static const char *instead_of(const char *word)
{
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		if (is_among(word, strangers[i].words))
			return strangers[i].instead;
	return "bpfmap help lists the verbs";
}

static int verb_run_word(struct cli *cli, const char *word, struct args *args)
{
	const char *names[VERB_COUNT + 1] = {0};
	int i;

	for (size_t v = 0; v < VERB_COUNT; v++)
		names[v] = verbs[v].name;
	i = args_match(word, names);
	if (i == -2)
		return exit_usage("'%s' may mean several verbs; write more of it (bpfmap help)",
				  word);
	if (i < 0)
		return exit_usage("what is '%s'? %s", word, instead_of(word));
	if (args->count == 1 && help_is_wanted(args_peek(args))) {
		help_verb_print(stdout, verbs[i].name);
		return 0;
	}
	return verbs[i].run(cli, args);
}

int cli_run(int argc, char **argv)
{
	struct options options;
	struct cli cli = {0};
	struct args args;
	const char *word;
	int code, err;

	/* Begin anew, also where it is not the first command line of this process. */
	optind = 0;
	code = options_parse(argc, argv, &options);
	if (code)
		return code;
	args = (struct args){.word = argv + optind, .count = (size_t)(argc - optind)};
	word = options.verb ? options.verb : args_next(&args);
	if (!word) {
		help_verbs_print(stderr);
		return EXIT_CODE_USAGE;
	}
	cli.out = out_new(options.style, options.bytes);
	cli.for_programs = options.style != OUT_STYLE_PLAIN;
	cli.debug = options.debug;
	cli_engine(&cli, &backend_user);
	code = verb_run_word(&cli, word, &args);
	err = out_finish(cli.out);
	if (err && !code)
		code = exit_sentence(-EIO, "output was lost: %s", strerror(-err));
	return code;
}
