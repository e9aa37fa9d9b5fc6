/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* syscall.c: our syscall(). libbpf calls the kernel through this symbol alone, so number __NR_bpf goes
 * to bpfmap_bpf() and every other one to the kernel, unchanged. The engine is one word, set before
 * use; a plain relaxed read is enough.
 */
#include "compat/engine.h"

#include "bpf/attr.h"
#include "bpf/command.h"
#include "bpfmap/compat.h"
#include "compat/raw.h"
#include "sync/private.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

BPFMAP_API long syscall(long number, ...);

static struct private_u32 engine_now; /* enum bpfmap_engine */

enum bpfmap_engine bpfmap_compat_engine(enum bpfmap_engine engine)
{
	return (enum bpfmap_engine)private_u32_exchange_relaxed(&engine_now, (uint32_t)engine);
}

int engine_is_user(void)
{
	return private_u32_load_relaxed(&engine_now) == BPFMAP_ENGINE_USER;
}

long engine_bpf(int cmd, void *attr, unsigned int size)
{
	int saved = errno;
	long result;

	if (!engine_is_user())
		return raw_syscall(SYS_bpf, cmd, (long)attr, size, 0, 0, 0);
	result = bpfmap_bpf(cmd, attr, size);
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
	return result_libbpf(engine_bpf(cmd, attr, sizeof(*attr)));
}

long syscall(long number, ...)
{
	long args[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_bpf)
		return result_libc(
			engine_bpf((int)args[0], (void *)args[1], (unsigned int)args[2]));
	return result_libc(
		raw_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]));
}
