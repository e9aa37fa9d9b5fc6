/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* garbage.c: see garbage.h.
 *
 * A pin is needed while a process has its map open or mapped, or a program uses it. Who needs it is
 * looked for in /proc and among the programs; in user space the kernel is asked besides whether
 * anybody at all has the file open (a lease), which covers processes that may not be looked at.
 * What cannot be found out counts as needed. A map that is only the inner map of another one loses
 * its pin, not its elements.
 */
#include "cli/garbage.h"

#include "cli/places.h"
#include "cli/text.h"
#include "cli/writers.h"
#include "map/map.h"
#include "region/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PROG_MAPS_MAX 1024

/* The ids of maps that programs use. */
struct used {
	const struct backend *backend;
	uint32_t *id;
	size_t count;
};

struct search {
	struct garbage garbage;
	struct places places;
	struct used used;
	uint64_t older_s;
	char below[PATH_MAX]; /* "": anywhere */
};

static int used_add(void *arg, int prog_fd)
{
	uint32_t ids[PROG_MAPS_MAX], count = PROG_MAPS_MAX;
	struct used *used = arg;
	int err = backend_prog_maps(used->backend, prog_fd, ids, &count);

	if (err)
		return err;
	used->id = must_realloc(used->id, (used->count + count + 1) * sizeof(*ids));
	memcpy(used->id + used->count, ids, count * sizeof(*ids));
	used->count += count;
	return 0;
}

static bool is_used(const struct used *used, uint32_t id)
{
	for (size_t i = 0; i < used->count; i++)
		if (used->id[i] == id)
			return true;
	return false;
}

static bool is_below(const struct search *search, const char *path)
{
	size_t len = strlen(search->below);

	return !len || (!strncmp(path, search->below, len) && path[len] == '/');
}

static void item_add(struct search *search, const struct garbage_item *item, const char *path)
{
	struct garbage *garbage = &search->garbage;
	size_t size = strlen(path) + 1;
	struct garbage_item copy = *item;

	if (item->age_s < search->older_s || !is_below(search, path))
		return;
	copy.path = memcpy(must_realloc(NULL, size), path, size);
	garbage->item = must_realloc(garbage->item, (garbage->count + 1) * sizeof(*garbage->item));
	garbage->item[garbage->count++] = copy;
}

/* Since the latest of: pinned, changed; times of the future are now. */
static uint64_t age_of(const char *path, uint64_t changed_ns)
{
	uint64_t changed = changed_ns / 1000000000u, now = (uint64_t)time(NULL);
	struct stat st;

	if (!lstat(path, &st)) {
		changed = (uint64_t)st.st_ctime > changed ? (uint64_t)st.st_ctime : changed;
		changed = (uint64_t)st.st_mtime > changed ? (uint64_t)st.st_mtime : changed;
	}
	return now > changed ? now - changed : 0;
}

/* ---- what dead writers left ---- */

static void writers_judge(struct search *search, const char *path, struct garbage_item item)
{
	struct writers writers;
	struct bpfmap *map;

	if (search->garbage.backend != &backend_user || bpfmap_open(path, BPFMAP_OPEN_RDONLY, &map))
		return;
	writers_count(map, &writers);
	bpfmap_close(map);
	item.dead = writers.dead;
	item.midway = writers.midway;
	item.kind = GARBAGE_WRITERS;
	item.bytes = 0;
	if (item.dead)
		item_add(search, &item, path);
}

static int writers_mend(const char *path)
{
	struct bpfmap *map;
	int err = bpfmap_open(path, 0, &map);

	if (err)
		return err;
	owner_mend_all(&map->region->owners);
	bpfmap_close(map);
	return 0;
}

/* ---- pins ---- */

static bool is_needed(const struct search *search, const struct bpf_map_info *info,
		      const struct backend_token *token)
{
	static const struct backend_token any = {0};

	return places_held(&search->places, token) || is_used(&search->used, info->id) ||
	       /* A mapping of one of the kernel's maps, and this may be the one. */
	       (info->map_flags & BPF_F_MMAPABLE && places_held(&search->places, &any));
}

/* The memory goes with the last pin: count it with the first. */
static uint64_t bytes_of(const struct garbage *garbage, const struct bpf_map_info *info,
			 const struct backend_stats *stats)
{
	for (size_t i = 0; i < garbage->count; i++)
		if (garbage->item[i].info.id == info->id && garbage->item[i].kind == GARBAGE_PIN)
			return 0;
	return stats->memory_bytes;
}

