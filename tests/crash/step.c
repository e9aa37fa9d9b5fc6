/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* step.c: death at each instruction, of each operation (operation.c) on each map (subjects.def). A writer
 * is single-stepped through one operation. After each death, with nobody else at work:
 *   - a reader finds each item as before or as after the operation, and every other one untouched
 *   - another process works on, mending what it meets, or lets bpfmap_check() mend all (judge.c); what it
 *     writes stays, capacity is whole, check passes, and no call takes longer than 10 ms
 * Three ways:
 *   film    the region's bytes after every instruction, all of them judged (film.h); by a writer that has
 *           written before (warm) and by one whose first call it is (cold)
 *   deaths  the writer really dies after N instructions: N at random, as many as the time allows, all
 *           with BPFMAP_LONG=1. Shows what the film cannot: what the kernel does at a death.
 *   relay   in a random frame of the film the next process, which has to mend what the first has left, is
 *           filmed in turn, and every frame of that judged
 *
 * step --only SUBJECT [OPERATION]            on maps with SUBJECT in their words
 * step --canary SUBJECT OPERATION SENTENCE   the same of a wrong build: it must be found
 */
#include "film.h"
#include "judge.h"
#include "runner.h"

#include "bpfmap/bpfmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEATHS_MS   20 /* of processor time */
#define RELAY_MS    20
#define STEPS_MAX   2000000u
#define SUSPECT_NS  NSEC_PER_MSEC /* slower than it should be: is looked at precisely */
#define AGAIN	    10u /* slow each time is slow; on a busy machine any call is slow now and then */
#define FILL_EVERY  16u
#define OPS_MAX	    48u
#define VERSION_3   3u
#define STREAM_SIZE 1000u

enum warmth {
	WARM, /* it has written before */
	COLD, /* its joining of the writers, and the mending that it meets, are stepped too */
};

enum part {
	PART_OPERATION,
	PART_WRITE, /* an heir's: the target, whatever is there */
	PART_CHECK,
};

/* What a runner is to do. */
struct job {
	const struct subject *subject;
	const struct operation *operation;
	char path[256];
	uint32_t target;
	enum warmth warmth;
	enum part part;
};

/* A film and the moments before and after it, of a map at path. */
struct story {
	struct job job;
	struct film film;
	struct moments moments;
	uint8_t *before;
	uint8_t *after;
	uint32_t involved; /* first item that it changes */
};

struct figure {
	uint64_t instructions;
	uint64_t states;
	uint64_t deaths; /* that somebody survived: in films, and real ones */
	uint64_t kills;	 /* the real ones */
	uint64_t slowest_ns;
};

static struct figure figures[OPS_MAX][64]; /* by operation and type */
static struct figure *figure;		   /* of what runs now */

static bool was_explored(uint32_t type, size_t op)
{
	for (uint32_t i = 0; i < operation_count; i++)
		if (figures[i][type].states && (op == OP_NONE || operations[i].op == op))
			return true;
	return false;
}

/* ---- the runner ------------------------------------------------------------------------------- */

static int job_do(const struct job *job, struct world *world)
{
	if (job->part == PART_CHECK)
		return bpfmap_check(world->map);
	if (job->part == PART_WRITE)
		return world_write(world, job->target, VERSION_3, BPF_ANY);
	return job->operation->act(world);
}

static void job_run(void *arg)
{
	const struct job *job = arg;
	struct world world;
	int err;

	if (world_open(&world, job->subject, job->path, 0) != 0)
		_exit(2);
	world.target = job->target;
	/* Writes what is there already. */
	if (job->warmth == WARM && world_write(&world, world_warm(&world), 1, BPF_ANY) != 0)
		_exit(2);
	if (job->part == PART_OPERATION && job->operation->ready)
		job->operation->ready(&world);
	runner_await();
	err = job_do(job, &world);
	if (err)
		verdict_fail("%s: %d, %s", job->operation->name, err, bpfmap_last_error());
	_exit(err != 0);
}

/* ---- judging ---------------------------------------------------------------------------------- */

static void figure_note(uint64_t slowest_ns)
{
	figure->deaths++;
	if (slowest_ns > figure->slowest_ns)
		figure->slowest_ns = slowest_ns;
	if (slowest_ns > CONTINUATION_NS)
		verdict_fail("a survivor's call took %llu us, %u times in a row",
			     (unsigned long long)(slowest_ns / 1000), AGAIN);
}

