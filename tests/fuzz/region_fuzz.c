/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* region_fuzz.c: bytes in a region are input. Valid region files are spoilt, opened and used; then a
 * region is scribbled over by another process while it is used. Nothing may crash, read outside the
 * region (AddressSanitizer builds see that for private copies, the page protection for the rest),
 * wait for ever, or fail without a sentence. Each case runs in a child, which names the case in
 * shared memory before it begins, so that a crash has a seed and a number. */
#include "exercise.h"
#include "exercise_prog.h"
#include "mutation.h"
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUTATE_MS     1200
#define ADVERSARY_MS  1500
#define HEADER_BYTES  4096u
#define CASE_LIMIT_S  60
#define ROUNDS	      40u
#define CRASHES_SHOWN 5u
#define CPUS_MAX      4096u

static const struct shape shapes[] = {
	{"hash 8/8", BPF_MAP_TYPE_HASH, 8, 8, 16, 0},
	{"hash 5/100", BPF_MAP_TYPE_HASH, 5, 100, 20, 0},
	{"hash 16/64 no_prealloc", BPF_MAP_TYPE_HASH, 16, 64, 32, BPF_F_NO_PREALLOC},
	{"hash 16/120 variable", BPF_MAP_TYPE_HASH, 16, 120, 16, BPFMAP_F_VARIABLE},
	{"array 24", BPF_MAP_TYPE_ARRAY, 4, 24, 10, 0},
	{"array 8 mmapable", BPF_MAP_TYPE_ARRAY, 4, 8, 600, BPF_F_MMAPABLE},
	{"percpu_hash 8/40", BPF_MAP_TYPE_PERCPU_HASH, 8, 40, 16, 0},
	{"percpu_array 24", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 24, 16, 0},
	{"lru_hash 8/8", BPF_MAP_TYPE_LRU_HASH, 8, 8, 24, 0},
	{"lru_percpu_hash 4/16", BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 16, 24, 0},
	{"bloom_filter 8", BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 64, 0},
};

struct progress {
	uint64_t cases; /* begun */
	uint64_t opened;
	uint64_t operations;
	uint64_t program_runs;
	uint32_t stop;
};

static struct progress *progress;
static uint64_t programs_total, operations_total, files_total;

/* A pinned map with elements in it; the handle stays open. */
static struct bpfmap *seed_create(const struct shape *shape, const char *pin)
{
	struct bpfmap *map = shape_create(shape, BPFMAP_MEMORY_SHARED);
	static uint8_t value[CPUS_MAX * 128];
	uint8_t key[16];
	int err;

	if (!map)
		return NULL;
	for (uint32_t i = 0; i < 10; i++) {
		memset(key, 0, sizeof(key));
		memcpy(key, &i, 4);
		memset(value, (int)i + 1, sizeof(value));
		if (shape->map_flags & BPFMAP_F_VARIABLE)
			err = bpfmap_var_update(map, key, 4 + i, value, i * 13, BPF_ANY);
		else if (!shape->key_size)
			err = bpfmap_push(map, value, BPF_ANY);
		else
			err = bpfmap_update(map, key, value, BPF_ANY);
		if (err)
			verdict_fail("%s: seed: %s", shape->name, bpfmap_last_error());
	}
	unlink(pin);
	if (bpfmap_pin(map, pin) != 0)
		verdict_fail("%s: pin: %s", shape->name, bpfmap_last_error());
	return map;
}

static void path_try(const char *path, struct rng *rng)
{
	uint32_t flags = rng_below(rng, 8) ? 0 : BPFMAP_OPEN_RDONLY;
	struct bpfmap *map;
	int err;
	int fd;

	if (rng_below(rng, 2)) {
		err = bpfmap_open(path, flags, &map);
	} else {
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		err = bpfmap_open_fd(fd, flags, &map);
		close(fd);
	}
	if (err) {
		if (!bpfmap_last_error()[0])
			verdict_fail("open fails with %d and no sentence", err);
		return;
	}
	progress->opened++;
	map_exercise(map, -1, rng, ROUNDS);
	bpfmap_close(map);
}

struct fuzz {
	const char *pin;
	struct bpfmap *map; /* opened while the region was sound; NULL: open it as it is now */
	int prog_fd;	    /* loaded while the region was sound; -1 */
	struct blob original;
	uint64_t end_ns;
};

/* Every case has a stream of its own: BPFMAP_SEED and the number repeat it. */
static void mutations_work(struct fuzz *fuzz)
{
	char path[256];
	struct blob blob = fuzz->original;

	snprintf(path, sizeof(path), "%s", harness_path("spoilt"));
	blob.bytes = malloc(blob.room);
	while (now_ns() < fuzz->end_ns && !verdict_failed()) {
		struct rng rng = rng_for(++progress->cases);

		memcpy(blob.bytes, fuzz->original.bytes, fuzz->original.size);
		blob.size = fuzz->original.size;
		blob_mutate(&blob, &rng, HEADER_BYTES);
		unlink(path);
		if (blob_write(&blob, path) != 0)
			verdict_fail("cannot write %s", path);
		alarm(CASE_LIMIT_S);
		path_try(path, &rng);
	}
	free(blob.bytes);
}

