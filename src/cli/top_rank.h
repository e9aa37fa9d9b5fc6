/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_rank.h: the first N of a map's elements by a number and by how fast it changes. It asks no
 * map and draws nothing: elements are handed to it, walk after walk.
 *
 * What the number was at the last walk is remembered for each key, in a table of TOP_RANK_ELEMENTS
 * at most: elements beyond those are ranked by number only.
 */
#ifndef BPFMAP_CLI_TOP_RANK_H
#define BPFMAP_CLI_TOP_RANK_H

#include "cli/field.h"

#define TOP_RANK_ELEMENTS (1u << 20)

/* The number of one element. */
struct top_figure {
	struct field_value value;
	double rate; /* per second; NAN: not known */
};

enum top_rank_by { TOP_BY_VALUE, TOP_BY_RATE, TOP_RANKS };

struct top_rank {
	size_t key_size;
	size_t value_size;
	uint32_t bits; /* of the number; 64 where CPUs are added up */
	bool ascending;
	size_t limit;
	uint64_t at_ns;
	uint64_t before_ns; /* 0: this is the first walk */
	uint64_t elements;  /* in this walk */
	struct top_ranked {
		struct top_figure *figure;
		uint8_t *data; /* key, value; key, value; ... */
		size_t count;
	} ranked[TOP_RANKS];
	struct top_memory {
		uint8_t *keys;
		uint64_t *number; /* of a floating-point number its bits */
		uint8_t *used;
		size_t count;
		size_t room; /* a power of two, or 0 */
	} memory[2];	     /* this walk's, the last one's */
};

void top_rank_begin(struct top_rank *rank, uint64_t now_ns);
/* ranked[] is in order all the time. */
void top_rank_add(struct top_rank *rank, const void *key, const void *value,
		  const struct field_value *number);
void top_rank_free(struct top_rank *rank);

/* From before to now per second. Counters of fewer bits than 64 may have wrapped around. */
double top_rank_rate(const struct field_value *before, const struct field_value *now, uint32_t bits,
		     uint64_t ns);

#endif
