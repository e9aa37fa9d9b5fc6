/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* compat_fd_check.c: a program that lets the library see its closes (BPFMAP_FD_CHECK_CLOSES) never reaches a
 * map under a number that was closed or replaced, among threads either.
 */
#include "bpfmap/compat.h"
#include "compat/libbpf_bpf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAPS	4
#define THREADS 4
#ifdef __SANITIZE_THREAD__
#define ROUNDS 2000
#define ROGUES 0 /* the sanitizer reports who uses another thread's descriptors */
#else
#define ROUNDS 20000
#define ROGUES 1
#endif

/* A map whose element 0 says which one it is. */
static int map_make(uint64_t number)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "check", 4, 8, 1, NULL);
	uint32_t key = 0;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &key, &number, 0), 0);
	return fd;
}

/* The map's number, or -errno. */
static int64_t number_of(int fd)
{
	uint64_t value = 0;
	uint32_t key = 0;
	int err = bpf_map_lookup_elem(fd, &key, &value);

	return err ? err : (int64_t)value;
}

static void way_close(int fd, int other)
{
	close(fd);
}

static void way_syscall(int fd, int other)
{
	syscall(SYS_close, fd);
}

static void way_range(int fd, int other)
{
	close_range((unsigned int)fd, (unsigned int)fd, 0);
}

static void way_range_syscall(int fd, int other)
{
	syscall(SYS_close_range, fd, fd, 0);
}

static void way_fclose(int fd, int other)
{
	fclose(fdopen(fd, "r+"));
}

static void way_dup2(int fd, int other)
{
	dup2(other, fd);
}

static void way_dup3(int fd, int other)
{
	dup3(other, fd, O_CLOEXEC);
}

static void way_dup3_syscall(int fd, int other)
{
	syscall(SYS_dup3, other, fd, 0);
}

static void closes__number_is_EBADF_at_once_and_then_the_new_file(void **state)
{
	void (*const ways[])(int fd, int other) = {way_close, way_syscall, way_range,
						   way_range_syscall, way_fclose};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd = map_make(7), other = map_make(8);

		assert_int_equal(number_of(fd), 7);
		ways[i](fd, other);
		assert_int_equal(number_of(fd), -EBADF);
		assert_int_equal(dup(other), fd);
		assert_int_equal(number_of(fd), 8);
		close(fd);
		assert_int_equal(open("/dev/null", O_RDWR), fd);
		assert_int_equal(number_of(fd), -EINVAL);
		close(fd);
		close(other);
	}
}

static void closes__replaced_number_is_the_new_map(void **state)
{
	void (*const ways[])(int fd, int other) = {way_dup2, way_dup3, way_dup3_syscall};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd = map_make(7), other = map_make(8);

		assert_int_equal(number_of(fd), 7);
		ways[i](fd, other);
		assert_int_equal(number_of(fd), 8);
		close(fd);
		assert_int_equal(number_of(fd), -EBADF);
		close(other);
	}
}

static void closes__child_and_parent_go_their_own_ways(void **state)
{
	int fd = map_make(7), other = map_make(8), status;
	pid_t child;

	assert_int_equal(number_of(fd), 7);
	child = fork();
	if (!child) {
		int ok = number_of(fd) == 7;

		dup2(other, fd);
		_exit(ok && number_of(fd) == 8 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(number_of(fd), 7);
	close(fd);
	close(other);
}

/* What was replaced unseen, by libc's own dup2, is noticed as long as each call asks the kernel, and
 * forgotten when they cease to. */
static void closes__beginning_forgets_what_was_closed_before(void **state)
{
	int (*unseen)(int, int) = (int (*)(int, int))dlsym(dlopen("libc.so.6", RTLD_NOW), "dup2");
	int fd = map_make(7), other = map_make(8);

	bpfmap_compat_fd_check(BPFMAP_FD_CHECK_ALWAYS);
	assert_int_equal(number_of(fd), 7);
	assert_true(unseen != dup2);
	assert_int_equal(unseen(other, fd), fd);
	assert_int_equal(bpfmap_compat_fd_check(BPFMAP_FD_CHECK_CLOSES), BPFMAP_FD_CHECK_ALWAYS);
	assert_int_equal(number_of(fd), 8);
	close(fd);
	close(other);
}

static int maps[MAPS];
static int stop;

struct racer {
	uint32_t seed;
	unsigned int wrong;
};

/* The lowest free number, again and again another map's; other threads take and leave it as well. */
static void *race_own(void *arg)
{
	struct racer *r = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t which = (r->seed + i * 7) % MAPS;
		int fd = dup(maps[which]);

		r->wrong += number_of(fd) != which;
		r->wrong += number_of(fd) != which;
		if (i % 2)
			close(fd);
		else
			syscall(SYS_close, fd);
	}
	return NULL;
}

/* Somebody who uses others' numbers puts entries into the table at the worst of times. */
static void *race_rogue(void *arg)
{
	const struct racer *r = arg;

	for (uint32_t i = r->seed; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		number_of(maps[MAPS - 1] + 1 + (int)(i % (THREADS + 1)));
	return NULL;
}

static void closes__threads_that_reuse_numbers_reach_their_own_maps(void **state)
{
	struct racer racers[THREADS], rogue = {0, 0};
	pthread_t threads[THREADS], rogues[1];

	for (uint32_t i = 0; i < MAPS; i++)
		maps[i] = map_make(i);
	for (int i = 0; i < ROGUES; i++)
		assert_int_equal(pthread_create(&rogues[i], NULL, race_rogue, &rogue), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, race_own, &racers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(racers[i].wrong, 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < ROGUES; i++)
		pthread_join(rogues[i], NULL);
	for (int i = 0; i < MAPS; i++)
		close(maps[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closes__number_is_EBADF_at_once_and_then_the_new_file),
		cmocka_unit_test(closes__replaced_number_is_the_new_map),
		cmocka_unit_test(closes__child_and_parent_go_their_own_ways),
		cmocka_unit_test(closes__beginning_forgets_what_was_closed_before),
		cmocka_unit_test(closes__threads_that_reuse_numbers_reach_their_own_maps),
	};

	bpfmap_compat_fd_check(BPFMAP_FD_CHECK_CLOSES);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
