// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* settings.bpf.c: a filter that looks its settings up for each packet, in a hash that anybody with
 * the right to it may change while the program is running. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "settings.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SETTINGS_MAX);
	__type(key, struct setting_name);
	__type(value, __u64);
} settings SEC(".maps");

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	struct setting_name min_name = {"min_length"}, max_name = {"max_length"};
	__u64 length = ctx->data_end - ctx->data;
	__u64 *min = bpf_map_lookup_elem(&settings, &min_name);
	__u64 *max = bpf_map_lookup_elem(&settings, &max_name);

	if (min && length < *min)
		return XDP_DROP;
	if (max && length > *max)
		return XDP_DROP;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
