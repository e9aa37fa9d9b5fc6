/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map.c: the native API (bpfmap.h) over the types' ops, and the list of types. Holds no shared
 * state of its own but the freeze word in the region's header.
 *
 * Edges        F1 release of frozen -> F2 acquire: who sees the freeze sees the writes before it
 * If a process dies    its handles go with its memory
 */
#include "map/count.h"

#include "base/absent.h"
#include "base/cpus.h"
#include "base/error.h"
#include "map/disk.h"
#include "map/move.h"
#include "map/value.h"
#include "map/var.h"
#include "region/rundir.h"
#include "sync/bytes.h"
#include "sync/vcpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_TYPE(NAME, word, ops) extern const struct map_ops ops;
#include "map/types.def"
#undef MAP_TYPE
extern const struct map_ops variable_hash_map_ops;

static const struct {
	uint32_t type;
	const char *word;
	const struct map_ops *ops;
} types[] = {
#define MAP_TYPE(NAME, word, ops) {BPF_MAP_TYPE_##NAME, word, &ops},
#include "map/types.def"
#undef MAP_TYPE
};

#define TYPES (sizeof(types) / sizeof(types[0]))

const struct map_ops *map_ops_of(uint32_t type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].ops;
	return NULL;
}

const struct map_ops *map_ops_for(const struct map_spec *spec)
{
	if (spec->type == BPF_MAP_TYPE_HASH && spec->map_flags & BPFMAP_F_VARIABLE)
		return &variable_hash_map_ops;
	return map_ops_of(spec->type);
}

const char *map_type_word(uint32_t type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].word;
	return NULL;
}

size_t map_syscall_value_size(const struct bpfmap *map)
{
	return map->vcpus ? map->vcpus->count * RU8(map->spec.value_size) : map->spec.value_size;
}

/* map_may_write() without the sentence. */
static inline bool map_is_closed(const struct bpfmap *map)
{
	uint32_t frozen = shm_u32_load_acquire(&map->region->header->frozen); /* F2 acquire <- F1 */

	return __builtin_expect(map->region->readonly || frozen, 0);
}

int map_may_write(const struct bpfmap *map)
{
	uint32_t closed = shm_u32_load_acquire(&map->region->header->frozen); /* F2 acquire <- F1 */

	if (map->region->readonly)
		return fail(EPERM, "the map was opened read-only");
	if (closed == REGION_MOVING || closed == REGION_MOVED)
		return map_move_wait(map);
	if (closed)
		return fail(EPERM, "the map is frozen: it can be read, and programs may change it");
	return 0;
}

int map_check_name(const char *name)
{
	const unsigned char *p = (const unsigned char *)name;

	for (; *p; p++) {
		bool latin1 = *p >= 0xc0 && *p != 0xd7 && *p != 0xf7;

		if (p - (const unsigned char *)name >= 15)
			return fail(EINVAL, "the name '%s' is longer than 15 characters", name);
		if (!(*p >= '0' && *p <= '9') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= 'a' && *p <= 'z') && *p != '_' && *p != '.' && !latin1)
			return fail(EINVAL,
				    "the name '%s' has a character other than letters, digits, "
				    "'_' and '.'",
				    name);
	}
	return 0;
}

/* The checks of creation that need no memory, in the kernel's order: flags and extras common to all
 * types, the type, its early check. */
static int spec_check(const struct map_spec *spec)
{
	const struct map_ops *ops = map_ops_for(spec);
	int err;

	if (spec->map_extra && spec->type != BPF_MAP_TYPE_BLOOM_FILTER)
		return fail(EINVAL, "map_extra is for Bloom filters only");
	if ((spec->map_flags & BPF_F_RDONLY) && (spec->map_flags & BPF_F_WRONLY))
		return fail(EINVAL, "BPF_F_RDONLY and BPF_F_WRONLY exclude each other");
	if (!ops)
		return fail(
			EINVAL,
			"maps of type %s (%u) are not supported here; 'bpfmap help create' lists "
			"the types",
			absent_map_word(spec->type), spec->type);
	err = ops->alloc_check(spec);
	return err ? err : value_check_spec(spec);
}

