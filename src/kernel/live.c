/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* live.c: the backend for the live kernel's maps, beside those in user space: nothing here goes
 * through the process's engine (compat.h), which matters to libbpf alone. */
#include "kernel/live.h"

#include "base/error.h"
#include "compat/raw.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* For a repeated XDP run the kernel patches its dispatcher and waits for a grace period: 24 ms
 * measured on Linux 6.18, the time of some 8000 single runs. */
#define LIVE_REPEAT_PAYS 8000

#define BPFFS_ROOT "/sys/fs/bpf"

static const char *cmd_name(int cmd)
{
	static const char *const names[] = {
#define COMMAND(number, name, end, handler) [number] = "BPF_" #name,
#include "bpf/commands.def"
#undef COMMAND
	};
	bool known = cmd >= 0 && (size_t)cmd < sizeof(names) / sizeof(names[0]) && names[cmd];

	return known ? names[cmd] : "bpf(2)";
}

/* What the errno of a call on a map means there; NULL: no more than its name says. */
static const char *cause_of(int cmd, int err)
{
	bool writes = cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_UPDATE_BATCH ||
		      cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM ||
		      cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;

	if (writes && err == EPERM)
		return "the kernel's map is frozen, or may only be read";
	if (writes && err == E2BIG)
		return "the kernel's map is full, or the index is out of range";
	if (cmd == BPF_MAP_FREEZE && err == EPERM)
		return "the kernel's map is frozen already, or may only be read";
	if (cmd == BPF_MAP_FREEZE && err == EBUSY)
		return "the kernel's map is frozen already, or somebody has mapped it to write";
	if (err == E524)
		return "the kernel's map type has no such operation";
	return NULL;
}

static long live_bpf(int cmd, union bpf_attr *attr, unsigned int size)
{
	/* Not syscall(), which is answered by the process's engine. */
	long ret = raw_syscall(__NR_bpf, cmd, (long)attr, size, 0, 0, 0);
	const char *cause = ret < 0 ? cause_of(cmd, (int)-ret) : NULL;

	if (ret >= 0)
		return ret;
	if (cause)
		return fail((int)-ret, "%s", cause);
	if (ret == -EPERM)
		return fail(EPERM, "the kernel does not permit %s; it needs root or CAP_BPF",
			    cmd_name(cmd));
	return fail_os((int)-ret, "the kernel refused %s", cmd_name(cmd));
}

static const char *live_pin_root(void)
{
	return BPFFS_ROOT;
}

static int live_pin_resolve(const char *path, char *ret_path, size_t size)
{
	if ((size_t)snprintf(ret_path, size, "%s", path) >= size)
		return fail(ENAMETOOLONG, "the pin path is longer than %zu characters", size - 1);
	return 0;
}

static bool fd_is_map(const char *path)
{
	char target[64];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len < 0)
		return false;
	target[len] = 0;
	return !strcmp(target, "anon_inode:bpf-map");
}

/* The number after a field of an fdinfo file. */
static bool fdinfo_field(const char *path, const char *field, uint64_t *ret_value)
{
	FILE *file = fopen(path, "re");
	char line[128];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, field, strlen(field)))
			continue;
		*ret_value = strtoull(line + strlen(field), NULL, 0);
		found = true;
	}
	fclose(file);
	return found;
}

static int live_pin_id(const char *path, uint32_t *ret_id)
{
	struct bpf_map_info info;
	char self[64];
	int fd, err = -ENOENT;

	fd = backend_map_open_pin(&backend_kernel, path);
	if (fd < 0)
		return fd;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fd_is_map(self))
		err = backend_map_info(&backend_kernel, fd, &info);
	close(fd);
	if (!err)
		*ret_id = info.id;
	return err;
}

/* The bytes of a BTF object. libbpf's btf__load_from_kernel_by_id() would ask whoever answers
 * bpf(2) in this process, which need not be the kernel. */
static int btf_bytes(int fd, struct bpf_btf_info *info, void **ret_bytes)
{
	union bpf_attr attr;
	int err;
	void *bytes;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (uint64_t)(uintptr_t)info;
	err = (int)live_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	if (err)
		return err;
	bytes = malloc(info->btf_size + 1);
	if (!bytes)
		return fail(ENOMEM, "no memory for %u bytes of BTF", info->btf_size);
	*info = (struct bpf_btf_info){.btf = (uint64_t)(uintptr_t)bytes,
				      .btf_size = info->btf_size};
	err = (int)live_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	if (err)
		free(bytes);
	else
		*ret_bytes = bytes;
	return err;
}

