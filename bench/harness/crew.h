/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* crew.h: the workers, the calling thread being the first, that run an operation at the same time, each
 * on a CPU of its own and on a batch of its own.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include "keys.h"

enum crew_kind { CREW_THREADS, CREW_PROCESSES };

struct crew;

/* Rooms for batches can be used at once. */
struct crew *crew_new(void);

/* Tables must be there already where workers are processes. */
void crew_start(struct crew *crew, enum crew_kind kind, uint32_t workers);
void crew_stop(struct crew *crew);

struct batch_room *crew_room(struct crew *crew, uint32_t worker);

/* Each worker's batch, all beginning together. */
void crew_run(struct crew *crew, const struct peer *peer, void *table, enum op op);

/* Only the calling thread's. */
void crew_run_alone(struct crew *crew, const struct peer *peer, void *table, enum op op);

struct crew_result {
	double ns;	    /* per operation */
	uint32_t disturbed; /* 1: most of the run was */
	uint32_t wrong;	    /* 1: the sum was not the expected one */
};

/* Of the last run. */
const struct crew_result *crew_result(const struct crew *crew, uint32_t worker);

#endif
