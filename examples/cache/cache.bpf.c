// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* cache.bpf.c: an LRU map as the cache in front of an expensive decision.
 *
 * The slow path finds the longest prefix of the destination in a list; its answer goes into the
 * cache, which forgets what was not used for long when it is full. Classes must come out the same
 * with any cache size; only hits and misses differ.
 */
#include "../common/packet.h"

#ifndef CACHE_ENTRIES
#define CACHE_ENTRIES 256
#endif

struct prefix {
	__u8 bytes[16];
	__u32 length; /* bytes */
	__u32 class;
};

/* clang-format off */
static const struct prefix prefixes[] = {
	{{[10] = 0xff, [11] = 0xff}, 12, 1},                                  /* IPv4 */
	{{[10] = 0xff, [11] = 0xff, 10}, 13, 2},                              /* 10/8 */
	{{[10] = 0xff, [11] = 0xff, 10, 77}, 14, 3},                          /* 10.77/16 */
	{{[10] = 0xff, [11] = 0xff, 10, 77, 0, 100}, 16, 4},                  /* one host */
	{{0xfd}, 1, 5},                                                       /* fd00::/8 */
	{{0xfd, 0x77}, 2, 6},                                                 /* fd77::/16 */
	{{0xff}, 1, 7},                                                       /* multicast */
};
/* clang-format on */
#define PREFIXES     (sizeof(prefixes) / sizeof(prefixes[0]))
#define CLASSES	     8 /* 0: no prefix fits */
#define ADDRESS_SIZE 16

enum cache_counter { CACHE_HIT, CACHE_MISS, CACHE_FAILED, CACHE_COUNTERS };

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CACHE_ENTRIES);
	__type(key, struct address);
	__type(value, __u32);
} cache SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CACHE_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLASSES);
	__type(key, __u32);
	__type(value, __u64);
} classes SEC(".maps");

static __always_inline void count(void *array, __u32 index)
{
	__u64 *counter = bpf_map_lookup_elem(array, &index);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

static __always_inline int prefix_fits(const struct prefix *prefix, const struct address *address)
{
	for (__u32 i = 0; i < ADDRESS_SIZE; i++)
		if (i < prefix->length && address->bytes[i] != prefix->bytes[i])
			return 0;
	return 1;
}

/* The slow path; a function of its own, as it would be in a program where it is worth caching. */
static __noinline __u32 classify(const struct address *address)
{
	__u32 best = 0, class = 0;

	if (!address)
		return 0;
	for (__u32 i = 0; i < PREFIXES; i++) {
		if (prefixes[i].length > best && prefix_fits(&prefixes[i], address)) {
			best = prefixes[i].length;
			class = prefixes[i].class;
		}
	}
	return class;
}

SEC("xdp")
int classify_packets(struct xdp_md *ctx)
{
	struct packet packet;
	__u32 class, *cached;

	if (!packet_parse(ctx, &packet))
		return XDP_PASS;
	cached = bpf_map_lookup_elem(&cache, &packet.dst); /* also marks it as used */
	if (cached) {
		class = *cached;
		count(&counters, CACHE_HIT);
	} else {
		class = classify(&packet.dst);
		count(&counters, CACHE_MISS);
		/* A full LRU map makes room itself. */
		if (bpf_map_update_elem(&cache, &packet.dst, &class, BPF_ANY))
			count(&counters, CACHE_FAILED);
	}
	count(&classes, class);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
