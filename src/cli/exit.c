/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exit.c: exit codes and error sentences. */
#include "cli/exit.h"

#include "bpfmap/bpfmap.h"
#include "cli/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int exit_code_of(long err)
{
	switch (-err) {
	case ENOENT:
	case ESRCH: return EXIT_CODE_NOT_FOUND;
	case E2BIG:
	case ENOSPC:
	case ENOMEM: return EXIT_CODE_FULL;
	case EPERM:
	case EACCES: return EXIT_CODE_PERMISSION;
	default: return EXIT_CODE_OTHER;
	}
}

static void error_print(const char *fmt, va_list args)
{
	/* What was printed so far comes before the error also where both go to one file. */
	fflush(stdout);
	progress_hide();
	fputs("Error: ", stderr);
	vfprintf(stderr, fmt, args);
}

int exit_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_print(fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_CODE_USAGE;
}

int exit_failure(long err, const char *fmt, ...)
{
	const char *cause = bpfmap_last_error();
	va_list args;

	va_start(args, fmt);
	error_print(fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", *cause ? cause : strerror((int)-err));
	return exit_code_of(err);
}

int exit_sentence(long err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_print(fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return exit_code_of(err);
}
