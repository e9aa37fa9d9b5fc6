/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_maps.bpf.c: drives the kernel's maps from inside, where a lookup counts as a use. Each program
 * carries out batch.n operations; sizes are set by who loads it (kernel_maps.c).
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "batch.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64);
	__type(value, __u64);
	__uint(max_entries, 1);
} cache SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, __u64);
	__uint(max_entries, 1);
	__uint(map_extra, 1);
} filter SEC(".maps");

struct batch batch;

static long replay_one(__u32 i, void *context)
{
	__u64 key = batch.keys[i & (BATCH - 1)];

	if (bpf_map_lookup_elem(&cache, &key))
		batch.hits++;
	else
		bpf_map_update_elem(&cache, &key, &key, BPF_ANY);
	return 0;
}

static long insert_one(__u32 i, void *context)
{
	__u64 key = batch.keys[i & (BATCH - 1)];

	bpf_map_update_elem(&cache, &key, &key, BPF_ANY);
	return 0;
}

static long lookup_one(__u32 i, void *context)
{
	__u64 key = batch.keys[i & (BATCH - 1)];

	if (bpf_map_lookup_elem(&cache, &key))
		batch.hits++;
	return 0;
}

static long empty_one(__u32 i, void *context)
{
	batch.hits += batch.keys[i & (BATCH - 1)] & 1;
	return 0;
}

static long push_one(__u32 i, void *context)
{
	__u64 value = value_of(batch.first + i);

	bpf_map_push_elem(&filter, &value, BPF_ANY);
	return 0;
}

static long peek_one(__u32 i, void *context)
{
	__u64 value = value_of(batch.first + i);

	if (!bpf_map_peek_elem(&filter, &value))
		batch.hits++;
	return 0;
}

#define PROGRAM(name)                                        \
	SEC("tc") int name(struct __sk_buff *context)        \
	{                                                    \
		bpf_loop(batch.n, name##_one, (void *)0, 0); \
		return 0;                                    \
	}

PROGRAM(replay)
PROGRAM(insert)
PROGRAM(lookup)
PROGRAM(empty)
PROGRAM(push)
PROGRAM(peek)

char _license[] SEC("license") = "Dual BSD/GPL";
