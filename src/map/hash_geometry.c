/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_geometry.c: what a hash map may be asked for, and where its bytes go: pure functions of the
 * spec, computed again at every open. Bytes: hash.h. */
#include "map/hash.h"
#include "map/lru.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

#define PERCPU_FLAGS                                                                             \
	(BPF_F_NO_PREALLOC | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_ZERO_SEED | BPF_F_RDONLY_PROG | \
	 BPF_F_WRONLY_PROG)
#define HASH_FLAGS (PERCPU_FLAGS | BPF_F_NUMA_NODE)
#define LRU_FLAGS  (HASH_FLAGS | BPF_F_NO_COMMON_LRU)

/* The kernel's largest allocation, less what it needs itself. */
#define KEY_VALUE_MAX ((4u << 20) - 48)

static bool spec_percpu(const struct map_spec *spec)
{
	return spec->type == BPF_MAP_TYPE_PERCPU_HASH || spec->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool spec_lru(const struct map_spec *spec)
{
	return spec->type == BPF_MAP_TYPE_LRU_HASH || spec->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* Memory comes as the map grows. */
static bool spec_lazy(const struct map_spec *spec)
{
	return spec->map_flags & BPF_F_NO_PREALLOC || hash_spec_variable(spec);
}

static uint64_t align_up(uint64_t n, uint64_t a)
{
	return (n + a - 1) / a * a;
}

/* Buckets with slots: 3 slots at 1.25 elements per bucket, or 4 at 1.75; the one that takes less
 * memory. Then 3.9 % or 2.7 % of the elements of a full map do not fit and lie in the pool. */
static void geometry_slots(struct hash_geometry *g, uint32_t n, uint64_t slot)
{
	uint64_t three = align_up(BUCKET_HEAD + 3 * slot, 64);
	uint64_t four = align_up(BUCKET_HEAD + 4 * slot, 64);

	if (three * 7 <= four * 5) {
		g->slots = 3;
		g->bucket_stride = three;
		g->n_buckets = (uint32_t)(((uint64_t)n * 4 + 4) / 5);
	} else {
		g->slots = 4;
		g->bucket_stride = four;
		g->n_buckets = (uint32_t)(((uint64_t)n * 4 + 6) / 7);
	}
}

/* How many pool elements a full map needs but for a chance below 2^-60: all of them when it is
 * small, has no slots, or has a known seed; twice the mean and some for the rest. */
static uint32_t geometry_prereserve(const struct map_spec *spec, const struct hash_geometry *g)
{
	uint64_t likely = (uint64_t)spec->max_entries * 8 / 100 + 256;

	if (spec_lazy(spec))
		return 0;
	if (!g->slots || spec->map_flags & BPF_F_ZERO_SEED || likely > g->pool_n)
		return g->pool_n;
	return (uint32_t)likely;
}

int hash_geometry_of(const struct map_spec *spec, uint32_t cpus, struct hash_geometry *g)
{
	bool percpu = spec_percpu(spec);
	uint64_t slot = RU8(spec->key_size) + (percpu ? 0 : RU8(spec->value_size));
	uint32_t n = spec->max_entries;
	int err = 0;

	memset(g, 0, sizeof(*g));
	if (spec_lazy(spec) || slot > SLOT_MAX || percpu || spec_lru(spec) ||
	    spec->spin_lock_plus1) {
		g->bucket_stride = BUCKET_HEAD;
		g->n_buckets = n;
	} else {
		geometry_slots(g, n, slot);
	}
	g->tags_mask = g->slots ? 0x80808080u >> (SLOTS_MAX - g->slots) * 8 : 0;
	g->slot_stride = (uint32_t)slot;
	g->value_off = (uint32_t)RU8(spec->key_size);
	g->elem_stride = ELEM_HEAD + slot;
	/* Spare elements, for replacements in a full map. */
	g->pool_n = n + (cpus > 2 ? cpus : 2);
	if (hash_spec_variable(spec))
		err = var_geometry_of(spec, g->pool_n, g);
	g->lists = cpus < LISTS_MAX ? cpus : LISTS_MAX;
	if (g->pool_n < 64)
		g->lists = 1;
	g->list_span = (g->pool_n + g->lists - 1) / g->lists;
	g->prereserved = (geometry_prereserve(spec, g) + g->lists - 1) / g->lists;
	g->pool_off = align_up(g->n_buckets * g->bucket_stride, 4096);
	g->value_stride = RU8(spec->value_size);
	g->cpus = percpu ? cpus : 1;
	g->body_bytes = g->pool_off + g->pool_n * g->elem_stride;
	if (percpu) {
		g->cpus_off = align_up(g->body_bytes, 4096);
		g->planes_off = align_up(g->cpus_off + cpus * sizeof(struct vcpu_shm), 4096);
		g->plane_stride = align_up(g->pool_n * g->value_stride, 64);
		g->body_bytes = g->planes_off + cpus * g->plane_stride;
	}
	if (spec_lru(spec)) {
		lru_geometry_of(n, g->pool_n, &g->lru);
		g->lru_off = align_up(g->body_bytes, 4096);
		g->body_bytes = g->lru_off + g->lru.bytes;
	}
	if (spec_lazy(spec)) {
		g->chunk_bytes = align_up(g->pool_off / CHUNKS_MAX + 1, CHUNK_MIN);
		if (g->pool_off <= CHUNK_MIN)
			g->chunk_bytes = 0;
	}
	return err;
}

static int check_flags(const struct map_spec *spec)
{
	bool percpu = spec_percpu(spec), lru = spec_lru(spec);
	uint32_t known = (lru ? LRU_FLAGS : HASH_FLAGS) & ~(percpu ? BPF_F_NUMA_NODE : 0u);
	uint32_t flags = spec->map_flags;

	/* The kernel takes the flag if it names no node. */
	if (percpu && spec->numa_node == UINT32_MAX)
		known |= BPF_F_NUMA_NODE;
	if (flags & ~known)
		return fail(EINVAL, "hash maps of this type do not know flags 0x%x",
			    flags & ~known);
	if ((flags & BPF_F_RDONLY_PROG) && (flags & BPF_F_WRONLY_PROG))
		return fail(EINVAL, "BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other");
	if (lru && flags & BPF_F_NO_PREALLOC)
		return fail(E524, "an LRU map is always preallocated");
	if (flags & BPF_F_NO_COMMON_LRU && flags & BPF_F_NUMA_NODE && spec->numa_node != UINT32_MAX)
		return fail(EINVAL, "BPF_F_NO_COMMON_LRU and BPF_F_NUMA_NODE exclude each other");
	return 0;
}

int hash_alloc_check(const struct map_spec *spec)
{
	int err = check_flags(spec);

	if (err)
		return err;
	if (!spec->max_entries || !spec->key_size || !spec->value_size)
		return fail(EINVAL,
			    "a hash map needs max_entries, key_size and value_size above 0 "
			    "(they are %u, %u, %u)",
			    spec->max_entries, spec->key_size, spec->value_size);
	if ((uint64_t)spec->key_size + spec->value_size >= KEY_VALUE_MAX)
		return fail(E2BIG, "key and value of a hash map have at most %u bytes together",
			    KEY_VALUE_MAX - 1);
	if (spec_percpu(spec) && RU8(spec->value_size) > PERCPU_VALUE_MAX)
		return fail(E2BIG, "a per-CPU value has at most %d bytes", PERCPU_VALUE_MAX);
	return 0;
}

int variable_hash_alloc_check(const struct map_spec *spec)
{
	struct map_spec plain = *spec;

	if (spec->spin_lock_plus1)
		return fail(EINVAL,
			    "values of a map with BPFMAP_F_VARIABLE cannot hold a spin lock");
	plain.map_flags &= ~BPFMAP_F_VARIABLE;
	return hash_alloc_check(&plain);
}

/* The kernel divides such a map between the CPUs, and says so in the map's info. */
void hash_normalize(struct map_spec *spec, uint32_t cpus)
{
	if (spec->map_flags & BPF_F_NO_COMMON_LRU && spec->max_entries <= HASH_N_MAX)
		spec->max_entries = (spec->max_entries + cpus - 1) / cpus * cpus;
}

int hash_layout(const struct map_spec *spec, uint32_t cpus, struct map_layout *ret)
{
	struct hash_geometry g;
	int err;

	if (spec->max_entries > HASH_N_MAX)
		return fail(E2BIG, "a hash map has at most %u elements", HASH_N_MAX);
	err = hash_geometry_of(spec, cpus, &g);
	if (err)
		return err;
	ret->body_bytes = g.body_bytes;
	ret->reserve_end = g.chunk_bytes ? 0 : g.pool_off;
	return 0;
}

static void part_tell(struct map_part part, map_part_fn *fn, void *arg)
{
	if (part.len)
		fn(arg, &part);
}

/* An area of pool_n x stride bytes: each list's range is reserved from its beginning. Beside
 * buckets with slots no more than that is ever needed, but for a chance below 2^-60:
 * geometry_prereserve(). */
static void parts_of_elements(const struct hash_geometry *g, uint64_t stride, struct map_part part,
			      map_part_fn *fn, void *arg)
{
	uint64_t area = part.off;

	for (uint64_t base = 0; base < g->pool_n; base += g->list_span) {
		uint64_t n = g->pool_n - base < g->list_span ? g->pool_n - base : g->list_span;

		part.off = area + base * stride;
		part.reserved = (g->prereserved < n ? g->prereserved : n) * stride;
		part.len = g->slots ? part.reserved : n * stride;
		part_tell(part, fn, arg);
	}
}

void hash_parts(const struct map_spec *spec, uint32_t cpus, map_part_fn *fn, void *arg)
{
	struct hash_geometry g;
	struct map_part part = {.name = "buckets", .why = "one of 16 bytes per element"};

	if (hash_geometry_of(spec, cpus, &g))
		return;
	if (g.slots)
		part.why = "they hold the elements, with room to spare: a lookup costs one cache "
			   "line";
	part.len = g.pool_off;
	part.reserved = g.chunk_bytes ? 0 : g.pool_off;
	part_tell(part, fn, arg);
	part = (struct map_part){.name = "elements",
				 .why = "key and value padded to 8 bytes, 16 of head; some spare "
					"for replacing",
				 .off = g.pool_off};
	if (g.blocks)
		part.why = "blocks, of which each element takes as many as it needs";
	if (g.slots)
		part.why = "for those that do not fit into their bucket, a few percent";
	parts_of_elements(&g, g.elem_stride, part, fn, arg);
	if (spec_percpu(spec)) {
		part = (struct map_part){.name = "locks",
					 .why = "who is on which CPU, a cache line each",
					 .off = g.cpus_off,
					 .len = cpus * sizeof(struct vcpu_shm),
					 .reserved = cpus * sizeof(struct vcpu_shm)};
		part_tell(part, fn, arg);
		part = (struct map_part){.name = "values",
					 .why = "a value for each CPU and element, padded to 8 "
						"bytes",
					 .off = g.planes_off};
		for (uint32_t cpu = 0; cpu < cpus; cpu++, part.off += g.plane_stride)
			parts_of_elements(&g, g.value_stride, part, fn, arg);
	}
	part = (struct map_part){.name = "order",
				 .why = "who was used when, and who was given up lately",
				 .off = g.lru_off,
				 .len = g.lru.bytes,
				 .reserved = g.lru.bytes};
	part_tell(part, fn, arg);
}
