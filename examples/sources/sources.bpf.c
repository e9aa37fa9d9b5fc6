// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* sources.bpf.c: packets and bytes per source address, in a hash. */
#include "../common/packet.h"
#include "sources.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOURCES_MAX);
	__type(key, struct source_key);
	__type(value, struct source_stats);
} sources SEC(".maps");

SEC("xdp")
int count_sources(struct xdp_md *ctx)
{
	struct source_stats first = {0}, *stats;
	struct source_key key;
	struct packet packet;

	if (!packet_parse(ctx, &packet))
		return XDP_PASS;
	__builtin_memcpy(key.address, packet.src.bytes, sizeof(key.address));
	stats = bpf_map_lookup_elem(&sources, &key);
	if (!stats) {
		/* Whoever comes second finds the element and leaves it alone. */
		bpf_map_update_elem(&sources, &key, &first, BPF_NOEXIST);
		stats = bpf_map_lookup_elem(&sources, &key);
	}
	if (stats) {
		__sync_fetch_and_add(&stats->packets, 1);
		__sync_fetch_and_add(&stats->bytes, ctx->data_end - ctx->data);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
