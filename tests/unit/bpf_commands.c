/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_commands.c: the rules of the argument block, pins, frozen maps, taking elements out, spin locks
 * found through BTF, and descriptors across a real exec.
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
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define E524 524

static char self[4096];

static int call(int cmd, union call_attr attr)
{
	return (int)bpfmap_bpf(cmd, &attr, sizeof(attr));
}

static int map_make(uint32_t type, uint32_t flags, uint32_t key_size)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.create.map_type = type;
	attr.create.key_size = key_size;
	attr.create.value_size = 8;
	attr.create.max_entries = 4;
	attr.create.map_flags = flags;
	return call(BPF_MAP_CREATE, attr);
}

static int elem(int cmd, int fd, const void *key, const void *value, uint64_t flags)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.elem.map_fd = (uint32_t)fd;
	attr.elem.key = (uintptr_t)key;
	attr.elem.value = (uintptr_t)value;
	attr.elem.flags = flags;
	return call(cmd, attr);
}

static int put(int fd, uint32_t key, uint64_t value)
{
	return elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value, 0);
}

static int64_t get(int fd, uint32_t key)
{
	uint64_t value = 0;
	int err = elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value, 0);

	return err ? err : (int64_t)value;
}

static int obj(int cmd, int fd, const char *path, uint32_t flags)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.obj.pathname = (uintptr_t)path;
	attr.obj.bpf_fd = (uint32_t)fd;
	attr.obj.file_flags = flags;
	return call(cmd, attr);
}

static void attr__short_block_is_extended_with_zeroes(void **state)
{
	uint32_t create[4] = {BPF_MAP_TYPE_HASH, 4, 8, 4};
	int fd = (int)bpfmap_bpf(BPF_MAP_CREATE, create, sizeof(create));

	assert_true(fd >= 0);
	assert_int_equal(put(fd, 1, 2), 0);
	close(fd);
}

static void attr__tail_must_be_zero(void **state)
{
	uint8_t block[5000] = {0};
	union call_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.create.map_type = BPF_MAP_TYPE_HASH;
	attr.create.key_size = 4;
	attr.create.value_size = 8;
	attr.create.max_entries = 4;
	memcpy(block, &attr, sizeof(attr));
	fd = (int)bpfmap_bpf(BPF_MAP_CREATE, block, 4096);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(bpfmap_bpf(BPF_MAP_CREATE, block, 4097), -E2BIG);
	block[4095] = 1;
	assert_int_equal(bpfmap_bpf(BPF_MAP_CREATE, block, 4096), -E2BIG);
	assert_int_equal(bpfmap_bpf(BPF_MAP_CREATE, NULL, 168), -EFAULT);
	assert_int_equal(bpfmap_bpf(9999, block, 168), -EINVAL);
	assert_int_equal(bpfmap_bpf(-1, block, 168), -EINVAL);
}

static void attr__value_behind_the_last_field_is_EINVAL(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	uint32_t key = 1;

	assert_int_equal(put(fd, 1, 2), 0);
	assert_int_equal(elem(BPF_MAP_DELETE_ELEM, fd, &key, &key, 0), -EINVAL);
	assert_int_equal(elem(BPF_MAP_DELETE_ELEM, fd, &key, NULL, 1), -EINVAL);
	assert_int_equal(elem(BPF_MAP_FREEZE, fd, &key, NULL, 0), -EINVAL);
	assert_int_equal(get(fd, 1), 2);
	close(fd);
}

static void refusal__names_the_type_that_is_not_here(void **state)
{
	struct bpf_insn exit_0[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
				    {.code = BPF_JMP | BPF_EXIT}};
	union call_attr attr;

	assert_int_equal(map_make(BPF_MAP_TYPE_LPM_TRIE, 0, 4), -EINVAL);
	assert_non_null(strstr(bpfmap_last_error(), "maps of type lpm_trie (11)"));
	assert_int_equal(map_make(1000, 0, 4), -EINVAL);
	assert_non_null(strstr(bpfmap_last_error(), "maps of type unknown (1000)"));
	memset(&attr, 0, sizeof(attr));
	attr.load.prog_type = BPF_PROG_TYPE_TRACEPOINT;
	attr.load.insns = (uintptr_t)exit_0;
	attr.load.insn_cnt = 2;
	attr.load.license = (uintptr_t) "GPL";
	assert_int_equal(call(BPF_PROG_LOAD, attr), -EINVAL);
	assert_non_null(strstr(bpfmap_last_error(), "programs of type tracepoint (5)"));
}

