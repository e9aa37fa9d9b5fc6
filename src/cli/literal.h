/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* literal.h: lay out a one-line C literal such as "{ .a = 1, .b = { 2, 3 } }". */
#ifndef BPFMAP_CLI_LITERAL_H
#define BPFMAP_CLI_LITERAL_H

#include <stddef.h>

#define LITERAL_WIDTH 100 /* columns before a literal is broken into lines */

/* Print it to stdout, the cursor standing at column. What fits the line stays on it; else each
 * group is broken at its braces, one member a line, as deep as needed. */
void literal_print(const char *literal, size_t column);

#endif
