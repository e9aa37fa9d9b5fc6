// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* series.c: feeds series.bpf.c, takes its samples at intervals and prints the ring, oldest first.
 *
 *   series OBJ SAMPLES INTERVAL_MS
 *
 * Before sample i the program gets i * i packets. Columns: number of the sample, packets since the
 * one before, total, and milliseconds since the one before ("-" where that has left the ring).
 * Exit status: 0, 1 if something failed, 2 for wrong arguments.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "../common/host.h"
#include "series.h"

#define MS_NS	     1000000
#define SAMPLES_MAX  1000
#define INTERVAL_MAX 60000

static struct timespec later(struct timespec t, long ms)
{
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * MS_NS;
	if (t.tv_nsec >= 1000 * MS_NS) {
		t.tv_nsec -= 1000 * MS_NS;
		t.tv_sec++;
	}
	return t;
}

static int packets_run(int count_fd, long packets)
{
	static const uint8_t frame[HOST_FRAME_MIN + 46];
	int verdict = 0;

	while (verdict >= 0 && packets--)
		verdict = host_run(count_fd, frame, sizeof(frame));
	return verdict;
}

/* The next interval begins where the last sample was taken, so two samples are never closer. */
static int samples_take(int count_fd, int sample_fd, long samples, long interval_ms)
{
	struct timespec next;
	int err = 0;

	for (long i = 1; !err && i <= samples; i++) {
		err = packets_run(count_fd, i * i);
		if (err < 0)
			return err;
		err = host_call(sample_fd, NULL, 0);
		clock_gettime(CLOCK_MONOTONIC, &next);
		next = later(next, interval_ms);
		while (i < samples && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL))
			;
	}
	return err;
}

static int ring_print(int ring_fd, uint32_t first)
{
	uint64_t before_ns = 0;

	printf("%6s %8s %8s %8s\n", "sample", "packets", "total", "ms");
	for (uint32_t i = 0; i < RING_SLOTS; i++) {
		uint32_t slot = (first + i) % RING_SLOTS;
		struct sample sample;

		if (bpf_map_lookup_elem(ring_fd, &slot, &sample))
			return host_failed(-errno, "ring");
		if (!sample.number)
			continue;
		printf("%6" PRIu64 " %8" PRIu64 " %8" PRIu64, (uint64_t)sample.number,
		       (uint64_t)sample.packets, (uint64_t)sample.total);
		if (before_ns)
			printf(" %8.3f\n", (double)(sample.time_ns - before_ns) / MS_NS);
		else
			printf(" %8s\n", "-");
		before_ns = sample.time_ns;
	}
	return 0;
}

static int run(const char *path, long samples, long interval_ms)
{
	struct bpf_object *object;
	int count_fd, sample_fd, ring_fd, err = host_load(path, &object);

	if (err)
		return err;
	count_fd = host_prog(object, "count_packets");
	sample_fd = host_prog(object, "take_sample");
	ring_fd = host_map(object, "ring");
	err = count_fd < 0 || sample_fd < 0 || ring_fd < 0 ? -ENOENT : 0;
	if (!err)
		err = samples_take(count_fd, sample_fd, samples, interval_ms);
	if (!err)
		err = ring_print(ring_fd, (uint32_t)(samples % RING_SLOTS));
	bpf_object__close(object);
	return err;
}

int main(int argc, char **argv)
{
	long samples, interval_ms;

	if (argc != 4) {
		fprintf(stderr, "usage: series OBJ SAMPLES INTERVAL_MS\n");
		return 2;
	}
	samples = host_number("SAMPLES", argv[2], 1, SAMPLES_MAX);
	interval_ms = host_number("INTERVAL_MS", argv[3], 0, INTERVAL_MAX);
	if (samples < 0 || interval_ms < 0)
		return 2;
	return run(argv[1], samples, interval_ms) ? 1 : 0;
}
