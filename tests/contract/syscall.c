/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* syscall.c: the rules that hold for every command (SEMANTICS section 1). */
#include "semantics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_UNKNOWN_CMD 38 /* Linux 6.18 ends at 37 */

/* From one size of a request that is cut short to the next. */
#define SINGLE_BYTES 1
#define WHOLE_FIELDS 4

static void unknown_commands(void)
{
	static const int cmds[] = {FIRST_UNKNOWN_CMD, 39, 100, 1000, 1 << 30, -1};
	struct line l;
	union req r;

	req_clear(&r);
	line_begin(&l, "syscall.unknown_command");
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		line_add(&l, bpf_call(cmds[i], &r, ATTR_SIZE), "%d", cmds[i]);
	line_end(&l);
	r.bytes[ATTR_SIZE] = 1;
	row(bpf_call(100, &r, ATTR_SIZE + 1), "syscall.unknown_command_and_tail");
	row(bpf_call(100, &r, ATTR_MAX + 1), "syscall.unknown_command_and_size");
	row(bpf_call(100, NULL, ATTR_SIZE), "syscall.unknown_command_and_null");
	row(bpf_call(100, NULL, 0), "syscall.unknown_command_and_nothing");
}

/* Half a number is the lower half on little-endian machines, like that of the recording, and the upper half on
 * others: rows in which sizes end inside of numbers are for the former. */
static bool bytes_are_comparable(const char *row_name)
{
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		return true;
	row_text("skipped: numbers cut off in the middle", "%s.size_bytes", row_name);
	return false;
}

/* A request of each command cut short: the fields that are missing are zero. */
static void short_attributes(const struct command *c, const struct type *t, unsigned int step)
{
	char name[64];
	struct line l;
	union req r;

	snprintf(name, sizeof(name), "syscall.%s.%s", t->name, c->name);
	if (step == SINGLE_BYTES && !bytes_are_comparable(name))
		return;
	memory_far();
	line_begin(&l, "%s.size%s", name, step == SINGLE_BYTES ? "_bytes" : "");
	for (unsigned int size = 4; size <= ATTR_SIZE; size += step) {
		int fd = map_fresh(t->number);

		c->fill(&r, fd);
		line_add(&l, command_run(c, &r, size), "%u", size);
		close(fd);
	}
	line_end(&l);
	memory_near();
}

static void long_attributes(const struct command *c)
{
	static const unsigned int sizes[] = {169, 176, 200, 1024, 4095, 4096, 4097, 8192};
	struct line l;
	union req r;

	line_begin(&l, "syscall.%s.long", c->name);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int fd = map_fresh(BPF_MAP_TYPE_HASH);

		c->fill(&r, fd);
		line_add(&l, command_run(c, &r, sizes[i]), "%u", sizes[i]);
		close(fd);
	}
	line_end(&l);
	line_begin(&l, "syscall.%s.long_with_tail", c->name);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int fd = map_fresh(BPF_MAP_TYPE_HASH);

		c->fill(&r, fd);
		r.bytes[sizes[i] - 1] = 1;
		line_add(&l, command_run(c, &r, sizes[i]), "%u", sizes[i]);
		close(fd);
	}
	line_end(&l);
}

/* One non-zero byte behind the command's last field, for each place. */
static void tail_bytes(const struct command *c)
{
	struct line l;
	union req r;

	line_begin(&l, "syscall.%s.tail", c->name);
	for (unsigned int at = c->used; at < ATTR_SIZE; at++) {
		int fd = map_fresh(BPF_MAP_TYPE_HASH);

		c->fill(&r, fd);
		r.bytes[at] = 0x80;
		line_add(&l, command_run(c, &r, ATTR_SIZE), "%u", at);
		close(fd);
	}
	line_end(&l);
}

/* The hole behind map_fd is not a field. */
static void padding(const struct command *c)
{
	int fd = map_fresh(BPF_MAP_TYPE_HASH);
	union req r;

	if (c->key_off == 8) {
		c->fill(&r, fd);
		r.u32[1] = 0xffffffff;
		row(command_run(c, &r, ATTR_SIZE), "syscall.%s.padding", c->name);
	}
	close(fd);
}

static void foreign_fd(struct line *l, const struct command *c, int fd, const char *label)
{
	union req r;

	c->fill(&r, fd);
	line_add(l, command_run(c, &r, ATTR_SIZE), "%s", label);
	c->fill(&r, fd);
	r.bytes[c->used] = 1;
	line_add(l, command_run(c, &r, ATTR_SIZE), "%s+tail", label);
}

static void foreign_fds(const struct command *c)
{
	int pipe_fds[2] = {-1, -1};
	int null = open("/dev/null", O_RDWR);
	int path = open("/", O_PATH);
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	int prog = prog_make();
	int closed = map_fresh(BPF_MAP_TYPE_HASH);
	struct line l;

	close(closed);
	line_begin(&l, "syscall.%s.fd", c->name);
	foreign_fd(&l, c, closed, "closed");
	foreign_fd(&l, c, -1, "-1");
	foreign_fd(&l, c, 1 << 30, "2^30");
	if (pipe(pipe_fds) == 0) {
		foreign_fd(&l, c, pipe_fds[0], "pipe");
		close(pipe_fds[0]);
		close(pipe_fds[1]);
	}
	foreign_fd(&l, c, null, "device");
	foreign_fd(&l, c, path, "path");
	foreign_fd(&l, c, sock, "socket");
	/* Programs can be pinned and described as well: no error to compare. */
	if (c->cmd != BPF_OBJ_PIN && c->cmd != BPF_OBJ_GET_INFO_BY_FD)
		foreign_fd(&l, c, prog, "program");
	line_end(&l);
	close(null);
	close(path);
	close(sock);
	close(prog);
}

