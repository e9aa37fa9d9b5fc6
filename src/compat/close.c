/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* close.c: closing tells bpfmap, so that a map's memory goes with its last descriptor at once. The
 * descriptor is closed first and reported afterwards; by then another thread may have the number,
 * which bpfmap_bpf_fd_closed() checks. Closing another way (a raw system call, io_uring) is safe as
 * well, only the memory goes later, but not under BPFMAP_FD_CHECK_CLOSES (bpfmap/compat.h).
 *
 * Difference from libc: close() is not a cancellation point.
 */
#include "bpf/command.h"
#include "compat/engine.h"
#include "compat/raw.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

BPFMAP_API int close(int fd);
BPFMAP_API int dup2(int from, int to);
BPFMAP_API int dup3(int from, int to, int flags);
BPFMAP_API int close_range(unsigned int first, unsigned int last, int flags);
BPFMAP_API void closefrom(int first);
BPFMAP_API int fclose(FILE *file);

static void fd_closed(int fd)
{
	int saved = errno;

	bpfmap_bpf_fd_closed(fd);
	bpfmap_bpf_fd_closing_end();
	errno = saved;
}

static void range_closed(unsigned int first, unsigned int last)
{
	struct rlimit limit;
	int saved = errno;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && last >= limit.rlim_max)
		last = (unsigned int)limit.rlim_max - 1;
	for (unsigned int fd = first; fd <= last && fd >= first; fd++)
		bpfmap_bpf_fd_closed((int)fd);
	errno = saved;
}

int close(int fd)
{
	long result;

	bpfmap_bpf_fd_closing();
	result = raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	fd_closed(fd);
	return (int)result_libc(result);
}

int dup3(int from, int to, int flags)
{
	long result;

	bpfmap_bpf_fd_closing();
	result = raw_syscall(SYS_dup3, from, to, flags, 0, 0, 0);
	fd_closed(to);
	return (int)result_libc(result);
}

int dup2(int from, int to)
{
	/* dup3 refuses equal numbers, dup2 returns them if they are open. */
	if (from == to)
		return fcntl(from, F_GETFD) < 0 ? -1 : to;
	return dup3(from, to, 0);
}

int close_range(unsigned int first, unsigned int last, int flags)
{
	long result;

	bpfmap_bpf_fd_closing();
	result = raw_syscall(SYS_close_range, first, last, flags, 0, 0, 0);
	if (!result && !(flags & CLOSE_RANGE_CLOEXEC))
		range_closed(first, last);
	bpfmap_bpf_fd_closing_end();
	return (int)result_libc(result);
}

void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned int)first, ~0u, 0);
}

int fclose(FILE *file)
{
	static int (*next)(FILE * file);
	int fd = fileno(file);
	int result;

	if (!next)
		next = (int (*)(FILE *))dlsym(RTLD_NEXT, "fclose");
	bpfmap_bpf_fd_closing();
	result = next(file);
	fd_closed(fd);
	return result;
}
