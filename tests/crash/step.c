/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* step.c: death at each instruction. A writer is single-stepped through one insert, replacement or
 * delete. After each death, with nobody else at work:
 *   - the key is as before or as after the operation, every other key is untouched
 *   - the next writer is not held up
 *   - exactly max_entries fit, check passes, deleting leaves nothing
 * Three ways:
 *   film    the region's bytes after every instruction, all of them judged (film.h)
 *   deaths  the writer really dies after N instructions: N at random, as many as the time allows, all
 *           with BPFMAP_LONG=1. Shows what the film cannot: what the kernel does at a death.
 *   relay   in a random frame of the film the next writer, who has to mend what the first has left,
 *           is filmed in turn, and every frame of that judged
 */
#include "film.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEATHS_MS	   150
#define RELAY_MS	   400
#define STEPS_MAX	   2000000u
#define SLOWEST_ALLOWED_NS NSEC_PER_SEC

/* Keys 0 and 1 are the heir's and are there when the operation begins; keys 2 and 3 are the dead
 * writer's: it works on key 2, and key 3 warms it up. */
#define HEIR_KEYS     2u
#define OPERATION_KEY 2u
#define WARM_KEY      3u

static const struct shape shapes[] = {
	{"hash 8/8 of 4", BPF_MAP_TYPE_HASH, 8, 8, 4, 0},
	{"hash 16/64 of 4", BPF_MAP_TYPE_HASH, 16, 64, 4, 0},
	{"hash 40/300 of 4", BPF_MAP_TYPE_HASH, 40, 300, 4, 0},
	{"hash 8/8 of 4 no_prealloc", BPF_MAP_TYPE_HASH, 8, 8, 4, BPF_F_NO_PREALLOC},
	{"hash 8/200 of 70", BPF_MAP_TYPE_HASH, 8, 200, 70, 0}, /* several free lists */
	{"hash 8/200 of 4 variable", BPF_MAP_TYPE_HASH, 8, 200, 4, BPFMAP_F_VARIABLE},
	{"hash 60/100 of 30 variable", BPF_MAP_TYPE_HASH, 60, 100, 30, BPFMAP_F_VARIABLE},
	{"lru_hash 8/8 of 4", BPF_MAP_TYPE_LRU_HASH, 8, 8, 4, 0},
	{"lru_hash 8/200 of 70", BPF_MAP_TYPE_LRU_HASH, 8, 200, 70, 0},
	{"array 64 of 4", BPF_MAP_TYPE_ARRAY, 4, 64, 4, 0},
};

enum operation {
	OP_INSERT,
	OP_REPLACE,
	OP_DELETE,
	OP_COUNT,
};

static const char *const operation_names[] = {"insert", "replace", "delete"};

/* What the runner has done in the map before it is stepped. */
enum warmth {
	WARM, /* an operation of each kind */
	COLD, /* nothing: its joining of the writers, and the mending that it meets, are stepped too */
};

struct rig {
	const struct shape *shape;
	struct bpfmap *map;
	struct diaries *diaries;
	struct author dead;
	struct author heir;
	char pin[256];
};

struct figures {
	uint64_t judged;
	uint64_t slowest_ns;
	uint64_t sound_at_once; /* check passed before anybody mended anything */
};

static struct figures figures;

static void author_exercise(struct author *author, uint32_t key)
{
	author_put(author, key);
	author_put(author, key);
	if (author->shape->type == BPF_MAP_TYPE_HASH) {
		author_remove(author, key);
		author_put(author, key);
	}
}

/* So that the dynamic linker's work is not stepped through. */
static void linker_warm(const struct shape *shape)
{
	static struct diary diary;
	struct author author = {shape, shape_create(shape, BPFMAP_MEMORY_PRIVATE), &diary, 0, 4};

	if (author.map)
		author_exercise(&author, 0);
	bpfmap_close(author.map);
}

static void operation_do(struct author *author, enum operation op, uint32_t key)
{
	if (op == OP_DELETE)
		author_remove(author, key);
	else
		author_put(author, key);
}

static void runner_work(const struct rig *rig, enum operation op, uint32_t key, enum warmth warmth)
{
	struct author self = key < HEIR_KEYS ? rig->heir : rig->dead;

	linker_warm(rig->shape);
	if (bpfmap_open(rig->pin, 0, &self.map) != 0)
		_exit(2);
	if (warmth == WARM)
		author_exercise(&self, WARM_KEY);
	if (verdict_failed() || ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(3);
	raise(SIGSTOP);
	operation_do(&self, op, key);
	_exit(0);
}

/* A tracee that stands just before its operation, or -1 with a failed verdict. */
static pid_t runner_start(const struct rig *rig, enum operation op, uint32_t key,
			  enum warmth warmth)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		runner_work(rig, op, key, warmth);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		return pid;
	verdict_fail("%s: the runner did not reach its start", rig->shape->name);
	return -1;
}

static void runner_end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, __WALL);
}

/* At most `steps` instructions; the number made before the runner ended. */
static uint32_t runner_step(pid_t pid, uint32_t steps)
{
	uint32_t made;
	int status;

	for (made = 0; made < steps; made++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
			return made;
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return made;
	}
	return made;
}

