/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* tool.c TOOL: every system call of the command-line tool fails once, in each way that such a call has,
 * for a handful of verbs; among them those that find maps by id and name, and who holds them, through
 * /proc. After each fault:
 *   - the tool has ended by itself: with success and the same output, or with a sentence on stderr
 *   - the same verb, undisturbed, succeeds
 *   - the map is sound, another one is as it was, and no names are left
 * What the loader does before main() is left alone. In a namespace with nobody else in /proc, if that is
 * permitted; else, and on a busy machine, a verb whose time is up skips some calls, and says so.
 */
#include "alone.h"
#include "bpfmap/bpfmap.h"
#include "harness.h"
#include "inject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VERB_MS	    3000
#define WAIT_MS	    20000
#define OUTPUT_MOST 16384
#define KEYS	    4u

extern char **environ;

struct verb {
	const char *sentence;
	const char *words[20];
	bool is_exact; /* success has one output */
	bool makes_name;
};

static const struct verb verbs[] = {
	{"lookup by id", {"lookup", "id", "ID", "key", "1", "0", "0", "0"}, true, false},
	{"dump by name", {"-j", "dump", "name", "faults"}, true, false},
	{"update",
	 {"update", "h", "key", "1", "0", "0", "0", "value", "hex", "01", "01", "01", "01", "01",
	  "01", "01", "01"},
	 true,
	 false},
	{"load", {"load", "h", "elements"}, false, false},
	{"create",
	 {"create", "new", "type", "hash", "key", "4", "value", "8", "entries", "4"},
	 true,
	 true},
	{"list", {"list", "user"}, false, false},
	{"show", {"show", "h"}, false, false},
	{"check", {"check", "h"}, true, false},
	{"gc", {"gc", "user"}, false, false},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* One run of the tool. */
struct run {
	const struct verb *verb;
	int status; /* as of waitpid(); -1: it did not end, or was not started */
	char out[OUTPUT_MOST], err[OUTPUT_MOST];
};

static const char *tool;
static char map_id[16];
static int captured[2]; /* what it writes to stdout and stderr */
static struct bpfmap *map, *bystander;
static uint64_t total;

static struct bpfmap *map_make(const char *name, const char *pin)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = 16,
					  .memory = BPFMAP_MEMORY_SHARED,
					  .name = name};
	struct bpfmap *made;

	if (bpfmap_create(&opts, &made) || (pin && bpfmap_pin(made, harness_path(pin)))) {
		printf("Bail out! %s\n", bpfmap_last_error());
		exit(1);
	}
	for (uint32_t key = 0; key < KEYS; key++) {
		uint64_t value = 0x0101010101010101ull * key;

		bpfmap_update(made, &key, &value, BPF_ANY);
	}
	return made;
}

static bool map_is_whole(struct bpfmap *which)
{
	uint64_t value;

	for (uint32_t key = 0; key < KEYS; key++)
		if (bpfmap_read(which, &key, &value) || value != 0x0101010101010101ull * key)
			return false;
	return !bpfmap_check(which);
}

static unsigned int names_count(void)
{
	DIR *dir = opendir(getenv("BPFMAP_DIR"));
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* ---- one run ----------------------------------------------------------------------------------- */

static void captured_read(int fd, char *ret_text)
{
	ssize_t len = pread(fd, ret_text, OUTPUT_MOST - 1, 0);

	ret_text[len > 0 ? len : 0] = '\0';
	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		verdict_fail("cannot empty a file: %s", strerror(errno));
}

/* It must end by itself. */
static int status_wait(pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 200000};
	uint64_t end_ns = now_ns() + WAIT_MS * NSEC_PER_MSEC;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ns() > end_ns) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return status;
}

static long tool_run(void *arg)
{
	struct run *run = arg;
	posix_spawn_file_actions_t files;
	char *words[24] = {(char *)tool};
	pid_t pid;
	int err;

	for (uint32_t i = 0; run->verb->words[i]; i++)
		words[i + 1] =
			(char *)(strcmp(run->verb->words[i], "ID") ? run->verb->words[i] : map_id);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, captured[0], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, captured[1], STDERR_FILENO);
	err = posix_spawn(&pid, tool, &files, NULL, words, environ);
	posix_spawn_file_actions_destroy(&files);
	run->status = err ? -1 : status_wait(pid);
	captured_read(captured[0], run->out);
	captured_read(captured[1], run->err);
	return err ? -err : 0;
}

static void name_drop(const struct verb *verb)
{
	if (verb->makes_name)
		unlink(harness_path("new"));
}

/* Undisturbed, by a thread whose calls are not asked about. */
static void undisturbed(struct run *run)
{
	tool_run(run);
	if (run->status != 0)
		verdict_fail("%s, undisturbed: status %x: %s", run->verb->sentence, run->status,
			     run->err);
}

/* ---- judging ----------------------------------------------------------------------------------- */

