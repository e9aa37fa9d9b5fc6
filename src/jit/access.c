/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* access.c: loads, stores and atomics.
 *
 * An access with a place (facts.h), or through R10 within the frame, is one instruction. Any other
 * is compared with the stack, the value used last and the packet, as memory_inline() in run.h does,
 * by a small function of the module that LLVM may put inline; where none holds it, the host
 * decides.
 */
#include "jit/jit.h"

#include "vm/access.h"

/* Not in the uapi headers of the reference system: loads that extend the sign. */
#ifndef BPF_MEMSX
#define BPF_MEMSX 0x80
#endif

struct access {
	uint32_t bytes;
	LLVMTypeRef type;
	LLVMValueRef address; /* i64 */
	bool is_frame;	      /* in this subprogram's frame, which no other thread knows */
	bool is_sure;
	bool is_context; /* a field at offset ctx_off, which may be used so */
	uint32_t ctx_off;
};

static LLVMTypeRef width(const struct jit *jit, uint32_t bytes)
{
	return LLVMIntTypeInContext(jit->context, bytes * 8);
}

static struct access access_at(struct jit *jit, uint8_t base)
{
	const struct vm_fact *fact = jit_fact(jit);
	uint32_t bytes = insn_access_bytes(jit_insn(jit)->code);
	int32_t off = jit_insn(jit)->off;
	bool in_frame = base == REG_FP && off < 0 && off >= -(int32_t)VM_STACK_FRAME &&
			off + (int32_t)bytes <= 0;
	struct access access = {.bytes = bytes,
				.type = width(jit, bytes),
				.is_frame = in_frame || fact->in_frame,
				.is_sure = in_frame || (fact->place != VM_PLACE_UNKNOWN &&
							fact->place != VM_PLACE_CONTEXT)};
	bool known = fact->place == VM_PLACE_STACK && fact->in_frame;

	if (fact->place == VM_PLACE_CONTEXT) {
		access.is_context = true;
		access.ctx_off = (uint32_t)fact->at;
		return access;
	}
	access.address =
		LLVMBuildAdd(jit->b, known ? jit->fp : jit_reg(jit, base),
			     jit_u64(jit, (uint64_t)(int64_t)(known ? fact->at : off)), "");
	return access;
}

/* ---- whether a range holds an access ---- */

static LLVMValueRef range_holds_it(struct jit *jit, LLVMValueRef address, uint32_t bytes,
				   uint32_t how, size_t range)
{
	LLVMValueRef lo = jit_field(jit, jit->run, range + offsetof(struct vm_range, lo), jit->i64);
	LLVMValueRef size =
		jit_field(jit, jit->run, range + offsetof(struct vm_range, bytes), jit->i64);
	LLVMValueRef off = LLVMBuildSub(jit->b, address, lo, "");
	LLVMValueRef rest = LLVMBuildSub(jit->b, size, off, "");
	LLVMValueRef holds = LLVMBuildICmp(jit->b, LLVMIntULT, off, size, "");
	LLVMValueRef may;

	if (bytes > 1)
		holds = LLVMBuildAnd(
			jit->b, holds,
			LLVMBuildICmp(jit->b, LLVMIntUGE, rest, jit_u64(jit, bytes), ""), "");
	if (!how)
		return holds;
	may = jit_field(jit, jit->run, range + offsetof(struct vm_range, may), jit->i32);
	may = LLVMBuildAnd(jit->b, may, jit_u32(jit, how), "");
	return LLVMBuildAnd(jit->b, holds,
			    LLVMBuildICmp(jit->b, LLVMIntEQ, may, jit_u32(jit, how), ""), "");
}

static void answer_if(struct jit *jit, LLVMValueRef cond, LLVMBasicBlockRef yes)
{
	LLVMBasicBlockRef next = jit_block(jit, "next");

	LLVMBuildCondBr(jit->b, cond, yes, next);
	LLVMPositionBuilderAtEnd(jit->b, next);
}

/* i1 holds(run, address): memory_inline() of run.h. Not put inline: compiling takes as long as
 * there is code, and what is common has a place. */
