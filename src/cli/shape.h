/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* shape.h: what a map is, whichever world or file it is in, and its elements as records. */
#ifndef BPFMAP_CLI_SHAPE_H
#define BPFMAP_CLI_SHAPE_H

#include "cli/mapref.h"

#include <stddef.h>
#include <stdint.h>

struct shape {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	uint64_t map_extra;
	char name[16];
	uint32_t cpus; /* values per element */
	uint64_t seed; /* Bloom filters */
	void *btf;     /* raw, ours; NULL: none */
	uint32_t btf_size;
	uint32_t btf_id;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
};

/* An element, or a run of a Bloom filter's bits, which has no key. */
struct record {
	const void *key;
	const void *value;
	uint32_t key_len;
	uint32_t value_len;
};

/* Non-zero ends the walk and is its result. */
typedef int record_fn(void *arg, const struct record *record);

/* Bytes of a value as records have it: all CPUs'. */
size_t shape_value_bytes(const struct shape *shape);
bool shape_is_variable(const struct shape *shape);
bool shape_is_bloom(const struct shape *shape);

/* 0, or ENOTSUP with a sentence: maps of that type cannot be saved, or not from that world. */
int shape_of_map(const struct mapref *ref, struct shape *ret_shape);
void shape_free(struct shape *shape);

/* EINVAL with a sentence unless elements of the one can be elements of the other. */
int shape_fits(const struct shape *from, const struct shape *to);

/* A new map of that shape: its descriptor or -errno. dir: where its file is made, NULL: in the
 * runtime directory; for the kernel always NULL. */
int shape_create(const struct shape *shape, const struct backend *backend, const char *dir);

/* Puts the elements into the new map behind the descriptor. An exit code. */
typedef int shape_fill(void *arg, const struct backend *backend, int fd);
/* A new map of that shape, which gets its name when fill() has put everything in. An exit code. */
int shape_create_filled(const struct shape *shape, const struct mapref_file *file, shape_fill *fill,
			void *arg);

#endif
