/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* records.h: elements kept in memory. */
#ifndef BPFMAP_CLI_RECORDS_H
#define BPFMAP_CLI_RECORDS_H

#include "cli/shape.h"

struct records {
	uint8_t *bytes;
	size_t len, room;
	struct record_at {
		uint64_t rank; /* what they may be sorted by */
		uint64_t off;
	} * at;
	size_t count, cap;
};

/* Memory for so many elements of so many bytes of key and value, written to already. */
void records_reserve(struct records *records, size_t count, size_t bytes_each);
/* A record_fn; arg is the records. */
int records_add(void *arg, const struct record *record);
/* The rank of the one that was added last. */
void records_rank(struct records *records, uint64_t rank);
void records_sort_by_rank(struct records *records);
/* By key, as memcmp() orders; a key that begins another one comes first. */
void records_sort_by_key(struct records *records);
int records_compare_keys(const struct record *a, const struct record *b);
void records_get(const struct records *records, size_t index, struct record *ret_record);
void records_free(struct records *records);

#endif
