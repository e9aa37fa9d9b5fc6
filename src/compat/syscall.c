/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* syscall.c: our syscall(). libbpf calls the kernel through this symbol alone, so number __NR_bpf
 * goes to bpfmap_bpf() and every other one to the kernel, unchanged; those that close descriptors
 * by way of close.c, which reports them. The engine is one word, set before
 * use; a plain relaxed read is enough.
 */
#include "compat/engine.h"

#include "bpf/attr.h"
#include "bpf/command.h"
#include "bpfmap/bpfmap.h"
#include "bpfmap/compat.h"
#include "compat/raw.h"
#include "sync/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

BPFMAP_API long syscall(long number, ...);

/* Newer processors' lists of system calls begin without it. */
#ifndef SYS_dup2
#define SYS_dup2 (-2)
#endif

static struct private_u32 engine_now; /* enum bpfmap_engine */

enum bpfmap_engine bpfmap_compat_engine(enum bpfmap_engine engine)
{
	return (enum bpfmap_engine)private_u32_exchange_relaxed(&engine_now, (uint32_t)engine);
}

int engine_is_user(void)
{
	return private_u32_load_relaxed(&engine_now) == BPFMAP_ENGINE_USER;
}

static struct private_u32 refusals_told;

void refusals_tell(void)
{
	private_u32_exchange_relaxed(&refusals_told, 1);
}

/* That a key or file is not there is an answer. */
static void __attribute__((cold)) refusal(int cmd, long result)
{
	if (result != -ENOENT && private_u32_load_relaxed(&refusals_told))
		dprintf(STDERR_FILENO, "bpfmap: bpf command %d: %s\n", cmd, bpfmap_last_error());
}

long engine_bpf(int cmd, void *attr, unsigned int size)
{
	int saved = errno;
	long result;

	if (!engine_is_user())
		return raw_syscall(SYS_bpf, cmd, (long)attr, size, 0, 0, 0);
	result = bpfmap_bpf(cmd, attr, size);
	if (result < 0)
		refusal(cmd, result);
	errno = saved;
	return result;
}

long result_libc(long result)
{
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

int result_libbpf(long result)
{
	if (result < 0)
		errno = (int)-result;
	return (int)result;
}

int libbpf_call(int cmd, union call_attr *attr)
{
	int saved = errno;
	long result;

	if (!engine_is_user())
		return result_libbpf(raw_syscall(SYS_bpf, cmd, (long)attr, sizeof(*attr), 0, 0, 0));
	result = bpfmap_bpf_built(cmd, attr);
	if (result < 0)
		refusal(cmd, result);
	errno = saved;
	return result_libbpf(result);
}

enum bpfmap_fd_check bpfmap_compat_fd_check(enum bpfmap_fd_check check)
{
	return bpfmap_bpf_fd_check(check);
}

/* Six arguments are read, however few were passed: what lies behind the last one in the caller's
 * frame goes to a call that ignores it. clang's address sanitizer would refuse that. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
	long args[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_close)
		return close((int)args[0]);
	if (number == SYS_dup2)
		return dup2((int)args[0], (int)args[1]);
	if (number == SYS_dup3)
		return dup3((int)args[0], (int)args[1], (int)args[2]);
	if (number == SYS_close_range)
		return close_range((unsigned int)args[0], (unsigned int)args[1], (int)args[2]);
	if (number == SYS_bpf)
		return result_libc(
			engine_bpf((int)args[0], (void *)args[1], (unsigned int)args[2]));
	return result_libc(
		raw_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]));
}
