/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_child.c: work that may take long, in a process of its own. */
#include "cli/top_child.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REST_SHARE 9

__attribute__((noreturn)) static void child_run(pid_t parent, void (*work)(void *arg, int fd),
						void *arg, int fd)
{
	static const int signals[] = {SIGHUP, SIGINT,  SIGQUIT, SIGTERM, SIGSEGV,
				      SIGBUS, SIGABRT, SIGFPE,	SIGILL};

	/* The screen is the parent's: neither its handlers nor the terminal's keys are meant
	 * here. */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], i < 4 ? SIG_IGN : SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		work(arg, fd);
	_exit(0);
}

int top_child_start(struct top_child *child, void (*work)(void *arg, int fd), void *arg)
{
	pid_t parent = getpid(), pid;
	int fds[2];

	*child = (struct top_child){.fd = -1};
	if (pipe2(fds, O_CLOEXEC))
		return fail_os(errno, "cannot make a pipe");
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child_run(parent, work, arg, fds[1]);
	}
	close(fds[1]);
	if (pid < 0) {
		int err = errno;

		close(fds[0]);
		return fail_os(err, "cannot start a process");
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*child = (struct top_child){.pid = pid, .fd = fds[0]};
	return 0;
}

void top_child_stop(struct top_child *child)
{
	if (!child->pid)
		return;
	kill(child->pid, SIGKILL);
	close(child->fd);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*child = (struct top_child){.fd = -1};
}

bool top_child_write(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t done = write(fd, p, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		size -= (size_t)done;
	}
	return true;
}

void top_child_rest(uint64_t start_ns, uint64_t least_ns)
{
	uint64_t now = clock_now_ns(), until = now + REST_SHARE * (now - start_ns);
	struct timespec at;

	if (until < now + least_ns)
		until = now + least_ns;
	at = (struct timespec){(time_t)(until / 1000000000), (long)(until % 1000000000)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}
