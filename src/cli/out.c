/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* out.c: the writers' common part: how numbers, sizes and times are spelt. */
#include "cli/out.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out *out_new(enum out_style style, enum out_bytes bytes)
{
	if (style == OUT_STYLE_PLAIN)
		return out_plain_new();
	return out_json_new(stdout, style, bytes);
}

int out_finish(struct out *out)
{
	out->ops->free(out);
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		return errno ? -errno : -EIO;
	return 0;
}

void out_begin(struct out *out, enum out_kind kind, enum out_shape shape)
{
	out->ops->begin(out, kind, shape);
}

void out_end(struct out *out)
{
	out->ops->end(out);
}

void out_count(struct out *out, const char *name, uint64_t count)
{
	out_begin(out, OUT_OBJECT, OUT_LINE);
	out_key(out, name, name);
	out_u64(out, count);
	out_end(out);
}

void out_key(struct out *out, const char *name, const char *label)
{
	out->ops->key(out, name, label);
}

void out_u64(struct out *out, uint64_t value)
{
	char s[24];

	snprintf(s, sizeof(s), "%" PRIu64, value);
	out->ops->scalar(out, s, s);
}

void out_s64(struct out *out, int64_t value)
{
	char s[24];

	snprintf(s, sizeof(s), "%" PRId64, value);
	out->ops->scalar(out, s, s);
}

void out_hex(struct out *out, uint64_t value)
{
	char json[24], plain[24];

	snprintf(json, sizeof(json), "%" PRIu64, value);
	snprintf(plain, sizeof(plain), "0x%" PRIx64, value);
	out->ops->scalar(out, json, plain);
}

void out_double(struct out *out, double value)
{
	char s[40];

	/* As short as it can be and still the same number when it is read again. */
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(s, sizeof(s), "%.*g", digits, value);
		if (strtod(s, NULL) == value)
			break;
	}
	out->ops->scalar(out, isfinite(value) ? s : "null", s);
}

void size_format(uint64_t bytes, char *text, size_t len)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, len, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void out_size(struct out *out, uint64_t bytes)
{
	char json[24], plain[SIZE_TEXT];

	snprintf(json, sizeof(json), "%" PRIu64, bytes);
	size_format(bytes, plain, sizeof(plain));
	out->ops->scalar(out, json, plain);
}

void out_seconds(struct out *out, double seconds)
{
	char json[40], plain[40];

	snprintf(json, sizeof(json), "%.9f", seconds);
	if (seconds >= 1)
		snprintf(plain, sizeof(plain), "%.3f s", seconds);
	else if (seconds >= 1e-3)
		snprintf(plain, sizeof(plain), "%.3f ms", seconds * 1e3);
	else
		snprintf(plain, sizeof(plain), "%.1f us", seconds * 1e6);
	out->ops->scalar(out, json, plain);
}

void out_bool(struct out *out, bool value)
{
	const char *s = value ? "true" : "false";

	out->ops->scalar(out, s, s);
}

void out_null(struct out *out)
{
	out->ops->scalar(out, "null", "-");
}

void out_str(struct out *out, const char *s)
{
	out->ops->string(out, s, strlen(s));
}

void out_strn(struct out *out, const char *s, size_t len)
{
	out->ops->string(out, s, len);
}

void out_word(struct out *out, const char *s)
{
	out->ops->word(out, s);
}

void out_raw(struct out *out, const void *data, size_t len)
{
	out->ops->bytes(out, data, len);
}

void out_note(struct out *out, const char *text)
{
	out->ops->note(out, text);
}

bool out_wants_bytes(const struct out *out)
{
	return out->ops->wants_bytes(out);
}
