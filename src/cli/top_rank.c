/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_rank.c: the first N of a map's elements.
 *
 * The N are kept in order while elements come; nearly all of a large map's elements lose against
 * the last of them and cost one comparison. Keys are remembered in an open table, at most three
 * quarters full.
 */
#include "cli/top_rank.h"

#include "base/hash.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_ROOM 1024

double top_rank_rate(const struct field_value *before, const struct field_value *now, uint32_t bits,
		     uint64_t ns)
{
	double change;

	if (!ns || now->kind == FIELD_BYTES)
		return NAN;
	if (now->kind == FIELD_FLOAT)
		change = now->real - before->real;
	else
		/* Modulo its bits, so a counter may wrap around, and a gauge may fall. */
		change = (double)btf_sign_extend(bits < 64 ? (now->number - before->number) &
								     ((1ull << bits) - 1)
							   : now->number - before->number,
						 bits);
	return change * 1e9 / (double)ns;
}

/* ---- what the last walk saw ---- */

static size_t memory_slot(const struct top_memory *memory, const void *key, size_t key_size)
{
	size_t slot = hash_bytes(key, key_size, 0) & (memory->room - 1);

	while (memory->used[slot] && memcmp(memory->keys + slot * key_size, key, key_size))
		slot = (slot + 1) & (memory->room - 1);
	return slot;
}

static void memory_free(struct top_memory *memory)
{
	free(memory->keys);
	free(memory->number);
	free(memory->used);
	*memory = (struct top_memory){0};
}

static void memory_put(struct top_memory *memory, const void *key, size_t key_size, uint64_t number)
{
	size_t slot = memory_slot(memory, key, key_size);

	memory->count += !memory->used[slot];
	memory->used[slot] = 1;
	memcpy(memory->keys + slot * key_size, key, key_size);
	memory->number[slot] = number;
}

static void memory_grow(struct top_memory *memory, size_t key_size)
{
	size_t room = memory->room ? memory->room * 2 : MEMORY_ROOM;
	struct top_memory next = {
		.keys = must_realloc(NULL, room * key_size),
		.number = must_realloc(NULL, room * sizeof(*next.number)),
		.used = memset(must_realloc(NULL, room), 0, room),
		.room = room,
	};

	for (size_t slot = 0; slot < memory->room; slot++)
		if (memory->used[slot])
			memory_put(&next, memory->keys + slot * key_size, key_size,
				   memory->number[slot]);
	memory_free(memory);
	*memory = next;
}

static void remember(struct top_rank *rank, const void *key, const struct field_value *number)
{
	struct top_memory *memory = &rank->memory[0];
	uint64_t bits = number->number;

	if (memory->count >= TOP_RANK_ELEMENTS)
		return;
	if ((memory->count + 1) * 4 > memory->room * 3)
		memory_grow(memory, rank->key_size);
	if (number->kind == FIELD_FLOAT)
		memcpy(&bits, &number->real, sizeof(bits));
	memory_put(memory, key, rank->key_size, bits);
}

static bool recall(const struct top_rank *rank, const void *key, enum field_kind kind,
		   struct field_value *ret_number)
{
	const struct top_memory *memory = &rank->memory[1];
	size_t slot;

	if (!memory->room)
		return false;
	slot = memory_slot(memory, key, rank->key_size);
	if (!memory->used[slot])
		return false;
	*ret_number = (struct field_value){.kind = kind, .number = memory->number[slot]};
	if (kind == FIELD_FLOAT)
		memcpy(&ret_number->real, &memory->number[slot], sizeof(ret_number->real));
	return true;
}

/* ---- the first N ---- */

static int figure_compare(const struct top_rank *rank, enum top_rank_by by,
			  const struct top_figure *a, const struct top_figure *b)
{
	int order;

	if (by == TOP_BY_RATE && (isnan(a->rate) || isnan(b->rate)))
		return isnan(a->rate) - isnan(b->rate);
	order = by == TOP_BY_VALUE ? field_compare(&a->value, &b->value)
				   : (a->rate > b->rate) - (a->rate < b->rate);
	return rank->ascending ? order : -order;
}

/* Equal numbers stand in order of their keys, so that rows do not dance. */
static bool stands_before(const struct top_rank *rank, enum top_rank_by by, size_t place,
			  const struct top_figure *figure, const void *key)
{
	const struct top_ranked *ranked = &rank->ranked[by];
	size_t stride = rank->key_size + rank->value_size;
	int order = figure_compare(rank, by, &ranked->figure[place], figure);

	return order ? order < 0 : memcmp(ranked->data + place * stride, key, rank->key_size) <= 0;
}

static void ranked_add(struct top_rank *rank, enum top_rank_by by, const struct top_figure *figure,
		       const void *key, const void *value)
{
	struct top_ranked *ranked = &rank->ranked[by];
	size_t stride = rank->key_size + rank->value_size, place = ranked->count, moved;

	if (!rank->limit ||
	    (ranked->count == rank->limit && stands_before(rank, by, rank->limit - 1, figure, key)))
		return;
	while (place && !stands_before(rank, by, place - 1, figure, key))
		place--;
	ranked->count += ranked->count < rank->limit;
	moved = ranked->count - place - 1;
	memmove(&ranked->figure[place + 1], &ranked->figure[place], moved * sizeof(*figure));
	memmove(ranked->data + (place + 1) * stride, ranked->data + place * stride, moved * stride);
	ranked->figure[place] = *figure;
	memcpy(ranked->data + place * stride, key, rank->key_size);
	memcpy(ranked->data + place * stride + rank->key_size, value, rank->value_size);
}

/* ---- a walk ---- */

void top_rank_begin(struct top_rank *rank, uint64_t now_ns)
{
	size_t stride = rank->key_size + rank->value_size;

	memory_free(&rank->memory[1]);
	rank->memory[1] = rank->memory[0];
	rank->memory[0] = (struct top_memory){0};
	rank->before_ns = rank->at_ns;
	rank->at_ns = now_ns;
	rank->elements = 0;
	for (size_t by = 0; by < TOP_RANKS; by++) {
		struct top_ranked *ranked = &rank->ranked[by];

		ranked->count = 0;
		if (ranked->figure)
			continue;
		ranked->figure = must_realloc(NULL, rank->limit * sizeof(*ranked->figure));
		ranked->data = must_realloc(NULL, rank->limit * stride);
	}
}

void top_rank_add(struct top_rank *rank, const void *key, const void *value,
		  const struct field_value *number)
{
	struct field_value before;
	struct top_figure figure = {.value = *number, .rate = NAN};

	/* Bytes belong to the element and would not last. */
	if (number->kind == FIELD_BYTES)
		figure.value = (struct field_value){.kind = FIELD_UNSIGNED};
	else if (recall(rank, key, number->kind, &before))
		figure.rate =
			top_rank_rate(&before, number, rank->bits, rank->at_ns - rank->before_ns);
	rank->elements++;
	ranked_add(rank, TOP_BY_VALUE, &figure, key, value);
	ranked_add(rank, TOP_BY_RATE, &figure, key, value);
	if (number->kind != FIELD_BYTES)
		remember(rank, key, &figure.value);
}

void top_rank_free(struct top_rank *rank)
{
	for (size_t by = 0; by < TOP_RANKS; by++) {
		free(rank->ranked[by].figure);
		free(rank->ranked[by].data);
	}
	memory_free(&rank->memory[0]);
	memory_free(&rank->memory[1]);
}
