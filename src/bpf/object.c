/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.c: objects as files, and the search for them.
 *
 * A map is a region file (region/region.h: header in the last 4096 bytes). A program or BTF object
 * is an unnamed file in the same runtime directory that begins with struct object_header, written
 * completely before its descriptor is given away and never changed afterwards.
 *
 * There is no registry: an object exists while somebody holds it, and holders are the pins below
 * the runtime directory and the descriptors in /proc/PID/fd of processes we may look into. A search
 * visits both. A file counts only if its path lies in this runtime directory, since ids are unique
 * per directory.
 *
 * Difference from the kernel: a program holds its maps only in processes that loaded or used it; a
 * descriptor of it that merely travels does not keep them.
 */
#include "bpf/object.h"

#include "base/error.h"
#include "bpf/attr.h"
#include "bpf/btf_blob.h"
#include "bpf/prog.h"
#include "bpfmap/bpfmap.h"
#include "region/region.h"
#include "region/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECT_FILE_MAX ((uint64_t)64 << 20) /* far above the largest program and its BTF */
#define PIN_DEPTH_MAX	16

int object_reopen(int fd, int access)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, access | O_CLOEXEC);
	return ret < 0 ? fail_os(errno, "cannot open the file behind descriptor %d again", fd)
		       : ret;
}

static int bytes_look(int fd, void *dst, size_t size, uint64_t off)
{
	ssize_t got = pread(fd, dst, size, (off_t)off);

	if (got < 0)
		return -errno;
	return got == (ssize_t)size ? 0 : -EINVAL;
}

static int region_identify(int fd, uint64_t size, uint32_t *ret_id)
{
	uint64_t header = size - REGION_HEADER_LEN, magic;
	int err;

	if (size < REGION_HEADER_LEN)
		return -EINVAL;
	err = bytes_look(fd, &magic, sizeof(magic),
			 header + offsetof(struct region_header_shm, magic));
	if (!err)
		err = region_order_check(magic, REGION_MAGIC);
	if (!err && magic != REGION_MAGIC)
		err = -EINVAL;
	return err ? err
		   : bytes_look(fd, ret_id, sizeof(*ret_id),
				header + offsetof(struct region_header_shm, id));
}

int object_identify(int fd, enum object_kind *ret_kind, uint32_t *ret_id)
{
	struct object_header header;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	err = region_identify(fd, (uint64_t)st.st_size, ret_id);
	if (!err)
		*ret_kind = OBJECT_MAP;
	if (!err || err == -EBADF || err == -EUCLEAN)
		return err;
	err = bytes_look(fd, &header, sizeof(header), 0);
	if (!err)
		err = region_order_check(header.magic, OBJECT_MAGIC);
	if (err)
		return err;
	if (header.magic != OBJECT_MAGIC || header.version != OBJECT_VERSION ||
	    (header.kind != OBJECT_PROG && header.kind != OBJECT_BTF))
		return -EINVAL;
	*ret_kind = header.kind;
	*ret_id = header.id;
	return 0;
}

int object_refuse(int err, int fd)
{
	if (err == -EUCLEAN)
		return err;
	return fail(EINVAL, "descriptor %d is not a map, a program or BTF", fd);
}

/* The handle always has all the rights the file's permissions give; what a descriptor may do is
 * checked per call, and programs are not bound by it. */
static int map_object_open(int fd, int is_writable, int access, struct object *what)
{
	int err = bpfmap_open_fd(fd, is_writable ? 0 : BPFMAP_OPEN_RDONLY, &what->map);

	/* A damaged map is there for those who only want to read what is left of it. */
	if (err == -EUCLEAN && is_writable && access == O_RDONLY)
		err = bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &what->map);
	if (!err)
		what->kind = OBJECT_MAP;
	return err;
}

