/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* text.h: a string that grows. The tool's only allocation that cannot be refused: without memory
 * for a line of output it ends with a sentence. */
#ifndef BPFMAP_CLI_TEXT_H
#define BPFMAP_CLI_TEXT_H

#include <stddef.h>

struct text {
	char *s; /* NUL-terminated; NULL while nothing was added */
	size_t len;
	size_t cap;
};

/* realloc() that does not fail: the process ends with exit code EXIT_CODE_OTHER. */
void *must_realloc(void *old, size_t size);

void text_add(struct text *text, const char *s, size_t len);
__attribute__((format(printf, 2, 3))) void text_addf(struct text *text, const char *fmt, ...);
void text_clear(struct text *text);
void text_free(struct text *text);

/* The string so far, "" if nothing was added. */
const char *text_str(const struct text *text);

/* Bytes of the UTF-8 character at s, of which left are there; 0 if there is none. */
size_t text_utf8_len(const unsigned char *s, size_t left);

#endif
