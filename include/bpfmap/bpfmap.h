/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpfmap.h: the native API. eBPF maps as ordinary user-space memory.
 *
 * Types, flags and errnos are the kernel's (<linux/bpf.h>); the reference is Linux 6.18.
 *
 * Conventions, for every function below unless its comment says otherwise:
 *   result         0 (or a count) on success, a negative errno on failure; errno itself is not set
 *   the sentence   after a failure bpfmap_last_error() names cause and remedy, per thread. A plain
 *                  "not there" (-ENOENT of read, take, delete, next_key, peek, batches) sets none.
 *   outputs        ret_x parameters are written on success only
 *   threads        any function may be called on the same map from any number of threads and, for
 *                  shared maps, processes, except bpfmap_close(), which ends the handle
 *   signals        not async-signal-safe; a thread must not be cancelled asynchronously inside a
 *                  call
 *   descriptors    a handle keeps one (from 512 on, if the limit allows); do not close it
 *   death          a process that dies inside a call loses at most that call; the call may still
 *                  take effect later, when another process meets what it left and completes it
 */
#ifndef BPFMAP_BPFMAP_H
#define BPFMAP_BPFMAP_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BPFMAP_API __attribute__((visibility("default")))

/* An open map. One handle maps the whole region once; it is valid in the process that opened it
 * and, after fork(), in the child. */
struct bpfmap;

/* Where a new map's bytes live. */
enum bpfmap_memory {
	BPFMAP_MEMORY_PRIVATE = 0, /* anonymous memory of this process */
	BPFMAP_MEMORY_SHARED = 1,  /* an unnamed file in the runtime directory: has an fd, can be
				      pinned, passed and inherited; freed with its last holder */
};

/* What to create. Zero the struct, set sz = sizeof(struct), then the fields needed. */
struct bpfmap_create_opts {
	size_t sz;
	uint32_t type;	      /* BPF_MAP_TYPE_* */
	uint32_t key_size;    /* bytes */
	uint32_t value_size;  /* bytes */
	uint32_t max_entries; /* elements */
	uint32_t map_flags;   /* BPF_F_* creation flags; HASH: BPFMAP_F_VARIABLE */
	uint32_t memory;      /* enum bpfmap_memory */
	uint64_t map_extra;   /* type-specific; BLOOM_FILTER: number of hash functions */
	const char *name;     /* at most 15 of [A-Za-z0-9_.], or NULL */
	const void *btf; /* raw BTF (".BTF" section bytes) that describes key and value, or NULL */
	uint32_t btf_size; /* bytes */
	uint32_t btf_id;   /* id of the BTF object the blob came from; 0 if none */
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t numa_node; /* used only with BPF_F_NUMA_NODE */
	/* Byte offset of a struct bpf_spin_lock in the value, plus 1; 0: none. */
	uint32_t spin_lock_plus1;
	/* MEMORY_SHARED: make the file in this directory, for instance on a disk, instead of the
	 * runtime directory; the map can be pinned on that file system. Or NULL. */
	const char *dir;
};

/* Create a map. Errors are those of BPF_MAP_CREATE: EINVAL (a field does not fit the type), E2BIG
 * (sizes beyond the type's limits), ENOMEM (no memory, or the runtime directory's file system is
 * full), EMFILE, EACCES (the runtime directory cannot be used). Close the result with
 * bpfmap_close(). */
BPFMAP_API int bpfmap_create(const struct bpfmap_create_opts *opts, struct bpfmap **ret_map);

/* What a map would take. */
struct bpfmap_memory_for {
	uint64_t created; /* bytes when bpfmap_create() returns: its bpfmap_info.memory_bytes */
	uint64_t full;	  /* at most, when every element is there and up to 31 threads have written;
			     each 32 further threads at once take a page */
};

/* What bpfmap_create() with these opts would take, on a machine with so many possible CPUs (0: this
 * one). Nothing is made. EINVAL, E2BIG: as bpfmap_create(). Whether there is so much memory is not
 * asked. */
