// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* crowd.c: many threads run one eBPF program at once, each on a packet of its own, all with the
 * same source.
 *
 *   crowd OBJECT THREADS PACKETS-EACH
 *
 * Prints how many packets the program's map has counted. Exit status: 0, 1 if something failed, 2
 * for wrong arguments.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpfmap/compat.h>
#include <bpfmap/program.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "talkers.h"

#define HEAD_ROOM 256
#define FRAME	  60

struct crowd {
	struct bpfmap_prog *prog;
	long packets;
};

/* An IPv4 packet from 10.0.0.1. */
static const uint8_t frame[FRAME] = {[12] = 0x08, [14] = 0x45, [26] = 10, [29] = 1};

static void *thread_main(void *arg)
{
	const struct crowd *crowd = arg;
	uint8_t buf[HEAD_ROOM + FRAME] = {0};
	uint32_t verdict;

	memcpy(buf + HEAD_ROOM, frame, FRAME);
	for (long i = 0; i < crowd->packets; i++) {
		struct bpfmap_packet packet = {.sz = sizeof(packet),
					       .buf = buf,
					       .buf_size = sizeof(buf),
					       .off = HEAD_ROOM,
					       .len = FRAME};

		if (bpfmap_prog_run(crowd->prog, NULL, &packet, &verdict)) {
			fprintf(stderr, "crowd: %s\n", bpfmap_last_error());
			return arg;
		}
	}
	return NULL;
}

static int counted(struct bpfmap *map, uint64_t *ret_packets)
{
	struct bpfmap_percpu_u64 packets;
	uint32_t key;

	memcpy(&key, frame + 26, sizeof(key));
	if (bpfmap_percpu_u64(map, &key, offsetof(struct talker, packets), sizeof(uint64_t),
			      &packets))
		return -1;
	*ret_packets = packets.sum;
	return 0;
}

static int crowd_run(struct crowd *crowd, long threads)
{
	pthread_t *ids = calloc((size_t)threads, sizeof(*ids));
	uint64_t packets;
	int err = !ids;
	long started = 0;

	while (!err && started < threads)
		err = pthread_create(&ids[started++], NULL, thread_main, crowd);
	if (err)
		started--;
	for (long i = 0; i < started; i++) {
		void *failed;

		pthread_join(ids[i], &failed);
		err |= failed != NULL;
	}
	free(ids);
	if (err || counted(bpfmap_prog_map_by_name(crowd->prog, "talkers"), &packets))
		return 1;
	printf("%" PRIu64 " of %ld packets counted\n", packets, threads * crowd->packets);
	return 0;
}

int main(int argc, char **argv)
{
	struct crowd crowd = {.packets = argc == 4 ? strtol(argv[3], NULL, 10) : 0};
	struct bpf_object *object;
	int status = 1;

	if (argc != 4 || crowd.packets < 1 || strtol(argv[2], NULL, 10) < 1) {
		fprintf(stderr, "usage: crowd OBJECT THREADS PACKETS-EACH\n");
		return 2;
	}
	bpfmap_compat_engine(BPFMAP_ENGINE_USER); /* libbpf loads here, not into the kernel */
	object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object))
		return 1;
	if (bpfmap_prog_from_fd(bpf_program__fd(bpf_object__next_program(object, NULL)),
				&crowd.prog))
		fprintf(stderr, "crowd: %s\n", bpfmap_last_error());
	else
		status = crowd_run(&crowd, strtol(argv[2], NULL, 10));
	bpfmap_prog_close(crowd.prog);
	bpf_object__close(object);
	return status;
}
