/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* data.c: DATA, a key or value on the command line.
 *
 * Words that begin with a digit are bytes, with one exception: a single one is a number of the
 * key's or value's type or, without a type, as wide as 2, 4 or 8 bytes (which cannot be one byte).
 * Everything else is typed.
 */
#include "cli/data.h"

#include "bpfmap/bpfmap.h"
#include "cli/btf_parse_value.h"
#include "cli/exit.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_number_word(const char *word)
{
	return isdigit((unsigned char)word[0]) ||
	       (word[0] == '-' && isdigit((unsigned char)word[1]));
}

/* How many of the next words are numbers. */
static size_t number_words(const struct args *args)
{
	size_t count = 0;

	while (count < args->count && is_number_word(args->word[count]))
		count++;
	return count;
}

static int byte_parse(const char *what, const char *word, int base, uint8_t *ret_byte)
{
	long value;
	char *end;

	errno = 0;
	value = strtol(word, &end, base);
	if (!word[0] || *end || isspace((unsigned char)word[0]))
		return exit_usage("%s: error parsing byte: %s", what, word);
	if (errno || value < 0 || value > 255)
		return exit_usage("%s: %s does not fit into a byte (%s)", what, word,
				  base == 16 ? "hex 00 to ff" : "0 to 255");
	*ret_byte = (uint8_t)value;
	return 0;
}

/* What may stand behind DATA, written out: "hex a" is a byte. */
static const char *const after_data[] = {"value", "any", "noexist", "exist", NULL};

static bool is_after_data(const char *word)
{
	for (size_t i = 0; after_data[i]; i++)
		if (!strcmp(word, after_data[i]))
			return true;
	return false;
}

static int bytes_parse(struct args *args, const struct data_want *want, int base, uint8_t *ret_data)
{
	size_t given = base == 16 ? want->size : number_words(args);

	if (given > want->size)
		return exit_usage("%s expected %zu bytes got %zu", want->what, want->size, given);
	for (size_t i = 0; i < want->size; i++) {
		const char *word = args_next(args);
		int code;

		if (!word || is_after_data(word))
			return exit_usage("%s expected %zu bytes got %zu", want->what, want->size,
					  i);
		code = byte_parse(want->what, word, base, &ret_data[i]);
		if (code)
			return code;
	}
	return 0;
}

static bool is_number_size(size_t size)
{
	return size == 2 || size == 4 || size == 8;
}

static int number_parse(struct args *args, const struct data_want *want, uint8_t *ret_data)
{
	uint64_t number = 0;
	int code = args_number(args, want->what, UINT64_MAX >> (64 - want->size * 8), &number);
	uint32_t word = (uint32_t)number;
	uint16_t half = (uint16_t)number;

	if (code)
		return code;
	memcpy(ret_data,
	       want->size == sizeof(half)   ? (void *)&half
	       : want->size == sizeof(word) ? (void *)&word
					    : (void *)&number,
	       want->size);
	return 0;
}

/* Braces and brackets that a word leaves open. */
static int word_depth(const char *word)
{
	int depth = 0;

	for (bool quoted = false; *word; word++) {
		if (*word == '\\' && word[1])
			word++;
		else if (*word == '"')
			quoted = !quoted;
		else if (!quoted)
			depth += (strchr("{[", *word) != NULL) - (strchr("}]", *word) != NULL);
	}
	return depth;
}

static int typed_parse(struct args *args, const struct data_want *want, uint8_t *ret_data)
{
	struct text text = {0};
	int depth = 0, err, code = 0;

	do {
		const char *word = args_next(args);

		text_addf(&text, "%s%s", text.len ? " " : "", word);
		depth += word_depth(word);
	} while (depth > 0 && args->count);
	err = btf_parse_value(want->btf, want->type_id, want->what, text_str(&text), ret_data,
			      want->size);
	if (err)
		code = exit_usage("%s", bpfmap_last_error());
	text_free(&text);
	return code;
}

static int untyped(const struct args *args, const struct data_want *want)
{
	const char *word = args_peek(args);

	if (is_number_word(word))
		return exit_usage("%s expected %zu bytes got %zu; the map has no BTF for it, so "
				  "each byte is a word: %s %s 0 ...",
				  want->what, want->size, number_words(args), want->what, word);
	return exit_usage("%s: error parsing byte: %s; the map has no BTF for it, so give %zu "
			  "bytes, each a word",
			  want->what, word, want->size);
}

int data_parse(struct args *args, const struct data_want *want, void *ret_data)
{
	const char *word = args_peek(args);
	size_t numbers = number_words(args);

	if (!word)
		return exit_usage("%s needs DATA: bytes or a value", want->what);
	if (!word[0])
		return exit_usage("%s is an empty string", want->what);
	if (!strcmp(word, "hex")) {
		args_next(args);
		return bytes_parse(args, want, 16, ret_data);
	}
	if (numbers <= 1 && want->type_id)
		return typed_parse(args, want, ret_data);
	if (numbers == 1 && is_number_size(want->size))
		return number_parse(args, want, ret_data);
	if (!numbers || (numbers == 1 && want->size > 1))
		return untyped(args, want);
	return bytes_parse(args, want, 0, ret_data);
}

/* Words that are bytes, until one cannot be. */
static int bytes_of_any_length(struct args *args, const struct data_want *want, int base,
			       uint8_t *ret_data, uint32_t *ret_len)
{
	size_t len = 0;

	while (args->count && !is_after_data(args_peek(args)) &&
	       (base == 16 || is_number_word(args_peek(args)))) {
		int code;

		if (len == want->size)
			return exit_usage("%s: the map's have at most %zu bytes", want->what,
					  want->size);
		code = byte_parse(want->what, args_next(args), base, &ret_data[len++]);
		if (code)
			return code;
	}
	*ret_len = (uint32_t)len;
	return 0;
}

static int text_parse(const char *word, const struct data_want *want, uint8_t *ret_data,
		      uint32_t *ret_len)
{
	bool quoted = *word == '"';
	size_t len = 0;

	for (word += quoted; *word && !(quoted && *word == '"'); word++) {
		if (quoted && *word == '\\' && word[1])
			word++;
		if (len == want->size)
			return exit_usage("%s: the map's have at most %zu bytes", want->what,
					  want->size);
		ret_data[len++] = (uint8_t)*word;
	}
	if (quoted && strcmp(word, "\""))
		return exit_usage("%s: the quotes must go around all of it", want->what);
	*ret_len = (uint32_t)len;
	return 0;
}

int data_parse_variable(struct args *args, const struct data_want *want, void *ret_data,
			uint32_t *ret_len)
{
	const char *word = args_peek(args);

	if (!word)
		return exit_usage("%s needs DATA: text or bytes", want->what);
	if (is_number_word(word))
		return bytes_of_any_length(args, want, 0, ret_data, ret_len);
	args_next(args);
	if (!strcmp(word, "hex"))
		return bytes_of_any_length(args, want, 16, ret_data, ret_len);
	return text_parse(word, want, ret_data, ret_len);
}
