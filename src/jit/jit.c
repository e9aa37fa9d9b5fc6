/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* jit.c: the module: a program becomes an LLVM module, is optimised and becomes an object file in
 * memory for this machine's CPU.
 */
#include "jit/jit.h"

#include <errno.h>
#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the machine ---- */

static int refuse(const struct jit *jit, char *message)
{
	int err = jit->host->fail(ENOTSUP, "LLVM: %s", message ? message : "no reason given");

	LLVMDisposeMessage(message);
	return err;
}

static int machine_open(const struct jit *jit, LLVMTargetMachineRef *ret_machine)
{
	char *triple = LLVMGetDefaultTargetTriple(), *message = NULL;
	/* A file is for every machine of the architecture. */
	char *cpu = jit->is_file ? LLVMCreateMessage("") : LLVMGetHostCPUName();
	char *features = jit->is_file ? LLVMCreateMessage("") : LLVMGetHostCPUFeatures();
	LLVMTargetRef target;
	int err = 0;

	LLVMInitializeNativeTarget();
	LLVMInitializeNativeAsmPrinter();
	if (LLVMGetTargetFromTriple(triple, &target, &message))
		err = refuse(jit, message);
	else
		*ret_machine = LLVMCreateTargetMachine(target, triple, cpu, features,
						       LLVMCodeGenLevelDefault, LLVMRelocPIC,
						       LLVMCodeModelDefault);
	LLVMDisposeMessage(triple);
	LLVMDisposeMessage(cpu);
	LLVMDisposeMessage(features);
	return err;
}

/* ---- the LLVM module ---- */

static LLVMValueRef alias_tag(struct jit *jit, const char *name, LLVMMetadataRef root)
{
	LLVMMetadataRef zero = LLVMValueAsMetadata(jit_u64(jit, 0));
	LLVMMetadataRef type_parts[] = {LLVMMDStringInContext2(jit->context, name, strlen(name)),
					root, zero};
	LLVMMetadataRef type = LLVMMDNodeInContext2(jit->context, type_parts, 3);
	LLVMMetadataRef tag_parts[] = {type, type, zero};

	return LLVMMetadataAsValue(jit->context, LLVMMDNodeInContext2(jit->context, tag_parts, 3));
}

static void tags_make(struct jit *jit)
{
	LLVMMetadataRef name = LLVMMDStringInContext2(jit->context, "bpfmap", 6);
	LLVMMetadataRef root = LLVMMDNodeInContext2(jit->context, &name, 1);

	jit->tag_kind = LLVMGetMDKindIDInContext(jit->context, "tbaa", 4);
	jit->tags[JIT_RUN] = alias_tag(jit, "run", root);
	jit->tags[JIT_PROGRAM] = alias_tag(jit, "program", root);
}

static void types_make(struct jit *jit)
{
	LLVMTypeRef params[1 + REG_FP], result[2];

	jit->i1 = LLVMInt1TypeInContext(jit->context);
	jit->i8 = LLVMInt8TypeInContext(jit->context);
	jit->i16 = LLVMInt16TypeInContext(jit->context);
	jit->i32 = LLVMInt32TypeInContext(jit->context);
	jit->i64 = LLVMInt64TypeInContext(jit->context);
	jit->ptr = LLVMPointerTypeInContext(jit->context, 0);
	result[0] = jit->i64;
	result[1] = jit->i32;
	jit->result_type = LLVMStructTypeInContext(jit->context, result, 2, 0);
	params[0] = jit->ptr;
	for (int i = 1; i <= REG_FP; i++)
		params[i] = jit->i64;
	jit->sub_type = LLVMFunctionType(jit->result_type, params, 1 + REG_FP, 0);
	jit->host_type = LLVMFunctionType(jit->i64, params, 5, 0);
	jit->helper_type = LLVMFunctionType(jit->i64, params, 6, 0);
	params[1] = params[2] = jit->ptr;
	jit->entry_type = LLVMFunctionType(jit->i32, params, 3, 0);
}

