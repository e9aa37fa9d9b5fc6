/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* diff.c: random scripts of bpf(2) requests and program runs, in lock step on bpfmap_bpf(), on the
 * sequential model and, where it is permitted, on the live kernel.
 *
 *   diff [DIRECTORY [TRACE]]  replay DIRECTORY's *.script and the trace, then random scripts. TAP.
 *   diff --script FILE        one script
 *   diff --record FILE [N]    N random scripts (200) with the kernel's answers
 *   diff --replay FILE        such a file, without the kernel
 *
 * A difference is made small and printed, ready to be put into regress/. What may differ is not
 * asked or not compared (world_skips(), UNCERTAIN in expect.c): the order of a hash's elements, a
 * Bloom filter's answer for what was never pushed, which LRU element goes (maps are so large that
 * none does), a pin after the last one went, ids.
 *
 * BPFMAP_SEED: the first script's. BPFMAP_LONG: until BPFMAP_COUNT operations (100 million) rather
 * than for six seconds; BPFMAP_BRIEF: one second, or a twentieth. BPFMAP_CANARY: our engine lies once in each
 * script, which must be noticed and made small. BPFMAP_KEEP: the directory in which a difference
 * becomes a file.
 */
#include "alone.h"
#include "trace.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS		6000
#define BRIEF_MS	1000
#define LONG_OPERATIONS 100000000u
#define BRIEF_PART	20
#define SHRINK_MS	3000
#define DIFFERENCES	10 /* after so many random ones, stop */
#define CANARY_STEPS	5
#define TRACE_SCRIPTS	200
#define TRACE_SEED	618
#define PROGRESS_MS	60000

static unsigned int points, failed;

static void point(bool ok, const char *name)
{
	failed += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", ++points, name);
}

/* Per-CPU values of programs, and the kernel's LRU lists, belong to CPUs. It must be CPU 0: a
 * process's first thread is on virtual CPU 0 of a map. */
