/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* names_map.c: libbpf's functions on maps and descriptors. Each fills an argument block and calls
 * the engine; the result is libbpf's: -errno, and errno set as well.
 */
#include "bpf/attr.h"
#include "bpfmap/compat_legacy.h"
#include "compat/engine.h"
#include "compat/opts.h"

#include "compat/libbpf_bpf.h"
#include <errno.h>
#include <string.h>

static uint64_t ptr(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static void name_set(char field[ATTR_NAME_LEN], const char *name)
{
	/* libbpf cuts long names off. */
	if (name)
		strncpy(field, name, ATTR_NAME_LEN - 1);
}

BPFMAP_API int bpf_map_create(enum bpf_map_type map_type, const char *map_name, __u32 key_size,
			      __u32 value_size, __u32 max_entries,
			      const struct bpf_map_create_opts *opts)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.create.map_type = map_type;
	attr.create.key_size = key_size;
	attr.create.value_size = value_size;
	attr.create.max_entries = max_entries;
	if (!OPTS_OK(opts, bpf_map_create_opts))
		return result_libbpf(-EINVAL);
	name_set(attr.create.map_name, map_name);
	attr.create.btf_fd = OPTS(opts, btf_fd);
	attr.create.btf_key_type_id = OPTS(opts, btf_key_type_id);
	attr.create.btf_value_type_id = OPTS(opts, btf_value_type_id);
	attr.create.btf_vmlinux_value_type_id = OPTS(opts, btf_vmlinux_value_type_id);
	attr.create.inner_map_fd = OPTS(opts, inner_map_fd);
	attr.create.map_flags = OPTS(opts, map_flags);
	attr.create.map_extra = OPTS(opts, map_extra);
	attr.create.numa_node = OPTS(opts, numa_node);
	attr.create.map_ifindex = OPTS(opts, map_ifindex);
	return libbpf_call(BPF_MAP_CREATE, &attr);
}

int bpf_create_map_xattr(const struct bpf_create_map_attr *create_attr)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = create_attr->map_flags,
		    .numa_node = create_attr->numa_node, .btf_fd = create_attr->btf_fd,
		    .btf_key_type_id = create_attr->btf_key_type_id,
		    .btf_value_type_id = create_attr->btf_value_type_id,
		    .map_ifindex = create_attr->map_ifindex);

	if (create_attr->map_type == BPF_MAP_TYPE_STRUCT_OPS)
		opts.btf_vmlinux_value_type_id = create_attr->btf_vmlinux_value_type_id;
	else
		opts.inner_map_fd = create_attr->inner_map_fd;
	return bpf_map_create(create_attr->map_type, create_attr->name, create_attr->key_size,
			      create_attr->value_size, create_attr->max_entries, &opts);
}

int bpf_create_map_node(enum bpf_map_type map_type, const char *name, int key_size, int value_size,
			int max_entries, __u32 map_flags, int node)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = map_flags);

	if (node >= 0) {
		opts.numa_node = (__u32)node;
		opts.map_flags |= BPF_F_NUMA_NODE;
	}
	return bpf_map_create(map_type, name, (__u32)key_size, (__u32)value_size,
			      (__u32)max_entries, &opts);
}

int bpf_create_map_name(enum bpf_map_type map_type, const char *name, int key_size, int value_size,
			int max_entries, __u32 map_flags)
{
	return bpf_create_map_node(map_type, name, key_size, value_size, max_entries, map_flags,
				   -1);
}

int bpf_create_map(enum bpf_map_type map_type, int key_size, int value_size, int max_entries,
		   __u32 map_flags)
{
	return bpf_create_map_node(map_type, NULL, key_size, value_size, max_entries, map_flags,
				   -1);
}

static int elem_call(int cmd, int fd, const void *key, const void *value, __u64 flags)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.elem.map_fd = (uint32_t)fd;
	attr.elem.key = ptr(key);
	attr.elem.value = ptr(value);
	attr.elem.flags = flags;
	return libbpf_call(cmd, &attr);
}

BPFMAP_API int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	return elem_call(BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

BPFMAP_API int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	return elem_call(BPF_MAP_LOOKUP_ELEM, fd, key, value, 0);
}

BPFMAP_API int bpf_map_lookup_elem_flags(int fd, const void *key, void *value, __u64 flags)
{
	return elem_call(BPF_MAP_LOOKUP_ELEM, fd, key, value, flags);
}

BPFMAP_API int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value)
{
	return elem_call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value, 0);
}

BPFMAP_API int bpf_map_lookup_and_delete_elem_flags(int fd, const void *key, void *value,
						    __u64 flags)
{
	return elem_call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value, flags);
}

BPFMAP_API int bpf_map_delete_elem(int fd, const void *key)
{
	return elem_call(BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

BPFMAP_API int bpf_map_delete_elem_flags(int fd, const void *key, __u64 flags)
{
	return elem_call(BPF_MAP_DELETE_ELEM, fd, key, NULL, flags);
}

BPFMAP_API int bpf_map_get_next_key(int fd, const void *key, void *next_key)
{
	return elem_call(BPF_MAP_GET_NEXT_KEY, fd, key, next_key, 0);
}

BPFMAP_API int bpf_map_freeze(int fd)
{
	return elem_call(BPF_MAP_FREEZE, fd, NULL, NULL, 0);
}

static int batch_call(int cmd, int fd, struct attr_batch batch, __u32 *count,
		      const struct bpf_map_batch_opts *opts)
{
	union call_attr attr;
	int result;

	memset(&attr, 0, sizeof(attr));
	attr.batch = batch;
	if (!OPTS_OK(opts, bpf_map_batch_opts))
		return result_libbpf(-EINVAL);
	attr.batch.map_fd = (uint32_t)fd;
	attr.batch.count = *count;
	attr.batch.elem_flags = OPTS(opts, elem_flags);
	attr.batch.flags = OPTS(opts, flags);
	result = libbpf_call(cmd, &attr);
	*count = attr.batch.count;
	return result;
}

BPFMAP_API int bpf_map_delete_batch(int fd, const void *keys, __u32 *count,
				    const struct bpf_map_batch_opts *opts)
{
	struct attr_batch batch = {.keys = ptr(keys)};

	return batch_call(BPF_MAP_DELETE_BATCH, fd, batch, count, opts);
}

BPFMAP_API int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys,
				    void *values, __u32 *count,
				    const struct bpf_map_batch_opts *opts)
{
	struct attr_batch batch = {.in_batch = ptr(in_batch),
				   .out_batch = ptr(out_batch),
				   .keys = ptr(keys),
				   .values = ptr(values)};

	return batch_call(BPF_MAP_LOOKUP_BATCH, fd, batch, count, opts);
}

BPFMAP_API int bpf_map_lookup_and_delete_batch(int fd, void *in_batch, void *out_batch, void *keys,
					       void *values, __u32 *count,
					       const struct bpf_map_batch_opts *opts)
{
	struct attr_batch batch = {.in_batch = ptr(in_batch),
				   .out_batch = ptr(out_batch),
				   .keys = ptr(keys),
				   .values = ptr(values)};

	return batch_call(BPF_MAP_LOOKUP_AND_DELETE_BATCH, fd, batch, count, opts);
}

BPFMAP_API int bpf_map_update_batch(int fd, const void *keys, const void *values, __u32 *count,
				    const struct bpf_map_batch_opts *opts)
{
	struct attr_batch batch = {.keys = ptr(keys), .values = ptr(values)};

	return batch_call(BPF_MAP_UPDATE_BATCH, fd, batch, count, opts);
}
