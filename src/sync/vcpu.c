/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vcpu.c: see vcpu.h. */
#include "sync/vcpu.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>

/* Lock numbers of CPUs, behind those of any map's own locks. */
#define VCPU_LOCK 0xff000000u

/* UINT32_MAX: it was on none yet. */
_Thread_local struct vcpu_place vcpu_place
	__attribute__((tls_model("initial-exec"))) = {.last = UINT32_MAX};

static int try_one(const struct vcpus *map, uint32_t cpu)
{
	struct owner_local *self;
	uint32_t expected = 0, me;
	int err = owner_self(map->owners, &self);

	if (err)
		return err;
	me = self->number_plus1 - 1;
	if (shm_u32_cas_acq_rel(&map->shm[cpu].lock, &expected, me + 1)) /* L2 acq_rel <- L1 */
		return 0;
	if ((expected & ~LOCK_WAITED) == me + 1)
		return fail(EBUSY, "this thread is on CPU %u of the map already", cpu);
	return -EAGAIN;
}

/* Leave a CPU of the first n maps, those of them that this thread is on. */
static void leave_some(struct vcpus *const *maps, uint32_t n, uint32_t cpu)
{
	while (n--) {
		uint32_t owner = owner_known_plus1(maps[n]->owners);

		if (cpu < maps[n]->count && owner &&
		    lock_held_by(&maps[n]->shm[cpu].lock, owner - 1))
			lock_release(&maps[n]->shm[cpu].lock);
	}
}

/* The given CPU of every map, or of none. */
static int take_all(struct vcpus *const *maps, uint32_t n, uint32_t cpu)
{
	for (uint32_t i = 0; i < n; i++) {
		int err = try_one(maps[i], cpu);

		if (err) {
			leave_some(maps, i, cpu);
			return err;
		}
	}
	return 0;
}

/* A map may come from a machine with fewer CPUs. */
static uint32_t count_of(struct vcpus *const *maps, uint32_t n)
{
	uint32_t count = UINT32_MAX;

	for (uint32_t i = 0; i < n; i++)
		count = maps[i]->count < count ? maps[i]->count : count;
	return count;
}

/* One attempt at the CPUs [first, first + n_cpus), counted around. */
static int take_any(struct vcpus *const *maps, uint32_t n, uint32_t first, uint32_t n_cpus,
		    uint32_t *ret_cpu)
{
	uint32_t count = count_of(maps, n);
	int err = -EAGAIN;

	for (uint32_t i = 0; i < n_cpus && err == -EAGAIN; i++) {
		*ret_cpu = first + i < count ? first + i : first + i - count;
		err = take_all(maps, n, *ret_cpu);
	}
	return err;
}

/* Free the CPUs whose holders are dead. */
static void break_dead(struct vcpus *const *maps, uint32_t n, uint32_t first, uint32_t n_cpus)
{
	uint32_t count = count_of(maps, n);

	for (uint32_t m = 0; m < n; m++) {
		struct owner_local *self;

		if (owner_self(maps[m]->owners, &self))
			continue;
		for (uint32_t i = 0; i < n_cpus; i++) {
			uint32_t cpu = (first + i) % count;

			lock_break_dead(&maps[m]->shm[cpu].lock, maps[m]->owners,
					self->number_plus1 - 1, VCPU_LOCK + cpu);
		}
	}
}

static int take_wait(struct vcpus *const *maps, uint32_t n, uint32_t first, uint32_t n_cpus,
		     uint32_t *ret_cpu)
{
	uint64_t start = 0;

	for (unsigned int round = 0;; round++) {
		int err = take_any(maps, n, first, n_cpus, ret_cpu);
		bool released;

		if (err != -EAGAIN)
			return err;
		/* Whose CPU is waited for changes, so that no CPU comes free unnoticed. */
		lock_pause(&maps[round % n]
				    ->shm[(first + round % n_cpus) % maps[round % n]->count]
				    .lock,
			   round, &released);
		if (round % 64 == 63)
			break_dead(maps, n, first, n_cpus);
		if (!start || released)
			start = clock_now_ns();
		else if (clock_now_ns() - start > LOCK_TIMEOUT_NS)
			return fail(ETIMEDOUT,
				    "no CPU of the map came free for a second: %u are "
				    "possible",
				    count_of(maps, n));
	}
}

/* The slow way: several maps, or the last CPU is taken, or the thread is on a CPU already. */
static int __attribute__((noinline)) enter_slow(struct vcpus *const *maps, uint32_t n)
{
	uint32_t count = count_of(maps, n), on = vcpu_place.number_plus1, cpu = 0;
	int err;

	if (!on) {
		cpu = vcpu_place.last < count ? vcpu_place.last : thread_number() % count;
		err = take_wait(maps, n, cpu, count, &cpu);
	} else if (on > count) {
		err = fail(EBUSY, "this thread is on CPU %u of another map; this one has %u CPUs",
			   on - 1, count);
	} else {
		/* Already on a CPU by another map: it must be the same one here. */
		err = take_wait(maps, n, on - 1, 1, &cpu);
	}
	if (err)
		return err;
	vcpu_place.entered += n;
	vcpu_place.number_plus1 = cpu + 1;
	return (int)cpu;
}

static void __attribute__((noinline)) leave_slow(struct vcpus *const *maps, uint32_t n)
{
	uint32_t cpu = vcpu_place.number_plus1 - 1;

	leave_some(maps, n, cpu);
	vcpu_place.last = cpu;
	vcpu_place.entered = vcpu_place.entered > n ? vcpu_place.entered - n : 0;
	if (!vcpu_place.entered)
		vcpu_place.number_plus1 = 0;
}

int vcpu_enter(struct vcpus *const *maps, uint32_t n)
{
	uint32_t cpu = vcpu_place.last, expected = 0, owner;

	/* One map, and nobody was on the CPU since this thread was: nearly always. */
	if (n != 1 || vcpu_place.number_plus1 || cpu >= maps[0]->count)
		return n ? enter_slow(maps, n) : 0;
	owner = owner_known_plus1(maps[0]->owners);
	if (!owner ||
	    !shm_u32_cas_acq_rel(&maps[0]->shm[cpu].lock, &expected, owner)) /* L2 acq_rel <- L1 */
		return enter_slow(maps, n);
	vcpu_place.entered = 1;
	vcpu_place.number_plus1 = cpu + 1;
	return (int)cpu;
}

void vcpu_leave(struct vcpus *const *maps, uint32_t n)
{
	uint32_t cpu = vcpu_place.number_plus1 - 1, owner;

	if (!n || !vcpu_place.number_plus1)
		return;
	owner = n == 1 && vcpu_place.entered == 1 && cpu < maps[0]->count
			? owner_known_plus1(maps[0]->owners)
			: 0;
	/* Somebody waits, or the thread is not on this map. */
	if (!owner || shm_u32_load_relaxed(&maps[0]->shm[cpu].lock) != owner) {
		leave_slow(maps, n);
		return;
	}
	shm_u32_store_release(&maps[0]->shm[cpu].lock, 0); /* L1 release -> L2 */
	vcpu_place.last = cpu;
	vcpu_place.entered = 0;
	vcpu_place.number_plus1 = 0;
}

void vcpu_after_fork(void)
{
	vcpu_place.number_plus1 = 0;
	vcpu_place.entered = 0;
}

void vcpu_mend(const struct vcpus *map, uint32_t dead)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (lock_held_by(&map->shm[i].lock, dead))
			lock_release(&map->shm[i].lock);
}
