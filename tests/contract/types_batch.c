/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* types_batch.c: the four batch commands (SEMANTICS section 14).
 *
 * Everything generic (updates, deletes, reads of arrays) is predicted call by call. Of a hash's
 * reads the model knows what does not depend on how keys fall into buckets: a call with room for
 * all, whole walks with little room, and the errors.
 */
#include "types.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY  UINT32_MAX
#define MOST   40u /* elements of an update or delete; an LRU model holds as many too much */
#define CURSOR 4u  /* bytes of a cursor: a bucket number, or an array's key */

struct batch_request {
	int cmd;
	uint32_t in; /* cursor */
	enum where in_at;
	enum where out_at;
	const unsigned char *keys; /* inputs; NULL: outputs */
	const unsigned char *values;
	uint32_t keys_good; /* elements before memory that cannot be accessed, or EVERY */
	uint32_t values_good;
	uint32_t count;
	uint64_t elem_flags;
	uint64_t flags;
};

struct batch_answer {
	long result;
	uint32_t count;
	const unsigned char *keys;
	const unsigned char *values;
	const unsigned char *out;
};

static const char *command_name(int cmd)
{
	switch (cmd) {
	case BPF_MAP_LOOKUP_BATCH: return "lookup_batch";
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH: return "lookup_and_delete_batch";
	case BPF_MAP_UPDATE_BATCH: return "update_batch";
	default: return "delete_batch";
	}
}

static uint64_t array_at(enum engine e, enum slot slot, const void *from, uint32_t good,
			 uint32_t count, size_t size)
{
	size_t bytes = count * size;

	return slot_cut(e, slot, from, bytes, good < count ? good * size : bytes);
}

static void batch_run(struct pair *p, enum engine e, const struct batch_request *r,
		      struct batch_answer *a)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (uint32_t)p->fd[e];
	attr.batch.in_batch = slot_at(e, SLOT_IN, r->in_at, &r->in, CURSOR);
	attr.batch.out_batch = slot_at(e, SLOT_OUT, r->out_at, NULL, CURSOR);
	attr.batch.keys = array_at(e, SLOT_KEY, r->keys, r->keys_good, r->count, p->model.key_size);
	attr.batch.values =
		array_at(e, SLOT_VALUE, r->values, r->values_good, r->count, p->model.value_bytes);
	attr.batch.count = r->count;
	attr.batch.elem_flags = r->elem_flags;
	attr.batch.flags = r->flags;
	a->keys = (void *)(uintptr_t)attr.batch.keys;
	a->values = (void *)(uintptr_t)attr.batch.values;
	a->out = (void *)(uintptr_t)attr.batch.out_batch;
	a->result = engine_call(e, r->cmd, &attr);
	a->count = attr.batch.count;
}

static bool supported(const struct pair *p, int cmd)
{
	if (model_is_hash(p->model.type))
		return true;
	return model_is_array(p->model.type) &&
	       (cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_UPDATE_BATCH);
}

/* What every batch command checks before it looks at its arrays. 0: it goes on. */
static long checks_of(const struct pair *p, const struct batch_request *r)
{
	bool reads = r->cmd == BPF_MAP_LOOKUP_BATCH || r->cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
	bool writes = r->cmd != BPF_MAP_LOOKUP_BATCH;

	if ((reads && !p->may_read) || (writes && (!p->may_write || p->frozen)))
		return -EPERM;
	if (!supported(p, r->cmd))
		return -ERR_NOTSUPP;
	if ((r->elem_flags & ~(uint64_t)BPF_F_LOCK) || !pair_has_lock(p, r->elem_flags))
		return -EINVAL;
	if (reads && model_is_hash(p->model.type) && r->flags)
		return -EINVAL;
	return 0;
}

