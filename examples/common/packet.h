/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* packet.h: what the examples' programs need to know of a frame: Ethernet, up to two VLAN tags,
 * IPv4 or IPv6, and where the next header begins. examples/flows shows a parser for everything
 * else.
 */
#ifndef EXAMPLES_COMMON_PACKET_H
#define EXAMPLES_COMMON_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_TAGS_MAX  2
#define IP_OFFSET_MASK 0x1fff /* of frag_off: not the first fragment if set */

/* IPv4 addresses are kept as ::ffff:a.b.c.d. Aligned, so that they are copied by words. */
struct address {
	__u8 bytes[16];
} __attribute__((aligned(8)));

struct packet {
	struct address src;
	struct address dst;
	__u32 ip_version;
	__u32 protocol;
	void *next; /* the header behind IP; NULL: a later fragment, which has none */
	void *end;
};

struct packet_vlan_tag {
	__be16 identifier;
	__be16 protocol;
};

static __always_inline int packet_parse_ipv4(struct packet *packet, struct iphdr *ip)
{
	__u32 header_size;

	if ((void *)(ip + 1) > packet->end)
		return 0;
	header_size = ip->ihl * 4;
	if (header_size < sizeof(*ip) || (void *)ip + header_size > packet->end)
		return 0;
	packet->src.bytes[10] = packet->src.bytes[11] = 0xff;
	packet->dst.bytes[10] = packet->dst.bytes[11] = 0xff;
	__builtin_memcpy(packet->src.bytes + 12, &ip->saddr, sizeof(ip->saddr));
	__builtin_memcpy(packet->dst.bytes + 12, &ip->daddr, sizeof(ip->daddr));
	packet->ip_version = 4;
	packet->protocol = ip->protocol;
	if (!(ip->frag_off & bpf_htons(IP_OFFSET_MASK)))
		packet->next = (void *)ip + header_size;
	return 1;
}

static __always_inline int packet_parse_ipv6(struct packet *packet, struct ipv6hdr *ip)
{
	if ((void *)(ip + 1) > packet->end)
		return 0;
	__builtin_memcpy(packet->src.bytes, &ip->saddr, sizeof(packet->src.bytes));
	__builtin_memcpy(packet->dst.bytes, &ip->daddr, sizeof(packet->dst.bytes));
	packet->ip_version = 6;
	packet->protocol = ip->nexthdr;
	packet->next = ip + 1;
	return 1;
}

/* 1: an IP packet; 0: something else, or cut short. */
static __always_inline int packet_parse(struct xdp_md *ctx, struct packet *ret_packet)
{
	void *pos = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = pos;
	__be16 protocol;

	__builtin_memset(ret_packet, 0, sizeof(*ret_packet));
	ret_packet->end = end;
	if ((void *)(eth + 1) > end)
		return 0;
	protocol = eth->h_proto;
	pos = eth + 1;
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct packet_vlan_tag *tag = pos;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return 0;
		protocol = tag->protocol;
		pos = tag + 1;
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return packet_parse_ipv4(ret_packet, pos);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return packet_parse_ipv6(ret_packet, pos);
	return 0;
}

/* The TCP header, or NULL. */
static __always_inline struct tcphdr *packet_tcp(const struct packet *packet)
{
	struct tcphdr *tcp = packet->next;

	if (packet->protocol != IPPROTO_TCP || !tcp || (void *)(tcp + 1) > packet->end)
		return NULL;
	return tcp;
}

#endif
