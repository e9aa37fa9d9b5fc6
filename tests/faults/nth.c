/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* nth.c: every system call and every allocation of every operation fails once, in each way that such a
 * call has. After each fault:
 *   - the operation has succeeded, or failed with an errno and a sentence
 *   - tried again undisturbed it succeeds, and what it should have done is there
 *   - check passes, and elements that were there before are there still
 *   - descriptors, address space, allocated blocks and names in the directory are what they were
 *   - a map that had no part in it is as it was
 */
#include "harness.h"
#include "inject.h"
#include "operations.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NTH_MAX	     400u /* an operation with more calls than this is not exhausted, and says so */
#define HEAP_BYTES   ((size_t)64 << 20)
#define STACK_BYTES  65536
#define BYSTANDERS   16u
#define WARM_UP_RUNS 3
#define COLD_SECONDS 20

struct level {
	unsigned long pages;
	long blocks;
	unsigned int descriptors;
	unsigned int names;
};

static struct {
	uint64_t attempts, failures, operations, exhausted;
} figures;

static uint64_t total; /* faults */
static struct bpfmap *bystander;

static unsigned int entries_in(const char *path)
{
	DIR *dir = opendir(path);
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void level_take(struct level *level)
{
	char line[128] = "";
	int fd;

	level->blocks = inject_blocks();
	level->descriptors = entries_in("/proc/self/fd");
	level->names = entries_in(getenv("BPFMAP_DIR"));
	fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, line, sizeof(line) - 1) > 0)
		level->pages = strtoul(line, NULL, 10);
	close(fd);
}

static void level_compare(const struct level *before, const char *what)
{
	struct level now;

	level_take(&now);
	if (now.descriptors != before->descriptors)
		verdict_fail("%s: %u descriptors instead of %u", what, now.descriptors,
			     before->descriptors);
	if (now.blocks != before->blocks)
		verdict_fail("%s: %ld blocks of memory instead of %ld", what, now.blocks,
			     before->blocks);
	if (now.pages != before->pages)
		verdict_fail("%s: %lu pages mapped instead of %lu", what, now.pages, before->pages);
	if (now.names != before->names)
		verdict_fail("%s: %u names in the directory instead of %u", what, now.names,
			     before->names);
}

static void bystander_make(void)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = BYSTANDERS,
					  .memory = BPFMAP_MEMORY_SHARED};

	if (bpfmap_create(&opts, &bystander))
		verdict_fail("the bystander: %s", bpfmap_last_error());
	for (uint32_t i = 0; i < BYSTANDERS && !verdict_failed(); i++) {
		uint64_t value = i * 0x100000001ull;

		if (bpfmap_update(bystander, &i, &value, BPF_ANY))
			verdict_fail("the bystander: %s", bpfmap_last_error());
	}
}

static void bystander_judge(const char *what)
{
	uint64_t value;

	for (uint32_t i = 0; bystander && i < BYSTANDERS; i++)
		if (bpfmap_read(bystander, &i, &value) || value != i * 0x100000001ull)
			verdict_fail("%s: another map has lost element %u", what, i);
	if (bystander && bpfmap_check(bystander))
		verdict_fail("%s: another map is damaged: %s", what, bpfmap_last_error());
}

struct attempt {
	const struct operation *operation;
	struct bench bench;
};

static long attempt_act(void *arg)
{
	struct attempt *attempt = arg;

	return attempt->operation->act(&attempt->bench);
}

/* Success, or an errno with a sentence. */
static void result_judge(const struct attempt *attempt, const struct inject_report *report,
			 const char *what)
{
	if (attempt->bench.trouble)
		verdict_fail("%s: %s", what, attempt->bench.trouble);
	else if (report->result < -4095)
		verdict_fail("%s: %ld is no errno", what, report->result);
	else if (report->result < 0 && !report->sentence[0] && !attempt->bench.is_excused)
		verdict_fail("%s: %ld without a sentence", what, report->result);
}

