/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* stage.h: what the scenarios have in common: one map, its workers, and what they know of each key.
 *
 * Shared words are written with release and read with acquire, so that "before the call" and "after
 * the call" mean something across processes.
 */
#ifndef BPFMAP_TESTS_STAGE_H
#define BPFMAP_TESTS_STAGE_H

#include "scenario.h"
#include "value.h"

struct key_state {
	uint64_t begun;	   /* newest version whose write has begun */
	uint64_t done;	   /* newest version whose write has ended */
	uint64_t inserted; /* successful inserts */
	uint64_t deleted;  /* successful deletes */
	uint32_t present;  /* as its owner left it */
};

/* In memory that all workers share. */
struct stage_shm {
	uint32_t stop;
	uint32_t writers_left;
	uint64_t live;	  /* capacity: never more than what the map holds */
	uint64_t reads;	  /* values verified */
	uint64_t races;	  /* pointer reads given up because the slot had moved on */
	uint64_t writes;  /* successful updates and deletes */
	uint64_t lookups; /* of the resident key */
	struct key_state keys[VALUE_KEYS_MAX];
};

struct stage {
	const struct scene *scene;
	struct bpfmap *map; /* the parent's handle, and every thread's */
	char pin[256];
	uint64_t end_ns;
	bool awaits_both;    /* on a busy machine the run goes on, a while, until both were done */
	bool awaits_verdict; /* a canary: it goes on, a while, until a reader has seen the wrong */
	uint32_t keys;	     /* key numbers 0 .. keys - 1 are in use */
	struct stage_shm *shm;
};

struct worker {
	struct stage *stage;
	uint32_t index;
	uint32_t count; /* workers of its kind */
	struct bpfmap *map;
	struct rng rng;
	uint8_t key[VALUE_KEY_BYTES];
	uint8_t value[VALUE_SIZE_MAX];
};

/* The map, pinned if it is shared, and clean shared state. 0 or -1 with a failed verdict. */
int stage_open(struct stage *stage, const struct scene *scene, uint32_t keys);
void stage_close(struct stage *stage);
bool stage_over(const struct stage *stage);

/* Runs the workers to their end. */
struct role {
	void (*work)(void *worker);
	uint32_t count;
};
void stage_run(struct stage *stage, const struct role *roles, size_t role_count);

/* At the start and end of each worker's function; NULL with a failed verdict. */
struct worker *worker_begin(void *arg);
void worker_end(struct worker *worker);

/* Operations on a key number; the result is the API's. */
int worker_update(struct worker *worker, uint32_t key, uint64_t version, uint64_t flags);
int worker_delete(struct worker *worker, uint32_t key);
int worker_read(struct worker *worker, uint32_t key);
void *worker_lookup(struct worker *worker, uint32_t key);
/* The expected result or a failed verdict that names the operation. */
bool worker_expect(const char *what, uint32_t key, int result, int expected);

/* After all workers have ended: entries is exactly this, a walk finds exactly this many keys, and
 * every invariant holds. */
void stage_settled(struct stage *stage, uint64_t entries);

#define shm_get(field)	      __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define shm_put(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)
#define shm_add(field, value) __atomic_fetch_add(&(field), (value), __ATOMIC_ACQ_REL)

#endif
