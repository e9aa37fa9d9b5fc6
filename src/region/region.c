/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* region.c: create, open, reserve, pin (layout: region.h).
 *
 * States       unnamed, no region to those who find it in /proc [region_create] -> a region
 *              [region_publish] -> seen by others once its descriptor is given away or linked
 *              [region_link]
 * Invariants   1. the file's size is what its header says and what the spec needs (checked at open)
 *              2. memory is reserved before it is touched: the header, the body up to reserve_end
 *                 and the BTF here, the rest by whoever grows into it [region_reserve]; what a
 *                 sparse copy lost of it, at open [region_fill_holes]
 * Locks        none
 * Edges        N1 release of magic -> N2 acquire: who opens the file sees all that was written
 *              before
 * If a process dies    the kernel frees an unnamed file with its last holder
 */
#include "region/region.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/page.h"
#include "region/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ALIGN_UP(n, a) (((n) + (a)-1) / (a) * (a))

/* Body and owner table begin on a boundary that is a page on every machine we run on. */
#define REGION_ALIGN 65536
/* More than any map may ask for, and far from overflow. */
#define REGION_MAX_BYTES ((uint64_t)1 << 46)
#define BTF_MAX_BYTES	 (16u << 20)
/* The size of a huge page, or of several; any other costs speed alone. */
#define HUGE_BYTES ((uint64_t)2 << 20)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
/* Handles keep their descriptors from this number on, if the limit allows. */
#define FD_HIGH 512
/* From here on a reservation looks first whether the memory is there. */
#define RESERVE_LARGE ((uint64_t)64 << 20)

_Static_assert(sizeof(struct region_header_shm) == REGION_HEADER_LEN,
	       "the header is the last page");
_Static_assert(offsetof(struct region_header_shm, type_words) == 256, "drawn in region.h");

/* Where everything is, from the two sizes that decide it. */
static uint64_t owners_offset(uint64_t body_bytes)
{
	return ALIGN_UP(body_bytes, REGION_ALIGN);
}

static uint64_t btf_offset(uint64_t body_bytes)
{
	return owners_offset(body_bytes) + OWNER_TABLE_BYTES;
}

static uint64_t region_bytes(uint64_t body_bytes, uint32_t btf_size)
{
	return ALIGN_UP(btf_offset(body_bytes) + btf_size, 4096) + REGION_HEADER_LEN;
}

void region_layout(uint64_t body_bytes, uint32_t btf_size, struct region_layout *ret_layout)
{
	uint64_t size = region_bytes(body_bytes, btf_size);

	*ret_layout = (struct region_layout){
		.owners_off = owners_offset(body_bytes),
		.owners_len = OWNER_TABLE_BYTES,
		.btf_off = btf_offset(body_bytes),
		.header_off = size - REGION_HEADER_LEN,
		.size = size,
	};
}

/* Builds that disagree on a structure must refuse each other's files; the magic tells the byte
 * order. */
static uint32_t region_signature(void)
{
	return (uint32_t)(sizeof(struct region_header_shm) | sizeof(struct owner_shm) << 16 |
			  (uint32_t)sizeof(void *) << 24 | 1u << 30);
}

/* Bytes of memory that the machine can still give, roughly; asked before large reservations, since
 * the kernel would rather kill somebody than refuse. */
static uint64_t memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	bool found = false;
	char line[128];

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "MemAvailable: %llu kB", &kib) == 1;
	if (f)
		fclose(f);
	return found ? kib * 1024 : UINT64_MAX;
}

/* The whole huge pages of a range: fewer TLB misses, and the kernel hands them out faster. Only
 * where every byte of one is wanted, so that they cost no memory. False: there are none. */
static bool huge_part(uint64_t off, uint64_t len, uint64_t *ret_first, uint64_t *ret_end)
{
	*ret_first = ALIGN_UP(off, HUGE_BYTES);
	*ret_end = (off + len) / HUGE_BYTES * HUGE_BYTES;
	return *ret_first < *ret_end;
}

