/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* types_pair.c: one map in two engines, its states and how answers are compared (types.h). */
#include "types.h"

#include "bpf/command.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOT_BYTES (4u << 20)
#define SHOWN	   8 /* differences printed for one test point */
#define FILLER	   0xa5
#define BTF_WORDS  25

bool kernel_answers;
uint64_t comparisons, failures, failures_shown;
static uint64_t canary; /* the number of the answer that is to be spoilt; 0: none */
static uint64_t answers;
static unsigned char *slots[ENGINES][SLOTS];
static const char *const engine_names[] = {"ours", "kernel"};
static const char *const state_names[] = {"empty",   "one",    "partly", "full",  "overfull",
					  "deleted", "frozen", "rdonly", "wronly"};

uint32_t types_cpus(void)
{
	return (uint32_t)libbpf_num_possible_cpus();
}

static unsigned char *slot_map(void)
{
	unsigned char *p = mmap(NULL, SLOT_BYTES + 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || mprotect(p + SLOT_BYTES, 4096, PROT_NONE)) {
		perror("types: memory");
		exit(1);
	}
	return p;
}

void types_begin(void)
{
	const char *text = getenv("BPFMAP_CANARY");
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 1;
	fd = engine_call(KERNEL, BPF_MAP_CREATE, &attr);
	canary = text ? strtoull(text, NULL, 0) : 0;
	kernel_answers = fd >= 0;
	if (fd >= 0)
		close((int)fd);
	for (int e = 0; e < ENGINES; e++)
		for (int s = 0; s < SLOTS; s++)
			slots[e][s] = slot_map();
}

long engine_call(enum engine e, int cmd, union bpf_attr *attr)
{
	long result;

	if (e == OURS) {
		result = bpfmap_bpf(cmd, attr, sizeof(*attr));
		return ++answers == canary ? result + 1 : result;
	}
	result = syscall(__NR_bpf, cmd, attr, sizeof(*attr));
	return result < 0 ? -errno : result;
}

uint64_t slot_cut(enum engine e, enum slot slot, const void *from, size_t bytes, size_t good)
{
	unsigned char *at = slots[e][slot] + SLOT_BYTES - good;

	if (good > bytes)
		at = slots[e][slot] + SLOT_BYTES - bytes;
	if (from)
		memcpy(at, from, good < bytes ? good : bytes);
	else
		memset(at, FILLER, good < bytes ? good : bytes);
	return (uintptr_t)at;
}

uint64_t slot_at(enum engine e, enum slot slot, enum where where, const void *from, size_t bytes)
{
	switch (where) {
	case AT_NULL: return 0;
	case AT_ONE: return 1;
	case AT_HOLE: return slot_cut(e, slot, from, bytes, 0);
	case AT_EDGE: return slot_cut(e, slot, from, bytes, bytes ? bytes - 1 : 0);
	default: return slot_cut(e, slot, from, bytes, bytes);
	}
}