/* Runs work in a child; how it died, in words, or NULL. */
static const char *in_child(void (*work)(struct fuzz *fuzz), struct fuzz *fuzz)
{
	static char how[64];
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		work(fuzz);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "could not be run";
	if (status == 0)
		return NULL;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "died of signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, sizeof(how), "ended with status %d", WEXITSTATUS(status));
	return how;
}

static void shape_mutations(const struct shape *shape)
{
	char pin[256];
	struct fuzz fuzz = {.pin = pin};
	struct bpfmap *map;
	const char *how;
	uint32_t crashes = 0;

	snprintf(pin, sizeof(pin), "%s", harness_path("seed"));
	map = seed_create(shape, pin);
	if (!map || blob_read(pin, &fuzz.original) != 0) {
		verdict_fail("%s: no seed file", shape->name);
		return;
	}
	memset(progress, 0, sizeof(*progress));
	fuzz.end_ns = now_ns() + budget_ns(MUTATE_MS);
	while (now_ns() < fuzz.end_ns && crashes < CRASHES_SHOWN && !verdict_failed()) {
		how = in_child(mutations_work, &fuzz);
		if (!how)
			continue;
		tap_note("%s: case %llu %s", shape->name, (unsigned long long)progress->cases, how);
		crashes++;
	}
	if (crashes)
		verdict_fail("%s: %u crashes or hangs", shape->name, crashes);
	files_total += progress->cases;
	tap_note("%s: %llu spoilt files of %zu bytes, %llu of them opened and used", shape->name,
		 (unsigned long long)progress->cases, fuzz.original.size,
		 (unsigned long long)progress->opened);
	blob_free(&fuzz.original);
	bpfmap_close(map);
}

static void descriptors_try(void)
{
	struct bpfmap *map = NULL;
	int pipe_fds[2];
	int fds[] = {-2, -1, 1000000, -1, -1, -1, -1};

	if (pipe(pipe_fds) != 0)
		verdict_fail("pipe: %s", strerror(errno));
	fds[3] = pipe_fds[0];
	fds[4] = pipe_fds[1];
	fds[5] = memfd_create("empty", MFD_CLOEXEC);
	fds[6] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		int err = bpfmap_open_fd(fds[i], 0, &map);

		if (!err)
			verdict_fail("descriptor %d was opened as a map", fds[i]);
		if (!bpfmap_last_error()[0])
			verdict_fail("descriptor %d: %d without a sentence", fds[i], err);
	}
}

/* Not a region at all: each is refused with a sentence. */
static void oddities_work(struct fuzz *fuzz)
{
	static const char *const odd[] = {"/dev/null", "/dev/zero", "/", "/proc/self/mem",
					  "/nonexistent/x"};
	struct bpfmap *map = NULL;
	char path[256];
	size_t i;

	snprintf(path, sizeof(path), "%s", harness_path("odd"));
	unlink(path);
	mkfifo(path, 0600);
	alarm(CASE_LIMIT_S);
	for (i = 0; i <= sizeof(odd) / sizeof(odd[0]); i++) {
		const char *name = i ? odd[i - 1] : path;
		int err = bpfmap_open(name, 0, &map);

		if (!err)
			verdict_fail("%s was opened as a map", name);
		if (!bpfmap_last_error()[0])
			verdict_fail("%s: %d without a sentence", name, err);
	}
	descriptors_try();
	unlink(path);
}

/* Every length of the file, in steps, and every length around page boundaries. */
static void truncations_work(struct fuzz *fuzz)
{
	struct rng rng = rng_for(4711);
	size_t step = fuzz->original.size / 200 + 1;
	struct blob blob = fuzz->original;
	char path[256];

	snprintf(path, sizeof(path), "%s", harness_path("short"));
	for (size_t size = 0; size < fuzz->original.size; size += step) {
		progress->cases++;
		blob.size = size;
		unlink(path);
		blob_write(&blob, path);
		path_try(path, &rng);
		blob.size = size - size % 4096;
		unlink(path);
		blob_write(&blob, path);
		path_try(path, &rng);
	}
	if (progress->opened)
		verdict_fail("a truncated region was opened");
}

static void truncations_and_oddities(void)
{
	char pin[256];
	struct fuzz fuzz = {.pin = pin};
	struct bpfmap *map;
	const char *how;

	snprintf(pin, sizeof(pin), "%s", harness_path("seed"));
	map = seed_create(&shapes[0], pin);
	memset(progress, 0, sizeof(*progress));
	if (!map || blob_read(pin, &fuzz.original) != 0) {
		verdict_fail("no seed file");
		return;
	}
	how = in_child(truncations_work, &fuzz);
	if (how)
		verdict_fail("length case %llu %s", (unsigned long long)progress->cases, how);
	tap_verdict("no truncated region is opened");
	how = in_child(oddities_work, &fuzz);
	if (how)
		verdict_fail("opening what is not a region %s", how);
	tap_verdict("devices, directories, pipes and foreign descriptors are refused");
	blob_free(&fuzz.original);
	bpfmap_close(map);
}

