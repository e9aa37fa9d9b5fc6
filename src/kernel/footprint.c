/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* footprint.c: what a map takes in the kernel: the "memlock" of its fdinfo on Linux 6.18, x86-64.
 * The constants depend on that kernel's configuration; the shape does not.
 */
#include "kernel/footprint.h"

#include "kernel/backend.h"

#define KERNEL_HTAB	    832 /* a hash table's head */
#define KERNEL_HTAB_PER_CPU 32	/* eight locks of 4 bytes for each CPU */
#define KERNEL_BUCKET	    16
#define KERNEL_ELEMENT	    48	/* a hash element's head */
#define KERNEL_ARRAY	    312 /* the head of an array or a Bloom filter */
#define KERNEL_PAGE	    4096

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

static uint64_t hash_bytes(const struct bpf_map_info *info, uint64_t entries, uint64_t cpus)
{
	bool percpu = backend_is_percpu(info->type);
	uint64_t value = round_up(info->value_size, 8);
	uint64_t element = KERNEL_ELEMENT + round_up(info->key_size, 8) + (percpu ? 8 : value);
	uint64_t max = info->max_entries, bytes;

	if (info->map_flags & BPF_F_NO_COMMON_LRU)
		max = round_up(max, cpus);
	bytes = KERNEL_HTAB + KERNEL_HTAB_PER_CPU * cpus + KERNEL_BUCKET * power_of_two(max);
	if (info->map_flags & BPF_F_NO_PREALLOC)
		/* The allocator adds a pointer to each piece; per-CPU values are pieces too. */
		return bytes + entries * (element + 8 + (percpu ? 16 + value * cpus : 0));
	if (percpu)
		return bytes + max * (element + value * cpus);
	if (backend_is_lru(info->type))
		return bytes + max * element;
	return bytes + (max + cpus) * element + 8 * cpus;
}

static uint64_t array_bytes(const struct bpf_map_info *info, uint64_t cpus)
{
	uint64_t values = info->max_entries * round_up(info->value_size, 8);

	if (info->type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return KERNEL_ARRAY + 8ull * info->max_entries + values * cpus;
	if (info->map_flags & BPF_F_MMAPABLE)
		return KERNEL_PAGE + round_up(values, KERNEL_PAGE);
	return KERNEL_ARRAY + values;
}

static uint64_t bloom_bytes(const struct bpf_map_info *info)
{
	uint64_t hashes = info->map_extra ? info->map_extra : 5;
	uint64_t bits = hashes * info->max_entries;

	if (bits <= UINT32_MAX)
		bits = bits / 5 * 7;
	if (bits > 1ull << 31)
		bits = 1ull << 32;
	return KERNEL_ARRAY + power_of_two(bits < 64 ? 64 : bits) / 8;
}

uint64_t footprint_bytes(const struct bpf_map_info *info, uint64_t entries, uint32_t cpus)
{
	switch (info->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH: return hash_bytes(info, entries, cpus);
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY: return array_bytes(info, cpus);
	case BPF_MAP_TYPE_BLOOM_FILTER: return bloom_bytes(info);
	default: return 0;
	}
}

uint64_t backend_kernel_bytes(const struct bpf_map_info *info, uint64_t entries)
{
	return footprint_bytes(info, entries, backend_cpus());
}