static int btf_of_fd(int fd, struct btf **ret_btf)
{
	struct bpf_btf_info info = {0};
	void *bytes = NULL;
	int err = btf_bytes(fd, &info, &bytes);

	if (err)
		return err;
	/* The BTF of a kernel module refers to the kernel's. */
	if (info.kernel_btf)
		*ret_btf = btf__load_vmlinux_btf();
	else
		*ret_btf = btf__new(bytes, info.btf_size);
	free(bytes);
	return *ret_btf ? 0 : fail_os(errno, "cannot read the map's BTF (id %u)", info.id);
}

static int live_map_btf(int fd, const struct bpf_map_info *info, struct btf **ret_btf)
{
	union bpf_attr attr;
	struct btf *btf = NULL;
	int err, btf_fd;

	memset(&attr, 0, sizeof(attr));
	attr.btf_id = info->btf_id;
	if (info->btf_id) {
		btf_fd = (int)live_bpf(BPF_BTF_GET_FD_BY_ID, &attr, sizeof(attr));
		if (btf_fd < 0)
			return btf_fd;
		err = btf_of_fd(btf_fd, &btf);
		close(btf_fd);
		if (err)
			return err;
	}
	*ret_btf = btf;
	return 0;
}

static int live_map_stats(int fd, struct backend_stats *ret_stats)
{
	struct backend_stats stats = {.counted = false};
	uint64_t frozen;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (!fdinfo_field(path, "memlock:", &stats.memory_bytes))
		return fail(ENOENT, "%s has no memlock line", path);
	stats.frozen = fdinfo_field(path, "frozen:", &frozen) && frozen;
	*ret_stats = stats;
	return 0;
}

static int live_map_token(int fd, const struct bpf_map_info *info, struct backend_token *ret_token)
{
	*ret_token = (struct backend_token){.a = info->id};
	return 0;
}

static bool live_proc_token(const char *path, struct backend_token *ret_token)
{
	struct backend_token token = {0};
	char info_path[300];
	unsigned int pid, fd;

	if (!fd_is_map(path) || sscanf(path, "/proc/%u/fd/%u", &pid, &fd) != 2)
		return false;
	snprintf(info_path, sizeof(info_path), "/proc/%u/fdinfo/%u", pid, fd);
	if (!fdinfo_field(info_path, "map_id:", &token.a))
		return false;
	*ret_token = token;
	return true;
}

static bool live_mapping_token(const char *line, struct backend_token *ret_token)
{
	if (!strstr(line, "anon_inode:bpf-map"))
		return false;
	*ret_token = (struct backend_token){0};
	return true;
}

/* Who opens it at this moment keeps the map, only the name is gone: bpffs has no leases. */
static int live_pin_collect(const char *path)
{
	return backend_unpin(&backend_kernel, path);
}

static bool live_pin_is_busy(const char *path)
{
	(void)path;
	return false;
}

static int live_prog_walk(backend_prog_fn *fn, void *arg)
{
	union bpf_attr attr;
	int err, stop = 0;

	memset(&attr, 0, sizeof(attr));
	while (!(err = (int)live_bpf(BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)))) {
		union bpf_attr open;
		int fd;

		memset(&open, 0, sizeof(open));
		open.prog_id = attr.next_id;
		fd = (int)live_bpf(BPF_PROG_GET_FD_BY_ID, &open, sizeof(open));
		attr.start_id = attr.next_id;
		attr.next_id = 0;
		/* Unloaded since its id was read. */
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		stop = fn(arg, fd);
		close(fd);
		if (stop)
			return stop;
	}
	return err == -ENOENT ? 0 : err;
}

const struct backend backend_kernel = {
	.name = "kernel",
	.engine = BPFMAP_ENGINE_KERNEL,
	.bpf = live_bpf,
	.repeat_pays = LIVE_REPEAT_PAYS,
	.pin_root = live_pin_root,
	.pin_resolve = live_pin_resolve,
	.pin_id = live_pin_id,
	.pin_collect = live_pin_collect,
	.pin_is_busy = live_pin_is_busy,
	.prog_walk = live_prog_walk,
	.map_btf = live_map_btf,
	.map_stats = live_map_stats,
	.map_entries = live_map_entries,
	.map_walk = live_map_walk,
	.map_token = live_map_token,
	.proc_token = live_proc_token,
	.mapping_token = live_mapping_token,
};
