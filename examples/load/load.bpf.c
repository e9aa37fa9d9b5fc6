// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* load.bpf.c: how much work each CPU had, in a per-CPU array.
 *
 * A running program owns its CPU's values, so plain arithmetic is enough: no atomic instructions.
 */
#include "../common/packet.h"
#include "load.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOAD_KINDS);
	__type(key, __u32);
	__type(value, struct load);
} loads SEC(".maps");

SEC("xdp")
int count_load(struct xdp_md *ctx)
{
	__u64 size = ctx->data_end - ctx->data;
	__u32 kind = LOAD_OTHER;
	struct packet packet;
	struct load *load;

	if (packet_parse(ctx, &packet))
		kind = packet.ip_version == 4 ? LOAD_IPV4 : LOAD_IPV6;
	load = bpf_map_lookup_elem(&loads, &kind);
	if (!load)
		return XDP_ABORTED;
	load->packets++;
	load->bytes += size;
	if (size > load->largest)
		load->largest = size;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
