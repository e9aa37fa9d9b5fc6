/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* load_json.c: one element from one line of JSON. Only the outer objects are taken apart here; what
 * is inside of a key or value is read by its type. */
#include "cli/load_json.h"

#include "base/error.h"
#include "cli/btf_parse_value.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A piece of the line. */
struct span {
	const char *s;
	size_t len;
};

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* One past the string at s, NULL if it does not end. */
static const char *string_end(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : NULL;
}

/* One past the JSON value at s, NULL if there is none or it does not end. */
static const char *value_end(const char *s)
{
	size_t depth = 0, atom;

	do {
		if (*s == '"') {
			s = string_end(s);
			if (!s)
				return NULL;
			continue;
		}
		if (!*s || (!depth && strchr(",}]:", *s)))
			return NULL;
		depth += *s == '{' || *s == '[';
		depth -= *s == '}' || *s == ']';
		atom = depth || strchr("{}[]", *s) ? 1 : strcspn(s, ",:{}[]\" \t\r\n");
		s += atom;
	} while (depth);
	return s;
}

/* The next member of an object, *s behind its brace or the last member. 1, 0 at the closing brace
 * (*s moves behind it), -EINVAL. */
static int member_next(const char **s, struct span *ret_name, struct span *ret_value)
{
	const char *at = skip_blanks(*s), *end;

	if (*at == '}') {
		*s = at + 1;
		return 0;
	}
	if (*at == ',')
		at = skip_blanks(at + 1);
	end = *at == '"' ? string_end(at) : NULL;
	if (!end)
		return fail(EINVAL, "a member's name in double quotes expected at '%.20s'", at);
	*ret_name = (struct span){at + 1, (size_t)(end - at) - 2};
	at = skip_blanks(end);
	if (*at != ':')
		return fail(EINVAL, "':' expected at '%.20s'", at);
	at = skip_blanks(at + 1);
	end = value_end(at);
	if (!end)
		return fail(EINVAL, "'%.*s' has no value that ends in this line",
			    (int)ret_name->len, ret_name->s);
	*ret_value = (struct span){at, (size_t)(end - at)};
	at = skip_blanks(end);
	if (*at != ',' && *at != '}')
		return fail(EINVAL, "',' or '}' expected at '%.20s'", at);
	*s = at;
	return 1;
}

static bool span_is(const struct span *span, const char *name)
{
	return span->len == strlen(name) && !memcmp(span->s, name, span->len);
}

/* ---- keys and values ---- */

/* What a key or value is called, and its type. */
struct want {
	const char *what;
	size_t size;
	uint32_t type_id;
};

/* [1,2,3] or bpftool's ["0x01","0x02","0x03"]. */
static int bytes_parse(const struct want *want, const char *s, uint8_t *ret_data)
{
	size_t count = 0;

	for (s = skip_blanks(s + 1); *s && *s != ']'; count++) {
		bool quoted = *s == '"';
		unsigned long byte;
		char *end;

		s += quoted;
		byte = strtoul(s, &end, 0);
		if (!isdigit((unsigned char)*s) || byte > 255 || (quoted && *end != '"'))
			return fail(EINVAL, "%s: a byte, 0 to 255, expected at '%.20s'", want->what,
				    s);
		if (count == want->size)
			return fail(EINVAL, "%s: more than %zu bytes", want->what, want->size);
		ret_data[count] = (uint8_t)byte;
		s = skip_blanks(end + quoted);
		if (*s != ',' && *s != ']')
			return fail(EINVAL, "%s: ',' or ']' expected at '%.20s'", want->what, s);
		s = skip_blanks(s + (*s == ','));
	}
	if (count != want->size)
		return fail(EINVAL, "%s expected %zu bytes got %zu", want->what, want->size, count);
	return 0;
}

/* A number without type: little-endian, as wide as the key or value. */
static int number_parse(const struct want *want, const char *s, uint8_t *ret_data)
{
	uint64_t number;
	char *end;

	if (want->size > 8 || (want->size & (want->size - 1)))
		return fail(EINVAL,
			    "%s: the map has no BTF for its %zu bytes, so they are an array "
			    "of numbers",
			    want->what, want->size);
	errno = 0;
	number = strtoull(s, &end, 0);
	if (errno || !isdigit((unsigned char)*s) || *end)
		return fail(EINVAL,
			    "%s: '%.20s' is no number, and the map has no BTF for other "
			    "values",
			    want->what, s);
	if (want->size < 8 && number >> want->size * 8)
		return fail(ERANGE, "%s: %s does not fit into %zu bytes", want->what, s,
			    want->size);
	memcpy(ret_data, &number, want->size);
	return 0;
}

