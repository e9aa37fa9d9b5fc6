/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* engine.c: the two engines, and how each step becomes a request (engine.h). */
#include "engine.h"

#include "bpf/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUFFER_BYTES  (4u << 20)
#define FILLER	      0xa5
#define NOT_OPEN      1000
#define INFO_SIZE     104 /* struct bpf_map_info of Linux 6.18 */
#define WALK_STEPS    1000
#define MAPPING_BYTES 4096

static long kernel_call(int cmd, void *attr, unsigned int size)
{
	long result = syscall(__NR_bpf, cmd, attr, size);

	return result < 0 ? -errno : result;
}

static int kernel_path(const char *path, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s", path);
	return 0;
}

static int kernel_may_mmap(int fd, size_t length, int prot, int flags, uint64_t off)
{
	return 1;
}

struct engine engine_ours = {.name = "ours",
			     .call = bpfmap_bpf,
			     .path = bpfmap_bpf_path,
			     .may_mmap = bpfmap_bpf_may_mmap};
struct engine engine_kernel = {
	.name = "kernel", .call = kernel_call, .path = kernel_path, .may_mmap = kernel_may_mmap};

/* ---- memory and pointers ---- */

uint8_t *buffer_cut(struct engine *e, enum buffer which, size_t size, size_t good)
{
	uint8_t *end = e->buffer[which] + BUFFER_BYTES;

	memset(end - good, FILLER, good);
	return good < size ? end - good : end - size;
}

/* The pointer that a step's argument asks for; *ret_at is where its bytes can be put. */
static uint64_t pointer(struct engine *e, enum buffer which, int64_t kind, size_t size,
			const void *from)
{
	size_t good = size;
	uint8_t *at;

	if (kind == 1)
		return 0;
	if (kind == 2)
		good = 0;
	if (kind == 3 && size)
		good = size - 1;
	at = buffer_cut(e, which, size, good);
	if (from)
		memcpy(at, from, good);
	return (uintptr_t)at;
}

static int memory_begin(struct engine *e)
{
	for (int i = 0; i < 4; i++) {
		uint8_t *p = mmap(NULL, BUFFER_BYTES + 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED || mprotect(p + BUFFER_BYTES, 4096, PROT_NONE))
			return -errno;
		e->buffer[i] = p;
	}
	return 0;
}

/* ---- life ---- */

static void pin_name(const struct engine *e, uint32_t number, char *ret, size_t size)
{
	static const char *const names[] = {"first", "second", "third", "a.b", "missing/name"};

	snprintf(ret, size, "/sys/fs/bpf/%s/%s", e->pins, names[number % 5]);
}

static long name_unlink(struct engine *e, uint32_t number)
{
	char name[128], real[4096];

	pin_name(e, number, name, sizeof(name));
	if (e->path(name, real, sizeof(real)) < 0)
		return -ENOENT;
	return unlink(real) ? -errno : 0;
}

/* Whether maps can be made at all. */
static int engine_try(const struct engine *e)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 1;
	fd = e->call(BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return (int)fd;
	close((int)fd);
	return 0;
}

int engine_begin(struct engine *e)
{
	char name[128], real[4096];
	int err = engine_try(e);

	if (!err)
		err = memory_begin(e);
	snprintf(e->pins, sizeof(e->pins), "diff-%d", getpid());
	snprintf(name, sizeof(name), "/sys/fs/bpf/%s", e->pins);
	if (err || (err = e->path(name, real, sizeof(real))) < 0)
		return err;
	if (mkdir(real, 0700) && errno != EEXIST)
		return -errno;
	for (int i = 0; i < SLOTS; i++)
		e->fd[i] = -1;
	for (int i = 0; i < PROGS; i++)
		e->prog[i] = -1;
	e->fd[SLOT_FILE] = open("/dev/null", O_RDWR | O_CLOEXEC);
	e->fd[SLOT_CLOSED] = NOT_OPEN;
	return 0;
}

static void mapping_drop(struct engine *e)
{
	if (e->mapping)
		munmap(e->mapping, MAPPING_BYTES);
	e->mapping = NULL;
}

void engine_reset(struct engine *e)
{
	mapping_drop(e);
	e->lied = false;
	e->kept_id = 0;
	for (int i = 0; i < SLOTS; i++) {
		if (e->fd[i] >= 0)
			close(e->fd[i]);
		e->fd[i] = -1;
	}
	for (int i = 0; i < PROGS; i++) {
		if (e->prog[i] >= 0)
			close(e->prog[i]);
		e->prog[i] = -1;
	}
	for (uint32_t i = 0; i < PINS; i++)
		name_unlink(e, i);
}