static LLVMValueRef holds_make(struct jit *jit, uint32_t bytes, uint32_t how)
{
	LLVMTypeRef params[] = {jit->ptr, jit->i64};
	struct jit_sub made = {.fn = LLVMAddFunction(jit->module, "holds",
						     LLVMFunctionType(jit->i1, params, 2, 0))};
	const struct jit_sub *sub = jit->sub;
	LLVMBasicBlockRef here = LLVMGetInsertBlock(jit->b), yes;
	LLVMMetadataRef line = LLVMGetCurrentDebugLocation2(jit->b);
	LLVMValueRef run = jit->run, address = LLVMGetParam(made.fn, 1);

	LLVMSetLinkage(made.fn, LLVMInternalLinkage);
	jit_mark(jit, made.fn, "noinline", 0);
	jit->sub = &made;
	jit->run = LLVMGetParam(made.fn, 0);
	LLVMPositionBuilderAtEnd(jit->b, jit_block(jit, "entry"));
	LLVMSetCurrentDebugLocation2(jit->b, NULL);
	yes = jit_block(jit, "yes");
	answer_if(jit, range_holds_it(jit, address, bytes, 0, offsetof(struct vm_run, stack)), yes);
	answer_if(jit, range_holds_it(jit, address, bytes, how, offsetof(struct vm_run, recent)),
		  yes);
	answer_if(jit, range_holds_it(jit, address, bytes, how, offsetof(struct vm_run, packet)),
		  yes);
	LLVMBuildRet(jit->b, LLVMConstInt(jit->i1, 0, 0));
	LLVMPositionBuilderAtEnd(jit->b, yes);
	LLVMBuildRet(jit->b, LLVMConstInt(jit->i1, 1, 0));
	jit->sub = sub;
	jit->run = run;
	LLVMPositionBuilderAtEnd(jit->b, here);
	LLVMSetCurrentDebugLocation2(jit->b, line);
	return made.fn;
}

static LLVMValueRef holds(struct jit *jit, const struct access *access, uint32_t how)
{
	LLVMTypeRef params[] = {jit->ptr, jit->i64};
	LLVMValueRef args[] = {jit->run, access->address};
	int size = __builtin_ctz(access->bytes), kind = how & VM_WRITE ? 1 : 0;

	if (!jit->holds[size][kind])
		jit->holds[size][kind] = holds_make(jit, access->bytes, how);
	return LLVMBuildCall2(jit->b, LLVMFunctionType(jit->i1, params, 2, 0),
			      jit->holds[size][kind], args, 2, "");
}

/* ---- fields of the context ---- */

static LLVMValueRef packet_start(struct jit *jit)
{
	LLVMValueRef packet = RUN_FIELD(jit, pkt, jit->ptr);
	LLVMValueRef buf = jit_field(jit, packet, offsetof(struct vm_packet, buf), jit->i64);
	LLVMValueRef off = jit_field(jit, packet, offsetof(struct vm_packet, off), jit->i32);

	return LLVMBuildAdd(jit->b, buf, LLVMBuildZExt(jit->b, off, jit->i64, ""), "");
}

static enum ctx_kind context_kind(struct jit *jit, const struct access *access, uint32_t how)
{
	enum ctx_kind kind = CTX_VALUE;

	jit->host->context(jit->prog->prog_type, access->ctx_off, access->bytes, how, &kind);
	return kind;
}

static LLVMValueRef context_field(struct jit *jit, const struct access *access)
{
	LLVMValueRef value;

	switch (context_kind(jit, access, VM_READ)) {
	case CTX_DATA: return packet_start(jit);
	case CTX_DATA_END:
		return LLVMBuildAdd(jit->b, RUN_FIELD(jit, packet.lo, jit->i64),
				    RUN_FIELD(jit, packet.bytes, jit->i64), "");
	case CTX_DATA_META: return RUN_FIELD(jit, packet.lo, jit->i64);
	default: break;
	}
	value = jit_field(jit, jit->run, offsetof(struct vm_run, fields) + access->ctx_off,
			  access->type);
	return access->bytes == 8 ? value : LLVMBuildZExt(jit->b, value, jit->i64, "");
}

/* A load that extends the sign cuts an address, as any other word. */
static LLVMValueRef context_load(struct jit *jit, const struct access *access, bool is_signed)
{
	LLVMValueRef value = context_field(jit, access);

	if (!is_signed)
		return value;
	return LLVMBuildSExt(jit->b, LLVMBuildTrunc(jit->b, value, access->type, ""), jit->i64, "");
}

/* ---- loads and stores ---- */

static LLVMValueRef marked(struct jit *jit, LLVMValueRef insn, const struct access *access)
{
	LLVMSetAlignment(insn, 1);
	LLVMSetVolatile(insn, !access->is_frame);
	return jit_tagged(jit, insn, JIT_PROGRAM);
}

