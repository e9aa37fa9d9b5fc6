/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* isa_test.c: every instruction, in our interpreter and in the live kernel, against what isa.def
 * says. One TAP point per program and engine (a program runs on up to several hundred operand
 * pairs), one for each instruction of src/vm/insn.def that some program must contain, and one for
 * each meaning of the wide load.
 */
#include "isa_cases.h"
#include "isa_engine.h"
#include "isa_insn.h"
#include "vm/insn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
	unsigned int cnt;
	unsigned int failed;
	unsigned int skipped;
	unsigned int runs; /* operand sets compared */
} points;

static struct isa_cases cases;

__attribute__((format(printf, 3, 4))) static void point(int ok, const char *skip, const char *fmt,
							...)
{
	va_list args;

	points.failed += !ok;
	points.skipped += skip != NULL;
	printf("%s %u - ", ok ? "ok" : "not ok", ++points.cnt);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(skip ? " # SKIP %s\n" : "\n", skip);
}

static void program_print(const struct isa_case *entry)
{
	char text[96];

	for (uint32_t i = 0; i < entry->insn_cnt; i++) {
		printf("#   %3u: %s\n", i, insn_text(&entry->insns[i], i, text, sizeof(text)));
		i += (uint32_t)insn_is_wide(&entry->insns[i]);
	}
}

static int run_differs(const struct isa_run *want, const struct isa_value *got, uint32_t retval,
		       int verbose)
{
	int differs = memcmp(want->out, got->out, sizeof(want->out)) != 0 || want->ret != retval;

	if (!differs || !verbose)
		return differs;
	printf("#   in 0x%llx 0x%llx 0x%llx\n", (unsigned long long)want->in[0],
	       (unsigned long long)want->in[1], (unsigned long long)want->in[2]);
	printf("#   returned 0x%x, expected 0x%x\n", retval, want->ret);
	for (int i = 0; i < 4; i++)
		printf("#   out[%d] 0x%llx, expected 0x%llx\n", i, (unsigned long long)got->out[i],
		       (unsigned long long)want->out[i]);
	return 1;
}

/* 0, or the errno of the engine with *ret_value unchanged. */
static int run_once(const struct engine *engine, const struct isa_run *run,
		    struct isa_value *ret_value, uint32_t *ret_retval)
{
	static struct engine_run io;
	struct isa_value value = {.mem = {0}};
	uint32_t key = 0;
	int err;

	memcpy(value.in, run->in, sizeof(value.in));
	memset(value.out, 0x5e, sizeof(value.out));
	io.len = ISA_PACKET;
	isa_packet_fill(io.packet);
	err = engine->map_update(0, &key, &value);
	if (!err)
		err = engine->run(&io);
	if (!err)
		err = engine->map_lookup(0, &key, ret_value);
	*ret_retval = io.retval;
	return err;
}

static int case_runs(const struct engine *engine, const struct isa_case *entry, int verbose)
{
	struct isa_value value;
	uint32_t retval;
	int err;

	for (uint32_t i = 0; i < entry->run_cnt; i++) {
		err = run_once(engine, &entry->runs[i], &value, &retval);
		if (err) {
			printf("#   run: %s: %s\n", strerror(-err), engine->message());
			return 0;
		}
		if (run_differs(&entry->runs[i], &value, retval, verbose))
			return 0;
		points.runs++;
	}
	return 1;
}

static int case_refused(const struct isa_case *entry, int err)
{
	if (err == -entry->err)
		return 1;
	printf("#   load: %s, expected %s\n", err ? strerror(-err) : "accepted",
	       strerror(entry->err));
	return 0;
}

/* Ours may refuse what the kernel refuses, or end it at the access. */
static int case_guarded(const struct engine *engine, const struct isa_case *entry, int err)
{
	struct isa_value value;
	uint32_t retval;

	if (engine == &engine_kernel)
		return case_refused(entry, err);
	if (!err)
		err = run_once(engine, &entry->runs[0], &value, &retval);
	if (err == -EFAULT || err == -EINVAL || err == -EACCES)
		return engine->message()[0] != '\0';
	printf("#   ended with %d, expected EFAULT\n", err);
	return 0;
}

