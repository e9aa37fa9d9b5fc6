/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_fuzz.c: bpf(2) attributes are input. Random commands with random attributes, whose words are
 * drawn from what makes calls go far: descriptors of live maps, programs and BTF objects, small
 * numbers, awkward numbers, and pointers that are good, null, unmapped, read-only or run off the end
 * of a page. A call may fail with any errno, but must come back and must not crash.
 *
 * Memory and file sizes are limited, so that a huge map is refused rather than made. */
#include "harness.h"
#include "bpf/command.h"

#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MS	      4000
#define CALL_LIMIT_S  20
#define ATTR_BYTES    192u
#define COMMANDS      42u
#define FDS_KEPT      64
#define FILE_LIMIT    (16u << 20)
#define MEMORY_LIMIT  (4ull << 30)
#define CRASHES_SHOWN 5u
#define CHILD_CALLS   4096u
#define CALLS_MIN     8192u
#define PATIENCE_NS   (60 * NSEC_PER_SEC)

struct progress {
	uint64_t calls;
	uint64_t succeeded;
	uint32_t reached[COMMANDS]; /* times a command succeeded */
	uint32_t cmd;
	uint32_t size;
	uint8_t attr[ATTR_BYTES];
};

static struct progress *progress;

/* Memory to point at. */
struct grounds {
	uint8_t *good;	   /* readable and writable, 64 KiB */
	uint8_t *readonly; /* 4 KiB */
	uint8_t *edge;	   /* the last bytes before an unmapped page */
	uint8_t *unmapped;
	int fds[FDS_KEPT];
	uint32_t fd_count;
};

static uint64_t pointer_pick(const struct grounds *grounds, struct rng *rng)
{
	switch (rng_below(rng, 10)) {
	case 0: return (uint64_t)(uintptr_t)grounds->unmapped;
	case 1: return (uint64_t)(uintptr_t)grounds->readonly;
	case 2: return (uint64_t)(uintptr_t)grounds->edge - rng_below(rng, 32);
	case 3: return rng_next(rng);
	case 4: return 0xffffffff81000000ull;
	default: return (uint64_t)(uintptr_t)grounds->good + 8 * rng_below(rng, 4096);
	}
}

static uint32_t word_pick(const struct grounds *grounds, struct rng *rng)
{
	static const uint32_t awkward[] = {0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 4096};

	switch (rng_below(rng, 12)) {
	case 0: return awkward[rng_below(rng, 5)];
	case 1: return (uint32_t)rng_next(rng);
	case 2:
	case 3:
	case 4: return (uint32_t)grounds->fds[rng_below(rng, grounds->fd_count)];
	case 5:
	case 6: return (uint32_t)rng_below(rng, 16);
	case 7: return (uint32_t)rng_below(rng, 300);
	default: return 0;
	}
}

/* Mostly zero behind a random length, as real calls are. */
static void attr_fill(const struct grounds *grounds, struct rng *rng)
{
	uint32_t used = 8 * (uint32_t)rng_below(rng, 17);

	memset(progress->attr, 0, sizeof(progress->attr));
	for (uint32_t at = 0; at + 8 <= used; at += 8) {
		uint64_t pointer = pointer_pick(grounds, rng);
		uint32_t words[2] = {word_pick(grounds, rng), word_pick(grounds, rng)};

		if (rng_below(rng, 3) == 0)
			memcpy(progress->attr + at, &pointer, 8);
		else
			memcpy(progress->attr + at, words, 8);
	}
}

