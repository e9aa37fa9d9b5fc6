/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* expose.c: write metrics as OpenMetrics or text. */
#include "export/expose.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *expose_content_type(enum expose_format format)
{
	return format == EXPOSE_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

bool expose_name_is_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	size_t first = strspn(name, letters);

	return first && !name[strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")];
}

/* ---- text ---- */

static void escaped_add(struct text *text, const char *value, size_t len)
{
	const unsigned char *s = (const unsigned char *)value;

	for (size_t i = 0; i < len; i++) {
		size_t seq = s[i] >= 0x80 ? text_utf8_len(s + i, len - i) : 1;
		const char latin1[] = {(char)(0xc0 | s[i] >> 6), (char)(0x80 | (s[i] & 0x3f))};

		if (!seq) {
			text_add(text, latin1, sizeof(latin1));
		} else if (!s[i]) {
			/* The replacement character: a zero byte would end the text. */
			text_add(text, "\xef\xbf\xbd", 3);
		} else if (s[i] == '\n') {
			text_add(text, "\\n", 2);
		} else if (s[i] == '"' || s[i] == '\\') {
			text_add(text, "\\", 1);
			text_add(text, value + i, 1);
		} else {
			text_add(text, value + i, seq);
			i += seq - 1;
		}
	}
}

void expose_label(struct text *labels, const char *name, const char *value, size_t len)
{
	text_addf(labels, "%s%s=\"", labels->len ? "," : "", name);
	escaped_add(labels, value, len);
	text_add(labels, "\"", 1);
}

/* As client libraries spell it: digits as few as do, an exponent from a million on. */
void expose_float(double value, char ret[40])
{
	int digits = 0, exponent;

	if (!isfinite(value)) {
		snprintf(ret, 40, "%s", isnan(value) ? "NaN" : value < 0 ? "-Inf" : "+Inf");
		return;
	}
	do
		snprintf(ret, 40, "%.*e", digits, value);
	while (strtod(ret, NULL) != value && digits++ < 16);
	exponent = atoi(strchr(ret, 'e') + 1);
	if (exponent < -4 || exponent >= 6)
		return;
	snprintf(ret, 40, "%.*f", digits > exponent ? digits - exponent : 1, value);
}

/* ---- families and samples ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), end_len = strlen(end);

	return len >= end_len && !strcmp(s + len - end_len, end);
}

static const char *kind_word(const struct expose *expose, const char *name, enum expose_kind kind)
{
	switch (kind) {
	case EXPOSE_COUNTER:
		if (expose->format == EXPOSE_OPENMETRICS && !ends_with(name, "_total"))
			return "unknown";
		return "counter";
	case EXPOSE_HISTOGRAM: return "histogram";
	default: return "gauge";
	}
}

void expose_family(struct expose *expose, const char *name, enum expose_kind kind, const char *unit,
		   const char *help)
{
	size_t len = strlen(name);

	/* OpenMetrics names the family, the older format the samples. */
	if (expose->format == EXPOSE_OPENMETRICS && kind == EXPOSE_COUNTER &&
	    ends_with(name, "_total"))
		len -= strlen("_total");
	text_addf(&expose->text, "# TYPE %.*s %s\n", (int)len, name, kind_word(expose, name, kind));
	if (expose->format == EXPOSE_OPENMETRICS && unit[0])
		text_addf(&expose->text, "# UNIT %.*s %s\n", (int)len, name, unit);
	if (!help[0])
		return;
	text_addf(&expose->text, "# HELP %.*s ", (int)len, name);
	for (const char *s = help; *s; s++) {
		bool quoted = *s == '\\' || (*s == '"' && expose->format == EXPOSE_OPENMETRICS);

		if (*s == '\n')
			text_add(&expose->text, "\\n", 2);
		else
			text_addf(&expose->text, quoted ? "\\%c" : "%c", *s);
	}
	text_add(&expose->text, "\n", 1);
}

static void sample_begin(struct expose *expose, const char *name, const char *suffix,
			 const char *labels)
{
	text_addf(&expose->text, "%s%s", name, suffix);
	if (!labels[0])
		return;
	/* Not through a format: label sets may be long, and there are many. */
	text_add(&expose->text, "{", 1);
	text_add(&expose->text, labels, strlen(labels));
	text_add(&expose->text, "}", 1);
}

void expose_sample(struct expose *expose, const char *name, const char *suffix, const char *labels,
		   long double value)
{
	char spelt[40];

	if (isfinite(value) && value == truncl(value) && fabsl(value) < 0x1p65L)
		snprintf(spelt, sizeof(spelt), "%.0Lf", value);
	else
		expose_float((double)value, spelt);
	sample_begin(expose, name, suffix, labels);
	text_addf(&expose->text, " %s\n", spelt);
}

void expose_time(struct expose *expose, const char *name, const char *labels, uint64_t ns)
{
	sample_begin(expose, name, "", labels);
	text_addf(&expose->text, " %" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
}

void expose_end(struct expose *expose)
{
	if (expose->format == EXPOSE_OPENMETRICS)
		text_addf(&expose->text, "# EOF\n");
}
