/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* programs.bpf.c: what interpreters are raced on. Instructions of 2014 only (-mcpu=v1), no local calls and no
 * context but one piece of memory in R1, so that every interpreter runs the same bytes.
 */
#include <linux/bpf.h>

#define SEC(name)     __attribute__((section(name), used))
#define always_inline inline __attribute__((always_inline))

/* Kept in step with race.c. */
struct input {
	__u64 rounds;
	__u64 bytes;
	__u8 data[1008];
};

struct {
	int (*type)[BPF_MAP_TYPE_HASH];
	__u32 *key;
	__u64 *value;
	int (*max_entries)[1024];
} map SEC(".maps");

static void *(*lookup)(void *map, const void *key) = (void *)1;

/* What starting and ending takes. */
SEC("syscall/start")
__u64 start(struct input *in)
{
	return 2;
}

/* Registers only. */
SEC("syscall/arithmetic")
__u64 arithmetic(struct input *in)
{
	__u64 x = in->bytes;
	__u64 sum = 0;

	for (__u64 i = in->rounds; i; i--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += x * 31;
	}
	return sum;
}

/* Stack at addresses that are computed: insertion sort of 32 numbers. */
SEC("syscall/sort")
__u64 sort(struct input *in)
{
	__u64 a[32];
	__u64 x = in->bytes;

	for (int i = 0; i < 32; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		a[i & 31] = x >> 40;
	}
	for (int i = 1; i < 32; i++) {
		__u64 one = a[i];
		int j = i;

		for (; j > 0 && a[(j - 1) & 31] > one; j--)
			a[j & 31] = a[(j - 1) & 31];
		a[j & 31] = one;
	}
	return a[0] + a[16];
}

/* Stack at fixed places, as spilt registers are. */
SEC("syscall/spill")
__u64 spill(struct input *in)
{
	volatile __u64 a = in->bytes;
	volatile __u64 b = 1;
	volatile __u32 c = 2;

	for (__u64 i = in->rounds; i; i--) {
		a = a + b;
		b = b ^ c;
		c = c + (__u32)a;
	}
	return a + b + c;
}

/* Memory of the caller: a checksum over its bytes. */
SEC("syscall/sum")
__u64 sum(struct input *in)
{
	__u64 s = 0;

	for (__u64 i = 0; i < in->bytes && i < sizeof(in->data) / 2; i++)
		s += ((__u16 *)in->data)[i];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* A state machine: counts the words and numbers of a text. */
SEC("syscall/branches")
__u64 branches(struct input *in)
{
	__u32 words = 0, numbers = 0, others = 0, in_word = 0;

	for (__u64 i = 0; i < in->bytes && i < sizeof(in->data); i++) {
		__u8 c = in->data[i];

		if (c >= 'a' && c <= 'z') {
			words += in_word != 1;
			in_word = 1;
		} else if (c >= '0' && c <= '9') {
			numbers += in_word != 2;
			in_word = 2;
		} else if (c == ' ' || c == '\n') {
			in_word = 0;
		} else {
			others++;
		}
	}
	return (__u64)words << 32 | numbers << 16 | others;
}

/* The packet's flow, as a filter finds it: Ethernet, IPv4, TCP or UDP. One packet per run. */
SEC("syscall/packet")
__u64 packet(struct input *in)
{
	const __u8 *p = in->data;
	__u64 bytes = in->bytes;
	__u32 off = 14;
	__u32 hash;

	if (bytes < 34 || bytes > sizeof(in->data) - 64)
		return 0;
	if (*(__u16 *)(p + 12) == __builtin_bswap16(0x8100))
		off += 4;
	if (*(__u16 *)(p + off - 2) != __builtin_bswap16(0x0800) || p[off] >> 4 != 4)
		return 1;
	hash = *(__u32 *)(p + off + 12) * 0x9e3779b1u ^ *(__u32 *)(p + off + 16);
	if (p[off + 9] == 6 || p[off + 9] == 17) {
		__u32 l4 = off + (p[off] & 15) * 4;

		if (l4 + 8 > bytes)
			return 2;
		hash ^= *(__u32 *)(p + l4);
	}
	hash ^= hash >> 15;
	hash *= 0x85ebca6bu;
	return hash ^ p[off + 9];
}

/* Helper calls: lookups, one in two finds something. */
SEC("syscall/lookups")
__u64 lookups(struct input *in)
{
	__u64 found = 0;

	for (__u32 i = in->rounds; i; i--) {
		__u32 key = i;

		found += lookup(&map, &key) != 0;
	}
	return found;
}
