/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf.c: BTF_LOAD of a hand-made blob and maps that refer to it (SEMANTICS section 17, the rows
 * that concern HASH and ARRAY). */
#include "semantics.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INT32	 (32u)
#define INT64	 (64u)
#define KIND(k)	 ((uint32_t)(k) << 24)
#define NO_TYPE	 99
#define BTF_INFO 32

/* The types of the blob, in order; ids start at 1. */
enum type_id {
	T_U32 = 1,
	T_U64,
	T_U16,
	T_KEY4,
	T_LOCK,
	T_LOCKED,
	T_TIMER,
	T_TIMED,
	T_TYPEDEF,
	T_ARRAY8,
	T_VAR,
	T_DATASEC,
	T_PTR,
	T_BIG,
};

/* Every word of the type section; names are offsets into `names`. */
static const char names[] = "\0u32\0u64\0u16\0bpf_spin_lock\0bpf_timer\0val\0.data\0alias";
#define N_U32	1
#define N_U64	5
#define N_U16	9
#define N_LOCK	13
#define N_TIMER 27
#define N_VAL	37
#define N_DATA	41
#define N_ALIAS 47

/* clang-format off: a row is a type. */
static const uint32_t words[] = {
	N_U32,
	KIND(BTF_KIND_INT),
	4,
	INT32,
	N_U64,
	KIND(BTF_KIND_INT),
	8,
	INT64,
	N_U16,
	KIND(BTF_KIND_INT),
	2,
	16,
	/* struct { u32 val; } */
	0,
	KIND(BTF_KIND_STRUCT) | 1,
	4,
	N_VAL,
	T_U32,
	0,
	/* struct bpf_spin_lock { u32 val; } */
	N_LOCK,
	KIND(BTF_KIND_STRUCT) | 1,
	4,
	N_VAL,
	T_U32,
	0,
	/* struct { bpf_spin_lock; u32; } */
	0,
	KIND(BTF_KIND_STRUCT) | 2,
	8,
	N_VAL,
	T_LOCK,
	0,
	N_U32,
	T_U32,
	32,
	/* struct bpf_timer { u64; u64; } */
	N_TIMER,
	KIND(BTF_KIND_STRUCT) | 2,
	16,
	N_VAL,
	T_U64,
	0,
	N_U64,
	T_U64,
	64,
	/* struct { bpf_timer; u64; } */
	0,
	KIND(BTF_KIND_STRUCT) | 2,
	24,
	N_VAL,
	T_TIMER,
	0,
	N_U64,
	T_U64,
	128,
	N_ALIAS,
	KIND(BTF_KIND_TYPEDEF),
	T_U32,
	0,
	KIND(BTF_KIND_ARRAY),
	0,
	T_U32,
	T_U32,
	2,
	N_VAL,
	KIND(BTF_KIND_VAR),
	T_U64,
	1,
	N_DATA,
	KIND(BTF_KIND_DATASEC) | 1,
	8,
	T_VAR,
	0,
	8,
	0,
	KIND(BTF_KIND_PTR),
	T_U32,
	/* struct { u64; u64; } */
	0,
	KIND(BTF_KIND_STRUCT) | 2,
	16,
	N_VAL,
	T_U64,
	0,
	N_U64,
	T_U64,
	64,
};
/* clang-format on */

struct blob {
	struct btf_header header;
	unsigned char bytes[1024];
};

static uint32_t blob_make(struct blob *b)
{
	memset(b, 0, sizeof(*b));
	b->header.magic = BTF_MAGIC;
	b->header.version = BTF_VERSION;
	b->header.hdr_len = sizeof(b->header);
	b->header.type_len = sizeof(words);
	b->header.str_off = sizeof(words);
	b->header.str_len = sizeof(names);
	memcpy(b->bytes, words, sizeof(words));
	memcpy(b->bytes + sizeof(words), names, sizeof(names));
	return sizeof(b->header) + sizeof(words) + sizeof(names);
}

