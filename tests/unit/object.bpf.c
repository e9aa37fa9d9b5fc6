// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* object.bpf.c: what object_open.c loads: maps, global data of all kinds, programs of several types. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} a_map_with_a_long_name SEC(".maps");

const volatile __u32 limit = 10;
__u64 seen;
__u32 verdict = XDP_PASS;

/* Drops packets longer than the limit. */
SEC("xdp")
int count_packet(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data, key = 0;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	if (count)
		++*count;
	__sync_fetch_and_add(&seen, 1);
	return length > limit ? XDP_DROP : verdict;
}

SEC("tc")
int remember_mark(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	__u64 one = 1;

	return bpf_map_update_elem(&a_map_with_a_long_name, &mark, &one, BPF_NOEXIST) ? 1 : 0;
}

SEC("kprobe/none")
int cannot_run_here(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
