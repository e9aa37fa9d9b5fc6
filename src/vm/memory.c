/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* memory.c: whether a program may touch an address; what run.h does not do inline.
 *
 * A value is asked for in this order: the ranges found lately, the global data of the program,
 * loans, a syscall program's context, and at last each map's own is_value(), which knows its
 * geometry. A map's flags decide what may be done: BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG. Ranges
 * stay good for the whole run because a value slot's address belongs to the map until it is closed.
 */
#include "vm/run.h"

#include <errno.h>
#include <stdio.h>

static uint32_t map_may(const struct bpfmap *map)
{
	if (map->spec.map_flags & BPF_F_RDONLY_PROG)
		return VM_READ;
	if (map->spec.map_flags & BPF_F_WRONLY_PROG)
		return VM_WRITE;
	return VM_READ | VM_WRITE;
}

static void remember(struct vm_run *run, struct vm_range range)
{
	run->values[run->next_value] = range;
	run->next_value = (run->next_value + 1) % VM_VALUE_RANGES;
	run->recent = range;
}

void memory_add_value(struct vm_run *run, const struct vm_map *ref, const void *value)
{
	struct vm_range range = {(uint64_t)(uintptr_t)value, ref->map->spec.value_size,
				 map_may(ref->map)};

	for (int i = 0; i < VM_VALUE_RANGES; i++) {
		if (run->values[i].lo == range.lo && run->values[i].bytes == range.bytes) {
			run->recent = range;
			return;
		}
	}
	remember(run, range);
}

/* Which range holds the address, whatever may be done with it; may == 0: none. */
static struct vm_range search(struct vm_run *run, uint64_t addr, uint64_t bytes)
{
	const struct vm_prog *prog = run->prog;
	struct vm_range range;

	for (int i = 0; i < VM_VALUE_RANGES; i++) {
		if (range_holds(&run->values[i], addr, bytes)) {
			run->recent = run->values[i];
			return run->recent;
		}
	}
	for (uint32_t i = 0; i < prog->map_cnt; i++) {
		const struct vm_map *ref = &prog->maps[i];

		range = (struct vm_range){ref->direct, ref->map->spec.value_size,
					  map_may(ref->map)};
		if (ref->direct && range_holds(&range, addr, bytes)) {
			remember(run, range);
			return range;
		}
	}
	for (const struct vm_loan *loan = run->loans; loan; loan = loan->next)
		if (range_holds(&loan->range, addr, bytes))
			return loan->range;
	range = (struct vm_range){run->ctx, run->ctx_bytes, VM_READ | VM_WRITE};
	if (!run->pkt && range_holds(&range, addr, bytes))
		return range;
	for (uint32_t i = 0; i < prog->map_cnt; i++) {
		const struct bpfmap *map = prog->maps[i].map;

		if (map->ops->is_value &&
		    map->ops->is_value(map, (const void *)(uintptr_t)addr, bytes))
			return (struct vm_range){addr, bytes, map_may(map)};
	}
	return (struct vm_range){0};
}

/* "2 bytes before the packet": what helps most when a program misses a bounds check. */
static const char *where(const struct vm_run *run, uint64_t addr, char *buf, size_t size)
{
	uint64_t end = run->packet.lo + run->packet.bytes;

	if (addr < 4096)
		return addr ? " (a field of a NULL pointer)" : " (a NULL pointer)";
	if (run->packet.may && addr < run->packet.lo && run->packet.lo - addr <= 65536)
		snprintf(buf, size, " (%llu bytes before the packet)",
			 (unsigned long long)(run->packet.lo - addr));
	else if (run->packet.may && addr >= run->packet.lo && addr - end <= 65536)
		snprintf(buf, size, " (%llu bytes after the packet's end)",
			 (unsigned long long)(addr - end));
	else if (run->packet.may && addr >= run->packet.lo && addr < end)
		snprintf(buf, size, " (it crosses the packet's end)");
	else if (addr - run->stack.lo - run->stack.bytes < VM_STACK_FRAME)
		snprintf(buf, size, " (above the stack)");
	else if (run->stack.lo - addr <= VM_STACK_FRAME)
		snprintf(buf, size, " (below the stack frame)");
	else
		buf[0] = '\0';
	return buf;
}

static void refuse(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how, uint32_t may)
{
	const char *what = how & VM_WRITE ? "write" : "read";
	char hint[64];

	if (may && (how & VM_WRITE) && !(may & VM_WRITE))
		vm_fault(
			run, EACCES,
			"write of %llu bytes at 0x%llx, which is read-only for programs (a key, or "
			"a map with BPF_F_RDONLY_PROG)",
			(unsigned long long)bytes, (unsigned long long)addr);
	else if (may)
		vm_fault(run, EACCES,
			 "read of %llu bytes at 0x%llx in a map that programs may only write "
			 "(BPF_F_WRONLY_PROG)",
			 (unsigned long long)bytes, (unsigned long long)addr);
	else if (ctx_holds(run, addr))
		vm_fault(run, EFAULT,
			 "%s of %llu bytes in the context, where only loads and stores of single "
			 "fields are allowed",
			 what, (unsigned long long)bytes);
	else
		vm_fault(run, EFAULT,
			 "%s of %llu bytes at 0x%llx is outside stack, packet and map values%s",
			 what, (unsigned long long)bytes, (unsigned long long)addr,
			 where(run, addr, hint, sizeof(hint)));
}

static struct vm_range search_all(struct vm_run *run, uint64_t addr, uint64_t bytes)
{
	if (range_holds(&run->stack, addr, bytes))
		return run->stack;
	if (range_holds(&run->packet, addr, bytes))
		return run->packet;
	return search(run, addr, bytes);
}

void *memory_probe(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how)
{
	struct vm_range range = search_all(run, addr, bytes);

	return (range.may & how) == how ? (void *)(uintptr_t)addr : NULL;
}

void *memory_find(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how)
{
	struct vm_range range = search_all(run, addr, bytes);

	if ((range.may & how) == how)
		return (void *)(uintptr_t)addr;
	refuse(run, addr, bytes, how, range.may);
	return NULL;
}
