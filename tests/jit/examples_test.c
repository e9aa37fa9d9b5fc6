/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* examples_test.c: every example program on the sample capture, interpreted and compiled: each packet's
 * verdict and bytes and at the end all maps are the same. The live kernel gives the same verdicts and
 * bytes. Time and randomness are the test's own, so that both engines see the same.
 *
 *   examples_test CAPTURE OBJECT...
 */
#include "engines.h"
#include "moment.h"

#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 1500 /* of the capture's start */

static struct engine_capture capture;
static unsigned int points, failed;

/* ---- what a run leaves ---- */

struct outcome {
	int err;
	uint32_t verdict;
	uint32_t len;
	uint64_t bytes; /* a hash */
};

struct trace {
	const struct bpf_program *prog;
	struct engine_object *object;
	enum vm_jit_mode mode;
	int is_open;
	struct outcome outcomes[PACKETS];
	uint64_t maps[ENGINE_MAPS];
	uint32_t elements[ENGINE_MAPS];
	char sentence[256];
};

static uint64_t mix(uint64_t sum, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
	return sum;
}

/* Independent of the order. */
static void map_read(struct trace *trace, struct bpfmap *map, uint32_t i)
{
	const struct bpf_map_info *info = &trace->object->maps[i].info;
	uint8_t *key = calloc(2, info->key_size + 1), *next = key + info->key_size;
	uint8_t *value = calloc(1, bpfmap_value_bytes(map));

	if (info->type == BPF_MAP_TYPE_BLOOM_FILTER) {
		struct bpfmap_bloom_info bits;

		bpfmap_bloom_info(map, &bits);
		trace->maps[i] = bits.bits_set;
	} else {
		for (int err = bpfmap_next_key(map, NULL, next); !err;
		     err = bpfmap_next_key(map, key, next)) {
			memcpy(key, next, info->key_size);
			bpfmap_read(map, key, value);
			trace->maps[i] +=
				mix(mix(7, key, info->key_size), value, bpfmap_value_bytes(map));
			trace->elements[i]++;
		}
	}
	free(key);
	free(value);
}

static void outcome_note(struct trace *trace, uint32_t i, int err, uint32_t verdict,
			 const uint8_t *bytes, uint32_t len)
{
	trace->outcomes[i] = (struct outcome){err, verdict, len, mix(7, bytes, len)};
	if (err && !trace->sentence[0])
		snprintf(trace->sentence, sizeof(trace->sentence), "%s", error_sentence());
}

static void *trace_user(void *arg)
{
	struct trace *trace = arg;
	struct engine_user user;

	trace->is_open = !engine_user_open(trace->object, trace->prog, trace->mode, &user);
	if (!trace->is_open)
		return NULL;
	moment_again(); /* compiling looked at the clock */
	for (uint32_t i = 0; i < PACKETS && i < capture.count; i++) {
		uint8_t bytes[4096];
		uint32_t len = capture.packets[i].len, verdict = 0;
		int err;

		memcpy(bytes, capture.packets[i].bytes, len);
		err = engine_user_run(&user, bytes, &len, &verdict);
		outcome_note(trace, i, err, verdict, bytes, len);
	}
	for (uint32_t i = 0; i < trace->object->map_cnt; i++)
		map_read(trace, user.maps[i], i);
	engine_user_close(&user);
	return NULL;
}

static void trace_kernel(struct trace *trace)
{
	for (uint32_t i = 0; i < PACKETS && i < capture.count; i++) {
		uint8_t bytes[4096];
		uint32_t len = capture.packets[i].len, verdict = 0;
		int err;

		memcpy(bytes, capture.packets[i].bytes, len);
		err = engine_kernel_run(trace->prog, bytes, &len, &verdict);
		outcome_note(trace, i, err, verdict, bytes, len);
	}
}

/* ---- comparing ---- */

static void point(int ok, const char *name, const char *what)
{
	failed += !ok;
	printf("%sok %u - %s: %s\n", ok ? "" : "not ", ++points, name, what);
}

static int outcomes_agree(const struct trace *a, const struct trace *b)
{
	for (uint32_t i = 0; i < PACKETS; i++) {
		if (!memcmp(&a->outcomes[i], &b->outcomes[i], sizeof(a->outcomes[i])))
			continue;
		printf("# packet %u: verdict %u and %u, length %u and %u, errno %d and %d: %s%s\n",
		       i, a->outcomes[i].verdict, b->outcomes[i].verdict, a->outcomes[i].len,
		       b->outcomes[i].len, a->outcomes[i].err, b->outcomes[i].err, a->sentence,
		       b->sentence);
		return 0;
	}
	return 1;
}

static int maps_agree(const struct trace *a, const struct trace *b)
{
	int agree = 1;

	for (uint32_t i = 0; i < a->object->map_cnt; i++) {
		if (a->maps[i] == b->maps[i])
			continue;
		printf("# map %s differs (%u and %u elements)\n", a->object->maps[i].name,
		       a->elements[i], b->elements[i]);
		agree = 0;
	}
	return agree;
}

static void *trace_new(struct engine_object *object, const struct bpf_program *prog,
		       enum vm_jit_mode mode)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	pthread_t thread;

	trace->object = object;
	trace->prog = prog;
	trace->mode = mode;
	pthread_create(&thread, NULL, trace_user, trace);
	pthread_join(thread, NULL);
	return trace;
}

static void program_check(struct engine_object *object, const struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog);
	struct trace *interpreter = trace_new(object, prog, VM_JIT_OFF);
	struct trace *compiled = trace_new(object, prog, VM_JIT_ON);
	struct trace *kernel = calloc(1, sizeof(*kernel));

	kernel->object = object;
	kernel->prog = prog;
	trace_kernel(kernel);
	point(interpreter->is_open && compiled->is_open && outcomes_agree(interpreter, compiled),
	      name, "verdicts and packets as interpreted");
	point(maps_agree(interpreter, compiled), name, "maps as interpreted");
	point(outcomes_agree(kernel, compiled), name, "verdicts and packets as in the kernel");
	compiled->outcomes[PACKETS / 2].verdict ^= 1;
	point(!outcomes_agree(interpreter, compiled), name, "another verdict is noticed (canary)");
	free(interpreter);
	free(compiled);
	free(kernel);
}

static int object_check(const char *path)
{
	struct engine_object object;
	struct bpf_program *prog;
	int err = engine_open(path, &object);

	if (err)
		return err;
	bpf_object__for_each_program(prog, object.bpf) if (bpf_program__type(prog) !=
							   BPF_PROG_TYPE_SYSCALL)
		program_check(&object, prog);
	engine_close(&object);
	return 0;
}

int main(int argc, char **argv)
{
	int err = engine_capture_read(argv[1], &capture);

	if (err) {
		printf("Bail out! %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	for (int i = 2; i < argc; i++) {
		err = object_check(argv[i]);
		if (err == -EPERM) {
			printf("1..0 # SKIP bpf(2) is not permitted\n");
			return 0;
		}
		if (err)
			point(0, argv[i], "loads");
	}
	printf("1..%u\n# figure: packets of examples compared in three engines = %u runs\n", points,
	       PACKETS * (points / 4));
	engine_capture_free(&capture);
	return failed != 0;
}
