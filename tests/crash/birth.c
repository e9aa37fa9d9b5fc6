/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* birth.c: death while a map is made and pinned, at each instruction.
 *
 *   film    Until it is pinned, a map's file has no name, and dies with its maker; but who may look into
 *           /proc/PID/fd can open it. After each instruction it is refused with a sentence, or it is a
 *           whole and empty map that works (judge.c).
 *   deaths  The maker really dies after N instructions of making and pinning, at random: its directory
 *           holds nothing but a whole map under its name or none, and the counter of ids; the next map is
 *           made as ever.
 *
 * birth --canary SUBJECT SENTENCE   of a wrong build: it must be found
 */
#include "film.h"
#include "judge.h"
#include "runner.h"

#include "bpfmap/bpfmap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKER_FD  512 /* where a handle keeps its descriptor */
#define STEPS_MAX 2000000u
#define DEATHS_MS 100 /* of processor time */

struct birth {
	const struct subject *subject;
	char pin[256];
	uint32_t pins; /* 1: the maker pins it, too */
};

struct figure {
	uint64_t instructions;
	uint64_t states;
	uint64_t refused;
	uint64_t deaths;
	uint64_t slowest_ns;
};

static void maker_work(void *arg)
{
	const struct birth *birth = arg;
	struct bpfmap *map;

	runner_await();
	if (subject_create(birth->subject, &map) != 0 ||
	    (birth->pins && bpfmap_pin(map, birth->pin) != 0)) {
		verdict_fail("create: %s", bpfmap_last_error());
		_exit(1);
	}
	_exit(0);
}

/* Nothing is in a new map; an array is all zero. */
static void empty_look(struct world *world, const void *arg)
{
	static const uint8_t zero[WORLD_VALUE_MAX];
	uint8_t cell[WORLD_VALUE_MAX];

	for (uint32_t i = 0; i < world->items; i++) {
		world_cell(world, i, cell);
		if (memcmp(cell + 8, zero, world_cell_bytes(world) - 8) != 0 ||
		    (*cell && world_family(world) != FAMILY_ARRAY))
			verdict_fail("item %u is in a map that was just made", i);
	}
}

static void map_judge(const struct birth *birth, const char *path, struct figure *figure)
{
	const struct survivor survivor = {
		.subject = birth->subject,
		.path = path,
		.look = empty_look,
		.approach = (enum approach)(figure->states % APPROACHES),
		.precise = true,
	};
	uint64_t slowest_ns = survivor_work(&survivor);

	if (slowest_ns > figure->slowest_ns)
		figure->slowest_ns = slowest_ns;
}

/* True if the frame is a map. */
static bool frame_judge(const struct birth *birth, const struct film *film, uint32_t i,
			struct figure *figure)
{
	const char *path = harness_path("frame");
	struct bpfmap *map;
	int err;

	figure->states++;
	if (frame_write(film, &film->frames[i], path) != 0)
		return false;
	err = bpfmap_open(path, 0, &map);
	if (!err) {
		bpfmap_close(map);
		map_judge(birth, path, figure);
		if (verdict_failed())
			tap_note("it was frame %u, step %u of %u", i, film->frames[i].step,
				 film->steps);
		return true;
	}
	figure->refused++;
	if (err != -EUCLEAN || !*bpfmap_last_error())
		verdict_fail("a map half made is refused with %d, '%s'", err, bpfmap_last_error());
	return false;
}

/* Steps until the file has got its size. */
static bool maker_begins(pid_t pid, const char *path)
{
	struct stat st;

	for (uint32_t steps = 0; steps < STEPS_MAX; steps++) {
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
			return true;
		if (runner_step(pid, 1) != 1)
			break;
	}
	verdict_fail("the maker makes no file");
	return false;
}

static void birth_film(struct birth *birth, struct figure *figure)
{
	bool is_map = false;
	struct film film;
	char path[64];
	pid_t pid;

	pid = runner_start(maker_work, birth);
	if (pid < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, MAKER_FD);
	if (!maker_begins(pid, path) || film_record(&film, pid, path) != 0)
		return;
	figure->instructions += film.steps;
	for (uint32_t i = 0; i < film.count && !verdict_failed(); i++) {
		bool was_map = is_map;

		is_map = frame_judge(birth, &film, i, figure);
		if (was_map && !is_map)
			verdict_fail("a map ceased to be one");
	}
	if (!is_map)
		verdict_fail("in the end it is no map");
	film_free(&film);
}

