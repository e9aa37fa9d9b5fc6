/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* footprint.c: what a map takes in the kernel: the "memlock" of its fdinfo on Linux 6.18, x86-64.
 * The constants depend on that kernel's configuration; the shape does not.
 */
#include "kernel/footprint.h"

#include "base/page.h"
#include "kernel/backend.h"

#define KERNEL_HTAB	    832 /* a hash table's head */
#define KERNEL_HTAB_PER_CPU 32	/* eight locks of 4 bytes for each CPU */
#define KERNEL_BUCKET	    16
#define KERNEL_ELEMENT	    48	/* a hash element's head */
#define KERNEL_ARRAY	    312 /* the head of an array or a Bloom filter */

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static uint64_t power_of_two(uint64_t value)
{
	uint64_t power = 1;

	while (power < value)
		power *= 2;
	return power;
}

static void part_add(struct memory_parts *parts, const char *name, const char *why,
		     uint64_t created, uint64_t full)
{
	if (full)
		parts->part[parts->count++] = (struct memory_part){
			.name = name, .why = why, .created = created, .full = full};
}

/* Elements that are allocated one by one. */
static void elements_grown(const struct bpf_map_info *info, uint64_t entries, uint64_t cpus,
			   struct memory_parts *parts)
{
	uint64_t key = round_up(info->key_size, 8), value = round_up(info->value_size, 8);

	if (!backend_is_percpu(info->type)) {
		part_add(
			parts, "elements",
			"48 bytes of head, key and value padded to 8, a pointer of the allocator's",
			0, entries * (KERNEL_ELEMENT + key + value + 8));
		return;
	}
	part_add(parts, "elements",
		 "48 bytes of head, key padded to 8, pointers to the values and of the allocator's",
		 0, entries * (KERNEL_ELEMENT + key + 8 + 8 + 16));
	part_add(parts, "values", "a value for each CPU and element, padded to 8 bytes", 0,
		 entries * value * cpus);
}

static void elements_preallocated(const struct bpf_map_info *info, uint64_t max, uint64_t cpus,
				  struct memory_parts *parts)
{
	bool percpu = backend_is_percpu(info->type);
	uint64_t value = round_up(info->value_size, 8);
	uint64_t element = KERNEL_ELEMENT + round_up(info->key_size, 8) + (percpu ? 8 : value);

	part_add(parts, "elements",
		 percpu ? "48 bytes of head, key padded to 8, a pointer to the values"
			: "48 bytes of head, key and value padded to 8",
		 max * element, max * element);
	if (percpu)
		part_add(parts, "values", "a value for each CPU and element, padded to 8 bytes",
			 max * value * cpus, max * value * cpus);
	else if (!backend_is_lru(info->type))
		part_add(parts, "spare",
			 "an element per CPU, for replacing others, and a pointer to it",
			 cpus * (element + 8), cpus * (element + 8));
}

static void hash_parts(const struct bpf_map_info *info, uint64_t entries, uint64_t cpus,
		       struct memory_parts *parts)
{
	uint64_t max = info->max_entries, head = KERNEL_HTAB + KERNEL_HTAB_PER_CPU * cpus, buckets;

	if (info->map_flags & BPF_F_NO_COMMON_LRU)
		max = round_up(max, cpus);
	buckets = KERNEL_BUCKET * power_of_two(max);
	part_add(parts, "buckets", "one of 16 bytes per element, up to the next power of two",
		 buckets, buckets);
	if (info->map_flags & BPF_F_NO_PREALLOC)
		elements_grown(info, entries, cpus, parts);
	else
		elements_preallocated(info, max, cpus, parts);
	part_add(parts, "head", "the map itself, and locks per CPU", head, head);
}

static void array_parts(const struct bpf_map_info *info, uint64_t cpus, struct memory_parts *parts)
{
	bool percpu = info->type == BPF_MAP_TYPE_PERCPU_ARRAY,
	     mapped = info->map_flags & BPF_F_MMAPABLE;
	uint64_t pointers = 8ull * info->max_entries;
	uint64_t values = info->max_entries * (uint64_t)round_up(info->value_size, 8);
	uint64_t head = mapped ? page_bytes() : KERNEL_ARRAY;

	values = percpu ? values * cpus : mapped ? page_ceil(values) : values;
	part_add(parts, "values",
		 percpu ? "a value for each CPU and element, padded to 8 bytes"
			: "each value padded to 8 bytes",
		 values, values);
	if (percpu)
		part_add(parts, "pointers", "one per element, to its values", pointers, pointers);
	part_add(parts, "head", "the map itself", head, head);
}

static void bloom_parts(const struct bpf_map_info *info, struct memory_parts *parts)
{
	uint64_t hashes = info->map_extra ? info->map_extra : 5;
	uint64_t bits = hashes * info->max_entries, bytes;

	if (bits <= UINT32_MAX)
		bits = bits / 5 * 7;
	if (bits > 1ull << 31)
		bits = 1ull << 32;
	bytes = power_of_two(bits < 64 ? 64 : bits) / 8;
	part_add(parts, "bits", "7/5 bits per value and hash function, up to the next power of two",
		 bytes, bytes);
	part_add(parts, "head", "the map itself", KERNEL_ARRAY, KERNEL_ARRAY);
}

void footprint_parts(const struct bpf_map_info *info, uint64_t entries, uint32_t cpus,
		     struct memory_parts *ret_parts)
{
	struct memory_parts parts = {.count = 0};

	switch (info->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH: hash_parts(info, entries, cpus, &parts); break;
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY: array_parts(info, cpus, &parts); break;
	case BPF_MAP_TYPE_BLOOM_FILTER: bloom_parts(info, &parts); break;
	default: break;
	}
	*ret_parts = parts;
}

uint64_t footprint_bytes(const struct bpf_map_info *info, uint64_t entries, uint32_t cpus)
{
	struct memory_parts parts;
	uint64_t bytes = 0;

	footprint_parts(info, entries, cpus, &parts);
	for (uint32_t i = 0; i < parts.count; i++)
		bytes += parts.part[i].full;
	return bytes;
}

uint64_t backend_kernel_bytes(const struct bpf_map_info *info, uint64_t entries)
{
	return footprint_bytes(info, entries, backend_cpus());
}
