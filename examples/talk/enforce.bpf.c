// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* enforce.bpf.c: drops what comes from a source that detect.bpf.c has put into "blocked". */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "talk.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOURCES_MAX);
	__type(key, __u32);
	__type(value, struct blocked);
} blocked SEC(".maps");

SEC("xdp")
int enforce(struct xdp_md *ctx)
{
	struct record *record = (void *)(long)ctx->data;
	struct blocked *entry;
	__u32 source;

	if ((void *)(record + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	source = record->source;
	entry = bpf_map_lookup_elem(&blocked, &source);
	if (!entry)
		return XDP_PASS;
	__sync_fetch_and_add(&entry->dropped, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
