/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_fd.c: the life of descriptors. A number that was closed and reused must never reach the old
 * map, whoever closed it and however; copies, children and other processes share the map; the memory
 * goes with the last holder.
 */
#include "rundir.h"

#include "bpf/attr.h"
#include "bpf/command.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int call(int cmd, union call_attr attr)
{
	return (int)bpfmap_bpf(cmd, &attr, sizeof(attr));
}

static int map_make(uint32_t type, uint32_t flags, uint32_t entries)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.create.map_type = type;
	attr.create.key_size = 4;
	attr.create.value_size = 8;
	attr.create.max_entries = entries;
	attr.create.map_flags = flags;
	return call(BPF_MAP_CREATE, attr);
}

static int elem(int cmd, int fd, const void *key, const void *value)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.elem.map_fd = (uint32_t)fd;
	attr.elem.key = (uintptr_t)key;
	attr.elem.value = (uintptr_t)value;
	return call(cmd, attr);
}

static int put(int fd, uint32_t key, uint64_t value)
{
	return elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value);
}

static int64_t get(int fd, uint32_t key)
{
	uint64_t value = 0;
	int err = elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value);

	return err ? err : (int64_t)value;
}

static void fd__closed_number_is_EBADF_and_reused_number_is_the_new_file(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4), other;

	assert_true(fd >= 0);
	assert_int_equal(put(fd, 1, 10), 0);
	close(fd);
	assert_int_equal(get(fd, 1), -EBADF);
	other = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(dup2(other, fd), fd);
	assert_int_equal(get(fd, 1), -EINVAL);
	close(fd);
	close(other);
}

static void fd__number_reused_by_another_map_reaches_that_one(void **state)
{
	int first = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	int second = map_make(BPF_MAP_TYPE_HASH, 0, 4);

	assert_int_equal(put(first, 1, 10), 0);
	assert_int_equal(put(second, 1, 20), 0);
	assert_int_equal(dup2(second, first), first);
	assert_int_equal(get(first, 1), 20);
	close(second);
	assert_int_equal(get(first, 1), 20);
	close(first);
}

static void fd__dup_and_fork_share_the_map(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	int copy = dup(fd), status;
	pid_t child;

	assert_int_equal(put(copy, 1, 10), 0);
	close(fd);
	assert_int_equal(get(copy, 1), 10);
	child = fork();
	if (!child)
		_exit(get(copy, 1) == 10 && !put(copy, 2, 20) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(get(copy, 2), 20);
	close(copy);
}

static int fd_send(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int fd_receive(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static void fd__passed_to_another_process_reaches_the_map(void **state)
{
	int pair[2], status, fd;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	child = fork();
	if (!child) {
		fd = fd_receive(pair[1]);
		_exit(get(fd, 7) == 70 && !put(fd, 8, 80) ? 0 : 1);
	}
	fd = map_make(BPF_MAP_TYPE_HASH, 0, 16);
	assert_int_equal(put(fd, 7, 70), 0);
	assert_int_equal(fd_send(pair[0], fd), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(get(fd, 8), 80);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void fd__is_close_on_exec(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);

	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
}

/* Bytes of mappings of files in the runtime directory: what this process keeps alive. */
static unsigned long long mapped_bytes(void)
{
	unsigned long long start, end, bytes = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, rundir) && sscanf(line, "%llx-%llx", &start, &end) == 2)
			bytes += end - start;
	fclose(maps);
	return bytes;
}

/* Descriptors of such files, the library's own included. */
static int open_files(void)
{
	char path[32], link[512];
	int count = 0;

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, link, sizeof(link) - 1);
		link[len > 0 ? len : 0] = 0;
		count += strncmp(link, rundir, strlen(rundir)) == 0;
	}
	return count;
}

static void fd__memory_goes_with_the_last_descriptor(void **state)
{
	union call_attr attr;
	unsigned long long before;
	int files, fd, copy;

	memset(&attr, 0, sizeof(attr));
	call(BPF_MAP_GET_NEXT_ID, attr); /* forgets what earlier tests closed */
	before = mapped_bytes();
	files = open_files();
	fd = map_make(BPF_MAP_TYPE_ARRAY, 0, 1 << 20);
	copy = dup(fd);
	assert_int_equal(put(fd, 1, 1), 0);
	assert_true(mapped_bytes() >= before + (8u << 20));
	close(fd);
	bpfmap_bpf_fd_closed(fd);
	assert_int_equal(get(copy, 1), 1);
	assert_true(mapped_bytes() >= before + (8u << 20));
	close(copy);
	bpfmap_bpf_fd_closed(copy);
	assert_true(mapped_bytes() == before);
	assert_int_equal(open_files(), files);
}

