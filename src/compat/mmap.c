/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mmap.c: mapping a map's descriptor is refused where the kernel would refuse it (frozen and
 * writable, not mappable, beyond the values, ...). What is allowed is the kernel's own mapping of
 * the file.
 */
/* Both names of each function are defined here; the headers must not rename one to the other. */
#undef _FILE_OFFSET_BITS
#include "bpf/command.h"
#include "compat/engine.h"
#include "compat/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>

BPFMAP_API void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t off);
BPFMAP_API void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t off);

static long mmap_raw(void *addr, size_t length, int prot, int flags, int fd, off_t off)
{
	return raw_syscall(SYS_mmap, (long)addr, (long)length, prot, flags, fd, off);
}

/* A mapping that was not writable from the start can never be made so: map a read-only
 * descriptor. */
static long mmap_readonly(void *addr, size_t length, int prot, int flags, int fd, off_t off)
{
	char path[32];
	long own, result;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = raw_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (own < 0)
		return own;
	result = mmap_raw(addr, length, prot, flags, (int)own, off);
	raw_syscall(SYS_close, own, 0, 0, 0, 0, 0);
	return result;
}

void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t off)
{
	int verdict = 0;

	if (fd >= 0 && !(flags & MAP_ANONYMOUS) && engine_is_user()) {
		int saved = errno;

		verdict = bpfmap_bpf_may_mmap(fd, length, prot, flags, (uint64_t)off);
		errno = saved;
	}
	if (verdict < 0)
		return (void *)result_libc(verdict);
	if (verdict == 1 && !(prot & PROT_WRITE))
		return (void *)result_libc(mmap_readonly(addr, length, prot, flags, fd, off));
	return (void *)result_libc(mmap_raw(addr, length, prot, flags, fd, off));
}

void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t off)
{
	return mmap(addr, length, prot, flags, fd, off);
}
