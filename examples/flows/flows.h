/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* flows.h: what flows.bpf.c writes and flows-top.c reads.
 *
 * A flow is one direction of a conversation. IPv4 addresses are written as IPv4-mapped IPv6
 * addresses (::ffff:a.b.c.d), so that both families share one key. Neither struct has padding:
 * a hash key is compared byte for byte.
 */
#ifndef FLOWS_H
#define FLOWS_H

#include <linux/types.h>

#define FLOWS_MAX 4096

struct flow_key {
	__u8 src[16];
	__u8 dst[16];
	__u16 src_port; /* host order; 0 where the protocol has none; ICMP: 0 */
	__u16 dst_port; /* host order; ICMP and ICMPv6: type << 8 | code */
	__u16 vlan;	/* innermost 802.1Q identifier, 0 if untagged */
	__u8 protocol;	/* IPPROTO_*, behind all IPv6 extension headers */
	__u8 zero;
};

struct flow_stats {
	__u64 packets;
	__u64 bytes; /* whole frames, Ethernet header included */
};

/* Index of an element of the counters array. Each value is a struct flow_stats. */
enum flow_counter {
	COUNT_IPV4,
	COUNT_IPV6,
	COUNT_NOT_IP,
	COUNT_VLAN,
	COUNT_TCP,
	COUNT_UDP,
	COUNT_ICMP,
	COUNT_ICMPV6,
	COUNT_OTHER_L4,
	COUNT_PASSED,
	COUNT_DROPPED,
	COUNT_NO_ROOM,
	COUNT_MAX,
};

#endif
