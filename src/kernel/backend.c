/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* backend.c: what both backends share: map operations spelt as bpf(2) calls. */
#include "kernel/backend.h"

#include "base/cpus.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct backend *const backends[] = {&backend_user, &backend_kernel};

const struct backend *backend_find(const char *name)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

static uint64_t attr_ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int backend_call(const struct backend *backend, int cmd, union bpf_attr *attr)
{
	return (int)backend->bpf(cmd, attr, sizeof(*attr));
}

int backend_map_create(const struct backend *backend, const struct backend_create *how)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = how->type;
	attr.key_size = how->key_size;
	attr.value_size = how->value_size;
	attr.max_entries = how->max_entries;
	attr.map_flags = how->map_flags;
	attr.map_extra = how->map_extra;
	attr.btf_fd = how->btf_fd;
	attr.btf_key_type_id = how->btf_key_type_id;
	attr.btf_value_type_id = how->btf_value_type_id;
	memcpy(attr.map_name, how->name, strnlen(how->name, BPF_OBJ_NAME_LEN - 1));
	return backend_call(backend, BPF_MAP_CREATE, &attr);
}

/* A map that may not be written can still be looked at. */
static int open_permitted(const struct backend *backend, int cmd, union bpf_attr *attr,
			  uint32_t *flags)
{
	int fd = backend_call(backend, cmd, attr);

	if (fd != -EACCES && fd != -EPERM)
		return fd;
	*flags = BPF_F_RDONLY;
	return backend_call(backend, cmd, attr);
}

int backend_map_open_id(const struct backend *backend, uint32_t id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_id = id;
	return open_permitted(backend, BPF_MAP_GET_FD_BY_ID, &attr, &attr.open_flags);
}

int backend_map_open_pin(const struct backend *backend, const char *path)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = attr_ptr(path);
	return open_permitted(backend, BPF_OBJ_GET, &attr, &attr.file_flags);
}

int backend_map_open_pin_to_read(const struct backend *backend, const char *path)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = attr_ptr(path);
	attr.file_flags = BPF_F_RDONLY;
	return backend_call(backend, BPF_OBJ_GET, &attr);
}

int backend_map_next_id(const struct backend *backend, uint32_t id, uint32_t *ret_next)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.start_id = id;
	err = backend_call(backend, BPF_MAP_GET_NEXT_ID, &attr);
	if (!err)
		*ret_next = attr.next_id;
	return err;
}

/* What info points to may itself ask for lists (ids of maps), and is filled in. */
static int object_info(const struct backend *backend, int fd, void *info, uint32_t info_len)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = info_len;
	attr.info.info = attr_ptr(info);
	return backend_call(backend, BPF_OBJ_GET_INFO_BY_FD, &attr);
}

/* A guess that is too low would let the kernel write behind what was made for its values. */
static int cpus_check(const struct backend *backend, const struct bpf_map_info *info)
{
	if (backend != &backend_kernel || !backend_is_percpu(info->type) || cpus_are_listed())
		return 0;
	return fail(ENOTSUP, "for how many CPUs the kernel's maps have values stands in " CPUS_LIST
			     ", which cannot be read; mount /sys");
}

int backend_map_info(const struct backend *backend, int fd, struct bpf_map_info *ret_info)
{
	struct bpf_map_info info = {0};
	int err = object_info(backend, fd, &info, sizeof(info));

	if (!err)
		err = cpus_check(backend, &info);
	if (!err)
		*ret_info = info;
	return err;
}

static int elem_call(const struct backend *backend, int cmd, int fd, const void *key,
		     const void *value, uint64_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = attr_ptr(key);
	attr.value = attr_ptr(value);
	attr.flags = flags;
	return backend_call(backend, cmd, &attr);
}

int backend_map_lookup(const struct backend *backend, int fd, const void *key, void *ret_value)
{
	return elem_call(backend, BPF_MAP_LOOKUP_ELEM, fd, key, ret_value, 0);
}

int backend_map_take(const struct backend *backend, int fd, const void *key, void *ret_value)
{
	return elem_call(backend, BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, ret_value, 0);
}

