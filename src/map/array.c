/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* array.c: fixed-size arrays; map types ARRAY, PERCPU_ARRAY.
 *
 * Body of the region (stride = value_size padded to 8; n = max_entries; P = 1 or the CPUs):
 *   0            values: P planes of n x stride; what mmap of an ARRAY's descriptor shows from
 *                offset 0. A CPU's values are a plane of their own: no line is shared by two CPUs.
 *   cpus_off     PERCPU_ARRAY: a lock per CPU (sync/vcpu.h); of an MMAPABLE array on a boundary of
 *                64 KiB
 *   stripes_off  stripes: k x 64 bytes, where P x stride > 8; element i belongs to stripe i % k
 *   stage_off    stages: k x P x stride
 *
 * Stripe:  0  lock   owner + 1, or 0
 *          8  state  version << 33 | copying << 32 | index
 *
 * States       stripe: IDLE -> (value written to its stage) -> COPYING [write_locked: one store]
 *              -> IDLE [stripe_finish, after the copy; by the writer or by who mends]
 * Invariants   1. while COPYING, the stage holds the whole new value of element `index`
 *              2. state changes before and after every change of a value through the API
 * Locks        stripe.lock: the stripe's stage and the API's writes to its elements. Programs write
 *              through pointers without it, as in the kernel; so does a program's update of its own
 *              CPU's value, which its CPU's lock makes its own.
 * Edges        A1 release of state -> A2 acquire; with B1, B2 (sync/bytes.h)
 * Progress     lookup: never waits. read: takes the staged value of an element that is being
 *              copied, so it waits for nobody; after COPY_TRIES disturbed attempts (writers of the
 *              same stripe, large values) a writable handle takes the lock. update: waits per
 *              stripe.
 * If a process dies    before COPYING: nothing happened. COPYING: who mends copies the stage again.
 * Differences from the kernel: a copying read is never a mixture of two updates.
 */
#include "map/map.h"

#include "base/error.h"
#include "base/page.h"
#include "map/value.h"
#include "sync/vcpu.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PERCPU_FLAGS (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)
#define ARRAY_FLAGS  (PERCPU_FLAGS | BPF_F_NUMA_NODE | BPF_F_MMAPABLE | BPF_F_INNER_MAP)

#define STRIPES_MAX 64
#define COPY_TRIES  64
#define READ_TRIES  1000000
#define COPYING	    (1ull << 32)

struct stripe_shm {
	struct shm_u32 lock;
	struct shm_u32 pad;
	struct shm_u64 state;
	uint8_t pad2[48];
};

_Static_assert(sizeof(struct stripe_shm) == 64, "a line per stripe");

struct array_geometry {
	uint64_t stride;
	uint32_t cpus;	       /* values per element */
	uint64_t plane_stride; /* from one CPU's values to the next one's */
	uint64_t cpus_off;
	uint32_t stripes; /* 0: elements are single words, stored at once */
	uint64_t stripes_off;
	uint64_t stage_off;
	uint64_t body_bytes;
};

struct array {
	/* What a lookup touches, in one line. */
	uint8_t *values;
	uint32_t n;
	uint32_t cpus;	       /* as in g */
	uint64_t stride;       /* as in g */
	uint64_t plane_stride; /* as in g */
	struct array_geometry g;
	struct region *region;
	struct vcpus vcpus;
	uint32_t value_size;
	struct value_shape shape; /* of what the system call copies, per CPU */
};

