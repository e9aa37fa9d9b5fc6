/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_run.c: feed a capture to a program; show verdicts, speed and maps. */
#include "cli/capture.h"
#include "cli/object.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/verdict.h"

#include "bpfmap/bpfmap.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* The words after OBJ; each may be given once. */
static const char *const keywords[] = {"prog", "pcap", "repeat", "pin", "engine", NULL};
enum keyword { PROG, PCAP, REPEAT, PIN, ENGINE, KEYWORDS };

/* What a packet takes in a capture file beside its bytes. */
#define RECORD_HEAD 16

struct run_words {
	const char *object;
	const char *word[KEYWORDS]; /* NULL: not given */
	uint32_t repeat;
	const struct backend *backend;
};

struct run {
	struct cli *cli;
	int prog_fd;
	uint32_t repeat;
	uint64_t packets;
	uint64_t bytes;
	uint64_t failed;
	struct text first_failure; /* its sentence */
	uint64_t program_ns;
	uint64_t wall_ns;
	struct verdicts verdicts;
	struct progress progress;
};

static volatile sig_atomic_t interrupted;

static void on_sigint(int signal_number)
{
	interrupted = 1;
}

/* ---- words ---- */

static int keyword_parse(struct args *args, enum keyword keyword, struct run_words *words)
{
	uint64_t repeat;
	int code;

	if (keyword == REPEAT) {
		/* The kernel's limit is that of its 32-bit field, ours the time one waits. */
		code = args_number(args, "repeat", 1000000000, &repeat);
		if (!code && !repeat)
			return exit_usage("repeat: 0 is not possible, at least 1");
		words->repeat = (uint32_t)repeat;
		words->word[REPEAT] = "";
		return code;
	}
	code = args_word(args, keywords[keyword], &words->word[keyword]);
	if (code || keyword != ENGINE)
		return code;
	words->backend = backend_find(words->word[ENGINE]);
	if (!words->backend)
		return exit_usage("engine: '%s' is neither user nor kernel", words->word[ENGINE]);
	return 0;
}

static int words_parse(struct args *args, struct run_words *words)
{
	int code = args_word(args, "OBJ.bpf.o", &words->object);

	while (!code && args->count) {
		const char *word = args_next(args);
		int keyword = args_match(word, keywords);

		if (keyword == -2)
			return exit_usage("'%s' may mean several words: prog, pcap, pin", word);
		if (keyword < 0)
			return exit_usage("expected prog, pcap, repeat, pin or engine, got: '%s'",
					  word);
		if (words->word[keyword])
			return exit_usage("%s specified multiple times", keywords[keyword]);
		code = keyword_parse(args, (enum keyword)keyword, words);
	}
	if (!code && !words->word[PCAP])
		return exit_usage("pcap FILE is missing: which packets shall the program get?");
	return code;
}