BPFMAP_API int bpfmap_memory_for(const struct bpfmap_create_opts *opts, uint32_t cpus,
				 struct bpfmap_memory_for *ret_memory);

/* How to open an existing map. */
#define BPFMAP_OPEN_RDONLY \
	(1u << 0) /* map the region read-only: only reads work, EPERM otherwise */

/* Open a pinned map by path. ENOENT, EACCES as open(2); EUCLEAN: not a region, or one written by
 * an incompatible build (the sentence says which); a path under /sys/fs/bpf is taken to mean the
 * same name in the runtime directory. */
BPFMAP_API int bpfmap_open(const char *path, uint32_t flags, struct bpfmap **ret_map);

/* Open the map behind a file descriptor. The descriptor stays the caller's and may be closed. */
BPFMAP_API int bpfmap_open_fd(int fd, uint32_t flags, struct bpfmap **ret_map);

/* Close the handle. Pointers obtained through it become invalid. NULL is allowed. */
BPFMAP_API void bpfmap_close(struct bpfmap *map);

/* A new descriptor for the map (close-on-exec); the caller closes it. ENOTSUP for private maps. */
BPFMAP_API int bpfmap_fd(struct bpfmap *map);

/* Give the map a name in the file system (the runtime directory for paths under /sys/fs/bpf), mode
 * 0600 minus umask. EEXIST, ENOENT, EPERM (name contains '.', or the path is on another file
 * system). unlink(2) unpins. ENOTSUP for private maps. */
BPFMAP_API int bpfmap_pin(struct bpfmap *map, const char *path);

/* Pointer to the element's value, or NULL if there is none (of a per-CPU map: the calling thread's
 * virtual CPU's value). Never waits. The address stays a value slot of this map until
 * bpfmap_close(); after a concurrent delete or replacement the slot may come to hold another
 * element. Updates replace a value atomically: through the pointer one sees the old or the new
 * value, in place only where the value is one aligned word (and in arrays). */
BPFMAP_API void *bpfmap_lookup(struct bpfmap *map, const void *key);

/* What every handle begins with, so that C and C++ compilers can call the type's lookup without a
 * detour; the function above is there all the same. Nothing else of struct bpfmap is public. */
struct bpfmap_head {
	void *(*lookup)(struct bpfmap *map, const void *key);
};
#ifdef __OPTIMIZE__
extern inline __attribute__((gnu_inline)) void *bpfmap_lookup(struct bpfmap *map, const void *key)
{
	return ((const struct bpfmap_head *)map)->lookup(map, key);
}
#endif

/* bpfmap_lookup() for n keys that stand side by side (key_size bytes each): ret_values[i] is what
 * it returns for key i. Faster than n calls where the map is larger than the caches: memory is
 * fetched for several keys at once. Not a view of one moment. Returns how many keys were found. */
BPFMAP_API uint32_t bpfmap_lookup_keys(struct bpfmap *map, const void *keys, uint32_t n,
				       void **ret_values);

/* Copy the element's value out (per-CPU maps: all CPUs, each rounded up to 8 bytes). The copy is
 * never a mixture of two updates made through this API. ENOENT. */
BPFMAP_API int bpfmap_read(struct bpfmap *map, const void *key, void *ret_value);

/* Insert or replace. flags: BPF_ANY, BPF_NOEXIST (EEXIST if present), BPF_EXIST (ENOENT if absent).
 * E2BIG: the map is full (hash) or the index is out of range (array). EINVAL: bad flags. EPERM:
 * opened read-only or frozen. ENOMEM: memory for the element could not be had.
 * ETIMEDOUT: another live process has held the bucket for a second. */
BPFMAP_API int bpfmap_update(struct bpfmap *map, const void *key, const void *value,
			     uint64_t flags);

/* Remove. ENOENT; EINVAL for arrays, whose elements always exist; EPERM as above. */
BPFMAP_API int bpfmap_delete(struct bpfmap *map, const void *key);