static int body_bytes_of(const struct map_spec *spec, uint32_t cpus, uint64_t *ret_bytes)
{
	struct map_layout layout;
	int err = spec_check(spec);

	if (!err)
		err = map_ops_for(spec)->layout(spec, cpus, &layout);
	if (err)
		return fail(EUCLEAN, "the region's header describes no valid map");
	*ret_bytes = layout.body_bytes;
	return 0;
}

/* Types without pointers to their values. */
static void *lookup_nothing(struct bpfmap *map, const void *key)
{
	(void)map;
	(void)key;
	return NULL;
}

static int map_from_region(struct region *region, struct bpfmap **ret_map)
{
	struct bpfmap *map = calloc(1, sizeof(*map));
	int err;

	if (!map) {
		region_close(region);
		return fail(ENOMEM, "no memory for a handle");
	}
	map->region = region;
	map->spec = region->spec;
	map->ops = map_ops_for(&map->spec);
	err = map->ops->attach(map);
	if (err) {
		region_close(region);
		free(map);
		return err;
	}
	if (!map->head.lookup)
		map->head.lookup = map->ops->lookup ? map->ops->lookup : lookup_nothing;
	map_adopt_lookup_count(map);
	*ret_map = map;
	return 0;
}

/* What must have memory behind it in the map's body. */
static int map_reserved(void *owner, region_range_fn *fn, void *arg)
{
	struct bpfmap *map = owner;
	struct map_layout layout;
	int err = map->ops->layout(&map->spec, map->region->cpus, &layout);

	if (!err)
		err = fn(arg, 0, layout.reserve_end);
	return !err && map->ops->reserved ? map->ops->reserved(map, fn, arg) : err;
}

static void spec_from_opts(const struct bpfmap_create_opts *opts, struct map_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	spec->type = opts->type;
	spec->key_size = opts->key_size;
	spec->value_size = opts->value_size;
	spec->max_entries = opts->max_entries;
	spec->map_flags = opts->map_flags;
	spec->map_extra = opts->map_extra;
	spec->spin_lock_plus1 = opts->spin_lock_plus1;
	if (opts->map_flags & BPF_F_NUMA_NODE)
		spec->numa_node = opts->numa_node;
}

int map_plan(const struct bpfmap_create_opts *opts, uint32_t cpus, struct map_spec *ret_spec,
	     struct map_layout *ret_layout)
{
	int err;

	if (opts->sz < sizeof(*opts))
		return fail(EINVAL, "opts.sz is %zu, not sizeof(struct bpfmap_create_opts)",
			    opts->sz);
	spec_from_opts(opts, ret_spec);
	err = spec_check(ret_spec);
	if (!err && map_ops_for(ret_spec)->normalize)
		map_ops_for(ret_spec)->normalize(ret_spec, cpus);
	if (!err)
		err = map_ops_for(ret_spec)->layout(ret_spec, cpus, ret_layout);
	if (!err && opts->name)
		err = map_check_name(opts->name);
	/* The access flags belong to the descriptor that the creator gets, not to the map. */
	ret_spec->map_flags &= ~(uint32_t)(BPF_F_RDONLY | BPF_F_WRONLY);
	return err;
}

int bpfmap_create(const struct bpfmap_create_opts *opts, struct bpfmap **ret_map)
{
	struct region_create how = {.cpus = cpus_possible()};
	struct map_layout layout;
	struct region *region;
	struct bpfmap *map;
	int err;

	err = map_plan(opts, how.cpus, &how.spec, &layout);
	if (err)
		return err;
	how.body_bytes = layout.body_bytes;
	how.reserve_end = layout.reserve_end;
	how.shared = opts->memory == BPFMAP_MEMORY_SHARED;
	how.seeded = !(how.spec.map_flags & BPF_F_ZERO_SEED);
	how.name = opts->name;
	how.dir = opts->dir;
	how.btf = opts->btf;
	how.btf_size = opts->btf ? opts->btf_size : 0;
	how.btf_id = opts->btf_id;
	how.btf_key_type_id = opts->btf_key_type_id;
	how.btf_value_type_id = opts->btf_value_type_id;
	err = region_create(&how, &region);
	if (!err)
		err = map_from_region(region, &map);
	if (!err && map->ops->init) {
		err = map->ops->init(map);
		if (err)
			bpfmap_close(map);
	}
	if (err)
		return err;
	region_publish(map->region);
	err = map_disk_created(map);
	if (err)
		bpfmap_close(map);
	else
		*ret_map = map;
	return err;
}