/* Run in both engines and compare result and count. */
static void compare_calls(struct pair *p, const struct batch_request *r, struct batch_answer *a,
			  long result, uint32_t count)
{
	long results[ENGINES] = {0, 0}, counts[ENGINES] = {0, 0};
	char what[200];

	for (unsigned int e = 0; e < p->engines; e++) {
		batch_run(p, e, r, &a[e]);
		results[e] = a[e].result;
		counts[e] = a[e].count;
	}
	snprintf(what, sizeof(what),
		 "%s in@%d out@%d cut %d/%d count %u elem_flags 0x%llx flags 0x%llx",
		 command_name(r->cmd), r->in_at, r->out_at, (int)r->keys_good, (int)r->values_good,
		 r->count, (unsigned long long)r->elem_flags, (unsigned long long)r->flags);
	expect_answer(p, what, results, result);
	snprintf(what + strlen(what), sizeof(what) - strlen(what), ": count");
	expect_answer(p, what, counts, count);
}

/* ---- reads of arrays ---- */

static void array_read(struct pair *p, const struct batch_request *r)
{
	const struct model_map *m = &p->model;
	struct batch_answer a[ENGINES];
	uint32_t first = 0, left, done;
	long result = 0;

	if (r->in_at == AT_GOOD)
		first = r->in < m->max_entries ? r->in + 1 : 0;
	left = m->max_entries - first;
	done = left < r->count ? left : r->count;
	if (done < r->count)
		result = -ENOENT;
	if ((r->in_at != AT_GOOD && r->in_at != AT_NULL) || r->keys_good < done ||
	    r->values_good < done) {
		done = 0;
		result = -EFAULT;
	} else if (done && r->out_at != AT_GOOD) {
		result = -EFAULT;
	}
	compare_calls(p, r, a, result, done);
	for (unsigned int e = 0; e < p->engines && result != -EFAULT && done; e++) {
		uint32_t last = first + done - 1;

		expect_equal(p, "batch of an array", "out_batch", a[e].out, &last, sizeof(last));
		expect_equal(p, "batch of an array", "keys", a[e].keys,
			     m->keys + (size_t)first * m->key_size, (size_t)done * m->key_size);
		expect_equal(p, "batch of an array", "values", a[e].values,
			     m->values + (size_t)first * m->value_bytes,
			     (size_t)done * m->value_bytes);
	}
}

/* ---- reads of hashes ---- */

/* Elements that a read gave: in the model, with that value, and not seen before in this walk. */
static void check_elements(struct pair *p, const struct batch_answer *a, bool *seen)
{
	const struct model_map *m = &p->model;

	for (uint32_t i = 0; i < a->count; i++) {
		const unsigned char *want = model_lookup(m, a->keys + (size_t)i * m->key_size);
		size_t slot = want ? (size_t)(want - m->values) / m->value_bytes : 0;

		comparisons++;
		if (!want || seen[slot])
			report(p, "a batch gives a key that is not there, or twice");
		else
			expect_equal(p, "batch of a hash", "value",
				     a->values + (size_t)i * m->value_bytes, want, m->value_bytes);
		seen[slot] = true;
	}
}

static void model_clear(struct pair *p)
{
	for (uint32_t i = 0; i < p->model.slots; i++)
		if (p->model.used[i])
			model_forget(&p->model, i);
}

static bool takes(const struct batch_request *r)
{
	return r->cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
}

/* One call with room for everything. */
static void hash_read(struct pair *p, const struct batch_request *r)
{
	bool whole = r->in_at == AT_NULL || (r->in_at == AT_GOOD && r->in == 0);
	bool cut = (r->keys_good == 0 || r->values_good == 0) && p->model.entries;
	struct batch_answer a[ENGINES];
	long result = -ENOENT;
	uint32_t count = 0;

	if (cut && takes(r) && p->model.entries > 1)
		return; /* how many are lost depends on the buckets */
	if (!whole && r->in_at == AT_GOOD)
		compare_calls(p, r, a, -ENOENT, 0);
	else if (!whole)
		compare_calls(p, r, a, -EFAULT, 0);
	if (!whole)
		return;
	if (cut || r->out_at != AT_GOOD)
		result = -EFAULT;
	else
		count = (uint32_t)p->model.entries;
	compare_calls(p, r, a, result, count);
	for (unsigned int e = 0; e < p->engines && result == -ENOENT; e++) {
		bool *seen = calloc(p->model.slots, 1);

		if (a[e].count <= r->count)
			check_elements(p, &a[e], seen);
		free(seen);
	}
	if (takes(r))
		model_clear(p);
}

