// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* flows.bpf.c: an XDP program that counts packets and bytes per flow.
 *
 * Parses Ethernet, up to two VLAN tags (802.1Q, 802.1ad), IPv4, IPv6 with its extension headers,
 * TCP, UDP, ICMP and ICMPv6. Verdict: XDP_PASS, and XDP_DROP for a frame that ends inside one of
 * these headers or whose lengths contradict each other. Nothing in it knows where it runs: the same
 * object file goes into a Linux kernel and into bpfmap.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "flows.h"

#define VLAN_TAGS_MAX	    2
#define EXTENSIONS_MAX	    8
#define VLAN_ID_MASK	    0x0fff
#define IP_OFFSET_MASK	    0x1fff /* of frag_off: not the first fragment if set */
#define IPV6_OFFSET_MASK    0xfff8
#define IPV6_UNIT	    8 /* extension headers count in these */
#define AUTHENTICATION_UNIT 4 /* except the authentication header */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow_stats);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNT_MAX);
	__type(key, __u32);
	__type(value, struct flow_stats);
} counters SEC(".maps");

struct vlan_tag {
	__be16 identifier;
	__be16 protocol;
};

struct extension {
	__u8 next;
	__u8 length;   /* in units behind the first one */
	__be16 offset; /* fragment header only */
};

/* What ICMP and ICMPv6 share (<linux/icmp.h> drags in libc, which is not there for this target). */
struct icmp_start {
	__u8 type;
	__u8 code;
	__be16 checksum;
};

/* The part of the frame that is not parsed yet. */
struct cursor {
	void *pos;
	void *end;
};

static __always_inline void count(enum flow_counter counter, __u64 bytes)
{
	__u32 index = counter;
	struct flow_stats *stats = bpf_map_lookup_elem(&counters, &index);

	if (!stats)
		return;
	__sync_fetch_and_add(&stats->packets, 1);
	__sync_fetch_and_add(&stats->bytes, bytes);
}

/* Ethernet and VLAN. Returns the protocol behind them in network order, or -1 if cut short. */
static __always_inline int parse_ethernet(struct cursor *cur, struct flow_key *key)
{
	struct ethhdr *eth = cur->pos;
	__be16 protocol;

	if ((void *)(eth + 1) > cur->end)
		return -1;
	protocol = eth->h_proto;
	cur->pos = eth + 1;
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct vlan_tag *tag = cur->pos;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > cur->end)
			return -1;
		key->vlan = bpf_ntohs(tag->identifier) & VLAN_ID_MASK;
		protocol = tag->protocol;
		cur->pos = tag + 1;
	}
	return protocol;
}

static __always_inline void map_ipv4(__u8 *address, __be32 ipv4)
{
	address[10] = 0xff;
	address[11] = 0xff;
	__builtin_memcpy(address + 12, &ipv4, sizeof(ipv4));
}

/* 1: the layer-4 header follows, 0: a later fragment, -1: malformed. */
static __always_inline int parse_ipv4(struct cursor *cur, struct flow_key *key)
{
	struct iphdr *ip = cur->pos;
	__u32 header_size;

	if ((void *)(ip + 1) > cur->end)
		return -1;
	header_size = ip->ihl * 4;
	if (ip->version != 4 || header_size < sizeof(*ip) || bpf_ntohs(ip->tot_len) < header_size)
		return -1;
	if (cur->pos + header_size > cur->end)
		return -1;
	map_ipv4(key->src, ip->saddr);
	map_ipv4(key->dst, ip->daddr);
	key->protocol = ip->protocol;
	cur->pos += header_size;
	return !(ip->frag_off & bpf_htons(IP_OFFSET_MASK));
}

/* Walks the extension headers; results as parse_ipv4(). A chain longer than EXTENSIONS_MAX is
 * counted under the header the walk stopped at. */
static __always_inline int parse_extensions(struct cursor *cur, struct flow_key *key)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		struct extension *ext = cur->pos;
		__u32 size;

		switch (key->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH: break;
		default: return 1;
		}
		if ((void *)(ext + 1) > cur->end)
			return -1;
		if (key->protocol == IPPROTO_FRAGMENT) {
			if (ext->offset & bpf_htons(IPV6_OFFSET_MASK)) {
				key->protocol = ext->next;
				return 0;
			}
			size = IPV6_UNIT;
		} else if (key->protocol == IPPROTO_AH) {
			size = (ext->length + 2) * AUTHENTICATION_UNIT;
		} else {
			size = (ext->length + 1) * IPV6_UNIT;
		}
		key->protocol = ext->next;
		if (cur->pos + size > cur->end)
			return -1;
		cur->pos += size;
	}
	return 0;
}

