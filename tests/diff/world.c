/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* world.c: see world.h. */
#include "world.h"

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* word, type, key, value, entries, flags, lock + 1, map_extra, described */
static const struct shape shapes[] = {
	{"hash", BPF_MAP_TYPE_HASH, 4, 8, 6, 0, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 1, 1, 1, 0, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 7, 5, 6, BPF_F_NO_PREALLOC, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 8, 40, 9, BPF_F_ZERO_SEED, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 33, 3, 17, 0, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 4, 16, 5, 0, 1, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 4, 24, 5, BPF_F_NO_PREALLOC, 9, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 4, 8, 3, BPF_F_RDONLY_PROG, 0, 0, false},
	{"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4, 0, 0, 0, false},
	{"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 3, 5, 6, BPF_F_NO_PREALLOC, 0, 0, false},
	{"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 16, 20, 9, BPF_F_ZERO_SEED, 0, 0, false},
	{"lru_hash", BPF_MAP_TYPE_LRU_HASH, 4, 8, 0, 0, 0, 0, false},
	{"lru_hash", BPF_MAP_TYPE_LRU_HASH, 9, 13, 0, BPF_F_NO_COMMON_LRU, 0, 0, false},
	{"lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 0, 0, 0, 0, false},
	{"lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 8, 12, 0, BPF_F_ZERO_SEED, 0, 0, false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0, 0, 0, false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 1, 1, 0, 0, 0, false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 5, 7, BPF_F_WRONLY_PROG, 0, 0, false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 24, 10, BPF_F_MMAPABLE, 0, 0, false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 20, 3, 0, 13, 0, false},
	{"percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, 0, 0, 0, false},
	{"percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 13, 7, 0, 0, 0, false},
	{"bloom_filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 4, 4, 0, 0, 0, false},
	{"bloom_filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 7, 16, BPF_F_ZERO_SEED, 0, 1, false},
	{"bloom_filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 24, 30, 0, 0, 8, false},
	/* flags and sizes that are rarer */
	{"hash", BPF_MAP_TYPE_HASH, 4, 8, 6, BPF_F_NUMA_NODE, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 4, 12, 4, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED, 0, 0, true},
	{"hash", BPF_MAP_TYPE_HASH, 60, 1, 8, 0, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 4, 5000, 3, 0, 0, 0, false},
	{"hash", BPF_MAP_TYPE_HASH, 4, 8, 4, BPF_F_WRONLY_PROG | BPF_F_NO_PREALLOC, 0, 0, false},
	{"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 4, 16, 5, BPF_F_RDONLY_PROG, 0, 0, true},
	{"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 4, 1000, 3, BPF_F_NO_PREALLOC, 0, 0, false},
	{"lru_hash", BPF_MAP_TYPE_LRU_HASH, 4, 16, 0, BPF_F_ZERO_SEED | BPF_F_NUMA_NODE, 0, 0,
	 true},
	{"lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 5, 8, 0, BPF_F_NO_COMMON_LRU, 0, 0,
	 false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 8, 5, BPF_F_INNER_MAP | BPF_F_NUMA_NODE, 0, 0, false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 16, 4, BPF_F_RDONLY_PROG | BPF_F_MMAPABLE, 0, 0, true},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 1024, 6, BPF_F_MMAPABLE | BPF_F_INNER_MAP, 0, 0, false},
	{"array", BPF_MAP_TYPE_ARRAY, 4, 3000, 3, 0, 0, 0, false},
	{"percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 3, BPF_F_WRONLY_PROG, 0, 0, true},
	{"percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 1, 2, BPF_F_RDONLY_PROG, 0, 0, false},
	{"bloom_filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 1, 9, BPF_F_NUMA_NODE, 0, 15, false},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))
_Static_assert(SHAPES <= SHAPES_MOST, "room for each shape's BTF");

uint32_t shape_count(void)
{
	return SHAPES;
}

const struct shape *shape_at(int64_t number)
{
	return &shapes[(uint64_t)number % SHAPES];
}

/* A CPU's list takes up to 128 of the free elements at a time (SEMANTICS 7.1). */
uint32_t shape_entries(const struct shape *shape)
{
	return shape->max_entries ? shape->max_entries : 256 * world_cpus();
}

uint32_t world_cpus(void)
{
	static uint32_t cpus;

	if (!cpus)
		cpus = (uint32_t)libbpf_num_possible_cpus();
	return cpus;
}

uint32_t stride_of(const struct object *o)
{
	return o->model.value_bytes / o->model.cpus;
}

size_t poked(const struct object *o, int64_t number)
{
	uint32_t stride = (o->model.value_size + 7) / 8 * 8, whole = 4096 / stride;

	if (whole > o->model.max_entries)
		whole = o->model.max_entries;
	return (size_t)((uint64_t)number % whole) * stride;
}

void key_make(const struct object *o, int64_t number, uint8_t *key)
{
	uint32_t size = o->model.key_size, word = (uint32_t)number;

	memset(key, 0x5a, size);
	memcpy(key, &word, size < 4 ? size : 4);
}

uint8_t value_byte(int64_t number)
{
	return (uint8_t)(number * 37);
}

void value_make(const struct object *o, int64_t number, uint8_t *value)
{
	for (uint32_t cpu = 0; cpu < o->model.cpus; cpu++) {
		uint32_t away = o->model.cpus > 1 ? 11 * (cpu - WORLD_CPU) : 0;

		for (uint32_t i = 0; i < stride_of(o); i++)
			*value++ = (uint8_t)(value_byte(number) + i + away);
	}
}

void answer_clear(struct answer *a)
{
	a->result = a->count = 0;
	a->bytes = 0;
	a->hash = 2166136261u;
}

static void answer_hash(struct answer *a, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		a->hash = (a->hash ^ bytes[i]) * 16777619u;
}

/* Of an element that a program makes in a per-CPU hash, the kernel leaves the running CPU's padding as it
 * was in the element before. */
static void padding_clear(const struct object *o, uint8_t *value)
{
	for (uint32_t cpu = 0; cpu < o->model.cpus; cpu++, value += stride_of(o))
		memset(value + o->model.value_size, 0, stride_of(o) - o->model.value_size);
}

static void answer_keep(struct answer *a, const void *bytes, size_t size)
{
	if (a->bytes + size > a->room) {
		a->room = 2 * (a->bytes + size);
		a->out = realloc(a->out, a->room);
	}
	memcpy(a->out + a->bytes, bytes, size);
	a->bytes += size;
}

void answer_add(struct answer *a, const void *bytes, size_t size)
{
	if (!size)
		return;
	answer_keep(a, bytes, size);
	answer_hash(a, bytes, size);
}

void answer_add_value(struct answer *a, const struct object *o, const void *value)
{
	const uint8_t *ours = value;

	answer_keep(a, value, o->model.value_bytes);
	if (o->old_padding)
		padding_clear(o, a->out + a->bytes - o->model.value_bytes);
	if (o->model.cpus > 1)
		ours += (size_t)WORLD_CPU * stride_of(o);
	answer_hash(a, ours, o->model.value_size);
}

static uint32_t sort_key_size;

static int key_order(const void *a, const void *b)
{
	return memcmp(*(uint8_t *const *)a, *(uint8_t *const *)b, sort_key_size);
}

void answer_add_sorted(struct answer *a, const struct object *o, uint8_t *keys, uint8_t *values,
		       uint32_t count)
{
	uint8_t **order = malloc((count + 1) * sizeof(*order));

	for (uint32_t i = 0; i < count; i++)
		order[i] = keys + (size_t)i * o->model.key_size;
	sort_key_size = o->model.key_size;
	qsort(order, count, sizeof(*order), key_order);
	for (uint32_t i = 0; i < count; i++) {
		size_t at = (size_t)(order[i] - keys) / o->model.key_size;

		answer_add(a, order[i], o->model.key_size);
		answer_add_value(a, o, values + at * o->model.value_bytes);
	}
	free(order);
}

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
}

void world_free(struct world *w)
{
	while (w->objects) {
		struct object *o = w->objects;

		w->objects = o->next;
		model_free(&o->model);
		free(o);
	}
}

struct slot *world_slot(struct world *w, const struct step *s, char letter)
{
	return &w->slot[(uint64_t)step_arg(s, letter) % (letter == 't' ? SLOTS : SLOTS_ALL)];
}

void object_drop(struct object *object)
{
	if (object)
		object->holders--;
}

void slot_set(struct slot *slot, struct object *object, uint32_t access)
{
	if (object)
		object->holders++;
	object_drop(slot->object);
	slot->object = object;
	slot->may_read = !(access & BPF_F_WRONLY);
	slot->may_write = !(access & BPF_F_RDONLY);
}

static struct object *object_new(struct world *w, const struct shape *shape)
{
	struct model_spec spec = {shape->type,		shape->key_size, shape->value_size,
				  shape_entries(shape), world_cpus(),	 shape->lock_plus1};
	struct object *o = calloc(1, sizeof(*o));

	/* An LRU's model need not have all the slots: no script fills them. */
	if (model_is_lru(shape->type))
		spec.max_entries = ROOM_ALL;
	o->shape = shape;
	model_init(&o->model, &spec);
	o->next = w->objects;
	w->objects = o;
	return o;
}

/* What a slot letter must not name: the file and the closed number are not set. */
static bool names_fixed_slot(const struct step *s)
{
	return (s->op == STEP_create || s->op == STEP_close) &&
	       (uint64_t)step_arg(s, 'h') % SLOTS_ALL >= SLOTS;
}

/* Of a bucket that cannot be copied out all elements are lost: which ones is up to the engine. */
static bool loses_a_bucket(const struct object *o, const struct step *s)
{
	int64_t values_at = step_arg(s, 'q');

	return o && model_is_hash(o->model.type) && o->model.entries > 1 && step_arg(s, 'c') &&
	       (values_at == 1 || values_at == 2);
}

bool world_skips(struct world *w, const struct step *s)
{
	struct object *o = world_slot(w, s, 'h')->object;

	if (names_fixed_slot(s))
		return true;
	switch (s->op) {
	case STEP_dup:
	case STEP_nextid:
	case STEP_keepid: return !o;
	case STEP_aboutp:
	case STEP_run: return !w->prog[(uint64_t)step_arg(s, 'g') % PROGS];
	case STEP_readb: return loses_a_bucket(o, s);
	case STEP_pin: return o && o->unlinked; /* a file cannot get a name again */
	case STEP_load:
		/* The kernel refuses at load the accesses that end a run here. */
		if (o && (uint64_t)step_arg(s, 'c') % PROGRAMS == PROG_ADD64 &&
		    o->model.value_size < 8)
			return true;
		if (o &&
		    (o->model.value_size > PROG_VALUE_MOST || o->model.key_size > PROG_KEY_MOST))
			return true; /* too large for the stack */
		return o && (o->shape->lock_plus1 ||
			     (o->shape->flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)));
	case STEP_openid:
		/* Programs let go of their maps some time after they were closed, and a mapping
		 * alone keeps an id in the kernel only. */
		return !w->kept ||
		       ((w->kept->in_program || w->kept == w->mapped) && !w->kept->holders);
	default: return false;
	}
}

static void unlink_follow(struct world *w, uint32_t name)
{
	struct object *o = w->pin[name];

	if (!o)
		return;
	w->pin[name] = NULL;
	o->holders--;
	o->unlinked = --o->pins == 0;
}

static void pin_follow(struct world *w, const struct step *s)
{
	struct object *o = world_slot(w, s, 'h')->object;

	w->pin[step_arg(s, 'i')] = o;
	o->holders++;
	o->pins++;
}

void world_follow(struct world *w, const struct step *s)
{
	struct slot *from = world_slot(w, s, 'h'), *to = world_slot(w, s, 't');
	uint64_t prog = (uint64_t)step_arg(s, 'g') % PROGS, flags = (uint64_t)step_arg(s, 'f');
	uint32_t access = (uint32_t)flags & (BPF_F_RDONLY | BPF_F_WRONLY);

	switch (s->op) {
	case STEP_create:
		if (step_arg(s, 'x')) /* closed again at once */
			break;
		slot_set(from, object_new(w, shape_at(step_arg(s, 's'))),
			 (uint32_t)step_arg(s, 'a'));
		break;
	case STEP_close: slot_set(from, NULL, 0); break;
	case STEP_dup:
		slot_set(to, from->object,
			 (from->may_read ? 0 : BPF_F_WRONLY) |
				 (from->may_write ? 0 : BPF_F_RDONLY));
		break;
	case STEP_byid: slot_set(to, from->object, access); break;
	case STEP_keepid: w->kept = from->object; break;
	case STEP_openid: slot_set(to, w->kept, access); break;
	case STEP_get: slot_set(to, w->pin[step_arg(s, 'i')], access); break;
	case STEP_pin: pin_follow(w, s); break;
	case STEP_unlink: unlink_follow(w, (uint32_t)step_arg(s, 'i') % PINS); break;
	case STEP_load:
		w->prog[prog] = from->object;
		w->kind[prog] = (enum program)((uint64_t)step_arg(s, 'c') % PROGRAMS);
		from->object->in_program = true;
		break;
	case STEP_poke:
		w->mapped = mapping_stays(step_arg(s, 'c')) ? from->object : NULL;
		w->mapped_writably = mapping_writes(step_arg(s, 'c'));
		break;
	case STEP_unload: w->prog[prog] = NULL; break;
	case STEP_bind: from->object->in_program = true; break;
	default: break;
	}
}
