/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* objects.c: the steps that make, find, name and describe maps and programs. */
#include "request.h"

#include "bpf/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is made invalid, or at least unusual, in a map_create. */
static void mutate(union bpf_attr *a, int64_t kind)
{
	switch (kind) {
	case 1: a->max_entries = 0; break;
	case 2: a->key_size = 0; break;
	case 3: a->value_size = 0; break;
	case 4: a->map_flags |= 1u << 31; break;
	case 5: a->map_flags |= BPF_F_RDONLY | BPF_F_WRONLY; break;
	case 6: a->map_extra = 16; break;
	case 7: a->map_type = 0; break;
	case 8: a->map_type = 99; break;
	case 9: a->map_name[0] = '-'; break;
	case 10: a->key_size = 5u << 20; break;
	case 11: a->value_size = 0x80000001u; break;
	case 12: a->btf_value_type_id = 1; break;
	case 13: a->map_flags |= BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG; break;
	case 14: a->map_flags ^= BPF_F_NO_PREALLOC; break;
	case 15: a->key_size++; break;
	case 16: a->map_flags |= BPF_F_MMAPABLE; break;
	case 17: a->map_flags |= BPF_F_ZERO_SEED; break;
	case 18: a->map_ifindex = 0xffff; break;
	case 19:
		a->map_flags |= BPF_F_NUMA_NODE;
		a->numa_node = 77;
		break;
	case 20: a->map_flags |= BPF_F_INNER_MAP; break;
	case 21: a->map_flags |= 1u << 16; break;
	case 22: memset(a->map_name, 'n', sizeof(a->map_name)); break;
	case 23: a->value_size = 32769; break;
	case 24: a->map_flags |= BPF_F_NO_COMMON_LRU; break;
	case 25: a->btf_key_type_id = 1; break;
	case 26: a->map_extra = 3; break;
	case 27: a->map_flags |= BPF_F_CLONE; break;
	case 28: a->map_flags |= BPF_F_RDONLY; break;
	case 29: a->map_flags |= BPF_F_NUMA_NODE; break;
	case 30:
		a->map_flags |= BPF_F_NUMA_NODE;
		a->numa_node = UINT32_MAX;
		break;
	case 31: a->map_flags |= 1u << 15; break; /* a BTF object's descriptor comes with it */
	case 32: a->btf_fd = NOT_OPEN; break;
	case 33: a->btf_value_type_id = 99; break;
	case 34: a->btf_key_type_id = a->btf_value_type_id; break;
	case 35: a->value_size++; break;
	default: a->map_name[1] = ' '; break;
	}
}

/* Fields that <linux/bpf.h> of Debian 12 does not have: the hash of the one program that may use a map. */
static void mutate_exclusive(union bpf_attr *a, int64_t kind)
{
	static const uint8_t hash[32] = {1, 2, 3};
	uint64_t at = kind == 37 ? 0 : kind == 38 ? 8 : (uintptr_t)hash;
	uint32_t size = kind == 39 ? sizeof(hash) - 1 : sizeof(hash);

	memcpy((uint8_t *)a + 80, &at, sizeof(at));
	memcpy((uint8_t *)a + 88, &size, sizeof(size));
}

static void btf_give(struct request *r, const struct shape *shape, union bpf_attr *attr)
{
	int *btf = &r->e->btf[(uint64_t)arg(r, 's') % shape_count()];

	if (!shape->lock_plus1 && !shape->btf)
		return;
	if (!*btf)
		*btf = (int)btf_of_value(r->e, shape);
	attr->btf_fd = (uint32_t)*btf;
	attr->btf_key_type_id = 1;
	attr->btf_value_type_id = 5;
}

void do_create(struct request *r)
{
	const struct shape *shape = shape_at(arg(r, 's'));
	union bpf_attr attr;
	uint64_t slot = (uint64_t)arg(r, 'h');
	long fd;

	/* An initialiser need not clear what lies behind the member's struct. */
	memset(&attr, 0, sizeof(attr));
	attr.map_type = shape->type;
	attr.key_size = shape->key_size;
	attr.value_size = shape->value_size;
	attr.max_entries = shape_entries(shape);
	attr.map_flags = shape->flags | (uint32_t)arg(r, 'a');
	attr.map_extra = shape->map_extra;
	memcpy(attr.map_name, "diff", sizeof("diff"));
	btf_give(r, shape, &attr);
	if (arg(r, 'x')) {
		if (arg(r, 'x') >= 36 && arg(r, 'x') < 40)
			mutate_exclusive(&attr, arg(r, 'x'));
		else
			mutate(&attr, arg(r, 'x'));
		fd = call(r, BPF_MAP_CREATE, &attr);
		r->a->result = fd < 0 ? fd : 0;
		if (fd >= 0)
			close((int)fd);
		return;
	}
	/* The number is free for the next one: it is to be recognised as another map. */
	if (r->e->fd[slot] >= 0)
		close(r->e->fd[slot]);
	r->e->fd[slot] = -1;
	r->a->result = slot_fill(r, slot, call(r, BPF_MAP_CREATE, &attr));
}

