/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* alone.c: see alone.h. Three processes: one waits, one is outside of the new process namespace (who
 * calls unshare() stays where it is), the third runs the body.
 */
#include "alone.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_PERMITTED 250

static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

/* Which dies with its parent, so that whoever ends the first one ends all. */
static pid_t fork_tied(void)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static int proc_renew(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

int alone_run(int (*body)(int argc, char **argv), int argc, char **argv)
{
	pid_t pid = fork_tied();
	int status;

	if (pid == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS))
			_exit(NOT_PERMITTED);
		pid = fork_tied();
		if (pid == 0)
			exit(proc_renew() ? NOT_PERMITTED : body(argc, argv));
		_exit(status_of(pid));
	}
	status = status_of(pid);
	return status == NOT_PERMITTED ? body(argc, argv) : status;
}
