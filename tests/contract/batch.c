/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* batch.c: the four batch commands on HASH and ARRAY (SEMANTICS section 14). Where the kernel's
 * answer depends on how keys fall into buckets, the row is an invariant of the whole walk. */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MANY 300

/* One batch call, spelled out. cursor_in NULL: from the start. */
struct batch {
	int cmd;
	int fd;
	const void *cursor_in;
	void *cursor_out;
	void *keys;
	void *values;
	uint32_t count;
	uint64_t elem_flags;
	uint64_t flags;
};

static long batch_call(struct batch *b)
{
	union req r;
	long result;

	req_clear(&r);
	r.attr.batch.in_batch = (uintptr_t)b->cursor_in;
	r.attr.batch.out_batch = (uintptr_t)b->cursor_out;
	r.attr.batch.keys = (uintptr_t)b->keys;
	r.attr.batch.values = (uintptr_t)b->values;
	r.attr.batch.count = b->count;
	r.attr.batch.map_fd = b->fd;
	r.attr.batch.elem_flags = b->elem_flags;
	r.attr.batch.flags = b->flags;
	result = bpf_call(b->cmd, &r, ATTR_SIZE);
	b->count = r.attr.batch.count;
	return result;
}

static const struct {
	const char *name;
	int cmd;
} batch_commands[] = {
	{"lookup", BPF_MAP_LOOKUP_BATCH},
	{"lookup_and_delete", BPF_MAP_LOOKUP_AND_DELETE_BATCH},
	{"update", BPF_MAP_UPDATE_BATCH},
	{"delete", BPF_MAP_DELETE_BATCH},
};
#define BATCH_COMMANDS 4

static int make_filled(uint32_t type, uint32_t n, uint32_t filled)
{
	int fd = map_make(type, 4, 8, n, 0);

	for (uint32_t key = 0; key < filled; key++) {
		uint64_t value = key * 3 + 1;

		map_update(fd, &key, &value, 0);
	}
	return fd;
}

static uint32_t keys[2 * MANY];
static uint64_t values[2 * MANY];
static unsigned char cursor[64];

static void good_batch(struct batch *b, int cmd, int fd)
{
	bool reads = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;

	*b = (struct batch){.cmd = cmd,
			    .fd = fd,
			    .cursor_out = cursor,
			    .keys = keys,
			    .values = values,
			    .count = reads ? MANY : 3};
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		keys[i] = i;
		values[i] = i;
	}
}

static void flags(const struct type *t)
{
	static const uint64_t flag_values[] = {0, 1,  2,	3,	    4,	  5,
					       8, 16, 1u << 31, 1ull << 32, ~0ull};
	size_t n = sizeof(flag_values) / sizeof(flag_values[0]);
	struct batch b;
	struct line l;

	for (int c = 0; c < BATCH_COMMANDS; c++) {
		for (int field = 0; field < 2; field++) {
			line_begin(&l, "batch.%s.%s.%s", t->name, batch_commands[c].name,
				   field ? "flags" : "elem_flags");
			for (size_t i = 0; i < n; i++) {
				int fd = make_filled(t->number, 4, 4);

				good_batch(&b, batch_commands[c].cmd, fd);
				*(field ? &b.flags : &b.elem_flags) = flag_values[i];
				line_add(&l, batch_call(&b), "0x%llx",
					 (unsigned long long)flag_values[i]);
				close(fd);
			}
			line_end(&l);
		}
	}
}

static void counts(const struct type *t)
{
	static const uint32_t wanted[] = {0, 1, 2, 3, 4, 5, 8};
	struct line l;
	struct batch b;

	for (int c = 0; c < BATCH_COMMANDS; c++) {
		/* How many elements of a hash fit a small buffer depends on the buckets. */
		bool layout = t->number == BPF_MAP_TYPE_HASH && c < 2;

		line_begin(&l, "batch.%s.%s.count", t->name, batch_commands[c].name);
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			int fd;

			if (layout && wanted[i] > 0 && wanted[i] < 4)
				continue;
			fd = make_filled(t->number, 4, 4);
			good_batch(&b, batch_commands[c].cmd, fd);
			b.count = wanted[i];
			line_add(&l, batch_call(&b), "%u", wanted[i]);
			line_add(&l, b.count, "%u_done", wanted[i]);
			close(fd);
		}
		line_end(&l);
	}
}

