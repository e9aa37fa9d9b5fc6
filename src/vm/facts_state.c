/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts_state.c: joining what is known on two paths, and forgetting.
 *
 * Ids in a join: two places have the same id afterwards if they had the same before in both states,
 * and, for packet pointers, their offsets differ alike. So a relation holds after the join only if
 * it held on both paths.
 */
#include "vm/facts_state.h"

#include <stdlib.h>
#include <string.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Ids of maybe_null in a join, for what is certain on one of the paths. */
#define ID_NOT_NULL UINT32_MAX
#define ID_NULL	    (UINT32_MAX - 1)

/* What two places must share to have the same id after a join. */
struct pair {
	uint8_t kind;
	uint32_t id_a;
	uint32_t id_b;
	int64_t delta;
	uint32_t id; /* the new one */
};

struct join {
	struct pair pairs[PLACES];
	uint32_t count;
	uint32_t place; /* that is being joined, plus 1: the id if the pair is new */
	enum join_how how;
	const struct stops *stops;
};

static const int64_t last_stop = LAST_STOP;

struct value value_number(struct number n)
{
	return (struct value){.kind = VALUE_NUMBER, .n = n};
}

struct value value_any(void)
{
	return value_number(number_any());
}

struct value value_pointer(enum value_kind kind, uint32_t index, int32_t off)
{
	return (struct value){
		.kind = (uint8_t)kind, .index = (uint8_t)index, .off = off, .n = number_const(0)};
}

struct value value_of_map(uint32_t index, int32_t off)
{
	struct value v = value_pointer(VALUE_VALUE, 0, off);

	v.maps = 1ull << index;
	return v;
}

bool value_equal(const struct value *a, const struct value *b)
{
	return a->kind == b->kind && a->index == b->index && a->maybe_null == b->maybe_null &&
	       a->id == b->id && a->off == b->off && a->range == b->range && a->maps == b->maps &&
	       number_equal(&a->n, &b->n);
}

void state_clear(struct state *state)
{
	memset(state, 0, sizeof(*state));
	for (uint32_t i = 0; i < PLACES; i++)
		state->at[i] = value_any();
	state->at[REG_FP] = value_pointer(VALUE_STACK, 0, 0);
	state->next_id = PLACES + 1;
}

uint32_t state_new_id(struct state *state)
{
	return state->next_id++;
}

void state_forget_stack(struct state *state, int64_t lo, int64_t hi)
{
	lo = MAX(lo, -(int64_t)VM_STACK_FRAME);
	hi = MIN(hi, 0);
	for (int64_t off = lo & ~7ll; off < hi; off += 8)
		state->at[slot_place(off)] = value_any();
}

void state_forget_packet(struct state *state)
{
	for (uint32_t i = 0; i < PLACES; i++) {
		uint8_t kind = state->at[i].kind;

		if (kind == VALUE_PACKET || kind == VALUE_META || kind == VALUE_END)
			state->at[i] = value_any();
	}
}

void state_write_bytes(struct state *state, int64_t lo, int64_t hi)
{
	for (int64_t byte = lo + VM_STACK_FRAME; byte < hi + VM_STACK_FRAME; byte++)
		state->written[byte / 64] |= 1ull << byte % 64;
}

int64_t state_unwritten(const struct state *state, int64_t lo, int64_t hi)
{
	for (int64_t byte = lo + VM_STACK_FRAME; byte < hi + VM_STACK_FRAME; byte++)
		if (!(state->written[byte / 64] >> byte % 64 & 1))
			return byte - VM_STACK_FRAME;
	return hi;
}

static bool is_packet(const struct value *v)
{
	return v->kind == VALUE_PACKET || v->kind == VALUE_META;
}

static bool is_null(const struct value *v)
{
	return v->kind == VALUE_NUMBER && number_is_const(&v->n) && !v->n.value;
}

static uint32_t pair_id(struct join *j, uint8_t kind, uint32_t id_a, uint32_t id_b, int64_t delta)
{
	struct pair *pair = j->pairs;

	for (; pair < j->pairs + j->count; pair++)
		if (pair->kind == kind && pair->id_a == id_a && pair->id_b == id_b &&
		    pair->delta == delta)
			return pair->id;
	*pair = (struct pair){kind, id_a, id_b, delta, j->place};
	j->count++;
	return j->place;
}

static struct number grow(const struct join *j, const struct number *old, const struct number *n)
{
	struct number both = number_join(old, n);

	if (j->how == JOIN_EXACT || number_equal(&both, old))
		return both;
	if (j->how == JOIN_TO_STOP)
		return number_widen(old, n, j->stops->at, j->stops->count);
	return number_widen(old, n, &last_stop, 1);
}

/* A range that only shrinks from round to round would do so for long; loops that need it are
 * unknown. */
static int64_t range_join(const struct join *j, int64_t old, int64_t range)
{
	if (range >= old)
		return old;
	return j->how == JOIN_TO_END ? RANGE_NONE : MAX(range, RANGE_NONE);
}

