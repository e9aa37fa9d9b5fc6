/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* backend.h: the same operations on maps in user space and on the live kernel's.
 *
 * Both sides answer bpf(2), so what the tool does to a map is written once (backend.c) over the
 * call itself; the table holds only what really differs. Maps of both may be open at the same time.
 * Everything returns 0, a descriptor or a count, else -errno with the sentence in
 * bpfmap_last_error(). One thread.
 */
#ifndef BPFMAP_KERNEL_BACKEND_H
#define BPFMAP_KERNEL_BACKEND_H

#include "bpfmap/bpfmap.h"
#include "bpfmap/compat.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

/* What a map's own counters say; the kernel's maps have none. */
struct backend_stats {
	bool frozen;
	bool counted; /* the next four are known */
	uint64_t entries;
	uint64_t high_water;
	uint64_t failed_updates;
	uint64_t evictions;
	uint64_t memory_bytes;
	bool operations; /* all that follow are known; bpfmap.h says what they are */
	uint64_t updates;
	uint64_t deletes;
	uint64_t failed_exists;
	uint64_t failed_absent;
	uint64_t failed_other;
	bool lookups_counted; /* else lookups and hits mean nothing */
	uint64_t lookups;
	uint64_t hits;
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint64_t changed_ns; /* 0: never */
};

/* How many elements a map was found to have. */
struct backend_entries {
	uint64_t entries;
	bool is_whole;	   /* false: time ran out, there are at least so many */
	uint64_t taken_ns; /* CLOCK_MONOTONIC at the end of the count */
};

/* What makes two descriptors the same map. */
struct backend_token {
	uint64_t a;
	uint64_t b;
};

/* Called for each program; the descriptor is closed afterwards. Non-zero ends the walk. */
typedef int backend_prog_fn(void *arg, int prog_fd);

/* Called for each element; value is in the syscall's layout, NULL if it could not be read (err says
 * why). Non-zero ends the walk and is its result. */
typedef int backend_element_fn(void *arg, const void *key, const void *value, int err);

struct backend {
	const char *name;
	enum bpfmap_engine engine; /* who answers libbpf's calls in this process */
	/* bpf(2). */
	long (*bpf)(int cmd, union bpf_attr *attr, unsigned int size);
	/* From so many runs of one packet on, a single BPF_PROG_TEST_RUN with repeat is faster than
	 * as many calls. */
	uint32_t repeat_pays;
	/* Where pins are, and where a pin path given to bpf(2) really leads. */
	const char *(*pin_root)(void);
	int (*pin_resolve)(const char *path, char *ret_path, size_t size);
	/* The id of the map pinned at a path below pin_root; -ENOENT if it is no map. */
	int (*pin_id)(const char *path, uint32_t *ret_id);
	/* Remove a pin that nobody else has open, in one step where the system can. -EBUSY:
	 * somebody has. */
	int (*pin_collect)(const char *path);
	/* True if a file is known to be open in some process, also in one that cannot be looked
	 * at. */
	bool (*pin_is_busy)(const char *path);
	/* The programs that keep maps: in user space those that are pinned, all of the kernel's. */
	int (*prog_walk)(backend_prog_fn *fn, void *arg);
	/* The map's BTF; *ret_btf is NULL if it has none. The caller frees it with btf__free(). */
	int (*map_btf)(int fd, const struct bpf_map_info *info, struct btf **ret_btf);
	int (*map_stats)(int fd, struct backend_stats *ret_stats);
	/* Count the elements: at once in user space; the kernel keeps no count and they are walked
	 * over, for budget_ns at most. counter.h does that in the background. -EOPNOTSUPP: there is
	 * no way. */
	int (*map_entries)(int fd, const struct bpf_map_info *info, uint64_t budget_ns,
			   struct backend_entries *ret_entries);
	/* Every element. In user space each one that stays is seen exactly once, whatever others
	 * write meanwhile (bpfmap_iter_next()); the kernel promises no such thing. */
	int (*map_walk)(int fd, const struct bpf_map_info *info, backend_element_fn *element,
			void *arg);
	/* How full a Bloom filter is; NULL: there is no way to ask. */
	int (*map_bloom)(int fd, struct bpfmap_bloom_info *ret_bloom);
	int (*map_token)(int fd, const struct bpf_map_info *info, struct backend_token *ret_token);
	/* The same for /proc/PID/fd/N, which may be anything: false if it is no map. */
	bool (*proc_token)(const char *path, struct backend_token *ret_token);
	/* The same for a line of /proc/PID/maps. Of the kernel's such a line does not say which: a
	 * token of zeroes. */
	bool (*mapping_token)(const char *line, struct backend_token *ret_token);
};

