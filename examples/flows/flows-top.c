// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* flows-top.c: shows the maps of flows.bpf.c as tables, also while the program is running.
 *
 *   flows-top DIR [--once | --summary]
 *
 * DIR holds the pins "flows" and "counters". Without an option it prints the tables four times a
 * second until the pins are gone; --summary prints one line each time instead of the tables. It
 * opens the maps read-only: it cannot disturb whoever fills them.
 *
 * Exit status: 0, or 1 if a map cannot be opened or read, or 2 for wrong arguments.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpfmap/bpfmap.h>
#include "flows.h"

#define TOP_FLOWS      10
#define INTERVAL_US    250000
#define ENDPOINT_CHARS (INET6_ADDRSTRLEN + 8)
#define IPV4_PREFIX    12 /* bytes of ::ffff:0:0/96 */

struct flow {
	struct flow_key key;
	struct flow_stats stats;
};

struct table {
	struct flow flows[FLOWS_MAX];
	size_t count;
	struct flow_stats sum;
};

static const char *const counter_names[COUNT_MAX] = {
	[COUNT_IPV4] = "IPv4",	     [COUNT_IPV6] = "IPv6",	   [COUNT_NOT_IP] = "not IP",
	[COUNT_VLAN] = "VLAN",	     [COUNT_TCP] = "TCP",	   [COUNT_UDP] = "UDP",
	[COUNT_ICMP] = "ICMP",	     [COUNT_ICMPV6] = "ICMPv6",	   [COUNT_OTHER_L4] = "other",
	[COUNT_PASSED] = "XDP_PASS", [COUNT_DROPPED] = "XDP_DROP", [COUNT_NO_ROOM] = "table full",
};

static const char *protocol_name(uint8_t protocol, char *buf, size_t size)
{
	switch (protocol) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_ICMPV6: return "icmpv6";
	default: snprintf(buf, size, "%u", protocol); return buf;
	}
}

static int has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static void endpoint_format(const uint8_t *address, uint16_t port, uint8_t protocol, char *ret_text)
{
	static const uint8_t mapped[IPV4_PREFIX] = {[10] = 0xff, [11] = 0xff};
	int is_ipv4 = !memcmp(address, mapped, sizeof(mapped));
	char text[INET6_ADDRSTRLEN];

	if (is_ipv4)
		inet_ntop(AF_INET, address + IPV4_PREFIX, text, sizeof(text));
	else
		inet_ntop(AF_INET6, address, text, sizeof(text));
	if (!has_ports(protocol))
		snprintf(ret_text, ENDPOINT_CHARS, "%s", text);
	else
		snprintf(ret_text, ENDPOINT_CHARS, is_ipv4 ? "%s:%u" : "[%s]:%u", text, port);
}

