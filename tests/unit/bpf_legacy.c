/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_legacy.c: libbpf's map creation functions of before 1.0, which tutorials still use. */
#include <bpfmap/compat_legacy.h>

#include "rundir.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void assert_map(int fd, uint32_t type, uint32_t flags, const char *name)
{
	struct bpf_map_info info = {0};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (__u32)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	assert_true(fd >= 0);
	assert_int_equal(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), 0);
	assert_int_equal(info.type, type);
	assert_int_equal(info.key_size, 4);
	assert_int_equal(info.value_size, 8);
	assert_int_equal(info.max_entries, 16);
	assert_int_equal(info.map_flags, flags);
	assert_string_equal(info.name, name);
	close(fd);
}

static void legacy__functions_create_what_they_say(void **state)
{
	const struct bpf_create_map_attr attr = {.name = "xattr",
						 .map_type = BPF_MAP_TYPE_ARRAY,
						 .key_size = 4,
						 .value_size = 8,
						 .max_entries = 16};

	assert_map(bpf_create_map(BPF_MAP_TYPE_HASH, 4, 8, 16, BPF_F_NO_PREALLOC),
		   BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, "");
	assert_map(bpf_create_map_name(BPF_MAP_TYPE_HASH, "named", 4, 8, 16, 0), BPF_MAP_TYPE_HASH,
		   0, "named");
	assert_map(bpf_create_map_node(BPF_MAP_TYPE_HASH, "noded", 4, 8, 16, 0, 0),
		   BPF_MAP_TYPE_HASH, BPF_F_NUMA_NODE, "noded");
	assert_map(bpf_create_map_xattr(&attr), BPF_MAP_TYPE_ARRAY, 0, "xattr");
}

static void legacy__failure_sets_errno(void **state)
{
	errno = 0;
	assert_true(bpf_create_map(BPF_MAP_TYPE_HASH, 0, 8, 16, 0) < 0);
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(legacy__functions_create_what_they_say),
		cmocka_unit_test(legacy__failure_sets_errno),
	};

	return cmocka_run_group_tests(tests, rundir_make, rundir_remove);
}