static void rig_close(struct rig *rig)
{
	bpfmap_close(rig->map);
	munmap(rig->diaries, sizeof(*rig->diaries));
	unlink(rig->pin);
}

static void rig_init(struct rig *rig, const struct shape *shape, const char *name)
{
	memset(rig, 0, sizeof(*rig));
	rig->shape = shape;
	rig->diaries = shared_alloc(sizeof(*rig->diaries));
	snprintf(rig->pin, sizeof(rig->pin), "%s", harness_path(name));
}

static void rig_staff(struct rig *rig)
{
	const struct shape *shape = rig->shape;

	rig->heir = (struct author){shape, rig->map, &rig->diaries->heir, 0, HEIR_KEYS};
	rig->dead = (struct author){shape, rig->map, &rig->diaries->dead, HEIR_KEYS,
				    shape->max_entries - HEIR_KEYS};
}

/* A new map, in the state before the operation. */
static int rig_create(struct rig *rig, const struct shape *shape, enum operation op)
{
	rig_init(rig, shape, "stepped");
	rig->map = shape_create(shape, BPFMAP_MEMORY_SHARED);
	if (!rig->map || bpfmap_pin(rig->map, rig->pin) != 0) {
		verdict_fail("pin: %s", bpfmap_last_error());
		rig_close(rig);
		return -1;
	}
	rig_staff(rig);
	author_put(&rig->heir, 0);
	author_put(&rig->heir, 1);
	if (op != OP_INSERT)
		author_put(&rig->dead, OPERATION_KEY);
	return 0;
}

/* The map that a frame is. */
static int rig_restore(struct rig *rig, const struct shape *shape, const struct film *film,
		       const struct frame *frame, const char *name)
{
	rig_init(rig, shape, name);
	*rig->diaries = frame->diaries;
	if (frame_write(film, frame, rig->pin) != 0 || bpfmap_open(rig->pin, 0, &rig->map) != 0) {
		verdict_fail("%s: frame at step %u: %s", shape->name, frame->step,
			     bpfmap_last_error());
		rig_close(rig);
		return -1;
	}
	rig_staff(rig);
	return 0;
}

/* The first writer after the death puts every key; how long that takes is what another process has
 * to wait. */
static void author_resume(struct author *author)
{
	struct diary *diary = author->diary;

	author_settle(author);
	diary->slowest_ns = 0;
	for (uint32_t i = 0; i < author->keys && !verdict_failed(); i++)
		author_put(author, author->first_key + i);
	if (diary->slowest_ns > figures.slowest_ns)
		figures.slowest_ns = diary->slowest_ns;
	if (diary->slowest_ns > SLOWEST_ALLOWED_NS)
		verdict_fail("%s: an operation took %llu ms", author->shape->name,
			     (unsigned long long)(diary->slowest_ns / NSEC_PER_MSEC));
}

static void rig_judge(struct rig *rig)
{
	author_judge(&rig->dead);
	author_judge(&rig->heir);
	figures.judged++;
	figures.sound_at_once += bpfmap_check(rig->map) == 0;
	author_resume(&rig->heir);
	author_resume(&rig->dead);
	if (!verdict_failed())
		capacity_judge(rig->map, rig->shape, rig->shape->max_entries,
			       rig->shape->max_entries);
	author_clear(&rig->heir);
	author_clear(&rig->dead);
	if (!verdict_failed())
		capacity_judge(rig->map, rig->shape, 0, rig->shape->max_entries);
}

/* Films one operation on the rig's map, to its end. 0 or -1 with a failed verdict. */
static int rig_film(struct rig *rig, enum operation op, uint32_t key, enum warmth warmth,
		    struct film *film)
{
	uint8_t *region = MAP_FAILED;
	struct stat st = {0};
	pid_t pid = -1;
	int fd = open(rig->pin, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0)
		region = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (region != MAP_FAILED)
		pid = runner_start(rig, op, key, warmth);
	if (pid > 0) {
		film_record(film, pid, region, (size_t)st.st_size, rig->diaries);
		runner_end(pid);
	}
	if (region != MAP_FAILED)
		munmap(region, (size_t)st.st_size);
	/* Closing any descriptor of a file would drop classic record locks on it, not those of
	 * open file descriptions. */
	close(fd);
	return pid > 0 ? 0 : -1;
}

static void frames_judge(const struct shape *shape, const struct film *film, const char *what)
{
	struct rig rig;

	for (uint32_t i = 0; i < film->count && !verdict_failed(); i++) {
		if (rig_restore(&rig, shape, film, &film->frames[i], "frame") != 0)
			return;
		rig_judge(&rig);
		rig_close(&rig);
		if (verdict_failed())
			tap_note("it was frame %u, step %u of %u of %s", i, film->frames[i].step,
				 film->steps, what);
	}
}