static const char *const defects[] = {"tail", "closed",	 "foreign", "noperm", "elem_flag", "lock",
				      "flag", "count_0", "keys",    "values", "in",	   "out"};
#define DEFECTS (sizeof(defects) / sizeof(defects[0]))

static void spoil(union req *r, const char *defect, int second)
{
	if (strcmp(defect, "tail") == 0)
		r->bytes[ATTR_SIZE - 1] = 1;
	else if (strcmp(defect, "closed") == 0)
		r->attr.batch.map_fd = 1 << 30;
	else if (strcmp(defect, "foreign") == 0)
		r->attr.batch.map_fd = STDERR_FILENO;
	else if (strcmp(defect, "noperm") == 0)
		r->attr.batch.map_fd = second;
	else if (strcmp(defect, "elem_flag") == 0)
		r->attr.batch.elem_flags |= 8;
	else if (strcmp(defect, "lock") == 0)
		r->attr.batch.elem_flags |= BPF_F_LOCK;
	else if (strcmp(defect, "flag") == 0)
		r->attr.batch.flags |= 1;
	else if (strcmp(defect, "count_0") == 0)
		r->attr.batch.count = 0;
	else if (strcmp(defect, "keys") == 0)
		r->attr.batch.keys = 1;
	else if (strcmp(defect, "values") == 0)
		r->attr.batch.values = 1;
	else if (strcmp(defect, "in") == 0)
		r->attr.batch.in_batch = 1;
	else
		r->attr.batch.out_batch = 1;
}

static void spoilt_pair(struct line *l, const struct type *t, int cmd, const char *a, const char *b)
{
	int fd = make_filled(t->number, 4, 4);
	int second = map_reopen(fd, cmd == BPF_MAP_LOOKUP_BATCH ? BPF_F_WRONLY : BPF_F_RDONLY);
	union req r;

	req_clear(&r);
	r.attr.batch.out_batch = (uintptr_t)cursor;
	r.attr.batch.keys = (uintptr_t)keys;
	r.attr.batch.values = (uintptr_t)values;
	r.attr.batch.count = 4;
	r.attr.batch.map_fd = fd;
	memset(keys, 0, sizeof(keys));
	spoil(&r, b, second);
	spoil(&r, a, second);
	line_add(l, bpf_call(cmd, &r, ATTR_SIZE), "%s", b);
	line_add(l, r.attr.batch.count, "%s_done", b);
	close(second);
	close(fd);
}

static void order_of_checks(const struct type *t)
{
	struct line l;

	for (int c = 0; c < BATCH_COMMANDS; c++) {
		for (size_t a = 0; a < DEFECTS; a++) {
			line_begin(&l, "batch.%s.%s.order.%s", t->name, batch_commands[c].name,
				   defects[a]);
			for (size_t b = 0; b < DEFECTS; b++)
				spoilt_pair(&l, t, batch_commands[c].cmd, defects[a], defects[b]);
			line_end(&l);
		}
	}
}

/* A whole walk with room for `room` elements per call, growing where a bucket needs more. */
static void walk(const struct type *t, int cmd, uint32_t n, uint32_t filled, uint32_t room)
{
	static unsigned char seen[2 * MANY];
	const char *what = cmd == BPF_MAP_LOOKUP_BATCH ? "walk" : "drain";
	unsigned int total = 0, twice = 0, wrong = 0, calls = 0;
	int fd = make_filled(t->number, n, filled);
	struct batch b;
	struct line l;
	long result;

	memset(seen, 0, sizeof(seen));
	good_batch(&b, cmd, fd);
	do {
		b.count = room;
		result = batch_call(&b);
		if (result == -ENOSPC && room < n) {
			room *= 2;
			result = 0;
			continue;
		}
		if (result && result != -ENOENT)
			break;
		for (uint32_t i = 0; i < b.count && i < 2 * MANY; i++) {
			twice += keys[i] < 2 * MANY && seen[keys[i]]++;
			wrong += keys[i] >= n || (keys[i] < filled && values[i] != keys[i] * 3 + 1);
		}
		total += b.count;
		b.cursor_in = cursor;
	} while (result == 0 && calls++ < 4 * MANY);
	line_begin(&l, "batch.%s.%s.%u_of_%u", t->name, what, filled, n);
	line_add(&l, total, "total");
	line_add(&l, twice, "twice");
	line_add(&l, wrong, "wrong");
	line_add(&l, result, "end");
	line_add(&l, map_next(fd, NULL, &keys[0]), "then_next");
	line_end(&l);
	close(fd);
}

