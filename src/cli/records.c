/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* records.c: see records.h. */
#include "cli/records.h"

#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

/* Lengths, key, value; each record begins where the one before ends. */
#define HEAD 8

void records_reserve(struct records *records, size_t count, size_t bytes_each)
{
	records->cap = count;
	records->room = count * (HEAD + bytes_each);
	records->at = must_realloc(records->at, count * sizeof(*records->at));
	records->bytes = must_realloc(records->bytes, records->room);
	memset(records->at, 0, count * sizeof(*records->at));
	memset(records->bytes, 0, records->room);
}

int records_add(void *arg, const struct record *record)
{
	struct records *r = arg;
	size_t need = r->len + HEAD + record->key_len + record->value_len;
	uint8_t *to;

	if (need > r->room) {
		r->room = need * 2;
		r->bytes = must_realloc(r->bytes, r->room);
	}
	if (r->count == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->at = must_realloc(r->at, r->cap * sizeof(*r->at));
	}
	r->at[r->count++] = (struct record_at){.off = r->len};
	to = r->bytes + r->len;
	memcpy(to, &record->key_len, 4);
	memcpy(to + 4, &record->value_len, 4);
	if (record->key_len)
		memcpy(to + HEAD, record->key, record->key_len);
	if (record->value_len)
		memcpy(to + HEAD + record->key_len, record->value, record->value_len);
	r->len = need;
	return 0;
}

void records_rank(struct records *records, uint64_t rank)
{
	records->at[records->count - 1].rank = rank;
}

static void record_at(const uint8_t *bytes, uint64_t off, struct record *ret_record)
{
	const uint8_t *from = bytes + off;

	memcpy(&ret_record->key_len, from, 4);
	memcpy(&ret_record->value_len, from + 4, 4);
	ret_record->key = from + HEAD;
	ret_record->value = from + HEAD + ret_record->key_len;
}

void records_get(const struct records *records, size_t index, struct record *ret_record)
{
	record_at(records->bytes, records->at[index].off, ret_record);
}

/* Equal ranks stay in the order in which they came. */
static int by_rank(const void *a, const void *b)
{
	const struct record_at *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

void records_sort_by_rank(struct records *records)
{
	if (records->count)
		qsort(records->at, records->count, sizeof(*records->at), by_rank);
}

int records_compare_keys(const struct record *a, const struct record *b)
{
	uint32_t shorter = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = shorter ? memcmp(a->key, b->key, shorter) : 0;

	if (order)
		return order;
	return a->key_len < b->key_len ? -1 : a->key_len > b->key_len;
}

static int by_key(const void *a, const void *b, void *bytes)
{
	const struct record_at *x = a, *y = b;
	struct record left, right;

	record_at(bytes, x->off, &left);
	record_at(bytes, y->off, &right);
	return records_compare_keys(&left, &right);
}

void records_sort_by_key(struct records *records)
{
	if (records->count)
		qsort_r(records->at, records->count, sizeof(*records->at), by_key, records->bytes);
}

void records_free(struct records *records)
{
	free(records->bytes);
	free(records->at);
	*records = (struct records){0};
}
