/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run_words.c: the words of bpfmap run. */
#include "cli/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel's limit is that of its 32-bit field, ours the time one waits. */
#define REPEAT_MAX  1000000000u
#define LOOPS_MAX   1000000000000ull
#define PACKETS_MAX 1000000000000ull
#define RATE_MAX    1e9
#define MEMORY_MAX  (1ull << 20) /* MiB */
#define SECONDS_MIN 1e-3
#define SECONDS_MAX (366 * 24 * 3600.0)

/* What captures may take unless told otherwise: a part of the machine's memory. */
#define MEMORY_PART 4

typedef int word_fn(struct args *args, struct run_words *words);

static void name_add(struct run_names *names, const char *name)
{
	names->name = must_realloc(names->name, (names->count + 1) * sizeof(*names->name));
	names->name[names->count++] = name;
}

static int prog_word(struct args *args, struct run_words *words)
{
	const char *name;
	int code = args_word(args, "prog", &name);

	if (code)
		return code;
	if (!strcmp(name, "all"))
		words->all_progs = true;
	for (size_t i = 0; i < words->progs.count; i++)
		if (!strcmp(words->progs.name[i], name))
			return exit_usage("prog %s specified multiple times", name);
	if (strcmp(name, "all"))
		name_add(&words->progs, name);
	if (words->all_progs && words->progs.count)
		return exit_usage("prog all includes prog %s; give one of them",
				  words->progs.name[0]);
	return 0;
}

static int pcap_word(struct args *args, struct run_words *words)
{
	const char *path;
	int code = args_word(args, "pcap", &path);

	if (code)
		return code;
	for (size_t i = 0; !strcmp(path, "-") && i < words->pcaps.count; i++)
		if (!strcmp(words->pcaps.name[i], "-"))
			return exit_usage("pcap - specified multiple times: standard input "
					  "can be read once");
	name_add(&words->pcaps, path);
	return 0;
}

static int interface_word(struct args *args, struct run_words *words)
{
	return args_word(args, "interface", &words->interface);
}

static int positive(struct args *args, const char *what, uint64_t max, uint64_t *ret_number)
{
	int code = args_number(args, what, max, ret_number);

	if (!code && !*ret_number)
		return exit_usage("%s: 0 is not possible, at least 1", what);
	return code;
}

static int packets_word(struct args *args, struct run_words *words)
{
	return positive(args, "packets", PACKETS_MAX, &words->packets);
}

static int repeat_word(struct args *args, struct run_words *words)
{
	uint64_t repeat = 0;
	int code = positive(args, "repeat", REPEAT_MAX, &repeat);

	words->repeat = (uint32_t)repeat;
	return code;
}

static int threads_word(struct args *args, struct run_words *words)
{
	uint64_t threads = 0;
	int code = positive(args, "threads", RUN_THREADS_MAX, &threads);

	words->threads = (uint32_t)threads;
	return code;
}

static int loop_word(struct args *args, struct run_words *words)
{
	words->loops = 0;
	if (args_take(args, "forever"))
		return 0;
	return positive(args, "loop", LOOPS_MAX, &words->loops);
}

static int memory_word(struct args *args, struct run_words *words)
{
	int code = args_number(args, "memory", MEMORY_MAX, &words->memory_bytes);

	words->memory_bytes <<= 20;
	return code;
}

static int rate_word(struct args *args, struct run_words *words)
{
	const char *word;
	char *end;
	int code = args_word(args, "rate", &word);

	if (code)
		return code;
	if (args_is(word, "capture")) {
		words->pace = RUN_PACE_CAPTURE;
		return 0;
	}
	words->pace = RUN_PACE_RATE;
	words->rate = strtod(word, &end);
	if (*end == 'k' || *end == 'M')
		words->rate *= *end++ == 'k' ? 1e3 : 1e6;
	if (*end || end == word || !(words->rate > 0 && words->rate <= RATE_MAX))
		return exit_usage("rate: '%s' is neither packets per second (1000, 50k, 1.5M) nor "
				  "capture",
				  word);
	return 0;
}

static int for_word(struct args *args, struct run_words *words)
{
	double seconds;
	int code = args_seconds(args, "for", SECONDS_MIN, SECONDS_MAX, &seconds);

	if (!code)
		words->for_ns = (uint64_t)(seconds * 1e9);
	return code;
}

