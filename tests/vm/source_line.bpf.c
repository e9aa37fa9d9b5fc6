// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* source_line.bpf.c: a program that misses a bounds check; the kernel would not load it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __noinline __u8 byte_at(const __u8 *data, __u32 off)
{
	return data[off]; /* outside the packet */
}

SEC("xdp")
int peek_far(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&seen, &key);

	if (count)
		*count += 1;
	return byte_at((const __u8 *)(long)ctx->data, 5000);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
