/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_order.c: a file that a machine of the other byte order made, which is one of ours with all numbers of its
 * header turned round, is refused with that reason wherever it can be opened, and left as it is. */
#include "rundir.h"

#include "bpfmap/bpfmap.h"
#include "bpf/command.h"
#include "bpf/object.h"
#include "region/region.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NUMBER(type, name)                                      \
	{                                                       \
		offsetof(type, name), sizeof(((type *)0)->name) \
	}

struct number {
	size_t off;
	size_t size;
};

static const struct number region_numbers[] = {
#define OF(name) NUMBER(struct region_header_shm, name)
	OF(magic),
	OF(version),
	OF(signature),
	OF(file_size),
	OF(created_ns),
	OF(seed),
	OF(type),
	OF(key_size),
	OF(value_size),
	OF(max_entries),
	OF(map_flags),
	OF(numa_node),
	OF(map_extra),
	OF(id),
	OF(cpus),
	OF(btf_size),
	OF(btf_id),
	OF(btf_key_type_id),
	OF(btf_value_type_id),
	OF(spin_lock_plus1),
	OF(reserved_bytes),
#undef OF
};

static const struct number object_numbers[] = {
#define OF(name) NUMBER(struct object_header, name)
	OF(magic), OF(version), OF(kind), OF(id), OF(header_size), OF(file_size),
#undef OF
};

/* A runtime directory of our own, in which no other map has an id. */
static char path[4096];

static void numbers_turn(uint8_t *header, const struct number *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t *first = header + numbers[i].off, *last = first + numbers[i].size - 1;

		for (; first < last; first++, last--) {
			uint8_t byte = *first;

			*first = *last;
			*last = byte;
		}
	}
}

/* All of the file at path; the caller frees it. */
static uint8_t *file_read(size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes;
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size);
	assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

static void pin(int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	attr.bpf_fd = (uint32_t)fd;
	assert_int_equal(bpfmap_bpf(BPF_OBJ_PIN, &attr, sizeof(attr)), 0);
}

/* What is pinned at path becomes the other machine's; all who had it open have closed it. */
static void file_turn(size_t header_off, const struct number *numbers, size_t count)
{
	size_t size;
	uint8_t *bytes = file_read(&size);
	int fd;

	numbers_turn(bytes + (header_off ? size - header_off : 0), numbers, count);
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	free(bytes);
}

static int map_turned(void **state)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = 10,
					  .memory = BPFMAP_MEMORY_SHARED,
					  .name = "turned"};
	struct bpfmap *map;

	snprintf(path, sizeof(path), "%s/turned", rundir);
	if (bpfmap_create(&opts, &map) || bpfmap_pin(map, path))
		return -1;
	bpfmap_close(map);
	file_turn(REGION_HEADER_LEN, region_numbers, COUNT(region_numbers));
	return 0;
}

static int program_turned(void **state)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = COUNT(insns);
	attr.license = (uintptr_t) "Dual BSD/GPL";
	snprintf(path, sizeof(path), "%s/turned_program", rundir);
	fd = (int)bpfmap_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return -1;
	pin(fd);
	close(fd);
	file_turn(0, object_numbers, COUNT(object_numbers));
	return 0;
}

static int file_remove(void **state)
{
	return unlink(path);
}

static void refused(long result)
{
	assert_int_equal(result, -EUCLEAN);
	if (!strstr(bpfmap_last_error(), "other byte order"))
		fail_msg("\"%s\" does not name the byte order", bpfmap_last_error());
}

static long obj_get(uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	attr.file_flags = flags;
	return bpfmap_bpf(BPF_OBJ_GET, &attr, sizeof(attr));
}

/* ---- tests ---- */

static void map__of_the_other_order_cannot_be_opened(void **state)
{
	struct bpfmap *map = NULL;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	refused(bpfmap_open(path, 0, &map));
	refused(bpfmap_open(path, BPFMAP_OPEN_RDONLY, &map));
	refused(bpfmap_open_fd(fd, 0, &map));
	refused(bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &map));
	assert_null(map);
	close(fd);
}

static void pin__of_the_other_order_cannot_be_got(void **state)
{
	refused(obj_get(0));
	refused(obj_get(BPF_F_RDONLY));
}

static void descriptor__of_the_other_order_is_no_maps(void **state)
{
	static const int cmds[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
				   BPF_MAP_GET_NEXT_KEY};
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint32_t key = 1;
	uint64_t value = 2;

	for (size_t i = 0; i < COUNT(cmds); i++) {
		union bpf_attr attr;

		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (uint32_t)fd;
		attr.key = (uintptr_t)&key;
		if (cmds[i] != BPF_MAP_DELETE_ELEM)
			attr.value = (uintptr_t)&value;
		refused(bpfmap_bpf(cmds[i], &attr, sizeof(attr)));
	}
	close(fd);
}

static void id__of_the_other_order_is_nobodys(void **state)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	assert_int_equal(bpfmap_bpf(BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)), -ENOENT);
}

static void file__of_the_other_order_is_left_as_it_is(void **state)
{
	struct bpfmap *map = NULL;
	size_t size, size_after;
	uint8_t *before = file_read(&size), *after;

	refused(bpfmap_open(path, 0, &map));
	refused(obj_get(0));
	after = file_read(&size_after);
	assert_int_equal(size, size_after);
	assert_memory_equal(before, after, size);
	free(before);
	free(after);
}

#define TURNED(name, what) cmocka_unit_test_setup_teardown(name, what, file_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURNED(map__of_the_other_order_cannot_be_opened, map_turned),
		TURNED(pin__of_the_other_order_cannot_be_got, map_turned),
		TURNED(pin__of_the_other_order_cannot_be_got, program_turned),
		TURNED(descriptor__of_the_other_order_is_no_maps, map_turned),
		TURNED(id__of_the_other_order_is_nobodys, map_turned),
		TURNED(file__of_the_other_order_is_left_as_it_is, map_turned),
	};

	return cmocka_run_group_tests(tests, rundir_make, rundir_remove);
}