/* Backtraces go through compiled code, exceptions do not. */
static void functions_mark(struct jit *jit)
{
	for (LLVMValueRef fn = LLVMGetFirstFunction(jit->module); fn;
	     fn = LLVMGetNextFunction(fn)) {
		if (LLVMIsDeclaration(fn))
			continue;
		jit_mark(jit, fn, "nounwind", 0);
		jit_mark(jit, fn, "uwtable", 2);
	}
}

static int blocks_check(const struct jit *jit)
{
	uint32_t count = 0;

	for (LLVMValueRef fn = LLVMGetFirstFunction(jit->module); fn; fn = LLVMGetNextFunction(fn))
		count += LLVMCountBasicBlocks(fn);
	if (count <= JIT_MAX_BLOCKS)
		return 0;
	return jit->host->fail(E2BIG,
			       "a program of so many branches and unproved accesses (%u blocks) is "
			       "interpreted: compiling takes at most %u",
			       count, JIT_MAX_BLOCKS);
}

static int module_make(struct jit *jit, LLVMTargetMachineRef machine)
{
	LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
	char *triple = LLVMGetTargetMachineTriple(machine), *message = NULL;
	int err;

	LLVMSetModuleDataLayout(jit->module, layout);
	LLVMSetTarget(jit->module, triple);
	LLVMDisposeTargetData(layout);
	LLVMDisposeMessage(triple);
	types_make(jit);
	tags_make(jit);
	jit_debug_begin(jit);
	err = jit_subs_find(jit);
	if (err)
		return err;
	jit_subs_make(jit);
	err = blocks_check(jit);
	if (err)
		return err;
	err = jit->is_file ? jit_file_finish(jit) : 0;
	if (err)
		return err;
	jit_debug_end(jit);
	functions_mark(jit);
	if (LLVMVerifyModule(jit->module, LLVMReturnStatusAction, &message))
		return refuse(jit, message);
	LLVMDisposeMessage(message);
	return 0;
}

/* What makes programs faster, of "default<O2>", which takes three to four times as long for the
 * same speed: clang has optimised them once. Here registers become values, checks that say the same
 * are joined, subprograms go inline, and what a loop needs once is done once. */
static const char passes[] =
	"function(sroa,early-cse,simplifycfg),deadargelim,cgscc(inline),"
	"function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
	"loop-mssa(loop-rotate,licm),gvn,instcombine<no-verify-fixpoint>,simplifycfg)";

static int module_optimise(struct jit *jit, LLVMTargetMachineRef machine)
{
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	LLVMErrorRef error = LLVMRunPasses(jit->module, passes, machine, options);

	LLVMDisposePassBuilderOptions(options);
	return error ? refuse(jit, LLVMGetErrorMessage(error)) : 0;
}

static bool is_access(LLVMValueRef insn)
{
	LLVMOpcode opcode = LLVMGetInstructionOpcode(insn);

	return opcode == LLVMLoad || opcode == LLVMStore || opcode == LLVMCall ||
	       opcode == LLVMAtomicRMW || opcode == LLVMAtomicCmpXchg;
}

static bool has_long_block(LLVMValueRef fn)
{
	for (LLVMBasicBlockRef block = LLVMGetFirstBasicBlock(fn); block;
	     block = LLVMGetNextBasicBlock(block)) {
		uint32_t count = 0;

		for (LLVMValueRef insn = LLVMGetFirstInstruction(block); insn;
		     insn = LLVMGetNextInstruction(insn))
			count += is_access(insn);
		if (count > JIT_MAX_ORDERED)
			return true;
	}
	return false;
}

/* Functions with long blocks become machine code as they are now, in a time that grows with their
 * length. */
static void long_blocks_mark(struct jit *jit)
{
	for (LLVMValueRef fn = LLVMGetFirstFunction(jit->module); fn;
	     fn = LLVMGetNextFunction(fn)) {
		if (!has_long_block(fn))
			continue;
		jit_mark(jit, fn, "noinline", 0);
		jit_mark(jit, fn, "optnone", 0);
	}
}