/* 0 or -errno: the map cannot be judged and is left alone. */
static int pin_look(const struct search *search, const char *path, struct bpf_map_info *ret_info,
		    struct backend_stats *ret_stats, struct backend_token *ret_token)
{
	const struct backend *backend = search->garbage.backend;
	int err, fd = backend_map_open_pin(backend, path);

	if (fd < 0)
		return fd;
	err = backend_map_info(backend, fd, ret_info);
	if (!err)
		err = backend->map_stats(fd, ret_stats);
	if (!err)
		err = backend->map_token(fd, ret_info, ret_token);
	close(fd);
	return err;
}

static void pin_judge(struct search *search, const char *path)
{
	const struct backend *backend = search->garbage.backend;
	struct garbage_item item = {.kind = GARBAGE_PIN};
	struct backend_token token;
	struct backend_stats stats;

	if (pin_look(search, path, &item.info, &stats, &token))
		return;
	item.age_s = age_of(path, stats.changed_ns > stats.created_ns ? stats.changed_ns
								      : stats.created_ns);
	item.bytes = bytes_of(&search->garbage, &item.info, &stats);
	if (is_needed(search, &item.info, &token) || item.age_s < search->older_s ||
	    backend->pin_is_busy(path))
		writers_judge(search, path, item);
	else
		item_add(search, &item, path);
}

/* ---- leftovers ---- */

static void leftover_judge(struct search *search, const char *path)
{
	struct garbage_item item = {.kind = GARBAGE_LEFTOVER};
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) || backend_user.pin_is_busy(path))
		return;
	item.age_s = age_of(path, 0);
	item.bytes = st.st_nlink == 1 ? (uint64_t)st.st_blocks * 512 : 0;
	item_add(search, &item, path);
}

/* Hidden files are made for a moment; only the counter of ids stays. */
static void leftovers_find(struct search *search)
{
	DIR *dir = opendir(rundir_path());
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", rundir_path(), entry->d_name);
		if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".ids"))
			leftover_judge(search, path);
	}
	if (dir)
		closedir(dir);
}

static void all_find(struct search *search)
{
	const struct places *places = &search->places;

	places_find(search->garbage.backend, &search->places);
	if (search->garbage.backend != &backend_user) /* there, a lease sees every holder */
		search->garbage.unseen = places->unseen;
	for (size_t i = 0; i < places->count; i++)
		if (!places->place[i].pid)
			pin_judge(search, places->place[i].path);
	if (search->garbage.backend == &backend_user)
		leftovers_find(search);
	places_free(&search->places);
}

static int below_resolve(struct search *search, const char *below)
{
	size_t len;
	int err;

	if (!below)
		return 0;
	err = search->garbage.backend->pin_resolve(below, search->below, sizeof(search->below));
	for (len = strlen(search->below); len && search->below[len - 1] == '/'; len--)
		search->below[len - 1] = 0;
	return err;
}

int garbage_find(const struct backend *backend, const struct garbage_want *want,
		 struct garbage *ret_garbage)
{
	struct search search = {.garbage = {.backend = backend},
				.used = {.backend = backend},
				.older_s = want->older_s};
	int err = below_resolve(&search, want->below);

	if (!err)
		err = backend->prog_walk(used_add, &search.used);
	if (!err)
		all_find(&search);
	free(search.used.id);
	if (err)
		garbage_free(&search.garbage);
	else
		*ret_garbage = search.garbage;
	return err;
}

void garbage_free(struct garbage *garbage)
{
	for (size_t i = 0; i < garbage->count; i++)
		free(garbage->item[i].path);
	free(garbage->item);
}

/* ---- freeing ---- */

/* Directories that a pin leaves empty go with it, up to the pin directory. */
static void parents_remove(const char *path, const char *root)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	while ((slash = strrchr(dir, '/')) && (size_t)(slash - dir) > strlen(root)) {
		*slash = 0;
		if (unlinkat(AT_FDCWD, dir, AT_REMOVEDIR))
			return;
	}
}

int garbage_collect(const struct garbage *garbage, const struct garbage_item *item)
{
	int err;

	if (item->kind == GARBAGE_WRITERS)
		return writers_mend(item->path);
	err = garbage->backend->pin_collect(item->path);
	if (!err)
		parents_remove(item->path, garbage->backend->pin_root());
	return err;
}