static void fd__id_is_gone_after_the_last_close(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	union call_attr attr;
	int again;

	memset(&attr, 0, sizeof(attr));
	assert_int_equal(bpfmap_bpf(BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)), 0);
	attr.id.id = attr.id.next_id;
	attr.id.next_id = 0;
	again = call(BPF_MAP_GET_FD_BY_ID, attr);
	assert_true(again >= 0);
	assert_int_equal(put(again, 3, 30), 0);
	assert_int_equal(get(fd, 3), 30);
	close(again);
	close(fd);
	assert_int_equal(call(BPF_MAP_GET_FD_BY_ID, attr), -ENOENT);
}

static void fd__access_mode_is_the_descriptors_own(void **state)
{
	int reader = map_make(BPF_MAP_TYPE_HASH, BPF_F_RDONLY, 4);
	int writer = map_make(BPF_MAP_TYPE_HASH, BPF_F_WRONLY, 4);

	assert_int_equal(put(reader, 1, 1), -EPERM);
	assert_int_equal(get(reader, 1), -ENOENT);
	assert_int_equal(put(writer, 1, 1), 0);
	assert_int_equal(get(writer, 1), -EPERM);
	close(reader);
	close(writer);
}

static void fd__mmap_shows_values_from_offset_0(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 8);
	uint64_t *values = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(values != MAP_FAILED);
	assert_int_equal(put(fd, 3, 33), 0);
	assert_int_equal(values[3], 33);
	values[5] = 55;
	assert_int_equal(get(fd, 5), 55);
	munmap(values, 4096);
	close(fd);
}

static void user__bad_pointers_are_EFAULT(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *page =
		mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const void *bad[] = {NULL,	  (void *)1,   (void *)0xffff888000000000ull,
			     (void *)-8l, page + size, page + size - 2};
	uint32_t key = 1;
	uint64_t value = 2;

	munmap(page + size, size);
	assert_int_equal(put(fd, 1, 2), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, fd, bad[i], &value), -EFAULT);
		assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, fd, &key, bad[i]), -EFAULT);
		assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, fd, bad[i], &value), -EFAULT);
		assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, fd, &key, bad[i]), -EFAULT);
		assert_int_equal(elem(BPF_MAP_GET_NEXT_KEY, fd, NULL, bad[i]), -EFAULT);
		assert_int_equal(bpfmap_bpf(BPF_MAP_LOOKUP_ELEM, (void *)bad[i], 32), -EFAULT);
	}
	munmap(page, size);
	close(fd);
}

/* Threads use a number while another closes and reuses it: every answer is that of a map that the
 * number stood for, or EBADF. */
static int raced_fd;
static int race_over;

static void *race_reader(void *arg)
{
	while (!__atomic_load_n(&race_over, __ATOMIC_RELAXED)) {
		int64_t value = get(raced_fd, 1);

		if (value != -EBADF && value != 10 && value != 20 && value != -ENOENT)
			return (void *)(intptr_t)1;
	}
	return NULL;
}

static void fd__threads_race_with_close_and_reuse(void **state)
{
	int maps[2] = {map_make(BPF_MAP_TYPE_HASH, 0, 4), map_make(BPF_MAP_TYPE_HASH, 0, 4)};
	pthread_t readers[2];
	void *result;

	assert_int_equal(put(maps[0], 1, 10), 0);
	assert_int_equal(put(maps[1], 1, 20), 0);
	raced_fd = dup(maps[0]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, race_reader, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(dup2(maps[i & 1], raced_fd), raced_fd);
		bpfmap_bpf_fd_closed(raced_fd);
		close(raced_fd);
	}
	__atomic_store_n(&race_over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i], &result);
		assert_null(result);
	}
	close(maps[0]);
	close(maps[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fd__closed_number_is_EBADF_and_reused_number_is_the_new_file),
		cmocka_unit_test(fd__number_reused_by_another_map_reaches_that_one),
		cmocka_unit_test(fd__dup_and_fork_share_the_map),
		cmocka_unit_test(fd__passed_to_another_process_reaches_the_map),
		cmocka_unit_test(fd__is_close_on_exec),
		cmocka_unit_test(fd__memory_goes_with_the_last_descriptor),
		cmocka_unit_test(fd__id_is_gone_after_the_last_close),
		cmocka_unit_test(fd__access_mode_is_the_descriptors_own),
		cmocka_unit_test(fd__mmap_shows_values_from_offset_0),
		cmocka_unit_test(user__bad_pointers_are_EFAULT),
		cmocka_unit_test(fd__threads_race_with_close_and_reuse),
	};

	return cmocka_run_group_tests(tests, rundir_make, rundir_remove);
}
