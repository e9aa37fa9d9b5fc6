/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* shrink.c: delta debugging. Steps go by halves, quarters, ... and one by one; then numbers become
 * 0, or half. What remains must still end in a difference.
 */
#include "session.h"

#include <string.h>

struct shrinking {
	struct session *session;
	struct script *best;
	struct outcome *outcome;
	uint64_t until_ms;
};

static bool out_of_time(const struct shrinking *x)
{
	return now_ms() > x->until_ms;
}

/* Keep it if it still differs. */
static bool try_script(struct shrinking *x, const struct script *candidate)
{
	struct outcome outcome;

	session_run(x->session, candidate, NULL, NULL, &outcome);
	if (!outcome.differs)
		return false;
	*x->best = *candidate;
	*x->outcome = outcome;
	x->best->count = outcome.at + 1;
	return true;
}

static bool try_without(struct shrinking *x, uint32_t from, uint32_t count)
{
	struct script candidate = *x->best;

	memmove(&candidate.step[from], &candidate.step[from + count],
		(candidate.count - from - count) * sizeof(candidate.step[0]));
	candidate.count -= count;
	return try_script(x, &candidate);
}

static void drop_steps(struct shrinking *x)
{
	for (uint32_t size = x->best->count / 2; size; size /= 2) {
		uint32_t at = 0;

		while (at + size <= x->best->count && !out_of_time(x))
			if (!try_without(x, at, size))
				at += size;
	}
}

static bool try_number(struct shrinking *x, uint32_t step, uint32_t i, int64_t value)
{
	struct script candidate = *x->best;

	if (candidate.step[step].arg[i] == value)
		return false;
	candidate.step[step].arg[i] = value;
	return try_script(x, &candidate);
}

static void simplify_numbers(struct shrinking *x)
{
	for (uint32_t step = 0; step < x->best->count; step++) {
		for (uint32_t i = 0; i < STEP_ARGS && !out_of_time(x); i++) {
			if (step >= x->best->count || try_number(x, step, i, 0))
				continue;
			while (x->best->step[step].arg[i] > 1 &&
			       try_number(x, step, i, x->best->step[step].arg[i] / 2) &&
			       step < x->best->count)
				;
		}
	}
}

void script_shrink(struct session *session, struct script *script, struct outcome *outcome,
		   uint64_t limit_ms)
{
	struct shrinking x = {session, script, outcome, now_ms() + limit_ms};
	uint32_t before;

	script->count = outcome->at + 1;
	do {
		before = script->count;
		drop_steps(&x);
		simplify_numbers(&x);
		drop_steps(&x);
	} while (script->count < before && !out_of_time(&x));
}