static __always_inline int parse_ipv6(struct cursor *cur, struct flow_key *key)
{
	struct ipv6hdr *ip = cur->pos;

	if ((void *)(ip + 1) > cur->end || ip->version != 6)
		return -1;
	__builtin_memcpy(key->src, &ip->saddr, sizeof(key->src));
	__builtin_memcpy(key->dst, &ip->daddr, sizeof(key->dst));
	key->protocol = ip->nexthdr;
	cur->pos = ip + 1;
	return parse_extensions(cur, key);
}

/* Ports, or type and code. Protocols without them keep zeroes. */
static __always_inline int parse_ports(struct cursor *cur, struct flow_key *key)
{
	struct icmp_start *icmp = cur->pos;
	struct tcphdr *tcp = cur->pos;
	struct udphdr *udp = cur->pos;

	switch (key->protocol) {
	case IPPROTO_TCP:
		if ((void *)(tcp + 1) > cur->end || tcp->doff * 4 < sizeof(*tcp))
			return -1;
		key->src_port = bpf_ntohs(tcp->source);
		key->dst_port = bpf_ntohs(tcp->dest);
		return 0;
	case IPPROTO_UDP:
		if ((void *)(udp + 1) > cur->end || bpf_ntohs(udp->len) < sizeof(*udp))
			return -1;
		key->src_port = bpf_ntohs(udp->source);
		key->dst_port = bpf_ntohs(udp->dest);
		return 0;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if ((void *)(icmp + 1) > cur->end)
			return -1;
		key->dst_port = icmp->type << 8 | icmp->code;
		return 0;
	default: return 0;
	}
}

static __always_inline void count_protocol(const struct flow_key *key, __u64 bytes)
{
	if (key->vlan)
		count(COUNT_VLAN, bytes);
	switch (key->protocol) {
	case IPPROTO_TCP: count(COUNT_TCP, bytes); break;
	case IPPROTO_UDP: count(COUNT_UDP, bytes); break;
	case IPPROTO_ICMP: count(COUNT_ICMP, bytes); break;
	case IPPROTO_ICMPV6: count(COUNT_ICMPV6, bytes); break;
	default: count(COUNT_OTHER_L4, bytes); break;
	}
}

/* Adds to the flow, creating it with its first packet. Two CPUs may both find it missing: NOEXIST
 * lets one of them win, and the other one finds it on the second look. */
static __always_inline void count_flow(const struct flow_key *key, __u64 bytes)
{
	struct flow_stats first = {.packets = 1, .bytes = bytes};
	struct flow_stats *stats = bpf_map_lookup_elem(&flows, key);

	if (!stats) {
		if (!bpf_map_update_elem(&flows, key, &first, BPF_NOEXIST))
			return;
		stats = bpf_map_lookup_elem(&flows, key);
	}
	if (!stats) {
		count(COUNT_NO_ROOM, bytes);
		return;
	}
	__sync_fetch_and_add(&stats->packets, 1);
	__sync_fetch_and_add(&stats->bytes, bytes);
}

/* 1: an IP packet with a complete key, 0: something else, -1: malformed. */
static __always_inline int parse_frame(struct cursor *cur, struct flow_key *key, __u64 bytes)
{
	int ports_follow;
	int protocol = parse_ethernet(cur, key);

	if (protocol == bpf_htons(ETH_P_IP)) {
		count(COUNT_IPV4, bytes);
		ports_follow = parse_ipv4(cur, key);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		count(COUNT_IPV6, bytes);
		ports_follow = parse_ipv6(cur, key);
	} else {
		count(COUNT_NOT_IP, bytes);
		return protocol < 0 ? -1 : 0;
	}
	if (ports_follow < 0)
		return -1;
	if (ports_follow && parse_ports(cur, key))
		return -1;
	return 1;
}

SEC("xdp")
int count_flows(struct xdp_md *ctx)
{
	struct cursor cur = {
		.pos = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
	};
	__u64 bytes = cur.end - cur.pos;
	struct flow_key key = {};
	int parsed = parse_frame(&cur, &key, bytes);

	if (parsed < 0) {
		count(COUNT_DROPPED, bytes);
		return XDP_DROP;
	}
	if (parsed) {
		count_protocol(&key, bytes);
		count_flow(&key, bytes);
	}
	count(COUNT_PASSED, bytes);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