int bpfmap_open_fd(int fd, uint32_t flags, struct bpfmap **ret_map)
{
	struct region *region;
	struct bpfmap *map;
	int err;

	if (flags & ~BPFMAP_OPEN_RDONLY)
		return fail(EINVAL, "unknown open flags 0x%x", flags);
	err = region_open_fd(fd, flags & BPFMAP_OPEN_RDONLY, body_bytes_of, &region);
	if (!err)
		err = map_from_region(region, &map);
	if (err)
		return err;
	err = region_fill_holes(region, map_reserved, map);
	if (!err)
		err = map_disk_open(map);
	if (err)
		bpfmap_close(map);
	else
		*ret_map = map;
	return err;
}

int bpfmap_open(const char *path, uint32_t flags, struct bpfmap **ret_map)
{
	char real[4096];
	int err = rundir_resolve(path, real, sizeof(real)), fd;

	if (err)
		return err;
	/* Never waits for a fifo's other end and never makes a terminal ours. */
	fd = open(real, (flags & BPFMAP_OPEN_RDONLY ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK |
				O_NOCTTY);
	if (fd < 0)
		return fail_os(errno, "cannot open %s", real);
	err = bpfmap_open_fd(fd, flags, ret_map);
	close(fd);
	return err;
}

void map_keep(struct bpfmap *map)
{
	private_u32_add_acq_rel(&map->keepers, 1); /* KP1 acq_rel -> KP1 */
}

void bpfmap_close(struct bpfmap *map)
{
	/* Who closes last sees what others did before they let go: KP1 acq_rel -> KP1 */
	if (!map || private_u32_add_acq_rel(&map->keepers, UINT32_MAX))
		return;
	if (!map->region->readonly && owner_known_plus1(&map->region->owners))
		map_note_change(map);
	map_disk_close(map);
	/* The owners' numbers are given back before what mends them goes. */
	map->ops->detach(map);
	region_close(map->region);
	free(map);
}

int bpfmap_fd(struct bpfmap *map)
{
	return region_dup_fd(map->region, map->region->readonly ? O_RDONLY : O_RDWR);
}

int bpfmap_pin(struct bpfmap *map, const char *path)
{
	char real[4096];
	int err = rundir_resolve(path, real, sizeof(real));

	if (err)
		return err;
	if (map->region->fd < 0)
		return fail(ENOTSUP, "a map in private memory cannot be pinned; create it with "
				     "BPFMAP_MEMORY_SHARED");
	return region_link(map->region->fd, real);
}

int map_lacks(const struct bpfmap *map, const char *why)
{
	if (map->spec.map_flags & BPFMAP_F_VARIABLE)
		return fail(ENOTSUP, "the map's elements have lengths of their own "
				     "(BPFMAP_F_VARIABLE): use the bpfmap_var_ functions");
	return fail(ENOTSUP, "a %s %s", map_type_word(map->spec.type), why);
}

static int no_keys(const struct bpfmap *map)
{
	return map_lacks(map, "has no keys: push values into it and peek for them");
}

void *bpfmap_lookup(struct bpfmap *map, const void *key)
{
	return map->head.lookup(map, key);
}

uint32_t bpfmap_lookup_keys(struct bpfmap *map, const void *keys, uint32_t n, void **ret_values)
{
	uint32_t found = 0;

	if (map->ops->lookup_keys && map->head.lookup == map->lookup_uncounted)
		return map->ops->lookup_keys(map, keys, n, ret_values);
	for (uint32_t i = 0; i < n; i++) {
		ret_values[i] = map->head.lookup(map, (const char *)keys +
							      (uint64_t)i * map->spec.key_size);
		found += ret_values[i] != NULL;
	}
	return found;
}

int bpfmap_read(struct bpfmap *map, const void *key, void *ret_value)
{
	return map->ops->read ? map->ops->read(map, key, ret_value) : no_keys(map);
}

int bpfmap_update(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	int err = map_is_closed(map) ? map_may_write(map) : 0;

	if (__builtin_expect(err, 0))
		return err;
	return map->ops->write ? map_write(map, key, value, flags) : no_keys(map);
}

int bpfmap_delete(struct bpfmap *map, const void *key)
{
	int err = map_is_closed(map) ? map_may_write(map) : 0;

	if (__builtin_expect(err, 0))
		return err;
	return map->ops->delete_elem ? map_delete(map, key) : no_keys(map);
}

int bpfmap_next_key(struct bpfmap *map, const void *key, void *ret_next)
{
	return map->ops->next_key ? map->ops->next_key(map, key, ret_next) : no_keys(map);
}

int bpfmap_push(struct bpfmap *map, const void *value, uint64_t flags)
{
	int err = map_is_closed(map) ? map_may_write(map) : 0;

	if (__builtin_expect(err, 0))
		return err;
	if (!map->ops->push)
		return map_lacks(map, "has keys: update it");
	return map_push(map, value, flags);
}

int bpfmap_peek(struct bpfmap *map, void *value)
{
	if (!map->ops->peek)
		return map_lacks(map, "has keys: look them up");
	return map->ops->peek(map, value);
}

/* Whole buckets, by `step` (read_bucket or take_bucket), as long as they fit. */
static int batch_walk(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
		      uint32_t *count,
		      int (*step)(struct bpfmap *, uint64_t *, void *, void *, uint32_t *))
{
	uint32_t room = *count, done = 0, n = 0;
	size_t value_size = map_syscall_value_size(map);
	int err = 0;

	while (!err && done < room) {
		n = room - done;
		err = step(map, cursor, (char *)keys + (size_t)done * map->spec.key_size,
			   (char *)values + done * value_size, &n);
		if (!err)
			done += n;
	}
	*count = done;
	if (err != -ENOSPC)
		return err;
	/* A bucket that no longer fits waits for the next call, unless nothing was read at all. */
	return done ? 0
		    : fail(ENOSPC,
			   "the next bucket has %u elements, there is room for %u; call again with "
			   "more",
			   n, room);
}

int bpfmap_read_batch(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
		      uint32_t *count)
{
	if (!map->ops->read_bucket)
		return map_lacks(map, "has no keys to walk over");
	return batch_walk(map, cursor, keys, values, count, map->ops->read_bucket);
}

int bpfmap_take_batch(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
		      uint32_t *count)
{
	int err = map_may_write(map);

	if (err)
		return err;
	if (!map->ops->take_bucket)
		return map_lacks(map, "does not let its elements be taken out");
	return batch_walk(map, cursor, keys, values, count, map_take_bucket);
}

int bpfmap_update_batch(struct bpfmap *map, const void *keys, const void *values, uint32_t *count,
			uint64_t flags)
{
	uint32_t n = *count;
	size_t value_size = map_syscall_value_size(map);
	int err = map_may_write(map);

	if (!err && !map->ops->write)
		err = no_keys(map);
	for (*count = 0; !err && *count < n; *count += !err)
		err = map_write(map, (const char *)keys + (size_t)*count * map->spec.key_size,
				(const char *)values + *count * value_size, flags);
	return err;
}

int bpfmap_take(struct bpfmap *map, const void *key, void *ret_value)
{
	int err = map_may_write(map);

	if (err)
		return err;
	if (!map->ops->take)
		return map_lacks(map, "does not let its elements be taken out");
	return map_take(map, key, ret_value);
}

int bpfmap_expect(struct bpfmap *map, const char *key_name, uint32_t key_size,
		  const char *value_name, uint32_t value_size)
{
	if (map->spec.map_flags & BPFMAP_F_VARIABLE)
		return fail(EINVAL, "the map's elements have lengths of their own "
				    "(BPFMAP_F_VARIABLE), not those of a struct");
	if (map->spec.key_size != key_size)
		return fail(EINVAL, "key_size: map has %u, %s has %u", map->spec.key_size,
			    key_name ? key_name : "the program", key_size);
	if (map->spec.value_size != value_size)
		return fail(EINVAL, "value_size: map has %u, %s has %u", map->spec.value_size,
			    value_name ? value_name : "the program", value_size);
	return 0;
}

/* Who looks at the counters notices what has changed since somebody looked last. */
static uint64_t changed_ns(struct bpfmap *map, uint64_t changes)
{
	struct region_header_shm *header = map->region->header;

	if (!map->region->readonly && shm_u64_load_relaxed(&header->changes_seen) != changes) {
		shm_u64_store_relaxed(&header->changes_seen, changes);
		map_note_change(map);
	}
	return shm_u64_load_relaxed(&header->changed_ns);
}

int bpfmap_get_info(struct bpfmap *map, struct bpfmap_info *ret_info)
{
	const struct region *region = map->region;
	struct map_counters counters = {0};
	uint64_t counts[MAP_COUNTS];

	map->ops->counters(map, &counters);
	map_counts(map, counts);
	*ret_info = (struct bpfmap_info){
		.type = map->spec.type,
		.id = region->id,
		.key_size = map->spec.key_size,
		.value_size = map->spec.value_size,
		.max_entries = map->spec.max_entries,
		.map_flags = map->spec.map_flags,
		.map_extra = map->spec.map_extra,
		.btf_id = region->btf_id,
		.btf_key_type_id = region->btf_key_type_id,
		.btf_value_type_id = region->btf_value_type_id,
		.btf_size = region->btf_size,
		.frozen = shm_u32_load_acquire(&region->header->frozen) != 0, /* F2 acquire <- F1 */
		.readonly = region->readonly,
		.entries = counters.entries,
		.high_water = counters.high_water,
		.failed_updates = counters.evictions ? 0 : counts[COUNT_FULL],
		.evictions = counters.evictions,
		.memory_bytes = region_memory_bytes(region),
		.created_ns = region->created_ns,
		.updates = counts[COUNT_UPDATES],
		.deletes = counts[COUNT_DELETES],
		.lookups = counts[COUNT_LOOKUPS],
		.hits = counts[COUNT_HITS],
		.lookups_counted = shm_u32_load_relaxed(&region->header->count_lookups),
		.failed_exists = counts[COUNT_EXISTS],
		.failed_absent = counts[COUNT_ABSENT],
		.failed_other = counts[COUNT_FAILED],
		.changed_ns = changed_ns(map, counts[COUNT_UPDATES] + counts[COUNT_DELETES] +
						      counters.evictions),
	};
	memcpy(ret_info->name, region->name, sizeof(ret_info->name));
	return 0;
}

const void *bpfmap_btf(struct bpfmap *map, uint32_t *ret_size)
{
	*ret_size = map->region->btf_size;
	return *ret_size ? map->region->base + map->region->btf_off : NULL;
}

int bpfmap_freeze(struct bpfmap *map)
{
	int err = map_may_write(map);

	if (!err)
		shm_u32_store_release(&map->region->header->frozen, /* F1 release -> F2 */
				      REGION_FROZEN);
	return err;
}

int bpfmap_check(struct bpfmap *map)
{
	if (!map->region->readonly)
		owner_mend_all(&map->region->owners);
	return map->ops->check(map);
}

const char *bpfmap_last_error(void)
{
	return error_sentence();
}

const char *bpfmap_version(void)
{
	return BPFMAP_VERSION;
}
