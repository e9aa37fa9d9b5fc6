/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* types_elem.c: the commands on one element: what the model expects (SEMANTICS section 3), and the
 * requests of each group. */
#include "types.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEY	  64
#define MAX_VALUE 65536

/* What a request must give, and the bytes that must come out (bytes 0: none, the buffer stays). */
struct expected {
	long answer;
	size_t bytes;
	unsigned char out[MAX_VALUE];
};

static bool is_bloom(const struct pair *p)
{
	return p->model.type == BPF_MAP_TYPE_BLOOM_FILTER;
}

static bool writable(const struct pair *p)
{
	return p->may_write && !p->frozen;
}

/* 0, or what the key's pointer costs. */
static long key_answer(const struct pair *p, const struct elem_request *r)
{
	if (!p->model.key_size)
		return r->key_at == AT_NULL ? 0 : -EINVAL;
	return r->key_at == AT_GOOD ? 0 : -EFAULT;
}

static void expect_value(struct pair *p, const struct elem_request *r, struct expected *x,
			 const void *value)
{
	x->answer = r->value_at == AT_GOOD ? 0 : -EFAULT;
	x->bytes = r->value_at == AT_GOOD ? p->model.value_bytes : 0;
	memcpy(x->out, value, x->bytes);
}

static void model_of_lookup(struct pair *p, const struct elem_request *r, struct expected *x)
{
	const unsigned char *value;

	x->answer = key_answer(p, r);
	if (r->flags & ~(uint64_t)BPF_F_LOCK)
		x->answer = -EINVAL;
	else if (!p->may_read)
		x->answer = -EPERM;
	else if (!pair_has_lock(p, r->flags))
		x->answer = -EINVAL;
	if (x->answer)
		return;
	if (is_bloom(p)) {
		x->answer = r->value_at != AT_GOOD		    ? -EFAULT
			    : model_was_pushed(&p->model, r->value) ? 0
								    : ANSWER_ANY;
		return;
	}
	value = model_lookup(&p->model, r->key);
	if (value)
		expect_value(p, r, x, value);
	else
		x->answer = -ENOENT;
}

static void model_of_update(struct pair *p, const struct elem_request *r, struct expected *x)
{
	if (!writable(p))
		x->answer = -EPERM;
	else if (!pair_has_lock(p, r->flags))
		x->answer = -EINVAL;
	else
		x->answer = key_answer(p, r);
	if (!x->answer && r->value_at != AT_GOOD)
		x->answer = -EFAULT;
	if (x->answer)
		return;
	if (is_bloom(p))
		x->answer = model_push(&p->model, r->value, r->flags);
	else
		x->answer = model_update(&p->model, r->key, r->value, r->flags);
}

static void model_of_delete(struct pair *p, const struct elem_request *r, struct expected *x)
{
	x->answer = writable(p) ? key_answer(p, r) : -EPERM;
	if (!x->answer)
		x->answer = is_bloom(p) ? -EOPNOTSUPP : model_delete(&p->model, r->key);
}

static void model_of_next(struct pair *p, const struct elem_request *r, struct expected *x)
{
	const void *key = r->key_at == AT_NULL ? NULL : r->key;

	x->answer = p->may_read ? 0 : -EPERM;
	if (!x->answer && key)
		x->answer = key_answer(p, r);
	if (!x->answer && is_bloom(p))
		x->answer = -EOPNOTSUPP;
	if (x->answer)
		return;
	x->answer = model_next_key(&p->model, key, x->out);
	x->bytes = model_is_array(p->model.type) && !x->answer ? p->model.key_size : 0;
	if (model_is_hash(p->model.type) && key && model_lookup(&p->model, key))
		x->answer = ANSWER_ANY; /* the last one or not */
	else if (!x->answer && r->value_at != AT_GOOD)
		x->answer = -EFAULT;
	if (x->answer)
		x->bytes = 0;
}

static void model_of_take(struct pair *p, const struct elem_request *r, struct expected *x)
{
	static unsigned char value[MAX_VALUE];

	if (r->flags & ~(uint64_t)BPF_F_LOCK)
		x->answer = -EINVAL;
	else if (!p->may_read || !writable(p))
		x->answer = -EPERM;
	else if (!pair_has_lock(p, r->flags))
		x->answer = -EINVAL;
	else
		x->answer = key_answer(p, r);
	if (!x->answer && !model_is_hash(p->model.type))
		x->answer = -ERR_NOTSUPP;
	if (!x->answer)
		x->answer = model_take(&p->model, r->key, value);
	if (!x->answer)
		expect_value(p, r, x, value);
}

