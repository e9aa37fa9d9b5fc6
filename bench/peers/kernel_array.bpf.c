/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_array.bpf.c: the operations of ops.def on the kernel's arrays, from inside. The loader sets the type. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "kernel_batch.h"
#include "shape.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct kernel_value);
	__uint(max_entries, 1);
} table SEC(".maps");

struct kernel_batch batch;

#define MASK (KERNEL_OPS - 1)

static __always_inline unsigned long long word_of(__u32 id)
{
	struct kernel_value *value = bpf_map_lookup_elem(&table, &id);

	return value ? value->w[0] : 0;
}

static long loop_one(__u32 i, void *context)
{
	batch.sum += batch.ids[i & MASK] & batch.zero;
	return 0;
}

static long get_one(__u32 i, void *context)
{
	batch.sum += word_of(batch.ids[i & MASK]);
	return 0;
}

static long dependent_one(__u32 i, void *context)
{
	batch.last = word_of(batch.ids[i & MASK] + (batch.last & batch.zero));
	batch.sum += batch.last;
	return 0;
}

static long add_one(__u32 i, void *context)
{
	__u32 id = batch.ids[i & MASK];
	struct kernel_value *value = bpf_map_lookup_elem(&table, &id);

	if (value)
		value->w[0] += batch.zero;
	return 0;
}

static long update_one(__u32 i, void *context)
{
#if VALUE_WORDS <= 32 /* the stack has 512 bytes */
	struct kernel_value value = {};
#else
	static struct kernel_value value;
#endif
	__u32 id = batch.ids[i & MASK];

	value.w[0] = batch.keys[i & MASK].w[0] >> VALUE_SHIFT;
	if (bpf_map_update_elem(&table, &id, &value, BPF_ANY))
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
PROGRAM(dependent)
PROGRAM(add)
PROGRAM(update)

char _license[] SEC("license") = "Dual BSD/GPL";
