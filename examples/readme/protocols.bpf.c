// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} protocols SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct iphdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);
	__u64 *packets;
	__u32 protocol;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	protocol = ip->protocol;
	packets = bpf_map_lookup_elem(&protocols, &protocol);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	return XDP_PASS;
}
