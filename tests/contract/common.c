/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* common.c: rows, requests and the table of commands that all sections share. */
#include "semantics.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_ADDRESS 0xffff888000001000ull
#define PIN_ROOT       "/sys/fs/bpf/"
/* Of five bytes, which every machine has, RISC-V with its 38 bits included; neither half of it alone leads
 * anywhere. */
#define FAR_ADDRESS 0x3f12000000ull

const struct type types[TYPES] = {{"hash", BPF_MAP_TYPE_HASH}, {"array", BPF_MAP_TYPE_ARRAY}};

struct bad_address bad_addresses[BAD_ADDRESSES] = {
	{"null", 0},
	{"one", 1},
	{"hole", 0},
	{"kernel", KERNEL_ADDRESS},
};

unsigned char *page_edge(void)
{
	static unsigned char *pages;
	long page = sysconf(_SC_PAGESIZE);

	if (!pages) {
		pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE)) {
			perror("semantics: cannot make a guard page");
			exit(1);
		}
		bad_addresses[2].address = (uintptr_t)pages + page;
	}
	return pages + page;
}

const char *result_name(long result)
{
	static char buffers[4][32];
	static unsigned int turn;
	char *buffer = buffers[turn++ % 4];
	const char *name = result < 0 ? strerrorname_np((int)-result) : NULL;

	if (result == -ERR_NOTSUPP)
		name = "E524";
	if (name)
		snprintf(buffer, sizeof(buffers[0]), "%s", name);
	else
		snprintf(buffer, sizeof(buffers[0]), "%ld", result);
	return buffer;
}

static void row_print(const char *name_fmt, va_list args, const char *answer)
{
	vprintf(name_fmt, args);
	printf(": %s\n", answer);
}

void row(long result, const char *name_fmt, ...)
{
	va_list args;

	va_start(args, name_fmt);
	row_print(name_fmt, args, result_name(result));
	va_end(args);
}

void row_text(const char *text, const char *name_fmt, ...)
{
	va_list args;

	va_start(args, name_fmt);
	row_print(name_fmt, args, text);
	va_end(args);
}

void row_fd(long fd, const char *name_fmt, ...)
{
	va_list args;

	va_start(args, name_fmt);
	row_print(name_fmt, args, fd >= 0 ? "fd" : result_name(fd));
	va_end(args);
	if (fd >= 0)
		close((int)fd);
}

void line_begin(struct line *l, const char *name_fmt, ...)
{
	va_list args;

	va_start(args, name_fmt);
	vprintf(name_fmt, args);
	va_end(args);
	l->len = 0;
	l->joined = 0;
	l->text[0] = '\0';
}

static void line_flush(struct line *l)
{
	const char *dots = l->joined > 1 ? ".." : "";
	int n;

	if (!l->joined)
		return;
	n = snprintf(l->text + l->len, sizeof(l->text) - l->len, " %s%s%s=%s", l->first, dots,
		     l->joined > 1 ? l->last : "", result_name(l->result));
	if (n < 0 || l->len + n >= sizeof(l->text)) {
		fprintf(stderr, "semantics: a line is longer than %zu bytes\n", sizeof(l->text));
		exit(1);
	}
	l->len += n;
	l->joined = 0;
}

void line_add(struct line *l, long result, const char *label_fmt, ...)
{
	va_list args;
	char label[sizeof(l->first)];

	va_start(args, label_fmt);
	vsnprintf(label, sizeof(label), label_fmt, args);
	va_end(args);
	if (l->joined && l->result != result)
		line_flush(l);
	if (!l->joined)
		memcpy(l->first, label, sizeof(label));
	memcpy(l->last, label, sizeof(label));
	l->result = result;
	l->joined++;
}

void line_end(struct line *l)
{
	line_flush(l);
	printf(":%s\n", l->text);
}

long bpf_call(int cmd, const void *attr, unsigned int size)
{
	long result = syscall(__NR_bpf, cmd, attr, size);

	return result < 0 ? -errno : result;
}

static bool makes_fd(int cmd)
{
	return cmd == BPF_MAP_CREATE || cmd == BPF_OBJ_GET || cmd == BPF_MAP_GET_FD_BY_ID ||
	       cmd == BPF_PROG_LOAD || cmd == BPF_BTF_LOAD || cmd == BPF_BTF_GET_FD_BY_ID;
}

long bpf_try(int cmd, union req *r)
{
	long result = bpf_call(cmd, r, ATTR_SIZE);

	if (result >= 0 && makes_fd(cmd)) {
		close((int)result);
		return 0;
	}
	return result;
}

void req_clear(union req *r)
{
	memset(r, 0, sizeof(*r));
}

