/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exercise.h: every operation of the public API on a map that may hold anything. */
#ifndef BPFMAP_TESTS_EXERCISE_H
#define BPFMAP_TESTS_EXERCISE_H

#include "harness.h"
#include "bpfmap/bpfmap.h"

/* Each result may be success or an error, an error has a sentence, and every call comes back.
 * Results land in the verdict; crashes and hangs are for the caller's parent and alarm(). */
extern uint64_t *exercise_program_runs; /* if set: counts programs that ran to their end */
/* prog_fd: a program of exercise_prog.h for the map; -1: one is made now, if the map's bytes permit. */
void map_exercise(struct bpfmap *map, int prog_fd, struct rng *rng, uint32_t rounds);

#endif