static const struct {
	int cmd;
	const char *name;
	void (*model)(struct pair *p, const struct elem_request *r, struct expected *x);
} commands[] = {
	{BPF_MAP_LOOKUP_ELEM, "lookup", model_of_lookup},
	{BPF_MAP_UPDATE_ELEM, "update", model_of_update},
	{BPF_MAP_DELETE_ELEM, "delete", model_of_delete},
	{BPF_MAP_GET_NEXT_KEY, "next_key", model_of_next},
	{BPF_MAP_LOOKUP_AND_DELETE_ELEM, "lookup_and_delete", model_of_take},
};

static size_t out_bytes(const struct pair *p, const struct elem_request *r)
{
	if (r->cmd == BPF_MAP_GET_NEXT_KEY)
		return p->model.key_size;
	return p->model.value_bytes;
}

static long elem_run(struct pair *p, enum engine e, const struct elem_request *r, uint64_t *ret_out)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)p->fd[e];
	attr.key = slot_at(e, SLOT_KEY, r->key_at, r->key, p->model.key_size);
	if (r->cmd != BPF_MAP_DELETE_ELEM)
		attr.value = slot_at(e, SLOT_VALUE, r->value_at, r->value, out_bytes(p, r));
	attr.flags = r->flags;
	*ret_out = attr.value;
	return engine_call(e, r->cmd, &attr);
}

/* A hash may give any of its keys. */
static void check_next_key(struct pair *p, const struct elem_request *r, const long *answer,
			   const uint64_t *out)
{
	if (r->cmd != BPF_MAP_GET_NEXT_KEY || !model_is_hash(p->model.type))
		return;
	for (unsigned int e = 0; e < p->engines; e++) {
		comparisons++;
		if (answer[e] == 0 && !model_lookup(&p->model, (void *)(uintptr_t)out[e]))
			report(p, "next_key of engine %u gives a key that is not there", e);
	}
}

/* The output is what model and other engine say, byte for byte. */
static bool output_is_known(const struct pair *p, const struct elem_request *r, long answer)
{
	if (r->value || r->value_at != AT_GOOD || r->cmd == BPF_MAP_DELETE_ELEM)
		return false;
	return r->cmd != BPF_MAP_GET_NEXT_KEY || answer || !model_is_hash(p->model.type);
}

void pair_elem(struct pair *p, const struct elem_request *r)
{
	static struct expected x;
	static unsigned char filler[MAX_VALUE];
	long answer[ENGINES] = {0, 0};
	uint64_t out[ENGINES] = {0, 0};
	char what[160];
	size_t c = 0;

	while (commands[c].cmd != r->cmd)
		c++;
	snprintf(what, sizeof(what), "%s key@%d value@%d flags 0x%llx", commands[c].name, r->key_at,
		 r->value_at, (unsigned long long)r->flags);
	if (r->cmd == BPF_MAP_UPDATE_ELEM)
		pair_before_insert(p, 1);
	x.answer = 0;
	x.bytes = 0;
	commands[c].model(p, r, &x);
	for (unsigned int e = 0; e < p->engines; e++)
		answer[e] = elem_run(p, e, r, &out[e]);
	check_next_key(p, r, answer, out);
	if (x.answer == ANSWER_ANY)
		return;
	expect_answer(p, what, answer, x.answer);
	pair_settle(p);
	if (!output_is_known(p, r, x.answer))
		return;
	memset(filler, 0xa5, out_bytes(p, r));
	for (unsigned int e = 0; e < p->engines; e++)
		expect_equal(p, what, e == OURS ? "ours" : "kernel", (void *)(uintptr_t)out[e],
			     x.bytes ? x.out : filler, out_bytes(p, r));
}

void pair_update(struct pair *p, uint32_t number, uint64_t flags)
{
	static unsigned char value[MAX_VALUE];
	unsigned char key[MAX_KEY];
	struct elem_request r = {.cmd = BPF_MAP_UPDATE_ELEM,
				 .key = key,
				 .key_at = p->model.key_size ? AT_GOOD : AT_NULL,
				 .value = value,
				 .flags = flags};

	key_make(p, number, key);
	value_make(p, value);
	pair_elem(p, &r);
}

