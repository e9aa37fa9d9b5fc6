/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_bloom.bpf.c: push and peek of the kernel's Bloom filter, from inside. Keys are its values. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "kernel_batch.h"
#include "shape.h"

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, struct kernel_key);
	__uint(max_entries, 1);
	__uint(map_extra, 1);
} table SEC(".maps");

struct kernel_batch batch;

#define MASK (KERNEL_OPS - 1)

static long loop_one(__u32 i, void *context)
{
	batch.sum += batch.keys[i & MASK].w[0] & batch.zero;
	return 0;
}

static long get_one(__u32 i, void *context)
{
	struct kernel_key *key = &batch.keys[i & MASK];

	if (!bpf_map_peek_elem(&table, key))
		batch.sum += key->w[0] >> VALUE_SHIFT;
	return 0;
}

static long update_one(__u32 i, void *context)
{
	if (bpf_map_push_elem(&table, &batch.keys[i & MASK], BPF_ANY))
		batch.failed++;
	return 0;
}

#define PROGRAM(name)                                        \
	SEC("tc") int name(struct __sk_buff *context)        \
	{                                                    \
		bpf_loop(batch.n, name##_one, (void *)0, 0); \
		return 0;                                    \
	}

PROGRAM(loop)
PROGRAM(get)
PROGRAM(update)

char _license[] SEC("license") = "Dual BSD/GPL";
