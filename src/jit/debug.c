/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* debug.c: the program's source lines as DWARF line tables, so that gdb's and perf's backtraces,
 * break points and annotations show the source. Lines come from the program's BTF (line_info); a
 * program without them is compiled without. Variables are not described.
 */
#include "jit/jit.h"

#include <string.h>

static const struct bpf_line_info *line_at(const struct jit *jit, uint32_t i)
{
	const struct vm_lines *lines = &jit->prog->lines;

	return i < lines->info_cnt && lines->infos[i].file_name_off < lines->string_bytes
		       ? &lines->infos[i]
		       : NULL;
}

static LLVMMetadataRef file_of(const struct jit *jit, const struct bpf_line_info *info)
{
	const char *path = jit->prog->lines.strings + info->file_name_off;
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) : 0;
	const char *name = slash ? slash + 1 : path;

	return LLVMDIBuilderCreateFile(jit->di, name, strlen(name), dir ? path : ".",
				       dir ? dir : 1);
}

void jit_debug_begin(struct jit *jit)
{
	const struct bpf_line_info *first = line_at(jit, 0);
	static const char producer[] = "bpfmap";
	LLVMValueRef version;

	if (!first)
		return;
	jit->di = LLVMCreateDIBuilder(jit->module);
	LLVMDIBuilderCreateCompileUnit(jit->di, LLVMDWARFSourceLanguageC, file_of(jit, first),
				       producer, sizeof(producer) - 1, 1, "", 0, 0, "", 0,
				       LLVMDWARFEmissionLineTablesOnly, 0, 1, 0, "", 0, "", 0);
	version = jit_u32(jit, LLVMDebugMetadataVersion());
	LLVMAddModuleFlag(jit->module, LLVMModuleFlagBehaviorWarning, "Debug Info Version", 18,
			  LLVMValueAsMetadata(version));
}

/* The last line that begins at or before slot; next_line only ever moves on, and back for another
 * sub. */
static const struct bpf_line_info *line_of(struct jit *jit, uint32_t slot)
{
	const struct vm_lines *lines = &jit->prog->lines;

	if (jit->next_line && lines->infos[jit->next_line - 1].insn_off > slot)
		jit->next_line = 0;
	while (jit->next_line < lines->info_cnt && lines->infos[jit->next_line].insn_off <= slot)
		jit->next_line++;
	return jit->next_line ? line_at(jit, jit->next_line - 1) : NULL;
}

static LLVMMetadataRef function_scope(struct jit *jit, LLVMValueRef fn,
				      const struct bpf_line_info *info)
{
	LLVMMetadataRef file = file_of(jit, info), type, scope;
	unsigned int line = BPF_LINE_INFO_LINE_NUM(info->line_col);
	size_t len;
	const char *name = LLVMGetValueName2(fn, &len);

	type = LLVMDIBuilderCreateSubroutineType(jit->di, file, NULL, 0, LLVMDIFlagZero);
	scope = LLVMDIBuilderCreateFunction(jit->di, file, name, len, name, len, file, line, type,
					    1, 1, line, LLVMDIFlagZero, 1);
	LLVMSetSubprogram(fn, scope);
	return scope;
}

void jit_debug_sub(struct jit *jit, struct jit_sub *sub)
{
	const struct bpf_line_info *info = jit->di ? line_of(jit, sub->start) : NULL;

	if (info)
		sub->scope = function_scope(jit, sub->fn, info);
}

/* Code that is put inline keeps its lines only in a function that has some. */
void jit_debug_entry(struct jit *jit, LLVMValueRef entry, uint32_t slot)
{
	const struct bpf_line_info *info = jit->di ? line_of(jit, slot) : NULL;
	LLVMMetadataRef line = NULL;

	if (info)
		line = LLVMDIBuilderCreateDebugLocation(jit->context,
							BPF_LINE_INFO_LINE_NUM(info->line_col), 0,
							function_scope(jit, entry, info), NULL);
	LLVMSetCurrentDebugLocation2(jit->b, line);
}

void jit_debug_slot(struct jit *jit, uint32_t slot)
{
	const struct bpf_line_info *info;
	LLVMMetadataRef scope = jit->sub->scope, file;

	if (!scope)
		return;
	info = line_of(jit, slot);
	if (info) {
		/* A line of an inlined function may be another file's. */
		file = file_of(jit, info);
		scope = LLVMDIBuilderCreateLexicalBlockFile(jit->di, scope, file, 0);
	}
	LLVMSetCurrentDebugLocation2(
		jit->b, LLVMDIBuilderCreateDebugLocation(
				jit->context, info ? BPF_LINE_INFO_LINE_NUM(info->line_col) : 0,
				info ? BPF_LINE_INFO_LINE_COL(info->line_col) : 0, scope, NULL));
}

void jit_debug_end(struct jit *jit)
{
	if (jit->di)
		LLVMDIBuilderFinalize(jit->di);
}