static bool spec_percpu(const struct map_spec *spec)
{
	return spec->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static void array_geometry_of(const struct map_spec *spec, uint32_t cpus, struct array_geometry *g)
{
	uint32_t n = spec->max_entries;

	memset(g, 0, sizeof(*g));
	g->stride = RU8(spec->value_size);
	g->cpus = spec_percpu(spec) ? cpus : 1;
	g->plane_stride = (n * g->stride + 63) / 64 * 64;
	/* Stages cost at most an eighth of the values, but one is needed. */
	if (g->cpus * g->stride > 8 || spec->spin_lock_plus1)
		g->stripes = n / 8 < 1 ? 1 : n / 8 < STRIPES_MAX ? n / 8 : STRIPES_MAX;
	g->cpus_off = g->cpus * g->plane_stride;
	/* A page of any machine, so that a mapping of the values shows nothing else. */
	if (spec->map_flags & BPF_F_MMAPABLE)
		g->cpus_off = (g->cpus_off + 65535) / 65536 * 65536;
	g->stripes_off = g->cpus_off + (spec_percpu(spec) ? g->cpus * sizeof(struct vcpu_shm) : 0);
	g->stage_off = g->stripes_off + g->stripes * sizeof(struct stripe_shm);
	g->body_bytes = g->stage_off + g->stripes * g->cpus * g->stride;
}

static int array_alloc_check(const struct map_spec *spec)
{
	uint32_t unknown = spec->map_flags & ~(spec_percpu(spec) ? PERCPU_FLAGS : ARRAY_FLAGS);

	/* The kernel takes the flag if it names no node. */
	if (spec_percpu(spec) && spec->numa_node == UINT32_MAX)
		unknown &= ~(uint32_t)BPF_F_NUMA_NODE;
	if (!spec->max_entries || spec->key_size != 4 || !spec->value_size)
		return fail(EINVAL,
			    "an array needs max_entries above 0, key_size 4 and value_size above 0 "
			    "(they are %u, %u, %u)",
			    spec->max_entries, spec->key_size, spec->value_size);
	if (unknown)
		return fail(EINVAL, "arrays of this type do not know flags 0x%x", unknown);
	if ((spec->map_flags & BPF_F_RDONLY_PROG) && (spec->map_flags & BPF_F_WRONLY_PROG))
		return fail(EINVAL, "BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other");
	if (spec->value_size > INT_MAX)
		return fail(E2BIG, "a value has at most %d bytes", INT_MAX);
	if (spec_percpu(spec) && RU8(spec->value_size) > PERCPU_VALUE_MAX)
		return fail(E2BIG, "a per-CPU value has at most %d bytes", PERCPU_VALUE_MAX);
	return 0;
}

static int array_layout(const struct map_spec *spec, uint32_t cpus, struct map_layout *ret)
{
	struct array_geometry g;

	array_geometry_of(spec, cpus, &g);
	ret->body_bytes = g.body_bytes;
	ret->reserve_end = g.cpus * g.plane_stride;
	return 0;
}

static void array_parts(const struct map_spec *spec, uint32_t cpus, map_part_fn *fn, void *arg)
{
	struct array_geometry g;
	struct map_part part = {.name = "values", .why = "each value padded to 8 bytes"};

	array_geometry_of(spec, cpus, &g);
	part.len = g.cpus * g.plane_stride;
	if (spec_percpu(spec))
		part.why = "a value for each CPU and element, padded to 8 bytes";
	if (spec->map_flags & BPF_F_MMAPABLE)
		part.len = page_ceil(part.len);
	part.reserved = part.len;
	fn(arg, &part);
	part.name = "locks";
	part.why = "stages from which readers take a value that is being written, and locks";
	part.off = g.cpus_off;
	part.len = part.reserved = g.body_bytes - g.cpus_off;
	if (part.len)
		fn(arg, &part);
}

static struct stripe_shm *array_stripe(const struct array *a, uint32_t stripe)
{
	return (struct stripe_shm *)(a->values + a->g.stripes_off) + stripe;
}

static struct shm_u64 *array_stage(const struct array *a, uint32_t stripe)
{
	return (struct shm_u64 *)(a->values + a->g.stage_off + stripe * a->g.cpus * a->g.stride);
}

static struct shm_u64 *array_value(const struct array *a, uint32_t cpu, uint32_t index)
{
	return (struct shm_u64 *)(a->values + cpu * a->plane_stride + index * a->stride);
}

static uint64_t state_next(uint64_t state, uint64_t low)
{
	return ((state >> 33) + 1) << 33 | low;
}

/* Bring the staged value of a stripe whose state is COPYING home. Idempotent. */
static void stripe_finish(struct array *a, uint32_t stripe)
{
	struct stripe_shm *s = array_stripe(a, stripe);
	uint64_t state = shm_u64_load_acquire(&s->state); /* A2 acquire <- A1 */
	const struct shm_u64 *stage = array_stage(a, stripe);
	uint64_t words = a->g.stride / 8;

	if (!(state & COPYING))
		return;
	for (uint32_t cpu = 0; cpu < a->g.cpus && (uint32_t)state < a->n; cpu++)
		value_move(array_value(a, cpu, (uint32_t)state), &stage[cpu * words], &a->shape);
	shm_u64_store_release(&s->state, state_next(state, 0)); /* A1 release -> A2 */
}

static void array_mend(void *arg, uint32_t me, uint32_t dead, uint32_t lock_index)
{
	struct array *a = arg;

	(void)me;
	if (lock_index == LOCK_NESTED)
		vcpu_mend(&a->vcpus, dead);
	if (lock_index == LOCK_VALUE)
		value_mend(a->region, dead);
	if (lock_index < a->g.stripes)
		stripe_finish(a, lock_index);
}

static struct shm_u32 *array_lock_word(void *arg, uint32_t lock_index)
{
	struct array *a = arg;

	return lock_index < a->g.stripes ? &array_stripe(a, lock_index)->lock : NULL;
}

static int array_attach(struct bpfmap *map)
{
	struct array *a = calloc(1, sizeof(*a));

	if (!a)
		return fail(ENOMEM, "no memory for a handle");
	array_geometry_of(&map->spec, map->region->cpus, &a->g);
	a->values = map->region->base;
	a->cpus = a->g.cpus;
	a->stride = a->g.stride;
	a->plane_stride = a->g.plane_stride;
	a->region = map->region;
	a->n = map->spec.max_entries;
	a->value_size = map->spec.value_size;
	a->shape.size = spec_percpu(&map->spec) ? (uint32_t)a->g.stride : a->value_size;
	a->shape.lock_plus1 = map->spec.spin_lock_plus1;
	map->priv = a;
	if (spec_percpu(&map->spec)) {
		a->vcpus.shm = (struct vcpu_shm *)(a->values + a->g.cpus_off);
		a->vcpus.count = a->g.cpus;
		a->vcpus.owners = &map->region->owners;
		map->vcpus = &a->vcpus;
	}
	map->region->owners.mend = array_mend;
	map->region->owners.lock_word = array_lock_word;
	map->region->owners.arg = a;
	return 0;
}

/* The values are there; now what lies behind them, and the rest of the page that a mapping
 * shows. */
static int array_reserved(struct bpfmap *map, region_range_fn *fn, void *arg)
{
	const struct array *a = map->priv;
	uint64_t values = a->g.cpus * a->g.plane_stride;
	int err = 0;

	if (map->spec.map_flags & BPF_F_MMAPABLE)
		err = fn(arg, values, page_ceil(values) - values);
	return err ? err : fn(arg, a->g.cpus_off, a->g.body_bytes - a->g.cpus_off);
}

static int array_init(struct bpfmap *map)
{
	return array_reserved(map, region_reserve_range, map->region);
}

static void array_detach(struct bpfmap *map)
{
	free(map->priv);
}

static uint32_t array_index(const void *key)
{
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	return index;
}

static void *array_lookup(struct bpfmap *map, const void *key)
{
	const struct array *a = map->priv;
	uint32_t index = array_index(key);

	return index < a->n ? array_value(a, 0, index) : NULL;
}

/* Whoever is on no CPU gets one's value to look at. */
static void *__attribute__((noinline)) percpu_array_lookup_off(struct bpfmap *map, const void *key)
{
	const struct array *a = map->priv;

	return array_value(a, vcpu_current(a->cpus), array_index(key));
}

static void *percpu_array_lookup(struct bpfmap *map, const void *key)
{
	const struct array *a = map->priv;
	uint32_t index = array_index(key), cpu = vcpu_place.number_plus1 - 1;

	if (index >= a->n)
		return NULL;
	return cpu < a->cpus ? array_value(a, cpu, index) : percpu_array_lookup_off(map, key);
}

static void *array_lookup_cpu(struct bpfmap *map, const void *key, uint32_t cpu)
{
	const struct array *a = map->priv;
	uint32_t index = array_index(key);

	return index < a->n && cpu < a->g.cpus ? array_value(a, cpu, index) : NULL;
}

int bpfmap_array_get_view(struct bpfmap *map, struct bpfmap_array_view *ret_view)
{
	const struct array *a = map->priv;

	if (map->spec.type != BPF_MAP_TYPE_ARRAY)
		return fail(ENOTSUP, "only an array's values lie side by side");
	ret_view->values = a->values;
	ret_view->stride = a->stride;
	ret_view->max_entries = a->n;
	return 0;
}

static int stripe_lock(struct array *a, uint32_t stripe)
{
	struct owner_local *self;
	int err = owner_self(&a->region->owners, &self);

	if (!err)
		err = lock_acquire(&array_stripe(a, stripe)->lock, &a->region->owners,
				   self->number_plus1 - 1, stripe);
	return err;
}

/* The kernel's checks of an update, in its order. */
static int update_check(const struct array *a, uint32_t index, uint64_t flags)
{
	int err = value_check_flags(flags, &a->shape);

	if (err)
		return err;
	if (index >= a->n)
		return fail_quick(E2BIG, "the index is not below max_entries");
	if (flags & BPF_NOEXIST)
		return fail_quick(EEXIST,
				  "the elements of an array always exist: BPF_NOEXIST fails");
	return 0;
}

/* All CPUs' values from the caller into the stripe's stage. */
static void stage_fill(const struct array *a, uint32_t stripe, const void *value)
{
	struct shm_u64 *stage = array_stage(a, stripe);

	for (uint32_t cpu = 0; cpu < a->g.cpus; cpu++)
		bytes_store(stage + cpu * a->g.stride / 8, (const char *)value + cpu * a->g.stride,
			    a->shape.size);
}

static int write_locked(struct array *a, uint32_t index, const void *value, uint64_t flags)
{
	uint32_t stripe = index % a->g.stripes;
	struct stripe_shm *s = array_stripe(a, stripe);
	struct shm_u64 *at = array_value(a, 0, index);
	int err;

	stage_fill(a, stripe, value);
	err = flags & BPF_F_LOCK ? value_lock(a->region, at, &a->shape) : 0;
	if (err)
		return err;
	/* A1 release -> A2 */
	shm_u64_store_release(&s->state,
			      state_next(shm_u64_load_relaxed(&s->state), COPYING | index));
	stripe_finish(a, stripe);
	if (flags & BPF_F_LOCK)
		value_unlock(at, &a->shape);
	return 0;
}

/* One element, all CPUs' values as the system call lays them out. */
static int array_write(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	struct array *a = map->priv;
	uint32_t index = array_index(key), stripe;
	int err = update_check(a, index, flags);

	if (err)
		return err;
	if (!a->g.stripes) {
		bytes_store(array_value(a, 0, index), value, a->shape.size);
		return 0;
	}
	stripe = index % a->g.stripes;
	err = stripe_lock(a, stripe);
	if (err)
		return err;
	err = write_locked(a, index, value, flags);
	lock_release(&array_stripe(a, stripe)->lock);
	return err;
}

/* A program hears last of BPF_F_LOCK without a lock, a system call first. */
static int program_check(const struct array *a, uint32_t index, uint64_t flags)
{
	int err = update_check(a, index, flags & ~(uint64_t)BPF_F_LOCK);

	return err || !(flags & BPF_F_LOCK) ? err : value_check_flags(flags, &a->shape);
}

static int array_update(struct bpfmap *map, const void *key, const void *value, uint64_t flags)
{
	int err = flags & BPF_F_LOCK ? program_check(map->priv, array_index(key), flags) : 0;

	return err ? err : array_write(map, key, value, flags);
}

/* A program's update: its own CPU's value. */
static int percpu_array_update(struct bpfmap *map, const void *key, const void *value,
			       uint64_t flags)
{
	struct array *a = map->priv;
	uint32_t index = array_index(key);
	int err = program_check(a, index, flags);

	if (!err)
		bytes_store_keep(array_value(a, vcpu_current(a->g.cpus), index), value,
				 a->value_size);
	return err;
}

static int array_delete(struct bpfmap *map, const void *key)
{
	(void)map;
	(void)key;
	return fail_quick(EINVAL, "the elements of an array cannot be deleted; set them to zero");
}

/* All CPUs' values to the caller, each plane_words behind the one before. */
static void copy_out(const struct array *a, const struct shm_u64 *from, uint64_t plane_words,
		     uint8_t *ret_value)
{
	for (uint32_t cpu = 0; cpu < a->g.cpus; cpu++)
		value_load(ret_value + cpu * a->g.stride, from + cpu * plane_words, &a->shape);
}

/* Writers of the stripe disturb every attempt: copy with the lock held. */
static int read_striped(struct array *a, uint32_t index, void *ret_value)
{
	uint32_t stripe = index % a->g.stripes;
	int err = stripe_lock(a, stripe);

	if (err)
		return err;
	copy_out(a, array_value(a, 0, index), a->g.plane_stride / 8, ret_value);
	lock_release(&array_stripe(a, stripe)->lock);
	return 0;
}

static int array_read_index(struct array *a, uint32_t index, void *ret_value)
{
	uint32_t stripe;
	struct stripe_shm *s;

	if (!a->g.stripes) {
		copy_out(a, array_value(a, 0, index), 0, ret_value);
		return 0;
	}
	stripe = index % a->g.stripes;
	s = array_stripe(a, stripe);
	for (uint32_t tries = 0; tries < READ_TRIES; tries++) {
		uint64_t state = shm_u64_load_acquire(&s->state); /* A2 acquire <- A1 */

		if (state & COPYING && (uint32_t)state == index)
			copy_out(a, array_stage(a, stripe), a->g.stride / 8, ret_value);
		else
			copy_out(a, array_value(a, 0, index), a->g.plane_stride / 8, ret_value);
		if (shm_u64_load_relaxed(&s->state) == state)
			return 0;
		if (tries >= COPY_TRIES && !a->region->readonly)
			return read_striped(a, index, ret_value);
	}
	return fail(EUCLEAN, "element %u changes without end; is somebody scribbling?", index);
}

/* Copy under the element's spin lock. */
static int array_read_locked(struct bpfmap *map, const void *key, void *ret_value)
{
	struct array *a = map->priv;
	uint32_t index = array_index(key);
	struct shm_u64 *at;
	int err;

	if (index >= a->n)
		return -ENOENT;
	at = array_value(a, 0, index);
	err = value_lock(a->region, at, &a->shape);
	if (err)
		return err;
	copy_out(a, at, 0, ret_value);
	value_unlock(at, &a->shape);
	return 0;
}

static int array_read(struct bpfmap *map, const void *key, void *ret_value)
{
	struct array *a = map->priv;
	uint32_t index = array_index(key);

	return index < a->n ? array_read_index(a, index, ret_value) : -ENOENT;
}

static int array_next_key(struct bpfmap *map, const void *key, void *ret_next)
{
	const struct array *a = map->priv;
	uint32_t index = key ? array_index(key) : UINT32_MAX, next = 0;

	if (index < a->n)
		next = index + 1;
	if (next >= a->n)
		return -ENOENT;
	memcpy(ret_next, &next, sizeof(next));
	return 0;
}

static int array_read_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
			     uint32_t *count)
{
	struct array *a = map->priv;
	uint32_t room = *count, index;
	int err;

	if (*cursor >= a->n)
		return -ENOENT;
	for (*count = 0; *count < room && *cursor < a->n; (*count)++, (*cursor)++) {
		index = (uint32_t)*cursor;
		memcpy((char *)keys + *count * sizeof(index), &index, sizeof(index));
		err = array_read_index(a, index,
				       (char *)values + *count * map_syscall_value_size(map));
		if (err)
			return err;
	}
	return 0;
}

