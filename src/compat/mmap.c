/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mmap.c: mapping a map's descriptor is refused where the kernel would refuse it (frozen and writable,
 * not mappable, beyond the values, ...). What is allowed is the kernel's own mapping of the file.
 */
#include "bpf/bpf.h"
#include "compat/engine.h"
#include "compat/raw.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>

BPFMAP_API void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t off);
BPFMAP_API void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t off);

void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t off)
{
	if (fd >= 0 && !(flags & MAP_ANONYMOUS) && engine_is_user()) {
		int saved = errno;
		int err = bpfmap_bpf_may_mmap(fd, length, prot, flags, (uint64_t)off);

		errno = saved;
		if (err)
			return (void *)result_libc(err);
	}
	return (void *)result_libc(
		raw_syscall(SYS_mmap, (long)addr, (long)length, prot, flags, fd, off));
}

void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t off)
{
	return mmap(addr, length, prot, flags, fd, off);
}
