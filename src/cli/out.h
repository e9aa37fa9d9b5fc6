/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* out.h: what the tool prints, as a stream of objects, arrays and scalars. Two implementations,
 * plain text and JSON; a verb never asks which one it has. JSON ignores shapes and labels.
 */
#ifndef BPFMAP_CLI_OUT_H
#define BPFMAP_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct out;

enum out_kind { OUT_OBJECT, OUT_ARRAY };

/* How the plain writer lays a container out. */
enum out_shape {
	OUT_VALUE,    /* a C literal: { .packets = 1, .bytes = 2 } */
	OUT_RECORD,   /* object: one "label  value" line per field */
	OUT_TABLE,    /* array of OUT_ROW: aligned columns with a heading */
	OUT_ROW,      /* object */
	OUT_ELEMENTS, /* array of OUT_ELEMENT: one line each */
	OUT_ELEMENT,  /* object: "key: ...  value: ..." */
	OUT_CPUS,     /* array in an element: of OUT_CPU */
	OUT_CPU,      /* object: a field of the element, "cpu 0: ..." */
	OUT_LINE,   /* object: its scalars in one line, "deleted 2"; without label only the value */
	OUT_COUNTS, /* object: a=1 b=2 */
	OUT_LIST,   /* array: a, b; object: its values, a b */
	OUT_SECTIONS, /* array of OUT_SECTION */
	OUT_SECTION,  /* object: a heading line of its scalars, then its elements */
};

enum out_style { OUT_STYLE_PLAIN, OUT_STYLE_JSON, OUT_STYLE_JSON_PRETTY };

/* How JSON writes bytes that have no type. */
enum out_bytes {
	OUT_BYTES_NUMBERS, /* [4,0,0,0] */
	OUT_BYTES_BPFTOOL, /* ["0x04","0x00","0x00","0x00"], beside typed values too */
};

struct out_ops {
	void (*begin)(struct out *out, enum out_kind kind, enum out_shape shape);
	void (*end)(struct out *out);
	/* Inside an object, before each value. label NULL: nothing that people need. */
	void (*key)(struct out *out, const char *name, const char *label);
	/* A number or a constant, spelt for JSON and for people. */
	void (*scalar)(struct out *out, const char *json, const char *plain);
	void (*string)(struct out *out, const char *s, size_t len);
	/* A name, such as an enumerator's: a string in JSON, bare for people. */
	void (*word)(struct out *out, const char *s);
	void (*bytes)(struct out *out, const void *data, size_t len);
	/* A remark for people; JSON leaves it out. */
	void (*note)(struct out *out, const char *text);
	/* True if untyped bytes are wanted beside typed values. */
	bool (*wants_bytes)(const struct out *out);
	void (*free)(struct out *out);
};

struct out {
	const struct out_ops *ops;
};

/* A writer to stdout. */
struct out *out_new(enum out_style style, enum out_bytes bytes);
/* Flush and free; 0 or -errno: output was lost (disk full, closed pipe). */
int out_finish(struct out *out);

/* The two implementations: out_plain.c, out_json.c. JSON goes to any file; what is not stdout is
 * closed by its owner after out->ops->free(). */
struct out *out_plain_new(void);
struct out *out_json_new(FILE *file, enum out_style style, enum out_bytes bytes);

void out_begin(struct out *out, enum out_kind kind, enum out_shape shape);
void out_end(struct out *out);
/* All that a verb has to say: { name: count }. */
void out_count(struct out *out, const char *name, uint64_t count);
void out_key(struct out *out, const char *name, const char *label);
void out_u64(struct out *out, uint64_t value);
void out_s64(struct out *out, int64_t value);
void out_hex(struct out *out, uint64_t value);
void out_double(struct out *out, double value);
/* A number of bytes for people, in B, KiB and so on, as all verbs show it. */
#define SIZE_TEXT 40
void size_format(uint64_t bytes, char *text, size_t len);

/* Memory or disk: bytes, for people as above. */
void out_size(struct out *out, uint64_t bytes);
/* Time: seconds, for people in ms and so on. */
void out_seconds(struct out *out, double seconds);
void out_bool(struct out *out, bool value);
/* Also what a verb that has nothing to say prints, so that JSON output is one text, as
 * bpftool's. */
void out_null(struct out *out);
void out_str(struct out *out, const char *s);
void out_strn(struct out *out, const char *s, size_t len);
void out_word(struct out *out, const char *s);
void out_raw(struct out *out, const void *data, size_t len);
void out_note(struct out *out, const char *text);
bool out_wants_bytes(const struct out *out);

#endif