static int reserve_private(struct region *region, uint64_t off, uint64_t len)
{
	uint64_t start = page_floor(off), first, end;

	if (huge_part(off, len, &first, &end))
		madvise(region->base + first, end - first, MADV_HUGEPAGE);

	if (madvise(region->base + start, page_ceil(off + len) - start, MADV_POPULATE_WRITE) &&
	    errno != EINVAL)
		return fail(ENOMEM, "no memory for %llu bytes of the map", (unsigned long long)len);
	return 0;
}

/* A tmpfs gives huge pages to who asks for them expressly, whatever its mount options say; around a
 * page that is there already. That this fails is no failure: what it did not do, small pages do. */
static void huge_file(struct region *region, uint64_t off, uint64_t len)
{
	uint64_t first, end;

	if (!huge_part(off, len, &first, &end))
		return;
	for (off = first; off < end; off += HUGE_BYTES)
		if (fallocate(region->fd, 0, (off_t)off, (off_t)page_bytes()))
			return;
	madvise(region->base + first, end - first, MADV_COLLAPSE);
}

/* A full tmpfs is to a map what no memory is to the kernel's maps: ENOMEM. */
static int reserve_file(struct region *region, uint64_t off, uint64_t len)
{
	struct statfs fs;

	if (fstatfs(region->fd, &fs))
		memset(&fs, 0, sizeof(fs));
	if (fs.f_blocks && len / (uint64_t)fs.f_bsize > fs.f_bavail) {
		errno = ENOSPC;
	} else {
		if (fs.f_type == TMPFS_MAGIC)
			huge_file(region, off, len);
		do {
			if (!fallocate(region->fd, 0, (off_t)off, (off_t)len))
				return 0;
		} while (errno == EINTR);
	}
	return fail(errno == ENOSPC ? ENOMEM : errno,
		    "cannot reserve %llu bytes for the map in %s: %s (free some there, or make the "
		    "map smaller)",
		    (unsigned long long)len, rundir_path(), strerror(errno));
}