/* The kernel's get_next_key: key NULL or absent means the first key; ENOENT after the last one.
 * ret_next may alias key. */
BPFMAP_API int bpfmap_next_key(struct bpfmap *map, const void *key, void *ret_next);

/* Read many elements. *cursor is 0 to begin with and opaque afterwards. On entry *count is the room
 * in keys and values, on return the number read. 0: more may follow. ENOENT: the end was reached
 * (*count elements were read all the same). ENOSPC: the next bucket does not fit, nothing was read;
 * call again with more room. */
BPFMAP_API int bpfmap_read_batch(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
				 uint32_t *count);

/* Update many elements in order. On return *count is the number done, also after an error. */
BPFMAP_API int bpfmap_update_batch(struct bpfmap *map, const void *keys, const void *values,
				   uint32_t *count, uint64_t flags);

/* Read and delete in one step. ENOENT; ENOTSUP for types whose elements cannot be taken out. */
BPFMAP_API int bpfmap_take(struct bpfmap *map, const void *key, void *ret_value);

/* Read and delete many: cursor, room and results as bpfmap_read_batch(). */
BPFMAP_API int bpfmap_take_batch(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
				 uint32_t *count);

/* ---- arrays as memory -------------------------------------------------------------------------
 * The values of a BPF_MAP_TYPE_ARRAY lie side by side, as mmap() of its descriptor shows them. Who
 * has asked for that place once finds an element by adding: bpfmap_lookup() without the call. */
struct bpfmap_array_view {
	void *values;	      /* element i is at values + i * stride, until bpfmap_close() */
	uint64_t stride;      /* value_size rounded up to 8 */
	uint32_t max_entries; /* elements */
};

/* ENOTSUP: not an array. */
BPFMAP_API int bpfmap_array_get_view(struct bpfmap *map, struct bpfmap_array_view *ret_view);

/* What bpfmap_lookup() finds: NULL if the index is out of range. */
static inline void *bpfmap_array_at(const struct bpfmap_array_view *view, uint32_t index)
{
	return index < view->max_entries ? (char *)view->values + index * view->stride : NULL;
}

/* ---- iteration with a promise -----------------------------------------------------------------
 * Every element that is present from bpfmap_iter_new() until the end is seen exactly once, whatever
 * is inserted and deleted meanwhile; one that comes or goes meanwhile is seen once or not at all.
 * The walk always ends: it visits each bucket once. (The kernel's get_next_key begins again when
 * the key that it is given has gone.) An iterator is used by one thread at a time. */
struct bpfmap_iter;

/* ENOMEM; ENOTSUP for types without keys. Free with bpfmap_iter_free(). */
BPFMAP_API int bpfmap_iter_new(struct bpfmap *map, struct bpfmap_iter **ret_iter);

/* The next element: 1, and *ret_key and *ret_value point to copies that stay until the next call.
 * 0: that was all. -ENOMEM, -EUCLEAN. */
BPFMAP_API int bpfmap_iter_next(struct bpfmap_iter *iter, const void **ret_key,
				const void **ret_value);
BPFMAP_API void bpfmap_iter_free(struct bpfmap_iter *iter);

/* ---- keys and values of any length ------------------------------------------------------------
 * A creation flag beyond the kernel's, for BPF_MAP_TYPE_HASH: keys of 1 to key_size bytes and
 * values of 0 to value_size bytes, each element with lengths of its own. Keys are equal if they
 * have the same length and bytes. Memory is reserved as the map grows, and an element costs what it
 * uses, in blocks of 64 bytes (larger ones where an element may need more than 64 of them). Blocks
 * of deleted elements are used again.
 *
 * Only bpfmap_create() makes such maps, and only the functions of this section and those that take
 * no key (info, pin, freeze, check, ...) work on them: the kernel's calls have no lengths. Those
 * answer ENOTSUP, bpfmap_lookup() NULL; programs cannot use such a map. E2BIG at creation:
 * max_entries of the largest elements need more than 2^27 blocks. Flags, counters, errnos, sharing
 * and what a death leaves are as for other hash maps. */
