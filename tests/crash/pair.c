/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pair.c: two writers on one small map, often on one item, are single-stepped in turns by a schedule from
 * the seed, until one of them dies, or both, or the second while it mends what the first has left. What
 * must hold:
 *   - each item is as before, or as somebody's deed made it that was begun; a deed that was done and not
 *     followed by another on its item has happened, one that failed has not
 *   - the other writer ends, none of its calls after the death takes longer than 10 ms
 *   - a third process works on: as after any death (judge.c)
 * A writer that is stopped and lives is waited for: in some rounds one is, to the end of its companion,
 * whose calls may fail with ETIMEDOUT, then goes on, and again all must hold.
 *
 * pair --only SUBJECT              maps with SUBJECT in their words
 * pair --canary SUBJECT SENTENCE   the same of a wrong build: it must be found
 */
#include "judge.h"
#include "runner.h"

#include "sync/lock.h"

#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUBJECT_MS    700 /* of processor time */
#define ROUNDS_MIN    8u
#define STOPPED_EVERY 8u
#define WRITERS	      2u
#define DEEDS	      2u
#define AGAIN	      6u
#define STEPS_FIRST   2000u
#define STEPS_LAST    200000u
#define ENDS_NS	      (5 * NSEC_PER_SEC)
#define STOPPED_NS    (DEEDS * 3 * LOCK_TIMEOUT_NS)

enum act {
	ACT_WRITE,
	ACT_INSERT,
	ACT_REPLACE,
	ACT_LOCKED,
	ACT_REMOVE,
	ACT_TAKE,
	ACT_PROGRAM, /* its own CPU's value */
	ACTS,
};

static const char *const act_names[] = {"write",  "insert", "replace", "locked write",
					"remove", "take",   "program"};

enum state {
	STATE_NONE,
	STATE_BEGUN,
	STATE_DONE,
	STATE_REFUSED,
};

/* In shared memory, as the next two. */
struct deed {
	uint32_t act;
	uint32_t item;
	uint64_t version; /* that it writes; 0: none is left */
	uint32_t state;
	int32_t err;
};

struct writer {
	struct deed deeds[DEEDS];
	uint64_t slowest_ns; /* of its calls since the first death */
	uint32_t cold;
};

struct stage {
	struct writer writers[WRITERS];
	struct stopwatch death; /* of the one that goes on */
	uint32_t stopped;	/* one waits for the other in vain */
};

enum fate {
	FATE_ONE,   /* one dies, the other goes on */
	FATE_BOTH,  /* at the same moment */
	FATE_CHAIN, /* one, then the other after some steps more */
	FATE_NONE,
	FATES,
	FATE_STOPPED = FATES,
};

struct round {
	const struct subject *subject;
	struct stage *stage;
	char path[256];
	uint64_t seed;
	enum fate fate;
	pid_t pids[WRITERS];
	uint32_t made[WRITERS]; /* steps */
	uint32_t steps;		/* until the first death */
	uint32_t pace[WRITERS]; /* steps in a turn, at most */
	uint64_t slowest_ns;
};

/* Whose deeds which process does. */
struct part {
	const struct round *round;
	uint32_t writer;
};

struct figure {
	uint64_t rounds;
	uint64_t deaths;
	uint64_t steps;
	uint64_t slowest_ns;
};

/* Waiting for somebody who is stopped takes seconds, so it is seldom done. A wrong build does not wait. */
static uint64_t stopped_every = STOPPED_EVERY;

#define word_get(field)	       __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define word_put(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

/* ---- a writer --------------------------------------------------------------------------------- */

static size_t value_stride(const struct world *world)
{
	return (world->subject->value_size + 7) / 8 * 8;
}

static int program_write(struct world *world, uint32_t item, uint64_t version)
{
	uint8_t value[WORLD_VALUE_MAX], key[VALUE_KEY_BYTES];
	int cpu = bpfmap_cpu_enter(world->map), err;

	if (cpu < 0)
		return cpu;
	world_key(world, item, key);
	world_value(world, item, version, value);
	err = world->map->ops->update(world->map, key, value + cpu * value_stride(world), BPF_ANY);
	bpfmap_cpu_leave(world->map);
	return err;
}

