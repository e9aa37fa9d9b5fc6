/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* history.h: what was done to one key, and whether it could have been done one operation after another.
 *
 * Times are ticks of one counter: an operation that ended before another began has the smaller ticks.
 * Values are numbers, each written at most once; 0 means that the key is absent (of an array: that it was
 * never written).
 */
#ifndef BPFMAP_TESTS_HISTORY_H
#define BPFMAP_TESTS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum history_op {
	OP_READ,
	OP_ANY,
	OP_NOEXIST,
	OP_EXIST,
	OP_DELETE,
	OP_TAKE,
	OP_KINDS,
};

struct event {
	uint64_t begin; /* 0: no event */
	uint64_t end;	/* 0: its process was killed; it may have happened, or may yet */
	uint64_t in;	/* value written */
	uint64_t out;	/* READ, TAKE: value found, 0 if absent */
	uint32_t key;
	uint8_t op; /* enum history_op */
	bool done;  /* NOEXIST, EXIST, DELETE: it did what it says */
};

#define OPEN_MAX 24 /* operations that overlap, those of the killed included */

/* Is there an order of the events, all of one key, that explains their results? Sorts them. */
bool history_linear(struct event *events, size_t n);

#endif
