/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vcpu.c: see vcpu.h. */
#include "sync/vcpu.h"

#include "base/error.h"

#include <errno.h>

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
	if (shm_u32_cas_acq_rel(&map->shm[cpu].lock, &expected, me + 1)) /* V2 acq_rel <- V1 */
		return 0;
	if (expected == me + 1)
		return fail(EBUSY, "this thread is on CPU %u of the map already", cpu);
	return -EAGAIN;
}

static int wait_one(const struct vcpus *map, uint32_t cpu)
{
	struct owner_local *self;
	int err = owner_self(map->owners, &self);

	if (err)
		return err;
	return lock_acquire_nested(&map->shm[cpu].lock, map->owners, self->number_plus1 - 1,
				   VCPU_LOCK + cpu);
}

static void leave_some(struct vcpus *const *maps, uint32_t n, uint32_t cpu)
{
	while (n)
		shm_u32_store_release(&maps[--n]->shm[cpu].lock, 0); /* V1 release -> V2 */
}

/* The given CPU of every map, each by `take`. */
static int take_all(struct vcpus *const *maps, uint32_t n, uint32_t cpu,
		    int (*take)(const struct vcpus *, uint32_t))
{
	for (uint32_t i = 0; i < n; i++) {
		int err = cpu < maps[i]->count ? take(maps[i], cpu) : -EAGAIN;

		if (err) {
			leave_some(maps, i, cpu);
			return err;
		}
	}
	return 0;
}

static int take_any(struct vcpus *const *maps, uint32_t n, uint32_t *ret_cpu)
{
	uint32_t count = maps[0]->count, start = last < count ? last : thread_number() % count;
	int err = -EAGAIN;

	for (uint32_t i = 0; i < count && err == -EAGAIN; i++) {
		*ret_cpu = (start + i) % count;
		err = take_all(maps, n, *ret_cpu, try_one);
	}
	if (err != -EAGAIN)
		return err;
	*ret_cpu = start;
	return take_all(maps, n, start, wait_one);
}

int vcpu_enter(struct vcpus *const *maps, uint32_t n)
{
	uint32_t cpu = vcpu_current(UINT32_MAX);
	int err = 0;

	if (!n)
		return 0;
	/* Already on a CPU by another map: it must be the same one here. */
	if (vcpu_number_plus1)
		err = take_all(maps, n, cpu, wait_one);
	else
		err = take_any(maps, n, &cpu);
	if (err)
		return err;
	entered += n;
	vcpu_number_plus1 = (int32_t)cpu + 1;
	return (int)cpu;
}

void vcpu_leave(struct vcpus *const *maps, uint32_t n)
{
	uint32_t cpu = vcpu_current(UINT32_MAX);

	if (!n || !vcpu_number_plus1)
		return;
	leave_some(maps, n, cpu);
	last = cpu;
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
		if (shm_u32_load_acquire(&map->shm[i].lock) == dead + 1) /* V2 acquire <- V1 */
			shm_u32_store_release(&map->shm[i].lock, 0);	 /* V1 release -> V2 */
}
