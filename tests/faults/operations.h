/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operations.h: what is tried under faults. One row per operation in operations.c.
 *
 * prepare and clear run undisturbed; act runs in the thread whose calls fail and gives 0 or a
 * descriptor, or -errno with a sentence. Acting again after a failure must work; verify then says what
 * must have come of it.
 */
#ifndef BPFMAP_TESTS_OPERATIONS_H
#define BPFMAP_TESTS_OPERATIONS_H

#include "bpfmap/bpfmap.h"

#include <stdbool.h>
#include <stdint.h>

/* Everything that one attempt uses. */
struct bench {
	struct bpfmap *map;   /* prepared, or made by act */
	struct bpfmap *other; /* a second handle, made by act */
	struct bpfmap_iter *iter;
	int given; /* a descriptor to act on; -1 */
	int made;  /* a descriptor made by act; -1 */
	uint32_t type;
	uint32_t memory; /* enum bpfmap_memory */
	uint32_t flags;
	bool is_excused;     /* the failure was not the library's to explain */
	const char *trouble; /* what act found wrong; NULL */
};

struct operation {
	const char *name;
	void (*prepare)(struct bench *b);
	long (*act)(struct bench *b);
	bool (*verify)(struct bench *b);
};

/* For each type of types.def and each enum bpfmap_memory, and for one bench each. */
extern const struct operation operations_per_type[];
extern const struct operation operations_once[];
/* In processes that have not used the library yet. */
extern const struct operation operations_cold[];
/* Wrong on purpose: they lose a descriptor, memory, or an element when something fails. */
extern const struct operation operations_wrong[];

extern const char operation_pin[];

void bench_clear(struct bench *b);

/* types.def */
struct type_row {
	uint32_t type;
	const char *word;
};
extern const struct type_row type_rows[];
extern const uint32_t type_count;

#endif