extern const struct backend backend_user;
extern const struct backend backend_kernel;

/* NULL if there is no backend of that name. */
const struct backend *backend_find(const char *name);

/* How to create a map. */
struct backend_create {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	uint64_t map_extra;
	const char *name; /* at most 15 characters */
	/* The types of keys and values, in loaded BTF; 0: none. */
	uint32_t btf_fd;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
};

int backend_map_create(const struct backend *backend, const struct backend_create *how);
/* Opened for reading and writing, or only for what is permitted. */
int backend_map_open_id(const struct backend *backend, uint32_t id);
int backend_map_open_pin(const struct backend *backend, const char *path);
int backend_map_open_pin_to_read(const struct backend *backend, const char *path);
int backend_map_next_id(const struct backend *backend, uint32_t id, uint32_t *ret_next);
int backend_map_info(const struct backend *backend, int fd, struct bpf_map_info *ret_info);
/* Maps without keys have NULL for a key: lookup is peek, update push, take pop. */
int backend_map_lookup(const struct backend *backend, int fd, const void *key, void *ret_value);
/* Read and delete in one step. */
int backend_map_take(const struct backend *backend, int fd, const void *key, void *ret_value);
int backend_map_update(const struct backend *backend, int fd, const void *key, const void *value,
		       uint64_t flags);
int backend_map_delete(const struct backend *backend, int fd, const void *key);
/* In order; *count becomes the number done, also after an error. */
int backend_map_update_batch(const struct backend *backend, int fd, const void *keys,
			     const void *values, uint32_t *count);
int backend_map_freeze(const struct backend *backend, int fd);
/* Delete every element, or make it zero where elements always exist. *ret_count counts them, also
 * after an error. What others insert meanwhile may stay. */
int backend_map_clear(const struct backend *backend, int fd, const struct bpf_map_info *info,
		      uint64_t *ret_count);
/* key NULL: the first. */
int backend_map_next_key(const struct backend *backend, int fd, const void *key, void *ret_next);
/* Missing directories on the way are made. */
int backend_pin(const struct backend *backend, int fd, const char *path);
int backend_unpin(const struct backend *backend, const char *path);

/* Bytes of one value in the syscall's layout. */
size_t backend_value_size(const struct bpf_map_info *info);
/* True if the type holds one value per CPU. */
bool backend_is_percpu(uint32_t map_type);
unsigned int backend_cpus(void);
/* True if the type can tell how many elements it holds; a Bloom filter cannot. */
bool backend_is_counted(uint32_t map_type);
/* True if a full map gives up elements for new ones. */
bool backend_is_lru(uint32_t map_type);
/* True if the key is an index and all elements exist. */
bool backend_is_array(uint32_t map_type);

/* What a map of that kind with so many elements takes in the kernel, bytes; 0: not known. */
uint64_t backend_kernel_bytes(const struct bpf_map_info *info, uint64_t entries);

/* The ids of a program's maps: at most *count, which becomes how many were stored. */
int backend_prog_maps(const struct backend *backend, int prog_fd, uint32_t *ret_ids,
		      uint32_t *count);

/* Run a program once per repeat on one packet. */
struct backend_run {
	const void *data;
	uint32_t size;
	uint32_t repeat;
	uint32_t ret_value;	  /* of the last run */
	uint64_t ret_duration_ns; /* in the program, all runs together */
};
int backend_prog_run(const struct backend *backend, int prog_fd, struct backend_run *run);

#endif