static LLVMValueRef load_fast(struct jit *jit, const struct access *access, bool is_signed)
{
	LLVMValueRef value =
		marked(jit,
		       LLVMBuildLoad2(jit->b, access->type, jit_pointer(jit, access->address), ""),
		       access);

	if (access->bytes == 8)
		return value;
	return is_signed ? LLVMBuildSExt(jit->b, value, jit->i64, "")
			 : LLVMBuildZExt(jit->b, value, jit->i64, "");
}

/* The host's word is whole: a context's pointers stay so in a load of four bytes. */
static LLVMValueRef load_slow(struct jit *jit, const struct access *access, bool is_signed)
{
	LLVMValueRef to = LLVMBuildPtrToInt(jit->b, jit->word, jit->i64, "");
	LLVMValueRef err =
		jit_host(jit, VM_HOST_LOAD, access->address, jit_u64(jit, access->bytes), to);
	LLVMValueRef value;

	err = LLVMBuildTrunc(jit->b, err, jit->i32, "");
	jit_fail_if(jit, LLVMBuildIsNotNull(jit->b, err, ""), err);
	value = LLVMBuildLoad2(jit->b, jit->i64, jit->word, "");
	if (!is_signed)
		return value;
	return LLVMBuildSExt(jit->b, LLVMBuildTrunc(jit->b, value, access->type, ""), jit->i64, "");
}

static LLVMValueRef load(struct jit *jit, const struct access *access, bool is_signed)
{
	LLVMBasicBlockRef fast, slow, slow_end, on;
	LLVMValueRef values[2], phi;

	if (access->is_context)
		return context_load(jit, access, is_signed);
	if (access->is_sure)
		return load_fast(jit, access, is_signed);
	fast = jit_block(jit, "fast");
	slow = jit_block(jit, "slow");
	on = jit_block(jit, "on");
	LLVMBuildCondBr(jit->b, holds(jit, access, VM_READ), fast, slow);
	LLVMPositionBuilderAtEnd(jit->b, fast);
	values[0] = load_fast(jit, access, is_signed);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, slow);
	values[1] = load_slow(jit, access, is_signed);
	slow_end = LLVMGetInsertBlock(jit->b);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
	phi = LLVMBuildPhi(jit->b, jit->i64, "");
	LLVMAddIncoming(phi, values, (LLVMBasicBlockRef[]){fast, slow_end}, 2);
	return phi;
}

void emit_LDX(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);
	struct access access = access_at(jit, insn->src_reg);

	jit_set_reg(jit, insn->dst_reg, load(jit, &access, BPF_MODE(insn->code) == BPF_MEMSX));
}

static void store_fast(struct jit *jit, const struct access *access, LLVMValueRef value)
{
	if (access->bytes < 8)
		value = LLVMBuildTrunc(jit->b, value, access->type, "");
	marked(jit, LLVMBuildStore(jit->b, value, jit_pointer(jit, access->address)), access);
}

static LLVMValueRef cut(struct jit *jit, const struct access *access, LLVMValueRef value)
{
	if (access->bytes == 8)
		return value;
	return LLVMBuildZExt(jit->b, LLVMBuildTrunc(jit->b, value, access->type, ""), jit->i64, "");
}

static void store_slow(struct jit *jit, const struct access *access, LLVMValueRef value)
{
	LLVMValueRef err = jit_host(jit, VM_HOST_STORE, access->address,
				    jit_u64(jit, access->bytes), cut(jit, access, value));

	err = LLVMBuildTrunc(jit->b, err, jit->i32, "");
	jit_fail_if(jit, LLVMBuildIsNotNull(jit->b, err, ""), err);
}

static void store(struct jit *jit, LLVMValueRef value)
{
	struct access access = access_at(jit, jit_insn(jit)->dst_reg);
	LLVMBasicBlockRef fast, slow, on;

	if (access.is_context) {
		jit_set_field(jit, jit->run, offsetof(struct vm_run, fields) + access.ctx_off,
			      access.bytes == 8 ? value
						: LLVMBuildTrunc(jit->b, value, access.type, ""));
		return;
	}
	if (access.is_sure) {
		store_fast(jit, &access, value);
		return;
	}
	fast = jit_block(jit, "fast");
	slow = jit_block(jit, "slow");
	on = jit_block(jit, "on");
	LLVMBuildCondBr(jit->b, holds(jit, &access, VM_WRITE), fast, slow);
	LLVMPositionBuilderAtEnd(jit->b, fast);
	store_fast(jit, &access, value);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, slow);
	store_slow(jit, &access, value);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
}

