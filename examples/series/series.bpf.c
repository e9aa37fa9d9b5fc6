// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* series.bpf.c: a time series in an array that is used as a ring.
 *
 * count_packets runs for each packet; take_sample runs at intervals, called by the host, and writes
 * what has come since its last run over the oldest sample. One caller at a time takes samples.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "series.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RING_SLOTS);
	__type(key, __u32);
	__type(value, struct sample);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ring_state);
} state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

static const __u32 only = 0;

SEC("xdp")
int count_packets(struct xdp_md *ctx)
{
	__u64 *count = bpf_map_lookup_elem(&packets, &only);

	if (count)
		__sync_fetch_and_add(count, 1);
	return XDP_PASS;
}

SEC("syscall")
int take_sample(void *ctx)
{
	struct ring_state *now = bpf_map_lookup_elem(&state, &only);
	__u64 *count = bpf_map_lookup_elem(&packets, &only);
	struct sample sample;
	__u32 slot;

	if (!now || !count)
		return 1;
	slot = now->written % RING_SLOTS;
	sample.number = now->written + 1;
	sample.time_ns = bpf_ktime_get_ns();
	sample.total = *count;
	sample.packets = sample.total - now->total_before;
	now->total_before = sample.total;
	now->written++;
	return bpf_map_update_elem(&ring, &slot, &sample, BPF_ANY) ? 1 : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