static long blob_load(const void *blob, uint32_t size)
{
	union req r;

	req_clear(&r);
	r.attr.btf = (uintptr_t)blob;
	r.attr.btf_size = size;
	return bpf_call(BPF_BTF_LOAD, &r, ATTR_SIZE);
}

static int btf_make(void)
{
	struct blob b;
	uint32_t size = blob_make(&b);

	return (int)blob_load(&b, size);
}

static void load_spoilt(struct line *l, const char *label, size_t at, uint32_t word)
{
	struct blob b;
	uint32_t size = blob_make(&b);
	long fd;

	memcpy((unsigned char *)&b + at, &word, sizeof(word));
	fd = blob_load(&b, size);
	line_add(l, fd < 0 ? fd : 0, "%s", label);
	if (fd >= 0)
		close((int)fd);
}

/* The header's first word. */
static uint32_t first_word(uint16_t magic, uint8_t version, uint8_t flags)
{
	struct btf_header header = {.magic = magic, .version = version, .flags = flags};
	uint32_t word;

	memcpy(&word, &header, sizeof(word));
	return word;
}

static void header_errors(void)
{
	const size_t types_at = sizeof(struct btf_header);
	struct line l;

	line_begin(&l, "btf.load.header");
	load_spoilt(&l, "magic", 0, first_word(BTF_MAGIC - 1, BTF_VERSION, 0));
	load_spoilt(&l, "swapped_magic", 0,
		    first_word(__builtin_bswap16(BTF_MAGIC), BTF_VERSION, 0));
	load_spoilt(&l, "version", 0, first_word(BTF_MAGIC, BTF_VERSION + 1, 0));
	load_spoilt(&l, "flags", 0, first_word(BTF_MAGIC, BTF_VERSION, 1));
	load_spoilt(&l, "hdr_len_0", 4, 0);
	load_spoilt(&l, "hdr_len_8", 4, 8);
	load_spoilt(&l, "hdr_len_23", 4, 23);
	load_spoilt(&l, "hdr_len_huge", 4, 0xffffffff);
	load_spoilt(&l, "type_off_2", 8, 2);
	load_spoilt(&l, "type_off_4", 8, 4);
	load_spoilt(&l, "type_len_0", 12, 0);
	load_spoilt(&l, "type_len_huge", 12, 0xffffff00);
	load_spoilt(&l, "str_off_short", 16, sizeof(words) - 4);
	load_spoilt(&l, "str_off_long", 16, sizeof(words) + 4);
	load_spoilt(&l, "str_len_0", 20, 0);
	load_spoilt(&l, "str_len_short", 20, sizeof(names) - 3);
	load_spoilt(&l, "str_len_long", 20, sizeof(names) + 1);
	line_end(&l);
	line_begin(&l, "btf.load.types");
	load_spoilt(&l, "name_beyond", types_at, 1000);
	load_spoilt(&l, "kind_0", types_at + 4, 0);
	load_spoilt(&l, "kind_31", types_at + 4, KIND(31));
	load_spoilt(&l, "int_without_name", types_at, 0);
	load_spoilt(&l, "int_bits_33", types_at + 12, 33);
	load_spoilt(&l, "int_size_0", types_at + 8, 0);
	load_spoilt(&l, "member_type_beyond", types_at + 4 * 16, NO_TYPE);
	load_spoilt(&l, "struct_size_2", types_at + 4 * 14, 2);
	load_spoilt(&l, "member_count_huge", types_at + 4 * 13, KIND(BTF_KIND_STRUCT) | 0xffff);
	load_spoilt(&l, "typedef_of_itself", types_at + 4 * 53, T_TYPEDEF);
	line_end(&l);
}

