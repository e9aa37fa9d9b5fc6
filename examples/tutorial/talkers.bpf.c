// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* talkers.bpf.c: who sends how much. The tutorial compiles it with other types and sizes of the
 * map.
 *
 *   -DTYPE=BPF_MAP_TYPE_...   -DENTRIES=N   -DPLAIN: additions without atomic instructions
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "talkers.h"

#ifndef TYPE
#define TYPE BPF_MAP_TYPE_HASH
#endif
#ifndef ENTRIES
#define ENTRIES 1024
#endif
#ifdef PLAIN
#define ADD(counter, n) ((counter) += (n))
#else
#define ADD(counter, n) __sync_fetch_and_add(&(counter), n)
#endif

struct {
	__uint(type, TYPE);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, struct talker);
} talkers SEC(".maps");

SEC("xdp")
int listen(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct talker nothing = {0}, *talker;
	__u32 address;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	address = ip->saddr;
	talker = bpf_map_lookup_elem(&talkers, &address);
	if (!talker) {
		bpf_map_update_elem(&talkers, &address, &nothing, BPF_NOEXIST);
		talker = bpf_map_lookup_elem(&talkers, &address);
		if (!talker)
			return XDP_PASS; /* the map is full, and counts that it refused */
	}
	ADD(talker->packets, 1);
	ADD(talker->bytes, end - data);
	talker->last_ns = bpf_ktime_get_ns();
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
