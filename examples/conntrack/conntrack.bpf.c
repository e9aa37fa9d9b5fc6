// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* conntrack.bpf.c: TCP connections and their states under a fixed budget of memory, in an LRU map.
 *
 * Both directions find the same element: the lower endpoint stands first in the key. When the
 * budget is used up, the connections that were silent for longest are forgotten; a packet of a
 * forgotten one is counted as "midstream" and begins a new element.
 */
#include "../common/packet.h"

#ifndef CONNECTIONS_MAX
#define CONNECTIONS_MAX 1024
#endif

enum connection_state { STATE_SYN, STATE_ESTABLISHED, STATE_CLOSING, STATE_RESET, STATE_MIDSTREAM };
enum connection_counter { COUNT_PACKETS, COUNT_NEW, COUNT_MIDSTREAM, COUNT_FAILED, COUNTERS };

struct endpoint {
	struct address address;
	__u32 port; /* host order */
	__u32 zero;
};

struct connection_key {
	struct endpoint low;
	struct endpoint high;
};

struct connection {
	__u64 packets;
	__u64 bytes;
	enum connection_state state;
	__u32 fins;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNECTIONS_MAX);
	__type(key, struct connection_key);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 index)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &index);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

/* Any order will do, as long as both directions agree on it. */
static __always_inline int endpoint_before(const struct endpoint *a, const struct endpoint *b)
{
	const __u64 *left = (const void *)&a->address, *right = (const void *)&b->address;

	if (left[0] != right[0])
		return left[0] < right[0];
	if (left[1] != right[1])
		return left[1] < right[1];
	return a->port < b->port;
}

static __always_inline void key_make(const struct packet *packet, const struct tcphdr *tcp,
				     struct connection_key *ret_key)
{
	struct endpoint src = {.address = packet->src, .port = bpf_ntohs(tcp->source)};
	struct endpoint dst = {.address = packet->dst, .port = bpf_ntohs(tcp->dest)};

	if (endpoint_before(&src, &dst)) {
		ret_key->low = src;
		ret_key->high = dst;
	} else {
		ret_key->low = dst;
		ret_key->high = src;
	}
}

/* One packet more. The order of the tests is that of precedence: a reset ends everything. */
static __always_inline void connection_step(struct connection *connection, const struct tcphdr *tcp,
					    __u64 bytes)
{
	__sync_fetch_and_add(&connection->packets, 1);
	__sync_fetch_and_add(&connection->bytes, bytes);
	if (tcp->fin)
		__sync_fetch_and_add(&connection->fins, 1);
	if (tcp->rst)
		connection->state = STATE_RESET;
	else if (connection->state == STATE_RESET)
		return;
	else if (tcp->fin)
		connection->state = STATE_CLOSING;
	else if (connection->state == STATE_SYN && tcp->syn && tcp->ack)
		connection->state = STATE_ESTABLISHED;
}

SEC("xdp")
int track(struct xdp_md *ctx)
{
	__u64 bytes = ctx->data_end - ctx->data;
	struct connection first = {0}, *connection;
	struct connection_key key;
	struct packet packet;
	struct tcphdr *tcp;

	if (!packet_parse(ctx, &packet))
		return XDP_PASS;
	tcp = packet_tcp(&packet);
	if (!tcp)
		return XDP_PASS;
	key_make(&packet, tcp, &key);
	count(COUNT_PACKETS);
	connection = bpf_map_lookup_elem(&connections, &key);
	if (connection) {
		connection_step(connection, tcp, bytes);
		return XDP_PASS;
	}
	first.state = tcp->syn && !tcp->ack ? STATE_SYN : STATE_MIDSTREAM;
	count(first.state == STATE_SYN ? COUNT_NEW : COUNT_MIDSTREAM);
	connection_step(&first, tcp, bytes);
	if (bpf_map_update_elem(&connections, &key, &first, BPF_ANY))
		count(COUNT_FAILED);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