static void array_cursor(void)
{
	static const uint32_t rooms[] = {1, 2, 3, 4, 5, 6, 10};
	struct line l;
	struct batch b;

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		int fd = make_filled(BPF_MAP_TYPE_ARRAY, 5, 5);
		uint32_t from, to = 0;
		long result = 0;

		line_begin(&l, "batch.array.cursor.%u", rooms[i]);
		good_batch(&b, BPF_MAP_LOOKUP_BATCH, fd);
		b.cursor_out = &to;
		for (int call = 0; result == 0 && call < 8; call++) {
			from = to;
			to = 12345;
			b.count = rooms[i];
			result = batch_call(&b);
			line_add(&l, result, "result%d", call);
			line_add(&l, b.count, "count%d", call);
			line_add(&l, to, "cursor%d", call);
			b.cursor_in = &from;
		}
		line_end(&l);
		close(fd);
	}
}

static void array_restart(void)
{
	static const uint32_t starts[] = {0, 1, 3, 4, 5, 100, 0xffffffff};
	struct line l;
	struct batch b;

	line_begin(&l, "batch.array.start");
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		int fd = make_filled(BPF_MAP_TYPE_ARRAY, 5, 5);

		good_batch(&b, BPF_MAP_LOOKUP_BATCH, fd);
		b.cursor_in = &starts[i];
		b.count = 2;
		line_add(&l, batch_call(&b), "%u", starts[i]);
		line_add(&l, b.count, "%u_count", starts[i]);
		if (b.count)
			line_add(&l, keys[0], "%u_first", starts[i]);
		close(fd);
	}
	line_end(&l);
}

static void hash_cursor(void)
{
	int fd = make_filled(BPF_MAP_TYPE_HASH, MANY, MANY);
	uint32_t far = 0xffffffff;
	unsigned int too_small = 0, calls = 0;
	struct batch b;
	long result;

	good_batch(&b, BPF_MAP_LOOKUP_BATCH, fd);
	b.cursor_in = &far;
	memset(cursor, 0xaa, sizeof(cursor));
	row(batch_call(&b), "batch.hash.far_cursor");
	row(b.count, "batch.hash.far_cursor_count");
	row(cursor[0] == 0xaa && cursor[3] == 0xaa, "batch.hash.far_cursor_untouched");
	memset(cursor, 0xaa, sizeof(cursor));
	b.cursor_in = NULL;
	b.count = MANY;
	row(batch_call(&b), "batch.hash.all_at_once");
	row(b.count, "batch.hash.all_at_once_count");
	row(cursor[4] == 0xaa && cursor[0] + cursor[1] != 2 * 0xaa, "batch.hash.cursor_is_4_bytes");
	/* With room for one element some bucket does not fit, and it says so and moves nothing. */
	b.cursor_in = NULL;
	do {
		b.count = 1;
		result = batch_call(&b);
		if (result == -ENOSPC) {
			too_small++;
			row(b.count, "batch.hash.too_small_count");
			break;
		}
		b.cursor_in = cursor;
	} while (result == 0 && calls++ < 4 * MANY);
	row(too_small, "batch.hash.too_small_seen");
	b.cursor_in = cursor;
	b.count = MANY;
	row(batch_call(&b), "batch.hash.retry_with_room");
	close(fd);
}