static void attribute_pointers(const struct command *c)
{
	unsigned char *edge = page_edge();
	int fd = map_fresh(BPF_MAP_TYPE_HASH);
	struct line l;
	union req r;

	line_begin(&l, "syscall.%s.attr_pointer", c->name);
	for (int i = 0; i < BAD_ADDRESSES; i++)
		line_add(&l, bpf_call(c->cmd, (void *)(uintptr_t)bad_addresses[i].address, 168),
			 "%s", bad_addresses[i].name);
	c->fill(&r, fd);
	memcpy(edge - ATTR_SIZE, r.bytes, ATTR_SIZE);
	line_add(&l, bpf_call(c->cmd, edge - ATTR_SIZE, ATTR_SIZE + 1), "edge+1");
	line_add(&l, bpf_call(c->cmd, edge - ATTR_SIZE, ATTR_MAX + 1), "edge+too_long");
	line_add(&l, bpf_call(c->cmd, edge - ATTR_SIZE, ATTR_SIZE), "edge");
	pin_remove(pin_path("command"));
	line_end(&l);
	close(fd);
}

static void create_sizes(const struct type *t, unsigned int step)
{
	char name[64];
	struct line l;
	union req r;

	snprintf(name, sizeof(name), "syscall.%s.create", t->name);
	if (step == SINGLE_BYTES && !bytes_are_comparable(name))
		return;
	line_begin(&l, "%s.size%s", name, step == SINGLE_BYTES ? "_bytes" : "");
	for (unsigned int size = 0; size <= ATTR_SIZE; size += step) {
		long fd;

		req_create(&r, t->number, 4, 8, 4);
		fd = bpf_call(BPF_MAP_CREATE, &r, size);
		line_add(&l, fd < 0 ? fd : 0, "%u", size);
		if (fd >= 0)
			close((int)fd);
	}
	line_end(&l);
}

static void create_tail(const struct type *t)
{
	struct line l;
	union req r;

	line_begin(&l, "syscall.%s.create.tail", t->name);
	for (unsigned int at = CREATE_EXCL_LEN + 4; at < ATTR_SIZE; at++) {
		req_create(&r, t->number, 4, 8, 4);
		r.bytes[at] = 1;
		line_add(&l, bpf_try(BPF_MAP_CREATE, &r), "%u", at);
	}
	line_end(&l);
}

static void create_long(const struct type *t)
{
	static const unsigned int sizes[] = {169, 2048, 4096, 4097, 8000};
	struct line l;
	union req r;

	for (unsigned int tail = 0; tail < 2; tail++) {
		line_begin(&l, "syscall.%s.create.long%s", t->name, tail ? "_with_tail" : "");
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			long fd;

			req_create(&r, t->number, 4, 8, 4);
			r.bytes[sizes[i] - 1] = tail;
			fd = bpf_call(BPF_MAP_CREATE, &r, sizes[i]);
			line_add(&l, fd < 0 ? fd : 0, "%u", sizes[i]);
			if (fd >= 0)
				close((int)fd);
		}
		line_end(&l);
	}
	line_begin(&l, "syscall.%s.create.attr_pointer", t->name);
	for (int i = 0; i < BAD_ADDRESSES; i++)
		line_add(&l,
			 bpf_call(BPF_MAP_CREATE, (void *)(uintptr_t)bad_addresses[i].address,
				  ATTR_SIZE),
			 "%s", bad_addresses[i].name);
	line_end(&l);
}

/* bpf(2) through a request of size 0 touches no memory, so the pointer may be anything. */
static void nothing(void)
{
	static const int cmds[] = {BPF_MAP_CREATE, BPF_OBJ_PIN, BPF_OBJ_GET, BPF_MAP_GET_FD_BY_ID};

	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		row(bpf_call(cmds[i], NULL, 0), "syscall.nothing.%d", cmds[i]);
}

void section_syscall(void)
{
	page_edge();
	unknown_commands();
	nothing();
	for (int t = 0; t < TYPES; t++) {
		create_sizes(&types[t], WHOLE_FIELDS);
		create_sizes(&types[t], SINGLE_BYTES);
		create_tail(&types[t]);
		create_long(&types[t]);
		for (unsigned int i = 0; i < command_count; i++) {
			short_attributes(&commands[i], &types[t], WHOLE_FIELDS);
			short_attributes(&commands[i], &types[t], SINGLE_BYTES);
		}
	}
	for (unsigned int i = 0; i < command_count; i++) {
		long_attributes(&commands[i]);
		tail_bytes(&commands[i]);
		padding(&commands[i]);
		foreign_fds(&commands[i]);
		attribute_pointers(&commands[i]);
	}
}
