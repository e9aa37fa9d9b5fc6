/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* info.c: OBJ_GET_INFO_BY_FD (SEMANTICS section 15, "info"). */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INFO_MAP_EXTRA 80 /* offsets that older headers lack */
#define INFO_HASH      88
#define INFO_HASH_SIZE 96
#define HASH_BYTES     32

union info {
	struct bpf_map_info info;
	unsigned char bytes[8192];
	uint32_t u32[2048];
	uint64_t u64[1024];
};

static void fields(const struct type *t, uint32_t flags)
{
	char text[512];
	union info i;
	uint32_t len = INFO_SIZE;
	union req r;
	int fd;

	req_create(&r, t->number, 4, 7, 11);
	memcpy(r.attr.map_name, "with.name_15byte", 15);
	r.attr.map_flags = flags;
	fd = (int)bpf_call(BPF_MAP_CREATE, &r, ATTR_SIZE);
	memset(&i, 0, sizeof(i));
	row(map_info(fd, &i, &len), "info.%s.0x%x.result", t->name, flags);
	snprintf(text, sizeof(text),
		 "len %u type %u key %u value %u n %u flags 0x%x name %.16s ifindex %u "
		 "vmlinux_value %u netns %llu/%llu btf %u/%u/%u extra %llu hash %llu/%u",
		 len, i.info.type, i.info.key_size, i.info.value_size, i.info.max_entries,
		 i.info.map_flags, i.info.name, i.info.ifindex, i.info.btf_vmlinux_value_type_id,
		 (unsigned long long)i.info.netns_dev, (unsigned long long)i.info.netns_ino,
		 i.info.btf_id, i.info.btf_key_type_id, i.info.btf_value_type_id,
		 (unsigned long long)i.u64[INFO_MAP_EXTRA / 8],
		 (unsigned long long)i.u64[INFO_HASH / 8], i.u32[INFO_HASH_SIZE / 4]);
	row_text(text, "info.%s.0x%x.fields", t->name, flags);
	row(i.info.id > 0, "info.%s.0x%x.has_id", t->name, flags);
	close(fd);
}

/* Every byte that the kernel writes, it writes whatever was there. */
static void overwritten(const struct type *t)
{
	int fd = map_fresh(t->number);
	union info clean, dirty;
	uint32_t len = INFO_SIZE;
	struct line l;

	memset(&clean, 0, sizeof(clean));
	memset(&dirty, 0, sizeof(dirty));
	memset(&dirty, 0xa5, INFO_HASH);
	map_info(fd, &clean, &len);
	len = INFO_SIZE;
	row(map_info(fd, &dirty, &len), "info.%s.dirty_input", t->name);
	line_begin(&l, "info.%s.dirty_input_left", t->name);
	for (unsigned int at = 0; at < INFO_SIZE; at++)
		line_add(&l, clean.bytes[at] != dirty.bytes[at], "%u", at);
	line_end(&l);
	close(fd);
}

static void lengths(const struct type *t)
{
	static const uint32_t lens[] = {0,   1,	  3,   4,    8,	   16,	 24,   40,	  72,
					79,  80,  87,  88,   96,   100,	 103,  104,	  105,
					112, 200, 512, 4095, 4096, 4097, 8192, 0xffffffff};
	struct line l;
	union info i;
	int fd = map_fresh(t->number);

	for (unsigned int tail = 0; tail < 2; tail++) {
		line_begin(&l, "info.%s.length%s", t->name, tail ? "_with_tail" : "");
		for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
			uint32_t len = lens[n];

			memset(&i, 0, sizeof(i));
			if (tail && len > INFO_SIZE && len <= sizeof(i))
				i.bytes[len - 1] = 1;
			line_add(&l, map_info(fd, &i, &len), "%u", lens[n]);
			line_add(&l, len, "%u_out", lens[n]);
		}
		line_end(&l);
	}
	close(fd);
}

/* A short length cuts the answer there: what lies behind stays. */
static void cut(const struct type *t)
{
	int fd = map_fresh(t->number);
	struct line l;

	line_begin(&l, "info.%s.cut", t->name);
	for (uint32_t want = 0; want < INFO_HASH; want++) {
		unsigned int kept = 0;
		uint32_t len = want;
		union info i;

		memset(&i, 0xa5, sizeof(i));
		map_info(fd, &i, &len);
		for (uint32_t at = want; at < INFO_SIZE; at++)
			kept += i.bytes[at] == 0xa5;
		line_add(&l, kept == INFO_SIZE - want, "%u", want);
	}
	line_end(&l);
	close(fd);
}

