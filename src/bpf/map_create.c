/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_create.c: BPF_MAP_CREATE. The steps below are in the kernel's order, because a caller with
 * two mistakes must be told the same one: flags and fields, early check of the type, token, device,
 * late check of the type, name, BTF, exclusive hash, and only then anything is made.
 *
 * Differences from the kernel: the caller counts as root. numa_node is checked and remembered but
 * memory is not placed. An exclusive map knows its program's hash only in the process that created
 * it. Of the fields that the kernel manages in values, only bpf_spin_lock is known; the others
 * (timer, work queue, list, tree, ...) are EOPNOTSUPP.
 */
#include "base/absent.h"
#include "base/cpus.h"
#include "base/error.h"
#include "bpf/btf_blob.h"
#include "bpf/btf_parse.h"
#include "bpf/commands.h"
#include "bpf/object.h"
#include "bpf/user.h"
#include "map/map.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define NUMA_NONE ((uint32_t)-1)
#define HASH_LEN  32

static int node_is_online(uint32_t node)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
	return node == 0 || access(path, F_OK) == 0;
}

static int fields_check(const struct attr_create *create)
{
	uint32_t both = BPF_F_RDONLY | BPF_F_WRONLY;

	if (create->btf_vmlinux_value_type_id)
		return fail(EINVAL, "btf_vmlinux_value_type_id is for struct_ops maps alone");
	if (create->btf_key_type_id && !create->btf_value_type_id)
		return fail(EINVAL, "btf_key_type_id without btf_value_type_id");
	if (create->map_extra && create->map_type != BPF_MAP_TYPE_BLOOM_FILTER)
		return fail(EINVAL, "map_extra is for bloom filters and arenas alone");
	if ((create->map_flags & both) == both)
		return fail(EINVAL, "BPF_F_RDONLY and BPF_F_WRONLY exclude each other");
	if ((create->map_flags & BPF_F_NUMA_NODE) && create->numa_node != NUMA_NONE &&
	    !node_is_online(create->numa_node))
		return fail(EINVAL, "NUMA node %u is not online", create->numa_node);
	return 0;
}

static void spec_from_attr(const struct attr_create *create, struct map_spec *ret_spec)
{
	*ret_spec = (struct map_spec){
		.type = create->map_type,
		.key_size = create->key_size,
		.value_size = create->value_size,
		.max_entries = create->max_entries,
		.map_flags = create->map_flags & ~ATTR_F_TOKEN_FD,
		.numa_node = create->map_flags & BPF_F_NUMA_NODE ? create->numa_node : NUMA_NONE,
		.map_extra = create->map_extra,
	};
}

/* A map on a network device needs a driver that offloads it, which user space has not. */
static int ifindex_check(uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	if (!ifindex)
		return 0;
	if (!if_indextoname(ifindex, name))
		return fail(EINVAL, "there is no device with ifindex %u", ifindex);
	return fail(EOPNOTSUPP, "device %s cannot hold maps", name);
}

static int token_check(const struct attr_create *create)
{
	if (!(create->map_flags & ATTR_F_TOKEN_FD))
		return 0;
	if (fcntl(create->map_token_fd, F_GETFD) < 0)
		return fail(EBADF, "map_token_fd %d is not open", create->map_token_fd);
	return fail(EINVAL, "map_token_fd %d is not a BPF token; none are needed here",
		    create->map_token_fd);
}

static int excl_check(const struct attr_create *create, struct object *what)
{
	if (!create->excl_prog_hash) {
		if (create->excl_prog_hash_size)
			return fail(EINVAL, "excl_prog_hash_size without excl_prog_hash");
		return 0;
	}
	if (create->excl_prog_hash_size != HASH_LEN)
		return fail(EINVAL, "a program's hash has %d bytes, not %u", HASH_LEN,
			    create->excl_prog_hash_size);
	what->excl = 1;
	return user_copy_in(what->excl_prog_hash, create->excl_prog_hash, HASH_LEN,
			    "the program's hash");
}

