/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_resize.c: give a map room for more elements, or for fewer. A region never changes its size;
 * so a new one is made beside it and filled, and takes over the pins (successor.h). Meanwhile
 * writers through the API wait; afterwards those who still have the old one are told where its
 * elements are (map/move.h). Programs ask nobody before they write: what they changed meanwhile is
 * noticed by the counters, and the filling begins again. */
#include "cli/successor.h"
#include "cli/text.h"
#include "cli/transfer.h"

#include "base/error.h"
#include "map/move.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* So often the filling begins again. */
#define TRIES 5

struct resize {
	struct mapref ref;
	struct bpfmap *map;
	struct shape shape; /* of the new one */
	struct successor successor;
	struct target *target;
	uint32_t entries; /* asked for */
	bool yes;
	uint64_t moved;
	uint64_t given_up;
};

/* ---- elements ---- */

static int put(void *arg, const struct record *record)
{
	struct resize *r = arg;
	uint32_t index;

	if (!backend_is_array(r->shape.type))
		return target_put(r->target, record);
	memcpy(&index, record->key, sizeof(index));
	if (index < r->shape.max_entries)
		return target_put(r->target, record);
	for (uint32_t i = 0; i < record->value_len; i++)
		if (((const uint8_t *)record->value)[i])
			return fail(E2BIG,
				    "element %u is not 0 and would be lost; clear it first, or "
				    "choose at least %u entries",
				    index, index + 1);
	return 0;
}

static int fill(struct resize *r, int fd, struct progress *progress)
{
	struct transfer_read read = {.progress = progress};
	int err = target_open(&backend_user, fd, &r->shape, &r->target);

	if (err)
		return err;
	err = transfer_each(&r->ref, &read, put, r);
	if (!err)
		err = target_flush(r->target);
	r->moved = target_count(r->target);
	target_close(r->target);
	return err;
}

/* Programs write on meanwhile: then what was read is not all. */
static int fill_whole(struct resize *r, const char *dir, struct progress *progress, int *ret_fd)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t changes = map_changes(r->map);
		int fd = shape_create(&r->shape, &backend_user, dir);
		int err = fd < 0 ? fd : fill(r, fd, progress);

		if (!err && map_changes(r->map) == changes) {
			*ret_fd = fd;
			return 0;
		}
		if (fd >= 0)
			close(fd);
		if (err)
			return err;
	}
	return fail(EBUSY, "programs write to the map all the time; stop them first");
}

/* Writers wait from here on. */
static int move(struct resize *r, struct progress *progress)
{
	struct bpf_map_info info;
	struct text dir = {0};
	int fd = -1, err = map_move_begin(r->map);

	if (err)
		return err;
	successor_directory(&r->successor, &dir);
	err = fill_whole(r, text_str(&dir), progress, &fd);
	if (!err)
		err = backend_map_info(&backend_user, fd, &info);
	if (!err)
		err = successor_swap(&r->successor, fd);
	if (err)
		map_move_cancel(r->map);
	else
		map_move_done(r->map, info.id);
	if (fd >= 0)
		close(fd);
	text_free(&dir);
	return err;
}

static int room_check(struct resize *r)
{
	struct bpfmap_info info;
	int err = bpfmap_get_info(r->map, &info);

	if (err || info.entries <= r->shape.max_entries || backend_is_array(r->shape.type))
		return err;
	r->given_up = info.entries - r->shape.max_entries;
	if (backend_is_lru(r->shape.type))
		return 0;
	return fail(E2BIG, "it has %" PRIu64 " elements; at least so many entries are needed",
		    info.entries);
}

static int resize(struct resize *r, struct progress *progress)
{
	int err;

	if (shape_is_bloom(&r->shape))
		return fail(ENOTSUP, "a bloom_filter forgets its values, so they cannot be hashed "
				     "anew; make another one and fill it");
	err = bpfmap_open_fd(r->ref.fd, 0, &r->map);
	if (err)
		return err;
	r->shape.max_entries = r->entries;
	err = room_check(r);
	if (!err)
		err = move(r, progress);
	bpfmap_close(r->map);
	return err;
}

/* ---- words ---- */

static int words_parse(struct args *args, struct resize *r)
{
	uint64_t entries;
	int code;

	if (!args_take(args, "entries"))
		return exit_usage("expected entries N, got: '%s'",
				  args->count ? args_peek(args) : "nothing");
	code = args_number(args, "entries", UINT32_MAX, &entries);
	if (code)
		return code;
	r->entries = (uint32_t)entries;
	r->yes = args_take(args, "yes");
	return args_end(args);
}

static void say(struct cli *cli, const struct resize *r)
{
	out_begin(cli->out, OUT_OBJECT, OUT_LINE);
	out_key(cli->out, "max_entries", "entries");
	out_u64(cli->out, r->shape.max_entries);
	out_key(cli->out, "moved", "moved");
	out_u64(cli->out, r->moved - r->given_up);
	if (r->given_up) {
		out_key(cli->out, "given_up", "given up");
		out_u64(cli->out, r->given_up);
	}
	out_end(cli->out);
}

static int run(struct cli *cli, struct resize *r, struct args words, struct args *args)
{
	struct progress progress;
	int err, code = words_parse(args, r);

	if (code)
		return code;
	if (r->ref.backend != &backend_user)
		return exit_sentence(-ENOTSUP,
				     "the kernel's programs keep the map that they were loaded "
				     "with; copy it to a larger one");
	err = successor_find(&r->ref, words, &r->successor);
	if (err)
		return exit_failure(err, "the map was not resized");
	err = r->yes ? 0 : successor_holders(&r->successor);
	if (!err)
		err = shape_of_map(&r->ref, &r->shape);
	if (err)
		return exit_failure(err, "the map was not resized");
	progress_begin(&progress, "resize", "elements", transfer_expect(&r->ref));
	err = resize(r, &progress);
	progress_end(&progress);
	shape_free(&r->shape);
	if (err)
		return exit_failure(err, "the map was not resized");
	say(cli, r);
	return 0;
}

int verb_resize(struct cli *cli, struct args *args)
{
	struct args words = *args;
	struct resize r = {.entries = 0};
	int code = mapref_parse(cli, args, &r.ref);

	if (code)
		return code;
	code = run(cli, &r, words, args);
	successor_free(&r.successor);
	mapref_close(&r.ref);
	return code;
}
