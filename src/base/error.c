/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* error.c: the last failure's sentence, one buffer per thread. A sentence is a diagnosis, not state:
 * nothing in the library reads it back. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[512];

int fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return -err;
}

int fail_os(int err, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	len = strlen(sentence);
	snprintf(sentence + len, sizeof(sentence) - len, ": %s", strerror(err));
	return -err;
}

const char *error_sentence(void)
{
	return sentence;
}
