/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kill.c: a writer is killed with SIGKILL again and again, at a random moment, while another works on
 * in the same small map. What must hold after each death:
 *   - the dead writer's keys are as its diary says, up to the one operation it was in;
 *   - the survivor's operations all succeed, none takes a second, and its keys are untouched, also
 *     while the dead process has not been reaped (a zombie's pid still answers kill(pid, 0));
 *   - every few deaths: exactly max_entries fit, check passes, and after deleting all nothing is left.
 * All authors' keys together just fit into the map, so that one slot lost for good fails an insert.
 */
#include "model.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS		   2400
#define KILL_AFTER_NS_MAX  300000u
#define KILLS_PER_AUDIT	   16u
#define AUDITS_PER_CLEAR   4u
#define SLOWEST_ALLOWED_NS NSEC_PER_SEC
#define SLOWEST_TARGET_NS  (10 * NSEC_PER_MSEC)
#define WORKER_NICENESS	   10
#define STUCK_NS	   (5 * NSEC_PER_SEC)

static const struct shape shapes[] = {
	{"hash 8/8 of 8", BPF_MAP_TYPE_HASH, 8, 8, 8, 0},
	{"hash 16/64 of 32", BPF_MAP_TYPE_HASH, 16, 64, 32, 0},
	{"hash 40/300 of 256", BPF_MAP_TYPE_HASH, 40, 300, 256, 0},
	{"hash 8/3000 of 16", BPF_MAP_TYPE_HASH, 8, 3000, 16, 0},
	{"hash 8/8 of 16 no_prealloc", BPF_MAP_TYPE_HASH, 8, 8, 16, BPF_F_NO_PREALLOC},
	{"hash 40/300 of 100 no_prealloc", BPF_MAP_TYPE_HASH, 40, 300, 100, BPF_F_NO_PREALLOC},
	{"hash 40/300 of 32 variable", BPF_MAP_TYPE_HASH, 40, 300, 32, BPFMAP_F_VARIABLE},
	{"hash 8/4000 of 8 variable", BPF_MAP_TYPE_HASH, 8, 4000, 8, BPFMAP_F_VARIABLE},
	{"lru_hash 8/64 of 32", BPF_MAP_TYPE_LRU_HASH, 8, 64, 32, 0},
	{"array 64 of 8", BPF_MAP_TYPE_ARRAY, 4, 64, 8, 0},
	{"array 3000 of 8", BPF_MAP_TYPE_ARRAY, 4, 3000, 8, 0},
};

/* In shared memory. */
struct stage {
	uint32_t stop;
	uint32_t pause;	 /* the parent asks the survivor to stand still */
	uint32_t paused; /* it does */
	uint32_t ready;	 /* the mortal writer has opened the map */
	struct diary survivor;
	struct diary mortal;
};

struct arena {
	const struct shape *shape;
	struct stage *stage;
	struct bpfmap *map;
	char pin[256];
	struct rng rng;
	struct author survivor;
	struct author mortal;
	uint64_t kills;
	uint64_t kills_inside; /* the victim was in an operation */
	uint64_t zombies;
};

#define word_get(field)	       __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define word_put(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

static struct bpfmap *pin_open(const char *pin)
{
	struct bpfmap *map = NULL;
	int err = bpfmap_open(pin, 0, &map);

	if (err)
		verdict_fail("open: %d, %s", err, bpfmap_last_error());
	return map;
}

static void survivor_work(void *arg)
{
	struct arena *arena = arg;
	struct author self = arena->survivor;
	struct rng rng = rng_for(77);

	/* Behind the killer, which is to strike at the moment it chose. */
	setpriority(PRIO_PROCESS, 0, WORKER_NICENESS);
	self.map = pin_open(arena->pin);
	while (self.map && !word_get(arena->stage->stop) && !verdict_failed()) {
		if (word_get(arena->stage->pause)) {
			word_put(arena->stage->paused, 1);
			sched_yield();
			continue;
		}
		word_put(arena->stage->paused, 0);
		author_act(&self, &rng);
		if (self.diary->slowest_ns > SLOWEST_ALLOWED_NS)
			verdict_fail("%s: the survivor's operation took %llu ms",
				     arena->shape->name,
				     (unsigned long long)(self.diary->slowest_ns / NSEC_PER_MSEC));
	}
	bpfmap_close(self.map);
}

static void mortal_work(struct arena *arena, uint64_t life)
{
	struct author self = arena->mortal;
	struct rng rng = rng_for(1000 + life);

	setpriority(PRIO_PROCESS, 0, WORKER_NICENESS);
	/* Every other victim inherits the parent's handle instead of opening its own. */
	if (life % 2)
		self.map = pin_open(arena->pin);
	word_put(arena->stage->ready, 1);
	while (self.map && !verdict_failed())
		author_act(&self, &rng);
	_exit(0);
}

static void nap(uint64_t ns)
{
	struct timespec ts = {.tv_nsec = (long)ns};

	nanosleep(&ts, NULL);
}

/* Waits until the survivor has completed some operations; the dead writer is still a zombie. */
static void survivor_await(struct arena *arena, uint64_t acts)
{
	uint64_t target = word_get(arena->stage->survivor.acts_done) + acts;
	uint64_t deadline_ns = now_ns() + STUCK_NS;

	while (word_get(arena->stage->survivor.acts_done) < target && !verdict_failed()) {
		nap(20000);
		if (now_ns() > deadline_ns)
			verdict_fail("%s: the survivor is stuck after kill %llu",
				     arena->shape->name, (unsigned long long)arena->kills);
	}
}

static void mortal_reap(struct arena *arena, pid_t pid)
{
	siginfo_t info;

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0)
		verdict_fail("waitid: %s", strerror(errno));
	else if (info.si_code != CLD_KILLED && !verdict_failed())
		verdict_fail("%s: the victim ended by itself: code %d, status %d",
			     arena->shape->name, info.si_code, info.si_status);
	if (rng_below(&arena->rng, 4) == 0) {
		survivor_await(arena, 20);
		arena->zombies++;
	}
	waitpid(pid, NULL, 0);
}

