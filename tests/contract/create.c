/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* create.c: MAP_CREATE for HASH and ARRAY (SEMANTICS section 2). */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define K4	     (4u << 20) /* the largest kmalloc; the limit of key and value together */
#define NO_SUCH_NODE (1u << 20)

static void good_request(union req *r, const struct type *t)
{
	req_create(r, t->number, 4, 8, 4);
}

static long try_sizes(const struct type *t, uint32_t key, uint32_t value, uint32_t n)
{
	union req r;

	req_create(&r, t->number, key, value, n);
	return bpf_try(BPF_MAP_CREATE, &r);
}

static void single_flags(const struct type *t)
{
	struct line l;
	union req r;

	line_begin(&l, "create.%s.flag_bit", t->name);
	for (unsigned int bit = 0; bit < 32; bit++) {
		good_request(&r, t);
		r.attr.map_flags = 1u << bit;
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%u", bit);
	}
	line_end(&l);
}

static void flag_pairs(const struct type *t)
{
	struct line l;
	union req r;

	for (unsigned int a = 0; a < 20; a++) {
		line_begin(&l, "create.%s.flag_bits.%u", t->name, a);
		for (unsigned int b = a + 1; b < 32; b++) {
			good_request(&r, t);
			r.attr.map_flags = (1u << a) | (1u << b);
			line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%u", b);
		}
		line_end(&l);
	}
}

/* The flags that belong to the fd do not stay in the map; the others do. */
static void stored_flags(const struct type *t)
{
	char text[16];

	for (unsigned int bit = 0; bit < 13; bit++) {
		struct bpf_map_info info = {0};
		uint32_t len = sizeof(info);
		int fd = map_make(t->number, 4, 8, 4, 1u << bit);

		if (fd < 0)
			continue;
		map_info(fd, &info, &len);
		snprintf(text, sizeof(text), "0x%x", info.map_flags);
		row_text(text, "create.%s.stored_flags.%u", t->name, bit);
		close(fd);
	}
}

static void name_bytes(const struct type *t)
{
	struct line l;
	union req r;

	line_begin(&l, "create.%s.name_byte", t->name);
	for (unsigned int byte = 0; byte < 256; byte++) {
		good_request(&r, t);
		r.attr.map_name[0] = (char)byte;
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "0x%02x", byte);
	}
	line_end(&l);
	line_begin(&l, "create.%s.name_last_byte", t->name);
	for (unsigned int byte = 0; byte < 256; byte++) {
		good_request(&r, t);
		memset(r.attr.map_name, 'a', 15);
		r.attr.map_name[14] = (char)byte;
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "0x%02x", byte);
	}
	line_end(&l);
}

static void name_lengths(const struct type *t)
{
	struct line l;
	union req r;

	line_begin(&l, "create.%s.name_length", t->name);
	for (unsigned int len = 0; len <= 16; len++) {
		good_request(&r, t);
		memset(r.attr.map_name, 'x', len);
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%u", len);
	}
	line_end(&l);
	good_request(&r, t);
	memcpy(r.attr.map_name, "ab\0-/ \0z", 8);
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.name_after_nul", t->name);
	good_request(&r, t);
	memcpy(r.attr.map_name, "9.a_", 4);
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.name_digit_first", t->name);
	for (int half = 0; half < 2; half++) {
		good_request(&r, t);
		memcpy(r.attr.map_name, half ? "ab c" : "a-b", 4);
		row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.name_bad_inside.%d", t->name, half);
	}
}

static void type_numbers(void)
{
	static const uint32_t numbers[] = {0, 34, 35, 100, 1u << 30, 0xffffffff};
	struct line l;
	union req r;

	line_begin(&l, "create.unknown_type");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		req_create(&r, numbers[i], 4, 8, 4);
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%u", numbers[i]);
	}
	line_end(&l);
}

