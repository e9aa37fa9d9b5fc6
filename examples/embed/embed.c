/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* embed.c: a program on a capture in four threads, its maps read by a second process. embed OBJ
 * PCAP DIR */
#include <bpfmap/object.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../flows/flows.h"

#define THREADS	    4
#define PACKETS_MAX 100000

static struct bpfmap_packet packets[PACKETS_MAX];
static uint32_t verdicts[PACKETS_MAX], packet_count;
static struct bpfmap_prog *prog;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "embed: %s: %s\n", what, why);
	exit(1);
}

/* The packets of a capture file as tcpdump writes it on this machine. */
static void packets_read(const char *path)
{
	uint32_t head[6], record[4];
	FILE *file = fopen(path, "r");

	if (!file || fread(head, sizeof(head), 1, file) != 1 || head[0] != 0xa1b2c3d4)
		die(path, "no capture file");
	while (packet_count < PACKETS_MAX && fread(record, sizeof(record), 1, file) == 1) {
		struct bpfmap_packet *packet = &packets[packet_count++];

		*packet = (struct bpfmap_packet){.sz = sizeof(*packet), .len = record[2]};
		packet->buf_size = packet->len;
		packet->buf = malloc(packet->len);
		if (!packet->buf || fread(packet->buf, 1, packet->len, file) != packet->len)
			die(path, "the capture breaks off");
	}
	fclose(file);
}

/* One thread's share; a packet on which the program fails is told and passed over. */
static void *share_run(void *arg)
{
	uint32_t at = packet_count * (uint32_t)(uintptr_t)arg / THREADS, count;
	uint32_t end = packet_count * ((uint32_t)(uintptr_t)arg + 1) / THREADS;

	for (; at < end; at += count + 1) {
		count = end - at;
		if (bpfmap_prog_run_many(prog, NULL, packets + at, verdicts + at, &count))
			fprintf(stderr, "packet %u: %s\n", at + count, bpfmap_last_error());
	}
	return NULL;
}

/* In the second process, which has the pins' directory alone. */
static int totals_print(const char *dir)
{
	struct flow_stats passed, dropped;
	uint32_t pass = COUNT_PASSED, drop = COUNT_DROPPED;
	struct bpfmap *flows, *counters;
	struct bpfmap_info info;

	if (chdir(dir) || bpfmap_open("flows", BPFMAP_OPEN_RDONLY, &flows) ||
	    bpfmap_open("counters", BPFMAP_OPEN_RDONLY, &counters) ||
	    bpfmap_read(counters, &pass, &passed) || bpfmap_read(counters, &drop, &dropped) ||
	    bpfmap_get_info(flows, &info))
		die(dir, bpfmap_last_error());
	printf("%llu flows, %llu packets passed, %llu dropped\n", (unsigned long long)info.entries,
	       (unsigned long long)passed.packets, (unsigned long long)dropped.packets);
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bpfmap_object *object;
	pthread_t threads[THREADS];

	if (argc != 4)
		die("usage", "embed OBJ PCAP DIR");
	packets_read(argv[2]);
	if (bpfmap_object_open(argv[1], NULL, &object) || bpfmap_object_pin(object, argv[3]))
		die(argv[1], bpfmap_last_error());
	prog = bpfmap_object_prog(object, "count_flows");
	if (!prog || bpfmap_prog_jit(prog, BPFMAP_JIT_AUTO))
		die(argv[1], prog ? bpfmap_last_error() : "no program count_flows");
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, share_run, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%u packets in %d threads\n", packet_count, THREADS);
	fflush(stdout);
	if (!fork())
		_exit(totals_print(argv[3]));
	wait(NULL);
	bpfmap_object_close(object);
	return 0;
}
