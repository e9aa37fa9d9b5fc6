/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_help.c: the help text, made from the tables. */
#include "cli/help.h"

#include "cli/cli.h"

#include <string.h>

static const struct {
	const char *name;
	const char *synopsis;
	const char *help;
} verbs[] = {
#define VERB(name, synopsis, help) {#name, synopsis, help},
#include "cli/verbs.def"
#undef VERB
};

static const struct {
	const char *word;
	const char *verb;
} aliases[] = {
#define ALIAS(word, verb) {#word, #verb},
#include "cli/aliases.def"
#undef ALIAS
};

static const struct {
	char letter;
	const char *name;
	const char *help;
} options[] = {
#define OPTION(letter, name, help) {letter, name, help},
#include "cli/options.def"
#undef OPTION
};

static const struct {
	int number;
	const char *meaning;
} codes[] = {
#define EXIT_CODE(NAME, number, meaning) {number, meaning},
#include "cli/exit.def"
#undef EXIT_CODE
};

static const char *const types[] = {
#define MAP_TYPE(NAME, word, ops) word,
#include "map/types.def"
#undef MAP_TYPE
};

static const char *const flags[] = {
#define MAP_FLAG(value, name) name,
#include "cli/map_flags.def"
#undef MAP_FLAG
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* NAME := a|b|c */
static void words_print(FILE *file, const char *name, const char *const *words, size_t count)
{
	fprintf(file, "  %-5s := ", name);
	for (size_t i = 0; i < count; i++)
		fprintf(file, "%s%s", i ? "|" : "", words[i]);
	fputc('\n', file);
}

static void grammar_print(FILE *file)
{
	fputs("\nwhere\n"
	      "  MAP   := id N | pinned FILE | name NAME | FILE\n"
	      "  FILE  := a path; a relative one is in the runtime directory ($BPFMAP_DIR, else\n"
	      "           /dev/shm/bpfmap-UID), and /sys/fs/bpf/x is x there; ./x is x here\n"
	      "  DATA  := BYTE ... | hex BYTE ... | VALUE\n"
	      "  BYTE  := 0 to 255, decimal, 0x hexadecimal or 0 octal\n"
	      "  VALUE := where the map has BTF: 5, -1, 'c', true, ENUMERATOR, \"text\",\n"
	      "           { .packets = 1, .bytes = 2 } or {\"packets\":1,\"bytes\":2}\n"
	      "  FIELD := key | value, and where the map has BTF value.packets, key.address[2];\n"
	      "           without BTF of 1, 2, 4 or 8 bytes: a little-endian number. Of values "
	      "per\n"
	      "           CPU their sum, or what percpu says\n"
	      "  OP    := == != < <= > >= in quotes ('value > 5'), or eq ne lt le gt ge\n",
	      file);
	words_print(file, "TYPE", types, COUNT(types));
	words_print(file, "FLAGS", flags, COUNT(flags));
	fputs("           joined by commas, or a number\n"
	      "Verbs and keywords may be shortened as long as they stay unambiguous.\n",
	      file);
}

void help_print(FILE *file)
{
	fputs("Usage: bpfmap [OPTIONS] VERB ...\n\n", file);
	for (size_t i = 0; i < COUNT(verbs); i++)
		fprintf(file, "  %s%s%s\n        %s\n", verbs[i].name,
			verbs[i].synopsis[0] ? " " : "", verbs[i].synopsis, verbs[i].help);
	grammar_print(file);
	fputs("\nOptions\n", file);
	for (size_t i = 0; i < COUNT(options); i++) {
		fprintf(file, options[i].letter ? "  -%c, " : "      ", options[i].letter);
		fprintf(file, "--%-13s %s\n", options[i].name, options[i].help);
	}
	fputs("\nExit codes\n", file);
	for (size_t i = 0; i < COUNT(codes); i++)
		fprintf(file, "  %d  %s\n", codes[i].number, codes[i].meaning);
}

static const char *alias_verb(const char *word)
{
	for (size_t i = 0; word && i < COUNT(aliases); i++)
		if (!strcmp(word, aliases[i].word))
			return aliases[i].verb;
	return word;
}

int verb_help(struct cli *cli, struct args *args)
{
	const char *names[COUNT(verbs) + 1] = {0};
	const char *word = alias_verb(args_next(args));
	int i, code = args_end(args);

	if (code)
		return code;
	if (!word) {
		help_print(stdout);
		return 0;
	}
	for (size_t v = 0; v < COUNT(verbs); v++)
		names[v] = verbs[v].name;
	i = args_match(word, names);
	if (i < 0)
		return exit_usage("what is '%s'? bpfmap help lists the verbs", word);
	printf("bpfmap %s%s%s\n  %s\n", verbs[i].name, verbs[i].synopsis[0] ? " " : "",
	       verbs[i].synopsis, verbs[i].help);
	grammar_print(stdout);
	return 0;
}
