/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_maps.c: loads and runs kernel_maps.bpf.o through libbpf and BPF_PROG_TEST_RUN. */
#include "kernel_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct kernel_maps {
	struct bpf_object *object;
	struct batch *batch;
};

static void resize(struct bpf_object *object, const char *name, __u32 entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	if (entries)
		bpf_map__set_max_entries(map, entries);
}

static struct batch *map_batch(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) if (strstr(bpf_map__name(map), ".bss")) return mmap(
		NULL, sizeof(struct batch), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map),
		0);
	return MAP_FAILED;
}

int kernel_maps_open(const char *object, const struct kernel_sizes *sizes,
		     struct kernel_maps **ret_maps)
{
	struct kernel_maps *maps = calloc(1, sizeof(*maps));
	int err;

	if (!maps)
		abort();
	libbpf_set_print(NULL);
	maps->object = bpf_object__open_file(object, NULL);
	if (!maps->object) {
		fprintf(stderr, "%s: not an object file that libbpf can open\n", object);
		exit(1);
	}
	resize(maps->object, "cache", sizes->lru_entries);
	resize(maps->object, "filter", sizes->bloom_entries);
	if (sizes->bloom_hashes)
		bpf_map__set_map_extra(bpf_object__find_map_by_name(maps->object, "filter"),
				       sizes->bloom_hashes);
	err = bpf_object__load(maps->object);
	if (err) {
		kernel_maps_close(maps);
		return err;
	}
	maps->batch = map_batch(maps->object);
	if (maps->batch == MAP_FAILED) {
		fprintf(stderr, "%s: its .bss cannot be mapped\n", object);
		exit(1);
	}
	*ret_maps = maps;
	return 0;
}

void kernel_maps_close(struct kernel_maps *maps)
{
	if (maps->batch)
		munmap(maps->batch, sizeof(*maps->batch));
	bpf_object__close(maps->object);
	free(maps);
}

struct batch *kernel_maps_batch(struct kernel_maps *maps)
{
	return maps->batch;
}

void kernel_maps_run(struct kernel_maps *maps, const char *program)
{
	struct bpf_program *p = bpf_object__find_program_by_name(maps->object, program);
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int err = bpf_prog_test_run_opts(bpf_program__fd(p), &opts);

	if (err) {
		fprintf(stderr, "%s: %s\n", program, strerror(-err));
		exit(1);
	}
}

void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		perror("sched_setaffinity");
		exit(1);
	}
}
