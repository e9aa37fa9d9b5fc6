/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run.bpf.c: programs that count, and programs that go wrong, for the tests of run and test. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 4);
	__type(value, __u32);
} bloom SEC(".maps");

struct port {
	__be32 address;
	__be16 port;
	__u8 mac[6];
	char label[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct port);
	__type(value, __s64);
} ports SEC(".maps");

__u64 total;

/* Without atomics: each CPU has a value of its own. */
SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&per_cpu, &key);

	if (value)
		*value += 1;
	__sync_fetch_and_add(&total, 1);
	return XDP_PASS;
}

/* Looks behind the end of packets of 60 bytes, which the kernel's verifier does not permit. */
SEC("xdp")
int fault(struct xdp_md *ctx)
{
	volatile __u8 *data = (void *)(long)ctx->data;

	if (ctx->data_end - ctx->data == 60)
		return data[60];
	return XDP_PASS;
}

SEC("tc")
int mark(struct __sk_buff *skb)
{
	skb->mark = skb->mark * 2 + 1;
	skb->cb[1] = 7;
	return TC_ACT_OK;
}

SEC("xdp")
int grow(struct xdp_md *ctx)
{
	__u8 *data, *end;

	if (bpf_xdp_adjust_head(ctx, -4))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + 4 > end)
		return XDP_ABORTED;
	data[0] = 0xde;
	data[1] = 0xad;
	data[2] = 0xbe;
	data[3] = 0xef;
	return XDP_TX;
}

SEC("xdp")
int remember(struct xdp_md *ctx)
{
	struct port port = {.address = bpf_htonl(0x0a000001),
			    .port = bpf_htons(80),
			    .mac = {2, 0, 0, 0, 0, 1},
			    .label = "1.2.3.4"};
	__s64 value = -5;

	bpf_map_update_elem(&ports, &port, &value, BPF_ANY);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
