/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* text.c: a string that grows. */
#include "cli/text.h"

#include "cli/exit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_realloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p) {
		fprintf(stderr, "Error: out of memory (%zu bytes)\n", size);
		exit(EXIT_CODE_OTHER);
	}
	return p;
}

static void text_room(struct text *text, size_t more)
{
	size_t need = text->len + more + 1;

	if (need <= text->cap)
		return;
	text->cap = need < 64 ? 64 : need * 2;
	text->s = must_realloc(text->s, text->cap);
}

void text_add(struct text *text, const char *s, size_t len)
{
	text_room(text, len);
	memcpy(text->s + text->len, s, len);
	text->len += len;
	text->s[text->len] = 0;
}

void text_addf(struct text *text, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len <= 0)
		return;
	text_room(text, (size_t)len);
	va_start(args, fmt);
	vsnprintf(text->s + text->len, (size_t)len + 1, fmt, args);
	va_end(args);
	text->len += (size_t)len;
}

void text_clear(struct text *text)
{
	text->len = 0;
	if (text->s)
		text->s[0] = 0;
}

void text_free(struct text *text)
{
	free(text->s);
	*text = (struct text){0};
}

const char *text_str(const struct text *text)
{
	return text->s ? text->s : "";
}

size_t text_utf8_len(const unsigned char *s, size_t left)
{
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4 || left < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and what lies beyond U+10FFFF are not characters. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}
