// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* dpdk.bpf.c: packets and bytes per IPv4 source for DPDK's librte_bpf. Its loader knows external
 * symbols by name: the helpers are functions that this file only declares, maps are variables of
 * the host.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include "count.h"
#include "dpdk.h"

struct bpfmap;

extern struct bpfmap *sources[];
extern struct bpfmap *totals[];
/* One name for each map, so that DPDK's verifier knows how large the values are. */
extern void *sources_lookup(void *map, const void *key);
extern long sources_update(void *map, const void *key, const void *value, __u64 flags);
extern void *totals_lookup(void *map, const void *key);

#define BPF_NOEXIST 1

static inline __attribute__((always_inline)) void total_add(__u64 which)
{
	__u64 *total = totals_lookup(totals, &which);

	if (total)
		++*total;
}

__attribute__((section("frame"), used)) __u64 count(struct head *head)
{
	struct ethhdr *eth = (void *)head->bytes;
	struct iphdr *ip = (void *)(eth + 1);
	struct source first = {0}, *source;
	__u64 address; /* 8 bytes, as DPDK's verifier knows the stack by words */

	if (head->size < sizeof(*eth) + sizeof(*ip) || eth->h_proto != bpf_htons(ETH_P_IP)) {
		total_add(TOTAL_OTHER);
		return 0;
	}
	total_add(TOTAL_IPV4);
	address = ip->saddr;
	source = sources_lookup(sources, &address);
	if (!source) {
		sources_update(sources, &address, &first, BPF_NOEXIST);
		source = sources_lookup(sources, &address);
	}
	if (source) {
		__sync_fetch_and_add(&source->packets, 1);
		__sync_fetch_and_add(&source->bytes, head->size);
	}
	return 1;
}