/* A walk with little room: ENOSPC asks for more. */
static void hash_walk_engine(struct pair *p, enum engine e, int cmd, uint32_t room)
{
	struct batch_request r = {.cmd = cmd,
				  .in_at = AT_NULL,
				  .keys_good = EVERY,
				  .values_good = EVERY,
				  .count = room};
	uint64_t total = 0, steps = 0;
	bool *seen = calloc(p->model.slots, 1);
	struct batch_answer a;

	do {
		batch_run(p, e, &r, &a);
		if (a.count > r.count || (a.result == -ENOSPC && a.count))
			report(p, "%s: count %u of %u with result %ld", command_name(cmd), a.count,
			       r.count, a.result);
		else
			check_elements(p, &a, seen);
		total += a.count;
		memcpy(&r.in, a.out, sizeof(r.in));
		r.in_at = AT_GOOD;
		if (a.result == -ENOSPC)
			r.count *= 2;
	} while ((a.result == 0 || a.result == -ENOSPC) && ++steps < 10000);
	comparisons++;
	if (a.result != -ENOENT || total != p->model.entries)
		report(p,
		       "%s: a walk of engine %u with room for %u ends with %ld after %llu of %llu",
		       command_name(cmd), e, room, a.result, (unsigned long long)total,
		       (unsigned long long)p->model.entries);
	free(seen);
}

static void hash_walk(struct pair *p, int cmd, uint32_t room)
{
	const struct batch_request r = {.cmd = cmd};

	if (checks_of(p, &r))
		return;
	for (unsigned int e = 0; e < p->engines; e++)
		hash_walk_engine(p, e, cmd, room);
	if (takes(&r))
		model_clear(p);
}

static void read_request(struct pair *p, const struct batch_request *r)
{
	struct batch_answer a[ENGINES];
	long early = checks_of(p, r);

	if (early || !r->count)
		compare_calls(p, r, a, early, r->count);
	else if (model_is_array(p->model.type))
		array_read(p, r);
	else
		hash_read(p, r);
}

static const uint64_t flag_words[] = {0, BPF_NOEXIST, BPF_EXIST,  3,	      BPF_F_LOCK,
				      8, 16,	      1ull << 31, 1ull << 32, 1ull << 63};
#define FLAG_WORDS (sizeof(flag_words) / sizeof(flag_words[0]))

static void refill(struct pair *p)
{
	for (uint32_t i = 0; i < pair_keys(p) && p->state > STATE_ONE; i += 2)
		pair_update(p, i, BPF_ANY);
	if (p->state == STATE_ONE)
		pair_update(p, 0, BPF_ANY);
}

static void sweep_reads(struct pair *p, int cmd)
{
	uint32_t n = pair_keys(p);
	const uint32_t cursors[] = {0, n - 1, n, UINT32_MAX}, counts[] = {0, 1, 2, n, n + 7};
	struct batch_request r;

	for (uint32_t i = 0; i < 5 * 5 * 4; i++) {
		r = (struct batch_request){.cmd = cmd,
					   .in_at = (enum where)(i % 5),
					   .keys_good = EVERY,
					   .values_good = EVERY};
		r.count = model_is_hash(p->model.type) ? n + 7 : counts[i / 5 % 5];
		r.in = cursors[i / 25];
		/* Whether a bucket number in between is one depends on the engine. */
		if (model_is_hash(p->model.type) && r.in)
			r.in = UINT32_MAX;
		read_request(p, &r);
		r.out_at = (enum where)(1 + i % 4);
		read_request(p, &r);
		r.out_at = AT_GOOD;
		r.keys_good = i % 3 ? EVERY : 0;
		r.values_good = i % 3 ? 0 : EVERY;
		read_request(p, &r);
		if (cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH)
			refill(p);
	}
	for (uint32_t i = 0; i < 2 * FLAG_WORDS; i++) {
		r = (struct batch_request){.cmd = cmd,
					   .in_at = AT_NULL,
					   .keys_good = EVERY,
					   .values_good = EVERY,
					   .count = i % 3 ? n + 7 : 0};
		*(i % 2 ? &r.flags : &r.elem_flags) = flag_words[i / 2];
		read_request(p, &r);
		if (cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH)
			refill(p);
	}
}