static bool stay_on_cpu_0(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(WORLD_CPU, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static int session_begin(struct session *session)
{
	int err = engine_begin(&engine_ours);

	memset(session, 0, sizeof(*session));
	if (err) {
		printf("# no engine: %s\n", strerror(-err));
		return err;
	}
	session->engine[session->engines++] = &engine_ours;
	if (!stay_on_cpu_0())
		printf("# CPU 0 is not ours to run on: without the kernel\n");
	else if (!engine_begin(&engine_kernel))
		session->engine[session->engines++] = &engine_kernel;
	return 0;
}

static void session_end(struct session *session)
{
	for (uint32_t i = 0; i < session->engines; i++)
		engine_end(session->engine[i]);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static bool script_holds(struct session *session, const char *path)
{
	struct outcome outcome = {.differs = false};
	struct script script;
	int err = script_read(path, &script);

	if (err) {
		printf("# %s: %s\n", path, strerror(-err));
		return false;
	}
	session_run(session, &script, NULL, NULL, &outcome);
	if (outcome.differs)
		difference_print(0, &script, &outcome);
	return !outcome.differs;
}

static void replay_directory(struct session *session, const char *path)
{
	char name[600], file[512];
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort);

	if (count < 0) {
		printf("# %s: %s\n", path, strerror(errno));
		point(false, "regressions");
		return;
	}
	for (int i = 0; i < count; i++) {
		const char *dot = strrchr(list[i]->d_name, '.');

		if (dot && strcmp(dot, ".script") == 0) {
			snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
			snprintf(name, sizeof(name), "regression %s", list[i]->d_name);
			point(script_holds(session, file), name);
		}
		free(list[i]);
	}
	free(list);
}

/* Recorded answers stand in for the kernel: it is not asked. */
static void replay_trace(struct session *session, const char *path)
{
	struct session alone = {.engine = {session->engine[0]}, .engines = 1};
	struct trace_result result;
	char name[200];
	int err = trace_replay(&alone, path, &result);

	if (err)
		printf("# %s: %s\n", path, strerror(-err));
	printf("# figure: recorded answers of the kernel compared = %" PRIu64 " answers\n",
	       alone.by_recording);
	snprintf(name, sizeof(name),
		 "recorded: %u scripts, %" PRIu64 " answers of the kernel, %u scripts differ",
		 result.scripts, alone.by_recording, result.different);
	point(!err && result.scripts && !result.different, name);
}

/* A file for regress/. */
static void difference_keep(uint64_t seed, const struct script *script,
			    const struct outcome *outcome)
{
	const char *directory = getenv("BPFMAP_KEEP");
	char path[512];
	FILE *file;

	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/seed-%" PRIu64 ".script", directory, seed);
	file = fopen(path, "we");
	if (!file) {
		printf("# %s: %s\n", path, strerror(errno));
		return;
	}
	fprintf(file, "# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause\n# Step %u: %s.\n",
		outcome->at + 1, outcome->what);
	script_print(file, "", script);
	fclose(file);
}

struct span {
	uint64_t seed, started_ms, end_ms, operations; /* the first of the two ends it */
};

static struct span span_begin(void)
{
	struct span s = {.started_ms = now_ms(), .end_ms = UINT64_MAX, .operations = UINT64_MAX};

	s.seed = number_of("BPFMAP_SEED", (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid());
	if (number_of("BPFMAP_LONG", 0) || getenv("BPFMAP_COUNT"))
		s.operations = number_of("BPFMAP_COUNT", getenv("BPFMAP_BRIEF")
								 ? LONG_OPERATIONS / BRIEF_PART
								 : LONG_OPERATIONS);
	else
		s.end_ms = s.started_ms + (getenv("BPFMAP_BRIEF") ? BRIEF_MS : RUN_MS);
	return s;
}

static void progress_print(const struct session *session, const struct span *span)
{
	static uint64_t next_ms = PROGRESS_MS;
	uint64_t spent = now_ms() - span->started_ms;

	if (spent < next_ms)
		return;
	next_ms = spent + PROGRESS_MS;
	printf("# %" PRIu64 " s: %" PRIu64 " operations\n", spent / 1000, session->steps);
}

/* For ./check's table. */
static void figures_print(const struct session *session, uint64_t different)
{
	printf("# figure: operations in random scripts = %" PRIu64 " operations\n", session->steps);
	printf("# figure: of these compared with the kernel = %" PRIu64 " operations\n",
	       session->by_kernel);
	printf("# figure: of these compared with the model = %" PRIu64 " operations\n",
	       session->by_model);
	printf("# figure: differences found = %" PRIu64 " scripts\n", different);
}

static void random_scripts(struct session *session)
{
	struct span span = span_begin();
	uint64_t scripts = 0, different = 0, ms;
	struct outcome outcome;
	struct script script;
	char name[256];

	session->steps = session->by_kernel = session->by_model = 0;
	printf("# BPFMAP_SEED=%" PRIu64 "\n", span.seed);
	while (now_ms() < span.end_ms && session->steps < span.operations &&
	       different < DIFFERENCES) {
		script_generate(span.seed + scripts, &script);
		session_run(session, &script, NULL, NULL, &outcome);
		if (outcome.differs) {
			different++;
			script_shrink(session, &script, &outcome, SHRINK_MS);
			difference_print(span.seed + scripts, &script, &outcome);
			difference_keep(span.seed + scripts, &script, &outcome);
		}
		scripts++;
		progress_print(session, &span);
	}
	ms = now_ms() - span.started_ms;
	snprintf(name, sizeof(name),
		 "random: %" PRIu64 " operations in %" PRIu64 " scripts, %" PRIu64
		 " compared with the kernel, %" PRIu64 " with the model, %" PRIu64 " differences",
		 session->steps, scripts, session->by_kernel, session->by_model, different);
	printf("# %" PRIu64 " operations per second\n", session->steps * 1000 / (ms + 1));
	figures_print(session, different);
	point(!different, name);
}

/* A delete that is not done must be noticed, and a few steps must show it. */
static void canary(struct session *session)
{
	uint64_t seed = number_of("BPFMAP_SEED", 1), end_ms = now_ms() + RUN_MS;
	struct outcome outcome = {.differs = false};
	struct script script;

	engine_ours.lies = true;
	while (!outcome.differs && now_ms() < end_ms) {
		script_generate(seed, &script);
		session_run(session, &script, NULL, NULL, &outcome);
		seed += !outcome.differs;
	}
	point(outcome.differs, "a delete that is not done is noticed (canary)");
	if (outcome.differs) {
		script_shrink(session, &script, &outcome, SHRINK_MS);
		difference_print(seed, &script, &outcome);
	}
	point(outcome.differs && script.count <= CANARY_STEPS, "a few steps show it (canary)");
}

static void run_all(struct session *session, int argc, char **argv)
{
	if (getenv("BPFMAP_CANARY")) {
		canary(session);
		return;
	}
	if (argc > 1)
		replay_directory(session, argv[1]);
	if (argc > 2)
		replay_trace(session, argv[2]);
	random_scripts(session);
	if (session->engines > 1)
		point(true, "the live kernel was compared");
	else
		printf("ok %u - the live kernel # SKIP bpf(2) is not permitted: model and trace "
		       "only\n",
		       ++points);
}

static void record(struct session *session, const char *path, uint32_t scripts)
{
	int err = session->engines > 1 ? trace_record(session, path,
						      number_of("BPFMAP_SEED", TRACE_SEED), scripts)
				       : -EPERM;

	if (err)
		printf("# %s: %s\n", path, strerror(-err));
	point(!err, "recorded");
}

static int run(int argc, char **argv)
{
	struct session session;

	if (session_begin(&session))
		return 1;
	if (argc > 2 && strcmp(argv[1], "--record") == 0)
		record(&session, argv[2],
		       argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : TRACE_SCRIPTS);
	else if (argc > 2 && strcmp(argv[1], "--replay") == 0)
		replay_trace(&session, argv[2]);
	else if (argc > 2 && strcmp(argv[1], "--script") == 0)
		point(script_holds(&session, argv[2]), argv[2]);
	else
		run_all(&session, argc, argv);
	session_end(&session);
	printf("1..%u\n", points);
	return failed != 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	engine_tag = (uint64_t)time(NULL) << 22 | (uint64_t)getpid();
	return alone_run(run, argc, argv);
}