static int take(struct world *world, uint32_t item)
{
	uint8_t value[WORLD_VALUE_MAX], key[VALUE_KEY_BYTES];

	world_key(world, item, key);
	return bpfmap_take(world->map, key, value);
}

static int deed_do(struct world *world, const struct deed *deed)
{
	switch (deed->act) {
	case ACT_INSERT: return world_write(world, deed->item, deed->version, BPF_NOEXIST);
	case ACT_REPLACE: return world_write(world, deed->item, deed->version, BPF_EXIST);
	case ACT_LOCKED: return world_write(world, deed->item, deed->version, BPF_F_LOCK);
	case ACT_REMOVE: return world_remove(world, deed->item);
	case ACT_TAKE: return take(world, deed->item);
	case ACT_PROGRAM: return program_write(world, deed->item, deed->version);
	default: return world_write(world, deed->item, deed->version, BPF_ANY);
	}
}

/* What may refuse it. */
static bool refusal_is_fair(const struct world *world, const struct deed *deed, uint32_t stopped)
{
	switch (deed->err) {
	case -EEXIST: return deed->act == ACT_INSERT;
	case -ENOENT:
		return deed->act == ACT_REPLACE || deed->act == ACT_REMOVE || deed->act == ACT_TAKE;
	case -ETIMEDOUT:
	case -ENOMEM: return stopped;
	default: return false;
	}
}

static void writer_run(struct world *world, struct stage *stage, struct writer *self)
{
	for (uint32_t i = 0; i < DEEDS; i++) {
		struct deed *deed = &self->deeds[i];
		bool after = word_get(stage->death.begin_ns) != 0;
		struct stopwatch watch;
		uint64_t ns;

		/* Reading the time is a long way, step by step: only who goes on alone does it. */
		if (after)
			stopwatch_start(&watch);
		word_put(deed->state, (uint32_t)STATE_BEGUN);
		deed->err = deed_do(world, deed);
		word_put(deed->state, (uint32_t)(deed->err ? STATE_REFUSED : STATE_DONE));
		if (deed->err && !refusal_is_fair(world, deed, stage->stopped))
			verdict_fail("%s of item %u: %d, %s", act_names[deed->act], deed->item,
				     deed->err, bpfmap_last_error());
		if (!word_get(stage->death.begin_ns))
			continue;
		ns = stopwatch_ns(after ? &watch : &stage->death);
		if (ns > self->slowest_ns)
			self->slowest_ns = ns;
	}
}

static void writer_work(void *arg)
{
	const struct part *part = arg;
	const struct round *round = part->round;
	struct writer *self = &round->stage->writers[part->writer];
	struct world world;

	if (world_open(&world, round->subject, round->path, 0) != 0)
		_exit(2);
	if (!self->cold && world_write(&world, world_warm(&world), 1, BPF_ANY) != 0)
		_exit(2);
	runner_await();
	writer_run(&world, round->stage, self);
	_exit(0);
}

/* ---- what may be there ------------------------------------------------------------------------ */

/* Is the deed's mark on its item possible at the end: begun, and not undone by its own writer? */
static bool deed_may_show(const struct writer *writer, uint32_t i)
{
	const struct deed *deed = &writer->deeds[i];

	if (deed->state != STATE_BEGUN && deed->state != STATE_DONE)
		return false;
	for (uint32_t later = i + 1; later < DEEDS; later++)
		if (writer->deeds[later].item == deed->item &&
		    writer->deeds[later].act != ACT_PROGRAM &&
		    writer->deeds[later].state == STATE_DONE)
			return false;
	return true;
}

struct candidates {
	uint32_t count;
	uint64_t versions[1 + WRITERS * DEEDS];
	bool by_word;
};

static void candidates_of(const struct stage *stage, uint32_t item, uint64_t version_before,
			  struct candidates *ret)
{
	bool changed = false;