void emit_ST(struct jit *jit)
{
	store(jit, jit_u64(jit, (uint64_t)(int64_t)jit_insn(jit)->imm));
}

void emit_STX(struct jit *jit)
{
	store(jit, jit_reg(jit, jit_insn(jit)->src_reg));
}

/* ---- atomics ---- */

/* The word's address as a pointer; whether it is aligned is asked in any case. */
static LLVMValueRef atomic_word(struct jit *jit, const struct access *access, uint32_t how)
{
	LLVMValueRef low =
		LLVMBuildAnd(jit->b, access->address, jit_u64(jit, access->bytes - 1), "");
	LLVMValueRef fine = LLVMBuildIsNull(jit->b, low, ""), found;
	LLVMBasicBlockRef slow = jit_block(jit, "slow"), on = jit_block(jit, "on");

	if (!access->is_sure)
		fine = LLVMConstInt(jit->i1, 0, 0);
	LLVMBuildCondBr(jit->b, fine, on, slow);
	LLVMPositionBuilderAtEnd(jit->b, slow);
	found = jit_host(jit, VM_HOST_ATOMIC, access->address, jit_u64(jit, access->bytes),
			 jit_u64(jit, how));
	jit_fail_if(jit, LLVMBuildIsNull(jit->b, found, ""), RUN_FIELD(jit, err, jit->i32));
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
	return jit_pointer(jit, access->address);
}

static LLVMValueRef rmw(struct jit *jit, const struct access *access, LLVMValueRef word,
			LLVMValueRef value)
{
	static const LLVMAtomicRMWBinOp ops[16] = {
		[BPF_ADD >> 4] = LLVMAtomicRMWBinOpAdd,	  [BPF_OR >> 4] = LLVMAtomicRMWBinOpOr,
		[BPF_AND >> 4] = LLVMAtomicRMWBinOpAnd,	  [BPF_XOR >> 4] = LLVMAtomicRMWBinOpXor,
		[BPF_XCHG >> 4] = LLVMAtomicRMWBinOpXchg,
	};
	int32_t imm = jit_insn(jit)->imm;
	LLVMAtomicOrdering order = imm & BPF_FETCH ? LLVMAtomicOrderingSequentiallyConsistent
						   : LLVMAtomicOrderingMonotonic;
	LLVMValueRef r0;

	if (imm != BPF_CMPXCHG)
		return LLVMBuildAtomicRMW(jit->b, ops[imm >> 4], word, value, order, 0);
	r0 = access->bytes == 4 ? jit_reg32(jit, 0) : jit_reg(jit, 0);
	value = LLVMBuildAtomicCmpXchg(jit->b, word, r0, value, order, order, 0);
	LLVMSetVolatile(value, 1);
	return LLVMBuildExtractValue(jit->b, value, 0, "");
}

void emit_ATOMIC(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);
	struct access access = access_at(jit, insn->dst_reg);
	LLVMValueRef word = atomic_word(jit, &access, VM_READ | VM_WRITE);
	LLVMValueRef value =
		access.bytes == 4 ? jit_reg32(jit, insn->src_reg) : jit_reg(jit, insn->src_reg);
	LLVMValueRef old = rmw(jit, &access, word, value);

	if (insn->imm == BPF_CMPXCHG)
		jit_set_reg(jit, 0, old);
	else if (insn->imm & BPF_FETCH)
		jit_set_reg(jit, insn->src_reg, old);
}

static void ordered(LLVMValueRef insn, const struct access *access, LLVMAtomicOrdering order)
{
	LLVMSetAlignment(insn, access->bytes);
	LLVMSetVolatile(insn, 1);
	LLVMSetOrdering(insn, order);
}

void emit_LOAD_ACQ(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);
	struct access access = access_at(jit, insn->src_reg);
	LLVMValueRef value =
		LLVMBuildLoad2(jit->b, access.type, atomic_word(jit, &access, VM_READ), "");

	ordered(value, &access, LLVMAtomicOrderingAcquire);
	jit_set_reg(jit, insn->dst_reg, value);
}

void emit_STORE_REL(struct jit *jit)
{
	const struct bpf_insn *insn = jit_insn(jit);
	struct access access = access_at(jit, insn->dst_reg);
	LLVMValueRef word = atomic_word(jit, &access, VM_WRITE);
	LLVMValueRef value = jit_reg(jit, insn->src_reg);

	if (access.bytes < 8)
		value = LLVMBuildTrunc(jit->b, value, access.type, "");
	ordered(LLVMBuildStore(jit->b, value, word), &access, LLVMAtomicOrderingRelease);
}
