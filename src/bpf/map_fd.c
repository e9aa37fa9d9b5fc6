/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_fd.c: descriptors of objects: pin, get, ids, and what may be mapped.
 *
 * Pins are names of the object's file in the runtime directory; the path rules of bpffs are applied
 * to it (no '.' in the last part, EEXIST, ENOENT). Every other file system is refused, as there.
 */
#include "base/error.h"
#include "base/page.h"
#include "bpf/command.h"
#include "bpf/commands.h"
#include "bpf/elem.h"
#include "bpf/fd.h"
#include "bpf/object.h"
#include "bpf/user.h"
#include "map/map.h"
#include "region/region.h"
#include "region/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_FD_FLAG (1u << 14)
#define ACCESS_FLAGS ((uint32_t)(BPF_F_RDONLY | BPF_F_WRONLY))

/* The open(2) access mode for BPF_F_RDONLY / BPF_F_WRONLY, or -EINVAL. */
static int access_from_flags(uint32_t flags)
{
	switch (flags & ACCESS_FLAGS) {
	case 0: return O_RDWR;
	case BPF_F_RDONLY: return O_RDONLY;
	case BPF_F_WRONLY: return O_WRONLY;
	default: return fail(EINVAL, "BPF_F_RDONLY and BPF_F_WRONLY exclude each other");
	}
}

static int pin_name_check(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	if (strlen(name) > NAME_MAX)
		return fail(ENAMETOOLONG, "a pin's name has at most %d characters", NAME_MAX);
	if (strchr(name, '.'))
		return fail(EPERM, "a pin's name must not contain '.': \"%s\"", name);
	return 0;
}

/* Does the directory stand for one on bpffs? */
static int below_rundir(const char *dir)
{
	size_t len = strlen(rundir_path());

	return !strncmp(dir, rundir_path(), len) && (dir[len] == '/' || !dir[len]);
}

/* The caller's path as a real one: below path_fd if asked, and /sys/fs/bpf is the runtime
 * directory. */
static int path_read(const struct attr_obj *obj, char *ret_path, size_t size)
{
	char given[PATH_MAX], dir[PATH_MAX], whole[2 * PATH_MAX], link[32];
	ssize_t len;
	int err;

	if (!(obj->file_flags & PATH_FD_FLAG) && obj->path_fd)
		return fail(EINVAL, "path_fd without BPF_F_PATH_FD");
	err = user_string(given, obj->pathname, sizeof(given), "the path");
	if (err)
		return err;
	if (!given[0])
		return fail(ENOENT, "the path is empty");
	if (given[0] == '/' || !(obj->file_flags & PATH_FD_FLAG) || obj->path_fd == AT_FDCWD)
		return rundir_resolve(given, ret_path, size);
	if (fcntl(obj->path_fd, F_GETFD) < 0)
		return fail(EBADF, "path_fd %d is not open", obj->path_fd);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", obj->path_fd);
	len = readlink(link, dir, sizeof(dir) - 1);
	if (len < 0)
		return fail_os(errno, "cannot find the directory path_fd %d", obj->path_fd);
	dir[len] = 0;
	err = below_rundir(dir) ? pin_name_check(given) : 0;
	if (err)
		return err;
	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", dir, given) >= PATH_MAX)
		return fail(ENAMETOOLONG, "the path is too long");
	return rundir_resolve(whole, ret_path, size);
}

long obj_pin(union call_attr *attr, const struct call *call)
{
	const struct attr_obj *obj = &attr->obj;
	char path[PATH_MAX];
	struct fd_ref ref;
	int err;

	if (obj->file_flags & ~PATH_FD_FLAG)
		return fail(EINVAL, "pinning knows no flag but BPF_F_PATH_FD, given %#x",
			    obj->file_flags);
	if (!(obj->file_flags & PATH_FD_FLAG) && obj->path_fd)
		return fail(EINVAL, "path_fd without BPF_F_PATH_FD");
	if (fd_get_any((int)obj->bpf_fd, &ref))
		return -EINVAL;
	err = path_read(obj, path, sizeof(path));
	if (!err)
		err = pin_name_check(path);
	if (!err)
		err = region_link((int)obj->bpf_fd, path);
	fd_put(&ref);
	return err;
}

