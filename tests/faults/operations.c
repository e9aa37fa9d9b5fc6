/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* operations.c: see operations.h. */
#include "operations.h"
#include "keyless.h"
#include "bpf/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY_SIZE   4u
#define VALUE_SIZE 256u
#define ENTRIES	   512u
#define CPUS_MAX   512u
/* More than one reservation of a map that grows, bucket array and elements. */
#define GROWTH 400u

const char operation_pin[] = "/sys/fs/bpf/faults";

const struct type_row type_rows[] = {
#define MAP_TYPE(NAME, word, ops) {BPF_MAP_TYPE_##NAME, word},
#include "map/types.def"
#undef MAP_TYPE
};
const uint32_t type_count = sizeof(type_rows) / sizeof(type_rows[0]);

/* Values of every CPU; the same word throughout. */
static uint64_t value[CPUS_MAX * VALUE_SIZE / 8];
static uint64_t seen[CPUS_MAX * VALUE_SIZE / 8];

static bool has_keys(const struct bench *b)
{
	return !type_is_keyless(b->type);
}

static int map_make(struct bench *b)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = b->type,
		.key_size = has_keys(b) ? KEY_SIZE : 0,
		.value_size = VALUE_SIZE,
		.max_entries = ENTRIES,
		.map_flags = b->flags,
		.memory = b->memory,
		.name = "faults",
	};

	return bpfmap_create(&opts, &b->map);
}

static int element_put(struct bpfmap *map, const struct bench *b, uint32_t key)
{
	for (size_t i = 0; i < sizeof(value) / sizeof(value[0]); i++)
		value[i] = 0x0101010101010101ull * (key % 251 + 1);
	return has_keys(b) ? bpfmap_update(map, &key, value, BPF_ANY) : bpfmap_push(map, value, 0);
}

static bool element_is(struct bpfmap *map, const struct bench *b, uint32_t key)
{
	if (!has_keys(b)) {
		for (size_t i = 0; i < VALUE_SIZE / 8; i++)
			seen[i] = 0x0101010101010101ull * (key % 251 + 1);
		return bpfmap_peek(map, seen) == 0;
	}
	return bpfmap_read(map, &key, seen) == 0 &&
	       seen[0] == 0x0101010101010101ull * (key % 251 + 1);
}

static void no_preparation(struct bench *b)
{
}

static void map_prepare(struct bench *b)
{
	if (map_make(b))
		b->trouble = "cannot prepare the map";
}

static void filled_prepare(struct bench *b)
{
	map_prepare(b);
	for (uint32_t key = 0; key < 3 && !b->trouble; key++)
		if (element_put(b->map, b, key))
			b->trouble = "cannot prepare the elements";
}

static void given_prepare(struct bench *b)
{
	filled_prepare(b);
	b->given = b->trouble ? -1 : bpfmap_fd(b->map);
}

static void pinned_prepare(struct bench *b)
{
	filled_prepare(b);
	if (!b->trouble && bpfmap_pin(b->map, operation_pin))
		b->trouble = "cannot prepare the pin";
}

static bool map_verify(struct bench *b)
{
	return b->map && !bpfmap_check(b->map) && !element_put(b->map, b, 7) &&
	       element_is(b->map, b, 7) && !bpfmap_check(b->map);
}

static bool filled_verify(struct bench *b)
{
	return element_is(b->map, b, 0) && element_is(b->map, b, 2) && map_verify(b);
}

/* The second handle leads to the same map. */
static bool other_verify(struct bench *b)
{
	return b->other && filled_verify(b) && element_is(b->other, b, 7) &&
	       !element_put(b->other, b, 8) && element_is(b->map, b, 8);
}

static long create_act(struct bench *b)
{
	return map_make(b);
}

static long first_write_act(struct bench *b)
{
	return element_put(b->map, b, 5);
}

static bool first_write_verify(struct bench *b)
{
	return element_is(b->map, b, 5) && map_verify(b);
}

static long read_act(struct bench *b)
{
	struct bpfmap_info info;
	int err = bpfmap_get_info(b->map, &info);

	if (!err && !element_is(b->map, b, 1))
		b->trouble = "an element that was there is not found";
	return err ? err : bpfmap_check(b->map);
}

/* A thread that goes onto a CPU and leaves it. */
static long cpu_act(struct bench *b)
{
	int cpu = bpfmap_cpu_enter(b->map);

	if (cpu < 0)
		return cpu;
	bpfmap_cpu_leave(b->map);
	return 0;
}

static long iter_act(struct bench *b)
{
	const void *key, *copy;
	int n, found = 0;

	if (!has_keys(b))
		return 0;
	n = bpfmap_iter_new(b->map, &b->iter);
	if (n)
		return n;
	while ((n = bpfmap_iter_next(b->iter, &key, &copy)) > 0)
		found++;
	bpfmap_iter_free(b->iter);
	b->iter = NULL;
	if (!n && found < 3)
		b->trouble = "the iterator missed an element";
	return n;
}

