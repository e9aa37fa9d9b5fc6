/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vcpu.h: virtual CPUs. Who is on CPU i of a map owns slot i of its per-CPU values: one lock word
 * per CPU, in the region, so that it holds between threads and between processes. A program run
 * goes onto the same CPU of all its per-CPU maps.
 *
 * States       lock: 0 free -> owner + 1 [vcpu_enter] -> 0 [vcpu_leave]
 * Locks        taken before any other lock of the map. Several maps: in the order of the array
 *              given to vcpu_enter, which must be the same everywhere (vm: by id, then by address).
 * Edges        L1 release in vcpu_leave -> L2 acquire in vcpu_enter (sync/lock.h): who comes onto
 *              the CPU sees what its predecessor stored in the slots, without atomics
 * Cost         entering one map on the CPU of the last time: one compare-and-swap; leaving: one
 *              store. (A CPU that stays its last user's until another wants it would save the swap,
 *              2 to 6 ns, but who takes it away would need membarrier() in both processes.)
 * Progress     enter: takes whichever CPU is free; with more threads than CPUs it waits, and gives
 *              up when none came free for a second (ETIMEDOUT)
 * If a process dies    the kernel drops its beacon (sync/owner.h); who wants the CPU takes it over.
 *              There is nothing to mend: the slots are the program's own.
 */
#ifndef BPFMAP_SYNC_VCPU_H
#define BPFMAP_SYNC_VCPU_H

#include "sync/lock.h"

struct vcpu_shm {
	struct shm_u32 lock;
	uint8_t pad[60];
};

/* The CPUs of one map; private to the process. */
struct vcpus {
	struct vcpu_shm *shm;
	uint32_t count;
	struct owner_table *owners;
};

/* Where the calling thread is. */
struct vcpu_place {
	uint32_t number_plus1; /* the CPU it is on; 0: none */
	uint32_t entered;      /* maps that it is on */
	uint32_t last;	       /* the CPU it was on, which its caches know */
};

extern _Thread_local struct vcpu_place vcpu_place __attribute__((tls_model("initial-exec")));

/* The CPU that the calling thread is on; off any CPU a number that is its own if there are
 * enough. */
static inline uint32_t vcpu_current(uint32_t count)
{
	uint32_t cpu = vcpu_place.number_plus1 - 1;

	/* A CPU of another map that has more of them is none of this one. */
	return __builtin_expect(cpu < count, 1) ? cpu : thread_number() % count;
}

/* Go onto one CPU of all n maps. The CPU's number, or -ETIMEDOUT, -EBUSY (already on one of them),
 * or owner_register()'s error. n may be 0. */
int vcpu_enter(struct vcpus *const *maps, uint32_t n);
void vcpu_leave(struct vcpus *const *maps, uint32_t n);

/* In the child of a fork: the parent's thread is on the CPU, the child is not. */
void vcpu_after_fork(void);

/* Free the CPUs that a dead owner was on. */
void vcpu_mend(const struct vcpus *map, uint32_t dead);

#endif
