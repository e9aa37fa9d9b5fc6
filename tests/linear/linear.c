/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* linear.c: threads or processes on few keys of one map; each key's history must be linearizable. With
 * processes also runs in which one of them is killed. Which crew: the first argument.
 */
#include "bpfmap/bpfmap.h"
#include "harness.h"
#include "history.h"

#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS	    4u
#define KEYS	    3u
#define EVENTS	    4000u /* of a worker in a round */
#define VALUE_WORDS 64u
#define RUN_MS	    700
#define KILL_MAX_NS 500000

struct shape {
	const char *name;
	uint32_t type, value_size;
};

enum fault { FAULT_NONE, FAULT_STALE };

struct round_shm {
	uint32_t ready; /* workers */
	uint64_t tick;
	uint64_t value; /* the last one handed out */
	struct event events[WORKERS][EVENTS];
};

struct round {
	const struct shape *shape;
	struct round_shm *shm;
	struct bpfmap *map;
	const char *pin;
	enum fault fault;
	uint32_t seed;
	uint64_t kill_ns; /* the first worker's life; 0: not killed */
};

struct worker {
	struct round *round;
	uint32_t index;
	struct bpfmap *map;
	struct rng rng;
	uint64_t cached[KEYS]; /* FAULT_STALE */
};

static uint64_t total_events, total_histories, total_pending;

static uint64_t next_number(uint64_t *word)
{
	return __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
}

/* The whole value is one number; or the verdict fails. */
static uint64_t value_number(const struct worker *w, const uint64_t *words)
{
	for (uint32_t i = 1; i < w->round->shape->value_size / 8; i++)
		if (words[i] != words[0])
			verdict_fail("%s: a value is a mixture of %llu and %llu",
				     w->round->shape->name, (unsigned long long)words[0],
				     (unsigned long long)words[i]);
	return words[0];
}

static void expect(const struct event *e, int err, int other)
{
	if (err && err != other)
		verdict_fail("operation %u: %d, %s", e->op, err, bpfmap_last_error());
}

static void find_run(struct worker *w, struct event *e, uint64_t key)
{
	uint64_t words[VALUE_WORDS];
	int err = e->op == OP_READ ? bpfmap_read(w->map, &key, words)
				   : bpfmap_take(w->map, &key, words);

	expect(e, err, -ENOENT);
	e->out = err ? 0 : value_number(w, words);
	if (e->op == OP_READ && w->round->fault == FAULT_STALE && rng_below(&w->rng, 64) == 0)
		e->out = w->cached[e->key];
	w->cached[e->key] = e->out;
}

static void change_run(struct worker *w, struct event *e, uint64_t key)
{
	static const uint64_t flags[] = {
		[OP_ANY] = BPF_ANY, [OP_NOEXIST] = BPF_NOEXIST, [OP_EXIST] = BPF_EXIST};
	uint64_t words[VALUE_WORDS];
	int err;

	if (e->op == OP_DELETE) {
		err = bpfmap_delete(w->map, &key);
		expect(e, err, -ENOENT);
	} else {
		for (uint32_t i = 0; i < VALUE_WORDS; i++)
			words[i] = e->in;
		err = bpfmap_update(w->map, &key, words, flags[e->op]);
		expect(e, err, e->op == OP_NOEXIST ? -EEXIST : e->op == OP_EXIST ? -ENOENT : 0);
	}
	e->done = !err;
}

static void event_run(struct worker *w, struct event *e)
{
	static const uint8_t of_array[] = {OP_READ, OP_ANY, OP_EXIST};
	bool array = w->round->shape->type == BPF_MAP_TYPE_ARRAY;
	uint64_t key = 0;

	e->key = (uint32_t)rng_below(&w->rng, KEYS);
	e->op = array ? of_array[rng_below(&w->rng, 3)] : (uint8_t)rng_below(&w->rng, OP_KINDS);
	if (e->op == OP_EXIST && array)
		e->op = OP_ANY;
	e->in = next_number(&w->round->shm->value);
	memcpy(&key, &e->key, sizeof(e->key)); /* an array's key is these four bytes */
	__atomic_store_n(&e->begin, next_number(&w->round->shm->tick), __ATOMIC_SEQ_CST);
	if (e->op == OP_READ || e->op == OP_TAKE)
		find_run(w, e, key);
	else
		change_run(w, e, key);
	__atomic_store_n(&e->end, next_number(&w->round->shm->tick), __ATOMIC_SEQ_CST);
}

