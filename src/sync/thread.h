/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* thread.h: small numbers for this process's threads, reused when a thread ends. */
#ifndef BPFMAP_SYNC_THREAD_H
#define BPFMAP_SYNC_THREAD_H

#include <stdint.h>

#define THREAD_MAX 4096

extern _Thread_local uint32_t thread_number_plus1 __attribute__((tls_model("initial-exec")));

/* Gives the calling thread a number; THREAD_MAX if there is none left. */
uint32_t thread_number_take(void);

static inline uint32_t thread_number(void)
{
	uint32_t n = thread_number_plus1;

	return n ? n - 1 : thread_number_take();
}

/* In the child of a fork: only the calling thread is left. */
void thread_numbers_after_fork(void);

#endif