/* Programs and BTF are never opened for writing. Takes over fd; the new one or -errno. */
static int pinned_fd_check(int fd, int access, const char *path)
{
	enum object_kind kind;
	struct fd_ref ref;
	uint32_t id;
	int probe = object_reopen(fd, O_RDONLY), ret;

	if (probe < 0) {
		close(fd);
		return probe;
	}
	ret = object_identify(probe, &kind, &id);
	if (ret && ret != -EUCLEAN)
		ret = fail(EACCES, "%s is not a pinned map, program or BTF", path);
	else if (!ret && kind != OBJECT_MAP && access != O_RDONLY)
		ret = object_reopen(fd, O_RDONLY);
	else if (!ret && (ret = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
		ret = fail_os(errno, "cannot duplicate the descriptor of %s", path);
	close(probe);
	close(fd);
	if (ret < 0)
		return ret;
	access = fd_get_any(ret, &ref);
	if (!access) {
		fd_put(&ref);
		return ret;
	}
	close(ret);
	return access;
}

long obj_get(union call_attr *attr, const struct call *call)
{
	const struct attr_obj *obj = &attr->obj;
	char path[PATH_MAX];
	int access, err, fd;

	if (obj->bpf_fd || (obj->file_flags & ~(ACCESS_FLAGS | PATH_FD_FLAG)))
		return fail(EINVAL,
			    "opening a pin: bpf_fd must be 0 and file_flags %#x has unknown "
			    "bits",
			    obj->file_flags);
	if (!(obj->file_flags & PATH_FD_FLAG) && obj->path_fd)
		return fail(EINVAL, "path_fd without BPF_F_PATH_FD");
	access = access_from_flags(obj->file_flags);
	if (access < 0)
		return access;
	err = path_read(obj, path, sizeof(path));
	if (err)
		return err;
	fd = open(path, access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == EISDIR)
		return fail(EACCES, "%s is a directory", path);
	if (fd < 0)
		return fail_os(errno, "cannot open %s", path);
	return pinned_fd_check(fd, access, path);
}

static long next_id(enum object_kind kind, const union call_attr *attr, const struct call *call)
{
	uint32_t next;

	if (attr->id.id >= INT_MAX)
		return fail(EINVAL, "start_id %u is not below %d", attr->id.id, INT_MAX);
	fd_sweep();
	next = object_scan_next(kind, attr->id.id);
	if (!next)
		return fail(ENOENT, "no id above %u", attr->id.id);
	return call_put_u32(call, offsetof(struct attr_id, next_id), next);
}

long map_get_next_id(union call_attr *attr, const struct call *call)
{
	return next_id(OBJECT_MAP, attr, call);
}

long prog_get_next_id(union call_attr *attr, const struct call *call)
{
	return next_id(OBJECT_PROG, attr, call);
}

long btf_get_next_id(union call_attr *attr, const struct call *call)
{
	return next_id(OBJECT_BTF, attr, call);
}

long map_get_fd_by_id(union call_attr *attr, const struct call *call)
{
	int access;

	if (attr->id.open_flags & ~ACCESS_FLAGS)
		return fail(EINVAL, "open_flags %#x has unknown bits", attr->id.open_flags);
	access = access_from_flags(attr->id.open_flags);
	if (access < 0)
		return access;
	fd_sweep();
	return object_fd_by_id(OBJECT_MAP, attr->id.id, access);
}

long prog_get_fd_by_id(union call_attr *attr, const struct call *call)
{
	fd_sweep();
	return object_fd_by_id(OBJECT_PROG, attr->id.id, O_RDONLY);
}

long btf_get_fd_by_id(union call_attr *attr, const struct call *call)
{
	if (attr->id.open_flags & ~ATTR_F_TOKEN_FD)
		return fail(EINVAL, "open_flags %#x has unknown bits", attr->id.open_flags);
	fd_sweep();
	return object_fd_by_id(OBJECT_BTF, attr->id.id, O_RDONLY);
}

int bpfmap_bpf_path(const char *path, char *ret_path, size_t size)
{
	int err = rundir_resolve(path, ret_path, size);

	return err ? err : strcmp(path, ret_path) != 0;
}

int bpfmap_bpf_map(int fd, struct bpfmap **ret_map)
{
	struct fd_ref ref;
	int err = fd_get(fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	*ret_map = ref.object->map;
	map_keep(*ret_map);
	fd_put(&ref);
	return 0;
}

/* Bytes of an array that mmap shows, to the end of the last page. */
static uint64_t mappable_bytes(const struct map_spec *spec)
{
	uint64_t bytes = (uint64_t)spec->max_entries * (((uint64_t)spec->value_size + 7) & ~7ull);

	return page_ceil(bytes);
}

/* 1: allowed. */
static int mmap_check(const struct fd_ref *ref, size_t length, int prot, int flags, uint64_t off)
{
	const struct bpfmap *map = ref->object->map;
	int is_shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	uint64_t end;

	/* First what the kernel asks of any file: it must be readable, and writable for a shared
	 * writable mapping; bpffs objects cannot be executed. */
	if (ref->access == O_WRONLY ||
	    (ref->access == O_RDONLY && is_shared && (prot & PROT_WRITE)))
		return fail(EACCES, "the map's descriptor does not permit this mapping");
	if (prot & PROT_EXEC)
		return fail(EPERM, "a map cannot be mapped for execution");
	if (map->spec.type != BPF_MAP_TYPE_ARRAY)
		return elem_unsupported(map, "mmap");
	if (map->spec.spin_lock_plus1)
		return fail(E524, "a map with a spin lock in its values cannot be mapped");
	/* A read-only file's mapping does not count as shared. */
	if (!is_shared || ref->access == O_RDONLY)
		return fail(EINVAL,
			    "a map can be mapped with MAP_SHARED and a read-write descriptor "
			    "alone");
	if ((prot & PROT_WRITE) && map_may_write(map))
		return -EPERM;
	if ((prot & PROT_WRITE) && (map->spec.map_flags & BPF_F_RDONLY_PROG))
		return fail(EACCES, "a BPF_F_RDONLY_PROG map cannot be mapped for writing");
	if (!(map->spec.map_flags & BPF_F_MMAPABLE))
		return fail(EINVAL, "the map was not created with BPF_F_MMAPABLE");
	if ((int64_t)off < 0 || __builtin_add_overflow(off, length, &end))
		return fail(EOVERFLOW, "the offset is too large");
	if (page_ceil(end) > mappable_bytes(&map->spec))
		return fail(EINVAL, "the map shows %llu bytes, %llu were asked for",
			    (unsigned long long)mappable_bytes(&map->spec),
			    (unsigned long long)end);
	return 1;
}

int bpfmap_bpf_may_mmap(int fd, size_t length, int prot, int flags, uint64_t off)
{
	enum object_kind kind;
	struct fd_ref ref;
	struct stat st;
	uint32_t id;
	int err;

	/* Nearly every mapping is of some other file: it must cost no more than an fstat. */
	if (fd_table_busy() || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size < REGION_HEADER_LEN)
		return 0;
	/* The library's own handles map the whole file, which no user of the map would. A
	 * write-only descriptor can neither be looked into nor be mapped. */
	if ((length == (uint64_t)st.st_size && !off) || object_identify(fd, &kind, &id))
		return 0;
	if (fd_get(fd, OBJECT_MAP, &ref))
		return 0;
	err = mmap_check(&ref, length, prot, flags, off);
	fd_put(&ref);
	return err;
}
