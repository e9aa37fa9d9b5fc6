/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers_base.c: time, random numbers, CPU number, bpf_loop. */
#include "base/clock.h"
#include "base/cpus.h"
#include "sync/vcpu.h"
#include "vm/helpers.h"

#include <errno.h>
#include <sys/random.h>

uint64_t helper_ktime_get_ns(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			     uint64_t r5)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t helper_ktime_get_boot_ns(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				  uint64_t r4, uint64_t r5)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t helper_ktime_get_coarse_ns(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				    uint64_t r4, uint64_t r5)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

uint64_t helper_ktime_get_tai_ns(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				 uint64_t r4, uint64_t r5)
{
	return clock_ns(CLOCK_TAI);
}

/* xorshift64* per thread: programs sample with it, nothing depends on its quality. */
uint64_t helper_get_prandom_u32(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				uint64_t r4, uint64_t r5)
{
	static _Thread_local uint64_t state;

	while (!state)
		if (getrandom(&state, sizeof(state), 0) != sizeof(state))
			state = clock_ns(CLOCK_MONOTONIC) ^ (uint64_t)(uintptr_t)&state;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 32);
}

/* With per-CPU maps the CPU that the run owns; else the thread's number modulo the CPUs. Both stay
 * the same during a run. */
uint64_t helper_get_smp_processor_id(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3,
				     uint64_t r4, uint64_t r5)
{
	return vcpu_current(cpus_possible());
}

uint64_t helper_loop(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
		     uint64_t r5)
{
	const struct vm_insn *callback = prog_func_ref(run->prog, r2);
	uint32_t count = (uint32_t)r1;
	uint64_t stop;

	if (r4)
		return (uint64_t)-EINVAL;
	if (count > VM_MAX_LOOPS)
		return (uint64_t)-E2BIG;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t args[5] = {i, r3};

		if (interp_callback(run, callback, args, &stop))
			return 0;
		if (stop)
			return i + 1;
	}
	return count;
}