static void stops(const struct type *t)
{
	int fd = map_make(t->number, 4, 8, 4, 0);
	struct batch b;
	uint64_t value;

	good_batch(&b, BPF_MAP_UPDATE_BATCH, fd);
	b.count = 6;
	row(batch_call(&b), "batch.%s.update_too_many", t->name);
	row(b.count, "batch.%s.update_too_many_count", t->name);
	row(map_lookup(fd, &keys[3], &value), "batch.%s.update_before_the_error", t->name);
	good_batch(&b, BPF_MAP_DELETE_BATCH, fd);
	keys[2] = 1000;
	b.count = 4;
	row(batch_call(&b), "batch.%s.delete_missing", t->name);
	row(b.count, "batch.%s.delete_missing_count", t->name);
	row(map_lookup(fd, &keys[3], &value), "batch.%s.delete_behind_the_error", t->name);
	close(fd);
}

static void edges(const struct type *t)
{
	static const char *const which[] = {"keys", "values"};
	struct line l;
	struct batch b;

	for (int c = 0; c < BATCH_COMMANDS; c++) {
		for (int w = 0; w < 2; w++) {
			int fd = make_filled(t->number, 4, 4);
			unsigned char *edge = page_edge() - (w ? 16 : 8);
			const uint32_t two_keys[] = {0, 1};

			/* Two of four elements fit before the page that cannot be touched. */
			memset(edge, 0, w ? 16 : 8);
			if (!w)
				memcpy(edge, two_keys, sizeof(two_keys));
			good_batch(&b, batch_commands[c].cmd, fd);
			b.count = 4;
			*(w ? &b.values : &b.keys) = edge;
			line_begin(&l, "batch.%s.%s.edge_of_%s", t->name, batch_commands[c].name,
				   which[w]);
			line_add(&l, batch_call(&b), "result");
			line_add(&l, b.count, "count");
			line_end(&l);
			close(fd);
		}
	}
}

/* 64 elements: the one bucket that LOOKUP_AND_DELETE may lose is not all of them. */
static void bad_pointers(const struct type *t)
{
	static const char *const which[] = {"keys", "values", "in", "out"};
	struct line l;
	struct batch b;

	for (int x = 0; x < BATCH_COMMANDS * 4; x++) {
		line_begin(&l, "batch.%s.%s.bad_%s", t->name, batch_commands[x / 4].name,
			   which[x % 4]);
		for (int i = 0; i < BAD_ADDRESSES; i++) {
			int fd = make_filled(t->number, 64, 64);
			void *bad = (void *)(uintptr_t)bad_addresses[i].address;

			good_batch(&b, batch_commands[x / 4].cmd, fd);
			b.keys = x % 4 == 0 ? bad : b.keys;
			b.values = x % 4 == 1 ? bad : b.values;
			b.cursor_in = x % 4 == 2 ? bad : b.cursor_in;
			b.cursor_out = x % 4 == 3 ? bad : b.cursor_out;
			line_add(&l, batch_call(&b), "%s", bad_addresses[i].name);
			line_add(&l, b.count, "%s_count", bad_addresses[i].name);
			line_add(&l, map_next(fd, NULL, &keys[0]), "%s_left",
				 bad_addresses[i].name);
			close(fd);
		}
		line_end(&l);
	}
}

void section_batch(void)
{
	static const uint32_t rooms[] = {1, 2, 3, 7, 16, 64, MANY, MANY + 1};

	page_edge();
	for (int t = 0; t < TYPES; t++) {
		flags(&types[t]);
		counts(&types[t]);
		order_of_checks(&types[t]);
		stops(&types[t]);
		edges(&types[t]);
		bad_pointers(&types[t]);
		for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
			walk(&types[t], BPF_MAP_LOOKUP_BATCH, MANY, MANY - i, rooms[i]);
	}
	walk(&types[0], BPF_MAP_LOOKUP_AND_DELETE_BATCH, MANY, MANY, 16);
	walk(&types[0], BPF_MAP_LOOKUP_AND_DELETE_BATCH, MANY, 10, MANY);
	walk(&types[0], BPF_MAP_LOOKUP_AND_DELETE_BATCH, MANY, 0, 8);
	array_cursor();
	array_restart();
	hash_cursor();
}
