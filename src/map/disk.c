/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* disk.c: see disk.h. Who has a map on a disk open for writing holds a shared lock (of its open
 * file description, as in sync/owner.h) on byte OWNER_USERS of the file. Whoever can have that byte
 * alone is the first or the last user.
 *
 * States       header.unclean: 0 -> 1 [map_disk_open by the first user, after what it found was
 *              judged; map_disk_created] -> 0 [map_disk_close by the last user, after everything is
 *              on the disk]
 * Invariants   1. while anybody writes, unclean is 1, on the disk too (synced before the first
 *              write)
 *              2. unclean = 0 on the disk: all that was written before is there
 * Locks        the byte; who has it alone keeps it while it judges or syncs, others wait
 * Progress     an open waits for the first user's check
 * If a process dies    unclean stays 1. Who opens the map next mends what dead owners left and
 *              checks every invariant. If the machine died as well, pages may be missing or torn:
 *              what the check finds is refused to writers; values that are torn it cannot see.
 */
#include "map/disk.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/page.h"
#include "region/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS	 10000000
#define WAIT_MAX 6000 /* of them: a minute */

/* The boot's name as a number; 0 if it cannot be told. */
static uint64_t boot_now(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	return len > 0 ? hash_bytes(text, (uint32_t)len, 0) : 0;
}

static bool on_disk(const struct region *region)
{
	struct statfs fs;

	return region->fd >= 0 && !fstatfs(region->fd, &fs) && fs.f_type != TMPFS_MAGIC &&
	       fs.f_type != HUGETLBFS_MAGIC && fs.f_type != RAMFS_MAGIC;
}

static bool lock_users(const struct region *region, short type)
{
	return !owner_lock_users(region->fd, type);
}

static int pages_sync(const struct region *region, uint64_t off)
{
	if (msync(region->base + off, region->size - off, MS_SYNC) || fsync(region->fd))
		return fail_os(errno, "cannot write the map to its disk");
	return 0;
}

static int header_sync(const struct region *region)
{
	return pages_sync(region, page_floor(region->size - REGION_HEADER_LEN));
}

int map_disk_sync(struct bpfmap *map)
{
	return on_disk(map->region) ? pages_sync(map->region, 0) : 0;
}

/* Ids are counted anew after a reboot; a map from before needs one that is nobody else's. */
static int id_renew(struct region *region)
{
	uint64_t boot = boot_now();
	int err;

	if (shm_u64_load_relaxed(&region->header->boot) == boot)
		return 0;
	err = rundir_next_id(0, &region->id);
	if (err)
		return err;
	region->header->id = region->id;
	shm_u64_store_relaxed(&region->header->boot, boot);
	return 0;
}

/* The last user did not close it: process, machine or disk died. Nobody else has it open. */
static int judge(struct bpfmap *map)
{
	char why[200];

	owner_mend_all(&map->region->owners);
	if (!map->ops->check(map))
		return 0;
	strncpy(why, error_sentence(), sizeof(why) - 1);
	why[sizeof(why) - 1] = 0;
	return fail(
		EUCLEAN,
		"the map was not closed cleanly and is damaged: %s. It can be opened read-only: "
		"bpfmap persist saves what can be read into a new file",
		why);
}

/* With the users' byte for itself. */
static int first_user(struct bpfmap *map)
{
	struct region_header_shm *header = map->region->header;
	int err = shm_u32_load_relaxed(&header->unclean) ? judge(map) : 0;

	if (!err)
		err = id_renew(map->region);
	if (err)
		return err;
	shm_u32_store_relaxed(&header->unclean, 1);
	return header_sync(map->region);
}

int map_disk_created(struct bpfmap *map)
{
	struct region *region = map->region;

	if (!on_disk(region))
		return 0;
	shm_u64_store_relaxed(&region->header->boot, boot_now());
	shm_u32_store_relaxed(&region->header->unclean, 1);
	lock_users(region, F_RDLCK);
	region->owners.is_user = true;
	return 0;
}

int map_disk_open(struct bpfmap *map)
{
	struct timespec moment = {.tv_nsec = WAIT_NS};
	struct region *region = map->region;
	int err = 0, tries = 0;

	if (region->readonly || !on_disk(region))
		return 0;
	for (;;) {
		if (lock_users(region, F_WRLCK)) {
			err = first_user(map);
			break;
		}
		/* Others use it. Unless the last of them has just left, they have judged it. */
		if (lock_users(region, F_RDLCK) && owner_other_users(region->fd))
			break;
		lock_users(region, F_UNLCK);
		if (++tries > WAIT_MAX)
			return fail(ETIMEDOUT, "another process has been checking the map for a "
					       "minute; is it stopped?");
		nanosleep(&moment, NULL);
	}
	lock_users(region, err ? F_UNLCK : F_RDLCK);
	region->owners.is_user = !err;
	return err;
}

void map_disk_close(struct bpfmap *map)
{
	struct region *region = map->region;
	struct stat st;

	if (!region->owners.is_user || !lock_users(region, F_WRLCK))
		return;
	/* A file without a name goes with us. */
	if (!fstat(region->fd, &st) && st.st_nlink) {
		owner_mend_all(&region->owners);
		if (!pages_sync(region, 0)) {
			shm_u32_store_relaxed(&region->header->unclean, 0);
			header_sync(region);
		}
	}
}
