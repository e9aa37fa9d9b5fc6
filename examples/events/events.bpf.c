// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* events.bpf.c: counts events by kind in a per-CPU hash. The first byte of the record is the kind.
 *
 * Runners on different CPUs never touch the same counter, and a runner owns its CPU's counters
 * while it runs: nothing to wait for, and a plain addition loses nothing.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define KINDS_MAX 256

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, KINDS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} events SEC(".maps");

SEC("xdp")
int count_event(struct xdp_md *ctx)
{
	__u8 *record = (void *)(long)ctx->data;
	__u64 zero = 0, *count;
	__u32 kind;

	if ((void *)(record + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	kind = *record;
	count = bpf_map_lookup_elem(&events, &kind);
	if (!count) {
		/* All CPUs' counters begin at 0; whoever comes second leaves them alone. */
		bpf_map_update_elem(&events, &kind, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&events, &kind);
	}
	if (!count)
		return XDP_ABORTED;
	*count += 1;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