static void refusal__to_attach_is_EOPNOTSUPP(void **state)
{
	static const int commands[] = {BPF_PROG_ATTACH, BPF_RAW_TRACEPOINT_OPEN, BPF_LINK_CREATE};
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_int_equal(call(commands[i], attr), -EOPNOTSUPP);
		assert_non_null(strstr(bpfmap_last_error(), "bpf_prog_test_run_opts()"));
	}
	assert_int_equal(call(BPF_ENABLE_STATS, attr), -EINVAL);
}

static void pin__names_follow_the_rules_of_bpffs(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4), again;
	char longest[300] = "/sys/fs/bpf/";

	memset(longest + strlen(longest), 'n', 256);
	assert_int_equal(put(fd, 1, 10), 0);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, "/sys/fs/bpf/one", 0), 0);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, "/sys/fs/bpf/one", 0), -EEXIST);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, "/sys/fs/bpf/a.b", 0), -EPERM);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, "/sys/fs/bpf/no/dir", 0), -ENOENT);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, longest, 0), -ENAMETOOLONG);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, NULL, 0), -EFAULT);
	assert_int_equal(obj(BPF_OBJ_PIN, -1, "/sys/fs/bpf/two", 0), -EINVAL);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, "/sys/fs/bpf/two", 1), -EINVAL);
	assert_int_equal(obj(BPF_OBJ_PIN, fd, "/etc/bpfmap-two", 0), -EPERM);
	close(fd);
	again = obj(BPF_OBJ_GET, 0, "/sys/fs/bpf/one", BPF_F_RDONLY);
	assert_true(again >= 0);
	assert_int_equal(get(again, 1), 10);
	assert_int_equal(put(again, 1, 11), -EPERM);
	close(again);
	assert_int_equal(obj(BPF_OBJ_GET, 0, "/sys/fs/bpf/one", BPF_F_RDONLY | BPF_F_WRONLY),
			 -EINVAL);
	assert_int_equal(obj(BPF_OBJ_GET, 0, "/sys/fs/bpf/none", 0), -ENOENT);
	assert_int_equal(obj(BPF_OBJ_GET, 0, "/etc/passwd", 0), -EACCES);
	snprintf(longest, sizeof(longest), "%s/one", rundir);
	assert_int_equal(unlink(longest), 0);
}

static void freeze__refuses_writes_and_lets_read(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	uint64_t value;
	uint32_t key = 1;

	assert_int_equal(put(fd, 1, 10), 0);
	assert_int_equal(elem(BPF_MAP_FREEZE, fd, NULL, NULL, 0), 0);
	assert_int_equal(elem(BPF_MAP_FREEZE, fd, NULL, NULL, 0), -EPERM);
	assert_int_equal(put(fd, 1, 11), -EPERM);
	assert_int_equal(elem(BPF_MAP_DELETE_ELEM, fd, &key, NULL, 0), -EPERM);
	assert_int_equal(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, &value, 0), -EPERM);
	assert_int_equal(get(fd, 1), 10);
	close(fd);
}

static void freeze__waits_for_a_childs_writable_mapping(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 4), go[2], status;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t child;
	char byte;

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (!child) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
	}
	munmap(page, 4096);
	assert_int_equal(elem(BPF_MAP_FREEZE, fd, NULL, NULL, 0), -EBUSY);
	close(go[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(elem(BPF_MAP_FREEZE, fd, NULL, NULL, 0), 0);
	close(go[0]);
	close(fd);
}

static void take__bad_value_pointer_loses_the_element(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	uint64_t value = 0;
	uint32_t key = 1;

	assert_int_equal(put(fd, 1, 10), 0);
	assert_int_equal(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, &value, 0), 0);
	assert_int_equal(value, 10);
	assert_int_equal(get(fd, 1), -ENOENT);
	assert_int_equal(put(fd, 1, 10), 0);
	assert_int_equal(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, NULL, 0), -EFAULT);
	assert_int_equal(get(fd, 1), -ENOENT);
	close(fd);
}

static void bloom__is_pushed_and_asked_without_a_key(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_BLOOM_FILTER, 0, 0);
	uint64_t value = 77, other = 78;

	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, fd, NULL, &value, 0), 0);
	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, fd, &value, &value, 0), -EINVAL);
	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, fd, NULL, &value, BPF_EXIST), -EINVAL);
	assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, fd, NULL, &value, 0), 0);
	assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, fd, NULL, &other, 0), -ENOENT);
	assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, fd, NULL, NULL, 0), -EFAULT);
	assert_int_equal(elem(BPF_MAP_DELETE_ELEM, fd, NULL, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(elem(BPF_MAP_GET_NEXT_KEY, fd, NULL, &value, 0), -EOPNOTSUPP);
	assert_int_equal(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, NULL, &value, 0), -E524);
	close(fd);
}

