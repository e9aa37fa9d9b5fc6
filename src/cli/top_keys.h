/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_keys.h: the first elements of one map by a number or its rate, found by a child that walks
 * over the map again and again. */
#ifndef BPFMAP_CLI_TOP_KEYS_H
#define BPFMAP_CLI_TOP_KEYS_H

#include "cli/top_child.h"
#include "cli/top_rank.h"

/* What to look for. */
struct top_keys_want {
	const struct mapref *ref;
	/* NULL: values have no number; the first elements in order of keys. */
	const struct field *field;
	bool ascending;
	uint32_t limit;
	uint64_t interval_ns;
};

/* What one walk found. */
struct top_keys_head {
	uint32_t bytes; /* of all that follows */
	int32_t err;	/* -errno: the walk did not reach the end */
	char sentence[160];
	uint64_t elements;
	uint64_t took_ns;
	uint32_t has_rates; /* it was not the first walk */
	uint32_t count[TOP_RANKS];
};

struct top_keys {
	struct top_child child;
	size_t key_size;
	size_t value_size;
	uint32_t walks; /* that have come so far; 0: the rest says nothing */
	struct top_keys_head head;
	uint8_t *body; /* of head: for each rank its figures, then keys and values */
	uint8_t *part; /* of the next one, which is still coming */
	size_t part_len;
	size_t part_room;
};

/* How values per CPU become one. */
struct btf_fold top_keys_fold(const struct mapref *ref);

/* The map stays open as long as the caller has it open. 0 or -errno. */
int top_keys_start(struct top_keys *keys, const struct top_keys_want *want);
/* Take in what has come. False: the child has ended. */
bool top_keys_read(struct top_keys *keys);
void top_keys_stop(struct top_keys *keys);

/* The i-th element by that number. */
void top_keys_get(const struct top_keys *keys, enum top_rank_by by, size_t i,
		  struct top_figure *ret_figure, const void **ret_key, const void **ret_value);

#endif
