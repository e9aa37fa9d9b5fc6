/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* shape.c: see shape.h. */
#include "cli/shape.h"

#include "base/error.h"
#include "bpf/btf_parse.h"
#include "map/bloom.h"
#include "region/rundir.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kind of ids that BTF objects have (rundir.h). */
#define BTF_IDS 2

size_t shape_value_bytes(const struct shape *shape)
{
	if (!backend_is_percpu(shape->type))
		return shape->value_size;
	return (size_t)shape->cpus * (((size_t)shape->value_size + 7) & ~(size_t)7);
}

bool shape_is_variable(const struct shape *shape)
{
	return shape->type == BPF_MAP_TYPE_HASH && shape->map_flags & BPFMAP_F_VARIABLE;
}

bool shape_is_bloom(const struct shape *shape)
{
	return shape->type == BPF_MAP_TYPE_BLOOM_FILTER;
}

/* ---- from a map ---- */

/* Types whose elements are bytes that mean the same elsewhere, and can be read without being
 * taken. */
static int type_check(const struct mapref *ref)
{
	switch (ref->info.type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE: return 0;
	case BPF_MAP_TYPE_BLOOM_FILTER:
		if (ref->backend == &backend_user)
			return 0;
		return fail(ENOTSUP, "the kernel does not let a bloom_filter's bits be read");
	default:
		return fail(ENOTSUP, "the elements of a %s cannot be read out and put elsewhere",
			    mapref_type(&ref->info));
	}
}

static int seed_of(const struct mapref *ref, uint64_t *ret_seed)
{
	struct bloom_image image;
	struct bpfmap *map;
	int err = bpfmap_open_fd(ref->fd, BPFMAP_OPEN_RDONLY, &map);

	if (err)
		return err;
	bloom_get_image(map, &image);
	bpfmap_close(map);
	*ret_seed = image.seed;
	return 0;
}

static int btf_copy(const struct mapref *ref, struct shape *shape)
{
	const void *raw;
	uint32_t size;

	if (!ref->btf || !ref->info.btf_value_type_id)
		return 0;
	raw = btf__raw_data(ref->btf, &size);
	shape->btf = raw ? malloc(size) : NULL;
	if (!shape->btf)
		return fail(ENOMEM, "no memory for the map's BTF");
	memcpy(shape->btf, raw, size);
	shape->btf_size = size;
	shape->btf_id = ref->info.btf_id;
	shape->btf_key_type_id = ref->info.btf_key_type_id;
	shape->btf_value_type_id = ref->info.btf_value_type_id;
	return 0;
}

int shape_of_map(const struct mapref *ref, struct shape *ret_shape)
{
	struct shape shape = {
		.type = ref->info.type,
		.key_size = ref->info.key_size,
		.value_size = ref->info.value_size,
		.max_entries = ref->info.max_entries,
		/* Memory's node is a matter of the machine, not of the map. */
		.map_flags = ref->info.map_flags & ~(uint32_t)BPF_F_NUMA_NODE,
		.map_extra = ref->info.map_extra,
		.cpus = backend_is_percpu(ref->info.type) ? backend_cpus() : 1,
	};
	int err = type_check(ref);

	if (!err)
		err = btf_copy(ref, &shape);
	if (!err && shape_is_bloom(&shape))
		err = seed_of(ref, &shape.seed);
	if (err) {
		shape_free(&shape);
		return err;
	}
	memcpy(shape.name, ref->info.name, sizeof(shape.name));
	*ret_shape = shape;
	return 0;
}

void shape_free(struct shape *shape)
{
	free(shape->btf);
	shape->btf = NULL;
}

/* ---- into a map ---- */

