/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* runner.c: see runner.h. */
#include "runner.h"
#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAP_NS 20000
#define TUNABLES \
	"glibc.cpu.x86_rep_stosb_threshold=4194304:glibc.cpu.x86_rep_movsb_threshold=4194304"

void tracing_prepare(char **argv)
{
	const char *now = getenv("GLIBC_TUNABLES");

	if ((now && !strcmp(now, TUNABLES)) || setenv("GLIBC_TUNABLES", TUNABLES, 1) != 0)
		return;
	execv("/proc/self/exe", argv);
}

bool tracing_begin(void)
{
	int status, cpu = sched_getcpu();
	cpu_set_t one;
	pid_t pid;

	CPU_ZERO(&one);
	if (cpu >= 0 && cpu < CPU_SETSIZE)
		CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return false;
	runner_kill(pid);
	runner_bury(pid);
	return true;
}

void runner_await(void)
{
	if (verdict_failed() || ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(3);
	raise(SIGSTOP);
}

pid_t runner_start(void (*work)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		work(arg);
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL) == 0)
		return pid;
	verdict_fail("a runner did not reach its start");
	return -1;
}

/* Waits without reaping, so that a runner that has ended is there to be asked how. */
static bool has_stopped(pid_t pid)
{
	siginfo_t info = {0};

	while (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT) != 0)
		if (errno != EINTR)
			return false;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
		return false;
	waitid(P_PID, (id_t)pid, &info, WSTOPPED);
	if (info.si_status == SIGTRAP)
		return true;
	verdict_fail("a runner got signal %d", info.si_status);
	return false;
}

uint32_t runner_step(pid_t pid, uint32_t steps)
{
	uint32_t made = 0;

	while (made < steps && ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 && has_stopped(pid))
		made++;
	return made;
}

bool runner_ended(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void runner_release(pid_t pid)
{
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

void runner_finish(pid_t pid, uint64_t limit_ns)
{
	struct timespec nap = {.tv_nsec = NAP_NS};
	uint64_t begin_ns = now_ns();
	siginfo_t info = {0};

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && !info.si_pid &&
	       now_ns() - begin_ns < limit_ns)
		nanosleep(&nap, NULL);
	if (!info.si_pid) {
		verdict_fail("a survivor does not come to its end");
		runner_kill(pid);
		runner_bury(pid);
	} else if (!runner_ended(pid)) {
		verdict_fail("a survivor failed");
	}
}

void runner_kill(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

void runner_bury(pid_t pid)
{
	waitpid(pid, NULL, __WALL);
}

static uint64_t usage_ns(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NSEC_PER_SEC +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

uint64_t runner_used_ns(void)
{
	return usage_ns(RUSAGE_SELF) + usage_ns(RUSAGE_CHILDREN);
}
