/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* transfer.h: elements read out of a map and put into another one, in whichever world. 0 or -errno
 * with a sentence throughout. */
#ifndef BPFMAP_CLI_TRANSFER_H
#define BPFMAP_CLI_TRANSFER_H

#include "cli/progress.h"
#include "cli/shape.h"

/* How a map is read. */
struct transfer_read {
	bool one_moment;	   /* writers wait meanwhile; ENOTSUP, ETIMEDOUT */
	struct progress *progress; /* or NULL */
	bool ret_by_age;    /* elements came in the order in which an LRU map would give them up */
	uint64_t ret_count; /* elements */
	uint64_t ret_lost;  /* of a damaged map: elements that are not where they belong */
};

/* Every element of a map. In user space each one that is there throughout is seen exactly once, its
 * value is not a mixture, and the elements of a bucket are of one moment (bpfmap_iter_next()). The
 * kernel promises less: live_walk.c. */
int transfer_each(const struct mapref *ref, struct transfer_read *how, record_fn *record,
		  void *arg);

/* How many elements to expect, for a progress bar; 0: not known. */
uint64_t transfer_expect(const struct mapref *ref);

/* Elements are put into a map. */
struct target;

/* The descriptor stays the caller's. from: whose records will come; EINVAL if they do not fit. */
int target_open(const struct backend *backend, int fd, const struct shape *from,
		struct target **ret_target);
/* A record_fn; arg is the target. E2BIG: it is full. */
int target_put(void *arg, const struct record *record);
/* What was put so far is in the map. */
int target_flush(struct target *target);
uint64_t target_count(const struct target *target);
void target_close(struct target *target);

#endif