int shape_fits(const struct shape *from, const struct shape *to)
{
	if (shape_is_bloom(from) != shape_is_bloom(to))
		return fail(EINVAL, "one is a bloom_filter, whose elements cannot be told");
	if (shape_is_variable(from) && !shape_is_variable(to))
		return fail(EINVAL, "the source's elements have lengths of their own");
	if (from->key_size != to->key_size)
		return fail(EINVAL, "key size: one has %u bytes, the other %u", from->key_size,
			    to->key_size);
	if (from->value_size != to->value_size)
		return fail(EINVAL, "value size: one has %u bytes, the other %u", from->value_size,
			    to->value_size);
	if (backend_is_percpu(from->type) != backend_is_percpu(to->type))
		return fail(EINVAL, "one has values per CPU, the other has not");
	if (!shape_is_bloom(from))
		return 0;
	if (from->seed != to->seed || from->max_entries != to->max_entries ||
	    from->map_extra != to->map_extra)
		return fail(EINVAL, "the bits of a bloom_filter mean nothing in one of another "
				    "size, seed or number of hashes; copy it to a new name");
	return 0;
}

static int create_user(const struct shape *shape, const char *dir)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = shape->type,
					  .key_size = shape->key_size,
					  .value_size = shape->value_size,
					  .max_entries = shape->max_entries,
					  .map_flags = shape->map_flags,
					  .map_extra = shape->map_extra,
					  .memory = BPFMAP_MEMORY_SHARED,
					  .name = shape->name,
					  .btf = shape->btf,
					  .btf_size = shape->btf_size,
					  .btf_id = shape->btf_id,
					  .btf_key_type_id = shape->btf_key_type_id,
					  .btf_value_type_id = shape->btf_value_type_id,
					  .dir = dir};
	const struct map_spec spec = {.type = shape->type,
				      .key_size = shape->key_size,
				      .value_size = shape->value_size,
				      .map_flags = shape->map_flags};
	struct bpfmap *map;
	int err = 0, fd;

	if (shape->btf)
		err = btf_check(shape->btf, shape->btf_size);
	if (!err && shape->btf)
		err = btf_map_check(shape->btf, shape->btf_size, shape->btf_key_type_id,
				    shape->btf_value_type_id, &spec, &opts.spin_lock_plus1);
	if (!err && shape->btf && !opts.btf_id)
		err = rundir_next_id(BTF_IDS, &opts.btf_id);
	if (!err)
		err = bpfmap_create(&opts, &map);
	if (err)
		return err;
	if (shape_is_bloom(shape))
		bloom_adopt_seed(map, shape->seed);
	fd = bpfmap_fd(map);
	bpfmap_close(map);
	return fd;
}

static uint64_t attr_ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* Its descriptor. */
static long btf_load(const struct shape *shape, const struct backend *backend)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.btf = attr_ptr(shape->btf);
	attr.btf_size = shape->btf_size;
	return backend->bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
}

static int create_live(const struct shape *shape, const struct backend *backend)
{
	struct backend_create how = {
		.type = shape->type,
		.key_size = shape->key_size,
		.value_size = shape->value_size,
		.max_entries = shape->max_entries,
		.map_flags = shape->map_flags,
		.map_extra = shape->map_extra,
		.name = shape->name,
	};
	long btf_fd = -1;
	int fd;

	if (shape_is_variable(shape))
		return fail(ENOTSUP,
			    "the kernel has no maps whose elements have lengths of their own");
	if (shape_is_bloom(shape))
		return fail(ENOTSUP, "the kernel does not let a bloom_filter's bits be set");
	if (shape->btf) {
		btf_fd = btf_load(shape, backend);
		if (btf_fd < 0)
			return (int)btf_fd;
		how.btf_fd = (uint32_t)btf_fd;
		how.btf_key_type_id = shape->btf_key_type_id;
		how.btf_value_type_id = shape->btf_value_type_id;
	}
	fd = backend_map_create(backend, &how);
	if (btf_fd >= 0)
		close((int)btf_fd);
	return fd;
}

int shape_create(const struct shape *shape, const struct backend *backend, const char *dir)
{
	return backend == &backend_user ? create_user(shape, dir) : create_live(shape, backend);
}

int shape_create_filled(const struct shape *shape, const struct mapref_file *file, shape_fill *fill,
			void *arg)
{
	int err, fd = shape_create(shape, file->backend, NULL), code;

	if (fd < 0)
		return exit_failure(fd, "map create failed");
	code = fill(arg, file->backend, fd);
	if (!code) {
		err = backend_pin(file->backend, fd, file->path);
		if (err)
			code = exit_failure(err, "can't pin the map at %s", file->word);
	}
	close(fd);
	return code;
}
