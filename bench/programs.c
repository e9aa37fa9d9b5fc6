/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* programs.c: packets per second of example programs: interpreted, compiled, and in the live kernel by its
 * own JIT (BPF_PROG_TEST_RUN), interleaved in one run; what compiling costs.
 *
 *   bench-programs [-s SECONDS] CAPTURE OBJECT...
 *
 * A sample of the capture's packets, each run REPEAT times in a row in each engine, as BPF_PROG_TEST_RUN does
 * it; rounds of all engines alternate, and each packet's best round counts (others were disturbed). The kernel's time
 * is what it reports: without the system call, the CPU taken once for all of them. Ours, too, takes its CPU
 * once, as bpfmap_prog_run_many() does, and contains setting up each run and its context.
 * Output: a line per program of tab-separated figures, with a head line.
 */
#include "engines.h"

#include "base/error.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE	  64
#define REPEAT	  2000
#define HEAD_ROOM 256
#define BUF_BYTES 4096
#define TAIL_ROOM 320

enum contender { INTERPRETER, JIT, KERNEL, CONTENDERS };

struct race {
	const struct bpf_program *prog;
	struct engine_user users[2];
	double best_ns[CONTENDERS][SAMPLE]; /* of each packet */
};

static struct engine_capture capture;

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct engine_packet *sample(uint32_t i)
{
	return &capture.packets[(uint64_t)i * capture.count / SAMPLE];
}

static double user_packet(const struct engine_user *user, const struct engine_packet *from)
{
	static uint8_t buf[BUF_BYTES];
	struct vm_packet packet;
	uint32_t verdict;
	double start;

	memcpy(buf + HEAD_ROOM, from->bytes, from->len);
	packet = (struct vm_packet){
		.buf = buf, .buf_size = BUF_BYTES - TAIL_ROOM, .off = HEAD_ROOM, .len = from->len};
	start = now_s();
	vm_cpu_enter(user->prog);
	for (int i = 0; i < REPEAT; i++)
		vm_run_packet_on_cpu(user->prog, NULL, &packet, NULL, 0, &verdict);
	vm_cpu_leave(user->prog);
	return (now_s() - start) * 1e9 / REPEAT;
}

static double kernel_packet(const struct bpf_program *prog, const struct engine_packet *from)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = from->bytes, .data_size_in = from->len,
		    .repeat = REPEAT);

	return bpf_prog_test_run_opts(bpf_program__fd(prog), &run) ? 1e9 : run.duration;
}

static double packet_ns(const struct race *race, int who, uint32_t i)
{
	return who == KERNEL ? kernel_packet(race->prog, sample(i))
			     : user_packet(&race->users[who], sample(i));
}

/* All contenders on one packet after the other, so that what disturbs one disturbs all. */
static void round_run(struct race *race)
{
	for (uint32_t i = 0; i < SAMPLE; i++) {
		for (int who = 0; who < CONTENDERS; who++) {
			double ns = packet_ns(race, who, i);

			if (ns < race->best_ns[who][i])
				race->best_ns[who][i] = ns;
		}
	}
}

static void race_run(struct race *race, double seconds)
{
	double end = now_s() + seconds;

	for (int who = 0; who < CONTENDERS; who++)
		for (uint32_t i = 0; i < SAMPLE; i++)
			race->best_ns[who][i] = 1e9;
	do
		round_run(race);
	while (now_s() < end);
}

static double mean_ns(const struct race *race, int who)
{
	double sum = 0;

	for (uint32_t i = 0; i < SAMPLE; i++)
		sum += race->best_ns[who][i];
	return sum / SAMPLE;
}

static void race_print(const struct race *race)
{
	struct vm_code_info code;
	double jit = mean_ns(race, JIT), kernel = mean_ns(race, KERNEL);

	vm_prog_code(race->users[JIT].prog, &code);
	printf("%s\t%u\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t%llu\n", bpf_program__name(race->prog),
	       code.insns, 1e3 / mean_ns(race, INTERPRETER), 1e3 / jit, 1e3 / kernel, kernel / jit,
	       (double)code.compile_ns / 1e6, (unsigned long long)code.code_bytes);
	fflush(stdout);
}

static int program_race(struct engine_object *object, const struct bpf_program *prog,
			double seconds)
{
	struct race race = {.prog = prog};
	int err = engine_user_open(object, prog, VM_JIT_OFF, &race.users[INTERPRETER]);

	if (err)
		return err;
	err = engine_user_open(object, prog, VM_JIT_ON, &race.users[JIT]);
	if (!err) {
		race_run(&race, seconds);
		race_print(&race);
		engine_user_close(&race.users[JIT]);
	}
	engine_user_close(&race.users[INTERPRETER]);
	return err;
}

static int object_race(const char *path, double seconds)
{
	struct engine_object object;
	struct bpf_program *prog;
	int err = engine_open(path, &object);

	if (err)
		return err;
	bpf_object__for_each_program(prog, object.bpf) if (!err && bpf_program__type(prog) ==
									   BPF_PROG_TYPE_XDP) err =
		program_race(&object, prog, seconds);
	engine_close(&object);
	return err;
}

int main(int argc, char **argv)
{
	double seconds = 2;
	int at = 1, err = 0;

	if (argc > 2 && !strcmp(argv[1], "-s")) {
		seconds = atof(argv[2]);
		at = 3;
	}
	if (argc - at < 2) {
		fprintf(stderr, "usage: %s [-s SECONDS] CAPTURE OBJECT...\n", argv[0]);
		return 2;
	}
	err = engine_capture_read(argv[at++], &capture);
	printf("program\tinsns\tinterpreter Mpps\tjit Mpps\tkernel Mpps\tjit/kernel\tcompile ms"
	       "\tcode bytes\n");
	for (; at < argc && !err; at++)
		err = object_race(argv[at], seconds);
	engine_capture_free(&capture);
	if (err)
		fprintf(stderr, "%s\n", strerror(-err));
	return err != 0;
}
