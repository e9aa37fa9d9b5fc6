/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mutation.h: spoils bytes the way that files get spoilt: bits, words, runs, ends. */
#ifndef BPFMAP_TESTS_MUTATION_H
#define BPFMAP_TESTS_MUTATION_H

#include "harness.h"

#include <stddef.h>
#include <stdint.h>

struct blob {
	uint8_t *bytes;
	size_t size;
	size_t room; /* bytes may grow up to this */
};

/* Room for twice the file. 0 or -errno. */
int blob_read(const char *path, struct blob *ret_blob);
int blob_write(const struct blob *blob, const char *path);
void blob_free(struct blob *blob);

/* One to eight mutations at random. Half of those that hit a place hit the last tail_bytes (the
 * header of a region), the others anything. */
void blob_mutate(struct blob *blob, struct rng *rng, size_t tail_bytes);

#endif