static int case_check(const struct engine *engine, const struct isa_case *entry, int err)
{
	switch (entry->fate) {
	case ISA_REFUSES: return case_refused(entry, err);
	case ISA_GUARDS: return case_guarded(engine, entry, err);
	case ISA_RUNS_OURS:
		if (engine == &engine_kernel)
			return err != 0;
		break;
	case ISA_RUNS: break;
	}
	if (err) {
		printf("#   load: %s: %s\n", strerror(-err), engine->message());
		return 0;
	}
	return case_runs(engine, entry, 1);
}

static void engine_cases(const struct engine *engine)
{
	const char *skip = NULL;
	int err = engine->map_create(0, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct isa_value), 1);

	if ((err == -EPERM || err == -ENOSYS) && engine == &engine_kernel)
		skip = "bpf(2) is not permitted";
	else if (err)
		point(0, NULL, "%s: map: %s", engine->name, strerror(-err));
	for (uint32_t i = 0; i < cases.cnt; i++) {
		const struct isa_case *entry = &cases.at[i];
		const struct engine_prog prog = {
			.type = entry->prog_type,
			.insn_cnt = entry->insn_cnt,
			.insns = entry->insns,
		};
		int ok = 1;

		if (!skip) {
			ok = case_check(engine, entry, engine->load(&prog));
			engine->unload();
		}
		if (!ok)
			program_print(entry);
		point(ok, skip, "%s: %s, %u runs", engine->name, entry->name, entry->run_cnt);
	}
	engine->map_close(0);
}

/* Which rows of the instruction table the programs with results contain. */
static void coverage(void)
{
	static int seen[VM_OP_COUNT], wide[16];
	char text[64];

	for (uint32_t i = 0; i < cases.cnt; i++) {
		const struct isa_case *entry = &cases.at[i];

		if (entry->fate != ISA_RUNS)
			continue;
		for (uint32_t k = 0; k < entry->insn_cnt; k++) {
			int op = insn_op(&entry->insns[k]);

			if (op >= 0)
				seen[op] = 1;
			else
				point(0, NULL, "insn.def knows opcode 0x%02x of %s",
				      entry->insns[k].code, entry->name);
			if (!insn_is_wide(&entry->insns[k]))
				continue;
			wide[entry->insns[k].src_reg] = 1;
			k++;
		}
	}
	for (int op = 0; op < VM_OP_COUNT; op++) {
		struct bpf_insn insn = {.code = vm_insn_rows[op].code};

		snprintf(text, sizeof(text), "0x%02x variant %d", insn.code,
			 vm_insn_rows[op].variant);
		point(seen[op], NULL, "covered: %s, %s", text, vm_insn_rows[op].text);
	}
	point(wide[0], NULL, "covered: wide load of a number");
	point(wide[BPF_PSEUDO_MAP_FD], NULL, "covered: wide load of a map");
	point(wide[BPF_PSEUDO_MAP_VALUE], NULL, "covered: wide load of a map's value");
	point(wide[BPF_PSEUDO_FUNC], NULL, "covered: wide load of a function");
}

/* A wrong result must be noticed in each program whose results are known. */
static void canary(enum engine_lie lie)
{
	uint32_t programs = 0, noticed = 0;

	engine_lie = lie;
	if (engine_wrong.map_create(0, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct isa_value), 1)) {
		point(0, NULL, "canary: map");
		return;
	}
	for (uint32_t i = 0; i < cases.cnt; i++) {
		const struct isa_case *entry = &cases.at[i];
		const struct engine_prog prog = {.type = entry->prog_type,
						 .insn_cnt = entry->insn_cnt,
						 .insns = entry->insns};

		if (entry->fate != ISA_RUNS || engine_wrong.load(&prog))
			continue;
		programs++;
		noticed += !case_runs(&engine_wrong, entry, 0);
		engine_wrong.unload();
	}
	engine_wrong.map_close(0);
	point(programs && noticed == programs, NULL,
	      "a wrong %s is noticed in %u of %u programs (canary)", engine_lies[lie], noticed,
	      programs);
}

int main(void)
{
	unsigned int runs;

	isa_cases_make(&cases);
	coverage();
	engine_cases(&engine_kernel);
	engine_cases(&engine_user);
	runs = points.runs;
	canary(LIE_RETVAL);
	canary(LIE_MAP);
	printf("1..%u\n", points.cnt);
	printf("# figure: instruction results compared = %u runs\n", runs);
	printf("# %u programs, %u operand sets compared, %u points, %u failed, %u skipped\n",
	       cases.cnt, runs, points.cnt, points.failed, points.skipped);
	isa_cases_free(&cases);
	return points.failed != 0;
}