static int pin_word(struct args *args, struct run_words *words)
{
	return args_word(args, "pin", &words->pin);
}

static int backend_word(struct args *args, struct run_words *words)
{
	return engine_word(args, &words->backend);
}

static int compile_word(struct args *args, struct run_words *words)
{
	return jit_word(args, &words->jit);
}

static int watch_word(struct args *args, struct run_words *words)
{
	const char *word;
	char *rest = NULL;
	int code = args_word(args, "watch", &word);

	if (code)
		return code;
	words->watch_copy = strcpy(must_realloc(NULL, strlen(word) + 1), word);
	for (char *name = strtok_r(words->watch_copy, ",", &rest); name;
	     name = strtok_r(NULL, ",", &rest))
		name_add(&words->watch, name);
	return words->watch.count ? 0 : exit_usage("watch needs the names of maps: watch A,B");
}

/* The words after OBJ. */
static const struct keyword {
	const char *name;
	word_fn *read;
	bool repeats;
} keywords[] = {
	{"prog", prog_word, true},
	{"pcap", pcap_word, true},
	{"interface", interface_word, false},
	{"packets", packets_word, false},
	{"for", for_word, false},
	{"repeat", repeat_word, false},
	{"loop", loop_word, false},
	{"rate", rate_word, false},
	{"threads", threads_word, false},
	{"memory", memory_word, false},
	{"pin", pin_word, false},
	{"watch", watch_word, false},
	{"engine", backend_word, false},
	{"jit", compile_word, false},
};
#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

/* A sentence about the keywords that begin with prefix. */
static int keywords_usage(const char *prefix, const char *word)
{
	struct text names = {0};
	int code;

	for (size_t i = 0; i < KEYWORDS; i++)
		if (!strncmp(keywords[i].name, prefix, strlen(prefix)))
			text_addf(&names, "%s%s", names.len ? ", " : "", keywords[i].name);
	if (*prefix)
		code = exit_usage("'%s' may mean several words: %s", word, text_str(&names));
	else
		code = exit_usage("expected %s, got: '%s'", text_str(&names), word);
	text_free(&names);
	return code;
}

static int keyword_next(struct args *args, int *ret_keyword)
{
	const char *names[KEYWORDS + 1] = {0}, *word = args_next(args);

	for (size_t i = 0; i < KEYWORDS; i++)
		names[i] = keywords[i].name;
	*ret_keyword = args_match(word, names);
	if (*ret_keyword == -2)
		return keywords_usage(word, word);
	if (*ret_keyword < 0)
		return keywords_usage("", word);
	return 0;
}

/* Words that contradict each other. */
static int words_check(const struct run_words *words)
{
	if (!words->pcaps.count && !words->interface)
		return exit_usage("pcap FILE is missing, or interface NAME: which packets shall "
				  "the program get?");
	if (words->pcaps.count && words->interface)
		return exit_usage("pcap and interface together are not possible");
	if (words->interface && words->loops != 1)
		return exit_usage("loop: an interface's packets come once; record them "
				  "(tcpdump -w FILE) and use pcap FILE");
	if (words->interface && words->pace != RUN_PACE_NONE)
		return exit_usage("rate: an interface's packets come at their own rate");
	return jit_check(&words->jit, words->backend);
}

static int words_read(struct args *args, struct run_words *words)
{
	bool seen[KEYWORDS] = {false};
	int keyword, code = args_word(args, "OBJ.bpf.o", &words->object);

	while (!code && args->count) {
		code = keyword_next(args, &keyword);
		if (code)
			return code;
		if (seen[keyword] && !keywords[keyword].repeats)
			return exit_usage("%s specified multiple times", keywords[keyword].name);
		seen[keyword] = true;
		code = keywords[keyword].read(args, words);
	}
	return code ? code : words_check(words);
}

int run_words_parse(struct args *args, struct run_words *ret_words)
{
	struct run_words words = {.repeat = 1, .threads = 1, .loops = 1, .backend = &backend_user};
	int code;

	words.memory_bytes =
		(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / MEMORY_PART;
	code = words_read(args, &words);
	if (code)
		run_words_free(&words);
	else
		*ret_words = words;
	return code;
}

void run_words_free(struct run_words *words)
{
	free(words->progs.name);
	free(words->pcaps.name);
	free(words->watch.name);
	free(words->watch_copy);
}
