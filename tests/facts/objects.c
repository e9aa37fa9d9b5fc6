/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* objects.c: facts-objects FOLDER OBJECT...: every access and call of every program of the examples is
 * proved: of all objects in FOLDER and of those named. What is not is shown with its line. */
#include "bpf/fd.h"
#include "bpf/prog.h"
#include "vm/facts.h"

#include <bpf/libbpf.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ALL_ARGS_SURE 0x1f

static int count;
static int failed;

static int is_unproved(const struct vm_prog *prog, const struct vm_fact *fact, uint32_t at)
{
	uint8_t class = vm_insn_rows[prog->code[at].op].class;

	if (!fact->reached)
		return 0;
	switch (class) {
	case VM_CLASS_LDX:
	case VM_CLASS_ST:
	case VM_CLASS_STX:
	case VM_CLASS_ATOMIC:
	case VM_CLASS_LOAD_ACQ:
	case VM_CLASS_STORE_REL: return !fact->place;
	case VM_CLASS_CALL:
		return prog->code[at].op == VM_OP_CALL && fact->sure_args != ALL_ARGS_SURE;
	default: return 0;
	}
}

static void show_unproved(const struct vm_prog *prog, const struct vm_facts *facts)
{
	char line[96], text[64];

	for (uint32_t at = 0; at < facts->insn_cnt; at++) {
		const struct vm_fact *fact = &facts->insns[at];

		if (!is_unproved(prog, fact, at))
			continue;
		if (!lines_name(&prog->lines, at, line, sizeof(line)))
			line[0] = '\0';
		printf("# insn %u (%s): %s; place %u, arguments %#x\n", at, line,
		       insn_text(&prog->insns[at], at, text, sizeof(text)), fact->place,
		       fact->sure_args);
	}
}

static uint32_t clear_most(const struct vm_facts *facts)
{
	uint32_t most = 0;

	for (uint32_t at = 0; at < facts->insn_cnt; at++)
		most = facts->clear_bytes[at] > most ? facts->clear_bytes[at] : most;
	return most;
}

static void check_prog(const char *path, const struct bpf_program *program)
{
	struct vm_facts facts = {0};
	struct fd_ref ref;
	const struct vm_prog *prog;
	int ok;

	if (fd_get(bpf_program__fd(program), OBJECT_PROG, &ref)) {
		printf("Bail out! %s: no program of ours\n", path);
		exit(1);
	}
	prog = ref.object->prog->vm;
	ok = !facts_prove(prog, &facts) && facts.accesses_sure == facts.accesses &&
	     facts.calls_sure == facts.calls;
	failed += !ok;
	printf("%sok %d - %s, %s: %u of %u accesses and %u of %u calls proved, %u bytes to clear, "
	       "%u insns\n",
	       ok ? "" : "not ", ++count, path, bpf_program__name(program), facts.accesses_sure,
	       facts.accesses, facts.calls_sure, facts.calls, clear_most(&facts), facts.insn_cnt);
	show_unproved(prog, &facts);
	facts_free(&facts);
	fd_put(&ref);
}

static int check_object(const char *path)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;

	if (!object || bpf_object__load(object)) {
		printf("Bail out! cannot load %s\n", path);
		return 1;
	}
	bpf_object__for_each_program(program, object) check_prog(path, program);
	bpf_object__close(object);
	return 0;
}

int main(int argc, char **argv)
{
	char pattern[4096];
	glob_t found = {0};

	snprintf(pattern, sizeof(pattern), "%s/*.bpf.o", argc > 1 ? argv[1] : ".");
	if (glob(pattern, 0, NULL, &found)) {
		printf("Bail out! no programs in %s\n", pattern);
		return 1;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (check_object(found.gl_pathv[i]))
			return 1;
	for (int i = 2; i < argc; i++)
		if (check_object(argv[i]))
			return 1;
	globfree(&found);
	printf("1..%d\n", count);
	return failed != 0;
}