static void operation_film(const struct shape *shape, enum operation op, enum warmth warmth)
{
	struct film film;
	struct rig rig;

	if (rig_create(&rig, shape, op) != 0)
		return;
	if (rig_film(&rig, op, OPERATION_KEY, warmth, &film) == 0) {
		frames_judge(shape, &film, operation_names[op]);
		tap_note("%s: %s %s: %u states in %u instructions", shape->name,
			 warmth == WARM ? "warm" : "cold", operation_names[op], film.count,
			 film.steps);
		film_free(&film);
	}
	rig_close(&rig);
}

static uint32_t death_at(const struct shape *shape, enum operation op, uint32_t steps)
{
	uint32_t made = 0;
	struct rig rig;
	pid_t pid;

	if (rig_create(&rig, shape, op) != 0)
		return 0;
	pid = runner_start(&rig, op, OPERATION_KEY, WARM);
	if (pid > 0) {
		made = runner_step(pid, steps);
		runner_end(pid);
		rig_judge(&rig);
	}
	rig_close(&rig);
	if (verdict_failed())
		tap_note("it was the death after %u instructions of %s", made, operation_names[op]);
	return made;
}

/* In random order, as far as the time goes. */
static void operation_deaths(const struct shape *shape, enum operation op)
{
	uint32_t length = death_at(shape, op, STEPS_MAX);
	uint32_t *order = calloc(length + 1, sizeof(*order));
	uint64_t end_ns = now_ns() + budget_ns(DEATHS_MS);
	struct rng rng = rng_for(length);
	uint32_t done;

	for (uint32_t i = 0; i < length; i++) {
		uint32_t j = (uint32_t)rng_below(&rng, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (done = 0; done < length && !verdict_failed(); done++) {
		if (!getenv("BPFMAP_LONG") && now_ns() > end_ns)
			break;
		death_at(shape, op, order[done]);
	}
	tap_note("%s: %s: real deaths at %u of %u instructions", shape->name, operation_names[op],
		 done, length);
	free(order);
}

/* The heir of a random frame is filmed; every frame of that is judged. */
static void relay_leg(const struct shape *shape, const struct film *film, struct rng *rng)
{
	const struct frame *frame = &film->frames[rng_below(rng, film->count)];
	uint32_t key = (uint32_t)rng_below(rng, HEIR_KEYS);
	struct film heir;
	struct rig rig;

	if (rig_restore(&rig, shape, film, frame, "heir") != 0)
		return;
	if (rig_film(&rig, OP_REPLACE, key, COLD, &heir) == 0) {
		frames_judge(shape, &heir, "the heir's");
		film_free(&heir);
	}
	rig_close(&rig);
	if (verdict_failed())
		tap_note("it inherited step %u of %u, and put key %u", frame->step, film->steps,
			 key);
}

static void operation_relay(const struct shape *shape, enum operation op)
{
	uint64_t end_ns = now_ns() + budget_ns(RELAY_MS);
	struct rng rng = rng_for(op);
	struct film film;
	struct rig rig;

	if (rig_create(&rig, shape, op) != 0)
		return;
	if (rig_film(&rig, op, OPERATION_KEY, WARM, &film) == 0) {
		while (now_ns() < end_ns && !verdict_failed())
			relay_leg(shape, &film, &rng);
		film_free(&film);
	}
	rig_close(&rig);
}

static void figures_report(const struct shape *shape, const char *says)
{
	char sentence[160];

	tap_note("%s: %llu judged, slowest operation after a death %llu us, check passed at once "
		 "after %llu",
		 shape->name, (unsigned long long)figures.judged,
		 (unsigned long long)(figures.slowest_ns / 1000),
		 (unsigned long long)figures.sound_at_once);
	memset(&figures, 0, sizeof(figures));
	snprintf(sentence, sizeof(sentence), "%s: %s", shape->name, says);
	tap_verdict(sentence);
}

static void shape_torture(const struct shape *shape)
{
	bool array = shape->type == BPF_MAP_TYPE_ARRAY;
	int first = array ? OP_REPLACE : OP_INSERT;
	int end = array ? OP_DELETE : OP_COUNT;

	for (int op = first; op < end && !verdict_failed(); op++) {
		operation_film(shape, (enum operation)op, WARM);
		if (!verdict_failed())
			operation_film(shape, (enum operation)op, COLD);
	}
	figures_report(shape, "every state that a death can leave is mended");
	for (int op = first; op < end && !verdict_failed(); op++)
		operation_deaths(shape, (enum operation)op);
	figures_report(shape, "death at any instruction is survived");
	for (int op = first; op < end && !verdict_failed(); op++)
		operation_relay(shape, (enum operation)op);
	figures_report(shape, "death while mending is mended");
}

/* True where a process may trace its child. */
static bool tracing_is_permitted(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return false;
	runner_end(pid);
	return true;
}

static void canary(void)
{
	struct rig rig;

	if (rig_create(&rig, &shapes[1], OP_REPLACE) == 0) {
		rig.diaries->heir.versions[1]++;
		rig_judge(&rig);
		rig_close(&rig);
	}
	tap_canary("a wrong neighbour after a death is caught");
}

int main(void)
{
	harness_start("step");
	if (!tracing_is_permitted()) {
		tap_skip("death at each instruction", "ptrace is not permitted here");
		return tap_finish();
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		shape_torture(&shapes[i]);
	canary();
	return tap_finish();
}
