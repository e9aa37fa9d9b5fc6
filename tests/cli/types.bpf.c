/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* types.bpf.c: maps whose keys and values are of every kind of BTF type, and programs of every
 * kind that the tool runs. Nothing here is an example of good style. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

enum color { RED, GREEN = 7, BLUE = -3 };

struct inner {
	short x, y;
};

struct everything {
	__u8 u8;
	__s8 s8;
	__u16 u16;
	__s32 s32;
	__u64 u64;
	__s64 s64;
	_Bool flag;
	char name[12];
	enum color color;
	unsigned int low : 3, high : 5;
	signed int signed_bits : 4;
	struct inner inner;
	struct inner pair[2];
	int grid[2][3];
	union {
		__u32 word;
		__u8 octet[4];
	};
	struct {
		__u16 anonymous;
	};
	const volatile __u32 *pointer;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, struct everything);
} everything SEC(".maps");

struct count {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, char[16]);
	__type(value, struct count);
} by_name SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} sizes SEC(".maps");

/* One value per CPU, with members that can be summed up and members that cannot. */
struct per_cpu {
	__u64 packets;
	__u32 small;
	__s32 delta;
	enum color color;
	char who[4];
	double load;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8);
	__type(key, struct inner);
	__type(value, struct per_cpu);
} by_cpu SEC(".maps");

struct guarded {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct guarded);
} guarded SEC(".maps");

int limit = 9;
char greeting[8] = "hello";
const volatile int verdict = XDP_PASS;
__u64 seen;

static void touch(void)
{
	struct everything fresh = {.u8 = 255, .s8 = -1, .u64 = ~0ull, .color = GREEN, .high = 17};
	int key = 1;

	bpf_map_update_elem(&everything, &key, &fresh, BPF_ANY);
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	__u32 key = 0, *size = bpf_map_lookup_elem(&sizes, &key);
	char name[16] = "eth0";
	struct count one = {1, ctx->data_end - ctx->data}, *count;

	count = bpf_map_lookup_elem(&by_name, name);
	if (count) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->bytes, one.bytes);
	} else {
		bpf_map_update_elem(&by_name, name, &one, BPF_ANY);
	}
	if (size)
		__sync_fetch_and_add((__u64 *)size, ctx->data_end - ctx->data);
	__sync_fetch_and_add(&seen, 1);
	touch();
	return verdict + (limit == 10) + greeting[7];
}

SEC("tc")
int shot(struct __sk_buff *skb)
{
	return skb->len > 100 ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("socket")
int keep(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("kprobe/do_nothing")
int probe(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
