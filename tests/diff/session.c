/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session.c: lock step (session.h). */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static const char *result_name(int64_t result)
{
	static char text[4][32];
	static unsigned int turn;
	char *at = text[turn++ % 4];
	const char *name = result < 0 ? strerrorname_np((int)-result) : NULL;

	if (name)
		return name;
	snprintf(at, sizeof(text[0]), "%" PRId64, result);
	return at;
}

static size_t first_unequal(const struct answer *a, const struct answer *b)
{
	size_t i = 0;

	while (i < a->bytes && i < b->bytes && a->out[i] == b->out[i])
		i++;
	return i;
}

static bool answers_differ(const struct answer *a, const struct answer *b)
{
	return a->result != b->result || a->count != b->count || a->bytes != b->bytes ||
	       (a->bytes && memcmp(a->out, b->out, a->bytes) != 0);
}

static void compare(struct outcome *o, uint32_t at, const struct answer *a, const char *name,
		    const struct answer *b)
{
	size_t byte;

	if (o->differs || !answers_differ(a, b))
		return;
	o->differs = true;
	o->at = at;
	byte = first_unequal(a, b);
	snprintf(o->what, sizeof(o->what),
		 "ours %s, count %" PRId64 ", %zu bytes; %s %s, count %" PRId64
		 ", %zu bytes; first unequal byte %zu: 0x%02x, 0x%02x",
		 result_name(a->result), a->count, a->bytes, name, result_name(b->result), b->count,
		 b->bytes, byte, byte < a->bytes ? a->out[byte] : 0,
		 byte < b->bytes ? b->out[byte] : 0);
}

static void compare_recorded(struct outcome *o, uint32_t at, const struct answer *a,
			     const struct digest *b)
{
	uint32_t hash = a->bytes ? a->hash : 0;

	if (o->differs || (a->result == b->result && a->count == b->count && hash == b->hash))
		return;
	o->differs = true;
	o->at = at;
	snprintf(o->what, sizeof(o->what),
		 "ours %s, count %" PRId64 ", #%08x; recorded %s, count %" PRId64 ", #%08x",
		 result_name(a->result), a->count, hash, result_name(b->result), b->count, b->hash);
}

static void keep(struct recording *record, uint32_t at, const struct answer *a)
{
	record->known[at] = true;
	record->digest[at] = (struct digest){
		.result = a->result, .count = a->count, .hash = a->bytes ? a->hash : 0};
}

struct turn {
	struct session *session;
	struct world *w;
	struct recording *record;
	const struct recording *expected;
	struct outcome *outcome;
};

static void step_take(struct turn *t, const struct step *s, uint32_t at)
{
	static struct answer model;
	struct session *n = t->session;
	struct answer *ours = &n->engine[0]->answer, *last = &n->engine[n->engines - 1]->answer;
	enum certainty certain;

	if (world_skips(t->w, s))
		return;
	n->steps++;
	/* Before the model moves on: engines look at what there is. */
	for (uint32_t i = 0; i < n->engines; i++)
		engine_step(n->engine[i], t->w, s);
	certain = world_expect(t->w, s, &model);
	if (certain == UNCERTAIN)
		return;
	if (n->engines > 1) {
		n->by_kernel++;
		compare(t->outcome, at, ours, n->engine[1]->name, last);
	}
	if (certain == CERTAIN_RESULT) {
		model.count = ours->count;
		model.bytes = 0;
		answer_add(&model, ours->out, ours->bytes);
	}
	if (certain != AGREED) {
		n->by_model++;
		compare(t->outcome, at, ours, "model", &model);
	}
	if (t->record)
		keep(t->record, at, last);
	if (t->expected && t->expected->known[at]) {
		n->by_recording++;
		compare_recorded(t->outcome, at, ours, &t->expected->digest[at]);
	}
	if (!ours->result)
		world_follow(t->w, s);
	else if (s->op == STEP_create && !step_arg(s, 'x'))
		slot_set(world_slot(t->w, s, 'h'), NULL, 0); /* what it held was closed before */
}

void session_run(struct session *session, const struct script *script, struct recording *record,
		 const struct recording *expected, struct outcome *ret)
{
	struct world w;
	struct turn t = {session, &w, record, expected, ret};

	memset(ret, 0, sizeof(*ret));
	if (record)
		memset(record, 0, sizeof(*record));
	world_init(&w);
	for (uint32_t i = 0; i < script->count && !ret->differs; i++)
		step_take(&t, &script->step[i], i);
	world_free(&w);
	for (uint32_t i = 0; i < session->engines; i++)
		engine_reset(session->engine[i]);
}
