/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* crew.c: workers take orders from semaphores and meet on a counter, spinning, right before they begin. */
#include "crew.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct station {
	struct crew *crew;
	uint32_t worker;
	sem_t go;
	sem_t done;
	struct sample sample;
	uint32_t wrong;
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

const struct sample *crew_sample(const struct crew *crew, uint32_t worker)
{
	return &crew->stations[worker].sample;
}

uint32_t crew_wrong(const struct crew *crew, uint32_t worker)
{
	return crew->stations[worker].wrong;
}

static void station_run(struct station *s, uint32_t together)
{
	struct crew *crew = s->crew;
	const struct peer *peer = crew->peer;
	uint64_t sum;

	if (peer->enter)
		peer->enter(crew->table, s->worker);
	if (peer->prepare)
		peer->prepare(crew->table, s->worker, &s->room.batch);
	atomic_fetch_add(&crew->arrived, 1);
	while (atomic_load(&crew->arrived) < together)
		;
	sample_begin(&s->sample);
	sum = peer->run(crew->table, s->worker, crew->op, &s->room.batch);
	sample_end(&s->sample);
	s->wrong = sum != s->room.expected;
	if (peer->leave)
		peer->leave(crew->table, s->worker);
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