/* A call that works, for half of the calls to begin with: what then fails, fails far inside. */
static void attr_template(const struct grounds *grounds, struct rng *rng)
{
	union bpf_attr *attr = (union bpf_attr *)progress->attr;
	uint64_t good = (uint64_t)(uintptr_t)grounds->good;
	uint32_t fd = (uint32_t)grounds->fds[rng_below(rng, 5)];

	memset(progress->attr, 0, sizeof(progress->attr));
	switch (progress->cmd) {
	case BPF_MAP_CREATE:
		attr->map_type = 1 + (uint32_t)rng_below(rng, 2);
		attr->key_size = 4;
		attr->value_size = 1 + (uint32_t)rng_below(rng, 64);
		attr->max_entries = 1 + (uint32_t)rng_below(rng, 64);
		break;
	case BPF_PROG_LOAD:
		attr->prog_type = BPF_PROG_TYPE_XDP;
		attr->insns = good + 8 * rng_below(rng, 4096);
		attr->insn_cnt = 1 + (uint32_t)rng_below(rng, 40);
		attr->license = good;
		break;
	case BPF_PROG_TEST_RUN:
		attr->test.prog_fd = (uint32_t)grounds->fds[4];
		attr->test.data_in = good;
		attr->test.data_size_in = 14 + (uint32_t)rng_below(rng, 200);
		attr->test.data_out = good + 4096;
		attr->test.data_size_out = (uint32_t)rng_below(rng, 400);
		break;
	case BPF_OBJ_GET_INFO_BY_FD:
		attr->info.bpf_fd = fd;
		attr->info.info_len = (uint32_t)rng_below(rng, 300);
		attr->info.info = good;
		memset(grounds->good, 0, 300);
		break;
	case BPF_MAP_LOOKUP_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
		attr->batch.out_batch = good + 256;
		attr->batch.keys = good + 512;
		attr->batch.values = good + 4096;
		attr->batch.count = (uint32_t)rng_below(rng, 20);
		attr->batch.map_fd = fd;
		break;
	case BPF_MAP_GET_NEXT_ID:
	case BPF_PROG_GET_NEXT_ID:
	case BPF_BTF_GET_NEXT_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_PROG_GET_FD_BY_ID: attr->start_id = (uint32_t)rng_below(rng, 20); break;
	default:
		attr->map_fd = fd;
		attr->key = good + 16 * rng_below(rng, 4);
		memset(grounds->good, 0, 128);
		/* A delete with a value is refused. */
		if (progress->cmd != BPF_MAP_DELETE_ELEM && progress->cmd != BPF_MAP_FREEZE)
			attr->value = good + 1024;
	}
}

/* Up to two words of a working call are replaced. */
static void attr_spoil(const struct grounds *grounds, struct rng *rng)
{
	uint64_t pointer = pointer_pick(grounds, rng);
	uint32_t word = word_pick(grounds, rng);

	if (rng_below(rng, 3) == 0)
		memcpy(progress->attr + 8 * rng_below(rng, 12), &pointer, 8);
	if (rng_below(rng, 3) == 0)
		memcpy(progress->attr + 4 * rng_below(rng, 24), &word, 4);
}

static void grounds_refresh(struct grounds *grounds, struct rng *rng)
{
	for (uint32_t i = 0; i < 64; i++) {
		uint64_t word = rng_next(rng);

		memcpy(grounds->good + 8 * rng_below(rng, 8192), &word, 8);
	}
}

static int map_make(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key_size;
	attr.value_size = value_size;
	attr.max_entries = 8;
	attr.map_flags = flags;
	return (int)bpfmap_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int prog_make(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uint64_t)(uintptr_t)insns;
	attr.insn_cnt = 2;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	return (int)bpfmap_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void grounds_make(struct grounds *grounds)
{
	uint8_t *pages =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(grounds, 0, sizeof(*grounds));
	grounds->good = mmap(NULL, 65536 + 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	grounds->readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(pages + 4096, 4096);
	grounds->edge = pages + 4096;
	grounds->unmapped = pages + 4096;
	grounds->fds[grounds->fd_count++] = map_make(BPF_MAP_TYPE_HASH, 4, 8, 0);
	grounds->fds[grounds->fd_count++] = map_make(BPF_MAP_TYPE_HASH, 16, 100, 1);
	grounds->fds[grounds->fd_count++] = map_make(BPF_MAP_TYPE_ARRAY, 4, 16, 0);
	grounds->fds[grounds->fd_count++] = map_make(BPF_MAP_TYPE_ARRAY, 4, 8, BPF_F_MMAPABLE);
	grounds->fds[grounds->fd_count++] = prog_make();
	grounds->fds[grounds->fd_count++] = -1;
	grounds->fds[grounds->fd_count++] = 0;
	grounds->fds[grounds->fd_count++] = 4000;
}

/* A test run repeats as often as it is told: bounded here, like a map's size, not by the library. */
static void attr_tame(void)
{
	union bpf_attr *attr = (union bpf_attr *)progress->attr;

	if (progress->cmd == BPF_PROG_TEST_RUN)
		attr->test.repeat %= 100;
	if (progress->cmd == BPF_MAP_CREATE && attr->max_entries > 10000)
		attr->max_entries %= 10000;
}

/* What a successful call has made is closed again. */
static void result_drop(long result)
{
	if (result <= 2)
		return;
	switch (progress->cmd) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_OBJ_GET:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_BTF_LOAD:
	case BPF_BTF_GET_FD_BY_ID: close((int)result); bpfmap_bpf_fd_closed((int)result);
	}
}

static void call_once(struct grounds *grounds, struct rng *rng)
{
	long result;

	progress->cmd = (uint32_t)rng_below(rng, COMMANDS);
	progress->size = rng_below(rng, 4) ? (uint32_t)sizeof(union bpf_attr)
					   : (uint32_t)rng_below(rng, ATTR_BYTES + 1);
	if (rng_below(rng, 2)) {
		attr_template(grounds, rng);
		attr_spoil(grounds, rng);
	} else {
		attr_fill(grounds, rng);
	}
	attr_tame();
	/* A frozen map ends the writes to it; the next child has new ones. */
	if (progress->cmd == BPF_MAP_FREEZE && rng_below(rng, 50))
		progress->cmd = BPF_MAP_UPDATE_ELEM;
	progress->calls++;
	alarm(CALL_LIMIT_S);
	/* A copy: the call may write into its attribute. */
	memcpy(grounds->good + 65536, progress->attr, ATTR_BYTES);
	result = bpfmap_bpf((int)progress->cmd, grounds->good + 65536, progress->size);
	if (result < 0 && result != -ENOENT && !bpfmap_last_error()[0])
		verdict_fail("command %u fails with %ld and no sentence", progress->cmd, result);
	if (result >= 0) {
		progress->succeeded++;
		progress->reached[progress->cmd]++;
		result_drop(result);
	}
}

static void limits_set(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	struct rlimit memory = {MEMORY_LIMIT, MEMORY_LIMIT};

	setrlimit(RLIMIT_AS, &memory);
#endif
	struct rlimit file = {FILE_LIMIT, FILE_LIMIT};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &file);
}

