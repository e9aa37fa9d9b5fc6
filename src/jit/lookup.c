/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lookup.c: bpf_map_lookup_elem() in a map that is known, with a key that needs no check. Of an
 * array it is a comparison and arithmetic on constants, of a per-CPU array with the run's CPU
 * besides; of any other type a call of its lookup.
 *
 * A handle whose lookups are counted (bpfmap_count_lookups()) has another function in head.lookup,
 * from any moment on; so an array's is compared first, and called if it is not the type's.
 */
#include "jit/jit.h"

#include "vm/helpers.h"

static LLVMValueRef constant_pointer(struct jit *jit, enum vm_literal_kind kind, uint32_t map)
{
	return jit_pointer(jit, jit_literal(jit, kind, map));
}

/* Whether R2 is R10 and a constant: set in this block, by moves and additions alone. (What else has
 * R2 as its first register, a store perhaps, makes the answer no.) */
static bool key_in_frame(const struct jit *jit)
{
	for (uint32_t at = jit->at; at > jit->sub->start && !jit->blocks[at]; at--) {
		const struct vm_insn *insn = &jit->prog->code[at - 1];

		/* The second half of a 64-bit load has no operation of its own. */
		if (jit->prog->insns[at - 1].code == 0 || insn->op == VM_OP_CALL ||
		    insn->op == VM_OP_CALL_LOCAL)
			return false;
		if (insn->dst != 2)
			continue;
		if (insn->op == VM_OP_MOV64_X && insn->src == REG_FP)
			return true;
		if (insn->op != VM_OP_ADD64_K)
			return false;
	}
	return false;
}

static LLVMValueRef index_load(struct jit *jit)
{
	LLVMValueRef index =
		LLVMBuildLoad2(jit->b, jit->i32, jit_pointer(jit, jit_reg(jit, 2)), "index");

	LLVMSetAlignment(index, 1);
	LLVMSetVolatile(index, !key_in_frame(jit));
	return jit_tagged(jit, index, JIT_PROGRAM);
}

/* head.lookup of the map's handle. */
static LLVMValueRef lookup_fn(struct jit *jit, uint32_t map)
{
	LLVMValueRef handle = constant_pointer(jit, VM_LITERAL_MAP, map);

	return jit_field(jit, handle, offsetof(struct bpfmap, head.lookup), jit->ptr);
}

static LLVMValueRef lookup_call(struct jit *jit, uint32_t map, LLVMValueRef fn)
{
	LLVMTypeRef params[] = {jit->ptr, jit->i64};
	LLVMValueRef args[] = {constant_pointer(jit, VM_LITERAL_MAP, map), jit_reg(jit, 2)};

	return LLVMBuildCall2(jit->b, LLVMFunctionType(jit->i64, params, 2, 0), fn, args, 2, "");
}

/* The address of the value at an index that is in range. */
static LLVMValueRef element(struct jit *jit, uint32_t map, const struct vm_array *array,
			    LLVMValueRef index)
{
	LLVMValueRef at = jit_literal(jit, VM_LITERAL_VALUES, map), plane;

	at = LLVMBuildAdd(jit->b, at,
			  LLVMBuildMul(jit->b, LLVMBuildZExt(jit->b, index, jit->i64, ""),
				       jit_u64(jit, array->stride), ""),
			  "");
	if (array->cpus == 1)
		return at;
	plane = LLVMBuildMul(jit->b,
			     LLVMBuildZExt(jit->b, RUN_FIELD(jit, cpu, jit->i32), jit->i64, ""),
			     jit_u64(jit, array->plane_stride), "");
	return LLVMBuildAdd(jit->b, at, plane, "");
}

static LLVMValueRef array_lookup(struct jit *jit, uint32_t map, const struct vm_array *array)
{
	LLVMBasicBlockRef fast = jit_block(jit, "fast"), call = jit_block(jit, "call"),
			  on = jit_block(jit, "on");
	LLVMValueRef fn = lookup_fn(jit, map), is_plain, index, in_range, values[2], phi;

	is_plain = LLVMBuildICmp(jit->b, LLVMIntEQ, fn,
				 constant_pointer(jit, VM_LITERAL_LOOKUP, map), "");
	if (array->cpus > 1)
		is_plain = LLVMBuildAnd(jit->b, is_plain,
					LLVMBuildICmp(jit->b, LLVMIntULT,
						      RUN_FIELD(jit, cpu, jit->i32),
						      jit_u32(jit, array->cpus), ""),
					"");
	jit_branch_unlikely(jit, LLVMBuildNot(jit->b, is_plain, ""), call, fast);
	LLVMPositionBuilderAtEnd(jit->b, fast);
	index = index_load(jit);
	in_range = LLVMBuildICmp(jit->b, LLVMIntULT, index, jit_u32(jit, array->max_entries), "");
	values[0] = LLVMBuildSelect(jit->b, in_range, element(jit, map, array, index),
				    jit_u64(jit, 0), "");
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, call);
	values[1] = lookup_call(jit, map, fn);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
	phi = LLVMBuildPhi(jit->b, jit->i64, "");
	LLVMAddIncoming(phi, values, (LLVMBasicBlockRef[]){fast, call}, 2);
	return phi;
}

/* So that checks find the value; needed only where there are any. */
static void remember(struct jit *jit, uint32_t map, LLVMValueRef value)
{
	LLVMBasicBlockRef found = jit_block(jit, "found"), on = jit_block(jit, "on");

	LLVMBuildCondBr(jit->b, LLVMBuildIsNotNull(jit->b, value, ""), found, on);
	LLVMPositionBuilderAtEnd(jit->b, found);
	jit_host(jit, VM_HOST_ADD_VALUE, jit_literal(jit, VM_LITERAL_MAP_REF, map), value, NULL);
	LLVMBuildBr(jit->b, on);
	LLVMPositionBuilderAtEnd(jit->b, on);
}

LLVMValueRef jit_lookup(struct jit *jit, const struct vm_helper *helper)
{
	uint32_t map = jit_fact(jit)->map_plus1 - 1u;
	struct vm_array array;
	LLVMValueRef value;

	if (helper->on_map != ON_MAP_LOOKUP || !jit_fact(jit)->map_plus1)
		return NULL;
	if (jit->host->array(jit->prog->maps[map].map, &array))
		value = array_lookup(jit, map, &array);
	else
		value = lookup_call(jit, map, lookup_fn(jit, map));
	if (jit->is_unsure)
		remember(jit, map, value);
	return value;
}
