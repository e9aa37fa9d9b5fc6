/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ids.c: GET_NEXT_ID and GET_FD_BY_ID (SEMANTICS section 15, "ids"). Other processes may make and
 * drop maps at the same time, so the rows look at this process's maps only. */
#include "semantics.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define SOME 10

static long by_id(uint32_t id)
{
	union req r;

	req_clear(&r);
	r.attr.map_id = id;
	return bpf_try(BPF_MAP_GET_FD_BY_ID, &r);
}

static long next_id(uint32_t *id)
{
	union req r;
	long result;

	req_clear(&r);
	r.attr.start_id = *id;
	result = bpf_call(BPF_MAP_GET_NEXT_ID, &r, ATTR_SIZE);
	*id = r.attr.next_id;
	return result;
}

static void order(void)
{
	uint32_t ids[SOME], id = 0, found = 0, falling = 0, last = 0;
	int fds[SOME], increasing = 0;

	for (int i = 0; i < SOME; i++) {
		fds[i] = map_fresh(types[i % TYPES].number);
		ids[i] = map_id(fds[i]);
		increasing += i > 0 && ids[i] > ids[i - 1];
	}
	row(increasing, "ids.increasing");
	row(ids[0] > 0, "ids.positive");
	while (next_id(&id) == 0) {
		for (int i = 0; i < SOME; i++)
			found += ids[i] == id;
		falling += id <= last;
		last = id;
	}
	row(found, "ids.listed");
	row(falling, "ids.listed_out_of_order");
	id = ids[3];
	row(next_id(&id), "ids.next_of_own");
	row(id <= ids[4] && id > ids[3], "ids.next_of_own_is_near");
	for (int i = 0; i < SOME; i++)
		row(by_id(ids[i]), "ids.by_id.%d", i);
	for (int i = 0; i < SOME; i++)
		close(fds[i]);
	for (int i = 0; i < SOME; i++)
		row(by_id(ids[i]), "ids.by_id_after_close.%d", i);
}

static void vanishing(const struct type *t)
{
	int gone = 0, reused = 0;
	uint32_t last = 0;

	for (int i = 0; i < 100; i++) {
		int fd = map_fresh(t->number);
		uint32_t id = map_id(fd);

		reused += id <= last;
		last = id;
		close(fd);
		gone += by_id(id) == -ENOENT;
	}
	row(gone, "ids.%s.gone_after_close", t->name);
	row(reused, "ids.%s.reused", t->name);
}

static void holders(const struct type *t)
{
	int fd = map_fresh(t->number), copy = dup(fd), second = map_reopen(fd, BPF_F_RDONLY);
	uint32_t id = map_id(fd);

	row(map_id(copy) == id, "ids.%s.dup_has_same_id", t->name);
	row(map_id(second) == id, "ids.%s.second_fd_has_same_id", t->name);
	close(fd);
	row(by_id(id), "ids.%s.held_by_dup", t->name);
	close(copy);
	row(by_id(id), "ids.%s.held_by_second_fd", t->name);
	close(second);
	row(by_id(id), "ids.%s.held_by_nobody", t->name);
	fd = map_fresh(t->number);
	id = map_id(fd);
	pin_fd(fd, pin_path("held"));
	close(fd);
	row(by_id(id), "ids.%s.held_by_pin", t->name);
	pin_remove(pin_path("held"));
	row(by_id(id), "ids.%s.unpinned", t->name);
}

static void errors(void)
{
	static const uint32_t starts[] = {INT_MAX - 1, INT_MAX, 1u << 31, UINT_MAX};
	struct line l;
	union req r;

	line_begin(&l, "ids.next_id_start");
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		uint32_t id = starts[i];

		line_add(&l, next_id(&id), "%u", starts[i]);
	}
	line_end(&l);
	req_clear(&r);
	r.attr.open_flags = BPF_F_RDONLY;
	row(bpf_try(BPF_MAP_GET_NEXT_ID, &r), "ids.next_id_with_open_flags");
	line_begin(&l, "ids.unknown");
	line_add(&l, by_id(0), "0");
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		line_add(&l, by_id(starts[i]), "%u", starts[i]);
	line_end(&l);
	line_begin(&l, "ids.by_id_tail");
	for (unsigned int at = 12; at < ATTR_SIZE; at++) {
		req_clear(&r);
		r.bytes[at] = 1;
		line_add(&l, bpf_try(BPF_MAP_GET_FD_BY_ID, &r), "%u", at);
	}
	line_end(&l);
	line_begin(&l, "ids.next_id_tail");
	for (unsigned int at = 8; at < ATTR_SIZE; at++) {
		req_clear(&r);
		r.bytes[at] = 1;
		line_add(&l, bpf_try(BPF_MAP_GET_NEXT_ID, &r), "%u", at);
	}
	line_end(&l);
	/* The input where the output goes is not looked at. */
	req_clear(&r);
	r.attr.start_id = INT_MAX - 1;
	r.attr.next_id = 5;
	row(bpf_try(BPF_MAP_GET_NEXT_ID, &r), "ids.next_id_at_end");
	row(r.attr.next_id, "ids.next_id_at_end_untouched");
}

void section_ids(void)
{
	order();
	vanishing(&types[0]);
	vanishing(&types[1]);
	holders(&types[0]);
	holders(&types[1]);
	errors();
}
