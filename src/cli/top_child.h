/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_child.h: work that may take long, in a process of its own, so that the screen never waits.
 * What it finds comes through a pipe; it ends with its parent. */
#ifndef BPFMAP_CLI_TOP_CHILD_H
#define BPFMAP_CLI_TOP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct top_child {
	pid_t pid; /* 0: there is none */
	int fd;	   /* to read from, without waiting */
};

/* work writes to fd until it is killed or writing fails. 0 or -errno. */
int top_child_start(struct top_child *child, void (*work)(void *arg, int fd), void *arg);
void top_child_stop(struct top_child *child);

/* For work: all of it or false. */
bool top_child_write(int fd, const void *data, size_t size);
/* For work: rest nine times as long as was worked since start, and at least so long: a child takes
 * a tenth of a CPU at most. */
void top_child_rest(uint64_t start_ns, uint64_t least_ns);

#endif