void engine_end(struct engine *e)
{
	char name[128], real[4096];

	if (!e->pins[0])
		return;
	engine_reset(e);
	snprintf(name, sizeof(name), "/sys/fs/bpf/%s", e->pins);
	if (e->path(name, real, sizeof(real)) >= 0)
		rmdir(real);
}

/* ---- requests ---- */

struct request {
	struct engine *e;
	struct world *w;
	const struct step *s;
	struct answer *a;
	const struct slot *slot;
	const struct object *o; /* NULL: the descriptor is not a map's */
	int fd;
	uint32_t key_size, value_bytes;
};

static int64_t arg(const struct request *r, char letter)
{
	return step_arg(r->s, letter);
}

static long call(struct request *r, int cmd, union bpf_attr *attr)
{
	return r->e->call(cmd, attr, sizeof(*attr));
}

/* A slot gets a descriptor. */
static long slot_fill(struct request *r, uint64_t slot, long fd)
{
	if (fd < 0)
		return fd;
	if (r->e->fd[slot] >= 0)
		close(r->e->fd[slot]);
	r->e->fd[slot] = (int)fd;
	return 0;
}

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
	default: a->map_name[1] = ' '; break;
	}
}

static void lock_give(struct request *r, const struct shape *shape, union bpf_attr *attr)
{
	int *btf = &r->e->lock_btf[(uint64_t)arg(r, 's') % shape_count()];

	if (!shape->lock_plus1)
		return;
	if (!*btf)
		*btf = (int)btf_of_lock(r->e, shape->lock_plus1 - 1, shape->value_size);
	attr->btf_fd = (uint32_t)*btf;
	attr->btf_key_type_id = 1;
	attr->btf_value_type_id = 5;
}

