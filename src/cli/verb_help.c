/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_help.c: the help texts, made from the tables. */
#include "cli/help.h"

#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

#define USAGE	  "Usage: bpfmap [OPTIONS] VERB ...\n\n"
#define WIDTH	  80 /* columns, but for words that are wider by themselves */
#define GROUP_MAX 45 /* words together in brackets that stay on one line */

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
	const char *name;
	const char *grammar;
	const char *text;
} words[] = {
#define WORD(name, offer, grammar, text) {name, grammar, text},
#include "cli/words.def"
#undef WORD
};

static const struct {
	const char *verbs; /* names with blanks between */
	const char *words;
	const char *text;
} keywords[] = {
#define KEYWORD(verbs, words, text) {verbs, words, text},
#include "cli/keywords.def"
#undef KEYWORD
};

static const struct {
	const char *verb;
	const char *line;
} examples[] = {
#define EXAMPLE(verb, line) {#verb, line},
#include "cli/examples.def"
#undef EXAMPLE
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

/* NULL: no column to sort by. */
static const char *const columns[] = {
#define TOP_COLUMN(NAME, word, json, heading, unit, width, rank, help) (json) ? (word) : NULL,
#include "cli/top_columns.def"
#undef TOP_COLUMN
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- paragraphs ---- */

/* Where the next word goes. */
struct paragraph {
	FILE *file;
	size_t indent; /* of all lines but the first */
	size_t column;
	bool begun;
};

static void paragraph_word(struct paragraph *p, const char *word, size_t len)
{
	if (p->begun && p->column + 1 + len > WIDTH) {
		fprintf(p->file, "\n%*s", (int)p->indent, "");
		p->column = p->indent;
	} else if (p->begun) {
		fputc(' ', p->file);
		p->column++;
	}
	fwrite(word, 1, len, p->file);
	p->column += len;
	p->begun = true;
}

/* How long the next word is. What stands in brackets or braces is one, if it is short. */
static size_t word_length(const char *text)
{
	size_t len = 0;
	int depth = 0;

	while (text[len] && (depth || !strchr(" \n", text[len]))) {
		if (strchr("[{", text[len]))
			depth++;
		if (strchr("]}", text[len]))
			depth--;
		len++;
	}
	return len <= GROUP_MAX ? len : strcspn(text, " \n");
}

static void paragraph_text(struct paragraph *p, const char *text)
{
	while (*(text += strspn(text, " \n"))) {
		size_t len = word_length(text);

		paragraph_word(p, text, len);
		text += len;
	}
}

/* A line that begins with head, and text behind it from column indent on. */
static void entry_print(FILE *file, const char *head, size_t indent, const char *text)
{
	int column = fprintf(file, "%-*s", (int)indent, head);
	struct paragraph p = {.file = file, .indent = indent, .column = (size_t)column};

	paragraph_text(&p, text);
	fputc('\n', file);
}

/* ---- words in capitals ---- */

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

/* Marks the rows of words[] whose names stand in a text. */
static void words_mark(const char *text, bool *wanted)
{
	while (*text) {
		size_t len = 0;

		while (in_word(text[len]))
			len++;
		while (len && text[len - 1] == '.')
			len--;
		for (size_t i = 0; i < COUNT(words); i++)
			if (strlen(words[i].name) == len && !strncmp(words[i].name, text, len))
				wanted[i] = true;
		text += len ? len : 1;
	}
}

static void names_print(struct paragraph *p, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!names[i])
			continue;
		if (p->begun)
			paragraph_word(p, "|", 1);
		paragraph_word(p, names[i], strlen(names[i]));
	}
}

/* NAME := grammar; text */
static void word_print(FILE *file, size_t i)
{
	char head[32];
	size_t len = (size_t)snprintf(head, sizeof(head), "  %-5s := ", words[i].name);
	struct paragraph p = {.file = file, .indent = 11, .column = len};

	fputs(head, file);
	if (!strcmp(words[i].name, "TYPE"))
		names_print(&p, types, COUNT(types));
	else if (!strcmp(words[i].name, "FLAGS"))
		names_print(&p, flags, COUNT(flags));
	else if (!strcmp(words[i].name, "COLUMN"))
		names_print(&p, columns, COUNT(columns));
	else
		paragraph_text(&p, words[i].grammar);
	if (words[i].text[0] && p.begun) {
		fprintf(file, "\n%*s", (int)p.indent, "");
		p = (struct paragraph){.file = file, .indent = p.indent, .column = p.indent};
	}
	paragraph_text(&p, words[i].text);
	fputc('\n', file);
}

