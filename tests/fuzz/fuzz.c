/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz.c: see fuzz.h. */
#include "fuzz.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char rundir[128];
static pid_t rundir_owner;

void fuzz_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("FINDING: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	remove(path);
	return 0;
}

static void rundir_remove(void)
{
	if (getpid() == rundir_owner)
		nftw(rundir, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_rundir(void)
{
	const char *base = getenv("BPFMAP_DIR");

	snprintf(rundir, sizeof(rundir), "%s/fuzz-XXXXXX", base ? base : "/dev/shm");
	if (!mkdtemp(rundir) || setenv("BPFMAP_DIR", rundir, 1)) {
		perror(rundir);
		exit(99);
	}
	rundir_owner = getpid();
	atexit(rundir_remove);
	return rundir;
}

void input_bytes(struct input *in, void *ret_bytes, size_t size)
{
	size_t there = size < in->left ? size : in->left;

	if (there)
		memcpy(ret_bytes, in->at, there);
	memset((uint8_t *)ret_bytes + there, 0, size - there);
	in->at += there;
	in->left -= there;
}

uint8_t input_u8(struct input *in)
{
	uint8_t value;

	input_bytes(in, &value, sizeof(value));
	return value;
}

uint16_t input_u16(struct input *in)
{
	uint16_t value;

	input_bytes(in, &value, sizeof(value));
	return value;
}

uint32_t input_u32(struct input *in)
{
	uint32_t value;

	input_bytes(in, &value, sizeof(value));
	return value;
}

uint64_t input_u64(struct input *in)
{
	uint64_t value;

	input_bytes(in, &value, sizeof(value));
	return value;
}

size_t input_take(struct input *in, size_t size, const uint8_t **ret_bytes)
{
	size_t there = size < in->left ? size : in->left;

	*ret_bytes = in->at;
	in->at += there;
	in->left -= there;
	return there;
}
