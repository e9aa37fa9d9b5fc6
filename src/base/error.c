/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* error.c: the last failure's sentence, one buffer per thread. A sentence is a diagnosis, not
 * state: nothing in the library reads it back. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char formatted[512];
static _Thread_local const char *literal_sentence; /* NULL: what was formatted last */

int fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(formatted, sizeof(formatted), fmt, ap);
	literal_sentence = NULL;
	va_end(ap);
	return -err;
}

int fail_os(int err, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(formatted, sizeof(formatted), fmt, ap);
	literal_sentence = NULL;
	va_end(ap);
	len = strlen(formatted);
	snprintf(formatted + len, sizeof(formatted) - len, ": %s", strerror(err));
	return -err;
}

int fail_quick(int err, const char *literal)
{
	literal_sentence = literal;
	return -err;
}

const char *error_sentence(void)
{
	return literal_sentence ? literal_sentence : formatted;
}
