/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* random_prog_test.c: random programs in the live kernel and in our interpreter, on the same maps
 * and packets; return value, packet and maps must agree after every run.
 *
 *   random_prog_test [SEED [COUNT]]    programs SEED, SEED + 1, ...; prints a lone one in full
 *
 * Without arguments 300 programs, with BPFMAP_LONG set 20000. Where the kernel refuses a program it
 * is run in the interpreter all the same, which must survive it. A difference is shrunk: parts of
 * the program become "goto +0" for as long as the kernel accepts it and the engines differ.
 */
#include "isa_engine.h"
#include "isa_insn.h"
#include "jit_switch.h"
#include "random_prog.h"
#include "vm/insn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_COUNT	300
#define LONG_COUNT	20000
#define DEFAULT_SECONDS 20
#define JIT_SECONDS	8 /* compiling takes most of it */
#define LONG_SECONDS	600
#define RUNS		3
#define SHRINK_SECONDS	3
#define SHRINK_MOST	3 /* programs; the rest can be had one by one */

/* Everything a run may change. */
struct state {
	int err;
	struct engine_run io;
	uint8_t array[RANDOM_ARRAY_COUNT][RANDOM_ARRAY_VALUE];
	uint8_t single[RANDOM_SINGLE_VALUE];
	int present[RANDOM_HASH_KEYS];
	uint8_t hash[RANDOM_HASH_KEYS][RANDOM_HASH_VALUE];
};

static struct {
	unsigned int made, accepted, runs, points, failed;
	int kernel_usable;
} totals;

static volatile uint64_t current_seed;

static const struct engine *ours = &engine_user;

/* ---- one engine's maps ------------------------------------------------------------------------ */

static int maps_create(const struct engine *engine)
{
	int err = engine->map_create(RANDOM_ARRAY, BPF_MAP_TYPE_ARRAY, 4, RANDOM_ARRAY_VALUE,
				     RANDOM_ARRAY_COUNT);

	if (!err)
		err = engine->map_create(RANDOM_HASH, BPF_MAP_TYPE_HASH, 8, RANDOM_HASH_VALUE,
					 RANDOM_HASH_COUNT);
	if (!err)
		err = engine->map_create(RANDOM_SINGLE, BPF_MAP_TYPE_ARRAY, 4, RANDOM_SINGLE_VALUE,
					 1);
	return err;
}

static void random_fill(uint64_t *rng, void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(random_next(rng) >> 40);
}

static void maps_fill(const struct engine *engine, uint64_t seed)
{
	uint8_t value[RANDOM_SINGLE_VALUE];
	uint64_t rng = seed;

	for (uint32_t key = 0; key < RANDOM_ARRAY_COUNT; key++) {
		random_fill(&rng, value, RANDOM_ARRAY_VALUE);
		engine->map_update(RANDOM_ARRAY, &key, value);
	}
	for (uint64_t key = 0; key < RANDOM_HASH_KEYS; key++)
		engine->map_delete(RANDOM_HASH, &key);
	for (uint64_t key = 0; key < RANDOM_HASH_COUNT / 2; key++) {
		random_fill(&rng, value, RANDOM_HASH_VALUE);
		engine->map_update(RANDOM_HASH, &key, value);
	}
	random_fill(&rng, value, RANDOM_SINGLE_VALUE);
	engine->map_update(RANDOM_SINGLE, &(uint32_t){0}, value);
}

static void maps_read(const struct engine *engine, struct state *ret_state)
{
	for (uint32_t key = 0; key < RANDOM_ARRAY_COUNT; key++)
		engine->map_lookup(RANDOM_ARRAY, &key, ret_state->array[key]);
	for (uint64_t key = 0; key < RANDOM_HASH_KEYS; key++)
		ret_state->present[key] =
			engine->map_lookup(RANDOM_HASH, &key, ret_state->hash[key]) == 0;
	engine->map_lookup(RANDOM_SINGLE, &(uint32_t){0}, ret_state->single);
}

/* ---- comparing -------------------------------------------------------------------------------- */

static void run_once(const struct engine *engine, const struct random_prog *prog, int round,
		     struct state *ret_state)
{
	uint64_t rng = prog->seed * RUNS + (uint64_t)round;

	memset(ret_state, 0, sizeof(*ret_state));
	ret_state->io.len = RANDOM_CONTEXT;
	if (prog->type != BPF_PROG_TYPE_SYSCALL)
		ret_state->io.len = 20 + (uint32_t)(random_next(&rng) >> 40) % 100;
	random_fill(&rng, ret_state->io.packet, ret_state->io.len);
	/* An EtherType without a meaning, so that the kernel does not look further. */
	memcpy(&ret_state->io.packet[12], "\x88\xb5", 2);
	ret_state->err = engine->run(&ret_state->io);
	maps_read(engine, ret_state);
}