static void attempt_again(struct attempt *attempt, const char *what)
{
	const struct inject_order undisturbed = {INJECT_NOTHING, 0, 0};
	struct inject_report report;

	attempt->bench.is_excused = false;
	inject_run(&undisturbed, attempt_act, attempt, &report);
	if (report.result < 0)
		verdict_fail("%s: tried again without it: %ld (%s)", what, report.result,
			     report.sentence);
}

/* One fault. False if there is no such call, or no such way. */
static bool attempt_make(const struct operation *operation, const struct bench *bench,
			 const struct inject_order *order, struct inject_report *ret_report)
{
	struct attempt attempt = {operation, *bench};
	char what[160];

	attempt.bench.given = attempt.bench.made = -1;
	operation->prepare(&attempt.bench);
	inject_run(order, attempt_act, &attempt, ret_report);
	snprintf(what, sizeof(what), "%s, number %u: %s -> %ld", operation->name, order->nth,
		 ret_report->how, ret_report->result);
	if (getenv("FAULTS_VERBOSE") && ret_report->is_reached)
		tap_note("%s %s", what, ret_report->sentence);
	result_judge(&attempt, ret_report, what);
	if (ret_report->result < 0 && !verdict_failed())
		attempt_again(&attempt, what);
	if (!verdict_failed() && !operation->verify(&attempt.bench))
		verdict_fail("%s: what it should have done is not there, or more is gone (%s)",
			     what, bpfmap_last_error());
	bench_clear(&attempt.bench);
	bystander_judge(what);
	figures.attempts += ret_report->is_reached;
	figures.failures += ret_report->is_reached && ret_report->result < 0;
	return ret_report->is_reached;
}

static void fault_judge(const struct operation *operation, const struct bench *bench,
			const struct inject_order *order, struct inject_report *ret_report)
{
	struct level before;
	char what[160];

	level_take(&before);
	attempt_make(operation, bench, order, ret_report);
	snprintf(what, sizeof(what), "after %s, number %u: %s -> %ld", operation->name, order->nth,
		 ret_report->how, ret_report->result);
	level_compare(&before, what);
}

/* All ways of the nth call. False if there is none. */
static bool nth_judge(const struct operation *operation, const struct bench *bench,
		      enum inject_what what, uint32_t nth)
{
	struct inject_order order = {what, nth, 0};
	struct inject_report report;

	do {
		fault_judge(operation, bench, &order, &report);
		order.way++;
	} while (report.is_reached && what == INJECT_CALL && !verdict_failed());
	return report.is_nth_there;
}

/* What the process allocates and opens once is there before anything is compared. */
static void warm_up(const struct operation *operation, const struct bench *bench)
{
	const struct inject_order undisturbed = {INJECT_NOTHING, 0, 0};
	struct inject_report report;

	for (int i = 0; i < WARM_UP_RUNS && !verdict_failed(); i++) {
		attempt_make(operation, bench, &undisturbed, &report);
		if (report.result < 0)
			verdict_fail("%s without faults: %ld (%s)", operation->name, report.result,
				     report.sentence);
	}
}

static void operation_judge(const struct operation *operation, const struct bench *bench)
{
	uint32_t calls, allocations;

	warm_up(operation, bench);
	for (calls = 1; calls < NTH_MAX && !verdict_failed(); calls++)
		if (!nth_judge(operation, bench, INJECT_CALL, calls))
			break;
	for (allocations = 1; allocations < NTH_MAX && !verdict_failed(); allocations++)
		if (!nth_judge(operation, bench, INJECT_ALLOCATION, allocations))
			break;
	figures.operations++;
	figures.exhausted += calls < NTH_MAX && allocations < NTH_MAX;
}

static void figures_report(const char *sentence)
{
	tap_note("%llu operations (%llu to their last call), %llu faults, %llu of them made the "
		 "operation fail",
		 (unsigned long long)figures.operations, (unsigned long long)figures.exhausted,
		 (unsigned long long)figures.attempts, (unsigned long long)figures.failures);
	total += figures.attempts;
	memset(&figures, 0, sizeof(figures));
	tap_verdict(sentence);
}

