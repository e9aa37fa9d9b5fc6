/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* elem.c: single-element operations on HASH and ARRAY (SEMANTICS sections 3 to 5). */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t flag_values[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 24, 1u << 31, 1ull << 32, 1ull << 33, 1ull << 63, ~0ull};
#define FLAG_VALUES (sizeof(flag_values) / sizeof(flag_values[0]))

/* The four situations an update can meet. In an array the absent key is an index out of range. */
enum situation { PRESENT, ABSENT, FULL_PRESENT, FULL_ABSENT, SITUATIONS };
static const char *const situation_names[] = {"present", "absent", "full_present", "full_absent"};

static int situation_make(const struct type *t, enum situation s, uint32_t create_flags)
{
	int fd = map_fresh_flags(t->number, create_flags);
	uint64_t value = 5;

	if (s >= FULL_PRESENT) {
		for (uint32_t key = 0; key < 4; key++)
			map_update(fd, &key, &value, 0);
	}
	return fd;
}

static uint32_t situation_key(enum situation s)
{
	return s == PRESENT || s == FULL_PRESENT ? 1 : 77;
}

static void update_flags(const struct type *t, uint32_t create_flags)
{
	struct line l;
	uint64_t value = 9;

	for (int s = 0; s < SITUATIONS; s++) {
		uint32_t key = situation_key(s);

		line_begin(&l, "elem.%s.%x.update_flags.%s", t->name, create_flags,
			   situation_names[s]);
		for (size_t i = 0; i < FLAG_VALUES; i++) {
			int fd = situation_make(t, s, create_flags);

			line_add(&l, map_update(fd, &key, &value, flag_values[i]), "0x%llx",
				 (unsigned long long)flag_values[i]);
			close(fd);
		}
		line_end(&l);
	}
}

/* The commands that take flags and read: every flag but LOCK is refused before the fd is seen. */
static void read_flags(const struct type *t, const char *command)
{
	const struct command *c = command_find(command);
	struct line l;
	union req r;

	for (int closed = 0; closed < 2; closed++) {
		line_begin(&l, "elem.%s.%s_flags%s", t->name, command, closed ? "_closed_fd" : "");
		for (size_t i = 0; i < FLAG_VALUES; i++) {
			int fd = map_fresh(t->number);

			c->fill(&r, closed ? 1 << 30 : fd);
			r.attr.flags = flag_values[i];
			line_add(&l, command_run(c, &r, ATTR_SIZE), "0x%llx",
				 (unsigned long long)flag_values[i]);
			close(fd);
		}
		line_end(&l);
	}
}

static void result_matrix(const struct type *t)
{
	static const uint32_t keys[] = {0, 1, 2, 3, 4, 5, 77, 0x7fffffff, 0x80000000, 0xffffffff};
	static const char *const names[] = {"lookup", "delete", "lookup_and_delete", "next_key"};
	struct line l;
	union req r;

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		const struct command *c = command_find(names[n]);

		line_begin(&l, "elem.%s.matrix.%s", t->name, names[n]);
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			int fd = map_fresh(t->number);

			c->fill(&r, fd);
			*(uint32_t *)(uintptr_t)r.attr.key = keys[i];
			line_add(&l, command_run(c, &r, ATTR_SIZE), "%u", keys[i]);
			close(fd);
		}
		line_end(&l);
	}
}

static void bad_pointers(const struct type *t, const struct command *c, unsigned int off,
			 const char *which)
{
	const uint32_t key = 1;
	struct line l;
	union req r;

	line_begin(&l, "elem.%s.%s.bad_%s", t->name, c->name, which);
	for (int i = 0; i < BAD_ADDRESSES; i++) {
		int fd = map_fresh(t->number);

		c->fill(&r, fd);
		r.u64[off / 8] = bad_addresses[i].address;
		line_add(&l, command_run(c, &r, ATTR_SIZE), "%s", bad_addresses[i].name);
		close(fd);
	}
	/* The first byte can be read and the last cannot. */
	for (unsigned int bytes = 1; bytes <= 8; bytes++) {
		int fd = map_fresh(t->number);
		unsigned char *at = page_edge() - bytes;

		c->fill(&r, fd);
		memset(at, 0, bytes);
		memcpy(at, &key, bytes < sizeof(key) ? bytes : sizeof(key));
		r.u64[off / 8] = (uintptr_t)at;
		line_add(&l, command_run(c, &r, ATTR_SIZE), "edge-%u", bytes);
		close(fd);
	}
	line_end(&l);
}

/* A result that could not be delivered: what became of the element? */
static void undelivered(const struct type *t)
{
	const struct command *c = command_find("lookup_and_delete");
	int fd = map_fresh(t->number);
	uint32_t key = 1;
	uint64_t value;
	union req r;

	c->fill(&r, fd);
	r.attr.value = 1;
	row(command_run(c, &r, ATTR_SIZE), "elem.%s.lookup_and_delete.undelivered", t->name);
	row(map_lookup(fd, &key, &value), "elem.%s.lookup_and_delete.undelivered_then_lookup",
	    t->name);
	close(fd);
}