static void mortal_live_and_die(struct arena *arena)
{
	uint64_t deadline_ns = now_ns() + STUCK_NS;
	pid_t pid;

	word_put(arena->stage->ready, 0);
	pid = fork();
	if (pid == 0)
		mortal_work(arena, arena->kills);
	if (pid < 0) {
		verdict_fail("cannot fork: %s", strerror(errno));
		return;
	}
	while (!word_get(arena->stage->ready) && !verdict_failed()) {
		sched_yield();
		if (now_ns() > deadline_ns)
			verdict_fail("%s: the victim cannot open the map", arena->shape->name);
	}
	nap(rng_below(&arena->rng, KILL_AFTER_NS_MAX));
	kill(pid, SIGKILL);
	mortal_reap(arena, pid);
	arena->kills++;
	arena->kills_inside += arena->stage->mortal.act != ACT_NONE;
	author_settle(&arena->mortal);
}

static void survivor_pause(struct arena *arena)
{
	uint64_t deadline_ns = now_ns() + STUCK_NS;

	word_put(arena->stage->pause, 1);
	while (!word_get(arena->stage->paused) && !verdict_failed()) {
		nap(20000);
		if (now_ns() > deadline_ns)
			verdict_fail("%s: the survivor is stuck", arena->shape->name);
	}
}

static void survivor_resume(struct arena *arena)
{
	word_put(arena->stage->paused, 0);
	word_put(arena->stage->pause, 0);
}

/* With everybody at rest. */
static void audit(struct arena *arena, uint64_t number, enum fault fault)
{
	uint32_t first_free = arena->shape->max_entries;

	survivor_pause(arena);
	if (fault == FAULT_LOST)
		arena->stage->survivor.versions[0]++;
	author_judge(&arena->survivor);
	if (!verdict_failed())
		capacity_judge(arena->map, arena->shape,
			       author_count(&arena->survivor) + author_count(&arena->mortal),
			       first_free);
	if (number % AUDITS_PER_CLEAR == 0 && !verdict_failed()) {
		author_clear(&arena->survivor);
		author_clear(&arena->mortal);
		capacity_judge(arena->map, arena->shape, 0, first_free);
	}
	survivor_resume(arena);
}

static int arena_open(struct arena *arena, const struct shape *shape)
{
	uint32_t half = shape->max_entries / 2;

	memset(arena, 0, sizeof(*arena));
	arena->shape = shape;
	arena->rng = rng_for(shape->max_entries);
	arena->stage = shared_alloc(sizeof(*arena->stage));
	snprintf(arena->pin, sizeof(arena->pin), "%s", harness_path("killed"));
	unlink(arena->pin);
	arena->map = shape_create(shape, BPFMAP_MEMORY_SHARED);
	if (!arena->map)
		return -1;
	if (bpfmap_pin(arena->map, arena->pin) != 0) {
		verdict_fail("pin: %s", bpfmap_last_error());
		return -1;
	}
	arena->survivor = (struct author){shape, arena->map, &arena->stage->survivor, 0, half};
	arena->mortal = (struct author){shape, arena->map, &arena->stage->mortal, half,
					shape->max_entries - half};
	return 0;
}

static void arena_report(const struct arena *arena)
{
	uint64_t slowest_ns = arena->stage->survivor.slowest_ns;

	tap_note("%s: %llu kills (%llu inside an operation, %llu unreaped for a while), %llu + "
		 "%llu operations, slowest of the survivor %llu us%s",
		 arena->shape->name, (unsigned long long)arena->kills,
		 (unsigned long long)arena->kills_inside, (unsigned long long)arena->zombies,
		 (unsigned long long)arena->stage->survivor.acts_done,
		 (unsigned long long)arena->stage->mortal.acts_done,
		 (unsigned long long)(slowest_ns / 1000),
		 slowest_ns > SLOWEST_TARGET_NS ? " (target: 10000)" : "");
	tap_figure("writers killed at random moments", arena->kills, "kills");
}

static void shape_torture(const struct shape *shape, uint64_t run_ns, enum fault fault)
{
	uint64_t end_ns = now_ns() + run_ns;
	struct arena arena;
	struct crew crew;

	if (arena_open(&arena, shape) != 0)
		return;
	crew_start(&crew, CREW_PROCESSES);
	crew_add(&crew, survivor_work, &arena);
	while (now_ns() < end_ns && !verdict_failed()) {
		mortal_live_and_die(&arena);
		if (arena.kills % KILLS_PER_AUDIT == 0 && !verdict_failed())
			audit(&arena, arena.kills / KILLS_PER_AUDIT, fault);
	}
	word_put(arena.stage->stop, 1);
	crew_join(&crew, STUCK_NS);
	arena_report(&arena);
	bpfmap_close(arena.map);
	munmap(arena.stage, sizeof(*arena.stage));
}

int main(void)
{
	char sentence[160];

	harness_start("kill");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		snprintf(sentence, sizeof(sentence), "%s: writers are killed, nothing else is lost",
			 shapes[i].name);
		shape_torture(&shapes[i], budget_ns(RUN_MS), FAULT_NONE);
		tap_verdict(sentence);
	}
	shape_torture(&shapes[1], NSEC_PER_SEC, FAULT_LOST);
	tap_canary("a wrong element after a kill is caught");
	return tap_finish();
}
