/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* places.c: where maps are known: pins and holders. What may not be looked at is left out. */
#include "cli/places.h"

#include "cli/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void place_add(struct places *places, struct place place)
{
	places->place = must_realloc(places->place, (places->count + 1) * sizeof(place));
	places->place[places->count++] = place;
}

static char *path_dup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(must_realloc(NULL, size), s, size);
}

static void pins_find(struct places *places)
{
	char *const roots[] = {(char *)places->backend->pin_root(), NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree))) {
		struct place place = {0};

		/* Hidden files there are bookkeeping: pin names hold no dot. */
		if (entry->fts_info != FTS_F || entry->fts_name[0] == '.' ||
		    places->backend->pin_id(entry->fts_path, &place.map_id))
			continue;
		place.path = path_dup(entry->fts_path);
		place_add(places, place);
	}
	if (tree)
		fts_close(tree);
}

static void comm_read(int pid, char *ret_comm, size_t size)
{
	char path[64];
	FILE *file;

	ret_comm[0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(ret_comm, (int)size, file))
		ret_comm[0] = 0;
	fclose(file);
	ret_comm[strcspn(ret_comm, "\n")] = 0;
}

static bool holder_known(const struct places *places, int pid, const struct backend_token *token)
{
	for (size_t i = places->count; i-- > 0 && places->place[i].pid == pid;)
		if (places->place[i].token.a == token->a && places->place[i].token.b == token->b)
			return true;
	return false;
}

static void holder_add(struct places *places, int pid, const struct backend_token *token)
{
	struct place place = {.pid = pid, .token = *token};
	char comm[32];

	if (holder_known(places, pid, token))
		return;
	comm_read(pid, comm, sizeof(comm));
	place.path = path_dup(comm);
	place_add(places, place);
}

static void descriptors_find(struct places *places, int pid, DIR *dir)
{
	struct backend_token token;
	struct dirent *entry;
	char path[300];

	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    places->backend->proc_token(path, &token))
			holder_add(places, pid, &token);
	}
}

/* A mapping keeps a map without any descriptor. */
static void mappings_find(struct places *places, int pid)
{
	struct backend_token token;
	char path[64], *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && getline(&line, &room, file) >= 0)
		if (places->backend->mapping_token(line, &token))
			holder_add(places, pid, &token);
	free(line);
	if (file)
		fclose(file);
}

static void process_find(struct places *places, int pid)
{
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir) {
		/* Gone since it was listed, or not ours to see. */
		places->unseen += errno == EACCES || errno == EPERM;
		return;
	}
	descriptors_find(places, pid, dir);
	closedir(dir);
	if (places->backend->mapping_token)
		mappings_find(places, pid);
}

static void holders_find(struct places *places)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid())
			process_find(places, pid);
	}
	if (dir)
		closedir(dir);
}

void places_find(const struct backend *backend, struct places *ret_places)
{
	*ret_places = (struct places){.backend = backend};
	pins_find(ret_places);
	holders_find(ret_places);
}

void places_free(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		free(places->place[i].path);
	free(places->place);
}

static void pins_print(struct cli *cli, const struct places *places, uint32_t map_id)
{
	out_key(cli->out, "pinned", "pinned");
	out_begin(cli->out, OUT_ARRAY, OUT_LIST);
	for (size_t i = 0; i < places->count; i++)
		if (!places->place[i].pid && places->place[i].map_id == map_id)
			out_str(cli->out, places->place[i].path);
	out_end(cli->out);
}

static void holders_print(struct cli *cli, const struct places *places,
			  const struct backend_token *token)
{
	out_key(cli->out, "pids", "pids");
	out_begin(cli->out, OUT_ARRAY, OUT_LIST);
	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->place[i];

		if (!place->pid || place->token.a != token->a || place->token.b != token->b)
			continue;
		out_begin(cli->out, OUT_OBJECT, OUT_LIST);
		out_key(cli->out, "pid", "pid");
		out_u64(cli->out, (uint64_t)place->pid);
		out_key(cli->out, "comm", "comm");
		out_str(cli->out, place->path);
		out_end(cli->out);
	}
	out_end(cli->out);
}

bool places_held(const struct places *places, const struct backend_token *token)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].pid && places->place[i].token.a == token->a &&
		    places->place[i].token.b == token->b)
			return true;
	return false;
}

void places_print(struct cli *cli, const struct places *places, const struct mapref *ref)
{
	struct backend_token token;

	pins_print(cli, places, ref->info.id);
	if (!ref->backend->map_token(ref->fd, &ref->info, &token))
		holders_print(cli, places, &token);
}
