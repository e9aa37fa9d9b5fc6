/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* engine.c: the two engines, their life and memory (engine.h). */
#include "request.h"

#include "bpf/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES  1000
#define TRY_US 200

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

static void *kernel_mmap(int fd, size_t length, int prot, int flags, uint64_t off)
{
	return mmap(NULL, length, prot, flags, fd, (off_t)off);
}

/* As the shim of src/compat does it. */
static void *our_mmap(int fd, size_t length, int prot, int flags, uint64_t off)
{
	int may = bpfmap_bpf_may_mmap(fd, length, prot, flags, off), own;
	char path[64];
	void *at;

	if (may < 0) {
		errno = -may;
		return MAP_FAILED;
	}
	if (may == 0 || (prot & PROT_WRITE))
		return kernel_mmap(fd, length, prot, flags, off);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	at = kernel_mmap(own, length, prot, flags, off);
	close(own);
	return at;
}

uint64_t engine_tag;
struct engine engine_ours = {
	.name = "ours", .call = bpfmap_bpf, .path = bpfmap_bpf_path, .mmap = our_mmap};
struct engine engine_kernel = {
	.name = "kernel", .call = kernel_call, .path = kernel_path, .mmap = kernel_mmap};

/* ---- memory and pointers ---- */

uint8_t *buffer_cut(struct engine *e, enum buffer which, size_t size, size_t good)
{
	uint8_t *end = e->buffer[which] + BUFFER_BYTES;

	memset(end - good, FILLER, good);
	return good < size ? end - good : end - size;
}

uint64_t pointer(struct engine *e, enum buffer which, int64_t kind, size_t size, const void *from)
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

void pin_name(const struct engine *e, int64_t number, char *ret, size_t size)
{
	static const char *const names[] = {"first", "second", "third", "a.b", "missing/name"};

	snprintf(ret, size, "/sys/fs/bpf/%s/%s", e->pins, names[(uint64_t)number % 5]);
}

long name_unlink(struct engine *e, int64_t number)
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
	snprintf(e->pins, sizeof(e->pins), "diff-%" PRIx64, engine_tag);
	snprintf(name, sizeof(name), "/sys/fs/bpf/%s", e->pins);
	if (err || (err = e->path(name, real, sizeof(real))) < 0)
		return err;
	if (mkdir(real, 0700) && errno != EEXIST)
		return -errno;
	e->pins_fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (e->pins_fd < 0)
		return -errno;
	for (int i = 0; i < SLOTS; i++)
		e->fd[i] = -1;
	for (int i = 0; i < PROGS; i++)
		e->prog[i] = -1;
	e->fd[SLOT_FILE] = open("/dev/null", O_RDWR | O_CLOEXEC);
	e->fd[SLOT_CLOSED] = NOT_OPEN;
	return 0;
}

void mapping_drop(struct engine *e)
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

bool call_again(const struct request *r, int64_t result, uint32_t *tries)
{
	if (r->e != &engine_kernel || result != -ENOMEM || *tries == TRIES)
		return false;
	++*tries;
	usleep(TRY_US);
	return true;
}

int64_t arg(const struct request *r, char letter)
{
	return step_arg(r->s, letter);
}

long call(struct request *r, int cmd, union bpf_attr *attr)
{
	return r->e->call(cmd, attr, sizeof(*attr));
}

long slot_fill(struct request *r, uint64_t slot, long fd)
{
	if (fd < 0)
		return fd;
	if (r->e->fd[slot] >= 0)
		close(r->e->fd[slot]);
	r->e->fd[slot] = (int)fd;
	return 0;
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