void req_create(union req *r, uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t n)
{
	req_clear(r);
	r->attr.map_type = type;
	r->attr.key_size = key_size;
	r->attr.value_size = value_size;
	r->attr.max_entries = n;
}

void req_elem(union req *r, int fd, const void *key, const void *value, uint64_t flags)
{
	req_clear(r);
	r->attr.map_fd = fd;
	r->attr.key = (uintptr_t)key;
	r->attr.value = (uintptr_t)value;
	r->attr.flags = flags;
}

int map_make(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t n, uint32_t flags)
{
	union req r;

	req_create(&r, type, key_size, value_size, n);
	r.attr.map_flags = flags;
	return (int)bpf_call(BPF_MAP_CREATE, &r, ATTR_SIZE);
}

int map_fresh_flags(uint32_t type, uint32_t flags)
{
	int fd = map_make(type, 4, 8, 4, flags);
	uint32_t key = 1;
	uint64_t value = 0x11;

	if (fd >= 0)
		map_update(fd, &key, &value, BPF_ANY);
	return fd;
}

int map_fresh(uint32_t type)
{
	return map_fresh_flags(type, 0);
}

int map_reopen(int fd, uint32_t open_flags)
{
	union req r;

	req_clear(&r);
	r.attr.map_id = map_id(fd);
	r.attr.open_flags = open_flags;
	return (int)bpf_call(BPF_MAP_GET_FD_BY_ID, &r, ATTR_SIZE);
}

long map_lookup(int fd, const void *key, void *value)
{
	union req r;

	req_elem(&r, fd, key, value, 0);
	return bpf_call(BPF_MAP_LOOKUP_ELEM, &r, ATTR_SIZE);
}

long map_update(int fd, const void *key, const void *value, uint64_t flags)
{
	union req r;

	req_elem(&r, fd, key, value, flags);
	return bpf_call(BPF_MAP_UPDATE_ELEM, &r, ATTR_SIZE);
}

long map_delete(int fd, const void *key)
{
	union req r;

	req_elem(&r, fd, key, NULL, 0);
	return bpf_call(BPF_MAP_DELETE_ELEM, &r, ATTR_SIZE);
}

long map_next(int fd, const void *key, void *next)
{
	union req r;

	req_elem(&r, fd, key, next, 0);
	return bpf_call(BPF_MAP_GET_NEXT_KEY, &r, ATTR_SIZE);
}

long map_freeze(int fd)
{
	union req r;

	req_clear(&r);
	r.attr.map_fd = fd;
	return bpf_call(BPF_MAP_FREEZE, &r, ATTR_SIZE);
}

long map_info(int fd, void *info, uint32_t *len)
{
	union req r;
	long result;

	req_clear(&r);
	r.attr.info.bpf_fd = fd;
	r.attr.info.info_len = *len;
	r.attr.info.info = (uintptr_t)info;
	result = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &r, ATTR_SIZE);
	*len = r.attr.info.info_len;
	return result;
}

uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	return map_info(fd, &info, &len) ? 0 : info.id;
}

int prog_make(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union req r;

	req_clear(&r);
	r.attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	r.attr.insns = (uintptr_t)insns;
	r.attr.insn_cnt = 2;
	r.attr.license = (uintptr_t) "Dual BSD/GPL";
	return (int)bpf_call(BPF_PROG_LOAD, &r, ATTR_SIZE);
}

/* What the commands' pointers lead to. Large enough for any map the sections make with fill(). */
struct memory {
	uint32_t key;
	uint32_t next;
	uint64_t value;
	uint32_t keys[8];
	uint64_t values[8];
	unsigned char cursor[16];
	unsigned char info[INFO_SIZE];
	char path[600];
};
static struct memory near_memory;
static struct memory *memory = &near_memory;

void memory_near(void)
{
	memory = &near_memory;
}