	memset(ret, 0, sizeof(*ret));
	for (uint32_t w = 0; w < WRITERS; w++) {
		for (uint32_t i = 0; i < DEEDS; i++) {
			const struct deed *deed = &stage->writers[w].deeds[i];

			if (deed->item != item)
				continue;
			if (deed->act == ACT_PROGRAM && deed->state != STATE_NONE)
				ret->by_word = true;
			changed |= deed->state == STATE_DONE;
			if (deed_may_show(&stage->writers[w], i))
				ret->versions[ret->count++] = deed->version;
		}
	}
	if (!changed || ret->by_word)
		ret->versions[ret->count++] = version_before;
}

static bool cell_is_candidate(const struct world *world, uint32_t item, const uint8_t *cell,
			      const struct candidates *c)
{
	static uint8_t cells[1 + WRITERS * DEEDS][WORLD_VALUE_MAX];
	size_t bytes = world_cell_bytes(world);
	bool whole = false;

	for (uint32_t i = 0; i < c->count; i++) {
		world_cell_of(world, item, c->versions[i], cells[i]);
		whole |= !memcmp(cell, cells[i], bytes);
	}
	for (size_t off = 0; c->by_word && !whole; off += 8) {
		/* A new element's other CPUs begin at zero. */
		bool known = off >= 8 && !*(const uint64_t *)(cell + off);

		if (off >= bytes)
			return true;
		for (uint32_t i = 0; i < c->count; i++)
			known |= !memcmp(cell + off, cells[i] + off, 8);
		if (!known)
			break;
	}
	return whole;
}

/* An LRU map gives up an element for each insertion that was begun. */
static uint32_t evictions_possible(const struct world *world, const struct stage *stage)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < WRITERS && world_evicts(world); w++)
		for (uint32_t i = 0; i < DEEDS; i++)
			n += stage->writers[w].deeds[i].state != STATE_NONE;
	return n;
}

static void round_look(struct world *world, const void *arg)
{
	const struct round *round = arg;
	uint32_t missing = 0, possible = evictions_possible(world, round->stage);
	uint8_t cell[WORLD_VALUE_MAX];

	for (uint32_t i = 0; i < world->items && !verdict_failed(); i++) {
		struct candidates c;

		candidates_of(round->stage, i, i < world_present(world), &c);
		world_cell(world, i, cell);
		if (cell_is_candidate(world, i, cell, &c))
			continue;
		missing += !*cell;
		if (*cell || !possible)
			verdict_fail("item %u is %s, which nobody made it", i,
				     *cell ? "something" : "absent");
	}
	if (missing > possible)
		verdict_fail("%u elements are gone, %u insertions were begun", missing, possible);
}

/* ---- a round ---------------------------------------------------------------------------------- */

static bool act_fits(const struct world *world, enum act act)
{
	enum family family = world_family(world);

	switch (act) {
	case ACT_WRITE: return true;
	case ACT_LOCKED: return (world->subject->flags & SUBJECT_SPIN_LOCK) != 0;
	case ACT_REPLACE: return family != FAMILY_FILTER;
	case ACT_TAKE: return family == FAMILY_KEYED && !world_variable(world);
	case ACT_PROGRAM: return world->map->vcpus != NULL;
	default: return family == FAMILY_KEYED;
	}
}

static void deeds_choose(const struct world *world, struct stage *stage, struct rng *rng)
{
	uint32_t favourite = (uint32_t)rng_below(rng, world->items);
	uint64_t version = 2;

	for (uint32_t w = 0; w < WRITERS; w++) {
		stage->writers[w].cold = rng_below(rng, 4) == 0;
		for (uint32_t i = 0; i < DEEDS; i++) {
			struct deed *deed = &stage->writers[w].deeds[i];

			do
				deed->act = (uint32_t)rng_below(rng, ACTS);
			while (!act_fits(world, (enum act)deed->act));
			deed->item = rng_below(rng, 2) ? favourite
						       : (uint32_t)rng_below(rng, world->items);
			deed->version = version++;
			if (deed->act == ACT_REMOVE || deed->act == ACT_TAKE)
				deed->version = 0;
		}
	}
}