static int bytes_differ(const char *what, int index, const void *kernel, const void *user,
			size_t size, int verbose)
{
	const uint8_t *a = kernel, *b = user;

	for (size_t i = 0; i < size; i++) {
		if (a[i] == b[i])
			continue;
		if (verbose)
			printf("#   %s %d byte %zu: kernel 0x%02x, interpreter 0x%02x\n", what,
			       index, i, a[i], b[i]);
		return 1;
	}
	return 0;
}

static int states_differ(const struct state *kernel, const struct state *user, int verbose)
{
	int differ = 0;

	if (user->err || kernel->err) {
		if (verbose)
			printf("#   run: kernel %d, interpreter %d: %s\n", kernel->err, user->err,
			       ours->message());
		return 1;
	}
	differ |= bytes_differ("return value", 0, &kernel->io.retval, &user->io.retval, 4, verbose);
	differ |= bytes_differ("packet length", 0, &kernel->io.len, &user->io.len, 4, verbose);
	differ |= bytes_differ("packet", 0, kernel->io.packet, user->io.packet, kernel->io.len,
			       verbose);
	for (int i = 0; i < RANDOM_ARRAY_COUNT; i++)
		differ |= bytes_differ("array", i, kernel->array[i], user->array[i],
				       RANDOM_ARRAY_VALUE, verbose);
	for (int i = 0; i < RANDOM_HASH_KEYS; i++) {
		differ |= bytes_differ("hash presence", i, &kernel->present[i], &user->present[i],
				       sizeof(int), verbose);
		differ |= bytes_differ("hash", i, kernel->hash[i], user->hash[i], RANDOM_HASH_VALUE,
				       verbose);
	}
	differ |= bytes_differ("single", 0, kernel->single, user->single, RANDOM_SINGLE_VALUE,
			       verbose);
	return differ;
}

enum verdict { AGREE, DIFFER, REFUSED };

static enum verdict both_run(const struct random_prog *prog, int verbose)
{
	static struct state kernel, user;

	maps_fill(&engine_kernel, prog->seed);
	maps_fill(ours, prog->seed);
	for (int round = 0; round < RUNS; round++) {
		run_once(&engine_kernel, prog, round, &kernel);
		run_once(ours, prog, round, &user);
		if (states_differ(&kernel, &user, verbose)) {
			if (verbose)
				printf("#   in run %d\n", round);
			return DIFFER;
		}
		totals.runs++;
	}
	return AGREE;
}

static enum verdict compare(const struct random_prog *prog, int verbose)
{
	const struct engine_prog load = {
		.type = prog->type, .insn_cnt = prog->insn_cnt, .insns = prog->insns};
	enum verdict verdict;
	int err = engine_kernel.load(&load);

	if (err) {
		if (verbose)
			printf("#   kernel: %s: %s\n", strerror(-err), engine_kernel.message());
		return REFUSED;
	}
	err = ours->load(&load);
	if (err && verbose)
		printf("#   interpreter: load: %s: %s\n", strerror(-err), ours->message());
	verdict = err ? DIFFER : both_run(prog, verbose);
	ours->unload();
	engine_kernel.unload();
	return verdict;
}

/* ---- shrinking -------------------------------------------------------------------------------- */

static void program_print(const struct random_prog *prog)
{
	char text[96];

	for (uint32_t i = 0; i < prog->insn_cnt; i++) {
		const struct bpf_insn *insn = &prog->insns[i];

		if (insn->code == (BPF_JMP | BPF_JA) && insn->off == 0)
			continue;
		printf("#   %4u: %02x %x%x %6d %11d  %s\n", i, insn->code, insn->dst_reg,
		       insn->src_reg, insn->off, insn->imm, insn_text(insn, i, text, sizeof(text)));
		i += (uint32_t)insn_is_wide(insn);
	}
}

/* Replaces [first, first + cnt) by nothing; 0 if nothing changed. */
static int blank(struct random_prog *prog, uint32_t first, uint32_t cnt)
{
	int changed = 0;

	for (uint32_t i = 0; i < prog->insn_cnt; i++) {
		int slots = 1 + insn_is_wide(&prog->insns[i]);

		int empty = prog->insns[i].code == (BPF_JMP | BPF_JA) && prog->insns[i].off == 0;

		if (i >= first && i < first + cnt && !empty) {
			for (int k = 0; k < slots; k++)
				prog->insns[i + (uint32_t)k] = JA(0);
			changed = 1;
		}
		i += (uint32_t)slots - 1;
	}
	return changed;
}

/* One pass with parts of cnt instructions; whether one of them could go. */
static int shrink_pass(struct random_prog *prog, uint32_t cnt, time_t end)
{
	static struct random_prog attempt;
	int changed = 0;

	for (uint32_t first = 0; first < prog->insn_cnt && time(NULL) < end; first += cnt) {
		attempt = *prog;
		if (!blank(&attempt, first, cnt) || compare(&attempt, 0) != DIFFER)
			continue;
		*prog = attempt;
		changed = 1;
	}
	return changed;
}