static void do_create(struct request *r)
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
	lock_give(r, shape, &attr);
	if (arg(r, 'x')) {
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

static void do_close(struct request *r)
{
	uint64_t slot = (uint64_t)arg(r, 'h');

	if (r->e->fd[slot] < 0)
		return;
	close(r->e->fd[slot]);
	if (arg(r, 'f') && r->e == &engine_ours)
		bpfmap_bpf_fd_closed(r->e->fd[slot]);
	r->e->fd[slot] = -1;
}

static void do_dup(struct request *r)
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

static void do_byid(struct request *r)
{
	uint32_t id;

	r->a->result = id_of(r, &id);
	if (!r->a->result)
		r->a->result = slot_fill(r, (uint64_t)arg(r, 't') % SLOTS, fd_by_id(r, id));
}

static void do_keepid(struct request *r)
{
	r->a->result = id_of(r, &r->e->kept_id);
}

static void do_openid(struct request *r)
{
	r->a->result = slot_fill(r, (uint64_t)arg(r, 't') % SLOTS, fd_by_id(r, r->e->kept_id));
}

/* ---- one element ---- */

static uint8_t *elem_attr(struct request *r, union bpf_attr *attr, uint32_t value_bytes)
{
	uint8_t key[64];

	memset(attr, 0, sizeof(*attr));
	attr->map_fd = (uint32_t)r->fd;
	if (r->o)
		key_make(r->o, arg(r, 'k'), key);
	attr->key = pointer(r->e, BUFFER_KEY, arg(r, 'p'), r->key_size, r->o ? key : NULL);
	/* A map without keys wants none. */
	if (r->o && !r->key_size)
		attr->key = arg(r, 'p') ? 1 : 0;
	attr->value = pointer(r->e, BUFFER_VALUE, arg(r, 'q'), value_bytes, NULL);
	attr->flags = (uint64_t)arg(r, 'f');
	return (uint8_t *)(uintptr_t)attr->value;
}

static void value_give(struct request *r, uint8_t *at, int64_t number)
{
	uint8_t value[65536];

	if (!r->o)
		return;
	value_make(r->o, number, value);
	if (arg(r, 'q') == 0)
		memcpy(at, value, r->value_bytes);
	if (arg(r, 'q') == 3)
		memcpy(at, value, r->value_bytes - 1);
}

static bool is_bloom(const struct request *r)
{
	return r->o && r->o->model.type == BPF_MAP_TYPE_BLOOM_FILTER;
}

static void do_lookup(struct request *r)
{
	union bpf_attr attr;
	uint8_t *value = elem_attr(r, &attr, r->value_bytes);

	if (is_bloom(r))
		value_give(r, value, arg(r, 'k'));
	r->a->result = call(r, BPF_MAP_LOOKUP_ELEM, &attr);
	if (!r->a->result && r->o && !is_bloom(r))
		answer_add_value(r->a, r->o, value);
}

static void do_update(struct request *r)
{
	union bpf_attr attr;

	value_give(r, elem_attr(r, &attr, r->value_bytes), arg(r, 'v'));
	r->a->result = call(r, BPF_MAP_UPDATE_ELEM, &attr);
}

static void do_delete(struct request *r)
{
	union bpf_attr attr;
	uint8_t key[64];

	elem_attr(r, &attr, r->value_bytes);
	attr.value = attr.flags = 0;
	if (r->e->lies && !r->e->lied && r->o && !arg(r, 'p') && r->slot->may_write &&
	    !r->o->frozen && model_is_hash(r->o->model.type)) {
		key_make(r->o, arg(r, 'k'), key);
		r->e->lied = model_lookup(&r->o->model, key) != NULL;
		if (r->e->lied)
			return;
	}
	r->a->result = call(r, BPF_MAP_DELETE_ELEM, &attr);
}

static void do_next(struct request *r)
{
	union bpf_attr attr;
	uint8_t *next = elem_attr(r, &attr, r->key_size);

	attr.flags = 0;
	r->a->result = call(r, BPF_MAP_GET_NEXT_KEY, &attr);
	if (r->a->result || !r->o)
		return;
	if (model_is_array(r->o->model.type))
		answer_add(r->a, next, r->key_size);
	else /* any that is there, but for the one that was given */
		r->a->count = model_lookup(&r->o->model, next) != NULL;
}

static void do_take(struct request *r)
{
	union bpf_attr attr;
	uint8_t *value = elem_attr(r, &attr, r->value_bytes);

	r->a->result = call(r, BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr);
	if (!r->a->result && r->o)
		answer_add_value(r->a, r->o, value);
}

/* ---- several elements ---- */

static void batch_attr(struct request *r, union bpf_attr *attr, uint32_t count)
{
	memset(attr, 0, sizeof(*attr));
	attr->batch.map_fd = (uint32_t)r->fd;
	attr->batch.count = count;
	attr->batch.elem_flags = (uint64_t)arg(r, 'e');
	attr->batch.flags = (uint64_t)arg(r, 'f');
}

/* From start to end with little room; ENOSPC doubles it. */
static void do_walk(struct request *r)
{
	int cmd = arg(r, 'c') ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH;
	uint32_t room = (uint32_t)arg(r, 'n') % 16 + 1, total = 0, steps = 0, cursor = 0;
	uint8_t *keys = malloc(((size_t)r->key_size + 1) * 4 * ROOM_ALL);
	uint8_t *values = malloc((size_t)r->value_bytes * 4 * ROOM_ALL);
	union bpf_attr attr;

	do {
		batch_attr(r, &attr, room);
		attr.batch.in_batch = steps ? (uintptr_t)&cursor : 0;
		attr.batch.out_batch = (uintptr_t)&cursor;
		attr.batch.keys = (uintptr_t)(keys + (size_t)total * r->key_size);
		attr.batch.values = (uintptr_t)(values + (size_t)total * r->value_bytes);
		r->a->result = call(r, cmd, &attr);
		if (r->a->result == -ENOSPC)
			room *= 2;
		else if (!r->a->result || r->a->result == -ENOENT)
			total += attr.batch.count;
	} while ((!r->a->result || r->a->result == -ENOSPC) && ++steps < WALK_STEPS &&
		 total + room < 4 * ROOM_ALL);
	r->a->count = total;
	if (r->o)
		answer_add_sorted(r->a, r->o, keys, values, total);
	free(keys);
	free(values);
}

static void do_readb(struct request *r)
{
	static const uint32_t starts[] = {0, 0, UINT32_MAX, 0};
	int cmd = arg(r, 'c') ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH;
	uint64_t in = (uint64_t)arg(r, 'b') % 4;
	uint32_t room = (uint32_t)arg(r, 'n') % ROOM_ALL;
	uint8_t *keys, *values;
	union bpf_attr attr;

	/* What fits depends on a hash's buckets unless all does. */
	if (r->o && model_is_hash(r->o->model.type) && room)
		room = ROOM_ALL;
	batch_attr(r, &attr, room);
	attr.batch.in_batch = pointer(r->e, BUFFER_IN,
				      in == 0	? 1
				      : in == 3 ? 2
						: 0,
				      4, &starts[in]);
	attr.batch.out_batch = pointer(r->e, BUFFER_OUT, arg(r, 'o'), 4, NULL);
	keys = buffer_cut(r->e, BUFFER_KEY, (size_t)room * r->key_size, (size_t)room * r->key_size);
	values = (void *)(uintptr_t)pointer(r->e, BUFFER_VALUE, arg(r, 'q'),
					    (size_t)room * r->value_bytes, NULL);
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)values;
	r->a->result = call(r, cmd, &attr);
	r->a->count = attr.batch.count;
	if (r->o && (!r->a->result || r->a->result == -ENOENT) && attr.batch.count <= room && room)
		answer_add_sorted(r->a, r->o, keys, values, attr.batch.count);
}

