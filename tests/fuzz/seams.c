/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* seams.c: see seams.h. The fuzzers' own calls pass through as they are. */
#include "seams.h"

#include "base/cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAPPINGS     64
#define NSEC_PER_SEC 1000000000u
#define YIELD_NS     1000000u /* what it may take on a busy machine */

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t off);
void *__wrap_mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *addr, size_t size);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __real_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_nanosleep(const struct timespec *request, struct timespec *ret_left);
int __real_nanosleep(const struct timespec *request, struct timespec *ret_left);
int __wrap_sched_yield(void);
uint32_t __wrap_cpus_possible(void);

static bool is_running;
static uint64_t skipped_ns; /* what the clock is ahead */
static void *guarded[MAPPINGS];

void seams_begin(void)
{
	is_running = true;
}

uint64_t seams_waited_ns(void)
{
	return skipped_ns;
}

void seams_end(void)
{
	is_running = false;
}

/* By number: a sanitizer would clear its shadow of all of the guards. */
static void *mmap_raw(void *addr, size_t size, int prot, int flags, int fd, off_t off)
{
	return (void *)syscall(SYS_mmap, addr, size, prot, flags, fd, off);
}

static void **guarded_find(const void *addr)
{
	for (int i = 0; i < MAPPINGS; i++)
		if (guarded[i] == addr)
			return &guarded[i];
	return NULL;
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t off)
{
	void **place = is_running && fd >= 0 && !addr ? guarded_find(NULL) : NULL;
	uint8_t *area;

	if (!place)
		return mmap_raw(addr, size, prot, flags, fd, off);
	area = mmap_raw(NULL, 2 * GUARD_BYTES + size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return MAP_FAILED;
	*place = mmap_raw(area + GUARD_BYTES, size, prot, flags | MAP_FIXED, fd, off);
	if (*place == MAP_FAILED) {
		int err = errno;

		*place = NULL;
		syscall(SYS_munmap, area, 2 * GUARD_BYTES + size);
		errno = err;
		return MAP_FAILED;
	}
	return *place;
}

void *__wrap_mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t off)
{
	return __wrap_mmap(addr, size, prot, flags, fd, off);
}

int __wrap_munmap(void *addr, size_t size)
{
	void **place = addr ? guarded_find(addr) : NULL;

	if (!place)
		return (int)syscall(SYS_munmap, addr, size);
	*place = NULL;
	return (int)syscall(SYS_munmap, (uint8_t *)addr - GUARD_BYTES,
			    2 * GUARD_BYTES + (size + 4095) / 4096 * 4096);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int err = __real_clock_gettime(clock, ret_time);
	uint64_t ns = (uint64_t)ret_time->tv_nsec;

	if (err || clock != CLOCK_MONOTONIC)
		return err;
	ns += skipped_ns;
	ret_time->tv_sec += (time_t)(ns / NSEC_PER_SEC);
	ret_time->tv_nsec = (long)(ns % NSEC_PER_SEC);
	return 0;
}

int __wrap_nanosleep(const struct timespec *request, struct timespec *ret_left)
{
	if (!is_running)
		return __real_nanosleep(request, ret_left);
	skipped_ns += (uint64_t)request->tv_sec * NSEC_PER_SEC + (uint64_t)request->tv_nsec;
	return 0;
}

int __wrap_sched_yield(void)
{
	if (is_running)
		skipped_ns += YIELD_NS;
	else
		syscall(SYS_sched_yield);
	return 0;
}

uint32_t __wrap_cpus_possible(void)
{
	return SEAMS_CPUS;
}
