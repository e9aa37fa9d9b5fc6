// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* events.c: several processes with several threads each count events with events.bpf.c at once.
 *
 *   events OBJ PROCESSES THREADS ROUNDS
 *
 * In each round each thread hands in k + 1 events of each kind k from 0 to 4. At the end a line
 * tells for each kind its number, the sum over all CPUs, and the counters CPU by CPU.
 * Exit status: 0, 1 if something failed, 2 for wrong arguments.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../common/host.h"

#define KINDS	      5
#define EVENTS	      (KINDS * (KINDS + 1) / 2) /* of a round */
#define PROCESSES_MAX 32
#define THREADS_MAX   64
#define ROUNDS_MAX    1000000

struct runner {
	pthread_t thread;
	int prog_fd;
	long rounds;
	int result;
};

/* 0, 1, 1, 2, 2, 2 and so on. */
static uint8_t kind_of(uint8_t event)
{
	uint8_t kind = 0;

	while (event > kind)
		event -= ++kind;
	return kind;
}

static void *runner_main(void *arg)
{
	struct runner *runner = arg;
	uint8_t record[HOST_FRAME_MIN] = {0};

	for (long round = 0; !runner->result && round < runner->rounds; round++)
		for (uint8_t event = 0; !runner->result && event < EVENTS; event++) {
			record[0] = kind_of(event);
			if (host_run(runner->prog_fd, record, sizeof(record)) != XDP_PASS)
				runner->result = -EIO;
		}
	return NULL;
}

/* The whole life of one process: 0 or a negative errno. */
static int process_main(int prog_fd, long threads, long rounds)
{
	struct runner runners[THREADS_MAX] = {0};
	int err = 0;
	long i;

	for (i = 0; i < threads; i++) {
		runners[i].prog_fd = prog_fd;
		runners[i].rounds = rounds;
		err = -pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]);
		if (err)
			break;
	}
	while (i--) {
		pthread_join(runners[i].thread, NULL);
		err = err ? err : runners[i].result;
	}
	return err;
}

static int processes_run(int prog_fd, long processes, long threads, long rounds)
{
	int err = 0, status;

	for (long i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(process_main(prog_fd, threads, rounds) ? 1 : 0);
		if (pid < 0)
			err = host_failed(-errno, "fork");
	}
	while (wait(&status) > 0)
		if (status)
			err = -EIO;
	return err;
}

static int kinds_print(int map_fd)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *counts;
	int err = 0;

	if (cpus < 0)
		return host_failed(cpus, "number of CPUs");
	counts = calloc((size_t)cpus, sizeof(*counts));
	if (!counts)
		return host_failed(-ENOMEM, "counters");
	for (uint32_t kind = 0; !err && kind < KINDS; kind++) {
		uint64_t sum = 0;

		if (bpf_map_lookup_elem(map_fd, &kind, counts)) {
			err = host_failed(-errno, "events");
			break;
		}
		for (int cpu = 0; cpu < cpus; cpu++)
			sum += counts[cpu];
		printf("kind %u: %" PRIu64 " events; by CPU:", kind, sum);
		for (int cpu = 0; cpu < cpus; cpu++)
			printf(" %" PRIu64, counts[cpu]);
		putchar('\n');
	}
	free(counts);
	return err;
}

int main(int argc, char **argv)
{
	long processes, threads, rounds;
	struct bpf_object *object;
	int prog_fd, map_fd, err;

	if (argc != 5) {
		fprintf(stderr, "usage: events OBJ PROCESSES THREADS ROUNDS\n");
		return 2;
	}
	processes = host_number("PROCESSES", argv[2], 1, PROCESSES_MAX);
	threads = host_number("THREADS", argv[3], 1, THREADS_MAX);
	rounds = host_number("ROUNDS", argv[4], 1, ROUNDS_MAX);
	if (processes < 0 || threads < 0 || rounds < 0)
		return 2;
	if (host_load(argv[1], &object))
		return 1;
	prog_fd = host_prog(object, "count_event");
	map_fd = host_map(object, "events");
	err = prog_fd < 0 || map_fd < 0 ? -ENOENT
					: processes_run(prog_fd, processes, threads, rounds);
	if (!err)
		err = kinds_print(map_fd);
	bpf_object__close(object);
	return err ? 1 : 0;
}