int backend_map_update(const struct backend *backend, int fd, const void *key, const void *value,
		       uint64_t flags)
{
	return elem_call(backend, BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

int backend_map_delete(const struct backend *backend, int fd, const void *key)
{
	return elem_call(backend, BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

/* In the attribute block, the next key stands where the value does. */
int backend_map_next_key(const struct backend *backend, int fd, const void *key, void *ret_next)
{
	return elem_call(backend, BPF_MAP_GET_NEXT_KEY, fd, key, ret_next, 0);
}

int backend_map_freeze(const struct backend *backend, int fd)
{
	return elem_call(backend, BPF_MAP_FREEZE, fd, NULL, NULL, 0);
}

/* For types that have no batches. */
static int update_each(const struct backend *backend, int fd, const uint8_t *keys,
		       const uint8_t *values, uint32_t *count)
{
	uint32_t want = *count;
	struct bpf_map_info info;
	int err = backend_map_info(backend, fd, &info);

	for (*count = 0; !err && *count < want; *count += !err)
		err = backend_map_update(backend, fd, keys + (size_t)*count * info.key_size,
					 values + *count * backend_value_size(&info), BPF_ANY);
	return err;
}

int backend_map_update_batch(const struct backend *backend, int fd, const void *keys,
			     const void *values, uint32_t *count)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (uint32_t)fd;
	attr.batch.keys = attr_ptr(keys);
	attr.batch.values = attr_ptr(values);
	attr.batch.count = *count;
	err = backend_call(backend, BPF_MAP_UPDATE_BATCH, &attr);
	if (err == -E524 || err == -EOPNOTSUPP)
		return update_each(backend, fd, keys, values, count);
	/* The first that is refused is counted off, but a whole map that is refused leaves the
	 * word as it was. */
	*count = err && attr.batch.count == *count ? 0 : attr.batch.count;
	return err;
}

/* mkdir -p for everything before the last slash. Not mkdir(), which leads paths below /sys/fs/bpf
 * into the runtime directory; the path is the real one already. */
static int parents_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int failed;

		*slash = 0;
		failed = mkdirat(AT_FDCWD, path, 0700) && errno != EEXIST;
		if (failed)
			return fail_os(errno, "cannot create the directory %s", path);
		*slash = '/';
	}
	return 0;
}

int backend_pin(const struct backend *backend, int fd, const char *path)
{
	union bpf_attr attr;
	char real[PATH_MAX];
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = attr_ptr(path);
	attr.bpf_fd = (uint32_t)fd;
	err = backend->pin_resolve(path, real, sizeof(real));
	if (!err)
		err = parents_make(real);
	if (err)
		return err;
	return backend_call(backend, BPF_OBJ_PIN, &attr);
}

int backend_unpin(const struct backend *backend, const char *path)
{
	char real[PATH_MAX];
	int err = backend->pin_resolve(path, real, sizeof(real));

	if (!err && unlinkat(AT_FDCWD, real, 0))
		err = fail_os(errno, "cannot remove the pin %s", real);
	return err;
}

bool backend_is_percpu(uint32_t map_type)
{
	return map_type == BPF_MAP_TYPE_PERCPU_HASH || map_type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

unsigned int backend_cpus(void)
{
	return cpus_possible();
}

bool backend_is_counted(uint32_t map_type)
{
	return map_type != BPF_MAP_TYPE_BLOOM_FILTER;
}

bool backend_is_lru(uint32_t map_type)
{
	return map_type == BPF_MAP_TYPE_LRU_HASH || map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool backend_is_array(uint32_t map_type)
{
	return map_type == BPF_MAP_TYPE_ARRAY || map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

size_t backend_value_size(const struct bpf_map_info *info)
{
	if (!backend_is_percpu(info->type))
		return info->value_size;
	return (size_t)backend_cpus() * (((size_t)info->value_size + 7) & ~(size_t)7);
}

int backend_prog_maps(const struct backend *backend, int prog_fd, uint32_t *ret_ids,
		      uint32_t *count)
{
	struct bpf_prog_info info = {.nr_map_ids = *count, .map_ids = attr_ptr(ret_ids)};
	int err = object_info(backend, prog_fd, &info, sizeof(info));

	if (!err)
		*count = info.nr_map_ids < *count ? info.nr_map_ids : *count;
	return err;
}

static int test_run(const struct backend *backend, int prog_fd, uint32_t repeat,
		    struct backend_run *run)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog_fd;
	attr.test.data_in = attr_ptr(run->data);
	attr.test.data_size_in = run->size;
	attr.test.repeat = repeat;
	err = backend_call(backend, BPF_PROG_TEST_RUN, &attr);
	if (err)
		return err;
	run->ret_value = attr.test.retval;
	run->ret_duration_ns += (uint64_t)attr.test.duration * repeat;
	return 0;
}

int backend_prog_run(const struct backend *backend, int prog_fd, struct backend_run *run)
{
	int err = 0;

	run->ret_duration_ns = 0;
	if (run->repeat >= backend->repeat_pays)
		return test_run(backend, prog_fd, run->repeat, run);
	for (uint32_t i = 0; !err && i < run->repeat; i++)
		err = test_run(backend, prog_fd, 1, run);
	return err;
}