static void load_sizes(void)
{
	struct blob b;
	uint32_t size = blob_make(&b);
	struct line l;

	line_begin(&l, "btf.load.cut");
	for (uint32_t cut = 0; cut < size; cut++)
		line_add(&l, blob_load(&b, cut), "%u", cut);
	line_end(&l);
	row(blob_load(&b, size + 4), "btf.load.longer");
	row(blob_load(&b, (16u << 20) + 1), "btf.load.over_16M");
	line_begin(&l, "btf.load.pointer");
	for (int i = 0; i < BAD_ADDRESSES; i++)
		line_add(&l, blob_load((void *)(uintptr_t)bad_addresses[i].address, 200), "%s",
			 bad_addresses[i].name);
	line_end(&l);
}

static void load_attr(void)
{
	static char log[4096];
	struct blob b;
	uint32_t size = blob_make(&b);
	struct line l;
	union req r;

	line_begin(&l, "btf.load.log");
	for (unsigned int i = 0; i < 6; i++) {
		static const uint32_t level[] = {0, 1, 2, 4, 8, 1},
				      bytes[] = {0, 0, 4096, 4096, 4096, 8};

		req_clear(&r);
		r.attr.btf = (uintptr_t)&b;
		r.attr.btf_size = size;
		r.attr.btf_log_level = level[i];
		r.attr.btf_log_size = bytes[i];
		r.attr.btf_log_buf = bytes[i] ? (uintptr_t)log : 0;
		line_add(&l, bpf_try(BPF_BTF_LOAD, &r), "level%u_size%u", level[i], bytes[i]);
	}
	line_end(&l);
	line_begin(&l, "btf.load.tail");
	for (unsigned int at = 40; at < ATTR_SIZE; at++) {
		req_clear(&r);
		r.attr.btf = (uintptr_t)&b;
		r.attr.btf_size = size;
		r.bytes[at] = 1;
		line_add(&l, bpf_try(BPF_BTF_LOAD, &r), "%u", at);
	}
	line_end(&l);
}

static int map_typed(uint32_t type, uint32_t value_size, uint32_t n, uint32_t flags, int btf_fd,
		     uint32_t key_id, uint32_t value_id)
{
	union req r;

	req_create(&r, type, 4, value_size, n);
	r.attr.map_flags = flags;
	r.attr.btf_fd = btf_fd;
	r.attr.btf_key_type_id = key_id;
	r.attr.btf_value_type_id = value_id;
	return (int)bpf_call(BPF_MAP_CREATE, &r, ATTR_SIZE);
}

