/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_sandbox.c: bad pointers are EFAULT, too, where process_vm_readv() and process_vm_writev() are forbidden: here by
 * a filter of system calls; an emulator such as qemu-user has none of the three. */
#include "bpf/command.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VALUE_BYTES 10000 /* more than a pipe takes at once */

static int fd;
static size_t page;
/* Three pages: to read and write, to read, no page. */
static uint8_t *memory;

static int elem(int cmd, const void *key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	return (int)bpfmap_bpf(cmd, &attr, sizeof(attr));
}

static int lookup(void *value)
{
	const uint32_t key = 0;

	return elem(BPF_MAP_LOOKUP_ELEM, &key, value);
}

static int sandbox_enter(void **state)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_fprog filter = {sizeof(code) / sizeof(code[0]),
					  (struct sock_filter *)code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
	return syscall(SYS_process_vm_readv, getpid(), NULL, 0L, NULL, 0L, 0L) == -1 ? 0 : -1;
}

static int map_and_memory_make(void **state)
{
	union bpf_attr attr;

	page = (size_t)sysconf(_SC_PAGESIZE);
	memory = mmap(NULL, VALUE_BYTES + 3 * page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	memory += (VALUE_BYTES + page - 1) / page * page;
	if (mprotect(memory + page, page, PROT_READ) || munmap(memory + 2 * page, page))
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = VALUE_BYTES;
	attr.max_entries = 1;
	fd = (int)bpfmap_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -1 : sandbox_enter(state);
}

static void values__go_both_ways(void **state)
{
	static uint8_t value[VALUE_BYTES];
	const uint32_t key = 0;
	uint8_t *out = memory + page - VALUE_BYTES;

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(out, value, sizeof(value));
	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, &key, out), 0);
	memset(out, 0, sizeof(value));
	assert_int_equal(lookup(out), 0);
	assert_memory_equal(out, value, sizeof(value));
}

static void input__that_cannot_be_read_is_EFAULT(void **state)
{
	const uint32_t key = 0;

	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, &key, NULL), -EFAULT);
	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, &key, memory + 2 * page), -EFAULT);
	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, &key, memory + 2 * page - 8), -EFAULT);
	assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, memory + 2 * page - 2, memory), -EFAULT);
}

static void output__that_cannot_be_written_is_EFAULT(void **state)
{
	assert_int_equal(lookup(NULL), -EFAULT);
	assert_int_equal(lookup(memory + 2 * page), -EFAULT);
	/* It can be read, and that is not enough: all of it, its end. */
	assert_int_equal(lookup(memory + page), -EFAULT);
	assert_int_equal(lookup(memory + page + 8 - VALUE_BYTES), -EFAULT);
}

/* A pipe could not be made. */
static void output__is_written_without_a_descriptor_left(void **state)
{
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(lookup(memory + page - VALUE_BYTES), 0);
	none = before;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	memset(memory + page - VALUE_BYTES, 0, VALUE_BYTES);
	assert_int_equal(lookup(memory + page - VALUE_BYTES), 0);
	assert_int_not_equal(memory[page - 1], 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values__go_both_ways),
		cmocka_unit_test(input__that_cannot_be_read_is_EFAULT),
		cmocka_unit_test(output__that_cannot_be_written_is_EFAULT),
		cmocka_unit_test(output__is_written_without_a_descriptor_left),
	};

	return cmocka_run_group_tests(tests, map_and_memory_make, NULL);
}
