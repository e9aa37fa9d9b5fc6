/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run_report.c: what bpfmap run has to say in the end: for one program fields, for several a
 * table. */
#include "cli/run.h"

#include <bpf/libbpf.h>
#include <inttypes.h>
#include <stdio.h>

static void number_field(struct out *out, const char *name, const char *label, uint64_t number)
{
	out_key(out, name, label);
	out_u64(out, number);
}

static void text_field(struct out *out, const char *name, const char *label, const char *text)
{
	out_key(out, name, label);
	out_str(out, text);
}

static double per(double what, double of)
{
	return of > 0 ? what / of : 0;
}

static void program_print(struct out *out, const struct run_prog *prog)
{
	text_field(out, "program", "program", bpf_program__name(prog->bpf));
	text_field(out, "type", "type", libbpf_bpf_prog_type_str((enum bpf_prog_type)prog->type));
}

/* All programs together. The packets are those that the first one got. */
static struct run_stats sum(const struct run *run)
{
	struct run_stats all = {
		.packets = run->total[0].packets,
		.bytes = run->total[0].bytes,
	};

	for (size_t i = 0; i < run->prog_count; i++) {
		all.runs += run->total[i].runs;
		all.failed += run->total[i].failed;
		all.program_ns += run->total[i].program_ns;
	}
	return all;
}

static void head_print(struct out *out, const struct run *run, const struct run_stats *all)
{
	const struct run_words *words = run->words;

	text_field(out, "object", "object", words->object);
	if (run->prog_count == 1)
		program_print(out, &run->prog[0]);
	text_field(out, "engine", "engine", run->engine);
	if (run->prog_count == 1 && run->prog[0].info.code_bytes) {
		out_key(out, "compile_seconds", "compiled in");
		out_seconds(out, (double)run->prog[0].info.compile_ns / 1e9);
		number_field(out, "code_bytes", "machine code", run->prog[0].info.code_bytes);
	}
	if (words->interface)
		text_field(out, "interface", "interface", words->interface);
	if (words->threads > 1)
		number_field(out, "threads", "threads", words->threads);
	number_field(out, "packets", "packets", all->packets);
	number_field(out, "bytes", "bytes", all->bytes);
	if (words->repeat > 1)
		number_field(out, "repeat", "repeat", words->repeat);
	if (run->prog_count > 1)
		number_field(out, "runs", "runs", all->runs);
	if (run->feed.lost)
		number_field(out, "lost", "lost", run->feed.lost);
	if (all->failed)
		number_field(out, "failed", "failed", all->failed);
	if (run->interrupted) {
		out_key(out, "interrupted", "interrupted");
		out_bool(out, true);
	}
}

static void ns_print(struct out *out, const struct run_stats *stats)
{
	char each[32], plain[48];

	snprintf(each, sizeof(each), "%.1f", per((double)stats->program_ns, (double)stats->runs));
	snprintf(plain, sizeof(plain), "%s ns", each);
	out_key(out, "ns_per_packet", "per packet");
	out->ops->scalar(out, each, plain);
}

static void speed_print(struct out *out, const struct run *run, const struct run_stats *all)
{
	double wall = (double)run->wall_ns / 1e9;
	char rate[32];

	out_key(out, "seconds", "time");
	out_seconds(out, wall);
	out_key(out, "program_seconds", "in the program");
	out_seconds(out, (double)all->program_ns / 1e9);
	snprintf(rate, sizeof(rate), "%.0f", per((double)all->runs, wall));
	out_key(out, "packets_per_second", run->prog_count > 1 ? "runs/s" : "packets/s");
	out->ops->scalar(out, rate, rate);
	ns_print(out, all);
}

static void row_print(struct out *out, const struct run_prog *prog, const struct run_stats *stats)
{
	out_begin(out, OUT_OBJECT, OUT_ROW);
	program_print(out, prog);
	number_field(out, "packets", "packets", stats->packets);
	number_field(out, "runs", NULL, stats->runs);
	number_field(out, "failed", "failed", stats->failed);
	out_key(out, "program_seconds", "time");
	out_seconds(out, (double)stats->program_ns / 1e9);
	ns_print(out, stats);
	out_key(out, "verdicts", "verdicts");
	verdicts_print(out, &stats->verdicts, prog->type);
	out_end(out);
}

static void programs_print(struct out *out, const struct run *run)
{
	if (run->prog_count == 1) {
		out_key(out, "verdicts", "verdicts");
		verdicts_print(out, &run->total[0].verdicts, run->prog[0].type);
		return;
	}
	out_key(out, "programs", NULL);
	out_note(out, "");
	out_begin(out, OUT_ARRAY, OUT_TABLE);
	for (size_t i = 0; i < run->prog_count; i++)
		row_print(out, &run->prog[i], &run->total[i]);
	out_end(out);
}

/* The first failure of the first program that failed. */
static int failure(const struct run *run, const struct run_stats *all)
{
	size_t i = 0;

	while (!run->total[i].failed)
		i++;
	if (run->prog_count == 1)
		return exit_sentence(-EINVAL, "%" PRIu64 " of %" PRIu64 " packets failed; %s",
				     all->failed, all->packets, text_str(&run->total[i].why));
	return exit_sentence(-EINVAL, "%" PRIu64 " of %" PRIu64 " runs failed; %s, %s", all->failed,
			     all->runs + all->failed, bpf_program__name(run->prog[i].bpf),
			     text_str(&run->total[i].why));
}

/* A capture that breaks off ends the run with an error; what was processed is reported all the
 * same. */
int run_report(struct run *run)
{
	const struct run_stats all = sum(run);
	struct out *out = run->cli->out;
	int code = 0, maps_code;

	if (run->feed.err)
		code = exit_sentence(run->feed.err, "%s", text_str(&run->feed.why));
	if (code && !all.packets)
		return code;
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	head_print(out, run, &all);
	speed_print(out, run, &all);
	programs_print(out, run);
	out_key(out, "maps", "maps");
	maps_code = object_print_maps(run->cli, run->object);
	out_end(out);
	if (all.failed && !code)
		code = failure(run, &all);
	return code ? code : maps_code;
}
