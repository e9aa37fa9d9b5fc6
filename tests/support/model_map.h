/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model_map.h: the map types as plainly as they can be written: slots in an array, found by looking at
 * each of them; of a Bloom filter, the values that were pushed. One thread, no clever data structure,
 * nothing shared with src.
 *
 * Values are in the system call's layout: value_size bytes, or, per CPU, each padded to 8 bytes.
 * An LRU model never chooses whom to evict: it goes over max_entries, and its user tells which
 * elements are gone (model_forget).
 */
#ifndef TESTS_SUPPORT_MODEL_MAP_H
#define TESTS_SUPPORT_MODEL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a model may hold beyond max_entries until it is told what was evicted. */
#define MODEL_SURPLUS 64u

/* What is to be modelled. */
struct model_spec {
	uint32_t type; /* BPF_MAP_TYPE_* */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t cpus;	     /* possible CPUs; used by per-CPU types only */
	uint32_t lock_plus1; /* offset of a bpf_spin_lock in the value + 1; 0: none */
};

struct model_map {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t cpus;	      /* values per element; 1 unless per-CPU */
	uint32_t lock_plus1;  /* as above */
	uint32_t value_bytes; /* of one element, all CPUs */
	uint32_t slots;	      /* room; a Bloom filter's grows */
	bool *used;	      /* [slots]; all true in an array */
	unsigned char *keys;
	unsigned char *values;
	uint64_t entries; /* a Bloom filter's: different values pushed */
	uint64_t high_water;
	uint64_t failed_updates; /* refused because the map was full */
};

bool model_knows(uint32_t type);
bool model_is_array(uint32_t type);
bool model_is_hash(uint32_t type); /* LRU types too */
bool model_is_percpu(uint32_t type);
bool model_is_lru(uint32_t type);

void model_init(struct model_map *m, const struct model_spec *spec);
void model_free(struct model_map *m);

/* 0 or -errno, as the kernel's commands. */
int model_update(struct model_map *m, const void *key, const void *value, uint64_t flags);
int model_delete(struct model_map *m, const void *key);
int model_take(struct model_map *m, const void *key, void *ret_value);
/* key NULL: the first. Only an array's order is known: for a hash an answer of 0 sets nothing. */
int model_next_key(const struct model_map *m, const void *key, void *ret_next);
/* The value, or NULL. */
const unsigned char *model_lookup(const struct model_map *m, const void *key);
/* An evicted element. */
void model_forget(struct model_map *m, uint32_t slot);

int model_push(struct model_map *m, const void *value, uint64_t flags);
bool model_was_pushed(const struct model_map *m, const void *value);

#endif
