/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_resize.c: give a map room for more elements, or for fewer. A region never changes its size; so a
 * new one is made beside it and filled, and takes over the pins, each by one rename(2). Meanwhile writers
 * through the API wait; afterwards those who still have the old one are told where its elements are
 * (map/move.h). Programs ask nobody before they write: what they changed meanwhile is noticed by the
 * counters, and the filling begins again. */
#include "cli/places.h"
#include "cli/text.h"
#include "cli/transfer.h"

#include "base/error.h"
#include "map/move.h"
#include "region/region.h"
#include "region/rundir.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So often the filling begins again. */
#define TRIES 5

struct resize {
	struct mapref ref;
	struct bpfmap *map;
	struct shape shape; /* of the new one */
	struct places places;
	char **pins; /* real paths */
	size_t count;
	struct target *target;
	uint32_t entries; /* asked for */
	bool yes;
	uint64_t moved;
	uint64_t given_up;
};

/* ---- pins and holders ---- */

static void pin_add(struct resize *r, const char *path)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return;
	for (size_t i = 0; i < r->count; i++)
		if (!strcmp(r->pins[i], real))
			return;
	r->pins = must_realloc(r->pins, (r->count + 1) * sizeof(*r->pins));
	r->pins[r->count] = must_realloc(NULL, strlen(real) + 1);
	strcpy(r->pins[r->count++], real);
}

/* The path that MAP was named by; other pins are looked for in the runtime directory. */
static void pin_add_word(struct resize *r, struct args args)
{
	static const char *const keywords[] = {"id", "name", NULL};
	char path[MAPREF_PATH_MAX], real[PATH_MAX];
	const char *word;

	mapref_world(&args);
	word = args_next(&args);
	if (!word || args_match(word, keywords) >= 0)
		return;
	if (args_is(word, "pinned") && args.count)
		word = args_next(&args);
	if (!mapref_pin_path(word, path, sizeof(path)) && !rundir_resolve(path, real, sizeof(real)))
		pin_add(r, real);
}

static int pins_find(struct resize *r)
{
	struct backend_token token, other;
	int err = r->ref.backend->map_token(r->ref.fd, &r->ref.info, &token);

	for (size_t i = 0; !err && i < r->places.count; i++)
		if (!r->places.place[i].pid && r->places.place[i].map_id == r->ref.info.id &&
		    r->ref.backend->proc_token(r->places.place[i].path, &other) &&
		    other.a == token.a && other.b == token.b)
			pin_add(r, r->places.place[i].path);
	if (!err && !r->count)
		err = fail(ENOENT, "the map has no pin, so nobody would find its successor; pin it "
				   "first");
	return err;
}

/* Others would be told with their next write; whether they can live with that only the user knows. */
static int holders_check(const struct resize *r)
{
	struct backend_token token;
	struct text pids = {0};
	int err = r->ref.backend->map_token(r->ref.fd, &r->ref.info, &token);

	for (size_t i = 0; !err && i < r->places.count; i++)
		if (r->places.place[i].pid && r->places.place[i].token.a == token.a &&
		    r->places.place[i].token.b == token.b)
			text_addf(&pids, "%s%d (%s)", pids.len ? ", " : "", r->places.place[i].pid,
				  r->places.place[i].path);
	if (pids.len)
		err = fail(
			EBUSY,
			"it is held by %s. Their writes would be refused (ESTALE) until they open "
			"it again, and what their programs write would go to the old one; add "
			"the word yes if that is wanted",
			text_str(&pids));
	text_free(&pids);
	return err;
}

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

/* ---- the new one in the old one's place ---- */

static int pin_swap(int fd, const char *pin)
{
	struct text beside = {0};
	int err;

	text_addf(&beside, "%s.new-%d", pin, (int)getpid());
	err = region_link(fd, text_str(&beside));
	if (!err && rename(text_str(&beside), pin)) {
		err = fail_os(errno, "cannot put the new map in the place of %s", pin);
		unlink(text_str(&beside));
	}
	text_free(&beside);
	return err;
}

static int pins_swap(const struct resize *r, int fd)
{
	struct stat old;
	int err = 0;

	if (fstat(r->ref.fd, &old))
		return fail_os(errno, "cannot stat the map's file");
	for (size_t i = 0; !err && i < r->count; i++)
		err = pin_swap(fd, r->pins[i]);
	/* Who might open the old one may open the new one; the owner only where we may give files away. */
	if (!err && (fchmod(fd, old.st_mode & 07777) ||
		     (fchown(fd, old.st_uid, old.st_gid) && errno != EPERM)))
		err = fail_os(errno, "cannot give the new map the old one's mode");
	return err;
}

static void directory_of(const char *pin, struct text *ret_dir)
{
	text_add(ret_dir, pin, (size_t)(strrchr(pin, '/') - pin) + 1);
}

/* Writers wait from here on. */
static int move(struct resize *r, struct progress *progress)
{
	struct bpf_map_info info;
	struct text dir = {0};
	int fd = -1, err = map_move_begin(r->map);

	if (err)
		return err;
	directory_of(r->pins[0], &dir);
	err = fill_whole(r, text_str(&dir), progress, &fd);
	if (!err)
		err = backend_map_info(&backend_user, fd, &info);
	if (!err)
		err = pins_swap(r, fd);
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
	pin_add_word(r, words);
	err = pins_find(r);
	if (!err && !r->yes)
		err = holders_check(r);
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
	struct resize r = {.count = 0};
	int code = mapref_parse(cli, args, &r.ref);

	if (code)
		return code;
	places_find(r.ref.backend, &r.places);
	code = run(cli, &r, words, args);
	places_free(&r.places);
	for (size_t i = 0; i < r.count; i++)
		free(r.pins[i]);
	free(r.pins);
	mapref_close(&r.ref);
	return code;
}
