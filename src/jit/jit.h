/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* jit.h: a program on its way to machine code. Private to the module.
 *
 *   jit.c       the module's one symbol; from a program to an object file in memory
 *   sub.c       subprograms: blocks, registers, budget, entry from C
 *   alu.c       arithmetic and jumps
 *   access.c    loads, stores, atomics
 *   call.c      calls of helpers and subprograms, exit
 *   lookup.c    map lookups without the helper
 *   loop.c      bpf_loop() as a loop
 *   debug.c     source lines for gdb and perf
 *   file.c      code for a file: its table of addresses
 *   link.c      from the object file to code that runs
 *
 * One LLVM function per subprogram, struct { i64 r0; i32 err } sub(run, r0 .. r9), with registers
 * as variables that LLVM turns into values. R10 is computed from run->stack on entry. Beside it a
 * function of type vm_native_fn per subprogram, which C calls. err != 0 goes back through all
 * callers; nothing unwinds.
 *
 * Memory     Fields of struct vm_run and of maps' handles carry other alias tags than what programs
 *            access, since no access of a program reaches them. Everything that other threads may
 *            write meanwhile is accessed as volatile: one load for one instruction, never two, so
 *            that a value that was checked is the value that is used.
 * Checks     An access that facts.h gives no place is compared with the ranges that run.h compares
 *            inline, and else goes to the host.
 * Budget     run->budget is charged with a subprogram's slots on entry, and with the slots jumped
 *            over by each jump backwards, executed or not: at least what the interpreter counts.
 */
#ifndef BPFMAP_JIT_JIT_H
#define BPFMAP_JIT_JIT_H

#include "vm/native.h"

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>

#define REG_FP 10

/* More would take minutes: LLVM's time grows with the square of the basic blocks, of which each
 * access that has to be checked makes four. */
#define JIT_MAX_INSNS  65536u
#define JIT_MAX_BLOCKS 16384u

/* Accesses of a basic block up to which LLVM may put its instructions into a better order: that
 * takes it a quarter of a second for so many, and four times as long for twice as many. */
#define JIT_MAX_ORDERED 512u

struct vm_helper;

struct jit_sub {
	uint32_t start; /* slots */
	uint32_t end;
	LLVMValueRef fn;
	LLVMValueRef entry;
	uint64_t entry_bytes;  /* once it is code */
	LLVMMetadataRef scope; /* for source lines; NULL without */
};

/* Whose memory an access is, for alias analysis. */
enum jit_memory { JIT_RUN, JIT_PROGRAM, JIT_MEMORIES };

struct jit {
	const struct vm_jit_host *host;
	const struct vm_prog *prog;
	const struct vm_facts *facts;
	bool may_lock;	/* the program has a map with a bpf_spin_lock */
	bool is_unsure; /* some access or argument has to be checked */

	/* Code for a file: addresses come from a table, literals[i] of which is for what[i]. */
	bool is_file;
	const struct native_identity *identity;
	struct vm_literal *what;
	uint32_t what_cnt;
	LLVMValueRef literals; /* the table, in the function being made */

	LLVMContextRef context;
	LLVMModuleRef module;
	LLVMBuilderRef b;
	LLVMTypeRef i1, i8, i16, i32, i64, ptr;
	LLVMTypeRef sub_type, result_type, entry_type, host_type, helper_type;
	LLVMValueRef tags[JIT_MEMORIES];
	unsigned int tag_kind;
	LLVMValueRef holds[4][2]; /* access.c: by log2 of bytes; read, write */

	LLVMDIBuilderRef di;
	uint32_t next_line; /* debug.c: the line_info that comes next */

	struct jit_sub *subs;
	uint32_t sub_cnt;
	LLVMBasicBlockRef *blocks; /* per slot where one begins */

	/* The subprogram being made. */
	const struct jit_sub *sub;
	LLVMValueRef run;
	LLVMValueRef regs[REG_FP]; /* variables */
	LLVMValueRef fp;
	LLVMValueRef budget; /* variable: what is left, kept in run->budget while others run */
	LLVMValueRef err;    /* variable, for the block fail */
	LLVMValueRef args;   /* five words for a helper's arguments */
	LLVMValueRef word;   /* one for a result of the host */
	LLVMValueRef index;  /* variables of loop.c */
	LLVMValueRef result;
	LLVMBasicBlockRef fail;
	uint32_t at; /* slot */
};

/* ---- sub.c ---- */

int jit_subs_find(struct jit *jit);
void jit_subs_make(struct jit *jit);
const struct jit_sub *jit_sub_at(const struct jit *jit, uint32_t slot);

