/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* query.h: which elements of a map are shown, in which order and in which form. */
#ifndef BPFMAP_CLI_QUERY_H
#define BPFMAP_CLI_QUERY_H

#include "cli/field.h"

enum query_op { QUERY_EQ, QUERY_NE, QUERY_LT, QUERY_LE, QUERY_GT, QUERY_GE };

struct query_condition {
	struct field field;
	enum query_op op;
	struct field_value constant;
};

enum query_form {
	QUERY_ELEMENTS,
	QUERY_LINES,   /* one JSON text per element, a line each */
	QUERY_TABLE,   /* a column for each field */
	QUERY_COLUMNS, /* a column for each CPU */
};

struct query {
	struct query_condition *condition; /* all of them hold */
	size_t conditions;
	bool sorted;
	bool descending;
	struct field sort;
	uint64_t limit; /* elements; UINT64_MAX: all */
	enum query_form form;
	bool folded; /* values per CPU are shown as one */
	/* How conditions and the order, and the output if it is folded, see values per CPU. */
	struct btf_fold fold;
};

/* The words behind MAP: where FIELD OP CONSTANT, sort FIELD [desc|asc], limit N, percpu VIEW,
 * table, lines. Free it also after a failure. 0 or an exit code. */
int query_parse(const struct mapref *ref, struct args *args, struct query *ret_query);
void query_free(struct query *query);

/* Show the map's elements. 0 or an exit code. */
int query_run(struct cli *cli, const struct mapref *ref, const struct query *query);

#endif
