/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_user.c: one look at the maps in user space: a single walk over the pins and over the
 * descriptors of all processes finds the maps, their pins and their holders. A file is recognised
 * once for each look and opened for no longer than its counters are read.
 */
#include "cli/top_collect.h"

#include "bpf/object.h"
#include "cli/text.h"
#include "region/rundir.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files are found again by a table of so many chains. */
#define CHAINS 1024

struct user_file {
	ino_t ino;
	bool is_map;
	struct top_facts facts;
	struct user_file *next;
};

struct user_scan {
	const struct top_collector *collector;
	uint64_t now_ns;
	/* The runtime directory, where all maps are: its file system, and its path with a slash
	 * behind. */
	dev_t dev;
	char dir[PATH_MAX + 1];
	struct user_file *chain[CHAINS];
};

static void facts_fill(struct top_facts *facts, const struct bpfmap_info *info)
{
	const struct bpf_map_info named = {.type = info->type};
	uint64_t failed = info->failed_updates + info->failed_exists + info->failed_absent +
			  info->failed_other;
	const uint64_t counter[TOP_COUNTERS] = {
		[TOP_COUNT_LOOKUPS] = info->lookups,	 [TOP_COUNT_HITS] = info->hits,
		[TOP_COUNT_UPDATES] = info->updates,	 [TOP_COUNT_DELETES] = info->deletes,
		[TOP_COUNT_EVICTIONS] = info->evictions, [TOP_COUNT_FAILURES] = failed,
	};

	facts->id = info->id;
	facts->created_ns = info->created_ns;
	memcpy(facts->name, info->name, sizeof(facts->name));
	facts->type = mapref_type(&named);
	facts->max_entries = info->max_entries;
	facts->full_hurts = top_full_hurts(info->type);
	facts->always_full = backend_is_array(info->type);
	facts->entries_known = backend_is_counted(info->type);
	facts->entries = info->entries;
	facts->memory_known = true;
	facts->memory_bytes = info->memory_bytes;
	for (size_t c = 0; c < TOP_COUNTERS; c++) {
		facts->counter[c] = counter[c];
		facts->counted[c] =
			info->lookups_counted || (c != TOP_COUNT_LOOKUPS && c != TOP_COUNT_HITS);
	}
	facts->counted[TOP_COUNT_EVICTIONS] = backend_is_lru(info->type);
}

static void file_look(struct user_file *file, int dirfd, const char *name, uint64_t now_ns)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum object_kind kind;
	struct bpfmap_info info;
	struct bpfmap *map;
	uint32_t id;

	if (fd < 0)
		return;
	if (!object_identify(fd, &kind, &id) && kind == OBJECT_MAP &&
	    !bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &map)) {
		file->is_map = !bpfmap_get_info(map, &info);
		if (file->is_map)
			facts_fill(&file->facts, &info);
		file->facts.entries_ns = now_ns;
		bpfmap_close(map);
	}
	close(fd);
}

/* The map in a file, NULL if it is something else. */
static struct user_file *file_at(struct user_scan *scan, int dirfd, const char *name)
{
	struct user_file *file, **chain;
	struct stat st;

	if (fstatat(dirfd, name, &st, 0) || !S_ISREG(st.st_mode) || st.st_dev != scan->dev)
		return NULL;
	chain = &scan->chain[st.st_ino % CHAINS];
	for (file = *chain; file; file = file->next)
		if (file->ino == st.st_ino)
			return file->is_map ? file : NULL;
	file = must_realloc(NULL, sizeof(*file));
	*file = (struct user_file){.ino = st.st_ino, .next = *chain};
	*chain = file;
	file_look(file, dirfd, name, scan->now_ns);
	return file->is_map ? file : NULL;
}

static void pins_scan(struct user_scan *scan)
{
	char *const roots[] = {(char *)rundir_path(), NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree))) {
		struct user_file *file;

		/* Hidden files are bookkeeping: pin names hold no dot. */
		if (entry->fts_info != FTS_F || entry->fts_name[0] == '.')
			continue;
		file = file_at(scan, AT_FDCWD, entry->fts_path);
		if (file)
			top_list_add(&file->facts.pins, entry->fts_path);
	}
	if (tree)
		fts_close(tree);
}

static void holder_add(struct user_file *file, const char *holder)
{
	size_t have = file->facts.pids ? strlen(file->facts.pids) : 0, len = strlen(holder);

	/* A process's descriptors stand side by side: only the last one named may be the same. */
	if (have < len || strcmp(file->facts.pids + have - len, holder))
		top_list_add(&file->facts.pids, holder);
}

static void holder_name(const char *pid, char *ret_name, size_t size)
{
	char path[64], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t len = read(fd, comm, sizeof(comm) - 1);

		comm[len > 0 ? len : 0] = 0;
		comm[strcspn(comm, "\n")] = 0;
		close(fd);
	}
	snprintf(ret_name, size, "%.20s %s", pid, comm);
}

/* Ids are unique in one runtime directory, and others may lie in the same file system. */
static bool is_ours(const struct user_scan *scan, int dirfd, const char *name)
{
	size_t prefix = strlen(scan->dir);
	char target[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, target, sizeof(target));

	return len >= (ssize_t)prefix && !memcmp(target, scan->dir, prefix);
}

static void process_scan(struct user_scan *scan, const char *pid)
{
	char path[64], holder[64] = "";
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		struct user_file *file = is_ours(scan, dirfd(dir), entry->d_name)
						 ? file_at(scan, dirfd(dir), entry->d_name)
						 : NULL;

		if (!file)
			continue;
		if (!holder[0])
			holder_name(pid, holder, sizeof(holder));
		holder_add(file, holder);
	}
	if (dir)
		closedir(dir);
}

static void holders_scan(struct user_scan *scan)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid() && pid != scan->collector->other_pid)
			process_scan(scan, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

void top_user_collect(const struct top_collector *collector, struct top_model *model)
{
	struct user_scan scan = {.collector = collector, .now_ns = model->at_ns};
	struct stat st;

	if (stat(rundir_path(), &st) || !realpath(rundir_path(), scan.dir))
		return;
	strcat(scan.dir, "/");
	scan.dev = st.st_dev;
	pins_scan(&scan);
	holders_scan(&scan);
	for (size_t i = 0; i < CHAINS; i++) {
		while (scan.chain[i]) {
			struct user_file *file = scan.chain[i];

			scan.chain[i] = file->next;
			if (file->is_map)
				top_model_add(model, &file->facts);
			free(file);
		}
	}
}
