/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_parse_value.c: read a value of a BTF type from a C literal or JSON. One recursive descent
 * serves both notations: braces and brackets open a list, a member is named by .name = , name: or
 * "name": , and what has no name goes to the next member or element. */
#include "cli/btf_parse_value.h"

#include "base/error.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX 128

struct parse {
	const struct btf *btf;
	const char *s;	   /* what is still to be read */
	const char *field; /* the member being read, for sentences */
	unsigned int depth;
};

static int parse_value(struct parse *parse, uint32_t id, const struct btf_place *place);

static void skip_blanks(struct parse *parse)
{
	while (isspace((unsigned char)*parse->s))
		parse->s++;
}

static bool take(struct parse *parse, char c)
{
	skip_blanks(parse);
	if (*parse->s != c)
		return false;
	parse->s++;
	return true;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int unexpected(const struct parse *parse, const char *expected)
{
	if (!*parse->s)
		return fail(EINVAL, "%s: %s expected, the text ends", parse->field, expected);
	return fail(EINVAL, "%s: %s expected at '%.20s'", parse->field, expected, parse->s);
}

/* ---- scalars ---- */

/* An integer literal's magnitude and sign. Also 'c'. */
static int read_number(struct parse *parse, bool *ret_negative, uint64_t *ret_magnitude)
{
	const char *start;
	char *end;

	skip_blanks(parse);
	if (parse->s[0] == '\'' && parse->s[1] && parse->s[1] != '\\' && parse->s[2] == '\'') {
		*ret_negative = false;
		*ret_magnitude = (unsigned char)parse->s[1];
		parse->s += 3;
		return 0;
	}
	start = parse->s;
	*ret_negative = *start == '-';
	start += *start == '-' || *start == '+';
	if (!isdigit((unsigned char)*start))
		return unexpected(parse, "a number");
	errno = 0;
	*ret_magnitude = strtoull(start, &end, 0);
	if (errno == ERANGE)
		return fail(ERANGE, "%s: %.*s is larger than 64 bits", parse->field,
			    (int)(end - parse->s), parse->s);
	if (is_name(*end) || *end == '.')
		return unexpected(parse, "a whole number");
	parse->s = end;
	return 0;
}

static int store(const struct parse *parse, const struct btf_place *place, uint32_t bits,
		 uint64_t value)
{
	if (!btf_place_store(place, bits, value))
		return fail(EINVAL, "%s: its BTF lies outside the value", parse->field);
	return 0;
}

static int store_number(struct parse *parse, const struct btf_place *place, uint32_t bits,
			bool is_signed)
{
	const char *start = parse->s;
	uint64_t magnitude = 0, max, limit;
	bool negative = false;
	int err;

	err = read_number(parse, &negative, &magnitude);
	if (err)
		return err;
	if (!bits || bits > 64)
		return fail(EINVAL, "%s: integers of %u bits can only be given as bytes",
			    parse->field, bits);
	max = ~0ull >> (64 - bits);
	limit = is_signed ? max / 2 + negative : negative ? 0 : max;
	if (magnitude > limit && is_signed)
		return fail(ERANGE, "%s: %.*s does not fit, it holds -%" PRIu64 " to %" PRIu64,
			    parse->field, (int)(parse->s - start), start, max / 2 + 1, max / 2);
	if (magnitude > limit)
		return fail(ERANGE, "%s: %.*s does not fit, it holds 0 to %" PRIu64, parse->field,
			    (int)(parse->s - start), start, max);
	return store(parse, place, bits, negative ? 0 - magnitude : magnitude);
}

/* A bare word, or one in double quotes; "" if there is none. */
static void read_word(struct parse *parse, char *ret_word, size_t size)
{
	bool quoted = take(parse, '"');
	size_t len = 0;

	while (len + 1 < size && (is_name(*parse->s) || (quoted && strchr(".$-", *parse->s)))) {
		if (!*parse->s)
			break;
		ret_word[len++] = *parse->s++;
	}
	ret_word[len] = 0;
	if (quoted && *parse->s == '"')
		parse->s++;
}

static bool starts_number(struct parse *parse)
{
	skip_blanks(parse);
	return isdigit((unsigned char)*parse->s) || (*parse->s && strchr("+-'", *parse->s));
}

static int parse_int(struct parse *parse, const struct btf_type *type,
		     const struct btf_place *place)
{
	uint32_t bits = place->bits ? place->bits : btf_int_bits(type);
	struct btf_place at = *place;
	char word[NAME_LEN_MAX];
	const char *start;

	if (!place->bits)
		at.bit_off += btf_int_offset(type);
	if (starts_number(parse))
		return store_number(parse, &at, bits, btf_int_encoding(type) & BTF_INT_SIGNED);
	start = parse->s;
	read_word(parse, word, sizeof(word));
	if (!strcmp(word, "true") || !strcmp(word, "false"))
		return store(parse, &at, bits, word[0] == 't');
	parse->s = start;
	return unexpected(parse, "a number");
}

static int parse_enum(struct parse *parse, const struct btf_type *type,
		      const struct btf_place *place)
{
	uint32_t bits = place->bits ? place->bits : type->size * 8;
	char word[NAME_LEN_MAX];

	if (starts_number(parse))
		return store_number(parse, place, bits, btf_kflag(type));
	read_word(parse, word, sizeof(word));
	for (uint32_t i = 0; i < btf_vlen(type); i++)
		if (word[0] && !strcmp(word, btf_type_enum_name(parse->btf, type, i)))
			return store(parse, place, bits, btf_type_enum_value(type, i));
	return fail(EINVAL, "%s: '%s' is no name of enum %s", parse->field, word,
		    btf_type_name(parse->btf, type->name_off));
}

static int parse_float(struct parse *parse, const struct btf_type *type,
		       const struct btf_place *place)
{
	uint64_t raw = 0;
	double value;
	float narrow;
	char *end;

	value = strtod(parse->s, &end);
	if (end == parse->s)
		return unexpected(parse, "a number");
	parse->s = end;
	narrow = (float)value;
	if (type->size == 4)
		memcpy(&raw, &narrow, sizeof(narrow));
	else
		memcpy(&raw, &value, sizeof(value));
	return store(parse, place, type->size == 4 ? 32 : 64, raw);
}

/* ---- strings ---- */

/* The character of an escape sequence, parse->s behind the backslash. \uXXXX is written by our JSON
 * for single bytes only. */
static int read_escape(struct parse *parse, char *ret_c)
{
	static const char from[] = "ntr0bf\"\\/'", to[] = "\n\t\r\0\b\f\"\\/'";
	char digits[5] = {0};
	const char *known;

	if (isdigit((unsigned char)parse->s[0]) && isdigit((unsigned char)parse->s[1]) &&
	    isdigit((unsigned char)parse->s[2])) {
		memcpy(digits, parse->s, 3);
		*ret_c = (char)strtoul(digits, NULL, 8);
		parse->s += 3;
		return 0;
	}
	if (*parse->s == 'u' && strlen(parse->s) >= 5) {
		memcpy(digits, parse->s + 1, 4);
		if (strspn(digits, "0123456789abcdefABCDEF") == 4 && !strncmp(digits, "00", 2)) {
			*ret_c = (char)strtoul(digits, NULL, 16);
			parse->s += 5;
			return 0;
		}
	}
	known = *parse->s ? strchr(from, *parse->s) : NULL;
	if (!known)
		return unexpected(parse, "an escape sequence");
	*ret_c = to[known - from];
	parse->s++;
	return 0;
}

static int parse_string(struct parse *parse, const struct btf_place *place, uint32_t room)
{
	struct btf_place at = *place;
	uint32_t len = 0;

	parse->s++;
	for (; *parse->s != '"'; len++, at.bit_off += 8) {
		char c = *parse->s++;
		int err = 0;

		if (!c)
			return fail(EINVAL, "%s: the string has no closing quote", parse->field);
		if (c == '\\')
			err = read_escape(parse, &c);
		if (!err && len == room)
			err = fail(ERANGE, "%s: the string is longer than %u bytes", parse->field,
				   room);
		if (!err)
			err = store(parse, &at, 8, (uint8_t)c);
		if (err)
			return err;
	}
	parse->s++;
	for (; len < room; len++, at.bit_off += 8)
		store(parse, &at, 8, 0);
	return 0;
}

/* A string without quotes: the whole text, as one types it on a command line. */
static int parse_bare_string(struct parse *parse, const struct btf_place *place, uint32_t room)
{
	size_t len = strlen(parse->s);

	if (len > room)
		return fail(ERANGE, "%s: the string is longer than %u bytes", parse->field, room);
	memset(place->data, 0, place->size);
	memcpy(place->data, parse->s, len);
	parse->s += len;
	return 0;
}

/* ---- lists ---- */

/* Takes the opening brace or bracket. What ends the list, or 0: there is none. */
static char list_open(struct parse *parse)
{
	if (take(parse, '{'))
		return '}';
	return take(parse, '[') ? ']' : 0;
}

/* True if another entry follows; else the list is over (*err tells whether well). */
static bool list_next(struct parse *parse, char close, uint32_t done, int *err)
{
	if (take(parse, close))
		return false;
	if (done && !take(parse, ',')) {
		*err = unexpected(parse, close == '}' ? "',' or '}'" : "',' or ']'");
		return false;
	}
	return !take(parse, close);
}

static int parse_array(struct parse *parse, const struct btf_type *type,
		       const struct btf_place *place)
{
	const struct btf_array *array = btf_array(type);
	uint64_t stride_bits = (uint64_t)btf_type_bytes(parse->btf, array->type) * 8;
	struct btf_place at = *place;
	int err = 0;
	char close;

	at.bits = 0;
	skip_blanks(parse);
	if (stride_bits == 8 && *parse->s == '"')
		return parse_string(parse, place, array->nelems);
	if (parse->depth == 1 && *parse->s != '{' && *parse->s != '[' &&
	    btf_type_is_char(parse->btf, array->type))
		return parse_bare_string(parse, place, array->nelems);
	close = list_open(parse);
	if (!close)
		return unexpected(parse, "'{'");
	for (uint32_t i = 0; !err && list_next(parse, close, i, &err); i++) {
		if (i == array->nelems)
			return fail(ERANGE, "%s: it has %u elements, more were given", parse->field,
				    array->nelems);
		at.bit_off = place->bit_off + i * stride_bits;
		err = parse_value(parse, array->type, &at);
	}
	return err;
}

static int no_such_member(const struct parse *parse, const struct btf_type *type, const char *name)
{
	struct text names = {0};
	struct btf_field field;
	int err;

	for (uint32_t i = 0; i < btf_vlen(type) && names.len < 200; i++) {
		btf_field_get(parse->btf, type, i, &field);
		if (field.name[0])
			text_addf(&names, "%s%s", names.len ? ", " : "", field.name);
	}
	err = fail(EINVAL, "%s: no member '%s'; there are %s", parse->field, name,
		   text_str(&names));
	text_free(&names);
	return err;
}

/* .name = , "name": or name: in front of a value; without it ret_name is "". */
static int read_designator(struct parse *parse, char *ret_name, size_t size)
{
	const char *start;
	bool dotted;

	skip_blanks(parse);
	start = parse->s;
	dotted = take(parse, '.');
	ret_name[0] = 0;
	if (dotted || *parse->s == '"' || is_name(*parse->s)) {
		/* Data sections name variables, which may hold dots: .bss, "a.b". */
		read_word(parse, ret_name, size);
		if (take(parse, '=') || take(parse, ':'))
			return 0;
	}
	if (dotted)
		return unexpected(parse, "'='");
	ret_name[0] = 0;
	parse->s = start;
	return 0;
}

static int parse_members(struct parse *parse, const struct btf_type *type,
			 const struct btf_place *place)
{
	const char *outer = parse->field;
	uint32_t position = 0;
	int err = 0;
	char close = list_open(parse);

	if (!close)
		return unexpected(parse, "'{'");
	for (uint32_t done = 0; !err && list_next(parse, close, done, &err); done++) {
		struct btf_place at = *place;
		char name[NAME_LEN_MAX];
		struct btf_field field;

		err = read_designator(parse, name, sizeof(name));
		if (err)
			break;
		if (name[0] && !btf_field_find(parse->btf, type, name, &field))
			return no_such_member(parse, type, name);
		if (!name[0] && position == btf_vlen(type))
			return fail(ERANGE, "%s: it has %u members, more were given", outer,
				    position);
		if (!name[0])
			btf_field_get(parse->btf, type, position++, &field);
		at.bit_off = place->bit_off + field.bit_off;
		at.bits = field.bits;
		parse->field = field.name[0] ? field.name : outer;
		err = parse_value(parse, field.type_id, &at);
		parse->field = outer;
	}
	return err;
}

static int parse_kind(struct parse *parse, const struct btf_type *type,
		      const struct btf_place *place)
{
	switch (btf_kind(type)) {
	case BTF_KIND_INT: return parse_int(parse, type, place);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: return parse_enum(parse, type, place);
	case BTF_KIND_FLOAT: return parse_float(parse, type, place);
	case BTF_KIND_PTR: return store_number(parse, place, 64, false);
	case BTF_KIND_ARRAY: return parse_array(parse, type, place);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC: return parse_members(parse, type, place);
	default: return fail(EINVAL, "%s: its type can only be given as bytes", parse->field);
	}
}

static int parse_value(struct parse *parse, uint32_t id, const struct btf_place *place)
{
	const struct btf_type *type = btf_type_strip(parse->btf, id, NULL);
	int err;

	if (!type || parse->depth == BTF_DEPTH_MAX)
		return fail(EINVAL, "%s: its BTF is damaged; give bytes", parse->field);
	parse->depth++;
	skip_blanks(parse);
	err = parse_kind(parse, type, place);
	parse->depth--;
	return err;
}

int btf_parse_value(const struct btf *btf, uint32_t type_id, const char *what, const char *text,
		    void *ret_data, size_t size)
{
	const struct btf_place place = {.data = ret_data, .size = size};
	struct parse parse = {.btf = btf, .s = text, .field = what};
	int err;

	err = parse_value(&parse, type_id, &place);
	if (err)
		return err;
	skip_blanks(&parse);
	if (*parse.s)
		return fail(EINVAL, "%s: what is '%.20s'? The value ends before it", what, parse.s);
	return 0;
}