static long child_write(const struct bench *b)
{
	int err = element_put(b->map, b, 9);

	return err && !bpfmap_last_error()[0] ? 2 : err ? 1 : 0;
}

/* 0: the child has written; 1: it could not, and said why. */
static long fork_act(struct bench *b)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit((int)child_write(b));
	if (pid < 0) {
		b->is_excused = true;
		return -errno;
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		b->trouble = "the child crashed, or failed without a sentence";
	return 0;
}

const struct operation operations_per_type[] = {
	{"create", no_preparation, create_act, map_verify},
	{"first write", map_prepare, first_write_act, first_write_verify},
	{"read and check", filled_prepare, read_act, filled_verify},
	{"iterate", filled_prepare, iter_act, filled_verify},
	{"enter a CPU", filled_prepare, cpu_act, filled_verify},
	{"fork and write", filled_prepare, fork_act, filled_verify},
	{0},
};

static long pin_act(struct bench *b)
{
	return bpfmap_pin(b->map, operation_pin);
}

static bool pin_verify(struct bench *b)
{
	return !bpfmap_open(operation_pin, 0, &b->other) && other_verify(b);
}

static long open_act(struct bench *b)
{
	return bpfmap_open(operation_pin, 0, &b->other);
}

static long open_fd_act(struct bench *b)
{
	return bpfmap_open_fd(b->given, 0, &b->other);
}

static long fd_act(struct bench *b)
{
	b->made = bpfmap_fd(b->map);
	return b->made;
}

static void growing_prepare(struct bench *b)
{
	b->flags = BPF_F_NO_PREALLOC;
	map_prepare(b);
}

static long growing_act(struct bench *b)
{
	int err = 0;

	for (uint32_t key = 0; key < GROWTH && !err; key++)
		err = element_put(b->map, b, key);
	return err;
}

/* Elements of every length up to the largest. */
static void variable_prepare(struct bench *b)
{
	b->flags = BPFMAP_F_VARIABLE;
	map_prepare(b);
}

static long variable_act(struct bench *b)
{
	int err = 0;

	for (uint32_t key = 0; key < GROWTH && !err; key++)
		err = bpfmap_var_update(b->map, &key, sizeof(key), value, key % VALUE_SIZE,
					BPF_ANY);
	return err;
}

static bool variable_verify(struct bench *b)
{
	uint32_t len;

	for (uint32_t key = 0; key < GROWTH; key++)
		if (bpfmap_var_read(b->map, &key, sizeof(key), seen, VALUE_SIZE, &len) ||
		    len != key % VALUE_SIZE)
			return false;
	return !bpfmap_check(b->map);
}

static bool growing_verify(struct bench *b)
{
	for (uint32_t key = 0; key < GROWTH; key++)
		if (!element_is(b->map, b, key))
			return false;
	return map_verify(b);
}

/* ---- through bpf(2) ------------------------------------------------------------------------- */

static long call(int cmd, union bpf_attr *attr)
{
	return bpfmap_bpf(cmd, attr, sizeof(*attr));
}

static long bpf_create_act(struct bench *b)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = b->type;
	attr.key_size = KEY_SIZE;
	attr.value_size = VALUE_SIZE;
	attr.max_entries = ENTRIES;
	b->made = (int)call(BPF_MAP_CREATE, &attr);
	return b->made;
}

static long bpf_update_fd(int fd, uint32_t key)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	return call(BPF_MAP_UPDATE_ELEM, &attr);
}

static bool made_verify(struct bench *b)
{
	return b->made >= 0 && !bpf_update_fd(b->made, 7);
}

static long bpf_update_act(struct bench *b)
{
	return bpf_update_fd(b->given, 11);
}

/* Key and value in memory that is copied with system calls. */
static long bpf_lookup_act(struct bench *b)
{
	static const uint32_t key = 1;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)b->given;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)bpfmap_lookup(b->map, &key);
	return call(BPF_MAP_LOOKUP_ELEM, &attr);
}

static long bpf_pin_act(struct bench *b)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)operation_pin;
	attr.bpf_fd = (uint32_t)b->given;
	return call(BPF_OBJ_PIN, &attr);
}

static long bpf_get_act(struct bench *b)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)operation_pin;
	b->made = (int)call(BPF_OBJ_GET, &attr);
	return b->made;
}