static void hash_sizes(void)
{
	static const uint32_t keys[] = {0,   1,	  2,	3,    4,    5,	   6,	    7,	 8,
					9,   10,  11,	12,   13,   16,	   31,	    32,	 33,
					63,  64,  65,	127,  128,  255,   256,	    511, 512,
					513, 600, 1024, 4096, 4097, 65536, 1u << 20};
	static const uint32_t values[] = {0,	 1,	2,     3,	 4,	   5,	      7,
					  8,	 9,	16,    63,	 64,	   65,	      4096,
					  32768, 32769, 65536, 1u << 20, 1u << 31, 0xffffffff};
	struct line l;

	line_begin(&l, "create.hash.key_size");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		line_add(&l, try_sizes(&types[0], keys[i], 8, 2), "%u", keys[i]);
	line_end(&l);
	line_begin(&l, "create.hash.value_size");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		line_add(&l, try_sizes(&types[0], 4, values[i], 2), "%u", values[i]);
	line_end(&l);
	line_begin(&l, "create.hash.key_and_value_below_4M");
	for (int off = -64; off <= 8; off++)
		line_add(&l, try_sizes(&types[0], 4, K4 - 4 + off, 1), "%d", off);
	line_end(&l);
	line_begin(&l, "create.hash.large_key_below_4M");
	for (int off = -64; off <= 8; off++)
		line_add(&l, try_sizes(&types[0], K4 - 4 + off, 4, 1), "%d", off);
	line_end(&l);
	row(try_sizes(&types[0], 0xffffffff, 1, 1), "create.hash.key_2^32-1");
	row(try_sizes(&types[0], 0xffffffff, 0xffffffff, 1), "create.hash.key_and_value_2^32-1");
	row(try_sizes(&types[0], 0x80000000, 0x80000000, 1), "create.hash.key_and_value_2^31");
}

static void hash_entries(void)
{
	static const uint32_t refused[] = {(1u << 27) + 1, (1u << 30), (1u << 31), (1u << 31) + 1,
					   0xffffffff};
	static const uint32_t accepted[] = {1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 1024, 65536};
	struct line l;
	union req r;

	line_begin(&l, "create.hash.max_entries");
	line_add(&l, try_sizes(&types[0], 4, 8, 0), "0");
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		line_add(&l, try_sizes(&types[0], 4, 8, accepted[i]), "%u", accepted[i]);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		line_add(&l, try_sizes(&types[0], 4, 8, refused[i]), "%u", refused[i]);
	line_end(&l);
	line_begin(&l, "create.hash.max_entries_no_prealloc");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		req_create(&r, BPF_MAP_TYPE_HASH, 4, 8, refused[i]);
		r.attr.map_flags = BPF_F_NO_PREALLOC;
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%u", refused[i]);
	}
	line_end(&l);
	/* Preallocating these would take more memory than any test machine has. */
	row(try_sizes(&types[0], 4, 1u << 20, 1u << 27), "create.hash.too_much_memory");
}

static void array_sizes(void)
{
	static const uint32_t keys[] = {0, 1, 2, 3, 4, 5, 8, 16, 0xffffffff};
	static const uint32_t values[] = {
		0,	    1,		2,	   3,	 4,	5,     7,
		8,	    9,		64,	   4096, 32769, 65536, (4u << 20) + 1,
		0x80000000, 0x80000001, 0xffffffff};
	static const uint32_t counts[] = {0, 1, 2, 3, 5, 8, 100, 4096, 65536, 0xffffffff};
	struct line l;

	line_begin(&l, "create.array.key_size");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		line_add(&l, try_sizes(&types[1], keys[i], 8, 2), "%u", keys[i]);
	line_end(&l);
	line_begin(&l, "create.array.value_size");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		line_add(&l, try_sizes(&types[1], 4, values[i], 1), "%u", values[i]);
	line_end(&l);
	line_begin(&l, "create.array.max_entries");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		line_add(&l, try_sizes(&types[1], 4, 8, counts[i]), "%u", counts[i]);
	line_end(&l);
	row(try_sizes(&types[1], 4, 0x7fffffff, 0xffffffff), "create.array.overflow");
	row(try_sizes(&types[1], 4, 0x7fffffff, 2048), "create.array.4T");
	row(try_sizes(&types[1], 8, 0x80000000, 1), "create.array.key_and_value");
	row(try_sizes(&types[1], 4, 0x80000000, 0), "create.array.value_and_entries");
}