static void shrink(struct random_prog *prog)
{
	time_t end = time(NULL) + SHRINK_SECONDS;

	for (uint32_t cnt = prog->insn_cnt / 2; cnt > 1; cnt /= 2)
		shrink_pass(prog, cnt, end);
	while (shrink_pass(prog, 1, end))
		;
}

/* ---- the test --------------------------------------------------------------------------------- */

/* A crash of the interpreter must name its program. */
static void on_crash(int sig)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "Bail out! signal %d, seed %llu\n", sig,
			   (unsigned long long)current_seed);

	if (write(STDOUT_FILENO, line, (size_t)len) < 0)
		_exit(2);
	_exit(1);
}

static void point(int ok, const char *text, uint64_t seed)
{
	totals.failed += !ok;
	printf("%s %u - %s %llu\n", ok ? "ok" : "not ok", ++totals.points, text,
	       (unsigned long long)seed);
}

/* For programs whose result cannot be compared: the interpreter must end them in order. */
static void survive(const struct random_prog *prog)
{
	static struct state state;
	const struct engine_prog load = {
		.type = prog->type, .insn_cnt = prog->insn_cnt, .insns = prog->insns};

	maps_fill(&engine_user, prog->seed);
	if (engine_user.load(&load) == 0)
		run_once(&engine_user, prog, 0, &state);
	engine_user.unload();
}

static void check_seed(uint64_t seed, int verbose)
{
	static struct random_prog prog;
	enum verdict verdict;

	current_seed = seed;
	random_prog_make(seed, &prog);
	totals.made++;
	if (verbose)
		program_print(&prog);
	verdict = totals.kernel_usable ? compare(&prog, verbose) : REFUSED;
	if (verdict == REFUSED) {
		survive(&prog);
		return;
	}
	totals.accepted++;
	point(verdict == AGREE, "kernel and interpreter agree on program", seed);
	if (verdict == AGREE || totals.failed > SHRINK_MOST)
		return;
	printf("#   program type %u, seed %llu, shrunk:\n", prog.type, (unsigned long long)seed);
	shrink(&prog);
	program_print(&prog);
	compare(&prog, 1);
}

/* Each kind of a wrong result must be noticed, in a program that is right otherwise. */
static void canaries(uint64_t seed)
{
	static struct random_prog prog;
	char text[80];

	do
		random_prog_make(seed++, &prog);
	while (compare(&prog, 0) != AGREE);
	ours = &engine_wrong;
	for (int lie = 0; lie < ENGINE_LIES; lie++) {
		engine_lie = (enum engine_lie)lie;
		snprintf(text, sizeof(text), "a wrong %s is noticed (canary), program",
			 engine_lies[lie]);
		point(compare(&prog, 0) == DIFFER, text, prog.seed);
	}
	ours = &engine_user;
}

static int setup(void)
{
	int err = maps_create(&engine_user);

	if (err) {
		printf("Bail out! interpreter: maps: %s\n", engine_user.message());
		return err;
	}
	err = maps_create(&engine_kernel);
	totals.kernel_usable = !err;
	signal(SIGSEGV, on_crash);
	signal(SIGBUS, on_crash);
	signal(SIGABRT, on_crash);
	signal(SIGFPE, on_crash);
	return 0;
}

int main(int argc, char **argv)
{
	int is_long = getenv("BPFMAP_LONG") != NULL;
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint32_t count = is_long ? LONG_COUNT : DEFAULT_COUNT;
	time_t seconds = jit_is_tested() ? JIT_SECONDS : DEFAULT_SECONDS;
	time_t end = time(NULL) + (is_long ? LONG_SECONDS : seconds);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 1;
	if (setup())
		return 1;
	for (uint32_t i = 0; i < count && time(NULL) < end; i++)
		check_seed(seed + i, argc == 2);
	printf("# figure: random programs compared with the kernel = %u programs\n",
	       totals.accepted);
	printf("# figure: runs of random programs compared = %u runs\n", totals.runs);
	if (totals.accepted && !totals.failed)
		canaries(seed);
	if (totals.kernel_usable)
		point(totals.accepted * 10 >= totals.made * 8,
		      "the verifier accepts at least 80 % of the programs from seed", seed);
	else
		printf("ok %u - programs compared # SKIP bpf(2) is not permitted\n",
		       ++totals.points);
	printf("1..%u\n", totals.points);
	printf("# seeds %llu to %llu of %u wanted: %u programs, %u accepted by the verifier, %u "
	       "runs "
	       "compared, %u differ\n",
	       (unsigned long long)seed, (unsigned long long)(seed + totals.made - 1), count,
	       totals.made, totals.accepted, totals.runs, totals.failed);
	return totals.failed != 0;
}
