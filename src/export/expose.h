/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* expose.h: write metrics as OpenMetrics 1.0 or in Prometheus' older text format. Every sample has
 * the same name, labels and value in both. */
#ifndef BPFMAP_EXPORT_EXPOSE_H
#define BPFMAP_EXPORT_EXPOSE_H

#include "cli/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expose_format { EXPOSE_TEXT, EXPOSE_OPENMETRICS };

enum expose_kind { EXPOSE_GAUGE, EXPOSE_COUNTER, EXPOSE_HISTOGRAM };

struct expose {
	enum expose_format format;
	struct text text;
};

/* The HTTP content type of a format. */
const char *expose_content_type(enum expose_format format);

/* What stands before a metric's samples. All samples of a metric stand together. unit: "" if it has
 * none. A counter whose name does not end in _total is of unknown type in OpenMetrics, which has no
 * such counters. */
void expose_family(struct expose *expose, const char *name, enum expose_kind kind, const char *unit,
		   const char *help);

/* One sample: name and suffix, labels as expose_label() wrote them ("" if there are none). A long
 * double, as it holds every 64-bit counter. */
void expose_sample(struct expose *expose, const char *name, const char *suffix, const char *labels,
		   long double value);
/* Time since 1970 in nanoseconds, as seconds. */
void expose_time(struct expose *expose, const char *name, const char *labels, uint64_t ns);

/* Append name="value" to labels, with a comma if it is not the first. The value may be any bytes;
 * what is not UTF-8 is taken for ISO 8859-1. */
void expose_label(struct text *labels, const char *name, const char *value, size_t len);

/* The shortest spelling that is read as the same number, always with a point or an exponent. */
void expose_float(double value, char ret[40]);

/* True for [a-zA-Z_][a-zA-Z0-9_]*, which are names of labels and, here, of metrics. */
bool expose_name_is_valid(const char *name);

/* The end mark, which OpenMetrics has. */
void expose_end(struct expose *expose);

#endif
