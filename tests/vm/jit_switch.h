/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* jit_switch.h: the tests of programs run in either engine: with TEST_ENGINE=jit in the environment every
 * program that was loaded is compiled, and a program that cannot be fails the test. With jit/4 every
 * fourth is, but all with BPFMAP_LONG set: compiling takes some 5 ms however short the program is.
 */
#ifndef BPFMAP_TESTS_VM_JIT_SWITCH_H
#define BPFMAP_TESTS_VM_JIT_SWITCH_H

#include "vm/native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int jit_is_tested(void)
{
	const char *engine = getenv("TEST_ENGINE");

	return engine && !strncmp(engine, "jit", 3);
}

static inline int jit_switch(struct vm_prog *prog)
{
	static unsigned int number;
	unsigned int one_in = 1;

	if (!jit_is_tested())
		return 0;
	if (!getenv("BPFMAP_LONG") && sscanf(getenv("TEST_ENGINE"), "jit/%u", &one_in) == 1 &&
	    one_in > 1 && number++ % one_in)
		return 0;
	return vm_prog_compile(prog, VM_JIT_ON);
}

/* vm_load(), and vm_prog_compile() if that is asked for. */
static inline int jit_switch_load(const struct vm_load *load, struct vm_prog **ret_prog)
{
	struct vm_prog *prog;
	int err = vm_load(load, &prog);

	if (err)
		return err;
	err = jit_switch(prog);
	if (err)
		vm_free(prog);
	else
		*ret_prog = prog;
	return err;
}

#endif
