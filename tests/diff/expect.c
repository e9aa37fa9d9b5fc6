/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* expect.c: what the sequential model answers to a step, and how certain that is. What it does not
 * know is left to the engines' agreement.
 */
#include "world.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#define NOT_FOUND_VALUE 300 /* what programs return (programs.c) */

struct ask {
	struct world *w;
	const struct step *s;
	struct answer *a;
	struct slot *slot;
	struct object *o; /* never NULL once checked */
	struct model_map *m;
};

static int64_t arg(const struct ask *q, char letter)
{
	return step_arg(q->s, letter);
}

static bool is_bloom(const struct ask *q)
{
	return q->m->type == BPF_MAP_TYPE_BLOOM_FILTER;
}

static bool writable(const struct ask *q)
{
	return q->slot->may_write && !q->o->frozen;
}

static enum certainty result(struct ask *q, int64_t value)
{
	q->a->result = value;
	return CERTAIN;
}

static enum certainty result_only(struct ask *q, int64_t value)
{
	q->a->result = value;
	return CERTAIN_RESULT;
}

static int64_t key_answer(const struct ask *q)
{
	if (!q->m->key_size)
		return arg(q, 'p') ? -EINVAL : 0;
	return arg(q, 'p') ? -EFAULT : 0;
}

static bool has_lock(const struct ask *q, int64_t flags)
{
	return !(flags & BPF_F_LOCK) || q->m->lock_plus1;
}

static enum certainty of_create(struct ask *q)
{
	if (arg(q, 'x') || (arg(q, 'a') & 24) == 24)
		return AGREED;
	return result(q, 0);
}

static enum certainty of_ok(struct ask *q)
{
	return result(q, 0);
}

static enum certainty of_agreed(struct ask *q)
{
	return AGREED;
}

static enum certainty of_byid(struct ask *q)
{
	int64_t f = arg(q, 'f');

	if (f & ~(int64_t)(BPF_F_RDONLY | BPF_F_WRONLY) || f == 24)
		return result(q, -EINVAL);
	return result(q, arg(q, 'c') ? -ENOENT : 0);
}

static enum certainty of_nextid(struct ask *q)
{
	if (arg(q, 'c') > 3)
		return result(q, -ENOENT);
	q->a->count = !arg(q, 'c');
	return result(q, arg(q, 'c') ? -EINVAL : 0);
}

static enum certainty of_openid(struct ask *q)
{
	enum certainty certain = of_byid(q);

	return q->a->result ? certain : result(q, q->w->kept->holders ? 0 : -ENOENT);
}

static enum certainty of_lookup(struct ask *q)
{
	const unsigned char *found;
	uint8_t key[64], value[65536];
	int64_t err = key_answer(q);

	if (!q->slot->may_read)
		err = -EPERM;
	else if (!has_lock(q, arg(q, 'f')))
		err = -EINVAL;
	if (err)
		return result(q, err);
	if (is_bloom(q)) {
		value_make(q->o, arg(q, 'k'), value);
		if (arg(q, 'q'))
			return result(q, -EFAULT);
		return model_was_pushed(q->m, value) ? result(q, 0) : UNCERTAIN;
	}
	key_make(q->o, arg(q, 'k'), key);
	found = model_lookup(q->m, key);
	if (!found)
		return result(q, -ENOENT);
	if (arg(q, 'q'))
		return result(q, -EFAULT);
	answer_add_value(q->a, q->o, found);
	return result(q, 0);
}

static enum certainty of_update(struct ask *q)
{
	uint8_t key[64], value[65536];
	int64_t err = key_answer(q);

	if (!writable(q))
		err = -EPERM;
	else if (!has_lock(q, arg(q, 'f')))
		err = -EINVAL;
	else if (!err && arg(q, 'q'))
		err = -EFAULT;
	if (err)
		return result(q, err);
	value_make(q->o, arg(q, 'v'), value);
	if (is_bloom(q))
		return result(q, model_push(q->m, value, (uint64_t)arg(q, 'f')));
	key_make(q->o, arg(q, 'k'), key);
	return result(q, model_update(q->m, key, value, (uint64_t)arg(q, 'f')));
}

static enum certainty of_delete(struct ask *q)
{
	int64_t err = writable(q) ? key_answer(q) : -EPERM;
	uint8_t key[64];

	if (err)
		return result(q, err);
	if (is_bloom(q))
		return result(q, -EOPNOTSUPP);
	key_make(q->o, arg(q, 'k'), key);
	return result(q, model_delete(q->m, key));
}