#define BPFMAP_F_VARIABLE (1u << 30)

/* Insert or replace: bpfmap_update() with lengths in bytes. EINVAL, too: a length is not possible.
 * ENOTSUP, as for the next four: the map has no BPFMAP_F_VARIABLE. value may be NULL if value_len
 * is 0. */
BPFMAP_API int bpfmap_var_update(struct bpfmap *map, const void *key, uint32_t key_len,
				 const void *value, uint32_t value_len, uint64_t flags);

/* Copy the value out, at most `room` bytes; *ret_len is how many it has. The copy is never a
 * mixture of two updates. ENOENT. ENOSPC: it has more than room; *ret_len says how many, and
 * ret_value, which may be NULL if room is 0, may have been written to. EINVAL: no key has such a
 * length. */
BPFMAP_API int bpfmap_var_read(struct bpfmap *map, const void *key, uint32_t key_len,
			       void *ret_value, uint32_t room, uint32_t *ret_len);

/* Remove. ENOENT, EINVAL, EPERM. */
BPFMAP_API int bpfmap_var_delete(struct bpfmap *map, const void *key, uint32_t key_len);

/* bpfmap_iter_next() with lengths, on an iterator from bpfmap_iter_new() and with its promise. */
BPFMAP_API int bpfmap_var_next(struct bpfmap_iter *iter, const void **ret_key,
			       uint32_t *ret_key_len, const void **ret_value,
			       uint32_t *ret_value_len);

/* ---- per-CPU maps -----------------------------------------------------------------------------
 * Each element has bpfmap_cpus() values. A thread that is on a CPU owns that CPU's values: plain
 * arithmetic on them loses nothing, however many threads and processes there are. */

/* Values per element: the possible CPUs, 1 for other types. */
BPFMAP_API uint32_t bpfmap_cpus(const struct bpfmap *map);

/* Bytes that bpfmap_read() and bpfmap_update() copy: value_size, or CPUs x value_size padded to
 * 8. */
BPFMAP_API size_t bpfmap_value_bytes(const struct bpfmap *map);

/* Go onto a CPU of the map: its number. Until bpfmap_cpu_leave(), bpfmap_lookup() gives this CPU's
 * values. Waits while all CPUs are taken. EBUSY: the thread is on one already; ETIMEDOUT: none came
 * free within a second. 0 for maps that are not per-CPU. A thread that enters several maps should
 * do so in the same order as others. */
BPFMAP_API int bpfmap_cpu_enter(struct bpfmap *map);
BPFMAP_API void bpfmap_cpu_leave(struct bpfmap *map);

/* Pointer to one CPU's value, or NULL. */
BPFMAP_API void *bpfmap_lookup_cpu(struct bpfmap *map, const void *key, uint32_t cpu);

/* Copy one CPU's value. ENOENT; EINVAL: no such CPU. */
BPFMAP_API int bpfmap_read_cpu(struct bpfmap *map, const void *key, uint32_t cpu, void *ret_value);

/* An unsigned counter of 1, 2, 4 or 8 bytes at offset `off` of the value, over all CPUs. */
struct bpfmap_percpu_u64 {
	uint64_t sum;
	uint64_t min;
	uint64_t max;
};
/* ENOENT; EINVAL: the counter does not lie in the value. */
BPFMAP_API int bpfmap_percpu_u64(struct bpfmap *map, const void *key, uint32_t off, uint32_t size,
				 struct bpfmap_percpu_u64 *ret);

/* ---- maps without keys ----------------------------------------------------------------------- */

/* Bloom filter: add the value; flags 0. ENOTSUP for types with keys. */
BPFMAP_API int bpfmap_push(struct bpfmap *map, const void *value, uint64_t flags);

