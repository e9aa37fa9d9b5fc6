/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vcpu.c: see vcpu.h. */
#include "sync/vcpu.h"

#include "base/error.h"

#include <errno.h>
#include <time.h>

/* Lock numbers of CPUs, behind those of any map's own locks. */
#define VCPU_LOCK 0xff000000u

_Thread_local int32_t vcpu_number_plus1 __attribute__((tls_model("initial-exec")));
static _Thread_local uint32_t entered; /* maps that this thread is on */
static _Thread_local uint32_t last;    /* CPU it was on, which its caches know */

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
		struct owner_local *self;

		if (cpu < maps[n]->count && !owner_self(maps[n]->owners, &self) &&
		    lock_held_by(&maps[n]->shm[cpu].lock, self->number_plus1 - 1))
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
		*ret_cpu = (first + i) % count;
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

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
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
			start = now_ns();
		else if (now_ns() - start > LOCK_TIMEOUT_NS)
			return fail(ETIMEDOUT,
				    "no CPU of the map came free for a second: %u are "
				    "possible",
				    count_of(maps, n));
	}
}

int vcpu_enter(struct vcpus *const *maps, uint32_t n)
{
	uint32_t count, cpu;
	int err;

	if (!n)
		return 0;
	count = count_of(maps, n);
	if (!vcpu_number_plus1) {
		err = take_wait(maps, n, last < count ? last : thread_number() % count, count,
				&cpu);
	} else if ((uint32_t)vcpu_number_plus1 > count) {
		err = fail(EBUSY, "this thread is on CPU %d of another map; this one has %u CPUs",
			   vcpu_number_plus1 - 1, count);
	} else {
		/* Already on a CPU by another map: it must be the same one here. */
		err = take_wait(maps, n, (uint32_t)vcpu_number_plus1 - 1, 1, &cpu);
	}
	if (err)
		return err;
	entered += n;
	vcpu_number_plus1 = (int32_t)cpu + 1;
	return (int)cpu;
}

void vcpu_leave(struct vcpus *const *maps, uint32_t n)
{
	if (!n || !vcpu_number_plus1)
		return;
	last = (uint32_t)vcpu_number_plus1 - 1;
	leave_some(maps, n, last);
	entered = entered > n ? entered - n : 0;
	if (!entered)
		vcpu_number_plus1 = 0;
}

void vcpu_after_fork(void)
{
	vcpu_number_plus1 = 0;
	entered = 0;
}

void vcpu_mend(const struct vcpus *map, uint32_t dead)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (lock_held_by(&map->shm[i].lock, dead))
			lock_release(&map->shm[i].lock);
}