/* Only the pin and what begins with a dot may be in the directory. */
static void directory_judge(const struct birth *birth)
{
	DIR *dir = opendir(getenv("BPFMAP_DIR"));
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' &&
		    strcmp(entry->d_name, strrchr(birth->pin, '/') + 1) != 0)
			verdict_fail("the dead maker left %s", entry->d_name);
	if (dir)
		closedir(dir);
}

/* After so many instructions, and then so many microseconds at its own pace. */
static void death_at(struct birth *birth, uint32_t steps, uint32_t us, struct figure *figure)
{
	pid_t pid = runner_start(maker_work, birth);
	struct bpfmap *map;

	if (pid < 0)
		return;
	runner_step(pid, steps);
	if (us) {
		runner_release(pid);
		usleep(us);
	}
	runner_kill(pid);
	directory_judge(birth);
	if (access(birth->pin, F_OK) == 0)
		map_judge(birth, birth->pin, figure);
	unlink(birth->pin);
	if (subject_create(birth->subject, &map) != 0)
		verdict_fail("the next map cannot be made: %s", bpfmap_last_error());
	else
		bpfmap_close(map);
	runner_bury(pid);
	figure->deaths++;
	if (verdict_failed())
		tap_note("it was the death after %u instructions, %u us", steps, us);
}

static void birth_deaths(struct birth *birth, struct figure *figure)
{
	uint64_t end_ns = runner_used_ns() + budget_ns(DEATHS_MS);
	struct rng rng = rng_for(figure->instructions);

	birth->pins = 1;
	while (runner_used_ns() < end_ns && !verdict_failed()) {
		uint32_t steps = (uint32_t)rng_below(&rng, figure->instructions * 2);

		death_at(birth, rng_below(&rng, 4) ? 0 : steps, (uint32_t)rng_below(&rng, 400),
			 figure);
	}
}

static void subject_birth(const struct subject *subject)
{
	struct birth birth = {.subject = subject};
	struct figure f = {0};

	snprintf(birth.pin, sizeof(birth.pin), "%s", harness_path("born"));
	birth_film(&birth, &f);
	unlink(harness_path("frame"));
	unlink(birth.pin);
	if (!verdict_failed())
		birth_deaths(&birth, &f);
	tap_note("%-48s %12llu %8llu %8llu %8llu %11llu", subject_words(subject),
		 (unsigned long long)f.instructions, (unsigned long long)f.states,
		 (unsigned long long)f.refused, (unsigned long long)f.deaths,
		 (unsigned long long)(f.slowest_ns / 1000));
	tap_figure("crash points explored", f.instructions, "instructions");
	tap_figure("states left by deaths judged", f.states, "states");
	if (f.slowest_ns > CONTINUATION_NS)
		verdict_fail("a survivor's call took %llu us",
			     (unsigned long long)(f.slowest_ns / 1000));
}

int main(int argc, char **argv)
{
	char sentence[200];

	tracing_prepare(argv);
	harness_start("birth");
	if (!tracing_begin()) {
		tap_skip("death while a map is made", "ptrace is not permitted here");
		return tap_finish();
	}
	tap_note("%-48s %12s %8s %8s %8s %11s", "map", "instructions", "states", "refused",
		 "deaths", "slowest/us");
	for (uint32_t i = 0; i < subject_count; i++) {
		if (argc > 2 && (!strstr(subject_words(&subjects[i]), argv[2]) || verdict_failed()))
			continue;
		subject_birth(&subjects[i]);
		snprintf(sentence, sizeof(sentence), "%s: half made, it is refused",
			 subject_words(&subjects[i]));
		if (argc < 3)
			tap_verdict(sentence);
	}
	if (argc == 4)
		tap_canary(argv[3]);
	else if (argc == 3)
		tap_verdict("half made, a map is refused");
	return tap_finish();
}
