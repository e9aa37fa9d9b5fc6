// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* dpdk.c: bpfmap's maps in DPDK's eBPF virtual machine, librte_bpf, which compiles the program to
 * native code.
 *
 *   dpdk OBJECT CAPTURE
 *
 * As foreign.c; the map "sources" is pinned as /sys/fs/bpf/dpdk. Helpers are external symbols
 * (struct rte_bpf_xsym) of bpfmap's shape. DPDK's verifier knows pointers by size alone: it cannot
 * tell a map from other memory, so programs must be trusted to pass a map where one belongs, and to
 * compare a lookup's result with NULL.
 * Exit status: 0, 1 if something failed, 2 for wrong arguments.
 */
#include <rte_bpf.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <stdio.h>
#include <string.h>
#include "count.h"
#include "dpdk.h"
#include "maps.h"
#include "packets.h"

#define POINTER(bytes)                                   \
	{                                                \
		.type = RTE_BPF_ARG_PTR, .size = (bytes) \
	}
#define NUMBER                                                    \
	{                                                         \
		.type = RTE_BPF_ARG_RAW, .size = sizeof(uint64_t) \
	}
#define A_MAP POINTER(1)
#define A_KEY POINTER(sizeof(uint64_t))

struct host {
	struct bpfmap *maps[MAPS];
	struct rte_bpf *program;
	struct rte_bpf_jit native;
};

static struct rte_bpf *program_load(const char *path, struct bpfmap *const maps[MAPS])
{
	const struct rte_bpf_xsym symbols[] = {
		{.name = map_name(MAP_SOURCES),
		 .type = RTE_BPF_XTYPE_VAR,
		 .var = {.val = maps[MAP_SOURCES], .desc = A_MAP}},
		{.name = map_name(MAP_TOTALS),
		 .type = RTE_BPF_XTYPE_VAR,
		 .var = {.val = maps[MAP_TOTALS], .desc = A_MAP}},
		{.name = "sources_lookup",
		 .type = RTE_BPF_XTYPE_FUNC,
		 .func = {.val = bpfmap_helper_map_lookup_elem,
			  .nb_args = 2,
			  .args = {A_MAP, A_KEY},
			  .ret = POINTER(sizeof(struct source))}},
		{.name = "sources_update",
		 .type = RTE_BPF_XTYPE_FUNC,
		 .func = {.val = bpfmap_helper_map_update_elem,
			  .nb_args = 4,
			  .args = {A_MAP, A_KEY, POINTER(sizeof(struct source)), NUMBER},
			  .ret = NUMBER}},
		{.name = "totals_lookup",
		 .type = RTE_BPF_XTYPE_FUNC,
		 .func = {.val = bpfmap_helper_map_lookup_elem,
			  .nb_args = 2,
			  .args = {A_MAP, A_KEY},
			  .ret = POINTER(sizeof(uint64_t))}},
	};
	const struct rte_bpf_prm prm = {.xsym = symbols,
					.nb_xsym = RTE_DIM(symbols),
					.prog_arg = POINTER(sizeof(struct head))};
	struct rte_bpf *program = rte_bpf_elf_load(&prm, path, "frame");

	if (!program)
		fprintf(stderr, "dpdk: %s: %s\n", path, rte_strerror(rte_errno));
	return program;
}

static int packet_run(void *arg, const uint8_t *packet, uint32_t size)
{
	struct host *host = arg;
	struct head head = {.size = size};

	memcpy(head.bytes, packet, size < HEAD_BYTES ? size : HEAD_BYTES);
	if (bpfmap_helpers_enter(host->maps, MAPS) < 0)
		return maps_failed("no CPU");
	if (host->native.func)
		host->native.func(&head);
	else
		rte_bpf_exec(host->program, &head);
	bpfmap_helpers_leave(host->maps, MAPS);
	return 0;
}

static int host_run(struct host *host, const char *object, const char *capture)
{
	int err;

	host->program = program_load(object, host->maps);
	if (!host->program)
		return -1;
	rte_bpf_get_jit(host->program, &host->native);
	err = packets_each(capture, packet_run, host);
	if (!err)
		err = maps_print(host->maps);
	rte_bpf_destroy(host->program);
	return err;
}

int main(int argc, char **argv)
{
	struct host host = {0};
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: dpdk OBJECT CAPTURE\n");
		return 2;
	}
	rte_log_set_global_level(RTE_LOG_WARNING);
	err = maps_make(host.maps, "/sys/fs/bpf/dpdk");
	if (!err)
		err = host_run(&host, argv[1], argv[2]);
	maps_close(host.maps);
	return err ? 1 : 0;
}
