/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_freeze.c: BPF_MAP_FREEZE, which must not succeed while somebody can write through a mapping.
 *
 * The kernel counts the writable mappings of its maps; here they are ordinary mappings of a file,
 * and /proc tells who has them: /proc/PID/maps of every process that this one may look into, and
 * smaps where a mapping that is read-only now may have been writable before. The library's own
 * handles map the whole file and do not count. One pass over the processes, and only for
 * BPF_F_MMAPABLE maps.
 *
 * Differences from the kernel: the mappings of processes that cannot be looked into (another
 * user's, with their copy of the descriptor) do not hinder, nor does one that is made while the
 * freeze is under way.
 */
#include "base/error.h"
#include "base/page.h"
#include "bpf/commands.h"
#include "bpf/elem.h"
#include "region/region.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A map's file as /proc/PID/maps names it. */
struct map_file {
	unsigned int major;
	unsigned int minor;
	unsigned long long inode;
	uint64_t size; /* bytes, to the end of a page */
};

struct mapping {
	unsigned long long start;
	unsigned long long end;
	char rights[8];
	struct map_file file;
};

static int mapping_parse(const char *line, struct mapping *ret)
{
	unsigned long long off;

	return sscanf(line, "%llx-%llx %7s %llx %x:%x %llu", &ret->start, &ret->end, ret->rights,
		      &off, &ret->file.major, &ret->file.minor, &ret->file.inode) == 7;
}

/* Somebody's mapping of the file, not a handle's. */
static int mapping_counts(const struct mapping *mapping, const struct map_file *file)
{
	return mapping->file.inode == file->inode && mapping->file.major == file->major &&
	       mapping->file.minor == file->minor && mapping->rights[3] == 's' &&
	       mapping->end - mapping->start != file->size;
}

static FILE *proc_open(const char *process, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%s/%s", process, name);
	return fopen(path, "re");
}

/* How the handle's own mapping is listed: stat(2) may give another device than /proc does. */
static int map_file_find(const struct region *region, struct map_file *ret)
{
	FILE *maps = proc_open("self", "maps");
	struct mapping mapping = {0};
	char line[512];
	int found = 0;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = mapping_parse(line, &mapping) && mapping.start <= (uintptr_t)region->base &&
			(uintptr_t)region->base < mapping.end;
	if (maps)
		fclose(maps);
	*ret = mapping.file;
	ret->size = page_ceil(region->size);
	return found;
}

/* Is one of the process's mappings of the file such that it is or can be made writable ("mw")? */
static int process_may_write(const char *process, const struct map_file *file)
{
	FILE *smaps = proc_open(process, "smaps");
	int counts = 0, found = 0;
	struct mapping mapping;
	char line[512];

	while (smaps && !found && fgets(line, sizeof(line), smaps)) {
		if (mapping_parse(line, &mapping))
			counts = mapping_counts(&mapping, file);
		else if (counts && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " mw") != NULL;
	}
	if (smaps)
		fclose(smaps);
	return found;
}

/* The short list first: smaps makes the kernel walk the process's pages. */
static int process_maps(const char *process, const struct map_file *file)
{
	FILE *maps = proc_open(process, "maps");
	struct mapping mapping;
	char line[512];
	int found = 0;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = mapping_parse(line, &mapping) && mapping_counts(&mapping, file);
	if (maps)
		fclose(maps);
	return found && process_may_write(process, file);
}

static int mapped_writable(const struct region *region)
{
	struct map_file file;
	struct dirent *entry;
	int found = 0;
	DIR *proc;

	if (!map_file_find(region, &file))
		return 0;
	proc = opendir("/proc");
	while (proc && !found && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			found = process_maps(entry->d_name, &file);
	if (proc)
		closedir(proc);
	return found;
}

static int freeze_check(const struct fd_ref *ref)
{
	const struct bpfmap *map = ref->object->map;
	int err;

	if (map->spec.spin_lock_plus1)
		return fail(E524, "a map with a spin lock in its values cannot be frozen");
	err = elem_may_write(ref);
	if (!err && (map->spec.map_flags & BPF_F_MMAPABLE) && mapped_writable(map->region))
		err = fail(EBUSY, "the map is mapped writable; unmap it before freezing");
	return err;
}

long map_freeze(union call_attr *attr, const struct call *call)
{
	struct fd_ref ref;
	int err = fd_get((int)attr->elem.map_fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	err = freeze_check(&ref);
	if (!err)
		err = bpfmap_freeze(ref.object->map);
	fd_put(&ref);
	return err;
}
