// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* foreign.c: bpfmap's maps in a virtual machine that is not bpfmap's.
 *
 *   foreign OBJECT CAPTURE
 *
 * Registers the helper table (<bpfmap/helpers.h>) with the interpreter in vm.c, puts map handles
 * where the program refers to maps, runs the program on every packet of the capture and prints what
 * the maps hold. The map "sources" is pinned as /sys/fs/bpf/foreign, so that "bpfmap dump pinned
 * /sys/fs/bpf/foreign" shows it from outside.
 * Exit status: 0, 1 if something failed, 2 for wrong arguments.
 */
#include <bpfmap/helpers.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "count.h"
#include "maps.h"
#include "object.h"
#include "packets.h"
#include "vm.h"

struct host {
	struct vm *vm;
	struct bpfmap *maps[MAPS];
	struct frame frame;
};

/* What a map reference becomes: the handle's address. */
static uint64_t map_word(void *arg, const char *name)
{
	struct host *host = arg;

	for (int i = 0; i < MAPS; i++)
		if (!strcmp(map_name(i), name))
			return (uint64_t)(uintptr_t)host->maps[i];
	return 0;
}

/* The virtual machine asks for everything but its stack: context, packet, values of the maps. */
static int may_access(void *arg, uint64_t addr, size_t len, int write)
{
	struct host *host = arg;
	int wanted = write ? BPFMAP_ACCESS_WRITE : BPFMAP_ACCESS_READ;
	uint64_t off = addr - (uint64_t)(uintptr_t)&host->frame;

	if (off < sizeof(host->frame) && sizeof(host->frame) - off >= len)
		return !write;
	if (addr >= host->frame.data && addr <= host->frame.data_end &&
	    host->frame.data_end - addr >= len)
		return 1;
	for (int i = 0; i < MAPS; i++)
		if (bpfmap_value_access(host->maps[i], (const void *)(uintptr_t)addr, len) & wanted)
			return 1;
	return 0;
}

static int packet_run(void *arg, const uint8_t *packet, uint32_t size)
{
	struct host *host = arg;
	uint64_t verdict;
	int err;

	host->frame.data = (uint64_t)(uintptr_t)packet;
	host->frame.data_end = host->frame.data + size;
	if (bpfmap_helpers_enter(host->maps, MAPS) < 0)
		return maps_failed("no CPU");
	err = vm_run(host->vm, (uint64_t)(uintptr_t)&host->frame, &verdict);
	bpfmap_helpers_leave(host->maps, MAPS);
	if (err)
		fprintf(stderr, "foreign: %s\n", vm_error(host->vm));
	return err;
}

/* Everything that joins the two: a dozen lines. */
static int helpers_register(struct vm *vm)
{
	uint32_t count;
	const struct bpfmap_helper *helpers = bpfmap_helpers(&count);

	for (uint32_t i = 0; i < count; i++)
		if (vm_register(vm, (uint32_t)helpers[i].id, helpers[i].name, helpers[i].fn))
			return -1;
	return 0;
}

static int host_run(struct host *host, const char *object, const char *capture)
{
	struct bpf_insn *insns = NULL;
	uint32_t count;
	int err = -1;

	host->vm = vm_new();
	if (!host->vm || helpers_register(host->vm) ||
	    object_read(object, "frame", map_word, host, &insns, &count))
		goto out;
	vm_set_access(host->vm, may_access, host);
	vm_load(host->vm, insns, count);
	err = packets_each(capture, packet_run, host);
	if (!err)
		err = maps_print(host->maps);
out:
	free(insns);
	vm_free(host->vm);
	return err;
}

int main(int argc, char **argv)
{
	struct host host = {0};
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: foreign OBJECT CAPTURE\n");
		return 2;
	}
	err = maps_make(host.maps, "/sys/fs/bpf/foreign");
	if (!err)
		err = host_run(&host, argv[1], argv[2]);
	maps_close(host.maps);
	return err ? 1 : 0;
}
