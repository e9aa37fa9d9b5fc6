// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* status.bpf.c: HTTP status codes, counted in an array whose index is the code.
 *
 * A response is a TCP segment whose payload begins with "HTTP/1.x NNN ".
 */
#include "../common/packet.h"

#define CODES_MAX  600
#define LINE_START 13 /* bytes of "HTTP/1.1 200 " */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CODES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} codes SEC(".maps");

static __always_inline int digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The status code, or 0 if the line is no response. */
static __always_inline __u32 status_code(const char *line)
{
	if (line[0] != 'H' || line[1] != 'T' || line[2] != 'T' || line[3] != 'P' ||
	    line[4] != '/' || line[5] != '1' || line[6] != '.' || line[8] != ' ' || line[12] != ' ')
		return 0;
	if (!digit(line[9]) || !digit(line[10]) || !digit(line[11]))
		return 0;
	return (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

SEC("xdp")
int count_codes(struct xdp_md *ctx)
{
	struct packet packet;
	struct tcphdr *tcp;
	char *payload;
	__u64 *count;
	__u32 code;

	if (!packet_parse(ctx, &packet))
		return XDP_PASS;
	tcp = packet_tcp(&packet);
	if (!tcp)
		return XDP_PASS;
	payload = (char *)tcp + tcp->doff * 4;
	if ((void *)(payload + LINE_START) > packet.end)
		return XDP_PASS;
	code = status_code(payload);
	if (!code)
		return XDP_PASS;
	count = bpf_map_lookup_elem(&codes, &code); /* NULL: 600 and above are no status codes */
	if (count)
		__sync_fetch_and_add(count, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
