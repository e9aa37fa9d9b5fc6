/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel.bpf.c: the operations of ops.def on the kernel's BPF_MAP_TYPE_HASH, from inside. A value is on the
 * program's stack where it fits, else in a global.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "kernel_batch.h"
#include "shape.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct kernel_key);
	__type(value, struct kernel_value);
	__uint(max_entries, 1);
} table SEC(".maps");

struct kernel_batch batch;

#define MASK (2 * KERNEL_OPS - 1)

static __always_inline void put(const struct kernel_key *key)
{
#if VALUE_WORDS <= 16
	struct kernel_value value = {};
#else
	static struct kernel_value value;
#endif

	value.w[0] = key->w[0] >> VALUE_SHIFT;
	if (bpf_map_update_elem(&table, key, &value, BPF_ANY))
		batch.failed++;
}

static __always_inline unsigned long long word_of(const struct kernel_key *key)
{
	struct kernel_value *value = bpf_map_lookup_elem(&table, key);

	return value ? value->w[0] : 0;
}

static long loop_one(__u32 i, void *context)
{
	batch.sum += batch.keys[i & MASK].w[0] & batch.zero;
	return 0;
}

static long get_one(__u32 i, void *context)
{
	batch.sum += word_of(&batch.keys[i & MASK]);
	return 0;
}

static long dependent_one(__u32 i, void *context)
{
	struct kernel_key key = batch.keys[i & MASK];

	key.w[0] += batch.last & batch.zero;
	batch.last = word_of(&key);
	batch.sum += batch.last;
	return 0;
}

static long update_one(__u32 i, void *context)
{
	put(&batch.keys[i & MASK]);
	return 0;
}

static long churn_one(__u32 i, void *context)
{
	if (bpf_map_delete_elem(&table, &batch.keys[2 * i & MASK]))
		batch.failed++;
	put(&batch.keys[(2 * i + 1) & MASK]);
	return 0;
}

static long mixed_one(__u32 i, void *context)
{
	const struct kernel_key *key = &batch.keys[i & MASK];

	if (i % 10 == 9)
		put(key);
	else
		batch.sum += word_of(key);
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
PROGRAM(update)
PROGRAM(churn)
PROGRAM(mixed)

char _license[] SEC("license") = "Dual BSD/GPL";
