/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* file.c: code that outlives the process. It holds no address: where code for this process has a
 * constant, code for a file loads a word of the program's table, prog->native->literals, which
 * whoever loads the file fills. What is in which word stands in the file, in its struct
 * vm_file_prog.
 */
#include "jit/jit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void jit_literals_open(struct jit *jit)
{
	LLVMValueRef prog, native;

	if (!jit->is_file)
		return;
	prog = RUN_FIELD(jit, prog, jit->ptr);
	native = jit_field(jit, prog, offsetof(struct vm_prog, native), jit->ptr);
	jit->literals = jit_field(jit, native, offsetof(struct vm_native, literals), jit->ptr);
}

static uint32_t index_of(struct jit *jit, struct vm_literal what)
{
	struct vm_literal *more;

	for (uint32_t i = 0; i < jit->what_cnt; i++)
		if (jit->what[i].kind == what.kind && jit->what[i].index == what.index)
			return i;
	more = realloc(jit->what, (jit->what_cnt + 1) * sizeof(*more));
	if (!more)
		abort(); /* LLVM does the same when it gets no memory */
	jit->what = more;
	jit->what[jit->what_cnt] = what;
	return jit->what_cnt++;
}

LLVMValueRef jit_file_literal(struct jit *jit, struct vm_literal what)
{
	LLVMValueRef value =
		jit_field(jit, jit->literals, index_of(jit, what) * sizeof(uint64_t), jit->i64);
	LLVMMetadataRef nothing = LLVMMDNodeInContext2(jit->context, NULL, 0);

	LLVMSetMetadata(value, LLVMGetMDKindIDInContext(jit->context, "invariant.load", 14),
			LLVMMetadataAsValue(jit->context, nothing));
	return value;
}

static LLVMValueRef array_global(struct jit *jit, const char *name, LLVMTypeRef type,
				 LLVMValueRef *values, uint32_t count)
{
	LLVMValueRef array = LLVMConstArray2(type, values, count);
	LLVMValueRef global = LLVMAddGlobal(jit->module, LLVMTypeOf(array), name);

	LLVMSetInitializer(global, array);
	LLVMSetLinkage(global, LLVMInternalLinkage);
	LLVMSetGlobalConstant(global, 1);
	return global;
}

static LLVMValueRef words_global(struct jit *jit)
{
	const struct native_identity *identity = jit->identity;
	LLVMValueRef bytes =
		LLVMConstStringInContext2(jit->context, (const char *)identity->words,
					  identity->count * sizeof(*identity->words), 1);
	LLVMValueRef global = LLVMAddGlobal(jit->module, LLVMTypeOf(bytes), "words");

	LLVMSetInitializer(global, bytes);
	LLVMSetAlignment(global, sizeof(*identity->words));
	LLVMSetLinkage(global, LLVMInternalLinkage);
	LLVMSetGlobalConstant(global, 1);
	return global;
}

/* struct vm_file_prog. */
static void prog_global(struct jit *jit, LLVMValueRef literals, LLVMValueRef slots,
			LLVMValueRef entries)
{
	LLVMValueRef fields[] = {
		jit_u64(jit, vm_jit_abi()),
		jit_u64(jit, jit->identity->hash),
		jit_u32(jit, jit->prog->insn_cnt),
		jit_u32(jit, jit->what_cnt),
		jit_u32(jit, jit->sub_cnt),
		jit_u32(jit, jit->identity->count),
		words_global(jit),
		literals,
		slots,
		entries,
	};
	LLVMValueRef value =
		LLVMConstStructInContext(jit->context, fields, sizeof(fields) / sizeof(*fields), 0);
	LLVMValueRef global;
	char name[48];

	snprintf(name, sizeof(name), NATIVE_SYMBOL, (unsigned long long)jit->identity->hash);
	global = LLVMAddGlobal(jit->module, LLVMTypeOf(value), name);
	LLVMSetInitializer(global, value);
	LLVMSetGlobalConstant(global, 1);
}

int jit_file_finish(struct jit *jit)
{
	uint32_t most = 2 * jit->what_cnt > jit->sub_cnt ? 2 * jit->what_cnt : jit->sub_cnt;
	LLVMValueRef *values = calloc(most + 1, sizeof(*values)), literals, slots, entries;

	if (!values)
		return jit->host->fail(ENOMEM, "no memory for compiling a program");
	for (uint32_t i = 0; i < jit->what_cnt; i++) {
		values[2 * i] = jit_u32(jit, jit->what[i].kind);
		values[2 * i + 1] = jit_u32(jit, jit->what[i].index);
	}
	literals = array_global(jit, "literals", jit->i32, values, 2 * jit->what_cnt);
	for (uint32_t i = 0; i < jit->sub_cnt; i++)
		values[i] = jit_u32(jit, jit->subs[i].start);
	slots = array_global(jit, "slots", jit->i32, values, jit->sub_cnt);
	for (uint32_t i = 0; i < jit->sub_cnt; i++) {
		values[i] = jit->subs[i].entry;
		LLVMSetLinkage(values[i], LLVMInternalLinkage);
	}
	entries = array_global(jit, "entries", jit->ptr, values, jit->sub_cnt);
	prog_global(jit, literals, slots, entries);
	free(values);
	return 0;
}