void pair_delete(struct pair *p, uint32_t number)
{
	unsigned char key[MAX_KEY];
	struct elem_request r = {.cmd = BPF_MAP_DELETE_ELEM,
				 .key = key,
				 .key_at = p->model.key_size ? AT_GOOD : AT_NULL};

	key_make(p, number, key);
	pair_elem(p, &r);
}

/* Keys that the groups ask for: each state's present ones, absent ones, and the largest number. */
static uint32_t asked_keys(const struct pair *p, uint32_t i, uint32_t *ret_number)
{
	static const uint32_t few[] = {0, 1, 2};
	uint32_t n = pair_keys(p), number;

	if (i < 3)
		number = few[i];
	else if (i < 7)
		number = n + i - 5; /* n - 2 .. n + 1 */
	else
		number = UINT32_MAX;
	*ret_number = p->model.key_size == 1 ? number & 0xff : number;
	return i < 8;
}

static const uint64_t all_flags[] = {BPF_ANY,
				     BPF_NOEXIST,
				     BPF_EXIST,
				     3,
				     BPF_F_LOCK,
				     BPF_F_LOCK | BPF_NOEXIST,
				     BPF_F_LOCK | BPF_EXIST,
				     7,
				     8,
				     16,
				     1ull << 31,
				     1ull << 32,
				     1ull << 32 | BPF_F_LOCK,
				     1ull << 63};
#define FLAGS (sizeof(all_flags) / sizeof(all_flags[0]))

/* The command with every flag and every key, and with every pair of pointers for some of them. */
enum direction { VALUE_IN, VALUE_OUT };

static void sweep(struct pair *p, int cmd, enum direction direction, const uint64_t *flags,
		  uint32_t n_flags)
{
	static unsigned char value[MAX_VALUE];
	enum where normal = p->model.key_size ? AT_GOOD : AT_NULL;
	unsigned char key[MAX_KEY];
	uint32_t number;

	for (uint32_t f = 0; f < n_flags; f++) {
		for (uint32_t i = 0; asked_keys(p, i, &number); i++) {
			struct elem_request r = {.cmd = cmd, .key = key, .key_at = normal};

			r.flags = flags[f];
			r.value = direction == VALUE_IN ? value : NULL;
			key_make(p, number, key);
			value_make(p, value);
			pair_elem(p, &r);
			if (i % 4 != 0 || f % 4 != 0)
				continue;
			for (int at = 0; at < WHERES * WHERES; at++) {
				r.key_at = (enum where)(at / WHERES);
				r.value_at = (enum where)(at % WHERES);
				pair_elem(p, &r);
			}
		}
	}
}

void group_lookup(struct pair *p)
{
	enum direction direction = is_bloom(p) ? VALUE_IN : VALUE_OUT;

	sweep(p, BPF_MAP_LOOKUP_ELEM, direction, all_flags, FLAGS);
	pair_compare_contents(p);
}

void group_update(struct pair *p)
{
	for (uint32_t f = 0; f < FLAGS; f++) {
		sweep(p, BPF_MAP_UPDATE_ELEM, VALUE_IN, &all_flags[f], 1);
		pair_compare_contents(p);
		for (uint32_t i = 0; i < pair_keys(p) && f % 2; i += 3)
			pair_delete(p, i);
	}
	pair_compare_contents(p);
}

void group_delete(struct pair *p)
{
	static const uint64_t none = 0;

	sweep(p, BPF_MAP_DELETE_ELEM, VALUE_OUT, &none, 1);
	pair_compare_contents(p);
	for (uint32_t i = 0; i < pair_keys(p) + 2; i++)
		pair_delete(p, i);
	pair_compare_contents(p);
	for (uint32_t i = 0; i < pair_keys(p); i++)
		pair_update(p, i, BPF_NOEXIST);
	pair_compare_contents(p);
}

void group_next_key(struct pair *p)
{
	static const uint64_t none = 0;

	sweep(p, BPF_MAP_GET_NEXT_KEY, VALUE_OUT, &none, 1);
	pair_compare_contents(p);
}

void group_take(struct pair *p)
{
	for (uint32_t f = 0; f < FLAGS; f++) {
		sweep(p, BPF_MAP_LOOKUP_AND_DELETE_ELEM, VALUE_OUT, &all_flags[f], 1);
		pair_compare_contents(p);
		for (uint32_t i = 0; i < pair_keys(p); i += 1 + f % 2)
			pair_update(p, i, BPF_ANY);
	}
	pair_compare_contents(p);
}