/* Two things wrong at once; the list is in the kernel's order of checks as far as it is known. */
static const char *const defects[] = {"tail", "flag",  "closed",    "foreign",	  "noperm", "lock",
				      "key",  "value", "high_flag", "both_flags", "absent"};
#define DEFECTS (sizeof(defects) / sizeof(defects[0]))

struct spoilt {
	union req r;
	int map;
	int second; /* a write-only or read-only fd of the same map, or a pipe's end */
};

static void spoil(struct spoilt *s, const struct command *c, const char *defect)
{
	static uint32_t absent = 77;

	if (strcmp(defect, "tail") == 0)
		s->r.bytes[ATTR_SIZE - 1] = 1;
	else if (strcmp(defect, "flag") == 0)
		s->r.attr.flags |= 8;
	else if (strcmp(defect, "closed") == 0)
		s->r.attr.map_fd = 1 << 30;
	else if (strcmp(defect, "foreign") == 0)
		s->r.attr.map_fd = STDERR_FILENO;
	else if (strcmp(defect, "noperm") == 0)
		s->r.attr.map_fd = s->second;
	else if (strcmp(defect, "lock") == 0)
		s->r.attr.flags |= BPF_F_LOCK;
	else if (strcmp(defect, "key") == 0)
		s->r.attr.key = 1;
	else if (strcmp(defect, "value") == 0)
		s->r.attr.value = 1;
	else if (strcmp(defect, "high_flag") == 0)
		s->r.attr.flags |= 1ull << 32;
	else if (strcmp(defect, "both_flags") == 0)
		s->r.attr.flags |= 3;
	else if (c->key_off)
		s->r.attr.key = (uintptr_t)&absent;
}

static long run_spoilt(const struct type *t, const struct command *c, const char *a, const char *b)
{
	bool reads = c->cmd == BPF_MAP_LOOKUP_ELEM || c->cmd == BPF_MAP_GET_NEXT_KEY;
	struct spoilt s;
	long result;

	s.map = map_fresh(t->number);
	s.second = map_reopen(s.map, reads ? BPF_F_WRONLY : BPF_F_RDONLY);
	c->fill(&s.r, s.map);
	spoil(&s, c, b);
	spoil(&s, c, a);
	result = command_run(c, &s.r, ATTR_SIZE);
	close(s.second);
	close(s.map);
	return result;
}

static void order_of_checks(const struct type *t, const char *command)
{
	const struct command *c = command_find(command);
	struct line l;

	for (size_t a = 0; a < DEFECTS; a++) {
		line_begin(&l, "elem.%s.%s.order.%s", t->name, command, defects[a]);
		for (size_t b = 0; b < DEFECTS; b++)
			line_add(&l, run_spoilt(t, c, defects[a], defects[b]), "%s", defects[b]);
		line_end(&l);
	}
}

enum { WRONG_VALUE = 1, WROTE_TOO_MUCH, FOUND_OTHER_KEY };