static long bpf_info_act(struct bench *b)
{
	struct bpf_map_info info = {0};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)b->given;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	return call(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static long bpf_by_id_act(struct bench *b)
{
	struct bpfmap_info info;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	bpfmap_get_info(b->map, &info);
	attr.map_id = info.id;
	b->made = (int)call(BPF_MAP_GET_FD_BY_ID, &attr);
	return b->made;
}

static long btf_act(struct bench *b)
{
	static const struct {
		struct btf_header header;
		uint32_t type[4];
		char names[8];
	} btf = {
		.header = {.magic = BTF_MAGIC,
			   .version = BTF_VERSION,
			   .hdr_len = sizeof(struct btf_header),
			   .type_len = 16,
			   .str_off = 16,
			   .str_len = 5},
		.type = {1, BTF_KIND_INT << 24, 4, 32},
		.names = "\0int",
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)&btf;
	attr.btf_size = sizeof(btf.header) + sizeof(btf.type) + 5;
	b->made = (int)call(BPF_BTF_LOAD, &attr);
	return b->made;
}

static long prog_act(struct bench *b)
{
	/* r1 = the map; r0 = 0; exit */
	struct bpf_insn code[] = {
		{.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insn_cnt = sizeof(code) / sizeof(code[0]);
	attr.insns = (uintptr_t)code;
	attr.license = (uintptr_t) "GPL";
	code[0].imm = b->given;
	b->made = (int)call(BPF_PROG_LOAD, &attr);
	return b->made;
}

static void prog_prepare(struct bench *b)
{
	given_prepare(b);
	if (!b->trouble && prog_act(b) < 0)
		b->trouble = "cannot prepare the program";
}

static long prog_run_act(struct bench *b)
{
	uint8_t packet[64] = {0};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)b->made;
	attr.test.data_size_in = sizeof(packet);
	attr.test.data_in = (uintptr_t)packet;
	attr.test.repeat = 1;
	return call(BPF_PROG_TEST_RUN, &attr);
}

static bool prog_verify(struct bench *b)
{
	return b->made >= 0 && !prog_run_act(b) && filled_verify(b);
}

static bool btf_verify(struct bench *b)
{
	return b->made >= 0 && filled_verify(b);
}

static bool cold_verify(struct bench *b)
{
	return b->made >= 0;
}

const struct operation operations_once[] = {
	{"pin", filled_prepare, pin_act, pin_verify},
	{"open", pinned_prepare, open_act, other_verify},
	{"open_fd", given_prepare, open_fd_act, other_verify},
	{"fd", filled_prepare, fd_act, made_verify},
	{"grow, lengths vary", variable_prepare, variable_act, variable_verify},
	{"grow", growing_prepare, growing_act, growing_verify},
	{"BPF_MAP_CREATE", no_preparation, bpf_create_act, made_verify},
	{"BPF_MAP_UPDATE_ELEM", given_prepare, bpf_update_act, filled_verify},
	{"BPF_MAP_LOOKUP_ELEM", given_prepare, bpf_lookup_act, filled_verify},
	{"BPF_OBJ_PIN", given_prepare, bpf_pin_act, pin_verify},
	{"BPF_OBJ_GET", pinned_prepare, bpf_get_act, made_verify},
	{"BPF_OBJ_GET_INFO_BY_FD", given_prepare, bpf_info_act, filled_verify},
	{"BPF_MAP_GET_FD_BY_ID", pinned_prepare, bpf_by_id_act, made_verify},
	{"BPF_BTF_LOAD", filled_prepare, btf_act, btf_verify},
	{"BPF_PROG_LOAD", given_prepare, prog_act, prog_verify},
	{"BPF_PROG_TEST_RUN", prog_prepare, prog_run_act, prog_verify},
	{0},
};

const struct operation operations_cold[] = {
	{"create", no_preparation, create_act, map_verify},
	{"BPF_MAP_CREATE", no_preparation, bpf_create_act, cold_verify},
	{"BPF_BTF_LOAD", no_preparation, btf_act, cold_verify},
	{0},
};

/* ---- wrong on purpose ------------------------------------------------------------------------ */

static long leak_descriptor_act(struct bench *b)
{
	int fd = dup(STDIN_FILENO);
	long err = fd_act(b);

	if (err >= 0)
		close(fd);
	return err;
}

static long leak_memory_act(struct bench *b)
{
	char *volatile block = strdup("lost"); /* volatile: clang leaves an unused allocation out */
	long err = fd_act(b);

	if (err >= 0)
		free(block);
	return err;
}

static long lose_element_act(struct bench *b)
{
	long err = fd_act(b);
	uint32_t key = 2;

	if (err < 0)
		bpfmap_delete(b->map, &key);
	return err;
}

const struct operation operations_wrong[] = {
	{"a descriptor", filled_prepare, leak_descriptor_act, filled_verify},
	{"memory", filled_prepare, leak_memory_act, filled_verify},
	{"an element", filled_prepare, lose_element_act, filled_verify},
	{0},
};

/* Our copies of a descriptor go with it only if the table of descriptors is told. */
static void descriptor_clear(int *fd)
{
	int number = *fd;

	*fd = -1;
	if (number < 0)
		return;
	close(number);
	bpfmap_bpf_fd_closed(number);
}

void bench_clear(struct bench *b)
{
	char path[256];

	bpfmap_iter_free(b->iter);
	bpfmap_close(b->other);
	descriptor_clear(&b->made);
	descriptor_clear(&b->given);
	bpfmap_close(b->map);
	if (bpfmap_bpf_path(operation_pin, path, sizeof(path)) == 1)
		unlink(path);
}