/* n % BATCH_MOST elements from key k on. q: how many of the keys cannot be read, from the end. */
static uint64_t keys_give(struct request *r, uint32_t count)
{
	uint32_t cut = (uint32_t)arg(r, 'q') % (count + 1);
	uint32_t good = (count - cut) * r->key_size;
	uint8_t *keys = buffer_cut(r->e, BUFFER_KEY, (size_t)count * r->key_size, good);

	for (uint32_t i = 0; i < count - cut && r->o; i++)
		key_make(r->o, arg(r, 'k') + i, keys + (size_t)i * r->key_size);
	return (uintptr_t)keys;
}

static void do_updateb(struct request *r)
{
	uint32_t count = (uint32_t)arg(r, 'n') % BATCH_MOST;
	size_t bytes = (size_t)count * r->value_bytes;
	uint8_t *values = buffer_cut(r->e, BUFFER_VALUE, bytes, bytes);
	union bpf_attr attr;

	batch_attr(r, &attr, count);
	attr.batch.keys = keys_give(r, count);
	attr.batch.values = (uintptr_t)values;
	for (uint32_t i = 0; i < count && r->o; i++)
		value_make(r->o, arg(r, 'v') + i, values + (size_t)i * r->value_bytes);
	r->a->result = call(r, BPF_MAP_UPDATE_BATCH, &attr);
	r->a->count = attr.batch.count;
}

static void do_deleteb(struct request *r)
{
	uint32_t count = (uint32_t)arg(r, 'n') % BATCH_MOST;
	union bpf_attr attr;

	batch_attr(r, &attr, count);
	attr.batch.keys = keys_give(r, count);
	r->a->result = call(r, BPF_MAP_DELETE_BATCH, &attr);
	r->a->count = attr.batch.count;
}

/* Everything by next_key and lookup. */
static void do_dump(struct request *r)
{
	uint8_t *keys = malloc(((size_t)r->key_size + 1) * ROOM_ALL);
	uint8_t *values = malloc((size_t)r->value_bytes * ROOM_ALL);
	uint32_t n = 0;

	while (n < ROOM_ALL - 1) {
		union bpf_attr attr;

		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (uint32_t)r->fd;
		attr.key = n ? (uintptr_t)(keys + (size_t)(n - 1) * r->key_size) : 0;
		attr.next_key = (uintptr_t)(keys + (size_t)n * r->key_size);
		r->a->result = call(r, BPF_MAP_GET_NEXT_KEY, &attr);
		if (r->a->result)
			break;
		attr.key = attr.next_key;
		attr.value = (uintptr_t)(values + (size_t)n++ * r->value_bytes);
		r->a->result = call(r, BPF_MAP_LOOKUP_ELEM, &attr);
		if (r->a->result)
			break;
	}
	r->a->count = n;
	if (r->o)
		answer_add_sorted(r->a, r->o, keys, values, n);
	free(keys);
	free(values);
}

/* ---- the rest ---- */

static void do_freeze(struct request *r)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)r->fd;
	r->a->result = call(r, BPF_MAP_FREEZE, &attr);
}

/* Fields that engines number on their own, and an LRU's size, which follows the number of CPUs. */
static void info_mask(const struct request *r, uint8_t *info)
{
	memset(info + 4, 0, 4);
	memset(info + 64, 0, 4);
	if (r->o && model_is_lru(r->o->model.type))
		memset(info + 16, 0, 4);
}

static void do_info(struct request *r)
{
	uint32_t len = (uint32_t)arg(r, 'n') % 4200;
	uint8_t info[INFO_SIZE] = {0};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)r->fd;
	attr.info.info_len = len;
	attr.info.info = pointer(r->e, BUFFER_VALUE, arg(r, 'q'), len, NULL);
	if (arg(r, 'q') == 0 || arg(r, 'q') == 3)
		memset((void *)(uintptr_t)attr.info.info, 0, len - (len && arg(r, 'q')));
	r->a->result = call(r, BPF_OBJ_GET_INFO_BY_FD, &attr);
	r->a->count = attr.info.info_len;
	if (r->a->result || arg(r, 'q'))
		return;
	memcpy(info, (void *)(uintptr_t)attr.info.info, len < INFO_SIZE ? len : INFO_SIZE);
	info_mask(r, info);
	answer_add(r->a, info, INFO_SIZE);
}