static void fill_pattern(unsigned char *bytes, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

/* A value comes back as it went in, and not one byte more is written: 0. */
static long round_trip(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t flags)
{
	static unsigned char key[70000], in[70000], out[70016], other[70000];
	int fd = map_make(type, key_size, value_size, 2, flags);
	long result;

	if (fd < 0)
		return fd;
	fill_pattern(key, key_size, 1);
	if (type == BPF_MAP_TYPE_ARRAY)
		memset(key, 0, sizeof(key));
	fill_pattern(in, value_size, 99);
	memset(out, 0xee, sizeof(out));
	memcpy(other, key, key_size);
	other[key_size - 1] ^= 1;
	result = map_update(fd, key, in, 0);
	if (result == 0)
		result = map_lookup(fd, key, out);
	if (result == 0 && memcmp(in, out, value_size) != 0)
		result = WRONG_VALUE;
	if (result == 0 && (out[value_size] != 0xee || out[value_size + 7] != 0xee))
		result = WROTE_TOO_MUCH;
	if (result == 0 && type == BPF_MAP_TYPE_HASH && map_lookup(fd, other, out) != -ENOENT)
		result = FOUND_OTHER_KEY;
	close(fd);
	return result;
}

static void round_trips(void)
{
	static const uint32_t sizes[] = {1,   2,   3,	 4,    5,    6,	   7,	 8,   9,
					 12,  15,  16,	 17,   31,   32,   33,	 63,  64,
					 65,  100, 127,	 128,  129,  255,  256,	 511, 512,
					 513, 600, 1024, 4095, 4096, 4097, 65536};
	size_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct line l;

	line_begin(&l, "elem.hash.round_trip.key_size");
	for (size_t i = 0; i < count; i++)
		line_add(&l, round_trip(BPF_MAP_TYPE_HASH, sizes[i], 8, 0), "%u", sizes[i]);
	line_end(&l);
	line_begin(&l, "elem.hash.round_trip.value_size");
	for (size_t i = 0; i < count; i++)
		line_add(&l, round_trip(BPF_MAP_TYPE_HASH, 4, sizes[i], 0), "%u", sizes[i]);
	line_end(&l);
	line_begin(&l, "elem.hash.round_trip.both_sizes_no_prealloc");
	for (size_t i = 0; i < count; i++)
		line_add(&l,
			 round_trip(BPF_MAP_TYPE_HASH, sizes[i], sizes[count - 1 - i],
				    BPF_F_NO_PREALLOC),
			 "%u", sizes[i]);
	line_end(&l);
	line_begin(&l, "elem.array.round_trip.value_size");
	for (size_t i = 0; i < count; i++)
		line_add(&l, round_trip(BPF_MAP_TYPE_ARRAY, 4, sizes[i], 0), "%u", sizes[i]);
	line_end(&l);
}

static void insert_many(const char *what, uint32_t n, uint32_t flags)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 4, 4, n, flags);
	uint32_t done = 0;
	long result = 0;
	struct line l;
	uint32_t key;

	for (key = 0; key < n + 3; key++) {
		result = map_update(fd, &key, &key, BPF_NOEXIST);
		if (result)
			break;
		done++;
	}
	line_begin(&l, "elem.capacity.%s.%u", what, n);
	line_add(&l, done, "inserted");
	line_add(&l, result, "one_too_many");
	key = 0;
	line_add(&l, map_update(fd, &key, &key, BPF_ANY), "full_any");
	line_add(&l, map_update(fd, &key, &key, BPF_EXIST), "full_exist");
	line_add(&l, map_update(fd, &key, &key, BPF_NOEXIST), "full_noexist");
	key = n + 9;
	line_add(&l, map_update(fd, &key, &key, BPF_ANY), "full_new_any");
	line_add(&l, map_update(fd, &key, &key, BPF_EXIST), "full_new_exist");
	line_add(&l, map_update(fd, &key, &key, BPF_NOEXIST), "full_new_noexist");
	key = n - 1;
	line_add(&l, map_delete(fd, &key), "delete");
	line_add(&l, map_delete(fd, &key), "delete_again");
	key = n + 9;
	line_add(&l, map_update(fd, &key, &key, BPF_NOEXIST), "room_again");
	key++;
	line_add(&l, map_update(fd, &key, &key, BPF_NOEXIST), "full_again");
	line_end(&l);
	close(fd);
}

static void capacity(void)
{
	static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 100, 1000, 1025};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		insert_many("hash", sizes[i], 0);
		insert_many("hash_no_prealloc", sizes[i], BPF_F_NO_PREALLOC);
		insert_many("hash_zero_seed", sizes[i], BPF_F_ZERO_SEED);
	}
}

static void array_start(void)
{
	static const uint32_t n = 5;
	int fd = map_make(BPF_MAP_TYPE_ARRAY, 4, 5, n, 0);
	unsigned char value[8], zero[8] = {0};
	struct line l;

	line_begin(&l, "elem.array.starts_zeroed");
	for (uint32_t key = 0; key < n; key++) {
		memset(value, 0xff, sizeof(value));
		line_add(&l, map_lookup(fd, &key, value) ? -1 : memcmp(value, zero, 5), "%u", key);
	}
	line_end(&l);
	close(fd);
}

/* An output may be where the input is. */
static void aliased(const struct type *t)
{
	int fd = map_fresh(t->number);
	union {
		uint32_t key;
		uint64_t value;
	} both;

	both.value = 0;
	both.key = 1;
	row(map_lookup(fd, &both, &both), "elem.%s.lookup_in_place", t->name);
	row((long)both.value, "elem.%s.lookup_in_place_value", t->name);
	close(fd);
}

void section_elem(void)
{
	static const char *const ops[] = {"lookup", "update", "delete", "next_key",
					  "lookup_and_delete"};

	page_edge();
	array_start();
	round_trips();
	capacity();
	for (int t = 0; t < TYPES; t++) {
		update_flags(&types[t], 0);
		read_flags(&types[t], "lookup");
		read_flags(&types[t], "lookup_and_delete");
		result_matrix(&types[t]);
		undelivered(&types[t]);
		aliased(&types[t]);
		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			const struct command *c = command_find(ops[i]);

			bad_pointers(&types[t], c, c->key_off, "key");
			if (c->val_off)
				bad_pointers(&types[t], c, c->val_off, "value");
			order_of_checks(&types[t], ops[i]);
		}
	}
	update_flags(&types[0], BPF_F_NO_PREALLOC);
}
