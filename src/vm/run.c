/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run.c: one run from the outside. struct vm_run lives on the caller's stack (about 5 KiB). */
#include "vm/run.h"

#include "base/error.h"
#include "sync/vcpu.h"

#include <errno.h>

#define DEFAULT_BUDGET 100000000u

static void run_begin(struct vm_run *run, const struct vm_prog *prog, const struct vm_env *env)
{
	/* The rest is cleared by those who use it: fields in ctx_begin(), frames when they are
	 * entered. */
	memory_clear(run, offsetof(struct vm_run, fields));
	run->prog = prog;
	run->env = env;
	run->pc = prog->code;
	run->budget_start = env && env->insn_budget ? env->insn_budget : DEFAULT_BUDGET;
	if (run->budget_start > INT64_MAX)
		run->budget_start = INT64_MAX;
	run->budget = (int64_t)run->budget_start;
}

/* On the CPUs already. */
static int run_main(struct vm_run *run, uint32_t *ret_value)
{
	const uint64_t args[5] = {run->ctx};
	uint64_t r0;
	int err = interp_start(run, run->prog->code, args, &r0);

	if (!err)
		*ret_value = (uint32_t)r0;
	spin_lock_drop(run);
	return err;
}

int vm_cpu_enter(const struct vm_prog *prog)
{
	int cpu = prog->vcpu_cnt ? vcpu_enter(prog->vcpus, prog->vcpu_cnt) : 0;

	return cpu < 0 ? cpu : 0;
}

void vm_cpu_leave(const struct vm_prog *prog)
{
	if (prog->vcpu_cnt)
		vcpu_leave(prog->vcpus, prog->vcpu_cnt);
}

int vm_run_packet_on_cpu(const struct vm_prog *prog, const struct vm_env *env,
			 struct vm_packet *packet, void *ctx, uint32_t ctx_size,
			 uint32_t *ret_value)
{
	struct vm_run run;
	int err;

	run_begin(&run, prog, env);
	run.pkt = packet;
	err = ctx_begin(&run, ctx, ctx_size);
	if (!err)
		err = run_main(&run, ret_value);
	if (!err)
		ctx_end(&run, ctx, ctx_size);
	return err;
}

int vm_run_packet(const struct vm_prog *prog, const struct vm_env *env, struct vm_packet *packet,
		  void *ctx, uint32_t ctx_size, uint32_t *ret_value)
{
	int err;

	if (prog->prog_type == BPF_PROG_TYPE_SYSCALL)
		return fail(EINVAL, "a syscall program does not run on packets");
	err = vm_cpu_enter(prog);
	if (err)
		return err;
	err = vm_run_packet_on_cpu(prog, env, packet, ctx, ctx_size, ret_value);
	vm_cpu_leave(prog);
	return err;
}

int vm_run_syscall(const struct vm_prog *prog, const struct vm_env *env, void *ctx,
		   uint32_t ctx_size, uint32_t *ret_value)
{
	struct vm_run run;
	int err;

	if (prog->prog_type != BPF_PROG_TYPE_SYSCALL)
		return fail(EINVAL, "only a syscall program runs without a packet");
	run_begin(&run, prog, env);
	run.ctx = (uint64_t)(uintptr_t)ctx;
	run.ctx_bytes = ctx ? ctx_size : 0;
	err = vm_cpu_enter(prog);
	if (err)
		return err;
	err = run_main(&run, ret_value);
	vm_cpu_leave(prog);
	return err;
}
