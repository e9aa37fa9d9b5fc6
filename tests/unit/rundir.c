/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rundir.c: see rundir.h. */
#include "rundir.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char rundir[128];

int rundir_make(void **state)
{
	const char *base = getenv("BPFMAP_DIR");
	int len =
		snprintf(rundir, sizeof(rundir), "%s/bpfmap-unit-XXXXXX", base ? base : "/dev/shm");

	if (len < 0 || (size_t)len >= sizeof(rundir) || !mkdtemp(rundir))
		return -1;
	return setenv("BPFMAP_DIR", rundir, 1);
}

int rundir_remove(void **state)
{
	if (chdir(rundir))
		return -1;
	unlink(".ids");
	return rmdir(rundir);
}