LLVMValueRef jit_u64(const struct jit *jit, uint64_t value);
LLVMValueRef jit_u32(const struct jit *jit, uint32_t value);
LLVMValueRef jit_reg(struct jit *jit, uint8_t reg);
LLVMValueRef jit_reg32(struct jit *jit, uint8_t reg);
/* Narrower values are extended with zeroes. */
void jit_set_reg(struct jit *jit, uint8_t reg, LLVMValueRef value);
/* R1 to R5 are 0 after calls. */
void jit_clear_args(struct jit *jit);

/* A field of a structure at address base. */
LLVMValueRef jit_field(struct jit *jit, LLVMValueRef base, size_t off, LLVMTypeRef type);
void jit_set_field(struct jit *jit, LLVMValueRef base, size_t off, LLVMValueRef value);
#define RUN_FIELD(jit, field, type) jit_field(jit, (jit)->run, offsetof(struct vm_run, field), type)
#define SET_RUN_FIELD(jit, field, value) \
	jit_set_field(jit, (jit)->run, offsetof(struct vm_run, field), value)

LLVMValueRef jit_tagged(struct jit *jit, LLVMValueRef insn, enum jit_memory memory);
LLVMValueRef jit_literal(struct jit *jit, enum vm_literal_kind kind, uint32_t index);
LLVMValueRef jit_pointer(struct jit *jit, LLVMValueRef address);
/* An attribute of a function. */
void jit_mark(struct jit *jit, LLVMValueRef fn, const char *attribute, uint64_t value);
LLVMBasicBlockRef jit_block(struct jit *jit, const char *name);
/* A conditional branch; `unlikely` is laid out of the way. */
void jit_branch_unlikely(struct jit *jit, LLVMValueRef cond, LLVMBasicBlockRef unlikely,
			 LLVMBasicBlockRef likely);
/* Go on in a new block unless cond; builder ends up there. */
void jit_fail_if(struct jit *jit, LLVMValueRef cond, LLVMValueRef err);
LLVMValueRef jit_host(struct jit *jit, enum vm_host fn, LLVMValueRef a, LLVMValueRef b,
		      LLVMValueRef c);
/* The same for functions that end the run: end the block. */
void jit_end_run(struct jit *jit, enum vm_host fn, uint32_t slot);
void jit_budget_save(struct jit *jit);
void jit_budget_load(struct jit *jit);
/* Leave for another slot of the subprogram. */
void jit_goto(struct jit *jit, uint32_t target);

const struct vm_fact *jit_fact(const struct jit *jit);
const struct bpf_insn *jit_insn(const struct jit *jit);
const struct vm_insn *jit_decoded(const struct jit *jit);

/* ---- one function per enum vm_class ---- */

typedef void jit_emit_fn(struct jit *jit);
jit_emit_fn emit_ALU_K, emit_ALU_X, emit_NEG, emit_END, emit_JMP_K, emit_JMP_X, emit_JA, emit_JA32;
jit_emit_fn emit_CALL, emit_EXIT, emit_IMM64, emit_ABS, emit_IND, emit_LDX, emit_ST, emit_STX;
jit_emit_fn emit_ATOMIC, emit_LOAD_ACQ, emit_STORE_REL;

/* ---- call.c ---- */

/* Call a subprogram in a new frame, with ten registers. The run goes on only if there is no
 * error. */
LLVMValueRef jit_call_sub(struct jit *jit, const struct jit_sub *sub, LLVMValueRef regs[REG_FP],
			  enum vm_host too_deep);

/* ---- lookup.c ---- */

/* bpf_map_lookup_elem() in a map that is known, with sure arguments: its result. NULL: it is
 * none. */
LLVMValueRef jit_lookup(struct jit *jit, const struct vm_helper *helper);

/* ---- loop.c ---- */

/* bpf_loop() with a callback that is known, with sure arguments: its result. NULL: it is none. */
LLVMValueRef jit_loop(struct jit *jit, const struct vm_helper *helper);

/* ---- debug.c ---- */

void jit_debug_begin(struct jit *jit);
void jit_debug_sub(struct jit *jit, struct jit_sub *sub);
/* What is emitted from now on is the entry of the subprogram at slot. */
void jit_debug_entry(struct jit *jit, LLVMValueRef entry, uint32_t slot);
/* What is emitted from now on belongs to slot. */
void jit_debug_slot(struct jit *jit, uint32_t slot);
void jit_debug_end(struct jit *jit);

/* ---- file.c ---- */

/* Once per function, at its beginning. */
void jit_literals_open(struct jit *jit);
LLVMValueRef jit_file_literal(struct jit *jit, struct vm_literal what);
/* The struct vm_file_prog. ENOMEM. */
int jit_file_finish(struct jit *jit);

/* ---- link.c ---- */

int jit_link(struct jit *jit, LLVMMemoryBufferRef object, struct vm_native **ret_native);

#endif
