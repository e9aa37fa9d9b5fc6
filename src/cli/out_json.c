/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* out_json.c: the JSON writer. Compact, or two spaces of indentation per level (-p).
 *
 * Every output is one JSON text, or a line for each of several. Strings that are not UTF-8 have
 * their bytes from 0x80 written as U+0080..U+00FF, so that the text stays valid whatever a map
 * contains.
 */
#include "cli/out.h"

#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deeper nesting than BTF printing allows (btf_print.c), with room for what stands around it. */
#define JSON_DEPTH_MAX 128

struct out_json {
	struct out out;
	FILE *file;
	bool pretty;
	enum out_bytes bytes;
	unsigned int depth;
	struct json_level {
		enum out_kind kind;
		unsigned int count;
	} level[JSON_DEPTH_MAX];
	bool key_pending; /* a key was written, its value comes next */
};

static struct out_json *json_of(struct out *out)
{
	return (struct out_json *)out;
}

static void json_newline(const struct out_json *json)
{
	if (json->pretty)
		fprintf(json->file, "\n%*s", (int)json->depth * 2, "");
}

/* The comma and indentation before a key or an array's value. */
static void json_lead(struct out_json *json)
{
	struct json_level *level = &json->level[json->depth];

	if (json->key_pending) {
		json->key_pending = false;
		return;
	}
	/* On the outside there may be several texts, a line each. */
	if (!json->depth)
		return;
	if (level->count++)
		putc(',', json->file);
	json_newline(json);
}

static void json_quote(FILE *file, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', file);
	for (size_t i = 0; i < len;) {
		size_t seq = s[i] >= 0x80 ? text_utf8_len(s + i, len - i) : 0;

		if (seq) {
			fwrite(s + i, 1, seq, file);
			i += seq;
			continue;
		}
		if (s[i] == '"' || s[i] == '\\')
			fprintf(file, "\\%c", s[i]);
		else if (s[i] == '\n')
			fputs("\\n", file);
		else if (s[i] < 0x20 || s[i] >= 0x7f)
			fprintf(file, "\\u%04x", s[i]);
		else
			putc(s[i], file);
		i++;
	}
	putc('"', file);
}

static void json_begin(struct out *out, enum out_kind kind, enum out_shape shape)
{
	struct out_json *json = json_of(out);

	json_lead(json);
	putc(kind == OUT_OBJECT ? '{' : '[', json->file);
	if (json->depth + 1 == JSON_DEPTH_MAX)
		abort();
	json->level[++json->depth] = (struct json_level){.kind = kind};
}

static void json_end(struct out *out)
{
	struct out_json *json = json_of(out);
	struct json_level level = json->level[json->depth--];

	if (level.count)
		json_newline(json);
	putc(level.kind == OUT_OBJECT ? '}' : ']', json->file);
	if (!json->depth)
		putc('\n', json->file);
}

static void json_key(struct out *out, const char *name, const char *label)
{
	struct out_json *json = json_of(out);

	json_lead(json);
	json_quote(json->file, name, strlen(name));
	fputs(json->pretty ? ": " : ":", json->file);
	json->key_pending = true;
}

static void json_scalar(struct out *out, const char *text, const char *plain)
{
	struct out_json *json = json_of(out);

	json_lead(json);
	fputs(text, json->file);
	if (!json->depth)
		putc('\n', json->file);
}

static void json_string(struct out *out, const char *s, size_t len)
{
	json_lead(json_of(out));
	json_quote(json_of(out)->file, s, len);
}

static void json_word(struct out *out, const char *s)
{
	json_string(out, s, strlen(s));
}

static void json_bytes(struct out *out, const void *data, size_t len)
{
	struct out_json *json = json_of(out);
	const char *fmt = json->bytes == OUT_BYTES_BPFTOOL ? "%s\"0x%02x\"" : "%s%u";
	const uint8_t *bytes = data;

	json_lead(json);
	putc('[', json->file);
	for (size_t i = 0; i < len; i++)
		fprintf(json->file, fmt, i ? "," : "", bytes[i]);
	putc(']', json->file);
}

static void json_note(struct out *out, const char *text)
{
}

static bool json_wants_bytes(const struct out *out)
{
	return ((const struct out_json *)out)->bytes == OUT_BYTES_BPFTOOL;
}

static void json_free(struct out *out)
{
	free(json_of(out));
}

static const struct out_ops json_ops = {
	.begin = json_begin,
	.end = json_end,
	.key = json_key,
	.scalar = json_scalar,
	.string = json_string,
	.word = json_word,
	.bytes = json_bytes,
	.note = json_note,
	.wants_bytes = json_wants_bytes,
	.free = json_free,
};

struct out *out_json_new(FILE *file, enum out_style style, enum out_bytes bytes)
{
	struct out_json *json = must_realloc(NULL, sizeof(*json));

	*json = (struct out_json){
		.out.ops = &json_ops,
		.file = file,
		.pretty = style == OUT_STYLE_JSON_PRETTY,
		.bytes = bytes,
	};
	return &json->out;
}