static long try_typed(uint32_t type, uint32_t value_size, uint32_t n, uint32_t flags, int btf_fd,
		      uint32_t key_id, uint32_t value_id)
{
	int fd = map_typed(type, value_size, n, flags, btf_fd, key_id, value_id);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void map_types(const struct type *t)
{
	int btf = btf_make();
	struct line l;

	for (uint32_t key = 0; key <= T_BIG + 1; key++) {
		line_begin(&l, "btf.%s.key_type.%u", t->name, key);
		for (uint32_t value = 0; value <= T_BIG + 1; value++) {
			if (value != T_LOCKED)
				line_add(&l, try_typed(t->number, 8, 1, 0, btf, key, value),
					 "value%u", value);
		}
		line_end(&l);
	}
	line_begin(&l, "btf.%s.value_size", t->name);
	for (uint32_t size = 1; size <= 25; size++)
		line_add(&l, try_typed(t->number, size, 4, 0, btf, T_U32, T_BIG), "%u", size);
	line_end(&l);
	line_begin(&l, "btf.%s.keyless", t->name);
	for (uint32_t n = 1; n <= 2; n++) {
		line_add(&l, try_typed(t->number, 8, n, 0, btf, 0, T_DATASEC), "datasec_%u", n);
		line_add(&l, try_typed(t->number, 8, n, 0, btf, 0, T_U64), "u64_%u", n);
	}
	line_end(&l);
	row(try_typed(t->number, 8, 4, 0, btf, NO_TYPE, T_U64), "btf.%s.unknown_key", t->name);
	row(try_typed(t->number, 8, 4, 0, btf, T_U32, NO_TYPE), "btf.%s.unknown_value", t->name);
	close(btf);
}

static void map_fd_errors(const struct type *t)
{
	int map = map_fresh(t->number), prog = prog_make(), fds[2];
	struct line l;

	line_begin(&l, "btf.%s.btf_fd", t->name);
	line_add(&l, try_typed(t->number, 8, 4, 0, -1, T_U32, T_U64), "-1");
	line_add(&l, try_typed(t->number, 8, 4, 0, 1 << 30, T_U32, T_U64), "closed");
	line_add(&l, try_typed(t->number, 8, 4, 0, map, T_U32, T_U64), "map");
	line_add(&l, try_typed(t->number, 8, 4, 0, prog, T_U32, T_U64), "program");
	line_add(&l, try_typed(t->number, 8, 4, 0, map, 0, 0), "map_without_ids");
	if (pipe(fds) == 0) {
		line_add(&l, try_typed(t->number, 8, 4, 0, fds[0], T_U32, T_U64), "pipe");
		close(fds[0]);
		close(fds[1]);
	}
	line_end(&l);
	close(map);
	close(prog);
}

static long btf_by_id(uint32_t id)
{
	union req r;

	req_clear(&r);
	r.attr.btf_id = id;
	return bpf_try(BPF_BTF_GET_FD_BY_ID, &r);
}

/* The kernel frees a map in the background, so its BTF's id goes soon and not at once. */
static long btf_gone(uint32_t id)
{
	long result = btf_by_id(id);

	for (int tries = 0; result == 0 && tries < 1000; tries++) {
		usleep(2000);
		result = btf_by_id(id);
	}
	return result;
}

static uint32_t btf_id_of(int btf)
{
	uint64_t info[BTF_INFO / 8] = {0};
	uint32_t len = sizeof(info), id = 0;

	if (map_info(btf, info, &len) == 0)
		memcpy(&id, (char *)info + 12, sizeof(id));
	return id;
}

/* The BTF lives as long as its fd or a map that refers to it. */
static void lifetime(const struct type *t)
{
	int btf = btf_make(), fd = map_typed(t->number, 8, 4, 0, btf, T_U32, T_U64);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), id = btf_id_of(btf);

	map_info(fd, &info, &len);
	row(info.btf_key_type_id, "btf.%s.info.key_type", t->name);
	row(info.btf_value_type_id, "btf.%s.info.value_type", t->name);
	row(id > 0, "btf.%s.info.has_id", t->name);
	row(info.btf_id == id, "btf.%s.info.same_id", t->name);
	row(btf_by_id(id), "btf.%s.life.by_id", t->name);
	close(btf);
	row(btf_by_id(id), "btf.%s.life.held_by_map", t->name);
	close(fd);
	row(btf_gone(id), "btf.%s.life.gone", t->name);
}

static void btf_info(void)
{
	static unsigned char copy[2048];
	struct blob b;
	uint32_t size = blob_make(&b), len = BTF_INFO, got = 0;
	uint64_t info[BTF_INFO / 8] = {0};
	int btf = btf_make();

	info[0] = (uintptr_t)copy;
	got = sizeof(copy);
	memcpy((char *)info + 8, &got, sizeof(got));
	row(map_info(btf, info, &len), "btf.info.result");
	row(len, "btf.info.length");
	memcpy(&got, (char *)info + 8, sizeof(got));
	row(got == size, "btf.info.size_is_the_blobs");
	row(memcmp(copy, &b, size) == 0, "btf.info.bytes_are_the_blobs");
	memset(info, 0, sizeof(info));
	len = BTF_INFO;
	row(map_info(btf, info, &len), "btf.info.size_only");
	memcpy(&got, (char *)info + 8, sizeof(got));
	row(got == size, "btf.info.size_only_is_the_blobs");
	memset(copy, 0, sizeof(copy));
	memset(info, 0, sizeof(info));
	info[0] = (uintptr_t)copy;
	got = 10;
	memcpy((char *)info + 8, &got, sizeof(got));
	len = BTF_INFO;
	row(map_info(btf, info, &len), "btf.info.short_buffer");
	row(memcmp(copy, &b, 10) == 0 && copy[10] == 0, "btf.info.short_buffer_is_cut");
	close(btf);
}