/* Whether so much can be had at all is known before the later checks, as in the kernel. */
static int memory_check(uint64_t bytes)
{
	struct sysinfo machine;

	if (sysinfo(&machine) || bytes <= (uint64_t)machine.totalram * machine.mem_unit)
		return 0;
	return fail(ENOMEM, "the map needs %llu bytes, more memory than this machine has",
		    (unsigned long long)bytes);
}

/* The steps before BTF. *ret_spec is what to create. */
static int create_check(const struct attr_create *create, struct map_spec *ret_spec)
{
	const struct map_ops *ops;
	struct map_layout layout;
	int err = fields_check(create);

	if (err)
		return err;
	spec_from_attr(create, ret_spec);
	ops = map_ops_of(create->map_type);
	if (!ops)
		return fail(
			EINVAL,
			"maps of type %s (%u) are not supported here; 'bpfmap help create' lists "
			"the types, and bpf_map__set_autocreate(map, false) leaves one out",
			absent_map_word(create->map_type), create->map_type);
	err = ops->alloc_check(ret_spec);
	if (!err)
		err = token_check(create);
	if (!err)
		err = ifindex_check(create->map_ifindex);
	if (!err)
		err = ops->layout(ret_spec, cpus_possible(), &layout);
	if (!err)
		err = memory_check(layout.reserve_end);
	if (!err)
		err = object_name_check(create->map_name);
	return err;
}

static int map_make(const struct attr_create *create, const struct map_spec *spec,
		    const struct btf_blob *btf, struct bpfmap **ret_map)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = spec->type,
		.key_size = spec->key_size,
		.value_size = spec->value_size,
		.max_entries = spec->max_entries,
		.map_flags = spec->map_flags & ~(uint32_t)(BPF_F_RDONLY | BPF_F_WRONLY),
		.numa_node = spec->numa_node,
		.map_extra = spec->map_extra,
		.memory = BPFMAP_MEMORY_SHARED,
		.spin_lock_plus1 = spec->spin_lock_plus1,
		.name = create->map_name,
	};

	if (btf) {
		opts.btf = btf->bytes;
		opts.btf_size = btf->size;
		opts.btf_id = btf->id;
		opts.btf_key_type_id = create->btf_key_type_id;
		opts.btf_value_type_id = create->btf_value_type_id;
	}
	return bpfmap_create(&opts, ret_map);
}

/* Give the map to the table and its descriptor to the caller. */
static int map_publish(struct object *what, uint32_t map_flags)
{
	int access = map_flags & BPF_F_RDONLY	? O_RDONLY
		     : map_flags & BPF_F_WRONLY ? O_WRONLY
						: O_RDWR;
	int fd = region_dup_fd(what->map->region, access);
	int err;

	if (fd < 0) {
		bpfmap_close(what->map);
		return fd;
	}
	what->kind = OBJECT_MAP;
	what->id = what->map->region->id;
	err = fd_install(fd, what);
	if (!err)
		return fd;
	close(fd);
	return err;
}

long map_create(union call_attr *attr, const struct call *call)
{
	const struct attr_create *create = &attr->create;
	const struct btf_blob *blob = NULL;
	struct object what = {.excl = 0};
	struct map_spec spec;
	struct fd_ref btf;
	int err = create_check(create, &spec);

	if (err)
		return err;
	if (create->btf_key_type_id || create->btf_value_type_id) {
		err = fd_get((int)create->btf_fd, OBJECT_BTF, &btf);
		if (err)
			return err;
		blob = btf.object->btf;
		err = btf_map_check(blob->bytes, blob->size, create->btf_key_type_id,
				    create->btf_value_type_id, &spec, &spec.spin_lock_plus1);
	}
	if (!err && spec.spin_lock_plus1 && !map_ops_of(spec.type)->read_locked)
		err = fail(EOPNOTSUPP, "values of %s maps cannot hold a bpf_spin_lock",
			   map_type_word(spec.type));
	if (!err)
		err = excl_check(create, &what);
	if (!err) {
		fd_sweep_sometimes();
		err = map_make(create, &spec, blob, &what.map);
	}
	if (blob)
		fd_put(&btf);
	return err ? err : map_publish(&what, spec.map_flags);
}
