/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* environment.c: settings for programs that are run with this library preloaded and do not know it.
 * Not for libbpfmap-object, which has the shims for itself and does not see what the program
 * closes.
 */
#include "compat/engine.h"

#include "bpf/command.h"

#include <stdlib.h>
#include <string.h>

static void __attribute__((constructor)) fd_check_from_environment(void)
{
	const char *check = secure_getenv("BPFMAP_FD_CHECK");

	if (check && !strcmp(check, "closes"))
		bpfmap_bpf_fd_check(BPFMAP_FD_CHECK_CLOSES);
}

static void __attribute__((constructor)) refusals_from_environment(void)
{
	const char *errors = secure_getenv("BPFMAP_ERRORS");

	if (errors && !strcmp(errors, "stderr"))
		refusals_tell();
}