static void frame_judge(const struct story *story, const struct film *film, uint32_t i,
			enum approach approach, uint32_t first)
{
	struct survivor survivor = {
		.subject = story->job.subject,
		.path = harness_path("frame"),
		.look = moments_judge,
		.arg = &story->moments,
		.approach = approach,
		.first = first,
		.fills = i % FILL_EVERY == 0,
	};
	uint64_t slowest_ns = 0;

	for (uint32_t n = 0; n < AGAIN; n++) {
		if (frame_write(film, &film->frames[i], survivor.path) != 0)
			return;
		slowest_ns = survivor_work(&survivor);
		if (slowest_ns <= (survivor.precise ? CONTINUATION_NS : SUSPECT_NS) ||
		    verdict_failed())
			break;
		survivor.precise = true;
	}
	figure_note(slowest_ns);
	if (verdict_failed())
		tap_note("it was frame %u, step %u of %u; the survivor %s item %u", i,
			 film->frames[i].step, film->steps,
			 approach == CHECK_FIRST ? "checked first, then wrote" : "began with",
			 first);
}

static void film_judge(const struct story *story, const struct film *film)
{
	figure->states += film->count;
	figure->instructions += film->steps;
	for (uint32_t i = 0; i < film->count && !verdict_failed(); i++) {
		frame_judge(story, film, i, WORK_FIRST, story->involved);
		if (!verdict_failed() && i % 2 == 0)
			frame_judge(story, film, i, CHECK_FIRST, story->involved);
		if (!verdict_failed() && i % 4 == 1)
			frame_judge(story, film, i, WORK_FIRST, i);
	}
}

/* ---- a story: one operation on one map --------------------------------------------------------- */

static int story_map(const struct job *job)
{
	struct world world;

	unlink(job->path);
	if (world_create(&world, job->subject, job->path) != 0)
		return -1;
	if (job->operation->prepare)
		job->operation->prepare(&world);
	world_close(&world);
	return verdict_failed() ? -1 : 0;
}

static uint8_t *frame_cells(const struct story *story, const struct film *film, uint32_t i)
{
	const char *path = harness_path("cells");
	uint8_t *cells = NULL;
	struct world world;

	if (frame_write(film, &film->frames[i], path) == 0 &&
	    world_open(&world, story->job.subject, path, BPFMAP_OPEN_RDONLY) == 0) {
		cells = world_cells(&world);
		world_close(&world);
	}
	return cells;
}

/* Does the operation change what it should? */
static void story_compare(struct story *story, const struct world *world)
{
	size_t bytes = world_cell_bytes(world);
	uint32_t changed = 0, expected = story->job.operation->changes;

	if (expected == ALL_PRESENT)
		expected = world_present(world);
	story->involved = story->job.target;
	for (uint32_t i = world->items + 1; i-- > 0;) {
		if (!memcmp(story->before + i * bytes, story->after + i * bytes, bytes))
			continue;
		changed++;
		story->involved = i % world->items;
	}
	if (changed != expected)
		verdict_fail("%s changes %u items instead of %u", story->job.operation->name,
			     changed, expected);
}

static void story_end(struct story *story)
{
	film_free(&story->film);
	free(story->before);
	free(story->after);
	unlink(story->job.path);
}

static int story_begin(struct story *story, const struct job *job)
{
	struct world world;
	pid_t pid;

	memset(story, 0, sizeof(*story));
	story->job = *job;
	if (story_map(job) != 0)
		return -1;
	pid = runner_start(job_run, &story->job);
	if (pid < 0 || film_record(&story->film, pid, job->path) != 0)
		return -1;
	story->before = frame_cells(story, &story->film, 0);
	story->after = frame_cells(story, &story->film, story->film.count - 1);
	if (!verdict_failed() && world_open(&world, job->subject, job->path, 0) == 0) {
		story_compare(story, &world);
		world_close(&world);
	}
	story->moments =
		(struct moments){2, {story->before, story->after}, job->operation->tearing};
	if (!verdict_failed())
		return 0;
	story_end(story);
	return -1;
}

/* ---- three ways -------------------------------------------------------------------------------- */

static uint32_t death_at(const struct story *story, uint32_t steps, uint64_t *ret_slowest_ns)
{
	const struct survivor survivor = {
		.subject = story->job.subject,
		.path = story->job.path,
		.look = moments_judge,
		.arg = &story->moments,
		.approach = (enum approach)(steps % APPROACHES),
		.first = story->involved,
		.precise = true,
	};
	struct job job = story->job;
	uint32_t made = 0;
	pid_t pid;

	if (story_map(&job) != 0 || (pid = runner_start(job_run, &job)) < 0)
		return 0;
	made = runner_step(pid, steps);
	runner_kill(pid);
	*ret_slowest_ns = survivor_work(&survivor);
	runner_bury(pid);
	if (verdict_failed())
		tap_note("it was the death after %u instructions", made);
	return made;
}

