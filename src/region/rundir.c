/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rundir.c: the runtime directory (see rundir.h).
 *
 * Everything here is plain file-system calls. The directory is trusted as far as its owner is: the
 * default one must belong to us and must not be a symbolic link, since /dev/shm is open to
 * everybody.
 *
 * If a process dies    unnamed files go with it; the id counter is one atomic word in a file
 */
#include "region/rundir.h"

#include "base/error.h"
#include "sync/atomics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS	 "/sys/fs/bpf"
#define ID_KINDS 8

const char *rundir_path(void)
{
	static _Thread_local char path[PATH_MAX];
	const char *chosen = secure_getenv("BPFMAP_DIR");

	if (chosen && *chosen)
		snprintf(path, sizeof(path), "%s", chosen);
	else
		snprintf(path, sizeof(path), "/dev/shm/bpfmap-%u", geteuid());
	return path;
}

static bool is_default(void)
{
	const char *chosen = secure_getenv("BPFMAP_DIR");

	return !chosen || !*chosen;
}

int rundir_open(void)
{
	const char *path = rundir_path();
	struct stat st;
	int fd, err;

	if (mkdir(path, 0700) && errno != EEXIST)
		return fail_os(errno,
			       "cannot make the runtime directory %s (set BPFMAP_DIR to a "
			       "directory on a tmpfs that you may write)",
			       path);
	fd = open(path, O_DIRECTORY | O_CLOEXEC | (is_default() ? O_NOFOLLOW : 0));
	if (fd < 0)
		return fail_os(errno,
			       "cannot open the runtime directory %s (set BPFMAP_DIR to "
			       "another one)",
			       path);
	if (is_default() && (fstat(fd, &st) || st.st_uid != geteuid())) {
		err = fail(EACCES,
			   "the runtime directory %s belongs to somebody else; set "
			   "BPFMAP_DIR to another one",
			   path);
		close(fd);
		return err;
	}
	return fd;
}

/* Like bpffs, names in the directory have no '.'; that keeps ours (.ids) and ".." apart. */
static int resolve_in_rundir(const char *rest, char *ret_path, size_t size)
{
	int dir;

	while (*rest == '/')
		rest++;
	if (strchr(rest, '.'))
		return fail(EPERM, "pin path '%s' contains '.', which " BPFFS " does not allow",
			    rest);
	dir = rundir_open();
	if (dir < 0)
		return dir;
	close(dir);
	if ((size_t)snprintf(ret_path, size, "%s/%s", rundir_path(), rest) >= size)
		return fail(ENAMETOOLONG, "pin path '%s' is too long", rest);
	return 0;
}

int rundir_resolve(const char *path, char *ret_path, size_t size)
{
	size_t prefix = strlen(BPFFS);

	if (!strncmp(path, BPFFS, prefix) && (path[prefix] == '/' || !path[prefix]))
		return resolve_in_rundir(path + prefix, ret_path, size);
	if ((size_t)snprintf(ret_path, size, "%s", path) >= size)
		return fail(ENAMETOOLONG, "path '%.64s...' is too long", path);
	return 0;
}

/* On a hugetlbfs a file has whole huge pages, which no region has, and takes no write(). */
static int hugetlbfs_refuse(int fd, const char *dir)
{
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != HUGETLBFS_MAGIC)
		return fd;
	close(fd);
	return fail(EOPNOTSUPP,
		    "%s is a hugetlbfs, whose files have whole huge pages; maps go into a "
		    "directory on a tmpfs (see BPFMAP_DIR) or a disk",
		    dir);
}

int rundir_tmpfile(void)
{
	int dir = rundir_open(), fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = fail_os(errno,
			     "cannot make an unnamed file in %s (it should be a tmpfs; see "
			     "BPFMAP_DIR)",
			     rundir_path());
	close(dir);
	return hugetlbfs_refuse(fd, rundir_path());
}

int rundir_tmpfile_in(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return hugetlbfs_refuse(fd, dir);
	return fail_os(errno == EISDIR ? EOPNOTSUPP : errno,
		       "cannot make an unnamed file in %s (its file system must know O_TMPFILE: "
		       "tmpfs, ext4, xfs, btrfs)",
		       dir);
}

static int ids_reserve(int fd)
{
	int err;

	do
		err = fallocate(fd, 0, 0, ID_KINDS * sizeof(struct shm_u32));
	while (err && errno == EINTR);
	return err;
}

/* Opened anew each time: creations are rare, and the directory may be another one next time. */
static int ids_open(void)
{
	int dir = rundir_open(), fd;
	struct stat st;

	if (dir < 0)
		return dir;
	fd = openat(dir, ".ids", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		fd = fail_os(errno, "cannot open the id counter %s/.ids", rundir_path());
	} else if (!fstat(fd, &st) && st.st_size == 0) {
		/* Whoever may make maps here may count them. */
		if (!fstat(dir, &st))
			fchmod(fd, (st.st_mode & 0066) | 0600);
		if (ids_reserve(fd)) {
			close(fd);
			fd = fail(ENOMEM, "no room for %s/.ids: the file system is full",
				  rundir_path());
		}
	}
	close(dir);
	return fd;
}

int rundir_next_id(unsigned int kind, uint32_t *ret_id)
{
	struct shm_u32 *ids;
	struct stat st;
	int fd = ids_open(), err = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || st.st_size < (off_t)(ID_KINDS * sizeof(*ids)))
		err = fail(EUCLEAN, "%s/.ids is damaged; remove it", rundir_path());
	ids = err ? MAP_FAILED
		  : mmap(NULL, ID_KINDS * sizeof(*ids), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!err && ids == MAP_FAILED)
		err = fail_os(errno, "cannot map %s/.ids", rundir_path());
	close(fd);
	if (err)
		return err;
	/* Ids are positive ints in the kernel's interface; after 2^31 they begin again. */
	*ret_id = (shm_u32_add_relaxed(&ids[kind], 1) % INT_MAX) + 1;
	munmap(ids, ID_KINDS * sizeof(*ids));
	return 0;
}
