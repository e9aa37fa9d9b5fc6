/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* path.c: paths under /sys/fs/bpf lead into the runtime directory, for the calls that programs make
 * around pins: libbpf asks statfs whether a directory is on bpffs and makes parents with mkdir,
 * programs unlink pins and test for them. Other paths go to the kernel as they are.
 */
/* Both names of each function are defined here; the headers must not rename one to the other. */
#undef _FILE_OFFSET_BITS
#include "bpf/command.h"
#include "compat/engine.h"
#include "compat/raw.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BPFFS_MAGIC 0xcafe4a11

BPFMAP_API int statfs(const char *path, struct statfs *ret_stat);
BPFMAP_API int statfs64(const char *path, struct statfs64 *ret_stat);
BPFMAP_API int mkdir(const char *path, mode_t mode);
BPFMAP_API int unlink(const char *path);
BPFMAP_API int rmdir(const char *path);
BPFMAP_API int access(const char *path, int mode);

/* The path to use; buf has PATH_MAX bytes. */
static const char *path_real(const char *path, char *buf)
{
	return path && engine_is_user() && bpfmap_bpf_path(path, buf, PATH_MAX) == 1 ? buf : path;
}

int statfs(const char *path, struct statfs *ret_stat)
{
	char buf[PATH_MAX];
	const char *real = path_real(path, buf);
	long result = raw_syscall(SYS_statfs, (long)real, (long)ret_stat, 0, 0, 0, 0);

	if (!result && real == buf)
		ret_stat->f_type = BPFFS_MAGIC;
	return (int)result_libc(result);
}

_Static_assert(sizeof(struct statfs) == sizeof(struct statfs64), "64-bit systems have one layout");

int statfs64(const char *path, struct statfs64 *ret_stat)
{
	return statfs(path, (struct statfs *)ret_stat);
}

int mkdir(const char *path, mode_t mode)
{
	char buf[PATH_MAX];

	return (int)result_libc(
		raw_syscall(SYS_mkdirat, AT_FDCWD, (long)path_real(path, buf), mode, 0, 0, 0));
}

int unlink(const char *path)
{
	char buf[PATH_MAX];

	return (int)result_libc(
		raw_syscall(SYS_unlinkat, AT_FDCWD, (long)path_real(path, buf), 0, 0, 0, 0));
}

int rmdir(const char *path)
{
	char buf[PATH_MAX];

	return (int)result_libc(raw_syscall(SYS_unlinkat, AT_FDCWD, (long)path_real(path, buf),
					    AT_REMOVEDIR, 0, 0, 0));
}

int access(const char *path, int mode)
{
	char buf[PATH_MAX];

	return (int)result_libc(
		raw_syscall(SYS_faccessat, AT_FDCWD, (long)path_real(path, buf), mode, 0, 0, 0));
}
