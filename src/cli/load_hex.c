/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* load_hex.c: elements as hexadecimal text. */
#include "cli/load_hex.h"

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* "key" and "key:" */
static bool word_is(const char *s, size_t len, const char *word)
{
	len -= len && s[len - 1] == ':';
	return len == strlen(word) && !memcmp(s, word, len);
}

static int short_of(const struct mapref *ref, const char *what, size_t size, size_t have)
{
	return fail(EINVAL, "%s expected %zu bytes got %zu%s", what, size, have,
		    ref->key_type || ref->value_type
			    ? "; values with types are loaded as JSON (bpfmap dump MAP lines)"
			    : "");
}

static int part_begin(const struct mapref *ref, struct load_hex *hex, int part)
{
	if (part == LOAD_HEX_VALUE && hex->part != LOAD_HEX_KEY)
		return fail(EINVAL, "a value without a key before it");
	if (part == LOAD_HEX_VALUE && hex->have != ref->info.key_size)
		return short_of(ref, "key", ref->info.key_size, hex->have);
	if (part == LOAD_HEX_KEY && hex->part == LOAD_HEX_KEY)
		return fail(EINVAL, "the element before has no value");
	if (part == LOAD_HEX_KEY && hex->part == LOAD_HEX_VALUE)
		return short_of(ref, "value", ref->info.value_size, hex->have);
	hex->part = part;
	hex->have = 0;
	return 0;
}

static int byte_add(const struct mapref *ref, struct load_hex *hex, const char *word, size_t len,
		    uint8_t *key, uint8_t *value)
{
	bool is_key = hex->part == LOAD_HEX_KEY;
	size_t size = is_key ? ref->info.key_size : ref->info.value_size;
	unsigned long byte;
	char *end;

	if (hex->part == LOAD_HEX_NOWHERE)
		return fail(EINVAL, "key or {\"key\": expected at '%.20s'", word);
	byte = strtoul(word, &end, 16);
	if (!isxdigit((unsigned char)*word) || end != word + len || byte > 255)
		return fail(EINVAL,
			    "%s: '%.*s' is no hexadecimal byte, 00 to ff; values with types are "
			    "loaded as JSON (bpfmap dump MAP lines)",
			    is_key ? "key" : "value", (int)len, word);
	if (hex->have == size)
		return fail(EINVAL, "%s: more than %zu bytes", is_key ? "key" : "value", size);
	(is_key ? key : value)[hex->have++] = (uint8_t)byte;
	return 0;
}

static void all_cpus(const struct mapref *ref, uint8_t *value)
{
	size_t stride = ((size_t)ref->info.value_size + 7) & ~(size_t)7;

	for (size_t off = stride; off < backend_value_size(&ref->info); off += stride)
		memcpy(value + off, value, ref->info.value_size);
}

int load_hex(const struct mapref *ref, struct load_hex *hex, const char *line, void *key,
	     void *value)
{
	size_t len;
	int err = 0;

	for (line = skip_blanks(line); !err && *line; line = skip_blanks(line + len)) {
		len = strcspn(line, " \t\r\n");
		if (word_is(line, len, "key"))
			err = part_begin(ref, hex, LOAD_HEX_KEY);
		else if (word_is(line, len, "value"))
			err = part_begin(ref, hex, LOAD_HEX_VALUE);
		else if (!word_is(line, len, "hex"))
			err = byte_add(ref, hex, line, len, key, value);
	}
	if (err || hex->part != LOAD_HEX_VALUE || hex->have < ref->info.value_size)
		return err;
	hex->part = LOAD_HEX_NOWHERE;
	all_cpus(ref, value);
	return 1;
}