/* Bloom filter: 0: the value was perhaps pushed; ENOENT: surely not. */
BPFMAP_API int bpfmap_peek(struct bpfmap *map, void *value);

/* How full a Bloom filter is: a walk over all of it. */
struct bpfmap_bloom_info {
	double false_positive_rate; /* expected, at the present fill */
	uint64_t bits;
	uint64_t bits_set;
	uint32_t hashes;
};
BPFMAP_API int bpfmap_bloom_info(struct bpfmap *map, struct bpfmap_bloom_info *ret_info);

/* Compare the map with what a program takes it for. EINVAL, with a sentence such as "value_size:
 * map has 16, struct flow_stats has 24". A size of 0 and a NULL name: the map has no keys. */
BPFMAP_API int bpfmap_expect(struct bpfmap *map, const char *key_name, uint32_t key_size,
			     const char *value_name, uint32_t value_size);

/* What a map is and how full it is. All counters are O(1) to read. */
struct bpfmap_info {
	uint32_t type;
	uint32_t id; /* unique on this machine's runtime directory; 0 for private maps */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	uint64_t map_extra;
	char name[16];
	uint32_t btf_id;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t btf_size; /* bytes of BTF kept in the region; see bpfmap_btf() */
	uint32_t frozen;
	uint32_t readonly;	 /* this handle was opened read-only */
	uint64_t entries;	 /* elements present now */
	uint64_t high_water;	 /* most elements ever present at once */
	uint64_t failed_updates; /* updates refused because the map was full */
	uint64_t evictions;	 /* elements that an LRU map gave up for others */
	uint64_t memory_bytes; /* bytes reserved for the map right now, its bookkeeping included */
	uint64_t created_ns;   /* CLOCK_REALTIME */
	/* When a change was last noticed: by this call, when a handle that writes is closed, every
	 * some thousand changes; 0: never. */
	uint64_t changed_ns;
	/* What was done since the map was made, by all its users, living and dead. */
	uint64_t updates;	/* that succeeded, pushes included */
	uint64_t deletes;	/* and elements taken out */
	uint64_t failed_exists; /* updates refused with EEXIST, */
	uint64_t failed_absent; /* ENOENT, */
	uint64_t failed_other;	/* and anything but those and E2BIG (failed_updates) */
	uint64_t lookups;	/* bpfmap_lookup() and programs' lookups, where they are counted */
	uint64_t hits;		/* those that found something */
	uint32_t lookups_counted; /* somebody has called bpfmap_count_lookups() */
};
BPFMAP_API int bpfmap_get_info(struct bpfmap *map, struct bpfmap_info *ret_info);

/* From now on lookups through this handle are counted, and through every handle opened from now on
 * (not through those that others have open already, nor where the compiler or interpreter has made
 * an array's lookup an addition). Costs each lookup about three nanoseconds. Call it before other
 * threads use the handle. EPERM: the handle is read-only, or the map frozen. */
BPFMAP_API int bpfmap_count_lookups(struct bpfmap *map);

/* The map's raw BTF: pointer into the region, *ret_size bytes; NULL if it has none. */
BPFMAP_API const void *bpfmap_btf(struct bpfmap *map, uint32_t *ret_size);

/* Refuse all further writes through this API and bpf(2) (programs may still write), for every
 * holder, forever. EPERM: already frozen or read-only handle. */
BPFMAP_API int bpfmap_freeze(struct bpfmap *map);

/* Verify every invariant of the region. 0: sound. EUCLEAN: the sentence names the first violation.
 * Do not run it while others write. */
BPFMAP_API int bpfmap_check(struct bpfmap *map);

/* The last failure's sentence in this thread: cause and remedy. Never NULL; empty if none. Valid
 * until the thread's next failing call. */
BPFMAP_API const char *bpfmap_last_error(void);

/* "1.2.3" */
BPFMAP_API const char *bpfmap_version(void);

#ifdef __cplusplus
}
#endif

#endif