/* The words of a text, and those that they are made of. */
static void grammar_print(FILE *file, const char *text)
{
	bool wanted[COUNT(words)] = {false}, seen[COUNT(words)] = {false};
	bool any = false;

	words_mark(text, wanted);
	for (size_t i = 0; i < COUNT(words); i++) {
		any = any || wanted[i];
		if (!wanted[i] || seen[i])
			continue;
		seen[i] = true;
		words_mark(words[i].grammar, wanted);
		i = (size_t)-1; /* begin again: it may have named an earlier row */
	}
	if (any)
		fputs("\nwhere\n", file);
	for (size_t i = 0; i < COUNT(words); i++)
		if (wanted[i])
			word_print(file, i);
}

/* ---- all verbs ---- */

static void synopsis_print(FILE *file, size_t verb, const char *prefix, size_t indent)
{
	struct paragraph p = {.file = file, .indent = indent, .column = strlen(prefix)};

	fputs(prefix, file);
	paragraph_text(&p, verbs[verb].name);
	paragraph_text(&p, verbs[verb].synopsis);
	fputc('\n', file);
}

void help_verbs_print(FILE *file)
{
	fputs(USAGE, file);
	for (size_t i = 0; i < COUNT(verbs); i++) {
		char head[32];

		snprintf(head, sizeof(head), "  %s", verbs[i].name);
		entry_print(file, head, 12, verbs[i].help);
	}
	fputs("\nbpfmap VERB help says how; bpfmap help says it of all; man bpfmap has more.\n",
	      file);
}

void help_print(FILE *file)
{
	fputs(USAGE, file);
	for (size_t i = 0; i < COUNT(verbs); i++) {
		synopsis_print(file, i, "  ", 13);
		entry_print(file, "", 8, verbs[i].help);
	}
	fputs("\nwhere\n", file);
	for (size_t i = 0; i < COUNT(words); i++)
		word_print(file, i);
	fputs("Verbs and keywords may be shortened as long as they stay unambiguous.\n"
	      "\nOptions\n",
	      file);
	for (size_t i = 0; i < COUNT(options); i++) {
		char head[32], letter[] = {'-', options[i].letter, ',', '\0'};

		snprintf(head, sizeof(head), "  %3s --%s", options[i].letter ? letter : "",
			 options[i].name);
		entry_print(file, head, 22, options[i].help);
	}
	fputs("\nExit codes\n", file);
	for (size_t i = 0; i < COUNT(codes); i++)
		fprintf(file, "  %d  %s\n", codes[i].number, codes[i].meaning);
	fputs("\nbpfmap help VERB says more; so does man bpfmap.\n", file);
}

/* ---- one verb ---- */

/* Is name one of the words in a list? */
static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at += len)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

static void keywords_print(FILE *file, const char *verb)
{
	size_t width = 0;

	for (size_t i = 0; i < COUNT(keywords); i++)
		if (list_has(keywords[i].verbs, verb) && strlen(keywords[i].words) > width)
			width = strlen(keywords[i].words);
	if (width)
		fputc('\n', file);
	for (size_t i = 0; i < COUNT(keywords); i++) {
		char head[128];

		if (!list_has(keywords[i].verbs, verb))
			continue;
		snprintf(head, sizeof(head), "  %s", keywords[i].words);
		entry_print(file, head, width + 4, keywords[i].text);
	}
}

static const char *alias_verb(const char *word)
{
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (!strcmp(word, aliases[i].word))
			return aliases[i].verb;
	return word;
}

void help_verb_print(FILE *file, const char *name)
{
	const char *verb = alias_verb(name), *heading = "\nfor example\n";
	size_t v = 0;

	while (v < COUNT(verbs) - 1 && strcmp(verbs[v].name, verb))
		v++;
	synopsis_print(file, v, "bpfmap ", 13);
	entry_print(file, "", 2, verbs[v].help);
	keywords_print(file, verb);
	grammar_print(file, verbs[v].synopsis);
	for (size_t i = 0; i < COUNT(examples); i++) {
		if (strcmp(examples[i].verb, verb))
			continue;
		fprintf(file, "%s  %s\n", heading, examples[i].line);
		heading = "";
	}
	fprintf(file, "\nmore: man bpfmap-%s\n", verb);
}

bool help_is_wanted(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

int verb_help(struct cli *cli, struct args *args)
{
	const char *names[COUNT(verbs) + COUNT(aliases) + 1] = {0};
	const char *word = args_next(args);
	int i, code = args_end(args);

	if (code)
		return code;
	if (!word) {
		help_print(stdout);
		return 0;
	}
	for (size_t v = 0; v < COUNT(verbs); v++)
		names[v] = verbs[v].name;
	for (size_t a = 0; a < COUNT(aliases); a++)
		names[COUNT(verbs) + a] = aliases[a].word;
	i = args_match(word, names);
	if (i < 0)
		return exit_usage("what is '%s'? bpfmap help lists the verbs", word);
	help_verb_print(stdout, names[i]);
	return 0;
}