static void type_judge(const struct type_row *type, uint32_t memory)
{
	struct bench bench = {.type = type->type, .memory = memory};
	char sentence[128];

	for (const struct operation *op = operations_per_type; op->name; op++)
		if (!verdict_failed())
			operation_judge(op, &bench);
	snprintf(sentence, sizeof(sentence), "%s, %s memory: each call of each operation may fail",
		 type->word, memory == BPFMAP_MEMORY_SHARED ? "shared" : "private");
	figures_report(sentence);
}

static void once_judge(const struct operation *operation)
{
	struct bench bench = {.type = BPF_MAP_TYPE_HASH, .memory = BPFMAP_MEMORY_SHARED};
	char sentence[128];

	operation_judge(operation, &bench);
	snprintf(sentence, sizeof(sentence), "%s: each call may fail", operation->name);
	figures_report(sentence);
}

/* One fault in a process that has used the library for nothing yet. */
static void cold_attempt(const struct operation *operation, const struct inject_order *order,
			 struct inject_report *report)
{
	struct bench bench = {.type = BPF_MAP_TYPE_PERCPU_HASH, .memory = BPFMAP_MEMORY_SHARED};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(COLD_SECONDS);
		if (inject_start())
			attempt_make(operation, &bench, order, report);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		verdict_fail("%s in a new process, number %u: %s: it ended with status %x",
			     operation->name, order->nth, report->how, status);
}

/* What is done once in a process, and what it leaves if it fails then. */
static void cold_judge(const struct operation *operation, struct inject_report *report)
{
	struct inject_order order = {INJECT_NOTHING, 1, 0};

	for (int what = INJECT_CALL; what <= INJECT_ALLOCATION; what++) {
		order.what = (enum inject_what)what;
		order.nth = 0;
		do {
			order.nth++;
			order.way = 0;
			do {
				memset(report, 0, sizeof(*report));
				cold_attempt(operation, &order, report);
				figures.attempts += report->is_reached;
				figures.failures += report->is_reached && report->result < 0;
				order.way++;
			} while (report->is_reached && what == INJECT_CALL && !verdict_failed());
		} while (report->is_nth_there && order.nth < NTH_MAX && !verdict_failed());
	}
	figures.operations++;
	figures.exhausted += order.nth < NTH_MAX;
}

static void wrong_judge(const struct operation *operation)
{
	struct bench bench = {.type = BPF_MAP_TYPE_HASH, .memory = BPFMAP_MEMORY_SHARED};
	char sentence[128];

	operation_judge(operation, &bench);
	snprintf(sentence, sizeof(sentence), "an operation that loses %s is caught",
		 operation->name);
	tap_canary(sentence);
}

/* From here on neither malloc() nor the stack changes what the process has mapped. */
static void address_space_settle(void)
{
	volatile char stack[STACK_BYTES];
	void *heap;

	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT32_MAX);
	heap = malloc(HEAP_BYTES);
	free(heap);
	for (size_t i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 0;
}

static void cold_start_judge(void)
{
	struct inject_report *report = shared_alloc(sizeof(*report));

	for (const struct operation *op = operations_cold; op->name; op++)
		cold_judge(op, report);
	figures_report("a process's first calls may fail: the next ones work");
}

/* Whether inject_start() works here. */
static bool is_permitted(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(!inject_start());
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

int main(void)
{
	harness_start("nth");
	address_space_settle();
	if (!is_permitted()) {
		tap_skip("every N-th system call fails", "seccomp user notification is not "
							 "permitted here");
		return tap_finish();
	}
	cold_start_judge();
	if (!inject_start())
		verdict_fail("no threads");
	bystander_make();
	for (uint32_t i = 0; i < type_count; i++) {
		type_judge(&type_rows[i], BPFMAP_MEMORY_PRIVATE);
		type_judge(&type_rows[i], BPFMAP_MEMORY_SHARED);
	}
	for (const struct operation *op = operations_once; op->name; op++)
		once_judge(op);
	tap_figure("calls and allocations made to fail", total, "faults");
	for (const struct operation *op = operations_wrong; op->name; op++)
		wrong_judge(op);
	bpfmap_close(bystander);
	return tap_finish();
}
