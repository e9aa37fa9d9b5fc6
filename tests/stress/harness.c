/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* harness.c: see harness.h. The verdict lives in an anonymous shared mapping, so that a forked
 * worker's finding survives it. */
#include "harness.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct verdict {
	uint32_t taken; /* claimed by the first to fail; the others' sentences are dropped */
	uint32_t failed;
	char sentence[512];
};

static struct verdict *verdict;
static uint64_t run_seed;
static char run_dir[128];
static pid_t run_pid;
static unsigned int tap_count;
static unsigned int tap_failures;

void *shared_alloc(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED) {
		perror("Bail out! mmap");
		exit(99);
	}
	return mem;
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	return rng_next(rng) % bound;
}

struct rng rng_for(uint64_t stream)
{
	struct rng rng = {.state = run_seed + stream * 0xd1342543de82ef95ull};

	rng_next(&rng);
	return rng;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t budget_ns(uint64_t normal_ms)
{
	if (getenv("BPFMAP_LONG"))
		return normal_ms * NSEC_PER_MSEC * 20;
	if (getenv("BPFMAP_BRIEF"))
		return normal_ms * NSEC_PER_MSEC / 4;
	return normal_ms * NSEC_PER_MSEC;
}

void verdict_reset(void)
{
	memset(verdict, 0, sizeof(*verdict));
}

void verdict_fail(const char *fmt, ...)
{
	va_list ap;

	if (__atomic_exchange_n(&verdict->taken, 1, __ATOMIC_ACQ_REL))
		return;
	va_start(ap, fmt);
	vsnprintf(verdict->sentence, sizeof(verdict->sentence), fmt, ap);
	va_end(ap);
	__atomic_store_n(&verdict->failed, 1, __ATOMIC_RELEASE);
}

bool verdict_failed(void)
{
	return __atomic_load_n(&verdict->failed, __ATOMIC_ACQUIRE) != 0;
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	remove(path);
	return 0;
}

/* Forked workers leave through _exit() or are killed; the check is for a test that calls exit(). */
static void run_dir_remove(void)
{
	if (getpid() == run_pid)
		nftw(run_dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

void harness_start(const char *test_name)
{
	const char *seed = getenv("BPFMAP_SEED");
	const char *base = getenv("BPFMAP_DIR");
	struct timespec ts;

	setvbuf(stdout, NULL, _IOLBF, 0);
	clock_gettime(CLOCK_REALTIME, &ts);
	run_seed = seed ? strtoull(seed, NULL, 0)
			: (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	verdict = shared_alloc(sizeof(*verdict));
	printf("# %s: BPFMAP_SEED=%llu\n", test_name, (unsigned long long)run_seed);
	snprintf(run_dir, sizeof(run_dir), "%s/bpfmap-test-XXXXXX", base ? base : "/dev/shm");
	if (!mkdtemp(run_dir)) {
		perror("Bail out! mkdtemp");
		exit(99);
	}
	run_pid = getpid();
	atexit(run_dir_remove);
	setenv("BPFMAP_DIR", run_dir, 1);
}

const char *harness_path(const char *name)
{
	static _Thread_local char path[256];

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	return path;
}

static void tap_line(const char *result, const char *sentence, const char *suffix)
{
	printf("%s %u - %s%s\n", result, ++tap_count, sentence, suffix);
}

void tap_verdict(const char *sentence)
{
	if (verdict_failed()) {
		tap_failures++;
		tap_line("not ok", sentence, "");
		printf("# %s (BPFMAP_SEED=%llu)\n", verdict->sentence,
		       (unsigned long long)run_seed);
	} else {
		tap_line("ok", sentence, "");
	}
	verdict_reset();
}

void tap_canary(const char *sentence)
{
	if (verdict_failed()) {
		tap_line("ok", sentence, " (canary)");
		printf("# caught: %s\n", verdict->sentence);
	} else {
		tap_failures++;
		tap_line("not ok", sentence, " (canary: the checker is blind)");
	}
	verdict_reset();
}

void tap_skip(const char *sentence, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_count, sentence, why);
	verdict_reset();
}

void tap_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void tap_figure(const char *name, uint64_t value, const char *unit)
{
	printf("# figure: %s = %llu %s\n", name, (unsigned long long)value, unit);
}

int tap_finish(void)
{
	printf("1..%u\n", tap_count);
	return tap_failures != 0;
}

void crew_start(struct crew *crew, enum crew_kind kind)
{
	memset(crew, 0, sizeof(*crew));
	crew->kind = kind;
	fflush(stdout);
}

struct thread_work {
	void (*work)(void *arg);
	void *arg;
};

static void *thread_main(void *arg)
{
	struct thread_work *job = arg;

	job->work(job->arg);
	free(job);
	return NULL;
}

static void crew_add_thread(struct crew *crew, void (*work)(void *arg), void *arg)
{
	struct thread_work *job = malloc(sizeof(*job));
	pthread_t thread;

	job->work = work;
	job->arg = arg;
	if (pthread_create(&thread, NULL, thread_main, job) != 0) {
		verdict_fail("cannot start a thread");
		free(job);
		return;
	}
	crew->members[crew->size++] = (uint64_t)thread;
}

void crew_add(struct crew *crew, void (*work)(void *arg), void *arg)
{
	pid_t pid;

	if (crew->kind == CREW_THREADS) {
		crew_add_thread(crew, work, arg);
		return;
	}
	pid = fork();
	if (pid == 0) {
		work(arg);
		_exit(0);
	}
	if (pid < 0)
		verdict_fail("cannot fork: %s", strerror(errno));
	else
		crew->members[crew->size++] = (uint64_t)pid;
}

static void process_join(pid_t pid, uint64_t deadline_ns)
{
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct timespec pause = {.tv_nsec = 2000000};

		if (now_ns() > deadline_ns) {
			verdict_fail("worker %d is stuck", (int)pid);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return;
		}
		nanosleep(&pause, NULL);
	}
	if (WIFSIGNALED(status))
		verdict_fail("worker %d died of signal %d", (int)pid, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		verdict_fail("worker %d ended with status %d", (int)pid, WEXITSTATUS(status));
}

void crew_join(struct crew *crew, uint64_t limit_ns)
{
	uint64_t deadline_ns = now_ns() + limit_ns;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(limit_ns / NSEC_PER_SEC) + 1;
	for (uint32_t i = 0; i < crew->size; i++) {
		if (crew->kind == CREW_PROCESSES) {
			process_join((pid_t)crew->members[i], deadline_ns);
		} else if (pthread_timedjoin_np((pthread_t)crew->members[i], NULL, &until) != 0) {
			/* A stuck thread cannot be ended: neither can the test go on. */
			printf("Bail out! thread %u is stuck\n", i);
			exit(99);
		}
	}
	crew->size = 0;
}