int region_reserve(struct region *region, uint64_t off, uint64_t len)
{
	int err, cancel;

	if (!len)
		return 0;
	if (off > region->size || len > region->size - off)
		return fail(EINVAL, "internal: reserve beyond the region");
	/* The caller may hold a lock; a thread cancelled here would keep it. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (len > RESERVE_LARGE && len > memory_available())
		err = fail(ENOMEM, "the map needs %llu bytes, more memory than is available",
			   (unsigned long long)len);
	else if (region->fd < 0)
		err = reserve_private(region, off, len);
	else
		err = reserve_file(region, off, len);
	pthread_setcancelstate(cancel, NULL);
	if (!err)
		shm_u64_add_relaxed(&region->header->reserved_bytes, len);
	return err;
}

int region_reserve_range(void *arg, uint64_t off, uint64_t len)
{
	return region_reserve(arg, off, len);
}

static int reserve_owner(void *arg, uint64_t off, uint64_t len)
{
	struct region *region = arg;

	return region_reserve(region, owners_offset(region->body_bytes) + off, len);
}

/* Large regions begin at an address at which huge pages can be mapped. */
static void *map_aligned(const struct region *region, int prot, int flags)
{
	uint64_t room = region->size + HUGE_BYTES;
	uint8_t *around, *base;

	if (region->size < HUGE_BYTES)
		return mmap(NULL, region->size, prot, flags, region->fd, 0);
	around = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (around == MAP_FAILED)
		return mmap(NULL, region->size, prot, flags, region->fd, 0);
	base = (uint8_t *)ALIGN_UP((uintptr_t)around, HUGE_BYTES);
	if (mmap(base, region->size, prot, flags | MAP_FIXED, region->fd, 0) == MAP_FAILED) {
		int err = errno;

		munmap(around, room);
		errno = err;
		return MAP_FAILED;
	}
	if (base > around)
		munmap(around, (size_t)(base - around));
	room -= (uint64_t)(base - around) + page_ceil(region->size);
	if (room)
		munmap(base + page_ceil(region->size), room);
	return base;
}

static int region_map(struct region *region)
{
	int prot = region->readonly ? PROT_READ : PROT_READ | PROT_WRITE;
	int flags = region->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;

	region->base = map_aligned(region, prot, flags);
	if (region->base == MAP_FAILED) {
		region->base = NULL;
		return fail_os(errno == EAGAIN ? ENOMEM : errno, "cannot map %llu bytes",
			       (unsigned long long)region->size);
	}
	region->header = (void *)(region->base + region->size - REGION_HEADER_LEN);
	return 0;
}

static int region_attach_owners(struct region *region)
{
	return owner_table_open(&region->owners,
				(void *)(region->base + owners_offset(region->body_bytes)),
				region->fd, region->readonly ? NULL : reserve_owner, region);
}

static void header_write(const struct region *region)
{
	struct region_header_shm *h = region->header;

	h->version = REGION_VERSION;
	h->signature = region_signature();
	h->file_size = region->size;
	h->created_ns = region->created_ns;
	h->seed = region->seed;
	h->type = region->spec.type;
	h->key_size = region->spec.key_size;
	h->value_size = region->spec.value_size;
	h->max_entries = region->spec.max_entries;
	h->map_flags = region->spec.map_flags;
	h->numa_node = region->spec.numa_node;
	h->map_extra = region->spec.map_extra;
	h->spin_lock_plus1 = region->spec.spin_lock_plus1;
	h->id = region->id;
	h->cpus = region->cpus;
	memcpy(h->name, region->name, sizeof(h->name));
	h->btf_size = region->btf_size;
	h->btf_id = region->btf_id;
	h->btf_key_type_id = region->btf_key_type_id;
	h->btf_value_type_id = region->btf_value_type_id;
}

void region_publish(struct region *region)
{
	/* N1 release -> N2 */
	shm_u64_store_release(&region->header->magic, REGION_MAGIC);
}

/* Away from the low numbers that programs count on and loops over. */
static int fd_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH);

	if (high < 0)
		return fd;
	close(fd);
	return high;
}

/* The file, its size, and the parts of it that are there from the beginning. */
static int region_make_bytes(struct region *region, const struct region_create *how)
{
	int err;

	if (how->shared) {
		region->fd = how->dir ? rundir_tmpfile_in(how->dir) : rundir_tmpfile();
		if (region->fd < 0)
			return region->fd;
		region->fd = fd_high(region->fd);
		if (ftruncate(region->fd, (off_t)region->size))
			return fail_os(errno, "cannot make a file of %llu bytes in %s",
				       (unsigned long long)region->size, rundir_path());
		err = rundir_next_id(0, &region->id);
		if (err)
			return err;
		while (fallocate(region->fd, 0, (off_t)(region->size - REGION_HEADER_LEN),
				 REGION_HEADER_LEN))
			if (errno != EINTR)
				return fail_os(errno == ENOSPC ? ENOMEM : errno,
					       "no room for a map in %s", rundir_path());
	}
	err = region_map(region);
	if (err)
		return err;
	shm_u64_store_relaxed(&region->header->reserved_bytes, REGION_HEADER_LEN);
	err = region_reserve(region, 0, how->reserve_end);
	if (!err)
		err = region_reserve(region, owners_offset(region->body_bytes), OWNER_PAGE);
	if (!err)
		err = region_reserve(region, region->btf_off, how->btf_size);
	return err;
}

