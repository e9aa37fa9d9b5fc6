/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* access.c: accesses that no engine does inline, and ends that it finds (access.h). */
#include "vm/access.h"

#include "vm/helpers.h"

#include <errno.h>

bool access_load(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t *ret_value)
{
	const void *from;

	*ret_value = 0;
	if (ctx_holds(run, addr))
		return ctx_load(run, addr, bytes, ret_value);
	from = memory_find(run, addr, bytes, VM_READ);
	if (!from)
		return false;
	memcpy(register_low(ret_value, bytes), from, bytes);
	return true;
}

bool access_store(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t value)
{
	void *to;

	if (ctx_holds(run, addr))
		return ctx_store(run, addr, bytes, value);
	to = memory_find(run, addr, bytes, VM_WRITE);
	if (!to)
		return false;
	memcpy(to, register_low(&value, bytes), bytes);
	return true;
}

void *access_atomic(struct vm_run *run, uint64_t addr, uint32_t bytes, uint32_t how)
{
	if (ctx_holds(run, addr) || range_holds(&run->packet, addr, 1)) {
		vm_fault(run, EACCES, "atomic access to the %s, which is not shared memory",
			 ctx_holds(run, addr) ? "context" : "packet");
		return NULL;
	}
	if (addr % bytes) {
		vm_fault(run, EINVAL,
			 "atomic access of %u bytes at 0x%llx, which is not a multiple of %u",
			 bytes, (unsigned long long)addr, bytes);
		return NULL;
	}
	return memory_access(run, addr, bytes, how);
}

int access_packet(struct vm_run *run, int32_t off, uint32_t bytes, uint64_t r6, uint64_t *ret_r0)
{
	uint8_t raw[4];

	if (run->locked_map) {
		vm_fault(run, EINVAL,
			 "LD_ABS and LD_IND are not possible while holding a bpf_spin_lock");
		return -1;
	}
	if (r6 != run->ctx) {
		vm_fault(run, EINVAL, "LD_ABS and LD_IND need the context in R6");
		return -1;
	}
	*ret_r0 = 0;
	if (!skb_classic_bytes(run, off, raw, bytes))
		return 0;
	for (uint32_t i = 0; i < bytes; i++)
		*ret_r0 = *ret_r0 << 8 | raw[i];
	return 1;
}

int fault_out_of_budget(struct vm_run *run)
{
	return vm_fault(run, ETIMEDOUT,
			"the budget of %llu instructions is used up: the program does not end, or "
			"struct vm_env needs a larger insn_budget",
			(unsigned long long)run->budget_start);
}

int fault_calls_too_deep(struct vm_run *run)
{
	return vm_fault(run, E2BIG, "calls nest more than %u frames deep", VM_MAX_FRAMES);
}

int fault_callbacks_too_deep(struct vm_run *run)
{
	return vm_fault(run, E2BIG, "callbacks nest more than %u frames deep", VM_MAX_FRAMES);
}

int fault_exit_locked(struct vm_run *run)
{
	return vm_fault(run, EINVAL,
			"exit while holding a bpf_spin_lock; call bpf_spin_unlock() on every path");
}