static int object_make(struct jit *jit, LLVMTargetMachineRef machine,
		       LLVMMemoryBufferRef *ret_object)
{
	char *message = NULL;
	int err = module_make(jit, machine);

	if (!err)
		err = module_optimise(jit, machine);
	if (!err)
		long_blocks_mark(jit);
	if (!err && LLVMTargetMachineEmitToMemoryBuffer(machine, jit->module, LLVMObjectFile,
							&message, ret_object))
		err = refuse(jit, message);
	return err;
}

/* ---- a program ---- */

static bool has_locks(const struct vm_prog *prog)
{
	for (uint32_t i = 0; i < prog->map_cnt; i++)
		if (prog->maps[i].map->spec.spin_lock_plus1)
			return true;
	return false;
}

static void jit_open(struct jit *jit)
{
	jit->context = LLVMContextCreate();
	jit->module = LLVMModuleCreateWithNameInContext(
		jit->prog->name[0] ? jit->prog->name : "prog", jit->context);
	jit->b = LLVMCreateBuilderInContext(jit->context);
	jit->may_lock = has_locks(jit->prog);
	jit->is_unsure = jit->facts->accesses_sure < jit->facts->accesses ||
			 jit->facts->calls_sure < jit->facts->calls;
}

static void jit_close(struct jit *jit)
{
	if (jit->di)
		LLVMDisposeDIBuilder(jit->di);
	LLVMDisposeBuilder(jit->b);
	LLVMDisposeModule(jit->module);
	LLVMContextDispose(jit->context);
	free(jit->subs);
	free(jit->blocks);
	free(jit->what);
}

/* The object file of jit->prog, given to use(). */
static int program_make(struct jit *jit,
			int (*use)(struct jit *jit, LLVMMemoryBufferRef object, void *arg),
			void *arg)
{
	LLVMTargetMachineRef machine = NULL;
	LLVMMemoryBufferRef object;
	int err = machine_open(jit, &machine);

	if (err)
		return err;
	jit_open(jit);
	err = object_make(jit, machine, &object);
	if (!err)
		err = use(jit, object, arg);
	jit_close(jit);
	LLVMDisposeTargetMachine(machine);
	return err;
}

static int program_link(struct jit *jit, LLVMMemoryBufferRef object, void *arg)
{
	return jit_link(jit, object, arg);
}

static int program_compile(const struct vm_jit_host *host, const struct vm_prog *prog,
			   const struct vm_facts *facts, struct vm_native **ret_native)
{
	struct jit jit = {.host = host, .prog = prog, .facts = facts};

	return program_make(&jit, program_link, ret_native);
}

static int program_write(struct jit *jit, LLVMMemoryBufferRef object, void *arg)
{
	const char *path = arg;
	size_t size = LLVMGetBufferSize(object);
	FILE *file = fopen(path, "wb");
	int err = 0;

	if (!file || fwrite(LLVMGetBufferStart(object), 1, size, file) != size)
		err = errno ? errno : EIO;
	if (file && fclose(file) && !err)
		err = errno;
	LLVMDisposeMemoryBuffer(object);
	return err ? jit->host->fail(err, "cannot write %s: %s", path, strerror(err)) : 0;
}

static int program_emit(const struct vm_jit_host *host, const struct vm_prog *prog,
			const struct vm_facts *facts, const struct native_identity *identity,
			const char *path)
{
	struct jit jit = {
		.host = host, .prog = prog, .facts = facts, .is_file = true, .identity = identity};

	return program_make(&jit, program_write, (void *)(uintptr_t)path);
}

extern struct vm_jit_ops bpfmap_jit_ops;
__attribute__((visibility("default"))) struct vm_jit_ops bpfmap_jit_ops = {
	.compiler = "LLVM " LLVM_VERSION_STRING,
	.max_insns = JIT_MAX_INSNS,
	.compile = program_compile,
	.emit = program_emit,
};

__attribute__((constructor)) static void abi_set(void)
{
	bpfmap_jit_ops.abi = vm_jit_abi();
}