int region_create(const struct region_create *how, struct region **ret_region)
{
	struct region *region;
	int err;

	if (how->body_bytes > REGION_MAX_BYTES || how->body_bytes > SIZE_MAX / 2 ||
	    how->btf_size > BTF_MAX_BYTES)
		return fail(ENOMEM, "a map of %llu bytes is too large for an address space",
			    (unsigned long long)how->body_bytes);
	region = calloc(1, sizeof(*region));
	if (!region)
		return fail(ENOMEM, "no memory for a handle");
	region->fd = -1;
	region->spec = how->spec;
	region->body_bytes = how->body_bytes;
	region->size = region_bytes(how->body_bytes, how->btf_size);
	region->btf_off = btf_offset(how->body_bytes);
	region->btf_size = how->btf_size;
	region->btf_id = how->btf_id;
	region->btf_key_type_id = how->btf_key_type_id;
	region->btf_value_type_id = how->btf_value_type_id;
	region->created_ns = clock_ns(CLOCK_REALTIME);
	region->cpus = how->cpus;
	snprintf(region->name, sizeof(region->name), "%s", how->name ? how->name : "");
	if (how->seeded && getrandom(&region->seed, sizeof(region->seed), 0) < 0)
		region->seed = region->created_ns * 0x9e3779b97f4a7c15ull;
	err = region_make_bytes(region, how);
	if (!err) {
		if (how->btf_size)
			memcpy(region->base + region->btf_off, how->btf, how->btf_size);
		header_write(region);
		err = region_attach_owners(region);
	}
	if (err)
		region_close(region);
	else
		*ret_region = region;
	return err;
}

int region_order_check(uint64_t magic, uint64_t expected)
{
	if (magic != __builtin_bswap64(expected))
		return 0;
	return fail(EUCLEAN,
		    "the file was made on a machine of the other byte order, which alone can "
		    "read it");
}

/* Everything in the header that can be judged without knowing the type. */
static int header_check(const struct region_header_shm *h, uint64_t file_size)
{
	uint64_t magic = shm_u64_load_relaxed(&h->magic);
	int err = region_order_check(magic, REGION_MAGIC);

	if (err)
		return err;
	if (magic != REGION_MAGIC)
		return fail(EUCLEAN, "the file is not a bpfmap region (no magic at its end)");
	if (h->version != REGION_VERSION)
		return fail(EUCLEAN,
			    "the map has region format %u, this build reads %u; snapshot it "
			    "with the build that made it, and restore that with this one",
			    h->version, REGION_VERSION);
	if (h->signature != region_signature())
		return fail(EUCLEAN,
			    "the map was made by a build with another layout (signature %x, "
			    "ours %x); snapshot it with that one, and restore that with this one",
			    h->signature, region_signature());
	if (h->file_size != file_size)
		return fail(EUCLEAN, "the file has %llu bytes, its header says %llu: truncated?",
			    (unsigned long long)file_size, (unsigned long long)h->file_size);
	if (memchr(h->name, 0, sizeof(h->name)) == NULL || h->btf_size > BTF_MAX_BYTES ||
	    !h->cpus || h->cpus > REGION_CPUS_MAX)
		return fail(EUCLEAN, "the region's header is damaged");
	return 0;
}

static void header_adopt(struct region *region, const struct region_header_shm *h)
{
	region->spec.type = h->type;
	region->spec.key_size = h->key_size;
	region->spec.value_size = h->value_size;
	region->spec.max_entries = h->max_entries;
	region->spec.map_flags = h->map_flags;
	region->spec.numa_node = h->numa_node;
	region->spec.map_extra = h->map_extra;
	region->spec.spin_lock_plus1 = h->spin_lock_plus1;
	region->seed = h->seed;
	region->created_ns = h->created_ns;
	region->id = h->id;
	region->cpus = h->cpus;
	memcpy(region->name, h->name, sizeof(region->name));
	region->btf_size = h->btf_size;
	region->btf_id = h->btf_id;
	region->btf_key_type_id = h->btf_key_type_id;
	region->btf_value_type_id = h->btf_value_type_id;
}