static enum certainty of_next(struct ask *q)
{
	int64_t err = q->slot->may_read ? 0 : -EPERM;
	bool first = arg(q, 'p') == 1 && q->m->key_size;
	uint8_t key[64], next[64];

	if (!err && !first && (q->m->key_size || arg(q, 'p')))
		err = key_answer(q);
	if (!err && is_bloom(q))
		err = -EOPNOTSUPP;
	if (err)
		return result(q, err);
	key_make(q->o, arg(q, 'k'), key);
	err = model_next_key(q->m, first ? NULL : key, next);
	if (model_is_hash(q->m->type) && !first && model_lookup(q->m, key)) {
		if (q->m->entries > 1)
			return UNCERTAIN; /* the last one or not */
		err = -ENOENT;
	}
	if (!err && arg(q, 'q'))
		err = -EFAULT;
	if (!err && model_is_array(q->m->type))
		answer_add(q->a, next, q->m->key_size);
	else if (!err)
		q->a->count = 1;
	return result(q, err);
}

static enum certainty of_take(struct ask *q)
{
	uint8_t key[64], value[65536];
	int64_t err = 0;

	if (!q->slot->may_read || !writable(q))
		err = -EPERM;
	else if (!has_lock(q, arg(q, 'f')))
		err = -EINVAL;
	else
		err = key_answer(q);
	if (!err && !model_is_hash(q->m->type))
		err = -ERR_NOTSUPP;
	if (err)
		return result(q, err);
	key_make(q->o, arg(q, 'k'), key);
	err = model_take(q->m, key, value);
	if (!err && arg(q, 'q'))
		err = -EFAULT;
	if (!err)
		answer_add_value(q->a, q->o, value);
	return result(q, err);
}

/* ---- batches ---- */

static int64_t batch_error(const struct ask *q, int cmd)
{
	bool reads = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
	bool array = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_UPDATE_BATCH;

	if ((reads && !q->slot->may_read) || (cmd != BPF_MAP_LOOKUP_BATCH && !writable(q)))
		return -EPERM;
	if (is_bloom(q) || (model_is_array(q->m->type) && !array))
		return -ERR_NOTSUPP;
	if ((arg(q, 'e') & ~(int64_t)BPF_F_LOCK) || !has_lock(q, arg(q, 'e')))
		return -EINVAL;
	if (reads && model_is_hash(q->m->type) && arg(q, 'f'))
		return -EINVAL;
	return 0;
}

static uint32_t used_first(const struct model_map *m, uint32_t from, uint32_t most, uint8_t *keys,
			   uint8_t *values)
{
	uint32_t n = 0;

	for (uint32_t i = from; i < m->slots && n < most; i++) {
		if (!m->used[i])
			continue;
		memcpy(keys + (size_t)n * m->key_size, m->keys + (size_t)i * m->key_size,
		       m->key_size);
		memcpy(values + (size_t)n * m->value_bytes, m->values + (size_t)i * m->value_bytes,
		       m->value_bytes);
		n++;
	}
	return n;
}

static void add_elements(struct ask *q, uint32_t from, uint32_t most)
{
	static uint8_t keys[ROOM_ALL * 64], values[ROOM_ALL * 16384];

	if (q->m->value_bytes > sizeof(values) / ROOM_ALL)
		return;
	q->a->count = used_first(q->m, from, most, keys, values);
	answer_add_sorted(q->a, q->o, keys, values, (uint32_t)q->a->count);
}

static void clear(struct model_map *m)
{
	for (uint32_t i = 0; i < m->slots; i++)
		if (m->used[i])
			model_forget(m, i);
}

static enum certainty of_walk(struct ask *q)
{
	int cmd = arg(q, 'c') ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH;
	int64_t err = batch_error(q, cmd);

	if (err)
		return result(q, err);
	add_elements(q, 0, ROOM_ALL);
	if (arg(q, 'c'))
		clear(q->m);
	return result(q, -ENOENT);
}

static enum certainty array_readb(struct ask *q, uint32_t room)
{
	uint64_t in = (uint64_t)arg(q, 'b') % 4;
	uint32_t from = in == 1 ? 1 : 0, left = q->m->max_entries;

	/* Bad pointers: the engines agree on count and bytes. */
	if (in == 3 || arg(q, 'o') || arg(q, 'q'))
		return AGREED;
	left = from < left ? left - from : 0;
	add_elements(q, from, room);
	return result(q, left < room ? -ENOENT : 0);
}

