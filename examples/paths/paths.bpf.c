// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* paths.bpf.c: is this path one of the known good ones? A Bloom filter over whole paths answers
 * without keeping them: "unknown" is certain, "known" is wrong for a small share of unknown paths.
 *
 * The path comes as a record in place of a packet: of the program types that every engine can run
 * by request, those for packets are the ones that may use a Bloom filter.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "paths.h"

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, PATHS_MAX);
	__uint(map_extra, PATHS_HASHES);
	__type(value, struct path);
} known SEC(".maps");

SEC("xdp")
int check_path(struct xdp_md *ctx)
{
	struct path *record = (void *)(long)ctx->data;
	struct path path;

	if ((void *)(record + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(&path, record, sizeof(path));
	return bpf_map_peek_elem(&known, &path) ? PATHS_UNKNOWN : PATHS_KNOWN;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
