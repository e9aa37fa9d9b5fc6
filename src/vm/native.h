/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* native.h: compiled programs: where the virtual machine and a compiler for its programs meet.
 *
 * The compiler is a module (src/jit, libbpfmap-jit.so), loaded when first asked for, so that the core
 * library links libc alone. Compiled code keeps the interpreter's promises: the same results, the
 * same checks except those that facts.h proves, the same sentences.
 *
 * A program is compiled at most once; struct vm_native is published in prog->native with release and
 * lives as long as the program. Runs under way go on in the engine they began in, callbacks included
 * or not: both engines keep frames, budget and faults in struct vm_run in the same way.
 */
#ifndef BPFMAP_VM_NATIVE_H
#define BPFMAP_VM_NATIVE_H

#include "vm/facts.h"
#include "vm/run.h"

/* A subprogram, compiled. The caller has opened its frame; args are R1 to R5. 0 and R0, or run->err. */
typedef int vm_native_fn(struct vm_run *run, const uint64_t args[5], uint64_t *ret_r0);

struct vm_native {
	vm_native_fn **entries; /* per slot: subprogram starts, else NULL */
	uint64_t code_bytes;
	uint64_t compile_ns;
	void (*free)(struct vm_native *native);
};

#endif
