/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* apart.c: see apart.h. */
#include "apart.h"

#include "harness.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is still in a buffer would be printed by both. */
static pid_t apart_fork(void)
{
	fflush(stdout);
	return fork();
}

static bool apart_join(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		verdict_fail("cannot fork: %s", strerror(errno));
	else if (WIFSIGNALED(status))
		verdict_fail("the process died of signal %d (%s)", WTERMSIG(status),
			     strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) && WEXITSTATUS(status) != APART_CANNOT)
		verdict_fail("the process ended with status %d", WEXITSTATUS(status));
	return verdict_failed() || WEXITSTATUS(status) != APART_CANNOT;
}

bool apart(void (*work)(void))
{
	pid_t pid = apart_fork();

	if (pid == 0) {
		work();
		_exit(0);
	}
	return apart_join(pid);
}

void apart_as(const struct apart_user *user, void (*work)(void))
{
	pid_t pid = apart_fork();

	if (pid == 0) {
		if (setgroups(1, &user->group) || setgid(user->gid) || setuid(user->uid))
			verdict_fail("cannot become user %u: %s", user->uid, strerror(errno));
		else
			work();
		_exit(0);
	}
	if (!apart_join(pid))
		verdict_fail("user %u's process ended with status %d", user->uid, APART_CANNOT);
}

void apart_tmpfs(const char *options)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", getenv("BPFMAP_DIR"), "tmpfs", 0, options))
		_exit(APART_CANNOT);
}