static void group_reads(struct pair *p, int cmd)
{
	sweep_reads(p, cmd);
	pair_compare_contents(p);
	for (uint32_t room = 1; room <= 9 && model_is_hash(p->model.type); room += 2) {
		hash_walk(p, cmd, room);
		pair_compare_contents(p);
		if (cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH)
			refill(p);
	}
}

void group_lookup_batch(struct pair *p)
{
	group_reads(p, BPF_MAP_LOOKUP_BATCH);
}

void group_take_batch(struct pair *p)
{
	group_reads(p, BPF_MAP_LOOKUP_AND_DELETE_BATCH);
}

/* ---- updates and deletes ---- */

static void write_request(struct pair *p, const struct batch_request *r)
{
	struct batch_answer a[ENGINES];
	long result = checks_of(p, r);
	uint32_t done = 0;

	if (result || !r->count) {
		compare_calls(p, r, a, result, r->count);
		return;
	}
	pair_before_insert(p, r->count);
	for (; done < r->count && !result; done += !result) {
		const unsigned char *key = r->keys + (size_t)done * p->model.key_size;

		if (done >= r->keys_good || (r->values && done >= r->values_good))
			result = -EFAULT;
		else if (r->values)
			result = model_update(&p->model, key,
					      r->values + (size_t)done * p->model.value_bytes,
					      r->elem_flags);
		else
			result = model_delete(&p->model, key);
	}
	compare_calls(p, r, a, result, done);
	pair_settle(p);
}

static void write_range(struct pair *p, int cmd, struct batch_request *r, uint32_t first)
{
	unsigned char *keys = calloc(MOST, p->model.key_size + 1),
		      *values = calloc(MOST, p->model.value_bytes);

	for (uint32_t i = 0; i < r->count; i++) {
		key_make(p, first + i, keys + (size_t)i * p->model.key_size);
		value_make(p, values + (size_t)i * p->model.value_bytes);
	}
	r->cmd = cmd;
	r->keys = keys;
	r->values = cmd == BPF_MAP_UPDATE_BATCH ? values : NULL;
	write_request(p, r);
	free(keys);
	free(values);
}

static void group_writes(struct pair *p, int cmd)
{
	uint32_t n = pair_keys(p), all = n + 2 < MOST ? n + 2 : MOST;
	const uint32_t counts[] = {0, 1, 2, 3, all}, firsts[] = {0, n - 1, n};
	struct batch_request r;

	for (uint32_t i = 0; i < 5 * 3 * 4; i++) {
		r = (struct batch_request){
			.count = counts[i % 5], .keys_good = EVERY, .values_good = EVERY};
		if (i / 15 == 1)
			r.keys_good = i % 3;
		if (i / 15 == 2)
			r.values_good = i % 3;
		write_range(p, cmd, &r, firsts[i / 5 % 3]);
		if (cmd == BPF_MAP_DELETE_BATCH)
			refill(p);
	}
	pair_compare_contents(p);
	for (uint32_t i = 0; i < 2 * FLAG_WORDS; i++) {
		r = (struct batch_request){.count = 2, .keys_good = EVERY, .values_good = EVERY};
		*(i % 2 ? &r.flags : &r.elem_flags) = flag_words[i / 2];
		write_range(p, cmd, &r, i % n);
	}
	pair_compare_contents(p);
}

void group_update_batch(struct pair *p)
{
	group_writes(p, BPF_MAP_UPDATE_BATCH);
}

void group_delete_batch(struct pair *p)
{
	group_writes(p, BPF_MAP_DELETE_BATCH);
}
