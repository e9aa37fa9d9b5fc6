/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vm.h: somebody else's virtual machine: a small eBPF interpreter that knows nothing of maps and
 * nothing of bpfmap. It stands for ubpf, rbpf or the one in your application: helpers are functions
 * registered by number.
 */
#ifndef EXAMPLES_FOREIGN_VM_H
#define EXAMPLES_FOREIGN_VM_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

typedef uint64_t vm_helper_fn(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Whether memory outside of the program's own may be read, or written if `write`. */
typedef int vm_access_fn(void *arg, uint64_t addr, size_t len, int write);

struct vm *vm_new(void);
void vm_free(struct vm *vm);

/* 0, or -1: no such number can be. */
int vm_register(struct vm *vm, uint32_t id, const char *name, vm_helper_fn *fn);
void vm_set_access(struct vm *vm, vm_access_fn *fn, void *arg);

/* The instructions stay the caller's. */
void vm_load(struct vm *vm, const struct bpf_insn *insns, uint32_t count);

/* Run with r1 = context. 0 and *ret_r0, or -1 and a sentence in vm_error(). */
int vm_run(struct vm *vm, uint64_t context, uint64_t *ret_r0);
const char *vm_error(const struct vm *vm);

#endif