static enum certainty hash_readb(struct ask *q)
{
	uint64_t in = (uint64_t)arg(q, 'b') % 4;
	uint64_t entries = q->m->entries;
	/* 3: the last byte, which no element of this few needs */
	bool hole = arg(q, 'q') == 1 || arg(q, 'q') == 2;

	if (in == 3)
		return result(q, -EFAULT);
	if (in == 2)
		return result(q, -ENOENT);
	if (!arg(q, 'o') && !(hole && entries))
		add_elements(q, 0, ROOM_ALL);
	else
		q->a->result = -EFAULT;
	if (arg(q, 'c'))
		clear(q->m);
	return result(q, q->a->result ? -EFAULT : -ENOENT);
}

static enum certainty of_readb(struct ask *q)
{
	int cmd = arg(q, 'c') ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH;
	uint32_t room = (uint32_t)arg(q, 'n') % ROOM_ALL;
	int64_t err = batch_error(q, cmd);

	if (err || !room) {
		q->a->count = room;
		if (room && model_is_hash(q->m->type))
			q->a->count = ROOM_ALL;
		return result(q, err);
	}
	return model_is_array(q->m->type) ? array_readb(q, room) : hash_readb(q);
}

static enum certainty of_updateb(struct ask *q)
{
	uint32_t count = (uint32_t)arg(q, 'n') % BATCH_MOST;
	uint32_t good = count - (uint32_t)arg(q, 'q') % (count + 1);
	int64_t err = batch_error(q, BPF_MAP_UPDATE_BATCH);
	uint8_t key[64], value[65536];

	q->a->count = count;
	if (err || !count)
		return result(q, err);
	for (uint32_t i = 0; i < count; i++) {
		q->a->count = i;
		if (i >= good)
			return result(q, -EFAULT);
		key_make(q->o, arg(q, 'k') + i, key);
		value_make(q->o, arg(q, 'v') + i, value);
		err = model_update(q->m, key, value, (uint64_t)arg(q, 'e'));
		if (err)
			return result(q, err);
	}
	q->a->count = count;
	return result(q, 0);
}

static enum certainty of_deleteb(struct ask *q)
{
	uint32_t count = (uint32_t)arg(q, 'n') % BATCH_MOST;
	uint32_t good = count - (uint32_t)arg(q, 'q') % (count + 1);
	int64_t err = batch_error(q, BPF_MAP_DELETE_BATCH);
	uint8_t key[64];

	q->a->count = count;
	if (err || !count)
		return result(q, err);
	for (uint32_t i = 0; i < count; i++) {
		q->a->count = i;
		if (i >= good)
			return result(q, -EFAULT);
		key_make(q->o, arg(q, 'k') + i, key);
		err = model_delete(q->m, key);
		if (err)
			return result(q, err);
	}
	q->a->count = count;
	return result(q, 0);
}

static enum certainty of_dump(struct ask *q)
{
	if (!q->slot->may_read)
		return result(q, -EPERM);
	if (is_bloom(q))
		return result(q, -EOPNOTSUPP);
	add_elements(q, 0, ROOM_ALL);
	return result(q, -ENOENT);
}

/* ---- the rest ---- */

static enum certainty of_freeze(struct ask *q)
{
	if (q->m->lock_plus1)
		return result(q, -ERR_NOTSUPP);
	if (!writable(q))
		return result(q, -EPERM);
	if (q->w->mapped == q->o && q->w->mapped_writably)
		return result(q, -EBUSY);
	q->o->frozen = true;
	return result(q, 0);
}

/* A mapping shows the elements in strides of 8 bytes, the model has them one after the other. */
static void poke(struct ask *q)
{
	size_t at = poked(q->o, arg(q, 'k')), stride = (q->m->value_size + 7) / 8 * 8;

	q->m->values[at / stride * q->m->value_bytes] = value_byte(arg(q, 'v'));
}

/* The mapping that is kept goes first, whatever comes of this one. */
static enum certainty of_poke(struct ask *q)
{
	int64_t way = arg(q, 'c') % MAPPINGS; /* the first three can be written */

	q->w->mapped = NULL;
	if (way > 2)
		return AGREED;
	if (!q->slot->may_read || !q->slot->may_write)
		return result(q, -EACCES);
	if (q->m->type != BPF_MAP_TYPE_ARRAY || q->m->lock_plus1)
		return result(q, -ERR_NOTSUPP);
	if (q->o->frozen)
		return result(q, -EPERM);
	if (q->o->shape->flags & BPF_F_RDONLY_PROG)
		return result(q, -EACCES);
	if (!(q->o->shape->flags & BPF_F_MMAPABLE))
		return result(q, -EINVAL);
	poke(q);
	return result(q, 0);
}

