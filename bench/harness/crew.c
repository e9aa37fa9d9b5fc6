/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* crew.c: workers take orders from semaphores and meet on a counter, spinning, right before they begin.
 *
 * A run is cut into CHUNKS, each timed by the wall clock and judged on its own: a scheduler's time slice is
 * longer than most of them, so that also on a busy machine some are left alone. (CPU time does not do
 * instead: where a hypervisor steals time, the kernel takes it off sooner or later than it was stolen.)
 */
#include "crew.h"
#include "sample.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNKS 16u

static const uint32_t op_keys[OPS] = {
#define OP(id, word, keys) [OP_##id] = (keys),
#include "ops.def"
#undef OP
};

struct station {
	struct crew *crew;
	uint32_t worker;
	sem_t go;
	sem_t done;
	struct crew_result result;
	struct batch_room room;
};

struct crew {
	struct station stations[WORKERS];
	uint32_t workers;
	atomic_uint arrived;
	/* The order; no peer means go home. */
	const struct peer *peer;
	void *table;
	enum op op;
	enum crew_kind kind;
	pthread_t threads[WORKERS];
	pid_t processes[WORKERS];
};

struct crew *crew_new(void)
{
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (crew == MAP_FAILED)
		abort();
	for (uint32_t w = 0; w < WORKERS; w++) {
		struct station *s = &crew->stations[w];

		s->crew = crew;
		s->worker = w;
		sem_init(&s->go, 1, 0);
		sem_init(&s->done, 1, 0);
	}
	crew->workers = 1;
	return crew;
}

struct batch_room *crew_room(struct crew *crew, uint32_t worker)
{
	return &crew->stations[worker].room;
}

const struct crew_result *crew_result(const struct crew *crew, uint32_t worker)
{
	return &crew->stations[worker].result;
}

/* The mean of what was left alone, if that is half of it or more, else the median of all. */
static void chunks_judge(struct crew_result *result, double *clean, uint32_t n_clean, double *all,
			 uint32_t n)
{
	double sum = 0;

	result->disturbed = 2 * n_clean < n;
	for (uint32_t i = 0; i < n_clean; i++)
		sum += clean[i] / n_clean;
	result->ns = result->disturbed ? spread_of(all, n).median : sum;
}

static void station_chunks(struct station *s)
{
	struct crew *crew = s->crew;
	const struct batch *whole = &s->room.batch;
	uint32_t each = (whole->n / CHUNKS + UNIT - 1) / UNIT * UNIT, n = 0, n_clean = 0;
	double all[CHUNKS + 1], clean[CHUNKS + 1];
	uint64_t sum = 0;

	each = each ? each : UNIT;
	for (uint32_t first = 0; first < whole->n; first += each) {
		struct batch chunk = *whole;
		struct sample sample;

		chunk.keys += (size_t)first * op_keys[crew->op];
		chunk.ids += first;
		chunk.n = whole->n - first < each ? whole->n - first : each;
		if (crew->peer->prepare)
			crew->peer->prepare(crew->table, s->worker, crew->op, &chunk);
		sample_begin(&sample);
		sum += crew->peer->run(crew->table, s->worker, crew->op, &chunk);
		sample_end(&sample);
		all[n] = sample.wall_ns / chunk.n;
		if (!sample_disturbed(&sample))
			clean[n_clean++] = all[n];
		n++;
	}
	chunks_judge(&s->result, clean, n_clean, all, n);
	s->result.wrong = sum != s->room.expected;
}

static void station_run(struct station *s, uint32_t together)
{
	struct crew *crew = s->crew;

	if (crew->peer->enter)
		crew->peer->enter(crew->table, s->worker);
	atomic_fetch_add(&crew->arrived, 1);
	while (atomic_load(&crew->arrived) < together)
		;
	station_chunks(s);
	if (crew->peer->leave)
		crew->peer->leave(crew->table, s->worker);
}

static void *station_work(void *argument)
{
	struct station *s = argument;

	cpu_pin(s->worker);
	for (;;) {
		while (sem_wait(&s->go))
			;
		if (!s->crew->peer)
			return NULL;
		station_run(s, s->crew->workers);
		sem_post(&s->done);
	}
}

void crew_start(struct crew *crew, enum crew_kind kind, uint32_t workers)
{
	crew->workers = workers;
	crew->kind = kind;
	for (uint32_t w = 1; w < workers; w++) {
		if (kind == CREW_THREADS) {
			if (pthread_create(&crew->threads[w], NULL, station_work,
					   &crew->stations[w]))
				abort();
			continue;
		}
		crew->processes[w] = fork();
		if (crew->processes[w] < 0)
			abort();
		if (!crew->processes[w]) {
			station_work(&crew->stations[w]);
			_exit(0);
		}
	}
}

static void order(struct crew *crew, const struct peer *peer, void *table, enum op op)
{
	crew->peer = peer;
	crew->table = table;
	crew->op = op;
	atomic_store(&crew->arrived, 0);
}

void crew_run_alone(struct crew *crew, const struct peer *peer, void *table, enum op op)
{
	order(crew, peer, table, op);
	station_run(&crew->stations[0], 1);
}

void crew_run(struct crew *crew, const struct peer *peer, void *table, enum op op)
{
	order(crew, peer, table, op);
	for (uint32_t w = 1; w < crew->workers; w++)
		sem_post(&crew->stations[w].go);
	station_run(&crew->stations[0], crew->workers);
	for (uint32_t w = 1; w < crew->workers; w++)
		while (sem_wait(&crew->stations[w].done))
			;
}

void crew_stop(struct crew *crew)
{
	order(crew, NULL, NULL, OP_LOOP);
	for (uint32_t w = 1; w < crew->workers; w++) {
		sem_post(&crew->stations[w].go);
		if (crew->kind == CREW_THREADS)
			pthread_join(crew->threads[w], NULL);
		else
			waitpid(crew->processes[w], NULL, 0);
	}
}
