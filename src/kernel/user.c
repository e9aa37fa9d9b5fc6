/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* user.c: the backend for maps in user space: bpfmap_bpf() and, where it says more or is faster,
 * the native API on the same descriptors. */
#include "kernel/backend.h"

#include "base/clock.h"
#include "base/error.h"
#include "bpf/command.h"
#include "bpf/object.h"
#include "region/rundir.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static long user_bpf(int cmd, union bpf_attr *attr, unsigned int size)
{
	return bpfmap_bpf(cmd, attr, size);
}

static const char *user_pin_root(void)
{
	return rundir_path();
}

static int user_pin_id(const char *path, uint32_t *ret_id)
{
	struct bpfmap_info info;
	struct bpfmap *map;
	int err;

	err = bpfmap_open(path, BPFMAP_OPEN_RDONLY, &map);
	if (err)
		return err;
	err = bpfmap_get_info(map, &info);
	bpfmap_close(map);
	if (!err)
		*ret_id = info.id;
	return err;
}

/* A lease for writing is granted only while nobody else has the file open or mapped, whoever he is.
 * Who opens the file while we hold it makes the kernel send a signal: one that is ignored. */
static int lease_take(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);

	if (fd < 0)
		return fail_os(errno, "cannot open %s", path);
	fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_WRLCK)) {
		int err = errno == EAGAIN ? EBUSY : errno;

		close(fd);
		return fail_os(err, "cannot lease %s", path);
	}
	*ret_fd = fd;
	return 0;
}

static bool user_pin_is_busy(const char *path)
{
	int fd = -1, err = lease_take(path, &fd);

	if (fd >= 0)
		close(fd);
	return err == -EBUSY;
}

static int user_pin_collect(const char *path)
{
	int fd = -1, err = lease_take(path, &fd);

	if (err == -EBUSY)
		return err;
	/* Where there are no leases, what /proc said has to do. */
	err = backend_unpin(&backend_user, path);
	if (fd >= 0)
		close(fd);
	return err;
}

static int pinned_prog(const char *path, backend_prog_fn *fn, void *arg)
{
	union bpf_attr attr;
	enum object_kind kind;
	uint32_t id;
	int stop, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uint64_t)(uintptr_t)path;
	if (fd < 0)
		return 0;
	stop = object_identify(fd, &kind, &id) || kind != OBJECT_PROG;
	close(fd);
	if (stop)
		return 0;
	fd = (int)user_bpf(BPF_OBJ_GET, &attr, sizeof(attr));
	/* Removed since it was looked at. */
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	stop = fn(arg, fd);
	close(fd);
	return stop;
}

static int user_prog_walk(backend_prog_fn *fn, void *arg)
{
	char *const roots[] = {(char *)rundir_path(), NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int stop = 0;

	while (tree && !stop && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_F)
			stop = pinned_prog(entry->fts_path, fn, arg);
	if (tree)
		fts_close(tree);
	return stop;
}

static int user_map_btf(int fd, const struct bpf_map_info *info, struct btf **ret_btf)
{
	struct bpfmap *map;
	struct btf *btf = NULL;
	const void *blob;
	uint32_t size;
	int err;

	err = bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &map);
	if (err)
		return err;
	blob = bpfmap_btf(map, &size);
	if (blob)
		btf = btf__new(blob, size);
	bpfmap_close(map);
	if (blob && !btf)
		return fail(EINVAL, "the map's BTF is damaged; its elements have no types");
	*ret_btf = btf;
	return 0;
}

static int user_map_stats(int fd, struct backend_stats *ret_stats)
{
	struct bpfmap_info info;
	struct bpfmap *map;
	int err;

	err = bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &map);
	if (err)
		return err;
	err = bpfmap_get_info(map, &info);
	bpfmap_close(map);
	if (err)
		return err;
	*ret_stats = (struct backend_stats){
		.frozen = info.frozen,
		.counted = backend_is_counted(info.type),
		.entries = info.entries,
		.high_water = info.high_water,
		.failed_updates = info.failed_updates,
		.evictions = info.evictions,
		.memory_bytes = info.memory_bytes,
		.operations = true,
		.updates = info.updates,
		.deletes = info.deletes,
		.failed_exists = info.failed_exists,
		.failed_absent = info.failed_absent,
		.failed_other = info.failed_other,
		.lookups_counted = info.lookups_counted,
		.lookups = info.lookups,
		.hits = info.hits,
		.created_ns = info.created_ns,
		.changed_ns = info.changed_ns,
	};
	return 0;
}

static int user_map_entries(int fd, const struct bpf_map_info *info, uint64_t budget_ns,
			    struct backend_entries *ret_entries)
{
	struct backend_stats stats;
	int err = user_map_stats(fd, &stats);

	(void)budget_ns;
	if (err)
		return err;
	if (!stats.counted)
		return fail(EOPNOTSUPP, "a Bloom filter cannot count what it holds");
	*ret_entries = (struct backend_entries){
		.entries = stats.entries,
		.is_whole = true,
		.taken_ns = clock_now_ns(),
	};
	return 0;
}

static int walk_all(struct bpfmap *map, backend_element_fn *element, void *arg)
{
	const void *key, *value;
	struct bpfmap_iter *iter;
	int err;

	err = bpfmap_iter_new(map, &iter);
	if (err)
		return err;
	while ((err = bpfmap_iter_next(iter, &key, &value)) > 0) {
		err = element(arg, key, value, 0);
		if (err)
			break;
	}
	bpfmap_iter_free(iter);
	return err;
}

static int user_map_walk(int fd, const struct bpf_map_info *info, backend_element_fn *element,
			 void *arg)
{
	struct bpfmap *map;
	int err;

	err = bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &map);
	if (err)
		return err;
	err = walk_all(map, element, arg);
	bpfmap_close(map);
	return err;
}

static int user_map_bloom(int fd, struct bpfmap_bloom_info *ret_bloom)
{
	struct bpfmap *map;
	int err;

	err = bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &map);
	if (err)
		return err;
	err = bpfmap_bloom_info(map, ret_bloom);
	bpfmap_close(map);
	return err;
}

static int user_map_token(int fd, const struct bpf_map_info *info, struct backend_token *ret_token)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail_os(errno, "cannot stat the map's file");
	*ret_token = (struct backend_token){st.st_dev, st.st_ino};
	return 0;
}

static bool user_proc_token(const char *path, struct backend_token *ret_token)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	*ret_token = (struct backend_token){st.st_dev, st.st_ino};
	return true;
}

static bool user_mapping_token(const char *line, struct backend_token *ret_token)
{
	unsigned int major, minor;
	unsigned long inode;

	/* address perms offset major:minor inode path; no map lies at a device without a number. */
	if (sscanf(line, "%*s %*s %*s %x:%x %lu", &major, &minor, &inode) != 3 || !inode)
		return false;
	*ret_token = (struct backend_token){makedev(major, minor), inode};
	return true;
}

const struct backend backend_user = {
	.name = "user",
	.engine = BPFMAP_ENGINE_USER,
	.bpf = user_bpf,
	.repeat_pays = 2,
	.pin_root = user_pin_root,
	.pin_resolve = rundir_resolve,
	.pin_id = user_pin_id,
	.pin_collect = user_pin_collect,
	.pin_is_busy = user_pin_is_busy,
	.prog_walk = user_prog_walk,
	.map_btf = user_map_btf,
	.map_stats = user_map_stats,
	.map_entries = user_map_entries,
	.map_walk = user_map_walk,
	.map_bloom = user_map_bloom,
	.map_token = user_map_token,
	.proc_token = user_proc_token,
	.mapping_token = user_mapping_token,
};