/* A path below what is no directory, or a descriptor that nobody asked for. */
static bool odd_way(const struct ask *q)
{
	return arg(q, 'c') == 2 || arg(q, 'c') == 4;
}

static enum certainty of_pin(struct ask *q)
{
	int64_t name = arg(q, 'i');

	if (arg(q, 'p') || arg(q, 'f') || name >= PINS || odd_way(q))
		return AGREED;
	return result(q, q->w->pin[name] ? -EEXIST : 0);
}

static enum certainty of_get(struct ask *q)
{
	int64_t name = arg(q, 'i'), f = arg(q, 'f');

	if (arg(q, 'p') || name >= PINS || (f & ~(int64_t)24) || f == 24 || odd_way(q))
		return AGREED;
	return result(q, q->w->pin[name] ? 0 : -ENOENT);
}

static enum certainty of_unlink(struct ask *q)
{
	return result(q, q->w->pin[(uint64_t)arg(q, 'i') % PINS] ? 0 : -ENOENT);
}

static uint8_t *own_byte(struct object *o, const unsigned char *value)
{
	size_t cpu = o->model.cpus > 1 ? WORLD_CPU : 0;

	return o->model.values + (value - o->model.values) + cpu * stride_of(o);
}

/* An update from a program writes the running CPU's value; a new element has zeros elsewhere. */
static int64_t program_update(struct object *o, const uint8_t *key, int64_t v, uint64_t flags)
{
	const unsigned char *found = model_lookup(&o->model, key);
	uint8_t value[65536] = {0}, *own = value;
	int64_t err;

	if (o->model.cpus > 1 && found)
		memcpy(value, found, o->model.value_bytes);
	if (o->model.cpus > 1)
		own += (size_t)WORLD_CPU * stride_of(o);
	for (uint32_t i = 0; i < o->model.value_size; i++)
		own[i] = (uint8_t)(value_byte(v) + i);
	err = model_update(&o->model, key, value, flags);
	o->old_padding |= !err && !found && o->model.cpus > 1;
	return err;
}

static uint32_t program_lookup(struct object *o, const uint8_t *key, enum program kind)
{
	const unsigned char *found = model_lookup(&o->model, key);
	uint64_t word;
	uint8_t *own;

	if (!found)
		return NOT_FOUND_VALUE;
	own = own_byte(o, found);
	if (kind == PROG_BUMP)
		return ++*own;
	memcpy(&word, own, sizeof(word));
	word += 7;
	memcpy(own, &word, sizeof(word));
	return (uint32_t)(word - 7);
}

static uint32_t program_each(struct object *o, enum program kind)
{
	struct model_map *m = &o->model;

	for (uint32_t i = 0; i < m->slots && kind == PROG_TOUCH; i++)
		if (m->used[i])
			++*own_byte(o, m->values + (size_t)i * m->value_bytes);
	return (uint32_t)m->entries;
}

static uint32_t program_insert(struct object *o, const uint8_t *key, int64_t v)
{
	const unsigned char *found = model_lookup(&o->model, key);

	if (found)
		return NOT_FOUND_VALUE + *own_byte(o, found);
	return (uint32_t)program_update(o, key, v, BPF_NOEXIST);
}

static uint32_t program_of_cpu(struct object *o, const uint8_t *key, uint8_t cpu)
{
	const unsigned char *found = model_lookup(&o->model, key);

	return found && cpu < o->model.cpus ? found[cpu * stride_of(o)] : NOT_FOUND_VALUE;
}

/* Each element is deleted by the callback that is shown it; an array keeps them. */
static uint32_t program_clear(struct object *o)
{
	uint32_t entries = (uint32_t)o->model.entries;

	if (model_is_hash(o->model.type))
		clear(&o->model);
	return entries;
}

/* An array looks at BPF_F_LOCK last: a failure in any case, but which one is up to the engines. */
static bool lock_is_late(const struct object *o, uint8_t flags)
{
	return model_is_array(o->model.type) && (flags & BPF_F_LOCK);
}

static enum certainty run_bloom(struct ask *q, struct object *o, enum program kind)
{
	uint8_t value[64];

