/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* harness.h: what every torture test needs: a printed seed, a time budget, TAP lines, a verdict that
 * threads and processes share, a crew of workers, and a runtime directory of its own.
 *
 * Environment
 *   BPFMAP_SEED=N    repeat a run's random choices (every test prints its seed)
 *   BPFMAP_LONG=1    twenty times longer
 *   BPFMAP_BRIEF=1   four times shorter: for sanitizer builds
 */
#ifndef BPFMAP_TESTS_HARNESS_H
#define BPFMAP_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NSEC_PER_SEC  1000000000ull
#define NSEC_PER_MSEC 1000000ull

#define CREW_MAX 8

/* Memory that workers share whether they are threads or processes; zeroed. Exits on failure. */
void *shared_alloc(size_t size);

/* Random numbers: splitmix64, one state per worker. */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/* 0 .. bound - 1 */
uint64_t rng_below(struct rng *rng, uint64_t bound);
/* A stream of its own for a part of the test, from the run's seed. */
struct rng rng_for(uint64_t stream);

uint64_t now_ns(void);
/* normal_ms scaled by BPFMAP_LONG and BPFMAP_BRIEF. */
uint64_t budget_ns(uint64_t normal_ms);

/* The verdict of the case that runs now: its first failure wins, from any thread or process. */
void verdict_reset(void);
__attribute__((format(printf, 1, 2))) void verdict_fail(const char *fmt, ...);
bool verdict_failed(void);

/* Sets up the verdict, prints the seed, makes $BPFMAP_DIR fresh and has it removed at exit. */
void harness_start(const char *test_name);
/* A path in the fresh directory; valid until the next call in this thread. */
const char *harness_path(const char *name);

/* TAP. _verdict: "ok" if the case has no failure; _canary: "ok" if the checker did catch the fault
 * that the case had planted. Each ends the case: the next one begins with a clean verdict. */
void tap_verdict(const char *sentence);
void tap_canary(const char *sentence);
void tap_skip(const char *sentence, const char *why);
__attribute__((format(printf, 1, 2))) void tap_note(const char *fmt, ...);
/* A number for ./check's table of figures, which adds up those of one name (docs/guarantees.md). */
void tap_figure(const char *name, uint64_t value, const char *unit);
/* The plan line and the exit status. */
int tap_finish(void);

/* Workers that run at once. */
enum crew_kind {
	CREW_PROCESSES,
	CREW_THREADS,
};

struct crew {
	enum crew_kind kind;
	uint32_t size;
	uint64_t members[CREW_MAX]; /* pid_t or pthread_t */
};

void crew_start(struct crew *crew, enum crew_kind kind);
void crew_add(struct crew *crew, void (*work)(void *arg), void *arg);
/* Waits for all; a process that ended other than by returning from its work fails the verdict, and
 * so does a crew that is not done within limit_ns (it is killed). */
void crew_join(struct crew *crew, uint64_t limit_ns);

#endif