static void ignored_fields(const struct type *t)
{
	static const unsigned int offsets[] = {20, 24, 48, 72, CREATE_TOKEN_FD};
	union req r;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		good_request(&r, t);
		r.u32[offsets[i] / 4] = 12345;
		row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.ignored_field.%u", t->name, offsets[i]);
	}
}

static void other_fields(const struct type *t)
{
	static const uint32_t nodes[] = {0, 0xffffffff, NO_SUCH_NODE, 0x7fffffff, 0x80000000};
	struct line l;
	union req r;

	line_begin(&l, "create.%s.numa_node", t->name);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		good_request(&r, t);
		r.attr.map_flags = BPF_F_NUMA_NODE;
		r.attr.numa_node = nodes[i];
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%d", (int)nodes[i]);
	}
	line_end(&l);
	line_begin(&l, "create.%s.map_extra", t->name);
	for (unsigned int bit = 0; bit < 64; bit++) {
		good_request(&r, t);
		r.attr.map_extra = 1ull << bit;
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "bit%u", bit);
	}
	line_end(&l);
	line_begin(&l, "create.%s.ifindex", t->name);
	for (unsigned int i = 0; i < 3; i++) {
		static const uint32_t ifindexes[] = {1, 1000000, 0xffffffff};

		good_request(&r, t);
		r.attr.map_ifindex = ifindexes[i];
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%u", ifindexes[i]);
	}
	line_end(&l);
	good_request(&r, t);
	r.attr.btf_vmlinux_value_type_id = 1;
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.vmlinux_value_type", t->name);
	good_request(&r, t);
	r.attr.btf_key_type_id = 1;
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.btf_key_without_value", t->name);
	good_request(&r, t);
	r.attr.btf_value_type_id = 1;
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.btf_value_with_fd_0", t->name);
}

static long try_exclusive(const struct type *t, uint64_t address, uint32_t size)
{
	union req r;

	good_request(&r, t);
	r.u64[CREATE_EXCL / 8] = address;
	r.u32[CREATE_EXCL_LEN / 4] = size;
	return bpf_try(BPF_MAP_CREATE, &r);
}

static void exclusive_hash(const struct type *t)
{
	static const unsigned char hash[64];
	uint64_t good = (uintptr_t)hash;
	struct line l;

	line_begin(&l, "create.%s.exclusive_size", t->name);
	for (unsigned int size = 0; size <= 40; size++)
		line_add(&l, try_exclusive(t, good, size), "%u", size);
	line_end(&l);
	line_begin(&l, "create.%s.exclusive_pointer", t->name);
	for (int i = 0; i < BAD_ADDRESSES; i++)
		line_add(&l, try_exclusive(t, bad_addresses[i].address, 32), "%s",
			 bad_addresses[i].name);
	line_end(&l);
}

/* One thing wrong at a time, in the kernel's order of checks. Two at once tell which is found
 * first. */
static const char *const defects[] = {
	"tail",	   "vmlinux", "btf_key", "map_extra", "rd_and_wr", "numa",	"type",
	"flag",	   "prog",    "n_0",	 "key_0",     "value_0",   "value_big", "lo",
	"ifindex", "token",   "n_big",	 "name",      "btf_fd",	   "excl_size", "excl_ptr",
};
#define DEFECTS (sizeof(defects) / sizeof(defects[0]))

static void spoil_early(union req *r, const char *defect)
{
	if (strcmp(defect, "tail") == 0)
		r->bytes[ATTR_SIZE - 1] = 1;
	else if (strcmp(defect, "vmlinux") == 0)
		r->attr.btf_vmlinux_value_type_id = 1;
	else if (strcmp(defect, "btf_key") == 0)
		r->attr.btf_key_type_id = 1;
	else if (strcmp(defect, "map_extra") == 0)
		r->attr.map_extra = 1;
	else if (strcmp(defect, "rd_and_wr") == 0)
		r->attr.map_flags |= BPF_F_RDONLY | BPF_F_WRONLY;
	else if (strcmp(defect, "type") == 0)
		r->attr.map_type = 1000;
	else if (strcmp(defect, "flag") == 0)
		r->attr.map_flags |= BPF_F_CLONE;
	else if (strcmp(defect, "prog") == 0)
		r->attr.map_flags |= BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
	else if (strcmp(defect, "n_0") == 0)
		r->attr.max_entries = 0;
	else if (strcmp(defect, "key_0") == 0)
		r->attr.key_size = 0;
	else if (strcmp(defect, "value_0") == 0)
		r->attr.value_size = 0;
}