/* The kernel's timer does it, in the middle of whatever runs then. */
static void kill_self_after(uint64_t ns)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value.tv_nsec = (long)ns};
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &when, NULL))
		verdict_fail("no timer: %s", strerror(errno));
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;

	w->rng = rng_for(w->round->seed * WORKERS + w->index);
	__atomic_add_fetch(&w->round->shm->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&w->round->shm->ready, __ATOMIC_SEQ_CST) < WORKERS &&
	       !verdict_failed())
		sched_yield();
	if (w->index == 0 && w->round->kill_ns)
		kill_self_after(w->round->kill_ns);
	for (uint32_t i = 0; i < EVENTS && !verdict_failed(); i++)
		event_run(w, &w->round->shm->events[w->index][i]);
	return NULL;
}

static void threads_run(struct round *r)
{
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];

	for (uint32_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.round = r, .index = i, .map = r->map};
		if (pthread_create(&threads[i], NULL, worker_run, &workers[i]))
			abort();
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
}

static void process_run(struct round *r, uint32_t index)
{
	struct worker w = {.round = r, .index = index};

	if (bpfmap_open(r->pin, 0, &w.map))
		verdict_fail("open: %s", bpfmap_last_error());
	else
		worker_run(&w);
	_exit(0);
}

static void processes_run(struct round *r)
{
	pid_t pids[WORKERS];
	int status;

	for (uint32_t i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			process_run(r, i);
		if (pids[i] < 0)
			abort();
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] ||
		    (status && (i || !r->kill_ns || !WIFSIGNALED(status))))
			verdict_fail("worker %u ended with status 0x%x", i, status);
}

static void key_check(const struct round *r, uint32_t key, struct event *room)
{
	size_t n = 0;

	for (uint32_t w = 0; w < WORKERS; w++)
		for (uint32_t i = 0; i < EVENTS; i++) {
			const struct event *e = &r->shm->events[w][i];

			if (!e->begin || e->key != key)
				continue;
			total_pending += !e->end;
			room[n++] = *e;
		}
	total_events += n;
	total_histories++;
	if (!history_linear(room, n))
		verdict_fail("%s: the history of key %u in round %u is not linearizable",
			     r->shape->name, key, r->seed);
}

static void round_run(struct round *r, enum crew_kind kind, bool killing)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = r->shape->type,
		.key_size = r->shape->type == BPF_MAP_TYPE_ARRAY ? 4 : 8,
		.value_size = r->shape->value_size,
		.max_entries = 16,
		.memory = BPFMAP_MEMORY_SHARED,
	};
	struct event *room = calloc(WORKERS * EVENTS, sizeof(*room));
	struct rng rng = rng_for(r->seed);

	r->kill_ns = killing ? 1 + rng_below(&rng, KILL_MAX_NS) : 0;
	memset(r->shm, 0, sizeof(*r->shm));
	unlink(r->pin);
	if (!room || bpfmap_create(&opts, &r->map)) {
		verdict_fail("create: %s", bpfmap_last_error());
		free(room);
		return;
	}
	if (bpfmap_pin(r->map, r->pin))
		verdict_fail("pin: %s", bpfmap_last_error());
	else if (kind == CREW_THREADS)
		threads_run(r);
	else
		processes_run(r);
	for (uint32_t key = 0; key < KEYS && !verdict_failed(); key++)
		key_check(r, key, room);
	bpfmap_close(r->map);
	free(room);
}

static void shape_run(const struct shape *shape, enum crew_kind kind, bool killing,
		      enum fault fault)
{
	static char pin[256];
	static uint32_t seed;
	struct round r = {.shape = shape, .fault = fault, .pin = pin};
	uint64_t end = now_ns() + budget_ns(RUN_MS);