/* Read the header once into private memory and believe only that copy. */
static int region_read_header(struct region *region, region_body_fn *body_bytes)
{
	struct region_header_shm h;
	struct stat st;
	int err;

	if (fstat(region->fd, &st) || !S_ISREG(st.st_mode) || st.st_size < REGION_HEADER_LEN)
		return fail(EUCLEAN, "the file is not a bpfmap region");
	if (pread(region->fd, &h, sizeof(h), st.st_size - REGION_HEADER_LEN) != sizeof(h))
		return fail(EUCLEAN, "cannot read the region's header");
	err = header_check(&h, (uint64_t)st.st_size);
	if (err)
		return err;
	header_adopt(region, &h);
	err = body_bytes(&region->spec, region->cpus, &region->body_bytes);
	if (err)
		return err;
	region->size = (uint64_t)st.st_size;
	region->btf_off = btf_offset(region->body_bytes);
	if (region->body_bytes > REGION_MAX_BYTES || region->body_bytes > SIZE_MAX / 2 ||
	    region->size != region_bytes(region->body_bytes, region->btf_size))
		return fail(EUCLEAN,
			    "the file's size does not fit the map that its header describes");
	return 0;
}

static int reopen(int fd, int oflags)
{
	char path[64];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, oflags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (own < 0)
		return fail_os(errno, "cannot open the map's file again");
	return own;
}

int region_open_fd(int fd, bool readonly, region_body_fn *body_bytes, struct region **ret_region)
{
	struct region *region;
	struct stat st;
	int err;

	/* Opening a fifo or a device can block or act; look first. */
	if (fstat(fd, &st))
		return fail_os(errno, "descriptor %d", fd);
	if (!S_ISREG(st.st_mode))
		return fail(EUCLEAN, "not a regular file, so not a map");
	region = calloc(1, sizeof(*region));
	if (!region)
		return fail(ENOMEM, "no memory for a handle");
	region->readonly = readonly;
	region->fd = reopen(fd, readonly ? O_RDONLY : O_RDWR);
	if (region->fd >= 0)
		region->fd = fd_high(region->fd);
	err = region->fd < 0 ? region->fd : region_read_header(region, body_bytes);
	if (!err)
		err = region_map(region);
	/* N2 acquire <- N1 */
	if (!err && shm_u64_load_acquire(&region->header->magic) != REGION_MAGIC)
		err = fail(EUCLEAN, "the region's header changes while it is opened");
	if (!err)
		err = region_attach_owners(region);
	if (err)
		region_close(region);
	else
		*ret_region = region;
	return err;
}

/* ---- holes ----------------------------------------------------------------------------------- */

struct block_count {
	uint64_t unit; /* bytes of a block */
	uint64_t blocks;
	uint64_t next; /* blocks before it are counted: ranges may meet in one */
};

static int range_count(void *arg, uint64_t off, uint64_t len)
{
	struct block_count *count = arg;
	uint64_t first = off / count->unit, end = (off + len + count->unit - 1) / count->unit;

	first = first > count->next ? first : count->next;
	if (len && end > first) {
		count->blocks += end - first;
		count->next = end;
	}
	return 0;
}

static int range_fill(void *arg, uint64_t off, uint64_t len)
{
	struct region *region = arg;
	uint64_t start = page_floor(off);

	if (!len)
		return 0;
	if (!region->readonly)
		return reserve_file(region, off, len);
	if (!madvise(region->base + start, page_ceil(off + len) - start, MADV_POPULATE_READ))
		return 0;
	return fail(ENOMEM,
		    "the map's file has holes (a sparse copy?) and cannot be read safely: %s (free "
		    "some room in its file system, or copy it with cp --sparse=never)",
		    errno == EFAULT ? "no room to fill them" : strerror(errno));
}

/* Bytes of the owner table that have been reserved, by its own word. That is read from the file,
 * since its page may be a hole. */
static uint64_t owners_reserved(const struct region *region)
{
	uint64_t at =
		owners_offset(region->body_bytes) + offsetof(struct owner_table_shm, reserved);
	uint32_t records = 0;

	if (pread(region->fd, &records, sizeof(records), (off_t)at) != sizeof(records) || !records)
		return OWNER_PAGE;
	records = records < OWNER_MAX ? records : OWNER_MAX;
	return offsetof(struct owner_table_shm, records) + records * sizeof(struct owner_shm);
}