static void spoil_late(union req *r, const char *defect)
{
	if (strcmp(defect, "numa") == 0) {
		r->attr.map_flags |= BPF_F_NUMA_NODE;
		r->attr.numa_node = NO_SUCH_NODE;
	} else if (strcmp(defect, "value_big") == 0) {
		r->attr.value_size = 0x80000000;
	} else if (strcmp(defect, "lo") == 0) {
		r->attr.map_ifindex = 1;
	} else if (strcmp(defect, "ifindex") == 0) {
		r->attr.map_ifindex = 1000000;
	} else if (strcmp(defect, "token") == 0) {
		r->attr.map_flags |= F_TOKEN_FD;
		r->u32[CREATE_TOKEN_FD / 4] = 1 << 30;
	} else if (strcmp(defect, "n_big") == 0) {
		r->attr.max_entries = 0xffffffff;
	} else if (strcmp(defect, "name") == 0) {
		r->attr.map_name[0] = '/';
	} else if (strcmp(defect, "btf_fd") == 0) {
		r->attr.btf_fd = 1 << 30;
		r->attr.btf_value_type_id = 1;
	} else if (strcmp(defect, "excl_size") == 0) {
		r->u32[CREATE_EXCL_LEN / 4] = 31;
	} else if (strcmp(defect, "excl_ptr") == 0) {
		r->u64[CREATE_EXCL / 8] = 1;
		r->u32[CREATE_EXCL_LEN / 4] = 32;
	}
}

static void order_of_checks(const struct type *t)
{
	struct line l;
	union req r;

	for (size_t a = 0; a < DEFECTS; a++) {
		line_begin(&l, "create.%s.order.%s", t->name, defects[a]);
		for (size_t b = 0; b < DEFECTS; b++) {
			good_request(&r, t);
			spoil_early(&r, defects[b]);
			spoil_late(&r, defects[b]);
			spoil_early(&r, defects[a]);
			spoil_late(&r, defects[a]);
			line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%s", defects[b]);
		}
		line_end(&l);
	}
}

static void token(const struct type *t)
{
	int fds[2];
	union req r;

	if (pipe(fds))
		return;
	good_request(&r, t);
	r.attr.map_flags = F_TOKEN_FD;
	r.u32[CREATE_TOKEN_FD / 4] = fds[0];
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.token_is_pipe", t->name);
	good_request(&r, t);
	r.attr.map_flags = F_TOKEN_FD;
	r.u32[CREATE_TOKEN_FD / 4] = 1 << 30;
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.token_is_closed", t->name);
	close(fds[0]);
	close(fds[1]);
}

/* Descriptors run out: only after everything else was found to be in order. */
static void no_descriptors(const struct type *t)
{
	struct rlimit old, none;
	union req r;

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	row(try_sizes(t, 4, 8, 4), "create.%s.no_descriptors", t->name);
	row(try_sizes(t, 4, 8, 0), "create.%s.no_descriptors_and_no_entries", t->name);
	good_request(&r, t);
	r.attr.map_name[0] = '/';
	row(bpf_try(BPF_MAP_CREATE, &r), "create.%s.no_descriptors_and_bad_name", t->name);
	setrlimit(RLIMIT_NOFILE, &old);
}

void section_create(void)
{
	page_edge();
	type_numbers();
	hash_sizes();
	hash_entries();
	array_sizes();
	for (int t = 0; t < TYPES; t++) {
		single_flags(&types[t]);
		flag_pairs(&types[t]);
		stored_flags(&types[t]);
		name_bytes(&types[t]);
		name_lengths(&types[t]);
		ignored_fields(&types[t]);
		other_fields(&types[t]);
		exclusive_hash(&types[t]);
		order_of_checks(&types[t]);
		token(&types[t]);
		no_descriptors(&types[t]);
	}
}