void do_close(struct request *r)
{
	uint64_t slot = (uint64_t)arg(r, 'h');

	if (r->e->fd[slot] < 0)
		return;
	close(r->e->fd[slot]);
	if (arg(r, 'f') && r->e == &engine_ours)
		bpfmap_bpf_fd_closed(r->e->fd[slot]);
	r->e->fd[slot] = -1;
}

void do_dup(struct request *r)
{
	uint64_t to = (uint64_t)arg(r, 't') % SLOTS;

	/* Onto an open number, so that it changes what it is. */
	if (r->e->fd[to] >= 0)
		r->a->result = dup2(r->fd, r->e->fd[to]) < 0 ? -errno : 0;
	else
		r->a->result = slot_fill(r, to, fcntl(r->fd, F_DUPFD_CLOEXEC, 3));
}

static long id_of(struct request *r, uint32_t *ret_id)
{
	uint8_t info[INFO_SIZE] = {0};
	union bpf_attr attr;
	long err;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)r->fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)info;
	err = call(r, BPF_OBJ_GET_INFO_BY_FD, &attr);
	memcpy(ret_id, info + 4, 4);
	return err;
}

static long fd_by_id(struct request *r, uint32_t id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_id = id;
	attr.open_flags = (uint32_t)arg(r, 'f');
	return call(r, BPF_MAP_GET_FD_BY_ID, &attr);
}

/* c: an id that nobody has. */
void do_byid(struct request *r)
{
	static const uint32_t nobodys[] = {0, INT32_MAX - 1, INT32_MAX, UINT32_MAX};
	uint32_t id;

	r->a->result = id_of(r, &id);
	if (arg(r, 'c'))
		id = nobodys[(uint64_t)arg(r, 'c') % 4];
	if (!r->a->result)
		r->a->result = slot_fill(r, (uint64_t)arg(r, 't') % SLOTS, fd_by_id(r, id));
}

/* Is the map the next one behind the id before its own? c: other questions. */
void do_nextid(struct request *r)
{
	union bpf_attr attr;
	uint32_t id;

	r->a->result = id_of(r, &id);
	if (r->a->result)
		return;
	memset(&attr, 0, sizeof(attr));
	attr.start_id = id - 1;
	switch (arg(r, 'c')) {
	case 0: break;
	case 1: attr.start_id = INT32_MAX; break;
	case 2: attr.start_id = UINT32_MAX; break;
	case 3: attr.open_flags = BPF_F_RDONLY; break;
	default: attr.start_id = INT32_MAX - 1; break;
	}
	r->a->result = call(r, BPF_MAP_GET_NEXT_ID, &attr);
	r->a->count = !r->a->result && attr.next_id == id;
}

void do_keepid(struct request *r)
{
	r->a->result = id_of(r, &r->e->kept_id);
}

void do_openid(struct request *r)
{
	r->a->result = slot_fill(r, (uint64_t)arg(r, 't') % SLOTS, fd_by_id(r, r->e->kept_id));
}

/* ---- the rest ---- */

void do_freeze(struct request *r)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)r->fd;
	r->a->result = call(r, BPF_MAP_FREEZE, &attr);
}

#define INFO_MOST 4200

/* Fields that engines number on their own, and an LRU's size, which follows the number of CPUs. */
static void info_mask(const struct request *r, uint8_t *info)
{
	memset(info + 4, 0, 4);
	memset(info + 64, 0, 4);
	memset(info + 88, 0, 8);
	if (r->o && model_is_lru(r->o->model.type))
		memset(info + 16, 0, 4);
}

/* What stands in the block before: by c, zeroes, a byte behind the last field, what asks for the digest of
 * the values, a wrong size of it, or something in each field that is not asked. */
static void info_ask(struct request *r, uint8_t *block, uint32_t size)
{
	uint64_t digest = (uintptr_t)buffer_cut(r->e, BUFFER_OUT, 32, 32);
	uint32_t digest_size = arg(r, 'c') == 2 ? 32 : 31;
	uint8_t info[INFO_MOST] = {0};

	if (arg(r, 'c') == 1)
		info[100 + arg(r, 'n') % 16] = 1;
	if (arg(r, 'c') == 4)
		memset(info, FILLER, 88);
	if (arg(r, 'c') == 2 || arg(r, 'c') == 3) {
		memcpy(info + 88, &digest, sizeof(digest));
		memcpy(info + 96, &digest_size, sizeof(digest_size));
	}
	memcpy(block, info, size);
}