void report(struct pair *p, const char *fmt, ...)
{
	va_list args;

	failures++;
	if (failures_shown++ >= SHOWN)
		return;
	printf("# %s key %u value %u entries %u flags 0x%x lock %u, %s: ", p->word,
	       p->shape->key_size, p->shape->value_size, p->model.max_entries, p->shape->flags,
	       p->shape->lock_plus1, state_names[p->state]);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

static const char *answer_name(long answer, char *buf, size_t size)
{
	const char *name = answer < 0 ? strerrorname_np((int)-answer) : NULL;

	if (name)
		return name;
	if (answer == -ERR_NOTSUPP)
		return "E524";
	snprintf(buf, size, "%ld", answer);
	return buf;
}

void expect_answer(struct pair *p, const char *what, const long *answer, long model)
{
	char buf[3][32];
	bool wrong = model != ANSWER_ANY && answer[OURS] != model;

	comparisons += p->engines - 1 + (model != ANSWER_ANY);
	if (p->engines == 2 && answer[KERNEL] != answer[OURS])
		wrong = true;
	if (p->engines == 2 && model != ANSWER_ANY && answer[KERNEL] != model)
		wrong = true;
	if (wrong)
		report(p, "%s: ours %s, kernel %s, model %s", what,
		       answer_name(answer[OURS], buf[0], sizeof(buf[0])),
		       p->engines == 2 ? answer_name(answer[KERNEL], buf[1], sizeof(buf[1]))
				       : "not asked",
		       model == ANSWER_ANY ? "any" : answer_name(model, buf[2], sizeof(buf[2])));
}

void expect_equal(struct pair *p, const char *what, const char *which, const void *got,
		  const void *want, size_t bytes)
{
	const unsigned char *a = got, *b = want;
	size_t at = 0;

	comparisons++;
	while (at < bytes && a[at] == b[at])
		at++;
	if (at < bytes)
		report(p, "%s: %s: byte %zu of %zu is 0x%02x, not 0x%02x", what, which, at, bytes,
		       a[at], b[at]);
}

/* BTF of struct { u32 a[off / 4]; struct bpf_spin_lock lock; u32 b[rest]; }. */
static long btf_load(enum engine e, uint32_t lock_off, uint32_t value_size)
{
	static const char names[] = "\0u32\0bpf_spin_lock\0val\0a\0b";
	uint32_t rest = (value_size - lock_off) / 4 - 1, members = 1 + (lock_off > 0) + (rest > 0);
	uint32_t words[64], n = 0, blob_bytes;
	unsigned char blob[512];
	struct btf_header header = {.magic = BTF_MAGIC,
				    .version = BTF_VERSION,
				    .hdr_len = sizeof(header),
				    .str_len = sizeof(names)};
	union bpf_attr attr;
#define WORDS(...)                                         \
	do {                                               \
		const uint32_t w[] = {__VA_ARGS__};        \
		memcpy(words + n, w, sizeof(w));           \
		n += (uint32_t)(sizeof(w) / sizeof(w[0])); \
	} while (0)
	WORDS(1, BTF_KIND_INT << 24, 4, 32);		       /* 1: u32 */
	WORDS(5, BTF_KIND_STRUCT << 24 | 1, 4, 19, 1, 0);      /* 2: the lock */
	WORDS(0, BTF_KIND_ARRAY << 24, 0, 1, 1, lock_off / 4); /* 3 */
	WORDS(0, BTF_KIND_ARRAY << 24, 0, 1, 1, rest);	       /* 4 */
	WORDS(0, BTF_KIND_STRUCT << 24 | members, value_size); /* 5: the value */
	if (lock_off)
		WORDS(23, 3, 0);
	WORDS(19, 2, lock_off * 8);
	if (rest)
		WORDS(25, 4, (lock_off + 4) * 8);
#undef WORDS
	header.type_len = header.str_off = n * 4;
	memcpy(blob, &header, sizeof(header));
	memcpy(blob + sizeof(header), words, n * 4);
	memcpy(blob + sizeof(header) + n * 4, names, sizeof(names));
	blob_bytes = (uint32_t)sizeof(header) + n * 4 + (uint32_t)sizeof(names);
	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)blob;
	attr.btf_size = blob_bytes;
	return engine_call(e, BPF_BTF_LOAD, &attr);
}

static long map_make(enum engine e, uint32_t type, const struct shape *shape)
{
	union bpf_attr attr;
	long btf = -1, fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = shape->key_size;
	attr.value_size = shape->value_size;
	attr.max_entries = shape->max_entries;
	attr.map_flags = shape->flags;
	attr.map_extra = shape->map_extra;
	strcpy(attr.map_name, "types");
	if (shape->lock_plus1) {
		btf = btf_load(e, shape->lock_plus1 - 1, shape->value_size);
		if (btf < 0)
			return btf;
		attr.btf_fd = (uint32_t)btf;
		attr.btf_key_type_id = 1;
		attr.btf_value_type_id = 5;
	}
	fd = engine_call(e, BPF_MAP_CREATE, &attr);
	if (btf >= 0)
		close((int)btf);
	return fd;
}

