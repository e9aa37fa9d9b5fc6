/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* generate.c: scripts from seeds. Each script may use a part of the steps, a few shapes and a few
 * keys only (swarm testing), so that rare combinations meet often.
 */
#include "session.h"

#include <string.h>

struct source {
	uint64_t state;
	uint32_t shape[3];
	uint32_t shapes;
	uint32_t keys;
	uint32_t awkward; /* of 100 arguments, how many are bad */
	uint32_t weight[STEP_OPS];
	uint32_t weights;
};

static uint32_t below(struct source *g, uint32_t limit)
{
	uint64_t z = g->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) >> 32) % limit;
}

static bool rarely(struct source *g)
{
	return below(g, 100) < g->awkward;
}

static int64_t pick_flags(struct source *g, uint32_t op)
{
	static const int64_t usual[] = {0, 0, 0, 0, 1, 2, 4};
	static const int64_t odd[] = {3, 5, 6, 7, 8, 16, 1ll << 31, 1ll << 32, 1ll << 62};
	static const int64_t access[] = {0, 0, 8, 16, 24, 1, 32};

	switch (op) {
	case STEP_byid:
	case STEP_openid:
	case STEP_get: return access[below(g, rarely(g) ? 7 : 4)];
	case STEP_close: return below(g, 2);
	case STEP_pin: return rarely(g) ? 8 : 0;
	case STEP_bind:
	case STEP_aboutp: return rarely(g) ? 1 << below(g, 6) : 0;
	case STEP_update: return rarely(g) ? odd[below(g, 9)] : usual[below(g, 7)];
	default: return rarely(g) ? odd[below(g, 9)] : usual[below(g, 4)];
	}
}

static int64_t pick_count(struct source *g, uint32_t op)
{
	static const int64_t sizes[] = {104, 104, 104, 0, 4, 40, 80, 88, 112, 168, 4097};

	if (op == STEP_info)
		return sizes[below(g, 11)];
	return below(g, op == STEP_readb ? ROOM_ALL : BATCH_MOST);
}

static int64_t pick_variant(struct source *g, uint32_t op)
{
	switch (op) {
	case STEP_byid: return rarely(g) ? below(g, 4) : 0;
	case STEP_nextid: return below(g, 2) ? below(g, 5) : 0;
	case STEP_info: return below(g, 2) ? below(g, 5) : 0;
	case STEP_pin:
	case STEP_get: return rarely(g) ? below(g, 5) : below(g, 2);
	case STEP_load: return below(g, PROGRAMS);
	case STEP_aboutp: return below(g, 4);
	case STEP_tail: return below(g, ATTRIBUTES);
	case STEP_btf: return below(g, 3);
	case STEP_poke: return below(g, 2) ? below(g, MAPPINGS) : below(g, 2);
	default: return below(g, 2);
	}
}

/* What a program is given as flags or as a CPU. */
static int64_t pick_program_flags(struct source *g)
{
	static const int64_t odd[] = {3, 4, 5, 6, 7, 8, 128, 255};

	return rarely(g) ? odd[below(g, 8)] : below(g, 3);
}

static int64_t pick_slot(struct source *g)
{
	return rarely(g) ? below(g, SLOTS_ALL) : below(g, 3);
}

static int64_t pick(struct source *g, uint32_t op, char letter)
{
	static const int64_t sizes[] = {8, 16, 24, 32, 56, 120, 144, 168, 200, 4097};

	switch (letter) {
	case 'h': return op == STEP_create || op == STEP_close ? below(g, 3) : pick_slot(g);
	case 't': return rarely(g) ? below(g, SLOTS) : below(g, 3);
	case 's': return g->shape[below(g, g->shapes)];
	case 'x': return rarely(g) ? 1 + below(g, MUTATIONS - 1) : 0;
	case 'a': return rarely(g) ? 8ll * below(g, 4) : 0;
	case 'k': return below(g, op == STEP_btf ? 256 : g->keys);
	case 'v': return below(g, 200);
	case 'f': return pick_flags(g, op);
	case 'e': return rarely(g) ? 1 << below(g, 6) : 0;
	case 'n': return pick_count(g, op);
	case 'p': return rarely(g) ? below(g, 4) : op == STEP_next ? below(g, 2) : 0;
	case 'q':
	case 'o': return rarely(g) ? below(g, op == STEP_tail ? 144 : 4) : 0;
	case 'b': return rarely(g) ? below(g, 4) : below(g, 2);
	case 'c': return pick_variant(g, op);
	case 'm': return pick_program_flags(g);
	case 'i': return rarely(g) ? below(g, 5) : below(g, PINS);
	case 'g': return below(g, PROGS);
	case 'z': return sizes[below(g, 10)];
	default: return 0;
	}
}

static void step_make(struct source *g, uint32_t op, struct script *ret)
{
	struct step *s = &ret->step[ret->count++];
	const char *letters = step_kinds[op].letters;

	memset(s, 0, sizeof(*s));
	s->op = op;
	for (size_t i = 0; letters[i]; i++)
		s->arg[i] = pick(g, op, letters[i]);
}

/* Which steps this script may use. Programs are slow to load: in one of three. */
static void swarm(struct source *g)
{
	bool programs = below(g, 3) == 0;

	g->shapes = 1 + below(g, 3);
	for (uint32_t i = 0; i < g->shapes; i++)
		g->shape[i] = below(g, shape_count());
	g->keys = 2 + below(g, KEYS_MOST - 2 - BATCH_MOST);
	g->awkward = (uint32_t[]){0, 3, 10, 25}[below(g, 4)];
	for (uint32_t op = 0; op < STEP_OPS; op++) {
		bool program = op >= STEP_load && op <= STEP_aboutp;
		bool always = op == STEP_update || op == STEP_lookup;

		g->weight[op] = always || below(g, 2) ? step_kinds[op].weight : 0;
		if (program)
			g->weight[op] = programs ? step_kinds[op].weight : 0;
		g->weights += g->weight[op];
	}
}

static uint32_t op_pick(struct source *g)
{
	uint32_t at = below(g, g->weights), op = 0;

	while (at >= g->weight[op])
		at -= g->weight[op++];
	return op;
}

void script_generate(uint64_t seed, struct script *ret)
{
	struct source g = {.state = seed};
	uint32_t length;

	swarm(&g);
	/* Maps are dear, and long scripts go deeper; a short one is the better regression. */
	length = below(&g, 3) ? 10 + below(&g, 90) : 100 + below(&g, SCRIPT_STEPS - 110);
	ret->count = 0;
	for (uint32_t i = 0; i < 2; i++) {
		step_make(&g, STEP_create, ret);
		step_set(&ret->step[i], 'h', i);
	}
	if (g.weight[STEP_load])
		step_make(&g, STEP_load, ret);
	while (ret->count < length)
		step_make(&g, op_pick(&g), ret);
	for (int64_t i = 0; i < 3; i++) {
		step_make(&g, STEP_dump, ret);
		step_set(&ret->step[ret->count - 1], 'h', i);
		step_make(&g, STEP_info, ret);
		step_set(&ret->step[ret->count - 1], 'h', i);
	}
}