/* The parts that are the region's own lie behind the body. */
static int reserved_walk(const struct region *region, region_reserved_fn *reserved, void *owner,
			 region_range_fn *fn, void *arg)
{
	int err = reserved(owner, fn, arg);

	if (!err)
		err = fn(arg, owners_offset(region->body_bytes), owners_reserved(region));
	if (!err)
		err = fn(arg, region->btf_off, region->btf_size);
	return err ? err : fn(arg, region->size - REGION_HEADER_LEN, REGION_HEADER_LEN);
}

/* 1: the file takes less room than what was reserved, in blocks of unit bytes. */
static int holes_suspected(const struct region *region, region_reserved_fn *reserved, void *owner,
			   uint64_t unit)
{
	struct block_count count = {.unit = unit};
	struct stat st;
	int err = reserved_walk(region, reserved, owner, range_count, &count);

	if (err)
		return err;
	/* Counted first, so that what grows meanwhile is not missed. */
	if (fstat(region->fd, &st))
		return fail_os(errno, "cannot ask how much of the map's file there is");
	return (uint64_t)st.st_blocks * 512 < count.blocks * unit;
}

/* What the file system hands out at a time; a page, if it says more, which would be the size of
 * transfers. */
static uint64_t file_block_bytes(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) || fs.f_bsize < 512 || (uint64_t)fs.f_bsize > page_bytes())
		return page_bytes();
	return (uint64_t)fs.f_bsize;
}

int region_fill_holes(struct region *region, region_reserved_fn *reserved, void *owner)
{
	/* By pages first, as a tmpfs has them: a disk's blocks are rarely smaller, and need one
	 * more call. */
	int suspected = holes_suspected(region, reserved, owner, page_bytes());

	if (suspected > 0)
		suspected = holes_suspected(region, reserved, owner, file_block_bytes(region->fd));
	/* Files that take less room than they have bytes for other reasons (compression) are
	 * reserved again, which changes nothing. */
	return suspected > 0 ? reserved_walk(region, reserved, owner, range_fill, region)
			     : suspected;
}

void region_close(struct region *region)
{
	if (region->owners.shm)
		owner_table_close(&region->owners);
	if (region->base)
		munmap(region->base, region->size);
	if (region->fd >= 0)
		close(region->fd);
	free(region);
}

uint64_t region_memory_bytes(const struct region *region)
{
	struct stat st;

	/* The file system counts what a file really holds. */
	if (region->fd >= 0 && !fstat(region->fd, &st))
		return (uint64_t)st.st_blocks * 512;
	return shm_u64_load_relaxed(&region->header->reserved_bytes);
}

int region_dup_fd(const struct region *region, int oflags)
{
	if (region->fd < 0)
		return fail(ENOTSUP, "a map in private memory has no descriptor; create it with "
				     "BPFMAP_MEMORY_SHARED");
	return reopen(region->fd, oflags);
}

/* Reading it by umask(2) would change it for all threads. */
static mode_t umask_now(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned int mask = 077;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Umask: %o", &mask) == 1)
			break;
	if (f)
		fclose(f);
	return (mode_t)mask;
}

int region_link(int fd, const char *path)
{
	char from[64];
	struct stat st;

	/* The first pin decides the mode of the file, as in the kernel. */
	if (!fstat(fd, &st) && st.st_nlink == 0)
		fchmod(fd, 0600 & ~umask_now());
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (!linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return 0;
	switch (errno) {
	case EXDEV:
		return fail(EPERM,
			    "cannot pin at %s: it is on another file system than the runtime "
			    "directory %s",
			    path, rundir_path());
	case EEXIST: return fail(EEXIST, "%s exists already", path);
	case ENOENT:
		if (!fstat(fd, &st) && st.st_nlink == 0 && access(path, F_OK) && errno == ENOENT)
			return fail(ENOENT,
				    "cannot pin at %s: its directory does not exist, or the "
				    "map was pinned before and its last pin was removed (Linux "
				    "cannot link such a file again)",
				    path);
	}
	return fail_os(errno, "cannot pin at %s", path);
}