void memory_far(void)
{
	static struct memory *far_memory;

	if (!far_memory)
		far_memory = mmap((void *)FAR_ADDRESS, sizeof(*far_memory), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (far_memory == MAP_FAILED) {
		perror("semantics: cannot map memory where the requests need it");
		exit(1);
	}
	memory = far_memory;
}

static void fill_elem(union req *r, int fd)
{
	memory->key = 1;
	memory->value = 0x22;
	req_elem(r, fd, &memory->key, &memory->value, 0);
}

static void fill_delete(union req *r, int fd)
{
	memory->key = 1;
	req_elem(r, fd, &memory->key, NULL, 0);
}

static void fill_next(union req *r, int fd)
{
	memory->key = 77;
	req_elem(r, fd, &memory->key, &memory->next, 0);
}

static void fill_freeze(union req *r, int fd)
{
	req_clear(r);
	r->attr.map_fd = fd;
}

static void fill_batch(union req *r, int fd)
{
	req_clear(r);
	memset(memory->cursor, 0, sizeof(memory->cursor));
	memory->keys[0] = 1;
	memory->values[0] = 0x33;
	r->attr.batch.out_batch = (uintptr_t)memory->cursor;
	r->attr.batch.keys = (uintptr_t)memory->keys;
	r->attr.batch.values = (uintptr_t)memory->values;
	r->attr.batch.count = 1;
	r->attr.batch.map_fd = fd;
}

static void fill_batch_read(union req *r, int fd)
{
	fill_batch(r, fd);
	r->attr.batch.count = 8;
}

static void fill_info(union req *r, int fd)
{
	req_clear(r);
	memset(memory->info, 0, sizeof(memory->info));
	r->attr.info.bpf_fd = fd;
	r->attr.info.info_len = INFO_SIZE;
	r->attr.info.info = (uintptr_t)memory->info;
}

static void fill_pin(union req *r, int fd)
{
	req_clear(r);
	snprintf(memory->path, sizeof(memory->path), "%s", pin_path("command"));
	r->attr.pathname = (uintptr_t)memory->path;
	r->attr.bpf_fd = fd;
}

const struct command commands[] = {
	{"lookup", BPF_MAP_LOOKUP_ELEM, 32, 0, 8, 16, fill_elem},
	{"update", BPF_MAP_UPDATE_ELEM, 32, 0, 8, 16, fill_elem},
	{"delete", BPF_MAP_DELETE_ELEM, 16, 0, 8, 0, fill_delete},
	{"next_key", BPF_MAP_GET_NEXT_KEY, 24, 0, 8, 16, fill_next},
	{"lookup_and_delete", BPF_MAP_LOOKUP_AND_DELETE_ELEM, 32, 0, 8, 16, fill_elem},
	{"freeze", BPF_MAP_FREEZE, 4, 0, 0, 0, fill_freeze},
	{"lookup_batch", BPF_MAP_LOOKUP_BATCH, 56, 36, 16, 24, fill_batch_read},
	{"lookup_and_delete_batch", BPF_MAP_LOOKUP_AND_DELETE_BATCH, 56, 36, 16, 24,
	 fill_batch_read},
	{"update_batch", BPF_MAP_UPDATE_BATCH, 56, 36, 16, 24, fill_batch},
	{"delete_batch", BPF_MAP_DELETE_BATCH, 56, 36, 16, 0, fill_batch},
	{"info", BPF_OBJ_GET_INFO_BY_FD, 16, 0, 0, 8, fill_info},
	{"pin", BPF_OBJ_PIN, 20, 8, 0, 0, fill_pin},
};
const unsigned int command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	for (unsigned int i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	fprintf(stderr, "semantics: no command is called %s\n", name);
	exit(1);
}

long command_run(const struct command *c, union req *r, unsigned int size)
{
	long result = bpf_call(c->cmd, r, size);

	if (c->cmd == BPF_OBJ_PIN)
		pin_remove(pin_path("command"));
	if (result >= 0 && makes_fd(c->cmd))
		close((int)result);
	return result;
}

const char *pin_path(const char *name)
{
	static char paths[4][600];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), PIN_ROOT "contract-%d-%s", (int)getpid(), name);
	return path;
}

/* The name below the bpf file system, as the engine in user space keeps it. */
static const char *pin_file(const char *path)
{
	static char file[900];
	const char *dir = getenv("BPFMAP_DIR");
	const char *name = path + strlen(PIN_ROOT);

	if (dir)
		snprintf(file, sizeof(file), "%s/%s", dir, name);
	else
		snprintf(file, sizeof(file), "/dev/shm/bpfmap-%u/%s", (unsigned int)getuid(), name);
	return file;
}

long pin_fd(int fd, const char *path)
{
	union req r;

	req_clear(&r);
	r.attr.pathname = (uintptr_t)path;
	r.attr.bpf_fd = fd;
	return bpf_call(BPF_OBJ_PIN, &r, ATTR_SIZE);
}

long pin_get(const char *path, uint32_t flags)
{
	union req r;

	req_clear(&r);
	r.attr.pathname = (uintptr_t)path;
	r.attr.file_flags = flags;
	return bpf_call(BPF_OBJ_GET, &r, ATTR_SIZE);
}

void pin_remove(const char *path)
{
	unlink(path);
	unlink(pin_file(path));
}

long pin_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 || stat(pin_file(path), &st) == 0)
		return st.st_mode & 07777;
	return -errno;
}