/* Items of a map with a random seed lie elsewhere each time: then an LRU map may choose another victim. */
static bool story_repeats(const struct story *story)
{
	return story->job.subject->flags & SUBJECT_CROWDED || story->job.operation->changes < 2;
}

/* In random order, as far as the time goes. */
static void story_deaths(const struct story *story)
{
	uint32_t length = story->film.steps, done;
	uint32_t *order = calloc(length + 1, sizeof(*order));
	uint64_t end_ns = runner_used_ns() + budget_ns(DEATHS_MS), slowest_ns = 0;
	struct rng rng = rng_for(length);

	for (uint32_t i = 0; i < length; i++) {
		uint32_t j = (uint32_t)rng_below(&rng, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (done = 0; done < length && !verdict_failed(); done++) {
		if (!getenv("BPFMAP_LONG") && runner_used_ns() > end_ns)
			break;
		for (uint32_t n = 0; n < AGAIN; n++) {
			death_at(story, order[done], &slowest_ns);
			if (slowest_ns <= CONTINUATION_NS || verdict_failed())
				break;
		}
		figure_note(slowest_ns);
		figure->kills++;
	}
	free(order);
}

/* Somebody else inherits a random frame and is filmed; every frame of that is judged. */
static void relay_leg(const struct story *story, struct rng *rng)
{
	uint32_t i = (uint32_t)rng_below(rng, story->film.count);
	struct story heir = {.job = story->job, .moments = story->moments};
	pid_t pid;

	snprintf(heir.job.path, sizeof(heir.job.path), "%s", harness_path("heir"));
	heir.job.warmth = COLD;
	heir.job.part = PART_WRITE;
	if (story->job.subject->max_entries <= ITEMS_MAX && rng_below(rng, 2))
		heir.job.part = PART_CHECK;
	heir.job.target = rng_below(rng, 2) ? story->involved : (uint32_t)rng_below(rng, 3);
	heir.involved = rng_below(rng, 2) ? heir.job.target : story->involved;
	if (frame_write(&story->film, &story->film.frames[i], heir.job.path) != 0)
		return;
	pid = runner_start(job_run, &heir.job);
	if (pid < 0 || film_record(&heir.film, pid, heir.job.path) != 0)
		return;
	heir.after = frame_cells(&heir, &heir.film, heir.film.count - 1);
	heir.moments.cells[heir.moments.count++] = heir.after;
	if (!verdict_failed())
		film_judge(&heir, &heir.film);
	if (verdict_failed())
		tap_note("it inherited step %u of %u, and %s %u", story->film.frames[i].step,
			 story->film.steps,
			 heir.job.part == PART_CHECK ? "checked before" : "wrote item",
			 heir.job.target);
	story_end(&heir);
}

static void story_relay(const struct story *story)
{
	uint64_t end_ns = runner_used_ns() + budget_ns(RELAY_MS);
	struct rng rng = rng_for(STREAM_SIZE + story->film.steps);

	if (story->job.operation->act && !strcmp(story->job.operation->name, "freeze"))
		return;
	do
		relay_leg(story, &rng);
	while (runner_used_ns() < end_ns && !verdict_failed());
}

/* ---- all of it --------------------------------------------------------------------------------- */

static bool operation_fits(const struct operation *operation, const struct subject *subject)
{
	const char *path = harness_path("probe");
	struct world world;
	bool fits;

	unlink(path);
	if (world_create(&world, subject, path) != 0)
		return false;
	fits = world_has(&world, operation->op) && operation->applies(&world);
	if (world_tiny(&world))
		fits &= !operation->prepare && operation->changes <= 2;
	world_close(&world);
	unlink(path);
	return fits;
}

/* One time in so many; always in a long run. */
static bool is_chosen(uint32_t of)
{
	static uint64_t n;
	struct rng rng = rng_for(n++);

	return getenv("BPFMAP_LONG") || rng_below(&rng, of) == 0;
}

static void story_explore(const struct job *job)
{
	struct story story;

	if (story_begin(&story, job) == 0) {
		film_judge(&story, &story.film);
		if (!verdict_failed() && story_repeats(&story) && is_chosen(2))
			story_deaths(&story);
		if (!verdict_failed() && is_chosen(3))
			story_relay(&story);
		story_end(&story);
	}
	if (verdict_failed())
		tap_note("%s: %s writer: %s", subject_words(job->subject),
			 job->warmth == WARM ? "warm" : "cold", job->operation->name);
}

enum joins {
	JOINED,
	JOINS,
};

static void operation_explore(const struct operation *operation, const struct subject *subject,
			      enum joins joins)
{
	struct job job = {.subject = subject, .operation = operation};
	struct world world = {.subject = subject};

	snprintf(job.path, sizeof(job.path), "%s", harness_path("stepped"));
	figure = &figures[operation - operations][subject->type];
	for (uint32_t n = 0; n < operation->targets && !verdict_failed(); n++) {
		unlink(job.path);
		if (world_create(&world, subject, job.path) != 0)
			return;
		job.target = operation_target(operation, &world, n);
		world_close(&world);
		job.warmth = WARM;
		story_explore(&job);
	}
	/* Joining is the same for all: it is seen with the first operation of each subject. */
	job.warmth = COLD;
	if (!verdict_failed() && joins == JOINS)
		story_explore(&job);
}

static void subject_explore(const struct subject *subject)
{
	enum joins joins = JOINS;

	for (uint32_t i = 0; i < operation_count && !verdict_failed(); i++) {
		if (!operation_fits(&operations[i], subject))
			continue;
		operation_explore(&operations[i], subject, joins);
		joins = getenv("BPFMAP_LONG") ? JOINS : JOINED;
	}
}

static void figures_report(void)
{
	struct figure all = {0};

	tap_note("%-16s %-24s %12s %8s %8s %11s", "type", "operation", "instructions", "states",
		 "deaths", "slowest/us");
	for (uint32_t type = 0; type < 64; type++) {
		for (uint32_t i = 0; i < operation_count; i++) {
			const struct figure *f = &figures[i][type];

			if (!f->states)
				continue;
			tap_note("%-16s %-24s %12llu %8llu %8llu %11llu", map_type_word(type),
				 operations[i].name, (unsigned long long)f->instructions,
				 (unsigned long long)f->states, (unsigned long long)f->deaths,
				 (unsigned long long)(f->slowest_ns / 1000));
			all.instructions += f->instructions;
			all.states += f->states;
			all.deaths += f->deaths;
			all.kills += f->kills;
			if (f->slowest_ns > all.slowest_ns)
				all.slowest_ns = f->slowest_ns;
		}
	}
	tap_note("%-16s %-24s %12llu %8llu %8llu %11llu", "all", "all",
		 (unsigned long long)all.instructions, (unsigned long long)all.states,
		 (unsigned long long)all.deaths, (unsigned long long)(all.slowest_ns / 1000));
	tap_figure("crash points explored", all.instructions, "instructions");
	tap_figure("states left by deaths judged", all.states, "states");
	tap_figure("deaths survived by another process's work", all.deaths, "deaths");
	tap_figure("writers killed at chosen instructions", all.kills, "deaths");
}

static void some_explore(const char *subject, const char *operation)
{
	for (uint32_t s = 0; s < subject_count && !verdict_failed(); s++) {
		if (!strstr(subject_words(&subjects[s]), subject))
			continue;
		for (uint32_t i = 0; i < operation_count && !verdict_failed(); i++)
			if ((!operation || !strcmp(operations[i].name, operation)) &&
			    operation_fits(&operations[i], &subjects[s]))
				operation_explore(&operations[i], &subjects[s], JOINS);
	}
}

static void all_explore(void)
{
	char sentence[200];

	for (uint32_t i = 0; i < subject_count; i++) {
		subject_explore(&subjects[i]);
		snprintf(sentence, sizeof(sentence), "%s: death at any instruction is survived",
			 subject_words(&subjects[i]));
		tap_verdict(sentence);
	}
	operations_complete(was_explored);
	tap_verdict("every type's every operation is explored");
}

int main(int argc, char **argv)
{
	tracing_prepare(argv);
	harness_start("step");
	if (!tracing_begin()) {
		tap_skip("death at each instruction", "ptrace is not permitted here");
		return tap_finish();
	}
	if (argc >= 3)
		some_explore(argv[2], argc > 3 ? argv[3] : NULL);
	else
		all_explore();
	if (argc == 5)
		tap_canary(argv[4]);
	else if (argc >= 3)
		tap_verdict("death at any instruction is survived");
	figures_report();
	return tap_finish();
}
