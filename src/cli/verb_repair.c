/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_repair.c: make a map in user space sound again. What dead writers left is finished or undone
 * in place. If the bytes make no sense otherwise, every element that can be read is put into a new
 * map of the same kind, which takes over the pins (successor.h). */
#include "cli/successor.h"
#include "cli/text.h"
#include "cli/transfer.h"
#include "cli/writers.h"

#include "map/map.h"
#include "map/move.h"
#include "map/salvage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct repair {
	struct mapref ref;
	struct bpfmap *map;
	struct bpfmap_info before;
	struct successor successor;
	struct shape shape;
	struct target *target;
	struct map_salvaged salvaged;
	uint64_t saved;
	uint32_t new_id;
	bool yes;
};

/* ---- a new one ---- */

static int element_put(void *arg, const void *key, uint32_t key_len, const void *value,
		       uint32_t value_len)
{
	struct record record = {
		.key = key, .key_len = key_len, .value = value, .value_len = value_len};
	struct repair *r = arg;

	return target_put(r->target, &record);
}

static int fill(struct repair *r, int fd)
{
	int err = target_open(&backend_user, fd, &r->shape, &r->target);

	if (err)
		return err;
	err = map_salvage(r->map, element_put, r, &r->salvaged);
	if (!err)
		err = target_flush(r->target);
	target_close(r->target);
	return err;
}

/* What came of it; a frozen map's successor is frozen. */
static int finish(struct repair *r, int fd)
{
	struct bpfmap_info info = {0};
	struct bpfmap *made;
	int err = bpfmap_open_fd(fd, 0, &made);

	if (err)
		return err;
	err = bpfmap_get_info(made, &info);
	if (!err && r->before.frozen)
		err = bpfmap_freeze(made);
	bpfmap_close(made);
	/* A key that was found twice counts once. */
	r->saved = info.entries;
	r->new_id = info.id;
	return err;
}

static int rebuild_in(struct repair *r, const char *dir)
{
	int err, fd = shape_create(&r->shape, &backend_user, dir);

	if (fd < 0)
		return fd;
	err = fill(r, fd);
	if (!err)
		err = finish(r, fd);
	if (!err)
		err = successor_swap(&r->successor, fd);
	close(fd);
	return err;
}

/* Writers wait from here on, and are told where to go afterwards. In a frozen map, or through a
 * handle that damage makes read-only, nobody writes. */
static int rebuild(struct repair *r)
{
	struct text dir = {0};
	bool writable = !r->map->region->readonly && !r->before.frozen;
	int err = writable ? map_move_begin(r->map) : 0;

	if (err)
		return err;
	successor_directory(&r->successor, &dir);
	err = rebuild_in(r, text_str(&dir));
	text_free(&dir);
	if (!writable)
		return err;
	if (err)
		map_move_cancel(r->map);
	else
		map_move_done(r->map, r->new_id);
	return err;
}

static int rebuild_prepared(struct repair *r, struct args words)
{
	int err = successor_find(&r->ref, words, &r->successor);

	if (err)
		return err;
	err = r->yes ? 0 : successor_holders(&r->successor);
	if (!err)
		err = shape_of_map(&r->ref, &r->shape);
	if (!err) {
		err = rebuild(r);
		shape_free(&r->shape);
	}
	successor_free(&r->successor);
	return err;
}

static void rebuilt_print(struct out *out, const struct repair *r, const char *why)
{
	uint64_t counted = r->before.entries;

	out_begin(out, OUT_OBJECT, OUT_RECORD);
	out_key(out, "result", "result");
	out_word(out, "rebuilt");
	out_key(out, "violation", "because");
	out_word(out, why);
	out_key(out, "saved", "saved");
	out_u64(out, r->saved);
	out_key(out, "counted", "counted before");
	out_u64(out, counted);
	out_key(out, "lost", "lost");
	if (counted <= r->before.max_entries)
		out_u64(out, counted > r->saved ? counted - r->saved : 0);
	else
		out_null(out);
	out_key(out, "cut_off", "found again");
	out_u64(out, r->salvaged.cut_off);
	out_key(out, "rejected", "unreadable");
	out_u64(out, r->salvaged.rejected);
	out_key(out, "id", "new id");
	out_u64(out, r->new_id);
	out_end(out);
}

static int rebuild_told(struct cli *cli, struct repair *r, struct args words)
{
	struct text why = {0};
	int err;

	text_addf(&why, "%s", bpfmap_last_error());
	err = rebuild_prepared(r, words);
	if (err)
		err = exit_failure(err, "the map is not sound (%s) and was not rebuilt",
				   text_str(&why));
	else
		rebuilt_print(cli->out, r, text_str(&why));
	text_free(&why);
	return err;
}

/* ---- in place ---- */

static void sound_print(struct out *out, const struct writers *mended)
{
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	out_key(out, "result", "result");
	out_word(out, mended->dead ? "mended" : "sound");
	if (mended->dead) {
		out_key(out, "dead_writers", "dead writers");
		out_u64(out, mended->dead);
		out_key(out, "midway", "midway");
		out_u64(out, mended->midway);
	}
	out_end(out);
}

/* A damaged map on a disk is not opened for writing. */
static int open_any(struct repair *r)
{
	int err = bpfmap_open_fd(r->ref.fd, 0, &r->map);

	if (err == -EUCLEAN)
		err = bpfmap_open_fd(r->ref.fd, BPFMAP_OPEN_RDONLY, &r->map);
	return err ? err : bpfmap_get_info(r->map, &r->before);
}

static int repair(struct cli *cli, struct repair *r, struct args words)
{
	struct writers writers;
	int err = open_any(r), code = 0;

	if (err) {
		bpfmap_close(r->map);
		return exit_failure(err, "can't open the map");
	}
	writers_count(r->map, &writers);
	err = writers.alive && !r->yes ? -EBUSY : bpfmap_check(r->map);
	if (err == -EBUSY)
		code = exit_sentence(err,
				     "%u threads may be writing to the map; stop them first, or "
				     "add the word yes",
				     writers.alive);
	else if (err == -EUCLEAN)
		code = rebuild_told(cli, r, words);
	else if (err)
		code = exit_failure(err, "repair failed");
	else
		sound_print(cli->out, &writers);
	bpfmap_close(r->map);
	return code;
}

int verb_repair(struct cli *cli, struct args *args)
{
	struct args words = *args;
	struct repair r = {.saved = 0};
	int code = mapref_parse(cli, args, &r.ref);

	if (code)
		return code;
	r.yes = args_take(args, "yes");
	code = args_end(args);
	if (!code && r.ref.backend != &backend_user)
		code = exit_usage("the kernel's maps cannot be looked into; repair is for ours");
	if (!code)
		code = repair(cli, &r, words);
	mapref_close(&r.ref);
	return code;
}