static void path_attr(struct request *r, union bpf_attr *attr)
{
	char name[128];

	memset(attr, 0, sizeof(*attr));
	pin_name(r->e, (uint32_t)arg(r, 'i'), name, sizeof(name));
	attr->pathname = pointer(r->e, BUFFER_KEY, arg(r, 'p'), strlen(name) + 1, name);
	attr->file_flags = (uint32_t)arg(r, 'f');
}

static void do_pin(struct request *r)
{
	union bpf_attr attr;

	path_attr(r, &attr);
	attr.bpf_fd = (uint32_t)r->fd;
	r->a->result = call(r, BPF_OBJ_PIN, &attr);
}

static void do_get(struct request *r)
{
	union bpf_attr attr;

	path_attr(r, &attr);
	r->a->result = slot_fill(r, (uint64_t)arg(r, 't') % SLOTS, call(r, BPF_OBJ_GET, &attr));
}

static void do_unlink(struct request *r)
{
	r->a->result = name_unlink(r->e, (uint32_t)arg(r, 'i') % PINS);
}

static void do_load(struct request *r)
{
	r->a->result = program_load(r->e, r->w, r->s);
}

static void do_run(struct request *r)
{
	uint32_t value;

	r->a->result = program_run(r->e, r->s, &value);
	r->a->count = value;
}

static void do_unload(struct request *r)
{
	int *prog = &r->e->prog[(uint64_t)arg(r, 'g') % PROGS];

	if (*prog >= 0)
		close(*prog);
	*prog = -1;
}

/* Attributes of another size, or with a byte that is not zero where nothing is to be. */
static void do_tail(struct request *r)
{
	static const int commands[] = {BPF_MAP_LOOKUP_ELEM,    BPF_MAP_UPDATE_ELEM,
				       BPF_MAP_DELETE_ELEM,    BPF_MAP_GET_NEXT_KEY,
				       BPF_OBJ_GET_INFO_BY_FD, BPF_MAP_LOOKUP_AND_DELETE_ELEM,
				       BPF_MAP_LOOKUP_BATCH,   BPF_MAP_UPDATE_BATCH};
	uint8_t attr[4200] = {0};
	uint64_t at = (uint64_t)arg(r, 'o');
	uint32_t fd = (uint32_t)r->fd;

	/* Where a batch has its descriptor, element commands have their flags' end. */
	memcpy(attr + ((uint64_t)arg(r, 'c') % 8 < 6 ? 0 : 36), &fd, sizeof(fd));
	if (at)
		attr[56 + at % 144] = 1;
	r->a->result = r->e->call(commands[(uint64_t)arg(r, 'c') % 8], attr,
				  (unsigned int)((uint64_t)arg(r, 'z') % sizeof(attr)));
}

/* A store through a mapping; c: which stays until the next one. */
static void do_poke(struct request *r)
{
	int prot = PROT_READ | PROT_WRITE, may;
	uint64_t element;
	uint8_t *at;

	mapping_drop(r->e);
	if (!r->o)
		return;
	may = r->e->may_mmap(r->fd, MAPPING_BYTES, prot, MAP_SHARED, 0);
	if (may < 0) {
		r->a->result = may;
		return;
	}
	at = mmap(NULL, MAPPING_BYTES, prot, MAP_SHARED, r->fd, 0);
	if (at == MAP_FAILED) {
		r->a->result = -errno;
		return;
	}
	element = (uint64_t)arg(r, 'k') % r->o->model.max_entries;
	at[element * r->o->model.value_bytes] = value_byte(arg(r, 'v'));
	r->e->mapping = at;
	if (!arg(r, 'c'))
		mapping_drop(r->e);
}

static void (*const actions[STEP_OPS])(struct request *r) = {
#define STEP(name, arguments, weight) do_##name,
#include "steps.def"
#undef STEP
};

void engine_step(struct engine *e, struct world *w, const struct step *s)
{
	uint64_t slot = (uint64_t)step_arg(s, 'h') % SLOTS_ALL;
	struct request r = {.e = e, .w = w, .s = s, .a = &e->answer, .slot = &w->slot[slot]};

	r.o = r.slot->object;
	r.fd = e->fd[slot];
	r.key_size = r.o ? r.o->model.key_size : 4;
	r.value_bytes = r.o ? r.o->model.value_bytes : 8;
	answer_clear(r.a);
	actions[s->op](&r);
}
