/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_persist.c: a map in a file on a disk, which survives a reboot (map/disk.h). The file gets
 * its name when everything is in it and on the disk; killed before, there is nothing. */
#include "cli/text.h"
#include "cli/transfer.h"

#include "base/error.h"
#include "map/disk.h"
#include "region/region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static int directory_of(const char *path, struct text *ret_dir)
{
	const char *slash = strrchr(path, '/');
	struct statfs fs;

	text_add(ret_dir, slash ? path : ".", slash ? (size_t)(slash - path) + 1 : 1);
	if (statfs(text_str(ret_dir), &fs))
		return fail_os(errno, "cannot use the directory %s", text_str(ret_dir));
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return fail(EINVAL,
			    "%s is in memory, which a reboot empties; name a file on a disk, such "
			    "as ./x or /var/lib/x",
			    path);
	if (!access(path, F_OK))
		return fail(EEXIST, "%s exists already", path);
	return 0;
}

static int directory_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? fail_os(errno, "cannot sync the directory %s", dir) : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static int fill(const struct mapref *ref, const struct shape *shape, int fd,
		struct transfer_read *read)
{
	struct target *target;
	int err = target_open(&backend_user, fd, shape, &target);

	if (err)
		return err;
	err = transfer_each(ref, read, target_put, target);
	if (!err)
		err = target_flush(target);
	target_close(target);
	return err;
}

/* Synced before it has a name, linked, and then closed, which syncs and marks it as clean. */
static int name_give(int fd, const char *path, const char *dir)
{
	struct bpfmap *map;
	int err = bpfmap_open_fd(fd, 0, &map);

	if (err)
		return err;
	err = map_disk_sync(map);
	if (!err)
		err = region_link(fd, path);
	bpfmap_close(map);
	return err ? err : directory_sync(dir);
}

static int persist(const struct mapref *ref, const char *path, struct transfer_read *read)
{
	struct text dir = {0};
	struct shape shape;
	int fd = -1, err = shape_of_map(ref, &shape);

	if (err)
		return err;
	err = directory_of(path, &dir);
	if (!err) {
		fd = shape_create(&shape, &backend_user, text_str(&dir));
		err = fd < 0 ? fd : fill(ref, &shape, fd, read);
	}
	if (!err)
		err = name_give(fd, path, text_str(&dir));
	if (fd >= 0)
		close(fd);
	shape_free(&shape);
	text_free(&dir);
	return err;
}

int verb_persist(struct cli *cli, struct args *args)
{
	struct progress progress;
	struct transfer_read read = {.progress = &progress};
	struct mapref ref;
	const char *path;
	int err, code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_word(args, "PATH, on a disk", &path);
	if (!code)
		code = args_end(args);
	if (!code) {
		progress_begin(&progress, "persist", "elements", transfer_expect(&ref));
		err = persist(&ref, path, &read);
		progress_end(&progress);
		if (err)
			code = exit_failure(err, "the map was not persisted");
	}
	if (!code) {
		out_begin(cli->out, OUT_OBJECT, OUT_LINE);
		out_key(cli->out, "persisted", "persisted");
		out_u64(cli->out, read.ret_count);
		if (read.ret_lost) {
			out_key(cli->out, "lost", "lost");
			out_u64(cli->out, read.ret_lost);
		}
		out_end(cli->out);
	}
	mapref_close(&ref);
	return code;
}
