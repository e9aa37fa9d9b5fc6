/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* attributes.c: requests that are wrong, or odd, whatever they ask: blocks of attributes of another
 * size, unreadable or with a byte behind the last field, commands that are none, BTF that is spoilt.
 */
#include "request.h"

#include <string.h>
#include <unistd.h>

#define ATTR_MOST 4200
#define NO_FD	  (-1)
#define AFTER_ALL UINT32_MAX /* an id, so that no command asks for the first one there is */

/* The command, where its descriptor is, where its last field ends. */
static const struct {
	int command, fd_at;
	uint32_t end;
} commands[ATTRIBUTES] = {
	{BPF_MAP_LOOKUP_ELEM, 0, 32},
	{BPF_MAP_UPDATE_ELEM, 0, 32},
	{BPF_MAP_DELETE_ELEM, 0, 16},
	{BPF_MAP_GET_NEXT_KEY, 0, 24},
	{BPF_OBJ_GET_INFO_BY_FD, 0, 16},
	{BPF_MAP_LOOKUP_AND_DELETE_ELEM, 0, 32},
	{BPF_MAP_LOOKUP_BATCH, 36, 56},
	{BPF_MAP_UPDATE_BATCH, 36, 56},
	{BPF_MAP_DELETE_BATCH, 36, 56},
	{BPF_MAP_LOOKUP_AND_DELETE_BATCH, 36, 56},
	{BPF_MAP_CREATE, NO_FD, 92},
	{BPF_PROG_LOAD, NO_FD, 168},
	{BPF_OBJ_PIN, 8, 20},
	{BPF_OBJ_GET, NO_FD, 20},
	{BPF_PROG_TEST_RUN, 0, 80},
	{BPF_PROG_GET_NEXT_ID, NO_FD, 8},
	{BPF_MAP_GET_NEXT_ID, NO_FD, 8},
	{BPF_BTF_GET_NEXT_ID, NO_FD, 8},
	{BPF_PROG_GET_FD_BY_ID, NO_FD, 4},
	{BPF_MAP_GET_FD_BY_ID, NO_FD, 12},
	{BPF_BTF_GET_FD_BY_ID, NO_FD, 16},
	{BPF_BTF_LOAD, NO_FD, 40},
	{BPF_PROG_BIND_MAP, 4, 12},
	{1000, NO_FD, 168},
	{-1, NO_FD, 168},
};

static bool asks_id(int command)
{
	return command == BPF_PROG_GET_NEXT_ID || command == BPF_MAP_GET_NEXT_ID ||
	       command == BPF_BTF_GET_NEXT_ID || command == BPF_PROG_GET_FD_BY_ID ||
	       command == BPF_MAP_GET_FD_BY_ID || command == BPF_BTF_GET_FD_BY_ID;
}

/* o: the byte behind the last field that is not zero; p: the block's pointer. */
void do_tail(struct request *r)
{
	uint64_t which = (uint64_t)arg(r, 'c') % ATTRIBUTES;
	uint32_t end = commands[which].end, fd = (uint32_t)r->fd, id = AFTER_ALL;
	uint32_t size = (uint32_t)arg(r, 'z') % ATTR_MOST;
	uint8_t attr[ATTR_MOST] = {0};

	if (commands[which].fd_at != NO_FD)
		memcpy(attr + commands[which].fd_at, &fd, sizeof(fd));
	if (asks_id(commands[which].command))
		memcpy(attr, &id, sizeof(id));
	if (arg(r, 'o'))
		attr[end + (uint64_t)arg(r, 'o') % (208 - end)] = 1;
	r->a->result =
		r->e->call(commands[which].command,
			   (void *)(uintptr_t)pointer(r->e, BUFFER_IN, arg(r, 'p'), size, attr),
			   size);
}

static long btf_ask(struct request *r, int fd)
{
	struct bpf_btf_info info;
	union bpf_attr attr;
	uint8_t bytes[256];
	long err;

	memset(&info, 0, sizeof(info));
	memset(bytes, FILLER, sizeof(bytes));
	info.btf = (uintptr_t)bytes;
	info.btf_size = sizeof(bytes) - 1;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	err = call(r, BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (err)
		return err;
	answer_add(r->a, bytes, sizeof(bytes));
	r->a->count = info.btf_size;
	memset(&attr, 0, sizeof(attr));
	attr.btf_id = info.id;
	return call(r, BPF_BTF_GET_FD_BY_ID, &attr);
}

/* Of a good one, its bytes again, and a descriptor by its id. c: k is spoilt to be v, or n bytes are missing. */
void do_btf(struct request *r)
{
	int64_t at = arg(r, 'c') == 1 ? arg(r, 'k') : -1;
	uint32_t cut = arg(r, 'c') == 2 ? (uint32_t)arg(r, 'k') : 0;
	long fd = btf_spoilt(r->e, at, (uint8_t)arg(r, 'v'), cut), other = 0;

	r->a->result = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	if (!arg(r, 'c')) {
		other = btf_ask(r, (int)fd);
		r->a->result = other < 0 ? other : 0;
		if (other >= 0)
			close((int)other);
	}
	close((int)fd);
}
