// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* detect.bpf.c: notes which ports each source tries, and puts those that try many into "blocked",
 * where enforce.bpf.c finds them. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "talk.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOURCES_MAX);
	__type(key, __u32);
	__type(value, struct blocked);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOURCES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

static __always_inline int bits(__u64 word)
{
	int n = 0;

	for (int i = 0; i < PORTS_TOP; i++)
		n += word >> i & 1;
	return n;
}

SEC("xdp")
int detect(struct xdp_md *ctx)
{
	struct record *record = (void *)(long)ctx->data;
	struct blocked verdict = {0};
	__u64 tried, *before;
	__u32 source;

	if ((void *)(record + 1) > (void *)(long)ctx->data_end || record->port >= PORTS_TOP)
		return XDP_ABORTED;
	source = record->source;
	before = bpf_map_lookup_elem(&ports, &source);
	tried = (before ? *before : 0) | 1ull << record->port;
	bpf_map_update_elem(&ports, &source, &tried, BPF_ANY);
	if (bits(tried) > PORTS_MAX) {
		verdict.ports = tried;
		bpf_map_update_elem(&blocked, &source, &verdict, BPF_NOEXIST);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
