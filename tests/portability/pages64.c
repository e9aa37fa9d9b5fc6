/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pages64.c: a machine with pages of 64 KiB, for a program that starts with this in LD_PRELOAD. It is told of
 * such pages, gets mappings that begin and end as they would there, and a tmpfs that gives memory in such
 * pages; a call for a part of a page, which that machine would refuse, ends the program.
 *
 * Not imitated: what a first touch of a page in a hole of a file, and a short write(), give.
 */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE   65536ul
#define NATIVE 4096ul

typedef void *mmap_fn(void *addr, size_t size, int prot, int flags, int fd, off_t off);
typedef long sysconf_fn(int name);

static size_t up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* The library, whose pages begin anywhere else, would get EINVAL and perhaps live with it. */
static void address_check(const char *call, const void *addr)
{
	if ((uintptr_t)addr % PAGE == 0)
		return;
	fprintf(stderr, "pages64: %s at %p, where no page of 64 KiB begins\n", call, addr);
	abort();
}

static void *mmap_raw(void *addr, size_t size, int prot, int flags, int fd, off_t off)
{
	return (void *)syscall(SYS_mmap, addr, size, prot, flags, fd, off);
}

long sysconf(int name)
{
	sysconf_fn *next = (sysconf_fn *)dlsym(RTLD_NEXT, "sysconf");

	return name == _SC_PAGESIZE ? (long)PAGE : next(name);
}

int getpagesize(void)
{
	return (int)PAGE;
}

/* Addresses that nobody uses, from a page's beginning. */
static uint8_t *area_take(size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint8_t *around = mmap_raw(NULL, size + PAGE, PROT_NONE, flags, -1, 0), *area;

	if (around == MAP_FAILED)
		return NULL;
	area = (uint8_t *)up((uintptr_t)around, PAGE);
	if (area > around)
		syscall(SYS_munmap, around, area - around);
	if (area + size < around + size + PAGE)
		syscall(SYS_munmap, area + size, around + PAGE - area);
	return area;
}

/* What a mapping of size bytes shows to the end of its last page: the file, behind its end zeroes, and nothing
 * where no byte of a page is the file's. */
static void last_page_map(uint8_t *area, size_t size, int prot, int flags, int fd, off_t off)
{
	size_t shown = up(size, NATIVE), whole = up(size, PAGE), end;
	struct stat st;

	if (fstat(fd, &st))
		return;
	if (shown < whole)
		mmap_raw(area + shown, whole - shown, prot, flags, fd, off + (off_t)shown);
	end = st.st_size > off ? (size_t)(st.st_size - off) : 0;
	whole = up(end, PAGE) < whole ? up(end, PAGE) : whole;
	end = up(end, NATIVE);
	if (end < whole)
		mmap_raw(area + end, whole - end, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			 0);
}

void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t off)
{
	mmap_fn *next = (mmap_fn *)dlsym(RTLD_NEXT, "mmap");
	int is_file = !(flags & MAP_ANONYMOUS), is_fixed = flags & MAP_FIXED;
	uint8_t *area = addr;

	if (is_fixed)
		address_check("mmap", addr);
	if (off % (off_t)PAGE || !size) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	if (!is_fixed)
		area = area_take(up(size, PAGE));
	if (!area)
		return MAP_FAILED;
	flags |= MAP_FIXED;
	/* The next one may be libbpfmap-compat's, which judges the size as it was given. */
	if (next(area, is_file ? size : up(size, PAGE), prot, flags, fd, off) == MAP_FAILED) {
		int err = errno;

		if (!is_fixed)
			syscall(SYS_munmap, area, up(size, PAGE));
		errno = err;
		return MAP_FAILED;
	}
	if (is_file)
		last_page_map(area, size, prot, flags, fd, off);
	return area;
}

void *mmap64(void *addr, size_t size, int prot, int flags, int fd, off64_t off)
{
	return mmap(addr, size, prot, flags, fd, off);
}

int munmap(void *addr, size_t size)
{
	address_check("munmap", addr);
	return (int)syscall(SYS_munmap, addr, up(size, PAGE));
}

int madvise(void *addr, size_t size, int advice)
{
	address_check("madvise", addr);
	return (int)syscall(SYS_madvise, addr, up(size, PAGE), advice);
}

int mprotect(void *addr, size_t size, int prot)
{
	address_check("mprotect", addr);
	return (int)syscall(SYS_mprotect, addr, up(size, PAGE), prot);
}

int msync(void *addr, size_t size, int flags)
{
	address_check("msync", addr);
	return (int)syscall(SYS_msync, addr, up(size, PAGE), flags);
}

/* A tmpfs of that machine has whole pages of a file or none of one; the file's size is as it was asked for. */
int fallocate(int fd, int mode, off_t off, off_t size)
{
	off_t from = off / (off_t)PAGE * (off_t)PAGE, end = (off_t)up((size_t)(off + size), PAGE);
	long err = syscall(SYS_fallocate, fd, mode, off, size);

	if (!err && !(mode & ~FALLOC_FL_KEEP_SIZE))
		err = syscall(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE, from, end - from);
	return (int)err;
}

int fallocate64(int fd, int mode, off64_t off, off64_t size)
{
	return fallocate(fd, mode, off, size);
}

int fstatfs(int fd, struct statfs *ret_fs)
{
	long err = syscall(SYS_fstatfs, fd, ret_fs);

	if (!err && ret_fs->f_type == TMPFS_MAGIC) {
		ret_fs->f_bsize = PAGE;
		ret_fs->f_blocks /= PAGE / NATIVE;
		ret_fs->f_bfree /= PAGE / NATIVE;
		ret_fs->f_bavail /= PAGE / NATIVE;
	}
	return (int)err;
}

int fstatfs64(int fd, struct statfs64 *ret_fs)
{
	return fstatfs(fd, (struct statfs *)ret_fs);
}