static bool is_bytes(const struct want *want, const char *s)
{
	if (*s != '[')
		return false;
	return !want->type_id || !strncmp(skip_blanks(s + 1), "\"0x", 3);
}

static int data_parse_json(const struct mapref *ref, const struct want *want,
			   const struct span *span, uint8_t *ret_data)
{
	struct text text = {0};
	int err;

	text_add(&text, span->s, span->len);
	memset(ret_data, 0, want->size);
	if (is_bytes(want, text.s))
		err = bytes_parse(want, text.s, ret_data);
	else if (want->type_id)
		err = btf_parse_value(ref->btf, want->type_id, want->what, text.s, ret_data,
				      want->size);
	else
		err = number_parse(want, text.s, ret_data);
	text_free(&text);
	return err;
}

/* {"cpu":N,"value":V} */
static int cpu_parse(const struct mapref *ref, const struct want *want, const char *s,
		     uint8_t *values)
{
	struct span name, value, data = {0};
	unsigned long cpu = backend_cpus();
	int more;

	if (*s != '{')
		return fail(EINVAL, "values: {\"cpu\":N,\"value\":V} expected at '%.20s'", s);
	s++;
	while ((more = member_next(&s, &name, &value)) > 0) {
		if (span_is(&name, "cpu") && isdigit((unsigned char)*value.s))
			cpu = strtoul(value.s, NULL, 10);
		else if (span_is(&name, "value"))
			data = value;
	}
	if (more)
		return more;
	if (!data.s || cpu >= backend_cpus())
		return fail(EINVAL, "values: each has a value and a cpu from 0 to %u",
			    backend_cpus() - 1);
	return data_parse_json(ref, want, &data, values + cpu * ((want->size + 7) & ~(size_t)7));
}

static int cpus_parse(const struct mapref *ref, const struct want *want, const struct span *span,
		      uint8_t *values)
{
	const char *s = span->s;

	if (!backend_is_percpu(ref->info.type))
		return fail(EINVAL, "values: a %s has one value, called value",
			    mapref_type(&ref->info));
	if (*s != '[')
		return fail(EINVAL, "values: '[' expected at '%.20s'", s);
	for (s = skip_blanks(s + 1); *s != ']'; s = skip_blanks(s)) {
		const char *end = value_end(s);
		int err = cpu_parse(ref, want, s, values);

		if (err)
			return err;
		s = skip_blanks(end);
		s += *s == ',';
	}
	return 0;
}

static int value_parse(const struct mapref *ref, const struct want *want, const struct span *span,
		       uint8_t *value)
{
	size_t stride = (want->size + 7) & ~(size_t)7;
	int err = data_parse_json(ref, want, span, value);

	for (size_t off = stride; !err && off < backend_value_size(&ref->info); off += stride)
		memcpy(value + off, value, want->size);
	return err;
}

int load_json(const struct mapref *ref, const char *line, void *ret_key, void *ret_value)
{
	const struct want key = {"key", ref->info.key_size, ref->key_type};
	const struct want value = {"value", ref->info.value_size, ref->value_type};
	const char *s = skip_blanks(line);
	bool has_key = false, has_value = false;
	struct span name, data;
	int more, err = 0;

	if (*s++ != '{')
		return fail(EINVAL, "an element is an object, {\"key\":...}");
	memset(ret_value, 0, backend_value_size(&ref->info));
	while (!err && (more = member_next(&s, &name, &data)) > 0) {
		if (span_is(&name, "key")) {
			has_key = true;
			err = data_parse_json(ref, &key, &data, ret_key);
		} else if (span_is(&name, "value")) {
			has_value = true;
			err = value_parse(ref, &value, &data, ret_value);
		} else if (span_is(&name, "values")) {
			has_value = true;
			err = cpus_parse(ref, &value, &data, ret_value);
		} else if (!span_is(&name, "formatted")) {
			return fail(EINVAL, "what is '%.*s'? An element has key and value",
				    (int)name.len, name.s);
		}
	}
	if (err || more)
		return err ? err : more;
	if (*skip_blanks(s))
		return fail(EINVAL, "what is '%.20s'? The element ends before it", skip_blanks(s));
	if (!has_key || !has_value)
		return fail(EINVAL, "the element has no %s", has_key ? "value" : "key");
	return 1;
}
