/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* inject.h: one thread whose N-th system call, or N-th allocation, fails.
 *
 * The thread runs under a seccomp filter that asks a second thread of this process about each call that
 * can fail at all (SECCOMP_RET_USER_NOTIF). That one lets it through, or answers in the kernel's place.
 * No privileges, no preloading, the library under test is the installed one. Allocations are counted by
 * malloc() and free() of the test program itself.
 */
#ifndef BPFMAP_TESTS_INJECT_H
#define BPFMAP_TESTS_INJECT_H

#include <stdbool.h>
#include <stdint.h>

enum inject_what {
	INJECT_NOTHING,
	INJECT_CALL,	   /* the nth system call ends with its way number `way` of failing */
	INJECT_CHILD_CALL, /* the same, of calls of processes that the work has started */
	INJECT_ALLOCATION, /* the nth malloc(), calloc() or realloc() finds no memory */
};

struct inject_order {
	enum inject_what what;
	uint32_t nth; /* from 1 */
	uint32_t way; /* from 0 */
};

struct inject_report {
	long result;	   /* of the work */
	bool is_reached;   /* there was an nth call, and it has such a way of failing */
	bool is_nth_there; /* there was an nth call */
	char how[64];	   /* what was done to which call */
	char sentence
		[256]; /* bpfmap_last_error() in the working thread; empty if the work left none */
};

/* Starts the threads. False, with nothing started, where seccomp does not permit it. */
bool inject_start(void);

/* Runs work(arg) in the working thread. */
void inject_run(const struct inject_order *order, long (*work)(void *arg), void *arg,
		struct inject_report *ret_report);

/* How many calls, or allocations, the last run was found to make. */
uint32_t inject_counted(void);

/* Blocks that were allocated and not freed since the program began. */
long inject_blocks(void);

#endif