/* On a busy machine time alone says little: some calls must have been made. */
static bool is_over(uint64_t end_ns)
{
	uint64_t now = now_ns();

	return now >= end_ns + PATIENCE_NS || (now >= end_ns && progress->calls >= CALLS_MIN);
}

static void calls_work(uint64_t stream, uint64_t end_ns)
{
	struct rng rng = rng_for(stream);
	struct grounds grounds;

	limits_set();
	grounds_make(&grounds);
	for (uint32_t calls = 0; calls < CHILD_CALLS && !is_over(end_ns) && !verdict_failed();
	     calls += 64) {
		grounds_refresh(&grounds, &rng);
		for (uint32_t i = 0; i < 64 && !verdict_failed(); i++)
			call_once(&grounds, &rng);
	}
	_exit(0);
}

static void crash_report(int status)
{
	tap_note("call %llu, command %u, size %u: status %x, signal %s; attributes:",
		 (unsigned long long)progress->calls, progress->cmd, progress->size, status,
		 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "none");
	for (uint32_t at = 0; at < ATTR_BYTES; at += 32) {
		uint64_t words[4];

		memcpy(words, progress->attr + at, 32);
		tap_note("  %016llx %016llx %016llx %016llx", (unsigned long long)words[0],
			 (unsigned long long)words[1], (unsigned long long)words[2],
			 (unsigned long long)words[3]);
	}
}

static uint32_t fuzz_run(uint64_t end_ns)
{
	uint32_t crashes = 0;

	for (uint64_t stream = 1; !is_over(end_ns) && crashes < CRASHES_SHOWN && !verdict_failed();
	     stream++) {
		int status = 0;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			calls_work(stream, end_ns);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status == 0)
			continue;
		crashes++;
		crash_report(status);
	}
	return crashes;
}

int main(void)
{
	uint32_t reached = 0;
	uint32_t crashes;

	harness_start("bpf_fuzz");
	progress = shared_alloc(sizeof(*progress));
	crashes = fuzz_run(now_ns() + budget_ns(RUN_MS));
	if (crashes)
		verdict_fail("%u crashes or hangs", crashes);
	for (uint32_t cmd = 0; cmd < COMMANDS; cmd++)
		reached += progress->reached[cmd] != 0;
	tap_note("%llu calls, %llu succeeded, of %u commands", (unsigned long long)progress->calls,
		 (unsigned long long)progress->succeeded, reached);
	tap_figure("bpf(2) calls with random attributes", progress->calls, "calls");
	tap_verdict("random bpf(2) attributes do no harm");
	if (reached < 8)
		verdict_fail("only %u commands ever succeeded: the fuzzer does not get far enough",
			     reached);
	tap_verdict("the random calls reach the commands");
	return tap_finish();
}