static bool array_is_value(const struct bpfmap *map, const void *addr, size_t len)
{
	const struct array *a = map->priv;
	uint64_t off = (uint64_t)((const uint8_t *)addr - a->values);

	if ((const uint8_t *)addr < a->values || off >= a->g.cpus * a->g.plane_stride ||
	    len > a->value_size)
		return false;
	off %= a->g.plane_stride;
	return off < a->n * a->g.stride && off % a->g.stride <= a->value_size - len;
}

static void array_counters(const struct bpfmap *map, struct map_counters *ret)
{
	const struct array *a = map->priv;

	memset(ret, 0, sizeof(*ret));
	ret->entries = a->n;
	ret->high_water = a->n;
}

static int array_check(struct bpfmap *map)
{
	const struct array *a = map->priv;

	for (uint32_t i = 0; i < a->g.stripes; i++) {
		if (shm_u32_load_relaxed(&array_stripe(a, i)->lock))
			return fail(EUCLEAN, "stripe %u is locked although nobody uses the map", i);
		if (shm_u64_load_relaxed(&array_stripe(a, i)->state) & COPYING)
			return fail(EUCLEAN, "stripe %u is in the middle of an update", i);
	}
	return 0;
}

/* What both types have in common. */
#define ARRAY_FAMILY_OPS                                                                    \
	.alloc_check = array_alloc_check, .layout = array_layout, .init = array_init,       \
	.parts = array_parts, .reserved = array_reserved, .attach = array_attach,           \
	.detach = array_detach, .delete_elem = array_delete, .read = array_read,            \
	.write = array_write, .next_key = array_next_key, .read_bucket = array_read_bucket, \
	.is_value = array_is_value, .counters = array_counters, .check = array_check

const struct map_ops array_map_ops = {
	ARRAY_FAMILY_OPS,
	.lookup = array_lookup,
	.update = array_update,
	.read_locked = array_read_locked,
};

const struct map_ops percpu_array_map_ops = {
	ARRAY_FAMILY_OPS,
	.lookup = percpu_array_lookup,
	.lookup_cpu = array_lookup_cpu,
	.update = percpu_array_update,
};
