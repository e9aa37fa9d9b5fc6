/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* loop.c: bpf_loop() with a known callback: a loop that calls the compiled callback, which LLVM may
 * put inline. What helper_loop() and interp_callback() do, in the same order.
 */
#include "jit/jit.h"

#include "vm/helpers.h"

#include <errno.h>

struct loop {
	LLVMValueRef count; /* i32 */
	LLVMValueRef ctx;
	LLVMValueRef i;	     /* variable, i32 */
	LLVMValueRef result; /* variable */
	LLVMBasicBlockRef head;
	LLVMBasicBlockRef body;
	LLVMBasicBlockRef done;
};

/* Done with that result if cond; else the builder goes on in a new block. */
static void done_if(struct jit *jit, const struct loop *loop, LLVMValueRef cond,
		    LLVMValueRef result)
{
	LLVMBasicBlockRef on = jit_block(jit, "on");

	LLVMBuildStore(jit->b, result, loop->result);
	LLVMBuildCondBr(jit->b, cond, loop->done, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
}

static void body_make(struct jit *jit, const struct loop *loop)
{
	const struct jit_sub *callback = jit_sub_at(jit, jit_fact(jit)->func_plus1 - 1);
	LLVMValueRef regs[REG_FP], stop, next;
	LLVMValueRef i = LLVMBuildLoad2(jit->b, jit->i32, loop->i, "");

	for (int reg = 0; reg < REG_FP; reg++)
		regs[reg] = jit_u64(jit, 0);
	regs[1] = LLVMBuildZExt(jit->b, i, jit->i64, "");
	regs[2] = loop->ctx;
	stop = jit_call_sub(jit, callback, regs, VM_HOST_CALLBACKS_TOO_DEEP);
	next = LLVMBuildAdd(jit->b, i, jit_u32(jit, 1), "");
	done_if(jit, loop, LLVMBuildIsNotNull(jit->b, stop, ""),
		LLVMBuildZExt(jit->b, next, jit->i64, ""));
	LLVMBuildStore(jit->b, next, loop->i);
	LLVMBuildBr(jit->b, loop->head);
}

LLVMValueRef jit_loop(struct jit *jit, const struct vm_helper *helper)
{
	struct loop loop = {.i = jit->index, .result = jit->result};
	LLVMValueRef more;

	if (helper->id != BPF_FUNC_loop || !jit_fact(jit)->func_plus1)
		return NULL;
	loop.count = jit_reg32(jit, 1);
	loop.ctx = jit_reg(jit, 3);
	loop.head = jit_block(jit, "head");
	loop.body = jit_block(jit, "body");
	loop.done = jit_block(jit, "done");
	done_if(jit, &loop, LLVMBuildIsNotNull(jit->b, jit_reg(jit, 4), ""),
		jit_u64(jit, (uint64_t)-EINVAL));
	done_if(jit, &loop,
		LLVMBuildICmp(jit->b, LLVMIntUGT, loop.count, jit_u32(jit, VM_MAX_LOOPS), ""),
		jit_u64(jit, (uint64_t)-E2BIG));
	LLVMBuildStore(jit->b, jit_u32(jit, 0), loop.i);
	LLVMBuildStore(jit->b, LLVMBuildZExt(jit->b, loop.count, jit->i64, ""), loop.result);
	LLVMBuildBr(jit->b, loop.head);
	LLVMPositionBuilderAtEnd(jit->b, loop.head);
	more = LLVMBuildICmp(jit->b, LLVMIntULT, LLVMBuildLoad2(jit->b, jit->i32, loop.i, ""),
			     loop.count, "");
	LLVMBuildCondBr(jit->b, more, loop.body, loop.done);
	LLVMPositionBuilderAtEnd(jit->b, loop.body);
	body_make(jit, &loop);
	LLVMPositionBuilderAtEnd(jit->b, loop.done);
	return LLVMBuildLoad2(jit->b, jit->i64, loop.result, "");
}