static void run_judge(const struct run *run, const struct run *right, const char *what)
{
	bool ended = run->status >= 0 && WIFEXITED(run->status);

	if (!ended)
		verdict_fail("%s: it did not end by itself: status %x, %s", what, run->status,
			     run->err);
	else if (run->status && !run->err[0])
		verdict_fail("%s: status %x without a word", what, run->status);
	else if (!run->status && run->verb->is_exact && strcmp(run->out, right->out))
		verdict_fail("%s: success with another output: %s", what, run->out);
}

static void state_judge(unsigned int names, const char *what)
{
	if (!map_is_whole(map))
		verdict_fail("%s: the map is not what it was", what);
	if (!map_is_whole(bystander))
		verdict_fail("%s: another map is not what it was", what);
	if (names_count() != names)
		verdict_fail("%s: %u names instead of %u", what, names_count(), names);
}

/* One fault. */
static void fault_judge(const struct inject_order *order, const struct run *right,
			unsigned int names, struct inject_report *ret_report)
{
	static struct run run;
	char what[160];

	run.verb = right->verb;
	inject_run(order, tool_run, &run, ret_report);
	snprintf(what, sizeof(what), "%s, call %u: %s", run.verb->sentence, order->nth,
		 ret_report->how);
	if (!ret_report->is_reached) {
		name_drop(run.verb);
		return;
	}
	total++;
	/* The tool was not started, and who started it knows. */
	if (!ret_report->result)
		run_judge(&run, right, what);
	name_drop(run.verb);
	state_judge(names, what);
}

/* Calls of a run, of which the first ones are the loader's. */
static uint32_t calls_of(struct run *run)
{
	const struct inject_order beyond = {INJECT_CHILD_CALL, UINT32_MAX, 0};
	struct inject_report report;
	uint32_t calls;

	inject_run(&beyond, tool_run, run, &report);
	calls = inject_counted();
	name_drop(run->verb);
	return calls;
}

static void verb_judge(const struct verb *verb, uint32_t first)
{
	struct inject_order order = {INJECT_CHILD_CALL, first, 0};
	unsigned int names = names_count();
	static struct run right, again;
	struct inject_report report;
	uint64_t before = total, end_ns = now_ns() + budget_ns(VERB_MS);
	uint32_t skipped = 0, skip;

	right.verb = again.verb = verb;
	undisturbed(&right);
	name_drop(verb);
	do {
		order.way = 0;
		do {
			fault_judge(&order, &right, names, &report);
			order.way++;
		} while (report.is_reached && !verdict_failed());
		undisturbed(&again);
		name_drop(verb);
		skip = now_ns() > end_ns ? order.nth / 8 : 0;
		skipped += skip;
		order.nth += 1 + skip;
	} while (report.is_nth_there && !verdict_failed());
	tap_note("%s: calls %u to %u, %u of them skipped, %llu faults", verb->sentence, first,
		 order.nth - 2, skipped, (unsigned long long)(total - before));
}

/* A tool that says nothing when it fails. */
static void canary(void)
{
	static const struct verb silent = {"false", {NULL}, true, false};
	static struct run run = {.verb = &silent};

	tool = "/bin/false";
	tool_run(&run);
	run_judge(&run, &run, "false");
	tap_canary("a failure without a word is noticed");
}

static void elements_write(void)
{
	FILE *file = fopen(harness_path("elements"), "we");

	if (!file || fputs("key 01 00 00 00 value 01 01 01 01 01 01 01 01\n", file) < 0 ||
	    fclose(file))
		verdict_fail("cannot write the elements: %s", strerror(errno));
}

static bool prepare(void)
{
	struct bpfmap_info info;

	captured[0] = open(getenv("BPFMAP_DIR"), O_TMPFILE | O_RDWR | O_CLOEXEC | O_APPEND, 0600);
	captured[1] = open(getenv("BPFMAP_DIR"), O_TMPFILE | O_RDWR | O_CLOEXEC | O_APPEND, 0600);
	if (captured[0] < 0 || captured[1] < 0 || chdir(getenv("BPFMAP_DIR")))
		return false;
	map = map_make("faults", "h");
	bystander = map_make("bystander", NULL);
	elements_write();
	bpfmap_get_info(map, &info);
	snprintf(map_id, sizeof(map_id), "%u", info.id);
	return true;
}

static int judge(int argc, char **argv)
{
	static const struct verb shortest = {"version", {"version"}, true, false};
	char sentence[96];
	struct run run;
	uint32_t loader;

	harness_start("tool");
	tool = argc > 1 ? realpath(argv[1], NULL) : NULL; /* we leave this directory */
	if (!tool || !prepare()) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	if (!inject_start()) {
		tap_skip("every call of the tool fails",
			 "seccomp user notification is not permitted here");
		return tap_finish();
	}
	run.verb = &shortest;
	loader = calls_of(&run);
	for (size_t i = 0; i < VERBS; i++) {
		verb_judge(&verbs[i], loader);
		snprintf(sentence, sizeof(sentence), "%s: each call of the tool may fail",
			 verbs[i].sentence);
		tap_verdict(sentence);
	}
	tap_figure("calls of the tool made to fail", total, "faults");
	canary();
	return tap_finish();
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return alone_run(judge, argc, argv);
}
