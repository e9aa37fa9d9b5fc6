// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* load-cpus.c: prints the per-CPU array of load.bpf.c.
 *
 *   load-cpus DIR       DIR holds the pin "loads"
 *
 * One line per kind of packet: sums over all CPUs, the busiest CPU's share, then packets CPU by
 * CPU.
 * Exit status: 0, 1 if the map cannot be read, 2 for wrong arguments.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <bpfmap/bpfmap.h>
#include "load.h"

static const char *const kind_names[LOAD_KINDS] = {
	[LOAD_IPV4] = "IPv4",
	[LOAD_IPV6] = "IPv6",
	[LOAD_OTHER] = "other",
};

static int counter(struct bpfmap *loads, uint32_t kind, size_t off, struct bpfmap_percpu_u64 *ret)
{
	return bpfmap_percpu_u64(loads, &kind, (uint32_t)off, sizeof(uint64_t), ret);
}

static int kind_print(struct bpfmap *loads, uint32_t kind)
{
	struct bpfmap_percpu_u64 packets, bytes, largest;
	int err = counter(loads, kind, offsetof(struct load, packets), &packets);

	if (!err)
		err = counter(loads, kind, offsetof(struct load, bytes), &bytes);
	if (!err)
		err = counter(loads, kind, offsetof(struct load, largest), &largest);
	if (err)
		return err;
	printf("%-5s %8" PRIu64 " packets %10" PRIu64 " bytes, largest %5" PRIu64
	       ", busiest CPU %8" PRIu64 "; by CPU:",
	       kind_names[kind], packets.sum, bytes.sum, largest.max, packets.max);
	for (uint32_t cpu = 0; !err && cpu < bpfmap_cpus(loads); cpu++) {
		struct load load;

		err = bpfmap_read_cpu(loads, &kind, cpu, &load);
		if (!err)
			printf(" %" PRIu64, (uint64_t)load.packets);
	}
	putchar('\n');
	return err;
}

static int run(const char *dir)
{
	struct bpfmap_info info;
	struct bpfmap *loads;
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/loads", dir);
	err = bpfmap_open(path, BPFMAP_OPEN_RDONLY, &loads);
	if (err)
		return err;
	err = bpfmap_get_info(loads, &info);
	if (!err &&
	    (info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.value_size != sizeof(struct load))) {
		fprintf(stderr, "load-cpus: %s is not the map of load.bpf.c\n", path);
		bpfmap_close(loads);
		return -1;
	}
	for (uint32_t kind = 0; !err && kind < LOAD_KINDS; kind++)
		err = kind_print(loads, kind);
	bpfmap_close(loads);
	return err;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: load-cpus DIR\n");
		return 2;
	}
	if (run(argv[1])) {
		fprintf(stderr, "load-cpus: %s\n", bpfmap_last_error());
		return 1;
	}
	return 0;
}