static void lock_creation(const struct type *t)
{
	int btf = btf_make();
	struct line l;

	line_begin(&l, "btf.%s.special.load", t->name);
	load_spoilt(&l, "two_locks", sizeof(struct btf_header) + 4 * 31, T_LOCK);
	line_end(&l);
	line_begin(&l, "btf.%s.special.create", t->name);
	line_add(&l, try_typed(t->number, 8, 4, 0, btf, T_U32, T_LOCKED), "lock");
	line_add(&l, try_typed(t->number, 24, 4, 0, btf, T_U32, T_TIMED), "timer");
	line_add(&l, try_typed(t->number, 8, 4, BPF_F_RDONLY_PROG, btf, T_U32, T_LOCKED),
		 "lock_rdonly_prog");
	line_add(&l, try_typed(t->number, 8, 4, BPF_F_WRONLY_PROG, btf, T_U32, T_LOCKED),
		 "lock_wronly_prog");
	line_add(&l, try_typed(t->number, 8, 4, BPF_F_NO_PREALLOC, btf, T_U32, T_LOCKED),
		 "lock_no_prealloc");
	line_add(&l, try_typed(t->number, 8, 4, BPF_F_MMAPABLE, btf, T_U32, T_LOCKED),
		 "lock_mmapable");
	line_end(&l);
	close(btf);
}

static void lock_use(const struct type *t)
{
	static const uint64_t flags[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	int btf = btf_make(), fd = map_typed(t->number, 8, 2, 0, btf, T_U32, T_LOCKED);
	uint32_t value[2] = {0xffffffff, 7}, key = 0;
	struct line l;
	union req r;

	row(map_update(fd, &key, value, 0), "btf.%s.lock.update", t->name);
	row(map_lookup(fd, &key, value), "btf.%s.lock.lookup", t->name);
	row(value[0], "btf.%s.lock.lock_bytes", t->name);
	row(value[1], "btf.%s.lock.value", t->name);
	line_begin(&l, "btf.%s.lock.lookup_flags", t->name);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		req_elem(&r, fd, &key, value, flags[i]);
		line_add(&l, bpf_try(BPF_MAP_LOOKUP_ELEM, &r), "0x%x", (unsigned int)flags[i]);
	}
	line_end(&l);
	line_begin(&l, "btf.%s.lock.update_flags", t->name);
	for (uint32_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			line_add(&l, map_update(fd, &k, value, flags[i]), "%u_0x%x", k,
				 (unsigned int)flags[i]);
		if (t->number == BPF_MAP_TYPE_HASH)
			map_delete(fd, &k);
	}
	line_end(&l);
	row(map_freeze(fd), "btf.%s.lock.freeze", t->name);
	close(fd);
	close(btf);
}

static void lock_mmap(void)
{
	int btf = btf_make();
	int fd = map_typed(BPF_MAP_TYPE_ARRAY, 8, 4, BPF_F_MMAPABLE, btf, T_U32, T_LOCKED);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	row(p == MAP_FAILED ? -errno : 0, "btf.array.lock.mmap");
	close(fd);
	close(btf);
}

void section_btf(void)
{
	page_edge();
	row_fd(btf_make(), "btf.load.good");
	header_errors();
	load_sizes();
	load_attr();
	btf_info();
	for (int t = 0; t < TYPES; t++) {
		map_types(&types[t]);
		map_fd_errors(&types[t]);
		lifetime(&types[t]);
		lock_creation(&types[t]);
		lock_use(&types[t]);
	}
	lock_mmap();
}