void do_info(struct request *r)
{
	uint32_t len = (uint32_t)arg(r, 'n') % INFO_MOST;
	uint8_t info[INFO_MOST] = {0}, *block;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)r->fd;
	attr.info.info_len = len;
	attr.info.info = pointer(r->e, BUFFER_VALUE, arg(r, 'q'), len, NULL);
	block = (uint8_t *)(uintptr_t)attr.info.info;
	if (arg(r, 'q') == 0 || arg(r, 'q') == 3)
		info_ask(r, block, len - (len && arg(r, 'q')));
	r->a->result = call(r, BPF_OBJ_GET_INFO_BY_FD, &attr);
	r->a->count = attr.info.info_len;
	if (r->a->result || arg(r, 'q'))
		return;
	memcpy(info, block, len);
	info_mask(r, info);
	answer_add(r->a, info, len);
	if (arg(r, 'c') == 2 && len >= 100)
		answer_add(r->a, r->e->buffer[BUFFER_OUT] + BUFFER_BYTES - 32, 32);
}

/* c: by which way to the name: absolute; below a directory's descriptor; below one that is not open; absolute
 * with such a one, which is not looked at; with a descriptor, but without the flag. */
static void path_attr(struct request *r, union bpf_attr *attr)
{
	int dirs[] = {0, r->e->pins_fd, NOT_OPEN, NOT_OPEN, r->e->pins_fd}, dir;
	uint64_t way = (uint64_t)arg(r, 'c') % 5;
	char name[128], *given = name;

	memset(attr, 0, sizeof(*attr));
	pin_name(r->e, arg(r, 'i'), name, sizeof(name));
	if (way == 1 || way == 2)
		given += strlen("/sys/fs/bpf/") + strlen(r->e->pins) + 1;
	attr->pathname = pointer(r->e, BUFFER_KEY, arg(r, 'p'), strlen(given) + 1, given);
	attr->file_flags = (uint32_t)arg(r, 'f');
	if (way >= 1 && way <= 3)
		attr->file_flags |= 1u << 14; /* BPF_F_PATH_FD */
	dir = dirs[way];
	memcpy((uint8_t *)attr + 16, &dir, sizeof(dir)); /* path_fd */
}

void do_pin(struct request *r)
{
	union bpf_attr attr;

	path_attr(r, &attr);
	attr.bpf_fd = (uint32_t)r->fd;
	r->a->result = call(r, BPF_OBJ_PIN, &attr);
}

void do_get(struct request *r)
{
	union bpf_attr attr;

	path_attr(r, &attr);
	r->a->result = slot_fill(r, (uint64_t)arg(r, 't') % SLOTS, call(r, BPF_OBJ_GET, &attr));
}

void do_unlink(struct request *r)
{
	r->a->result = name_unlink(r->e, (int64_t)((uint64_t)arg(r, 'i') % PINS));
}

/* How it is mapped, and whether the mapping stays until the next one. */
static const struct {
	int prot, flags;
	uint64_t off;
	bool stays;
} mappings[MAPPINGS] = {
	{PROT_READ | PROT_WRITE, MAP_SHARED, 0, false},
	{PROT_READ | PROT_WRITE, MAP_SHARED, 0, true},
	{PROT_WRITE, MAP_SHARED, 0, false},
	{PROT_READ, MAP_SHARED, 0, true},
	{PROT_READ | PROT_WRITE, MAP_PRIVATE, 0, false},
	{PROT_READ | PROT_WRITE, MAP_SHARED, MAPPING_BYTES, false},
	{PROT_READ | PROT_EXEC, MAP_SHARED, 0, false},
	{PROT_NONE, MAP_SHARED, 0, false},
};

bool mapping_stays(int64_t way)
{
	return mappings[(uint64_t)way % MAPPINGS].stays;
}

bool mapping_writes(int64_t way)
{
	return mappings[(uint64_t)way % MAPPINGS].prot & PROT_WRITE;
}

/* A store, or a load, through a mapping. */
void do_poke(struct request *r)
{
	uint64_t way = (uint64_t)arg(r, 'c') % MAPPINGS;
	int prot = mappings[way].prot;
	uint8_t *at;

	mapping_drop(r->e);
	if (!r->o)
		return;
	at = r->e->mmap(r->fd, MAPPING_BYTES, prot, mappings[way].flags, mappings[way].off);
	if (at == MAP_FAILED) {
		r->a->result = -errno;
		return;
	}
	if (!mappings[way].off && (prot & PROT_WRITE))
		at[poked(r->o, arg(r, 'k'))] = value_byte(arg(r, 'v'));
	else if (!mappings[way].off && (prot & PROT_READ))
		r->a->count = at[poked(r->o, arg(r, 'k'))];
	r->e->mapping = at;
	if (!mappings[way].stays)
		mapping_drop(r->e);
}
