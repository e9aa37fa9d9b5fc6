/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* access.h: what is not inline in an engine, and therefore the same in both: a program's loads,
 * stores and atomics, whatever kind of memory they go to, and the ends that an engine itself finds.
 * run->pc is set; what is refused ends the run.
 */
#ifndef BPFMAP_VM_ACCESS_H
#define BPFMAP_VM_ACCESS_H

#include "vm/run.h"

/* Where in memory a register's low bytes are, which depends on the byte order. */
static inline void *register_low(uint64_t *reg, uint32_t bytes)
{
	return (uint8_t *)reg + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(*reg) - bytes : 0);
}

/* bytes at addr, extended with zeroes; from a context's data and data_end the whole pointer.
 * *ret_value is 0 after a failure. */
bool access_load(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t *ret_value);
bool access_store(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t value);

/* The word for an atomic access; how: enum vm_access bits. NULL: the run has failed. */
void *access_atomic(struct vm_run *run, uint64_t addr, uint32_t bytes, uint32_t how);

/* LD_ABS, LD_IND: 1 and what R0 becomes; 0: outside the packet, which ends the (sub)program with R0
 * = 0;
 * -1: the run has failed. */
int access_packet(struct vm_run *run, int32_t off, uint32_t bytes, uint64_t r6, uint64_t *ret_r0);

/* These return run->err. */
int fault_out_of_budget(struct vm_run *run);
int fault_calls_too_deep(struct vm_run *run);
int fault_callbacks_too_deep(struct vm_run *run);
int fault_exit_locked(struct vm_run *run);

#endif
