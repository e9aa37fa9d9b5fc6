/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* prog.c: loading and freeing programs. */
#include "vm/prog.h"

#include "base/absent.h"
#include "base/error.h"
#include "sync/vcpu.h"
#include "vm/helpers.h"
#include "vm/native.h"
#include "vm/step.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "insn 12 (flows.bpf.c:34, r1 = *(u32 *)(r2 +0))" */
static void place(const struct vm_prog *prog, uint32_t at, char *buf, size_t size)
{
	char line[96];
	char text[64];
	bool has_line = lines_name(&prog->lines, at, line, sizeof(line));

	if (insn_op(&prog->insns[at]) < 0) {
		snprintf(buf, size, "insn %u", at);
		return;
	}
	insn_text(&prog->insns[at], at, text, sizeof(text));
	snprintf(buf, size, "insn %u (%s%s%s)", at, has_line ? line : "", has_line ? ", " : "",
		 text);
}

int prog_fail(const struct vm_prog *prog, uint32_t at, int err, const char *fmt, ...)
{
	char where[192];
	char what[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	place(prog, at, where, sizeof(where));
	return fail(err, "%s: %s", where, what);
}

int vm_fault(struct vm_run *run, int err, const char *fmt, ...)
{
	char what[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	run->err = prog_fail(run->prog, (uint32_t)(run->pc - run->prog->code), err, "%s", what);
	return run->err;
}

static int check_load(const struct vm_load *load)
{
	if (!helper_type_bit(load->prog_type))
		return fail(EINVAL,
			    "programs of type %s (%u) cannot be run; supported are xdp, sched_cls, "
			    "socket_filter and syscall; bpf_program__set_autoload(prog, false) "
			    "leaves one out",
			    absent_prog_word(load->prog_type), load->prog_type);
	if (!load->insns || !load->insn_cnt || load->insn_cnt > VM_MAX_INSNS)
		return fail(E2BIG, "a program has 1 to %u instructions, not %u", VM_MAX_INSNS,
			    load->insn_cnt);
	return 0;
}

static void vcpus_collect(struct vm_prog *prog)
{
	struct bpfmap *maps[VM_MAX_MAPS];

	for (uint32_t i = 0; i < prog->map_cnt; i++)
		maps[i] = prog->maps[i].map;
	prog->vcpu_cnt = map_cpus_in_order(maps, prog->map_cnt, prog->vcpus);
}

static int prog_build(const struct vm_load *load, struct vm_prog *prog)
{
	int err;

	prog->prog_type = load->prog_type;
	prog->insn_cnt = load->insn_cnt;
	prog->source = load->maps;
	if (load->name)
		snprintf(prog->name, sizeof(prog->name), "%s", load->name);
	prog->code = calloc(load->insn_cnt, sizeof(*prog->code));
	prog->is_subprog = calloc(load->insn_cnt, sizeof(*prog->is_subprog));
	prog->is_sure = calloc(load->insn_cnt, sizeof(*prog->is_sure));
	prog->insns = calloc(load->insn_cnt, sizeof(*prog->insns));
	if (!prog->code || !prog->is_subprog || !prog->is_sure || !prog->insns)
		return fail(ENOMEM, "no memory for a program of %u instructions", load->insn_cnt);
	memcpy(prog->insns, load->insns, load->insn_cnt * sizeof(*prog->insns));
	err = lines_copy(load, &prog->lines);
	if (!err)
		err = prog_check(load, prog);
	if (!err)
		err = steps_make(prog);
	if (!err)
		vcpus_collect(prog);
	return err;
}

int vm_load(const struct vm_load *load, struct vm_prog **ret_prog)
{
	struct vm_prog *prog = NULL;
	int err;

	if (load->log && load->log_size)
		load->log[0] = '\0';
	err = check_load(load);
	if (!err) {
		prog = calloc(1, sizeof(*prog));
		err = prog ? prog_build(load, prog) : fail(ENOMEM, "no memory for a program");
	}
	if (!err) {
		*ret_prog = prog;
		return 0;
	}
	if (load->log && load->log_size)
		snprintf(load->log, load->log_size, "%s\n", error_sentence());
	vm_free(prog);
	return err;
}

void vm_free(struct vm_prog *prog)
{
	if (!prog)
		return;
	for (uint32_t i = 0; i < prog->map_cnt; i++)
		if (prog->source.put)
			prog->source.put(prog->source.arg, prog->maps[i].map);
	native_free(prog);
	lines_free(&prog->lines);
	free(prog->is_sure);
	free(prog->is_subprog);
	free(prog->steps);
	free(prog->code);
	free(prog->insns);
	free(prog);
}

uint32_t vm_prog_map_count(const struct vm_prog *prog)
{
	return prog->map_cnt;
}

struct bpfmap *vm_prog_map(const struct vm_prog *prog, uint32_t index)
{
	return index < prog->map_cnt ? prog->maps[index].map : NULL;
}