bool pair_open(struct pair *p, uint32_t type, const char *word, const struct shape *shape)
{
	struct model_spec spec = {
		type,	      shape->key_size,	shape->value_size, shape->max_entries,
		types_cpus(), shape->lock_plus1};
	long made[ENGINES] = {-1, -1}, ok[ENGINES] = {0, 0};

	memset(p, 0, sizeof(*p));
	p->word = word;
	p->shape = shape;
	p->engines = kernel_answers ? 2 : 1;
	p->may_read = p->may_write = true;
	model_init(&p->model, &spec);
	for (unsigned int e = 0; e < p->engines; e++) {
		made[e] = map_make(e, type, shape);
		ok[e] = made[e] < 0 ? made[e] : 0;
		p->full_fd[e] = p->fd[e] = (int)made[e];
	}
	expect_answer(p, "create", ok, 0);
	if (made[OURS] < 0 || (p->engines == 2 && made[KERNEL] < 0)) {
		pair_close(p);
		return false;
	}
	return true;
}

void pair_close(struct pair *p)
{
	for (int e = 0; e < ENGINES; e++) {
		if (p->fd[e] > 0 && p->fd[e] != p->full_fd[e])
			close(p->fd[e]);
		if (p->full_fd[e] > 0)
			close(p->full_fd[e]);
	}
	model_free(&p->model);
}

static void pair_drop_kernel(struct pair *p)
{
	if (p->engines < 2)
		return;
	if (p->fd[KERNEL] != p->full_fd[KERNEL])
		close(p->fd[KERNEL]);
	close(p->full_fd[KERNEL]);
	p->fd[KERNEL] = p->full_fd[KERNEL] = -1;
	p->engines = 1;
}

void pair_before_insert(struct pair *p, uint32_t count)
{
	/* Free elements wait on every CPU's list, and a CPU takes a share at a time. */
	if (model_is_lru(p->model.type) &&
	    (p->model.entries + count) * 4 * types_cpus() > p->model.max_entries)
		pair_drop_kernel(p);
}

void key_make(const struct pair *p, uint32_t number, unsigned char *key)
{
	uint32_t width = p->model.key_size < 4 ? p->model.key_size : 4;

	memset(key, 0x5a, p->model.key_size);
	memcpy(key, &number, width);
}

void value_make(struct pair *p, unsigned char *value)
{
	uint32_t r = ++p->serial * 2654435761u;

	for (uint32_t i = 0; i < p->model.value_bytes; i++)
		value[i] = (unsigned char)((r >> (i % 4 * 8)) + (i >> 2));
}

uint32_t pair_keys(const struct pair *p)
{
	return p->model.max_entries;
}

bool pair_has_lock(const struct pair *p, uint64_t flags)
{
	return !(flags & BPF_F_LOCK) || p->model.lock_plus1;
}

static void pair_reopen(struct pair *p, uint32_t open_flags)
{
	for (unsigned int e = 0; e < p->engines; e++) {
		uint32_t words[26] = {0};
		union bpf_attr attr;
		long fd;

		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (uint32_t)p->full_fd[e];
		attr.info.info_len = sizeof(words);
		attr.info.info = (uintptr_t)words;
		engine_call(e, BPF_OBJ_GET_INFO_BY_FD, &attr);
		memset(&attr, 0, sizeof(attr));
		attr.map_id = words[1];
		attr.open_flags = open_flags;
		fd = engine_call(e, BPF_MAP_GET_FD_BY_ID, &attr);
		if (fd < 0)
			report(p, "%s: no second descriptor: %ld", engine_names[e], fd);
		else
			p->fd[e] = (int)fd;
	}
	p->may_read = open_flags != BPF_F_WRONLY;
	p->may_write = open_flags != BPF_F_RDONLY;
}

static void pair_freeze(struct pair *p)
{
	long answer[ENGINES] = {0, 0};

	for (unsigned int e = 0; e < p->engines; e++) {
		union bpf_attr attr;

		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (uint32_t)p->full_fd[e];
		answer[e] = engine_call(e, BPF_MAP_FREEZE, &attr);
	}
	expect_answer(p, "freeze", answer, p->model.lock_plus1 ? -ERR_NOTSUPP : 0);
	p->frozen = answer[OURS] == 0;
}