static int round_begin(struct round *round, struct rng *rng)
{
	struct world world;

	memset(round->stage, 0, sizeof(*round->stage));
	unlink(round->path);
	if (world_create(&world, round->subject, round->path) != 0)
		return -1;
	deeds_choose(&world, round->stage, rng);
	round->stage->stopped = round->fate == FATE_STOPPED;
	world_close(&world);
	for (uint32_t w = 0; w < WRITERS; w++) {
		struct part part = {round, w};

		round->made[w] = 0;
		round->pids[w] = runner_start(writer_work, &part);
		if (round->pids[w] < 0)
			return -1;
	}
	return 0;
}

/* In turns, until so many steps were made. True if both are still there. */
static bool round_step(struct round *round, struct rng *rng, uint32_t steps)
{
	while (steps) {
		uint32_t w = (uint32_t)rng_below(rng, WRITERS);
		uint32_t turn = 1 + (uint32_t)rng_below(rng, round->pace[w]);
		uint32_t made;

		turn = turn < steps ? turn : steps;
		made = runner_step(round->pids[w], turn);
		round->made[w] += made;
		if (made < turn)
			return false;
		steps -= made;
	}
	return true;
}

/* Who is to die, dies; who is to live, ends. */
static void round_fate(struct round *round, struct rng *rng)
{
	uint32_t w = (uint32_t)rng_below(rng, WRITERS);

	if (round->fate == FATE_STOPPED || round->fate == FATE_NONE) {
		runner_release(round->pids[w]);
		if (round->fate == FATE_STOPPED)
			runner_finish(round->pids[w], STOPPED_NS);
		runner_release(round->pids[!w]);
		for (uint32_t i = 0; i < WRITERS; i++)
			if (i != w || round->fate == FATE_NONE)
				runner_finish(round->pids[i], ENDS_NS);
		return;
	}
	runner_kill(round->pids[w]);
	if (round->fate == FATE_CHAIN)
		runner_step(round->pids[!w], (uint32_t)rng_below(rng, round->steps + 1));
	if (round->fate == FATE_ONE) {
		stopwatch_start_for(&round->stage->death, round->pids[!w]);
		runner_release(round->pids[!w]);
		runner_finish(round->pids[!w], ENDS_NS);
	} else {
		runner_kill(round->pids[!w]);
	}
}

static void round_judge(struct round *round, struct rng *rng)
{
	const struct survivor survivor = {
		.subject = round->subject,
		.path = round->path,
		.look = round_look,
		.arg = round,
		.approach = (enum approach)rng_below(rng, APPROACHES),
		.first = (uint32_t)rng_below(rng, ITEMS_MAX),
		.fills = rng_below(rng, 16) == 0,
		.precise = true,
	};

	round->slowest_ns = survivor_work(&survivor);
	for (uint32_t w = 0; w < WRITERS && round->fate != FATE_STOPPED; w++)
		if (round->stage->writers[w].slowest_ns > round->slowest_ns)
			round->slowest_ns = round->stage->writers[w].slowest_ns;
}

static void round_explain(const struct round *round)
{
	static const char *const fates[] = {"one dies", "both die", "one dies, then the other",
					    "none dies", "one is stopped"};

	tap_note("%s: %s after %u and %u steps", subject_words(round->subject), fates[round->fate],
		 round->made[0], round->made[1]);
	for (uint32_t w = 0; w < WRITERS; w++)
		for (uint32_t i = 0; i < DEEDS; i++) {
			const struct deed *deed = &round->stage->writers[w].deeds[i];

			tap_note("  writer %u: %s of item %u, version %u: state %u, %d", w,
				 act_names[deed->act], deed->item, (uint32_t)deed->version,
				 deed->state, deed->err);
		}
}

/* Everything in it comes from its seed. */
static void round_play(struct round *round)
{
	struct rng rng = {.state = round->seed};

	for (uint32_t w = 0; w < WRITERS; w++)
		round->pace[w] = 1u << rng_below(&rng, 11);
	if (round_begin(round, &rng) != 0)
		return;
	if (round_step(round, &rng, round->steps))
		round_fate(round, &rng);
	else
		for (uint32_t w = 0; w < WRITERS; w++)
			runner_kill(round->pids[w]);
	if (!verdict_failed())
		round_judge(round, &rng);
	for (uint32_t w = 0; w < WRITERS; w++)
		runner_bury(round->pids[w]);
	if (verdict_failed())
		round_explain(round);
}

