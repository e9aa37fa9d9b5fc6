/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* region.h: a map's bytes, as private memory, an unnamed file or a pinned file.
 *
 * File layout (offsets in bytes; the file's size never changes after creation):
 *   0                       the type's body (array values start at 0: programs mmap the fd there)
 *   body_bytes, aligned     owner table (who writes: sync/owner.h)
 *   ...                     BTF blob, as given
 *   file_size - 4096        struct region_header_shm
 * Every offset is a pure function of the header's spec fields (region_layout()), computed and
 * compared with the file's size at open. After open only the private copy is used.
 */
#ifndef BPFMAP_REGION_REGION_H
#define BPFMAP_REGION_REGION_H

#include "region/spec.h"
#include "sync/atomics.h"
#include "sync/owner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGION_MAGIC	  0x70616d6670625fffull /* ff 5f "bpfmap" */
#define REGION_VERSION	  1
#define REGION_HEADER_LEN 4096
#define REGION_CPUS_MAX	  4096

/* Who may write through the API. */
enum region_closed {
	REGION_OPEN,
	REGION_FROZEN, /* nobody, for ever */
	REGION_MOVING, /* who tries waits: map/move.c */
	REGION_MOVED,  /* nobody: another region has taken its place */
};

/* The last 4096 bytes of a region. */
struct region_header_shm {
	/* Written once by the creator. Before the magic is there, nobody takes the file for a
	 * region. */
	struct shm_u64 magic;
	uint32_t version;
	uint32_t signature; /* of structures and pointers: builds refuse each other */
	uint64_t file_size;
	uint64_t created_ns;
	uint64_t seed;
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	uint32_t numa_node;
	uint64_t map_extra;
	uint32_t id;
	uint32_t cpus; /* possible CPUs that per-CPU values are laid out for */
	char name[16];
	uint32_t btf_size;
	uint32_t btf_id;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t spin_lock_plus1;
	/* Written by anybody, rarely. */
	struct shm_u32 frozen;	       /* enum region_closed */
	struct shm_u64 reserved_bytes; /* bytes of the file that have been reserved */
	struct shm_u64 changed_ns;     /* CLOCK_REALTIME when a change was last noticed */
	struct shm_u64 changes_seen;   /* how many there were then */
	struct shm_u32 count_lookups;  /* handles opened from now on count lookups, too */
	/* While REGION_MOVING: number + 1 of the owner that moves the elements into another region.
	 * When REGION_MOVED: the id of the map that has them. */
	struct shm_u32 moved_to;
	struct shm_u32 unclean; /* on disk: in use, or not closed by its last user (map/disk.c) */
	struct shm_u64 boot;	/* on disk: which boot the id is from */
	/* The type's own shared words, each group on its own cache lines: map/hash.c,
	 * map/array.c. */
	uint8_t pad[256 - 168];
	struct shm_u64 type_words[(REGION_HEADER_LEN - 256) / 8];
};

/* Private to the process. */
struct region {
	uint8_t *base; /* mapping of the whole region */
	uint64_t size; /* bytes */
	uint64_t body_bytes;
	uint64_t btf_off;
	struct region_header_shm *header; /* in the mapping: input */
	struct map_spec spec;		  /* validated copies from here on */
	uint64_t seed;
	uint64_t created_ns;
	uint32_t id;
	uint32_t cpus;
	char name[16];
	uint32_t btf_size;
	uint32_t btf_id;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	int fd;	       /* our own open file description; -1 for private memory */
	bool readonly; /* mapped PROT_READ */
	struct owner_table owners;
};

/* Where a region's own parts are: a pure function of two sizes, in bytes. */
struct region_layout {
	uint64_t owners_off;
	uint64_t owners_len; /* reserved OWNER_PAGE by OWNER_PAGE, the first one at creation */
	uint64_t btf_off;
	uint64_t header_off;
	uint64_t size;
};

void region_layout(uint64_t body_bytes, uint32_t btf_size, struct region_layout *ret_layout);

/* How to make one. btf may be NULL. */
struct region_create {
	struct map_spec spec;
	uint64_t body_bytes;
	uint64_t reserve_end;
	uint32_t cpus; /* possible CPUs */
	bool shared;
	bool seeded;	 /* false: hash seed 0 (BPF_F_ZERO_SEED) */
	const char *dir; /* where the unnamed file is made; NULL: in the runtime directory */
	const char *name;
	const void *btf;
	uint32_t btf_size;
	uint32_t btf_id;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
};

/* A new zeroed region. ENOMEM, ENOSPC, EMFILE, EACCES. */
int region_create(const struct region_create *how, struct region **ret_region);
/* Its type's bytes are as they must be: from now on it can be opened. */
void region_publish(struct region *region);

/* Bytes of the body for a spec read from a file; -EUCLEAN or -EINVAL if it is not a valid one. */
typedef int region_body_fn(const struct map_spec *spec, uint32_t cpus, uint64_t *ret_bytes);

/* Open the region behind fd, which stays the caller's. readonly: map PROT_READ. EUCLEAN with a
 * sentence if the bytes are not a region of this build. */
int region_open_fd(int fd, bool readonly, region_body_fn *body_bytes, struct region **ret_region);
void region_close(struct region *region);

/* The first word of a header, and what it should be: EUCLEAN with a sentence if a machine of the
 * other byte order wrote it, else 0. */
int region_order_check(uint64_t magic, uint64_t expected);

/* A new close-on-exec descriptor with its own file description; oflags O_RDWR, O_RDONLY,
 * O_WRONLY. */
int region_dup_fd(const struct region *region, int oflags);

/* Reserve [off, off + len) so that touching it cannot fault. 0, ENOSPC, ENOMEM. */
int region_reserve(struct region *region, uint64_t off, uint64_t len);

/* Called with ranges of a region, in ascending order. 0, or an -errno that ends the walk. */
typedef int region_range_fn(void *arg, uint64_t off, uint64_t len);
/* Calls fn for each range of the body that has been reserved; returns what ended the walk. */
typedef int region_reserved_fn(void *owner, region_range_fn *fn, void *arg);
/* region_reserve() as such an fn; arg is the region. */
int region_reserve_range(void *arg, uint64_t off, uint64_t len);

/* After open: a copy that was made sparse has holes where memory was reserved, and touching one is
 * a SIGBUS when the file system is full (on a tmpfs also by reading). What reserved() and the
 * region itself name gets its memory back, through a read-only handle as well. ENOMEM;
 * EOPNOTSUPP. */
int region_fill_holes(struct region *region, region_reserved_fn *reserved, void *owner);

/* Bytes that the region holds now. */
uint64_t region_memory_bytes(const struct region *region);

/* Link fd's file at path (already resolved by rundir_resolve). EEXIST, ENOENT, EPERM, ... */
int region_link(int fd, const char *path);

#endif
