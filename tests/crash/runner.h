/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* runner.h: a process that is about to do one thing and waits to be single-stepped through it. */
#ifndef BPFMAP_TESTS_RUNNER_H
#define BPFMAP_TESTS_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* First in main(). A string instruction is a step for each of its bytes: libc is to do without, which it
 * must be told before it starts, so the program is executed anew. */
void tracing_prepare(char **argv);

/* False where a process may not trace its child. From here on all of them share one processor: nobody runs
 * while another does, and handing over costs least. */
bool tracing_begin(void);

/* Forks. The child calls work(arg), which calls runner_await() where stepping is to begin, and ends when
 * it returns. Returns its pid once it waits; -1 with a failed verdict. It dies with its parent. */
pid_t runner_start(void (*work)(void *arg), void *arg);
void runner_await(void);

/* At most `steps` instructions. How many were made before it ended; other signals than those of the
 * stepping are its end, and a failed verdict. */
uint32_t runner_step(pid_t pid, uint32_t steps);
/* Has it returned from its work? (Reaps it.) */
bool runner_ended(pid_t pid);
/* Lets it go on by itself. */
void runner_release(pid_t pid);
/* Once released, it has limit_ns to return from its work; else, and if it fails, a failed verdict. */
void runner_finish(pid_t pid, uint64_t limit_ns);
/* Kills it. It is dead on return, and a zombie until runner_bury(). */
void runner_kill(pid_t pid);
void runner_bury(pid_t pid);

/* Processor time that this process and those that it has buried have used: what budgets are in, since on a
 * busy machine little happens in a second. */
uint64_t runner_used_ns(void);

#endif