/* The adversary: random words and bits, everywhere or in the last page, in bursts. */
static void scribble(const char *pin)
{
	struct rng rng = rng_for(666);
	int fd = open(pin, O_RDWR | O_CLOEXEC);
	uint8_t *bytes = MAP_FAILED;
	struct stat st;
	size_t words;

	if (fd >= 0 && fstat(fd, &st) == 0)
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		_exit(1);
	words = (size_t)st.st_size / 4;
	while (!__atomic_load_n(&progress->stop, __ATOMIC_ACQUIRE)) {
		struct timespec pause = {.tv_nsec = 20000};

		for (uint32_t i = 0; i < 16; i++) {
			size_t at = rng_below(&rng, words);
			volatile uint32_t *word;

			/* Dense where the structure is: the first and the last pages. */
			if (rng_below(&rng, 2))
				at = rng_below(&rng, 2) ? at % 1024 : words - 1 - at % 1024;
			word = (volatile uint32_t *)bytes + at;
			*word = rng_below(&rng, 2) ? (uint32_t)rng_next(&rng)
						   : *word ^ 1u << rng_below(&rng, 32);
		}
		nanosleep(&pause, NULL);
	}
	_exit(0);
}

static void victim_work(struct fuzz *fuzz)
{
	struct rng rng = rng_for(667);
	struct bpfmap *map = fuzz->map;

	alarm(CASE_LIMIT_S);
	if (!map && bpfmap_open(fuzz->pin, 0, &map) != 0)
		return;
	while (now_ns() < fuzz->end_ns && !verdict_failed()) {
		map_exercise(map, fuzz->map ? fuzz->prog_fd : -1, &rng, ROUNDS);
		progress->operations += ROUNDS;
	}
	if (!fuzz->map)
		bpfmap_close(map);
}

static void shape_adversary(const struct shape *shape)
{
	char pin[256];
	struct fuzz fuzz = {.pin = pin, .prog_fd = -1};
	struct bpfmap_info info;
	struct bpfmap *map;
	const char *how;
	pid_t adversary;

	snprintf(pin, sizeof(pin), "%s", harness_path("scribbled"));
	map = seed_create(shape, pin);
	if (!map)
		return;
	memset(progress, 0, sizeof(*progress));
	fuzz.map = map;
	if (bpfmap_get_info(map, &info) == 0)
		fuzz.prog_fd = exercise_prog_load(map, &info);
	fuzz.end_ns = now_ns() + budget_ns(ADVERSARY_MS) / 2;
	/* Two halves: the victim that opened a sound region, and one that opens it spoilt. */
	fflush(stdout);
	adversary = fork();
	if (adversary == 0)
		scribble(pin);
	for (int half = 0; half < 2; half++) {
		how = in_child(victim_work, &fuzz);
		if (how)
			verdict_fail("%s: the process beside a scribbler %s", shape->name, how);
		fuzz.end_ns = now_ns() + budget_ns(ADVERSARY_MS) / 2;
		fuzz.map = NULL;
	}
	__atomic_store_n(&progress->stop, 1, __ATOMIC_RELEASE);
	waitpid(adversary, NULL, 0);
	tap_note("%s: %llu operations and %llu runs of a program while the region was scribbled "
		 "over",
		 shape->name, (unsigned long long)progress->operations,
		 (unsigned long long)progress->program_runs);
	if (fuzz.prog_fd >= 0)
		close(fuzz.prog_fd);
	programs_total += progress->program_runs;
	operations_total += progress->operations;
	bpfmap_close(map);
	unlink(pin);
}

static void canary_work(struct fuzz *fuzz)
{
	volatile uint32_t *nowhere =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*nowhere = 1;
}

int main(void)
{
	char sentence[160];
	const char *how;

	harness_start("region_fuzz");
	progress = shared_alloc(sizeof(*progress));
	exercise_program_runs = &progress->program_runs;
	truncations_and_oddities();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		snprintf(sentence, sizeof(sentence), "%s: a spoilt region does no harm",
			 shapes[i].name);
		shape_mutations(&shapes[i]);
		tap_verdict(sentence);
		snprintf(sentence, sizeof(sentence), "%s: a scribbler beside us does no harm",
			 shapes[i].name);
		shape_adversary(&shapes[i]);
		tap_verdict(sentence);
	}
	tap_figure("spoilt region files", files_total, "files");
	tap_figure("operations beside a scribbler", operations_total, "operations");
	tap_figure("programs beside a scribbler", programs_total, "runs");
	if (!programs_total)
		verdict_fail("no program ever ran");
	tap_verdict("programs run on what is scribbled over");
	how = in_child(canary_work, NULL);
	if (how)
		verdict_fail("the canary %s", how);
	tap_canary("a crash is caught");
	return tap_finish();
}
