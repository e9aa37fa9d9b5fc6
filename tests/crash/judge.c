/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* judge.c: see judge.h. */
#include "judge.h"

#include "map/hash.h"
#include "sync/vcpu.h"

#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILLER_KEY  100000u
#define SMALL	    200u
#define VERSION_NEW 5u

struct shift {
	struct world world;
	const struct survivor *survivor;
	uint64_t slowest_ns;
	uint64_t version; /* of the last thing written */
};

/* ---- time ------------------------------------------------------------------------------------- */

/* How long a process was ready to run and did not. 0 where the kernel does not say. */
static uint64_t delay_read(int fd)
{
	unsigned long long delay = 0;
	char text[96] = "";

	if (fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%*u %llu", &delay);
	return delay;
}

static uint64_t delay_own(void)
{
	static int fd = -1;
	static pid_t opener;

	if (opener != getpid()) {
		opener = getpid();
		fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	}
	return delay_read(fd);
}

void stopwatch_start(struct stopwatch *watch)
{
	watch->delay_ns = delay_own();
	watch->begin_ns = now_ns();
}

void stopwatch_start_for(struct stopwatch *watch, pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	watch->delay_ns = delay_read(fd);
	if (fd >= 0)
		close(fd);
	watch->begin_ns = now_ns();
}

uint64_t stopwatch_ns(const struct stopwatch *watch)
{
	uint64_t ns = now_ns() - watch->begin_ns, delay = delay_own() - watch->delay_ns;

	return ns > delay ? ns - delay : 0;
}

static void shift_start(const struct shift *shift, struct stopwatch *watch)
{
	if (shift->survivor->precise)
		stopwatch_start(watch);
	else
		watch->begin_ns = now_ns();
}

static void shift_note(struct shift *shift, const struct stopwatch *watch)
{
	uint64_t ns = shift->survivor->precise ? stopwatch_ns(watch) : now_ns() - watch->begin_ns;

	if (ns > shift->slowest_ns)
		shift->slowest_ns = ns;
}

/* ---- looking ---------------------------------------------------------------------------------- */

static bool cell_is_mixture(const uint8_t *cell, size_t bytes, const struct moments *moments,
			    size_t at)
{
	for (size_t off = 0; off < bytes; off += 8) {
		bool known = false;

		for (uint32_t m = 0; m < moments->count; m++)
			known |= !memcmp(cell + off, moments->cells[m] + at + off, 8);
		if (!known)
			return false;
	}
	return true;
}

static bool cell_is_known(const uint8_t *cell, size_t bytes, const struct moments *moments,
			  size_t at)
{
	for (uint32_t m = 0; m < moments->count; m++)
		if (!memcmp(cell, moments->cells[m] + at, bytes))
			return true;
	return moments->tearing == BY_WORD && cell_is_mixture(cell, bytes, moments, at);
}

void moments_judge(struct world *world, const void *arg)
{
	const struct moments *moments = arg;
	size_t bytes = world_cell_bytes(world);
	uint8_t *cells = world_cells(world);

	for (uint32_t i = 0; i <= world->items; i++) {
		uint64_t word[2];

		if (cell_is_known(cells + i * bytes, bytes, moments, i * bytes))
			continue;
		memcpy(word, cells + i * bytes, sizeof(word));
		verdict_fail("item %u of %u is as at no moment: %s, first word %016llx", i,
			     world->items, (uint32_t)word[0] ? "there" : "absent",
			     (unsigned long long)word[1]);
	}
	free(cells);
}

/* Item i has `version`, or is absent (version 0). */
static void item_judge(struct world *world, uint32_t item, uint64_t version, const char *when)
{
	uint8_t cell[WORLD_VALUE_MAX], wanted[WORLD_VALUE_MAX];

	world_cell(world, item, cell);
	world_cell_of(world, item, version, wanted);
	if (memcmp(cell, wanted, world_cell_bytes(world)) != 0)
		verdict_fail("item %u is not what was written %s", item, when);
}

static void check_judge(struct shift *shift, const char *when)
{
	struct stopwatch watch;

	shift_start(shift, &watch);
	if (bpfmap_check(shift->world.map) != 0)
		verdict_fail("check %s: %s", when, bpfmap_last_error());
	shift_note(shift, &watch);
}

static void entries_judge(struct shift *shift, uint64_t expected, const char *when)
{
	struct bpfmap_info info;

	bpfmap_get_info(shift->world.map, &info);
	if (info.entries != expected)
		verdict_fail("%s the map has %llu entries instead of %llu", when,
			     (unsigned long long)info.entries, (unsigned long long)expected);
}

/* ---- working ---------------------------------------------------------------------------------- */

static int timed_write(struct shift *shift, uint32_t item, uint64_t flags)
{
	struct stopwatch watch;
	int err;

	shift_start(shift, &watch);
	err = world_write(&shift->world, item, shift->version, flags);
	shift_note(shift, &watch);
	return err;
}

/* Every item, in place where there is a lock for it, and read back at once. */
static void write_all(struct shift *shift, uint32_t first)
{
	struct world *world = &shift->world;
	bool locked = (world->subject->flags & SUBJECT_SPIN_LOCK) != 0;

	shift->version++;
	for (uint32_t n = 0; n < world->items && !verdict_failed(); n++) {
		uint32_t item = (first + n) % world->items;
		int err = timed_write(shift, item, locked ? BPF_F_LOCK : BPF_ANY);

		if (err)
			verdict_fail("write of item %u: %d, %s", item, err, bpfmap_last_error());
		else
			item_judge(world, item, shift->version, "by the survivor just now");
	}
}

/* An LRU map may have given up some of them, and has as many as fit. */
static void all_judge(struct shift *shift, const char *when)
{
	struct world *world = &shift->world;
	uint8_t cell[WORLD_VALUE_MAX];
	uint32_t present = 0;

	for (uint32_t i = 0; i < world->items; i++) {
		world_cell(world, i, cell);
		if (*cell || !world_evicts(world))
			item_judge(world, i, shift->version, when);
		present += *cell;
	}
	if (world_evicts(world) && present != world->subject->max_entries)
		verdict_fail("%s %u elements are there, %u fit", when, present,
			     world->subject->max_entries);
}

/* From where all items are there: exactly max_entries fit. */
static void fill_judge(struct shift *shift)
{
	struct world world = shift->world;
	uint32_t room = world.subject->max_entries - world.items, i;
	int err = 0;

	for (i = 0; i <= room && !err; i++) {
		world.keys[0] = FILLER_KEY + i;
		err = world_write(&world, 0, 1, BPF_NOEXIST);
	}
	if (err != -E2BIG || i != room + 1)
		verdict_fail("element %u of %u into the map: %d, %s", world.items + i,
			     world.subject->max_entries, err,
			     err ? bpfmap_last_error() : "it fits");
	entries_judge(shift, world.subject->max_entries, "filled,");
	for (i = 0; i < room; i++) {
		world.keys[0] = FILLER_KEY + i;
		if (world_remove(&world, 0) != 0)
			verdict_fail("delete of a filler: %s", bpfmap_last_error());
	}
}

static void delete_all(struct shift *shift)
{
	struct world *world = &shift->world;

	for (uint32_t i = 0; i < world->items; i++) {
		struct stopwatch watch;
		int err;

		shift_start(shift, &watch);
		err = world_remove(world, i);
		shift_note(shift, &watch);
		if (err && (err != -ENOENT || !world_evicts(world)))
			verdict_fail("delete of item %u: %d, %s", i, err, bpfmap_last_error());
	}
	entries_judge(shift, 0, "emptied,");
}

/* Each CPU can be had: entering one map asks for the CPU that one is on by another. */
static void cpus_judge(struct shift *shift)
{
	struct vcpus *cpus = shift->world.map->vcpus;
	struct stopwatch watch;
	int cpu;

	for (uint32_t i = 0; cpus && i < cpus->count && !verdict_failed(); i++) {
		vcpu_place = (struct vcpu_place){.number_plus1 = i + 1, .entered = 1};
		shift_start(shift, &watch);
		cpu = vcpu_enter(&cpus, 1);
		shift_note(shift, &watch);
		if (cpu != (int)i)
			verdict_fail("CPU %u of the map cannot be had: %d, %s", i, cpu,
				     bpfmap_last_error());
		vcpu_leave(&cpus, 1);
	}
	vcpu_place = (struct vcpu_place){0};
}

/* Reads go on, writes are refused to everybody. */
static void frozen_judge(struct shift *shift)
{
	if (timed_write(shift, 0, BPF_ANY) != -EPERM)
		verdict_fail("a write into a frozen map is not refused");
	shift->survivor->look(&shift->world, shift->survivor->arg);
	check_judge(shift, "of the frozen map");
}

static void work_all(struct shift *shift)
{
	const struct survivor *survivor = shift->survivor;
	struct world *world = &shift->world;
	bool keyed = world_family(world) == FAMILY_KEYED;

	write_all(shift, survivor->first % world->items);
	cpus_judge(shift);
	check_judge(shift, "after the survivor's writes");
	/* Checking mends what nobody had met: it must not bring anything back. */
	all_judge(shift, "before the check");
	if (!keyed || verdict_failed())
		return;
	if (!world_evicts(world) && (survivor->fills || world->subject->max_entries < SMALL))
		fill_judge(shift);
	delete_all(shift);
	check_judge(shift, "of the emptied map");
	write_all(shift, 0);
	all_judge(shift, "again");
	check_judge(shift, "at the end");
}

uint64_t survivor_work(const struct survivor *survivor)
{
	struct shift shift = {.survivor = survivor, .version = VERSION_NEW};
	struct bpfmap_info info;

	if (world_open(&shift.world, survivor->subject, survivor->path, BPFMAP_OPEN_RDONLY) != 0)
		return 0;
	survivor->look(&shift.world, survivor->arg);
	world_close(&shift.world);
	if (verdict_failed() || world_open(&shift.world, survivor->subject, survivor->path, 0) != 0)
		return 0;
	if (survivor->approach == CHECK_FIRST) {
		check_judge(&shift, "that mends");
		survivor->look(&shift.world, survivor->arg);
	}
	bpfmap_get_info(shift.world.map, &info);
	if (info.frozen)
		frozen_judge(&shift);
	else if (!verdict_failed())
		work_all(&shift);
	world_close(&shift.world);
	return shift.slowest_ns;
}
