/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* thread.c: numbers for threads, from a bitmap of the process.
 *
 * States   bit: free -> taken [thread_number_take] -> free [thread_number_release, at thread exit]
 * Locks    none: one fetch-and-or per attempt
 * Edges    T1 release (give back) -> T2 acquire (take): who inherits a number sees what its former
 *          thread did under it (the owner slots of sync/owner.c are inherited with it)
 * If a process dies    nothing is shared
 */
#include "sync/thread.h"

#include <pthread.h>

#define WORDS (THREAD_MAX / 64)

_Thread_local uint32_t thread_number_plus1 __attribute__((tls_model("initial-exec")));

static uint64_t taken[WORDS];
static pthread_key_t exit_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void thread_number_release(void *arg)
{
	uint32_t n = (uint32_t)(uintptr_t)arg - 1;

	thread_number_plus1 = 0;
	/* T1 release -> T2 */
	__atomic_fetch_and(&taken[n / 64], ~(1ull << (n % 64)), __ATOMIC_RELEASE);
}

static void make_key(void)
{
	pthread_key_create(&exit_key, thread_number_release);
}

uint32_t thread_number_take(void)
{
	pthread_once(&once, make_key);
	for (uint32_t w = 0; w < WORDS; w++) {
		uint64_t seen = __atomic_load_n(&taken[w], __ATOMIC_RELAXED);

		while (~seen) {
			uint32_t bit = (uint32_t)__builtin_ctzll(~seen);

			/* T2 acquire <- T1 */
			seen = __atomic_fetch_or(&taken[w], 1ull << bit, __ATOMIC_ACQUIRE);
			if (seen & (1ull << bit))
				continue;
			thread_number_plus1 = w * 64 + bit + 1;
			pthread_setspecific(exit_key, (void *)(uintptr_t)thread_number_plus1);
			return thread_number_plus1 - 1;
		}
	}
	return THREAD_MAX;
}

void thread_numbers_after_fork(void)
{
	uint32_t mine = thread_number_plus1;

	for (uint32_t w = 0; w < WORDS; w++)
		taken[w] = 0;
	if (mine)
		taken[(mine - 1) / 64] = 1ull << ((mine - 1) % 64);
}