/* ---- the run ---- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int packet_run(void *arg, const uint8_t *data, uint32_t size)
{
	struct run *run = arg;
	struct backend_run once = {.data = data, .size = size, .repeat = run->repeat};
	int err;

	if (interrupted)
		return 1;
	err = backend_prog_run(run->cli->backend, run->prog_fd, &once);
	if (err == -EINTR && interrupted)
		return 1;
	run->packets++;
	run->bytes += size;
	progress_at(&run->progress, run->bytes + run->packets * RECORD_HEAD);
	if (err) {
		if (!run->failed++)
			text_addf(&run->first_failure, "packet %" PRIu64 " (%u bytes): %s",
				  run->packets, size, bpfmap_last_error());
		return 0;
	}
	run->program_ns += once.ret_duration_ns;
	verdicts_add(&run->verdicts, once.ret_value, run->repeat);
	return 0;
}

static int capture_run(struct run *run, const char *pcap)
{
	struct sigaction action = {.sa_handler = on_sigint}, before;
	uint64_t start = now_ns();
	struct stat st;
	int code;

	progress_begin(&run->progress, "run", "bytes",
		       stat(pcap, &st) || !S_ISREG(st.st_mode) ? 0 : (uint64_t)st.st_size);
	sigaction(SIGINT, &action, &before);
	code = capture_walk(pcap, packet_run, run);
	progress_end(&run->progress);
	sigaction(SIGINT, &before, NULL);
	run->wall_ns = now_ns() - start;
	return code;
}

static void speed_print(struct out *out, const struct run *run)
{
	double runs = (double)(run->packets - run->failed) * run->repeat;
	double wall = (double)run->wall_ns / 1e9, program = (double)run->program_ns / 1e9;
	char rate[32], each[32], plain[48];

	out_key(out, "seconds", "time");
	out_seconds(out, wall);
	out_key(out, "program_seconds", "in the program");
	out_seconds(out, program);
	snprintf(rate, sizeof(rate), "%.0f", wall > 0 ? runs / wall : 0);
	out_key(out, "packets_per_second", "packets/s");
	out->ops->scalar(out, rate, rate);
	snprintf(each, sizeof(each), "%.1f", runs > 0 ? (double)run->program_ns / runs : 0);
	snprintf(plain, sizeof(plain), "%s ns", each);
	out_key(out, "ns_per_packet", "per packet");
	out->ops->scalar(out, each, plain);
}

static void report_print(struct out *out, struct run *run, const struct run_words *words,
			 const struct bpf_program *prog)
{
	out_key(out, "object", "object");
	out_str(out, words->object);
	out_key(out, "program", "program");
	out_str(out, bpf_program__name(prog));
	out_key(out, "type", "type");
	out_str(out, libbpf_bpf_prog_type_str(bpf_program__type(prog)));
	out_key(out, "engine", "engine");
	out_str(out, run->cli->backend->name);
	out_key(out, "packets", "packets");
	out_u64(out, run->packets);
	out_key(out, "bytes", "bytes");
	out_u64(out, run->bytes);
	if (run->repeat > 1) {
		out_key(out, "repeat", "repeat");
		out_u64(out, run->repeat);
	}
	if (run->failed) {
		out_key(out, "failed", "failed");
		out_u64(out, run->failed);
	}
	if (interrupted) {
		out_key(out, "interrupted", "interrupted");
		out_bool(out, true);
	}
	speed_print(out, run);
	out_key(out, "verdicts", "verdicts");
	verdicts_print(out, &run->verdicts, bpf_program__type(prog));
}

/* A capture that breaks off ends the run with an error; what was processed is reported all the same. */
static int run_object(struct cli *cli, const struct run_words *words, const struct object *object)
{
	struct run run = {
		.cli = cli,
		.prog_fd = bpf_program__fd(object->prog),
		.repeat = words->repeat,
	};
	int code = 0, maps_code;

	if (words->word[PIN])
		code = object_pin_maps(cli, object, words->word[PIN]);
	if (code)
		return code;
	code = capture_run(&run, words->word[PCAP]);
	if (code && !run.packets)
		return code;
	out_begin(cli->out, OUT_OBJECT, OUT_RECORD);
	report_print(cli->out, &run, words, object->prog);
	out_key(cli->out, "maps", "maps");
	maps_code = object_print_maps(cli, object);
	out_end(cli->out);
	if (run.failed && !code)
		code = exit_sentence(-EINVAL, "%" PRIu64 " of %" PRIu64 " packets failed; %s",
				     run.failed, run.packets, text_str(&run.first_failure));
	verdicts_free(&run.verdicts);
	text_free(&run.first_failure);
	return code ? code : maps_code;
}

int verb_run(struct cli *cli, struct args *args)
{
	struct run_words words = {.repeat = 1, .backend = &backend_user};
	struct object object;
	int code = words_parse(args, &words);

	if (code)
		return code;
	cli_engine(cli, words.backend);
	code = object_load(cli, words.object, words.word[PROG], &object);
	if (code)
		return code;
	code = run_object(cli, &words, &object);
	object_close(&object);
	return code;
}