int object_open(int fd, struct object *ret_what)
{
	enum object_kind kind;
	int own = object_reopen(fd, O_RDWR);
	int is_writable = own >= 0;
	int err;

	/* Only where writing is not permitted: a shortage must not make a handle read-only for
	 * good. */
	if (own == -EACCES || own == -EPERM || own == -EROFS)
		own = object_reopen(fd, O_RDONLY);
	if (own < 0)
		return own;
	err = object_identify(own, &kind, &ret_what->id);
	if (err)
		err = object_refuse(err, fd);
	else if (kind == OBJECT_MAP)
		err = map_object_open(own, is_writable, fcntl(fd, F_GETFL) & O_ACCMODE, ret_what);
	else if (kind == OBJECT_PROG)
		err = prog_file_open(own, ret_what);
	else
		err = btf_file_open(own, ret_what);
	close(own);
	return err;
}

void object_payload_free(struct object *what)
{
	if (what->kind == OBJECT_MAP)
		bpfmap_close(what->map);
	else if (what->kind == OBJECT_PROG)
		prog_free(what->prog);
	else
		btf_blob_free(what->btf);
}

static int write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t done = write(fd, at, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fail_os(errno, "cannot write the object's file in %s",
				       rundir_path());
		at += done;
		size -= (size_t)done;
	}
	return 0;
}

int object_file_make(const void *head, size_t head_size, const void *tail, size_t tail_size)
{
	int fd = rundir_tmpfile();
	int ret;

	if (fd < 0)
		return fd;
	ret = write_all(fd, head, head_size);
	if (!ret)
		ret = write_all(fd, tail, tail_size);
	/* Read-only: a program that writes to the descriptor must not change the object. */
	if (!ret)
		ret = object_reopen(fd, O_RDONLY);
	close(fd);
	return ret;
}

int object_file_read(int fd, size_t header_size, void **ret_bytes, size_t *ret_size)
{
	struct object_header *header;
	struct stat st;
	char *bytes;

	if (fstat(fd, &st) || st.st_size < (off_t)header_size ||
	    (uint64_t)st.st_size > OBJECT_FILE_MAX)
		return fail(EUCLEAN, "the object's file has an impossible size");
	bytes = malloc((size_t)st.st_size);
	if (!bytes)
		return fail(ENOMEM, "no memory for an object of %lld bytes", (long long)st.st_size);
	header = (struct object_header *)bytes;
	if (pread(fd, bytes, (size_t)st.st_size, 0) != st.st_size ||
	    header->header_size != header_size || header->file_size != (uint64_t)st.st_size) {
		free(bytes);
		return fail(EUCLEAN, "the object's file is damaged or from another build");
	}
	*ret_bytes = bytes;
	*ret_size = (size_t)st.st_size;
	return 0;
}

