/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* create_words.c: what a map is to be, as create and size are told it. */
#include "cli/create_words.h"

#include "cli/exit.h"
#include "cli/map_flags.h"

#include <bpf/libbpf.h>
#include <string.h>

static const char *const keywords[] = {"type",	"key",	  "value", "entries", "name",
				       "flags", "hashes", "cpus",  NULL};

/* As many as a region is laid out for. */
#define CPUS_MAX 4096

static int type_parse(const char *word, uint32_t *ret_type)
{
	for (uint32_t type = 1;; type++) {
		const char *known = libbpf_bpf_map_type_str((enum bpf_map_type)type);

		if (!known)
			return exit_usage("unrecognized map type: %s (bpfmap help create)", word);
		if (!strcmp(known, word)) {
			*ret_type = type;
			return 0;
		}
	}
}

static int number_parse(struct args *args, enum create_word word, uint64_t max,
			uint32_t *ret_number)
{
	uint64_t number;
	int code = args_number(args, keywords[word], max, &number);

	if (!code)
		*ret_number = (uint32_t)number;
	return code;
}

static int word_parse(struct args *args, enum create_word which, struct create_words *words)
{
	struct backend_create *how = &words->how;
	const char *word;
	int code;

	switch (which) {
	case CREATE_KEY: return number_parse(args, which, UINT32_MAX, &how->key_size);
	case CREATE_VALUE: return number_parse(args, which, UINT32_MAX, &how->value_size);
	case CREATE_ENTRIES: return number_parse(args, which, UINT32_MAX, &how->max_entries);
	case CREATE_CPUS: return number_parse(args, which, CPUS_MAX, &words->cpus);
	case CREATE_HASHES: return args_number(args, "hashes", 15, &how->map_extra);
	default: break;
	}
	code = args_word(args, keywords[which], &word);
	if (code)
		return code;
	if (which == CREATE_TYPE)
		return type_parse(word, &how->type);
	if (which == CREATE_FLAGS)
		return map_flags_parse(word, &how->map_flags);
	if (strlen(word) >= BPF_OBJ_NAME_LEN)
		return exit_usage("name: '%s' is longer than %d characters", word,
				  BPF_OBJ_NAME_LEN - 1);
	how->name = word;
	return 0;
}

static bool is_keyless(uint32_t type)
{
	return type == BPF_MAP_TYPE_BLOOM_FILTER || type == BPF_MAP_TYPE_QUEUE ||
	       type == BPF_MAP_TYPE_STACK;
}

static int words_complete(const struct create_words *words, const char *verb)
{
	for (int i = CREATE_TYPE; i <= CREATE_ENTRIES; i++) {
		/* A type without keys needs none to be told. */
		if (words->given[i] || words->optional[i] ||
		    (i == CREATE_KEY && is_keyless(words->how.type)))
			continue;
		return exit_usage(
			"%s is missing: bpfmap %s type TYPE key SIZE value SIZE entries N",
			keywords[i], verb);
	}
	if (words->given[CREATE_HASHES] && words->given[CREATE_TYPE] &&
	    words->how.type != BPF_MAP_TYPE_BLOOM_FILTER)
		return exit_usage("hashes: only a bloom_filter has a number of hash functions");
	return 0;
}

int create_words_parse(struct args *args, const char *verb, struct create_words *words)
{
	while (args->count) {
		const char *word = args_next(args);
		int which = args_match(word, keywords), code;

		if (which < 0 || words->refused[which])
			return exit_usage(
				"expected type, key, value, entries, %s, flags or hashes, "
				"got: '%s'",
				words->refused[CREATE_NAME] ? "cpus" : "name", word);
		if (words->given[which])
			return exit_usage("%s specified multiple times", keywords[which]);
		words->given[which] = true;
		code = word_parse(args, (enum create_word)which, words);
		if (code)
			return code;
	}
	return words_complete(words, verb);
}
