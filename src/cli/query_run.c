/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* query_run.c: walk over a map and show what a query asks for. Without an order elements are shown
 * as they come; with one they are kept until the walk is over. */
#include "cli/query.h"

#include "cli/element.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not an errno: the limit was reached. */
#define WALK_STOP 1

struct run {
	struct out *out;
	const struct mapref *ref;
	const struct query *query;
	const struct btf_fold *fold; /* of conditions and order; NULL: one value per element */
	uint8_t *kept;		     /* keys and values, one behind the other */
	size_t kept_bytes;
	size_t kept_room;
	uint64_t found;
	uint64_t shown;
	int stopped;
};

static size_t kept_stride(const struct run *run)
{
	return run->ref->info.key_size + backend_value_size(&run->ref->info);
}

static bool holds(const struct run *run, const struct query_condition *condition, const void *key,
		  const void *value)
{
	struct field_value have;
	int order;

	field_load(run->ref, &condition->field, run->fold, key, value, &have);
	order = field_compare(&have, &condition->constant);
	switch (condition->op) {
	case QUERY_EQ: return order == 0;
	case QUERY_NE: return order != 0;
	case QUERY_LT: return order < 0;
	case QUERY_LE: return order <= 0;
	case QUERY_GT: return order > 0;
	default: return order >= 0;
	}
}

static void show(struct run *run, const void *key, const void *value, int err)
{
	const struct btf_fold *fold = run->query->folded ? &run->query->fold : NULL;

	switch (run->query->form) {
	case QUERY_TABLE: element_row(run->out, run->ref, fold, key, value); break;
	case QUERY_COLUMNS:
		element_cpu_row(run->out, run->ref, &run->query->fold, key, value);
		break;
	default: element_print(run->out, run->ref, fold, key, value, err); break;
	}
	run->shown++;
}

static void keep(struct run *run, const void *key, const void *value)
{
	size_t key_size = run->ref->info.key_size, stride = kept_stride(run);

	if (run->kept_bytes + stride > run->kept_room) {
		run->kept_room = (run->kept_room + stride) * 2;
		run->kept = must_realloc(run->kept, run->kept_room);
	}
	memcpy(run->kept + run->kept_bytes, key, key_size);
	memcpy(run->kept + run->kept_bytes + key_size, value, stride - key_size);
	run->kept_bytes += stride;
}

static int visit(void *arg, const void *key, const void *value, int err)
{
	struct run *run = arg;

	/* What cannot be read has no fields; it is shown where all are. */
	if (!value &&
	    (run->query->conditions || run->query->form != QUERY_ELEMENTS || run->query->sorted))
		return 0;
	for (size_t i = 0; i < run->query->conditions; i++)
		if (!holds(run, &run->query->condition[i], key, value))
			return 0;
	if (!run->query->sorted && run->found == run->query->limit) {
		run->stopped = 1;
		return WALK_STOP;
	}
	run->found++;
	if (run->query->sorted)
		keep(run, key, value);
	else
		show(run, key, value, err);
	return 0;
}

/* Equal fields are ordered by key, so that the output is the same every time. */
static int kept_compare(const void *a, const void *b, void *arg)
{
	const struct run *run = arg;
	size_t key_size = run->ref->info.key_size;
	struct field_value left, right;
	int order;

	field_load(run->ref, &run->query->sort, run->fold, a, (const uint8_t *)a + key_size, &left);
	field_load(run->ref, &run->query->sort, run->fold, b, (const uint8_t *)b + key_size,
		   &right);
	order = field_compare(&left, &right);
	if (run->query->descending)
		order = -order;
	return order ? order : memcmp(a, b, key_size);
}

static void kept_show(struct run *run)
{
	size_t stride = kept_stride(run);

	if (run->kept_bytes)
		qsort_r(run->kept, run->kept_bytes / stride, stride, kept_compare, run);
	for (size_t off = 0; off < run->kept_bytes && run->shown < run->query->limit; off += stride)
		show(run, run->kept + off, run->kept + off + run->ref->info.key_size, 0);
}

static void found_note(const struct run *run)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "Found %" PRIu64 " element%s", run->found,
			   run->found == 1 ? "" : "s");

	if (run->stopped)
		snprintf(text + len, sizeof(text) - (size_t)len, " and more (limit)");
	else if (run->shown < run->found)
		snprintf(text + len, sizeof(text) - (size_t)len, ", %" PRIu64 " shown", run->shown);
	out_note(run->out, text);
}

int query_run(struct cli *cli, const struct mapref *ref, const struct query *query)
{
	bool lines = query->form == QUERY_LINES;
	struct run run = {
		.out = cli->out,
		.ref = ref,
		.query = query,
		.fold = backend_is_percpu(ref->info.type) ? &query->fold : NULL,
	};
	int err;

	if (!lines)
		out_begin(cli->out, OUT_ARRAY,
			  query->form == QUERY_ELEMENTS ? OUT_ELEMENTS : OUT_TABLE);
	err = ref->backend->map_walk(ref->fd, &ref->info, visit, &run);
	if (err >= 0)
		kept_show(&run);
	if (!lines)
		out_end(cli->out);
	free(run.kept);
	if (err < 0)
		return exit_failure(err, "the dump is incomplete");
	found_note(&run);
	return 0;
}