/* The characters the kernel takes: its isalnum() counts the letters of Latin-1. */
static int name_char_ok(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '.' || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

int object_name_check(const char *name)
{
	const char *end = memchr(name, 0, ATTR_NAME_LEN);

	if (!end)
		return fail(EINVAL, "a name has at most %d characters", ATTR_NAME_LEN - 1);
	for (const char *c = name; c < end; c++)
		if (!name_char_ok((unsigned char)*c))
			return fail(EINVAL,
				    "the name \"%s\" may hold letters, digits, '_' and '.' alone",
				    name);
	return 0;
}

/* A search in progress. want_fd 0: find the lowest id above start. 1: open the object with id. */
struct scan {
	enum object_kind kind;
	int want_fd;
	uint32_t start;
	int access;
	dev_t dev;
	char dir[PATH_MAX]; /* canonical, with a slash at its end */
	uint32_t best;
	int fd;	    /* found; -1 */
	int holder; /* a map that holds the BTF object looked for; -1 */
};

/* The id of the BTF object that a map was made with; 0 if none. */
static uint32_t map_btf_id(int fd)
{
	struct stat st;
	uint32_t id;

	if (fstat(fd, &st) || bytes_look(fd, &id, sizeof(id),
					 (uint64_t)st.st_size - REGION_HEADER_LEN +
						 offsetof(struct region_header_shm, btf_id)))
		return 0;
	return id;
}

static void scan_file(struct scan *scan, int dirfd, const char *name)
{
	enum object_kind kind;
	struct stat st;
	uint32_t id;
	int fd;

	if (fstatat(dirfd, name, &st, 0) || !S_ISREG(st.st_mode) || st.st_dev != scan->dev)
		return;
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return;
	if (object_identify(fd, &kind, &id))
		id = 0;
	else if (kind == OBJECT_MAP && scan->kind == OBJECT_BTF)
		id = map_btf_id(fd);
	else if (kind != scan->kind)
		id = 0;
	if (!scan->want_fd && id > scan->start && (!scan->best || id < scan->best))
		scan->best = id;
	if (scan->want_fd && id == scan->start && kind == scan->kind)
		scan->fd = object_reopen(fd, scan->access);
	else if (scan->want_fd && id == scan->start && scan->holder < 0)
		scan->holder = object_reopen(fd, O_RDONLY);
	close(fd);
}

static int scan_done(const struct scan *scan)
{
	return scan->want_fd && scan->fd >= 0;
}

/* Takes over dirfd. */
static void scan_pins(struct scan *scan, int dirfd, unsigned int depth)
{
	DIR *dir = fdopendir(dirfd);
	struct dirent *entry;

	if (!dir) {
		close(dirfd);
		return;
	}
	while (!scan_done(scan) && (entry = readdir(dir))) {
		int sub;

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type != DT_DIR) {
			scan_file(scan, dirfd, entry->d_name);
			continue;
		}
		sub = depth < PIN_DEPTH_MAX
			      ? openat(dirfd, entry->d_name,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			      : -1;
		if (sub >= 0)
			scan_pins(scan, sub, depth + 1);
	}
	closedir(dir);
}

/* Takes over dirfd, a /proc/PID/fd. */
static void scan_process(struct scan *scan, int dirfd)
{
	size_t prefix = strlen(scan->dir);
	DIR *dir = fdopendir(dirfd);
	struct dirent *entry;
	char link[PATH_MAX];

	if (!dir) {
		close(dirfd);
		return;
	}
	while (!scan_done(scan) && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd, entry->d_name, link, sizeof(link) - 1);

		if (len >= (ssize_t)prefix && !memcmp(link, scan->dir, prefix))
			scan_file(scan, dirfd, entry->d_name);
	}
	closedir(dir);
}

static void scan_processes(struct scan *scan)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[sizeof(entry->d_name) + 8];

	while (proc && !scan_done(scan) && (entry = readdir(proc))) {
		int fds;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "%s/fd", entry->d_name);
		fds = openat(dirfd(proc), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds >= 0)
			scan_process(scan, fds);
	}
	if (proc)
		closedir(proc);
}

static void scan_run(struct scan *scan)
{
	int dirfd = rundir_open();
	char self[32];
	struct stat st;
	ssize_t len;

	scan->fd = scan->holder = -1;
	if (dirfd < 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", dirfd);
	len = readlink(self, scan->dir, sizeof(scan->dir) - 2);
	if (len > 0 && !fstat(dirfd, &st)) {
		memcpy(scan->dir + len, "/", 2);
		scan->dev = st.st_dev;
		scan_pins(scan, openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
		if (!scan_done(scan))
			scan_processes(scan);
	}
	close(dirfd);
}

uint32_t object_scan_next(enum object_kind kind, uint32_t start)
{
	struct scan scan = {.kind = kind, .start = start};

	scan_run(&scan);
	return scan.best;
}

int object_fd_by_id(enum object_kind kind, uint32_t id, int access)
{
	static const char *const words[] = {"map", "program", "BTF object"};
	struct scan scan = {.kind = kind, .start = id, .access = access, .want_fd = 1};

	int fd;

	if (!id)
		return fail(ENOENT, "no %s has the id 0", words[kind]);
	scan_run(&scan);
	if (scan.fd >= 0 || scan.holder >= 0) {
		fd = scan.fd >= 0 ? scan.fd : btf_publish_map(scan.holder, id);
		if (scan.holder >= 0)
			close(scan.holder);
		return fd;
	}
	return fail(ENOENT, "no %s has the id %u (searched %s and the processes of this user)",
		    words[kind], id, rundir_path());
}