	value_make(o, arg(q, 'v'), value);
	if (kind == PROG_PUSH)
		q->a->count = (uint32_t)model_push(&o->model, value, BPF_ANY);
	else if (!model_was_pushed(&o->model, value))
		return UNCERTAIN;
	return result(q, 0);
}

static enum certainty of_run(struct ask *q)
{
	uint64_t prog = (uint64_t)arg(q, 'g') % PROGS;
	struct object *o = q->w->prog[prog];
	enum program kind = q->w->kind[prog];
	uint8_t key[64], flags = (uint8_t)arg(q, 'm');
	uint32_t r0;

	if (kind == PROG_PUSH || kind == PROG_PEEK)
		return run_bloom(q, o, kind);
	key_make(o, arg(q, 'k'), key);
	switch (kind) {
	case PROG_BUMP:
	case PROG_ADD64: r0 = program_lookup(o, key, kind); break;
	case PROG_INSERT: r0 = program_insert(o, key, arg(q, 'v')); break;
	case PROG_SET: r0 = (uint32_t)program_update(o, key, arg(q, 'v'), BPF_ANY); break;
	case PROG_ALTER: r0 = (uint32_t)program_update(o, key, arg(q, 'v'), BPF_EXIST); break;
	case PROG_FLAGS:
		if (lock_is_late(o, flags))
			return AGREED;
		r0 = (uint32_t)program_update(o, key, arg(q, 'v'), flags);
		break;
	case PROG_OF_CPU: r0 = program_of_cpu(o, key, flags); break;
	case PROG_CLEAR: r0 = program_clear(o); break;
	case PROG_DELETE: r0 = (uint32_t)model_delete(&o->model, key); break;
	default: r0 = program_each(o, kind); break;
	}
	q->a->count = r0;
	return result(q, 0);
}

static const struct {
	enum certainty (*expect)(struct ask *q);
	int64_t flags;	  /* others are EINVAL before the descriptor is looked at */
	bool wants_a_map; /* what else the descriptor may be is left to the engines */
} expectations[STEP_OPS] = {
	[STEP_create] = {of_create, -1, false},	 [STEP_close] = {of_ok, -1, false},
	[STEP_dup] = {of_ok, -1, true},		 [STEP_byid] = {of_byid, -1, true},
	[STEP_nextid] = {of_nextid, -1, true},	 [STEP_keepid] = {of_ok, -1, true},
	[STEP_openid] = {of_openid, -1, false},	 [STEP_lookup] = {of_lookup, BPF_F_LOCK, true},
	[STEP_update] = {of_update, -1, true},	 [STEP_delete] = {of_delete, -1, true},
	[STEP_next] = {of_next, -1, true},	 [STEP_take] = {of_take, BPF_F_LOCK, true},
	[STEP_walk] = {of_walk, -1, true},	 [STEP_readb] = {of_readb, -1, true},
	[STEP_updateb] = {of_updateb, -1, true}, [STEP_deleteb] = {of_deleteb, -1, true},
	[STEP_freeze] = {of_freeze, -1, true},	 [STEP_info] = {of_agreed, -1, false},
	[STEP_pin] = {of_pin, -1, true},	 [STEP_get] = {of_get, -1, false},
	[STEP_unlink] = {of_unlink, -1, false},	 [STEP_load] = {of_agreed, -1, false},
	[STEP_run] = {of_run, -1, false},	 [STEP_unload] = {of_ok, -1, false},
	[STEP_bind] = {of_agreed, -1, true},	 [STEP_aboutp] = {of_agreed, -1, false},
	[STEP_dump] = {of_dump, -1, true},	 [STEP_tail] = {of_agreed, -1, false},
	[STEP_btf] = {of_agreed, -1, false},	 [STEP_poke] = {of_poke, -1, true},
};

enum certainty world_expect(struct world *w, const struct step *s, struct answer *ret)
{
	struct ask q = {.w = w, .s = s, .a = ret, .slot = world_slot(w, s, 'h')};

	answer_clear(ret);
	q.o = q.slot->object;
	q.m = q.o ? &q.o->model : NULL;
	if (step_arg(s, 'f') & ~expectations[s->op].flags)
		return result(&q, -EINVAL);
	if (expectations[s->op].wants_a_map && !q.o) {
		bool closed = (uint64_t)step_arg(s, 'h') % SLOTS_ALL != SLOT_FILE;

		if (s->op >= STEP_lookup && s->op <= STEP_take)
			return result_only(&q, closed ? -EBADF : -EINVAL);
		return AGREED;
	}
	return expectations[s->op].expect(&q);
}
