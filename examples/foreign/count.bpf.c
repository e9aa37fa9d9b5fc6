// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* count.bpf.c: packets and bytes per IPv4 source in a hash, and totals in a per-CPU array. For any
 * virtual machine that has the kernel's map helpers; only the context is this example's own.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "count.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOURCES_MAX);
	__type(key, __u32);
	__type(value, struct source);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TOTAL_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

/* The CPU is ours while the program runs, so plain addition will do. */
static __always_inline void total_add(__u32 which)
{
	__u64 *total = bpf_map_lookup_elem(&totals, &which);

	if (total)
		++*total;
}

SEC("frame")
int count(struct frame *frame)
{
	void *end = (void *)(long)frame->data_end;
	struct ethhdr *eth = (void *)(long)frame->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct source first = {0}, *source;
	__u32 address;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) {
		total_add(TOTAL_OTHER);
		return 0;
	}
	total_add(TOTAL_IPV4);
	address = ip->saddr;
	source = bpf_map_lookup_elem(&sources, &address);
	if (!source) {
		bpf_map_update_elem(&sources, &address, &first, BPF_NOEXIST);
		source = bpf_map_lookup_elem(&sources, &address);
	}
	if (source) {
		__sync_fetch_and_add(&source->packets, 1);
		__sync_fetch_and_add(&source->bytes, end - (void *)eth);
	}
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