/* The variable part of b as seen from a's offset. */
static struct number shifted(const struct number *n, int64_t delta)
{
	struct number by = number_const((uint64_t)delta);

	return number_apply(NUMBER_ADD, n, &by);
}

static struct value join_packet(struct join *j, const struct value *a, const struct value *b)
{
	int64_t delta = (int64_t)b->off - a->off;
	struct number n = shifted(&b->n, delta);
	struct value v = *a;

	v.n = grow(j, &a->n, &n);
	v.range = range_join(j, a->range, b->range - delta);
	v.id = 0;
	if (a->id || b->id || delta)
		v.id = pair_id(j, a->kind, a->id, b->id, delta);
	return v;
}

static uint32_t null_id(const struct value *v)
{
	if (v->kind == VALUE_NUMBER)
		return ID_NULL;
	return v->maybe_null ? v->id : ID_NOT_NULL;
}

/* Whether its word is 0 only as NULL. The sum of an address and its own complement would be,
 * too. */
static bool is_null_or_near(const struct value *v)
{
	return v->kind == VALUE_NUMBER || (v->n.smin >= -(int64_t)v->off && v->n.smax <= LAST_STOP);
}

/* One of them may be the number 0, the NULL of programs. */
static struct value join_value(struct join *j, const struct value *a, const struct value *b)
{
	struct value v = a->kind == VALUE_VALUE ? *a : *b;

	if (a->kind == VALUE_VALUE && b->kind == VALUE_VALUE) {
		struct number n = shifted(&b->n, (int64_t)b->off - a->off);

		v.n = grow(j, &a->n, &n);
	}
	v.maps = a->maps | b->maps;
	v.maybe_null = a->kind != b->kind || a->maybe_null || b->maybe_null;
	if (v.maybe_null && (!is_null_or_near(a) || !is_null_or_near(b)))
		return value_any();
	v.id = v.maybe_null ? pair_id(j, VALUE_VALUE, null_id(a), null_id(b), 0) : 0;
	return v;
}

static struct value join_pointer(const struct join *j, const struct value *a, const struct value *b)
{
	struct number n = shifted(&b->n, (int64_t)b->off - a->off);
	struct value v = *a;

	if (a->kind == VALUE_STACK || a->kind == VALUE_KEY) {
		v.n = grow(j, &a->n, &n);
		return v;
	}
	return value_equal(a, b) ? *a : value_any();
}

static struct value join_values(struct join *j, const struct value *a, const struct value *b)
{
	struct value v;

	if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER) {
		v = value_number(grow(j, &a->n, &b->n));
		v.id = a->id && b->id ? pair_id(j, VALUE_NUMBER, a->id, b->id, 0) : 0;
		return v;
	}
	if ((a->kind == VALUE_VALUE && is_null(b)) || (is_null(a) && b->kind == VALUE_VALUE))
		return join_value(j, a, b);
	if (a->kind != b->kind || a->index != b->index)
		return value_any();
	if (is_packet(a))
		return join_packet(j, a, b);
	return a->kind == VALUE_VALUE ? join_value(j, a, b) : join_pointer(j, a, b);
}

struct value value_join(const struct value *a, const struct value *b)
{
	struct join j = {.place = 1, .how = JOIN_EXACT};

	return join_values(&j, a, b);
}

/* An id of one number alone relates it to nothing. */
static void drop_single_ids(struct state *state)
{
	uint8_t uses[PLACES + 1] = {0};

	for (uint32_t i = 0; i < PLACES; i++)
		uses[state->at[i].id]++;
	for (uint32_t i = 0; i < PLACES; i++)
		if (state->at[i].kind == VALUE_NUMBER && uses[state->at[i].id] == 1)
			state->at[i].id = 0;
}

static bool written_join(struct state *known, const struct state *from)
{
	bool changed = false;

	for (size_t i = 0; i < sizeof(known->written) / sizeof(known->written[0]); i++) {
		uint64_t both = known->written[i] & from->written[i];

		changed |= both != known->written[i];
		known->written[i] = both;
	}
	return changed;
}

bool state_join(struct state *known, const struct state *from, enum join_how how,
		const struct stops *stops)
{
	struct join j = {.how = how, .stops = stops};
	struct state was = *known;
	bool changed = written_join(known, from);

	if (how == JOIN_TO_CLEAR) {
		state_clear(known);
		changed |= memcmp(known->written, was.written, sizeof(was.written)) != 0;
	} else {
		for (uint32_t i = 0; i < PLACES; i++) {
			j.place = i + 1;
			known->at[i] = join_values(&j, &was.at[i], &from->at[i]);
		}
		drop_single_ids(known);
		known->next_id = PLACES + 1;
	}
	for (uint32_t i = 0; i < PLACES && !changed; i++)
		changed = !value_equal(&known->at[i], &was.at[i]);
	return changed;
}