	snprintf(pin, sizeof(pin), "%s", harness_path("linear"));
	r.shm = shared_alloc(sizeof(*r.shm));
	do {
		r.seed = ++seed;
		round_run(&r, kind, killing);
	} while (now_ns() < end && !verdict_failed());
	munmap(r.shm, sizeof(*r.shm));
}

/* Histories made by hand, which the checker must accept or refuse. */
static void checker_check(void)
{
	struct event overlap[] = {{1, 6, 7, 0, 0, OP_ANY, true},
				  {2, 3, 0, 7, 0, OP_READ, true},
				  {4, 5, 0, 7, 0, OP_READ, true}};
	struct event inverted[] = {{1, 6, 7, 0, 0, OP_ANY, true},
				   {2, 3, 0, 7, 0, OP_READ, true},
				   {4, 5, 0, 0, 0, OP_READ, true}};
	struct event stale[] = {{1, 2, 7, 0, 0, OP_ANY, true},
				{3, 4, 8, 0, 0, OP_ANY, true},
				{5, 6, 0, 7, 0, OP_READ, true}};
	struct event twice[] = {{1, 4, 7, 0, 0, OP_NOEXIST, true},
				{2, 3, 8, 0, 0, OP_NOEXIST, true}};
	struct event taken[] = {{1, 2, 7, 0, 0, OP_ANY, true},
				{3, 6, 0, 7, 0, OP_TAKE, true},
				{4, 5, 0, 0, 0, OP_DELETE, true}};
	struct event killed[] = {{1, 0, 7, 0, 0, OP_ANY, false},
				 {2, 3, 0, 0, 0, OP_READ, true},
				 {4, 5, 0, 7, 0, OP_READ, true}};
	struct event undone[] = {{1, 0, 7, 0, 0, OP_ANY, false},
				 {2, 3, 0, 7, 0, OP_READ, true},
				 {4, 5, 0, 0, 0, OP_READ, true}};

	if (!history_linear(overlap, 3) || !history_linear(killed, 3))
		verdict_fail("the checker refuses a linearizable history");
	tap_verdict("linearizable histories are accepted");
	if (!history_linear(inverted, 3) && !history_linear(stale, 3) &&
	    !history_linear(twice, 2) && !history_linear(taken, 3) && !history_linear(undone, 3))
		verdict_fail("caught");
	tap_canary("new-old inversion, stale read, two inserts, two deletes, an undone write");
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {
		{"hash 8/8", BPF_MAP_TYPE_HASH, 8},
		{"hash 8/64", BPF_MAP_TYPE_HASH, 64},
		{"hash 8/512", BPF_MAP_TYPE_HASH, 512},
		{"array 8", BPF_MAP_TYPE_ARRAY, 8},
		{"array 64", BPF_MAP_TYPE_ARRAY, 64},
		{"lru_hash 8/64", BPF_MAP_TYPE_LRU_HASH, 64},
	};
	bool threads = argc > 1 && !strcmp(argv[1], "threads");
	enum crew_kind kind = threads ? CREW_THREADS : CREW_PROCESSES;
	char sentence[96];

	harness_start(threads ? "linear-threads" : "linear-processes");
	checker_check();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		shape_run(&shapes[i], kind, false, FAULT_NONE);
		snprintf(sentence, sizeof(sentence), "%s: histories are linearizable",
			 shapes[i].name);
		tap_verdict(sentence);
		if (threads)
			continue;
		shape_run(&shapes[i], kind, true, FAULT_NONE);
		snprintf(sentence, sizeof(sentence), "%s: so are those with a killed process",
			 shapes[i].name);
		tap_verdict(sentence);
	}
	tap_note("%llu operations in %llu histories of a key, %llu cut short by a kill",
		 (unsigned long long)total_events, (unsigned long long)total_histories,
		 (unsigned long long)total_pending);
	shape_run(&shapes[0], kind, false, FAULT_STALE);
	tap_canary("a read that sometimes answers from a cache is caught");
	return tap_finish();
}
