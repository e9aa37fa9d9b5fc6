/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* main.c: the process around the tool. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>

/* A process may be started without its standard descriptors. A map must not take their place, or
 * messages would be written into it: /dev/null does, opened so that output still fails. */
static int standard_fds_guard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return exit_sentence(-errno, "cannot open /dev/null");
	return 0;
}

int main(int argc, char **argv)
{
	int code = standard_fds_guard();

	return code ? code : cli_run(argc, argv);
}