/* ---- all of it -------------------------------------------------------------------------------- */

/* Steps that both need for all their deeds, roughly. */
static uint32_t steps_needed(struct round *round)
{
	struct rng rng = {.state = round->seed};

	round->pace[0] = round->pace[1] = 1;
	round->fate = FATE_NONE;
	if (round_begin(round, &rng) != 0)
		return STEPS_FIRST;
	round_step(round, &rng, STEPS_LAST);
	for (uint32_t w = 0; w < WRITERS; w++) {
		runner_kill(round->pids[w]);
		runner_bury(round->pids[w]);
	}
	return round->made[0] + round->made[1];
}

static void figure_note(struct figure *figure, const struct round *round)
{
	static const uint32_t deaths[] = {1, 2, 2, 0, 0};

	figure->rounds++;
	figure->deaths += deaths[round->fate];
	figure->steps += round->made[0] + round->made[1];
	if (round->slowest_ns > figure->slowest_ns)
		figure->slowest_ns = round->slowest_ns;
	if (round->slowest_ns > CONTINUATION_NS)
		verdict_fail("a survivor's call took %llu us, %u times in a row",
			     (unsigned long long)(round->slowest_ns / 1000), AGAIN);
}

static void subject_pair(const struct subject *subject, struct figure *figure)
{
	struct round round = {.subject = subject, .stage = shared_alloc(sizeof(*round.stage))};
	struct rng rng = rng_for((uint64_t)(subject - subjects));
	uint64_t end_ns = runner_used_ns() + budget_ns(SUBJECT_MS);
	uint32_t needed;

	snprintf(round.path, sizeof(round.path), "%s", harness_path("pair"));
	round.seed = rng_next(&rng);
	needed = steps_needed(&round);
	for (uint64_t n = 1; (n <= ROUNDS_MIN || runner_used_ns() < end_ns) && !verdict_failed();
	     n++) {
		round.seed = rng_next(&rng);
		round.steps = (uint32_t)rng_below(&rng, needed * 3 / 2);
		round.fate = (enum fate)rng_below(&rng, FATES);
		if (n % stopped_every == 0) {
			round.fate = FATE_STOPPED;
			round.steps /= 3;
		}
		for (uint32_t again = 0; again < AGAIN && !verdict_failed(); again++) {
			round_play(&round);
			if (round.slowest_ns <= CONTINUATION_NS)
				break;
		}
		if (!verdict_failed())
			figure_note(figure, &round);
	}
}

static void figure_report(const char *who, const struct figure *f)
{
	tap_note("%-44s %8llu %8llu %12llu %11llu", who, (unsigned long long)f->rounds,
		 (unsigned long long)f->deaths, (unsigned long long)f->steps,
		 (unsigned long long)(f->slowest_ns / 1000));
}

static void subjects_pair(const char *words)
{
	struct figure all = {0};

	tap_note("%-44s %8s %8s %12s %11s", "map", "rounds", "deaths", "instructions",
		 "slowest/us");
	for (uint32_t i = 0; i < subject_count && !verdict_failed(); i++) {
		struct figure figure = {0};

		if (!strstr(subject_words(&subjects[i]), words))
			continue;
		subject_pair(&subjects[i], &figure);
		figure_report(subject_words(&subjects[i]), &figure);
		all.rounds += figure.rounds;
		all.deaths += figure.deaths;
		all.steps += figure.steps;
		if (figure.slowest_ns > all.slowest_ns)
			all.slowest_ns = figure.slowest_ns;
	}
	figure_report("all", &all);
	tap_figure("rounds of two writers of whom one dies", all.rounds, "rounds");
}

int main(int argc, char **argv)
{
	tracing_prepare(argv);
	harness_start("pair");
	if (!tracing_begin()) {
		tap_skip("two writers, step by step", "ptrace is not permitted here");
		return tap_finish();
	}
	if (argc == 4)
		stopped_every = 2;
	subjects_pair(argc > 2 ? argv[2] : "");
	if (argc == 4)
		tap_canary(argv[3]);
	else
		tap_verdict("two writers, step by step: deaths are survived");
	return tap_finish();
}
