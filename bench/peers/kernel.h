/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel.h: the kernel's maps as eBPF programs pay for them: JIT-compiled, run by BPF_PROG_TEST_RUN. Workers
 * have programs and batches of their own on one map. The object lies beside the benchmark. Who includes this
 * defines KERNEL_NAME, KERNEL_TYPE, KERNEL_OBJECT and KERNEL_OPS_MASK.
 */
#include "peer.h"

#include "kernel_batch.h"
#include "memlock.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct table {
	struct bpf_object *object[WORKERS];
	struct kernel_batch *batch[WORKERS];
	int program[WORKERS][OPS];
	uint32_t workers;
};

static const char *const programs[OPS] = {
	[OP_LOOP] = "loop",	      [OP_HIT] = "get",	      [OP_MISS] = "get",
	[OP_DEPENDENT] = "dependent", [OP_UPDATE] = "update", [OP_INSERT] = "update",
	[OP_CHURN] = "churn",	      [OP_MIXED] = "mixed",   [OP_ADD] = "add"};

static struct bpf_object *object_open(void)
{
	char path[512];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 32);
	struct bpf_object *object;

	if (len < 0)
		abort();
	path[len] = 0;
	strcpy(strrchr(path, '/') + 1, KERNEL_OBJECT);
	object = bpf_object__open_file(path, NULL);
	if (!object) {
		fprintf(stderr, "%s: not an object file that libbpf can open\n", path);
		exit(1);
	}
	return object;
}

static void worker_batch(struct table *t, uint32_t w)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, t->object[w])
	{
		if (strstr(bpf_map__name(map), ".bss"))
			t->batch[w] = mmap(NULL, sizeof(struct kernel_batch),
					   PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	}
	if (!t->batch[w] || t->batch[w] == MAP_FAILED) {
		fprintf(stderr, KERNEL_NAME ": the program's .bss cannot be mapped\n");
		exit(1);
	}
}

/* 0, or -errno where the kernel does not permit it. */
static int worker_load(struct table *t, uint32_t w, const struct table_spec *spec)
{
	struct bpf_object *object = object_open();
	struct bpf_map *map = bpf_object__find_map_by_name(object, "table");
	int err;

	t->object[w] = object;
	bpf_map__set_type(map, KERNEL_TYPE);
	bpf_map__set_max_entries(map, spec->entries);
	if (spec->hashes)
		bpf_map__set_map_extra(map, spec->hashes);
	if (w)
		bpf_map__reuse_fd(map,
				  bpf_map__fd(bpf_object__find_map_by_name(t->object[0], "table")));
	err = bpf_object__load(object);
	if (err)
		return err;
	worker_batch(t, w);
	for (uint32_t op = 0; op < OPS; op++)
		if (KERNEL_OPS_MASK & OP_BIT(op))
			t->program[w][op] = bpf_program__fd(
				bpf_object__find_program_by_name(object, programs[op]));
	return 0;
}

static void kernel_close(void *table)
{
	struct table *t = table;

	for (uint32_t w = 0; w < t->workers; w++) {
		if (t->batch[w])
			munmap(t->batch[w], sizeof(*t->batch[w]));
		bpf_object__close(t->object[w]);
	}
	free(t);
}

static void *kernel_open(const struct table_spec *spec)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	libbpf_set_print(NULL);
	while (t->workers < spec->threads) {
		int err = worker_load(t, t->workers++, spec);

		if (err) {
			fprintf(stderr, KERNEL_NAME ": %s\n", strerror(-err));
			kernel_close(t);
			return NULL;
		}
	}
	return t;
}

static void kernel_prepare(void *table, uint32_t worker, enum op op, const struct batch *b)
{
	struct table *t = table;
	struct kernel_batch *batch = t->batch[worker];

	_Static_assert(sizeof(batch->keys[0]) == sizeof(b->keys[0]), "same keys");
	memcpy(batch->keys, b->keys, (size_t)b->n * (op == OP_CHURN ? 2 : 1) * sizeof(b->keys[0]));
	memcpy(batch->ids, b->ids, (size_t)b->n * sizeof(b->ids[0]));
	batch->n = b->n;
	batch->zero = b->zero;
	batch->sum = 0;
	batch->last = 0;
	batch->failed = 0;
}

static uint64_t kernel_run(void *table, uint32_t worker, enum op op, const struct batch *b)
{
	struct table *t = table;
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int err = bpf_prog_test_run_opts(t->program[worker][op], &opts);

	if (err || t->batch[worker]->failed) {
		fprintf(stderr, KERNEL_NAME ": %s: %s, %u operations failed\n", programs[op],
			strerror(-err), t->batch[worker]->failed);
		exit(1);
	}
	return t->batch[worker]->sum;
}

static uint64_t kernel_bytes(void *table)
{
	struct table *t = table;

	return memlock_bytes(bpf_map__fd(bpf_object__find_map_by_name(t->object[0], "table")));
}

#define KERNEL_PEER                                                                  \
	{                                                                            \
		.name = KERNEL_NAME, .ops = KERNEL_OPS_MASK, .open = kernel_open,    \
		.close = kernel_close, .prepare = kernel_prepare, .run = kernel_run, \
		.bytes = kernel_bytes                                                \
	}
