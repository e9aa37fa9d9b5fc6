/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* successor.c: see successor.h. Each pin is swapped by one rename(2): whoever opens it gets the old
 * map or the new one. */
#include "cli/successor.h"

#include "base/error.h"
#include "cli/text.h"
#include "region/region.h"
#include "region/rundir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void pin_add(struct successor *r, const char *path)
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
static void pin_add_word(struct successor *r, struct args args)
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

static int pins_find(struct successor *r)
{
	struct backend_token token, other;
	int err = r->ref->backend->map_token(r->ref->fd, &r->ref->info, &token);

	for (size_t i = 0; !err && i < r->places.count; i++)
		if (!r->places.place[i].pid && r->places.place[i].map_id == r->ref->info.id &&
		    r->ref->backend->proc_token(r->places.place[i].path, &other) &&
		    other.a == token.a && other.b == token.b)
			pin_add(r, r->places.place[i].path);
	if (!err && !r->count)
		err = fail(ENOENT, "the map has no pin, so nobody would find its successor; pin it "
				   "first");
	return err;
}

int successor_holders(const struct successor *r)
{
	struct backend_token token;
	struct text pids = {0};
	int err = r->ref->backend->map_token(r->ref->fd, &r->ref->info, &token);

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

int successor_swap(const struct successor *r, int fd)
{
	struct stat old;
	int err = 0;

	if (fstat(r->ref->fd, &old))
		return fail_os(errno, "cannot stat the map's file");
	for (size_t i = 0; !err && i < r->count; i++)
		err = pin_swap(fd, r->pins[i]);
	/* Who might open the old one may open the new one; the owner only where we may give files
	 * away. */
	if (!err && (fchmod(fd, old.st_mode & 07777) ||
		     (fchown(fd, old.st_uid, old.st_gid) && errno != EPERM)))
		err = fail_os(errno, "cannot give the new map the old one's mode");
	return err;
}

void successor_directory(const struct successor *r, struct text *ret_dir)
{
	const char *pin = r->pins[0];

	text_add(ret_dir, pin, (size_t)(strrchr(pin, '/') - pin) + 1);
}

int successor_find(const struct mapref *ref, struct args words, struct successor *ret_successor)
{
	struct successor r = {.ref = ref};
	int err;

	places_find(ref->backend, &r.places);
	pin_add_word(&r, words);
	err = pins_find(&r);
	if (err)
		successor_free(&r);
	else
		*ret_successor = r;
	return err;
}

void successor_free(struct successor *r)
{
	places_free(&r->places);
	for (size_t i = 0; i < r->count; i++)
		free(r->pins[i]);
	free(r->pins);
}
