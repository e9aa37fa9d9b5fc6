/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* memory.c: whether a program may touch an address; what run.h does not do inline.
 *
 * A value is asked for in this order: the ranges found lately, the global data of the program,
 * loans, a syscall program's context, and at last each map's own is_value(), which knows its
 * geometry. A map's flags decide what may be done: BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG. Ranges
 * stay good for the whole run because a value slot's address belongs to the map until it is closed.
 *
 * A value with a bpf_spin_lock is two ranges, before and after the lock; nobody touches the lock
 * but bpf_spin_lock() and bpf_spin_unlock().
 */
#include "vm/run.h"

#include <errno.h>
#include <stdio.h>

uint32_t memory_map_may(const struct bpfmap *map)
{
	if (map->spec.map_flags & BPF_F_RDONLY_PROG || (map->region && map->region->readonly))
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

/* The value that begins at start, or the part of it on addr's side of its spin lock. */
static struct vm_range value_part(const struct bpfmap *map, uint64_t start, uint64_t addr)
{
	uint64_t end = start + map->spec.value_size;
	uint64_t lock = start + map->spec.spin_lock_plus1 - 1;

	if (!map->spec.spin_lock_plus1)
		return (struct vm_range){start, end - start, memory_map_may(map)};
	if (addr < lock)
		return (struct vm_range){start, lock - start, memory_map_may(map)};
	if (addr < lock + sizeof(struct bpf_spin_lock))
		return (struct vm_range){lock, sizeof(struct bpf_spin_lock), VM_SPIN_LOCK};
	lock += sizeof(struct bpf_spin_lock);
	return (struct vm_range){lock, end - lock, memory_map_may(map)};
}

/* The same for an address for which is_value() holds. Values begin at multiples of 8, and only at a
 * beginning is a whole value one. */
static struct vm_range value_part_at(const struct bpfmap *map, uint64_t addr)
{
	uint64_t start = addr & ~7ull;
	uint32_t size = map->spec.value_size;

	for (uint32_t i = 0; i <= size / 8; i++, start -= 8)
		if (map->ops->is_value(map, (const void *)(uintptr_t)start, size))
			return value_part(map, start, addr);
	return (struct vm_range){0};
}

/* The range that the lookup of a value with a lock opens: the larger part. */
static struct vm_range locked_value_range(const struct bpfmap *map, uint64_t start)
{
	const struct map_spec *spec = &map->spec;
	bool at_end = spec->spin_lock_plus1 <= spec->value_size / 2;

	return value_part(map, start, at_end ? start + spec->value_size - 1 : start);
}

void memory_add_value(struct vm_run *run, const struct vm_map *ref, const void *value)
{
	uint64_t start = (uint64_t)(uintptr_t)value;
	struct vm_range range;

	/* Mostly the same value again. */
	if (run->recent.lo == start && run->recent.bytes == ref->map->spec.value_size)
		return;
	if (ref->map->spec.spin_lock_plus1)
		range = locked_value_range(ref->map, start);
	else
		range = (struct vm_range){start, ref->map->spec.value_size,
					  memory_map_may(ref->map)};
	if (range.may == VM_SPIN_LOCK)
		return;
	for (int i = 0; i < VM_VALUE_RANGES; i++) {
		if (run->values[i].lo == range.lo && run->values[i].bytes == range.bytes) {
			run->recent = range;
			return;
		}
	}
	remember(run, range);
}

/* Global data: the value that instructions address directly. */
static struct vm_range search_direct(struct vm_run *run, uint64_t addr, uint64_t bytes)
{
	const struct vm_prog *prog = run->prog;

	for (uint32_t i = 0; i < prog->map_cnt; i++) {
		const struct vm_map *ref = &prog->maps[i];
		struct vm_range range;

		if (!ref->direct || addr - ref->direct >= ref->map->spec.value_size)
			continue;
		range = value_part(ref->map, ref->direct, addr);
		if (!range_holds(&range, addr, bytes))
			continue;
		if (range.may != VM_SPIN_LOCK)
			remember(run, range);
		return range;
	}
	return (struct vm_range){0};
}

/* Any value of any map. */
static struct vm_range search_maps(struct vm_run *run, uint64_t addr, uint64_t bytes)
{
	const struct vm_prog *prog = run->prog;

	for (uint32_t i = 0; i < prog->map_cnt; i++) {
		const struct bpfmap *map = prog->maps[i].map;
		struct vm_range range;

		if (!map->ops->is_value ||
		    !map->ops->is_value(map, (const void *)(uintptr_t)addr, bytes))
			continue;
		if (!map->spec.spin_lock_plus1)
			return (struct vm_range){addr, bytes, memory_map_may(map)};
		range = value_part_at(map, addr);
		if (!range_holds(&range, addr, bytes))
			range.may = VM_SPIN_LOCK;
		else if (range.may != VM_SPIN_LOCK)
			remember(run, range);
		return range;
	}
	return (struct vm_range){0};
}

/* Which range holds the address, whatever may be done with it; may == 0: none. */
static struct vm_range search(struct vm_run *run, uint64_t addr, uint64_t bytes)
{
	struct vm_range range;

	for (int i = 0; i < VM_VALUE_RANGES; i++) {
		if (range_holds(&run->values[i], addr, bytes)) {
			run->recent = run->values[i];
			return run->recent;
		}
	}
	range = search_direct(run, addr, bytes);
	if (range.may)
		return range;
	for (const struct vm_loan *loan = run->loans; loan; loan = loan->next)
		if (range_holds(&loan->range, addr, bytes))
			return loan->range;
	range = (struct vm_range){run->ctx, run->ctx_bytes, VM_READ | VM_WRITE};
	if (!run->pkt && range_holds(&range, addr, bytes))
		return range;
	return search_maps(run, addr, bytes);
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

	if (may & VM_SPIN_LOCK)
		vm_fault(run, EACCES,
			 "%s of %llu bytes at 0x%llx touches the bpf_spin_lock of a value, which "
			 "only bpf_spin_lock() and bpf_spin_unlock() may do",
			 what, (unsigned long long)bytes, (unsigned long long)addr);
	else if (may && (how & VM_WRITE) && !(may & VM_WRITE))
		vm_fault(
			run, EACCES,
			"write of %llu bytes at 0x%llx, which is read-only for programs (a key, or "
			"a map with BPF_F_RDONLY_PROG or opened read-only)",
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
		return (struct vm_range){run->stack.lo, run->stack.bytes, VM_READ | VM_WRITE};
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