static void pointers(const struct type *t)
{
	int fd = map_fresh(t->number);
	struct line l;

	line_begin(&l, "info.%s.pointer", t->name);
	for (int i = 0; i < BAD_ADDRESSES; i++) {
		static const uint32_t lens[] = {0, 8, INFO_SIZE, 200, 4097};

		for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
			uint32_t len = lens[n];

			line_add(&l,
				 map_info(fd, (void *)(uintptr_t)bad_addresses[i].address, &len),
				 "%s_%u", bad_addresses[i].name, lens[n]);
		}
	}
	line_end(&l);
	line_begin(&l, "info.%s.edge", t->name);
	for (uint32_t room = 8; room <= 120; room += 8) {
		uint32_t len = INFO_SIZE;

		memset(page_edge() - room, 0, room);
		line_add(&l, map_info(fd, page_edge() - room, &len), "%u", room);
		len = room;
		line_add(&l, map_info(fd, page_edge() - room, &len), "%u_len", room);
	}
	line_end(&l);
	close(fd);
}

static long hash_of(int fd, unsigned char *hash, uint32_t size)
{
	uint32_t len = INFO_SIZE;
	union info i;

	memset(&i, 0, sizeof(i));
	i.u64[INFO_HASH / 8] = (uintptr_t)hash;
	i.u32[INFO_HASH_SIZE / 4] = size;
	return map_info(fd, &i, &len);
}

static void content_hash(const struct type *t)
{
	static const unsigned char value[8] = {0x11};
	const uint32_t key = 1;
	unsigned char hash[64];
	char text[2 * HASH_BYTES + 1];
	struct line l;

	for (int frozen = 0; frozen < 2; frozen++) {
		int fd = map_fresh(t->number);

		map_update(fd, &key, value, BPF_ANY);
		if (frozen)
			map_freeze(fd);
		line_begin(&l, "info.%s.hash%s", t->name, frozen ? ".frozen" : "");
		for (uint32_t size = 0; size <= 33; size++)
			line_add(&l, hash_of(fd, hash, size), "%u", size);
		line_add(&l, hash_of(fd, NULL, HASH_BYTES), "null");
		line_add(&l, hash_of(fd, (void *)1, HASH_BYTES), "one");
		line_end(&l);
		memset(hash, 0, sizeof(hash));
		hash_of(fd, hash, HASH_BYTES);
		for (int i = 0; i < HASH_BYTES; i++)
			snprintf(text + 2 * i, 3, "%02x", hash[i]);
		row_text(text, "info.%s.hash_value%s", t->name, frozen ? ".frozen" : "");
		close(fd);
	}
}

static void state(const struct type *t)
{
	static const uint32_t flags[] = {BPF_F_RDONLY, BPF_F_WRONLY};
	int fd = map_fresh(t->number);
	struct line l;

	line_begin(&l, "info.%s.by_mode", t->name);
	for (int i = 0; i < 2; i++) {
		int other = map_reopen(fd, flags[i]);
		struct bpf_map_info info;
		uint32_t len = sizeof(info);

		line_add(&l, map_info(other, &info, &len), "0x%x", flags[i]);
		line_add(&l, info.map_flags, "0x%x_flags", flags[i]);
		close(other);
	}
	line_end(&l);
	close(fd);
}

void section_info(void)
{
	static const uint32_t hash_flags[] = {0,
					      BPF_F_NO_PREALLOC,
					      BPF_F_ZERO_SEED,
					      BPF_F_RDONLY,
					      BPF_F_RDONLY_PROG,
					      BPF_F_WRONLY_PROG | BPF_F_WRONLY};
	static const uint32_t array_flags[] = {0,
					       BPF_F_MMAPABLE,
					       BPF_F_INNER_MAP,
					       BPF_F_RDONLY,
					       BPF_F_RDONLY_PROG,
					       BPF_F_WRONLY_PROG | BPF_F_WRONLY};

	page_edge();
	for (int i = 0; i < 6; i++) {
		fields(&types[0], hash_flags[i]);
		fields(&types[1], array_flags[i]);
	}
	for (int t = 0; t < TYPES; t++) {
		overwritten(&types[t]);
		lengths(&types[t]);
		cut(&types[t]);
		pointers(&types[t]);
		content_hash(&types[t]);
		state(&types[t]);
	}
}