static void pair_fill(struct pair *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		pair_update(p, i, BPF_ANY);
}

void pair_enter_state(struct pair *p, enum state state)
{
	uint32_t n = pair_keys(p), partly = model_is_lru(p->model.type) ? 3 : (n + 1) / 2;

	p->state = state;
	switch (state) {
	case STATE_EMPTY: break;
	case STATE_ONE: pair_fill(p, 1); break;
	case STATE_FULL: pair_fill(p, n); break;
	case STATE_OVERFULL: pair_fill(p, n + 3); break;
	case STATE_DELETED:
		pair_fill(p, n);
		for (uint32_t i = 0; i < n; i += 2)
			pair_delete(p, i);
		break;
	default: pair_fill(p, partly);
	}
	if (state == STATE_FROZEN)
		pair_freeze(p);
	if (state == STATE_RDONLY)
		pair_reopen(p, BPF_F_RDONLY);
	if (state == STATE_WRONLY)
		pair_reopen(p, BPF_F_WRONLY);
}

static long full_elem(struct pair *p, enum engine e, int cmd, const void *key, void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)p->full_fd[e];
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	return engine_call(e, cmd, &attr);
}

static void compare_pushed(struct pair *p, enum engine e)
{
	for (uint32_t i = 0; i < p->model.entries; i++) {
		unsigned char *value = p->model.values + (size_t)i * p->model.value_bytes;

		comparisons++;
		if (full_elem(p, e, BPF_MAP_LOOKUP_ELEM, NULL, value) != 0)
			report(p, "%s forgot a pushed value", engine_names[e]);
	}
}

static void compare_walk(struct pair *p, enum engine e)
{
	unsigned char *key = calloc(1, p->model.key_size), *value = malloc(p->model.value_bytes);
	const unsigned char *want;
	uint64_t seen = 0;
	long result = full_elem(p, e, BPF_MAP_GET_NEXT_KEY, NULL, key);

	for (; result == 0 && seen <= p->model.entries; seen++) {
		want = model_lookup(&p->model, key);
		result = full_elem(p, e, BPF_MAP_LOOKUP_ELEM, key, value);
		if (!want || result)
			report(p,
			       "%s has a key that is not in the model, or cannot look it up (%ld)",
			       engine_names[e], result);
		else
			expect_equal(p, "contents", engine_names[e], value, want,
				     p->model.value_bytes);
		result = full_elem(p, e, BPF_MAP_GET_NEXT_KEY, key, key);
	}
	comparisons++;
	if (seen != p->model.entries || result != -ENOENT)
		report(p, "%s walks over %llu of %llu elements and ends with %ld", engine_names[e],
		       (unsigned long long)seen, (unsigned long long)p->model.entries, result);
	free(key);
	free(value);
}

void pair_compare_contents(struct pair *p)
{
	for (unsigned int e = 0; e < p->engines; e++) {
		if (p->model.type == BPF_MAP_TYPE_BLOOM_FILTER)
			compare_pushed(p, e);
		else
			compare_walk(p, e);
	}
}

void pair_settle(struct pair *p)
{
	struct model_map *m = &p->model;
	uint64_t surplus = m->entries > m->max_entries ? m->entries - m->max_entries : 0, gone = 0;
	unsigned char *value;

	if (!surplus || !model_is_lru(m->type))
		return;
	value = malloc(m->value_bytes);
	for (uint32_t i = 0; i < m->slots; i++) {
		if (m->used[i] && full_elem(p, OURS, BPF_MAP_LOOKUP_ELEM,
					    m->keys + (size_t)i * m->key_size, value) == -ENOENT) {
			model_forget(m, i);
			gone++;
		}
	}
	free(value);
	comparisons++;
	if (gone != surplus)
		report(p, "%llu elements were evicted, not %llu", (unsigned long long)gone,
		       (unsigned long long)surplus);
}