/* u32; struct bpf_spin_lock { u32 val; }; struct { u32 val; bpf_spin_lock val; } */
static int btf_make(void)
{
	static const char names[] = "\0u32\0bpf_spin_lock\0val";
	static const uint32_t types[] = {1,  BTF_KIND_INT << 24,
					 4,  32,
					 5,  BTF_KIND_STRUCT << 24 | 1,
					 4,  19,
					 1,  0,
					 19, BTF_KIND_STRUCT << 24 | 2,
					 8,  19,
					 1,  0,
					 19, 2,
					 32};
	struct {
		struct btf_header header;
		char bytes[sizeof(types) + sizeof(names)];
	} blob = {.header = {.magic = BTF_MAGIC,
			     .version = BTF_VERSION,
			     .hdr_len = sizeof(blob.header),
			     .type_len = sizeof(types),
			     .str_off = sizeof(types),
			     .str_len = sizeof(names)}};
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.btf.btf = (uintptr_t)&blob;
	attr.btf.size = (uint32_t)(sizeof(blob.header) + sizeof(types) + sizeof(names));
	memcpy(blob.bytes, types, sizeof(types));
	memcpy(blob.bytes + sizeof(types), names, sizeof(names));
	return call(BPF_BTF_LOAD, attr);
}

static int locked_make(uint32_t type, int btf, uint32_t flags)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.create.map_type = type;
	attr.create.key_size = 4;
	attr.create.value_size = 8;
	attr.create.max_entries = 4;
	attr.create.map_flags = flags;
	attr.create.btf_fd = (uint32_t)btf;
	attr.create.btf_key_type_id = 1;
	attr.create.btf_value_type_id = 3;
	return call(BPF_MAP_CREATE, attr);
}

static void spin_lock__is_found_in_the_values_type(void **state)
{
	int btf = btf_make(), fd = locked_make(BPF_MAP_TYPE_HASH, btf, 0);
	uint32_t key = 1, value[2] = {7, 0xffffffff};

	assert_true(btf >= 0);
	assert_true(fd >= 0);
	assert_int_equal(elem(BPF_MAP_UPDATE_ELEM, fd, &key, value, BPF_F_LOCK), 0);
	assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, fd, &key, value, BPF_F_LOCK), 0);
	assert_int_equal(value[0], 7);
	assert_int_equal(value[1], 0);
	assert_int_equal(elem(BPF_MAP_FREEZE, fd, NULL, NULL, 0), -E524);
	close(fd);
	assert_int_equal(locked_make(BPF_MAP_TYPE_HASH, btf, BPF_F_RDONLY_PROG), -EACCES);
	assert_int_equal(locked_make(BPF_MAP_TYPE_PERCPU_HASH, btf, 0), -EOPNOTSUPP);
	close(btf);
	fd = map_make(BPF_MAP_TYPE_HASH, 0, 4);
	assert_int_equal(elem(BPF_MAP_LOOKUP_ELEM, fd, &key, value, BPF_F_LOCK), -EINVAL);
	close(fd);
}

/* This program again, told to look at the descriptor that it inherited. */
static void exec__inherited_descriptor_reaches_the_map(void **state)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 0, 4), status;
	char number[16];
	pid_t child;

	assert_int_equal(put(fd, 1, 10), 0);
	assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
	snprintf(number, sizeof(number), "%d", fd);
	child = fork();
	if (!child) {
		execl(self, self, number, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(get(fd, 2), 20);
	close(fd);
}

static int child_main(const char *number)
{
	int fd = atoi(number);

	return get(fd, 1) == 10 && !put(fd, 2, 20) ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attr__short_block_is_extended_with_zeroes),
		cmocka_unit_test(attr__tail_must_be_zero),
		cmocka_unit_test(attr__value_behind_the_last_field_is_EINVAL),
		cmocka_unit_test(refusal__names_the_type_that_is_not_here),
		cmocka_unit_test(refusal__to_attach_is_EOPNOTSUPP),
		cmocka_unit_test(pin__names_follow_the_rules_of_bpffs),
		cmocka_unit_test(freeze__refuses_writes_and_lets_read),
		cmocka_unit_test(freeze__waits_for_a_childs_writable_mapping),
		cmocka_unit_test(take__bad_value_pointer_loses_the_element),
		cmocka_unit_test(bloom__is_pushed_and_asked_without_a_key),
		cmocka_unit_test(spin_lock__is_found_in_the_values_type),
		cmocka_unit_test(exec__inherited_descriptor_reaches_the_map),
	};

	if (argc > 1)
		return child_main(argv[1]);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, rundir_make, rundir_remove);
}