/* Most packets first; the key breaks ties, so that equal maps print equal tables. */
static int flow_compare(const void *left, const void *right)
{
	const struct flow *a = left, *b = right;

	if (a->stats.packets != b->stats.packets)
		return a->stats.packets < b->stats.packets ? 1 : -1;
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

/* One walk over the map. A key that was deleted between the two calls is passed over. */
static int table_read(struct bpfmap *flows, struct table *table)
{
	const void *previous = NULL;
	struct flow *flow = table->flows;
	int err;

	memset(table, 0, sizeof(*table));
	while (table->count < FLOWS_MAX && !(err = bpfmap_next_key(flows, previous, &flow->key))) {
		previous = &flow->key;
		err = bpfmap_read(flows, &flow->key, &flow->stats);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		table->sum.packets += flow->stats.packets;
		table->sum.bytes += flow->stats.bytes;
		flow++;
		table->count++;
	}
	return table->count == FLOWS_MAX || err == -ENOENT ? 0 : err;
}

static void table_print(struct table *table)
{
	qsort(table->flows, table->count, sizeof(table->flows[0]), flow_compare);
	printf("%-8s %-28s %-28s %5s %10s %12s\n", "proto", "source", "destination", "vlan",
	       "packets", "bytes");
	for (size_t i = 0; i < table->count && i < TOP_FLOWS; i++) {
		const struct flow *flow = &table->flows[i];
		char src[ENDPOINT_CHARS], dst[ENDPOINT_CHARS], vlan[8] = "-", number[8];

		endpoint_format(flow->key.src, flow->key.src_port, flow->key.protocol, src);
		endpoint_format(flow->key.dst, flow->key.dst_port, flow->key.protocol, dst);
		if (flow->key.vlan)
			snprintf(vlan, sizeof(vlan), "%u", flow->key.vlan);
		printf("%-8s %-28s %-28s %5s %10" PRIu64 " %12" PRIu64 "\n",
		       protocol_name(flow->key.protocol, number, sizeof(number)), src, dst, vlan,
		       (uint64_t)flow->stats.packets, (uint64_t)flow->stats.bytes);
	}
	printf("%zu flows, %" PRIu64 " packets, %" PRIu64 " bytes\n", table->count,
	       (uint64_t)table->sum.packets, (uint64_t)table->sum.bytes);
}

static int counters_print(struct bpfmap *counters)
{
	printf("\n%-12s %10s %12s\n", "counter", "packets", "bytes");
	for (uint32_t i = 0; i < COUNT_MAX; i++) {
		struct flow_stats stats;
		int err = bpfmap_read(counters, &i, &stats);

		if (err)
			return err;
		printf("%-12s %10" PRIu64 " %12" PRIu64 "\n", counter_names[i],
		       (uint64_t)stats.packets, (uint64_t)stats.bytes);
	}
	return 0;
}

static int show(struct bpfmap *flows, struct bpfmap *counters, const char *option)
{
	static struct table table;
	int err = table_read(flows, &table);

	if (err)
		return err;
	if (!strcmp(option, "--summary")) {
		printf("flows-top[%d]: %zu flows, %" PRIu64 " packets\n", getpid(), table.count,
		       (uint64_t)table.sum.packets);
	} else {
		table_print(&table);
		err = counters_print(counters);
	}
	fflush(stdout);
	return err;
}

static int pin_open(const char *dir, const char *name, uint32_t value_size, struct bpfmap **ret_map)
{
	struct bpfmap_info info;
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	err = bpfmap_open(path, BPFMAP_OPEN_RDONLY, ret_map);
	if (err)
		return err;
	err = bpfmap_get_info(*ret_map, &info);
	if (!err && info.value_size == value_size)
		return 0;
	fprintf(stderr, "flows-top: %s is not a map of flows.bpf.c\n", path);
	bpfmap_close(*ret_map);
	return -EINVAL;
}

static int run(const char *dir, const char *option)
{
	struct bpfmap *flows = NULL, *counters = NULL;
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/flows", dir);
	err = pin_open(dir, "flows", sizeof(struct flow_stats), &flows);
	if (err)
		return err;
	err = pin_open(dir, "counters", sizeof(struct flow_stats), &counters);
	if (err)
		goto out_flows;
	do {
		err = show(flows, counters, option);
		if (err || !strcmp(option, "--once"))
			break;
		usleep(INTERVAL_US);
	} while (!access(path, F_OK));
	bpfmap_close(counters);
out_flows:
	bpfmap_close(flows);
	return err;
}

int main(int argc, char **argv)
{
	const char *option = argc == 3 ? argv[2] : "";
	int err;

	if (argc < 2 || argc > 3 ||
	    (argc == 3 && strcmp(option, "--once") && strcmp(option, "--summary"))) {
		fprintf(stderr, "usage: flows-top DIR [--once | --summary]\n");
		return 2;
	}
	err = run(argv[1], option);
	if (err) {
		fprintf(stderr, "flows-top: %s (%s)\n", strerror(-err), bpfmap_last_error());
		return 1;
	}
	return 0;
}
