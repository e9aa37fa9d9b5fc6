/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* link.c: an object file in memory becomes code that runs, by LLVM's ORC: pages that are written
 * and then made executable, never both. gdb is told through its JIT interface; perf, if asked for,
 * through /tmp/perf-PID.map.
 */
#include "jit/jit.h"

#include <errno.h>
#include <fcntl.h>
#include <llvm-c/ExecutionEngine.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Object.h>
#include <llvm-c/OrcEE.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct code {
	struct vm_native native;
	LLVMOrcLLJITRef lljit;
};

static int refuse(const struct jit *jit, LLVMErrorRef error)
{
	char *message = LLVMGetErrorMessage(error);
	int err = jit->host->fail(ENOTSUP, "LLVM: %s", message);

	LLVMDisposeErrorMessage(message);
	return err;
}

static LLVMOrcObjectLayerRef layer_make(void *arg, LLVMOrcExecutionSessionRef session,
					const char *triple)
{
	LLVMOrcObjectLayerRef layer =
		LLVMOrcCreateRTDyldObjectLinkingLayerWithSectionMemoryManager(session);

	(void)arg;
	(void)triple;
	LLVMOrcRTDyldObjectLinkingLayerRegisterJITEventListener(
		layer, LLVMCreateGDBRegistrationListener());
	return layer;
}

static LLVMErrorRef code_add(LLVMOrcLLJITRef lljit, LLVMMemoryBufferRef object)
{
	LLVMOrcJITDylibRef dylib = LLVMOrcLLJITGetMainJITDylib(lljit);
	LLVMOrcDefinitionGeneratorRef process;
	LLVMErrorRef error;

	/* memset() and memcpy(), which LLVM calls where it sees fit. */
	error = LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
		&process, LLVMOrcLLJITGetGlobalPrefix(lljit), NULL, NULL);
	if (error)
		return error;
	LLVMOrcJITDylibAddGenerator(dylib, process);
	return LLVMOrcLLJITAddObjectFile(lljit, dylib, object);
}

static LLVMErrorRef lljit_make(LLVMMemoryBufferRef object, LLVMOrcLLJITRef *ret_lljit)
{
	LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
	LLVMErrorRef error;

	LLVMOrcLLJITBuilderSetObjectLinkingLayerCreator(builder, layer_make, NULL);
	error = LLVMOrcCreateLLJIT(ret_lljit, builder);
	if (error)
		LLVMDisposeMemoryBuffer(object);
	else
		error = code_add(*ret_lljit, object);
	return error;
}

static void symbol_note(struct jit *jit, LLVMSymbolIteratorRef symbol, uint64_t *sum)
{
	unsigned int slot;

	*sum += LLVMGetSymbolSize(symbol);
	if (sscanf(LLVMGetSymbolName(symbol), "entry_%u", &slot) != 1)
		return;
	for (uint32_t i = 0; i < jit->sub_cnt; i++)
		if (jit->subs[i].start == slot)
			jit->subs[i].entry_bytes = LLVMGetSymbolSize(symbol);
}

/* Of all functions; and how long each entry is. */
static uint64_t code_bytes(struct jit *jit, LLVMMemoryBufferRef object)
{
	char *message = NULL;
	LLVMBinaryRef binary = LLVMCreateBinary(object, NULL, &message);
	LLVMSymbolIteratorRef symbol;
	uint64_t bytes = 0;

	if (!binary) {
		LLVMDisposeMessage(message);
		return 0;
	}
	symbol = LLVMObjectFileCopySymbolIterator(binary);
	for (; !LLVMObjectFileIsSymbolIteratorAtEnd(binary, symbol); LLVMMoveToNextSymbol(symbol))
		symbol_note(jit, symbol, &bytes);
	LLVMDisposeSymbolIterator(symbol);
	LLVMDisposeBinary(binary);
	return bytes;
}

/* perf's convention for code that no file holds: lines of start, size and name. */
static void perf_note(const struct jit *jit, const struct jit_sub *sub, uint64_t start)
{
	const char *wanted = secure_getenv("BPFMAP_JIT_PERF");
	char path[48];
	int fd;

	if (!wanted || strcmp(wanted, "1") != 0)
		return;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	dprintf(fd, "%llx %llx bpf:%s.%u\n", (unsigned long long)start,
		(unsigned long long)sub->entry_bytes, jit->prog->name[0] ? jit->prog->name : "prog",
		sub->start);
	close(fd);
}

static LLVMErrorRef entries_find(const struct jit *jit, struct code *code)
{
	for (uint32_t i = 0; i < jit->sub_cnt; i++) {
		LLVMOrcExecutorAddress address;
		LLVMErrorRef error;
		char name[32];

		snprintf(name, sizeof(name), "entry_%u", jit->subs[i].start);
		error = LLVMOrcLLJITLookup(code->lljit, &address, name);
		if (error)
			return error;
		code->native.entries[jit->subs[i].start] = (vm_native_fn *)(uintptr_t)address;
		perf_note(jit, &jit->subs[i], address);
	}
	return NULL;
}

static void code_free(struct vm_native *native)
{
	struct code *code = (struct code *)native;

	if (code->lljit)
		LLVMConsumeError(LLVMOrcDisposeLLJIT(code->lljit));
	free(code->native.entries);
	free(code);
}

int jit_link(struct jit *jit, LLVMMemoryBufferRef object, struct vm_native **ret_native)
{
	struct code *code = calloc(1, sizeof(*code));
	LLVMErrorRef error;

	if (code)
		code->native.entries = calloc(jit->prog->insn_cnt, sizeof(vm_native_fn *));
	if (!code || !code->native.entries) {
		free(code);
		LLVMDisposeMemoryBuffer(object);
		return jit->host->fail(ENOMEM, "no memory for compiled code");
	}
	code->native.free = code_free;
	code->native.code_bytes = code_bytes(jit, object);
	error = lljit_make(object, &code->lljit);
	if (!error)
		error = entries_find(jit, code);
	if (!error) {
		*ret_native = &code->native;
		return 0;
	}
	code_free(&code->native);
	return refuse(jit, error);
}
