// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* seen.bpf.c: was this source address seen before? A Bloom filter answers in a few kilobytes.
 *
 * "No" is certain; "yes" is wrong for a small share of addresses, so "new" is at most the number of
 * different addresses.
 */
#include "../common/packet.h"

#define ADDRESSES_MAX 10000
#define HASHES	      5

enum seen_counter { SEEN_NEW, SEEN_BEFORE, SEEN_FAILED, SEEN_COUNTERS };

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, ADDRESSES_MAX);
	__uint(map_extra, HASHES);
	__type(value, struct address);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SEEN_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 index)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &index);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

SEC("xdp")
int notice(struct xdp_md *ctx)
{
	struct packet packet;

	if (!packet_parse(ctx, &packet))
		return XDP_PASS;
	if (!bpf_map_peek_elem(&seen, &packet.src)) {
		count(SEEN_BEFORE);
		return XDP_PASS;
	}
	count(SEEN_NEW);
	if (bpf_map_push_elem(&seen, &packet.src, BPF_ANY))
		count(SEEN_FAILED);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
