/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* random.c [SEED [COUNT]]: thousands of random programs in the oracle (oracle.h): nothing
 * that was proved about any of them may turn out to be wrong.
 *
 * Programs come from random_prog.c, which the kernel accepts, and from generate.c, which is all addresses
 * and branches; some of each with a few instructions changed at random, so that checks guard the wrong
 * register, bounds are off by one and loops grow what they should not.
 */
#include "generate.h"
#include "oracle.h"
#include "random_prog.h"

#include "bpfmap/bpfmap.h"
#include "base/error.h"
#include "vm/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DEFAULT_SECONDS 6
#define LONG_SECONDS	300
#define STEPS_MAX	3000
#define RUNS		3
#define HEAD_ROOM	64
#define TAIL_ROOM	64
#define PACKET_MAX	96
#define CONTEXT_BYTES	RANDOM_CONTEXT

struct source {
	const char *name;
	const struct bpfmap_create_opts *specs;
	uint32_t map_cnt;
	struct bpfmap *maps[GEN_MAPS];
};

static const struct bpfmap_create_opts random_specs[] = {
	[RANDOM_ARRAY] = {.type = BPF_MAP_TYPE_ARRAY,
			  .key_size = 4,
			  .value_size = RANDOM_ARRAY_VALUE,
			  .max_entries = RANDOM_ARRAY_COUNT},
	[RANDOM_HASH] = {.type = BPF_MAP_TYPE_HASH,
			 .key_size = 8,
			 .value_size = RANDOM_HASH_VALUE,
			 .max_entries = RANDOM_HASH_COUNT},
	[RANDOM_SINGLE] = {.type = BPF_MAP_TYPE_ARRAY,
			   .key_size = 4,
			   .value_size = RANDOM_SINGLE_VALUE,
			   .max_entries = 1},
};

static struct source gen_source = {"facts_gen", gen_specs, GEN_MAPS, {0}};
static struct source random_source = {"random_prog", random_specs, COUNT(random_specs), {0}};

static struct {
	uint64_t made;
	uint64_t loaded;
	uint64_t accesses;
	uint64_t accesses_sure;
	uint64_t prove_ns;
	uint64_t insns;
} totals;

static int maps_open(struct source *source)
{
	for (uint32_t i = 0; i < source->map_cnt; i++) {
		struct bpfmap_create_opts opts = source->specs[i];
		int err;

		opts.sz = sizeof(opts);
		opts.memory = BPFMAP_MEMORY_PRIVATE;
		err = bpfmap_create(&opts, &source->maps[i]);
		if (err) {
			printf("Bail out! map %u: %s\n", i, bpfmap_last_error());
			return err;
		}
	}
	return 0;
}

static int map_get(void *arg, int fd, struct bpfmap **ret_map)
{
	struct source *source = arg;

	if (fd < 0 || fd >= (int)source->map_cnt)
		return fail(EBADF, "there is no map %d", fd);
	*ret_map = source->maps[fd];
	return 0;
}

static void map_put(void *arg, struct bpfmap *map)
{
	(void)arg;
	(void)map;
}

/* Changes a few fields; what does not load any more is not used. */
static void change(uint64_t *rng, struct bpf_insn *insns, uint32_t count)
{
	for (uint64_t i = 1 + random_next(rng) % 4; i; i--) {
		struct bpf_insn *insn = &insns[random_next(rng) % count];
		uint64_t word = random_next(rng);
		bool is_jump =
			BPF_CLASS(insn->code) == BPF_JMP || BPF_CLASS(insn->code) == BPF_JMP32;

		if (!insn->code || insn->code == (BPF_LD | BPF_IMM | BPF_DW) ||
		    insn->code == (BPF_JMP | BPF_CALL) || insn->code == (BPF_JMP | BPF_EXIT))
			continue;
		switch (word % 6) {
		case 0: insn->dst_reg = (word >> 8) % 10 & 15; break;
		case 1:
			insn->src_reg = BPF_SRC(insn->code) == BPF_X || !is_jump
						? (word >> 8) % 10 & 15
						: 0;
			break;
		case 2:
			if (!is_jump)
				insn->off = (int16_t)(insn->off + (int16_t)((word >> 8) % 17) - 8);
			break;
		case 3: insn->imm += (int32_t)((word >> 8) % 5) - 2; break;
		case 4:
			if (is_jump && insn->code != (BPF_JMP | BPF_JA))
				insn->code = (uint8_t)((insn->code & 0x0f) | ((word >> 8) % 13 + 1)
										     << 4);
			break;
		default: insn->imm = (int32_t)(word >> 32) >> ((word >> 8) % 32);
		}
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void line_drop(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void run_once(const struct vm_prog *prog, uint64_t *rng)
{
	const struct vm_env env = {.print = line_drop};
	uint8_t buf[HEAD_ROOM + PACKET_MAX + TAIL_ROOM];
	uint64_t word = random_next(rng);
	struct vm_packet packet = {.buf = buf,
				   .buf_size = sizeof(buf),
				   .off = HEAD_ROOM,
				   .len = (uint32_t)(word % (word >> 60 & 1 ? PACKET_MAX : 24))};
	uint32_t value;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(random_next(rng) >> 13);
	if (prog->prog_type == BPF_PROG_TYPE_XDP)
		packet.meta_len = (uint32_t)(word >> 32) % 3 * 4;
	if (prog->prog_type == BPF_PROG_TYPE_SYSCALL)
		vm_run_syscall(prog, &env, buf, CONTEXT_BYTES, &value);
	else
		vm_run_packet(prog, &env, &packet, NULL, 0, &value);
}

/* The sentence of what was wrong, or NULL. */
static const char *check(struct source *source, uint32_t type, const struct bpf_insn *insns,
			 uint32_t count, uint64_t seed)
{
	static char why[300];
	struct vm_load load = {.prog_type = type,
			       .insns = insns,
			       .insn_cnt = count,
			       .maps = {.get = map_get, .put = map_put, .arg = source}};
	uint64_t rng = seed, start;
	const char *violation = NULL;
	struct vm_facts facts;
	struct oracle *oracle;
	struct vm_prog *prog;

	totals.made++;
	if (vm_load(&load, &prog))
		return NULL;
	start = now_ns();
	if (!facts_prove(prog, &facts)) {
		totals.prove_ns += now_ns() - start;
		totals.insns += count;
		totals.accesses += facts.accesses;
		totals.accesses_sure += facts.accesses_sure;
		facts_free(&facts);
	}
	oracle = oracle_open(prog);
	for (int i = 0; oracle && i < RUNS && !violation; i++) {
		oracle_begin(oracle, STEPS_MAX, random_next(&rng));
		run_once(prog, &rng);
		violation = oracle_violation(oracle);
	}
	if (violation)
		snprintf(why, sizeof(why), "%s", violation);
	totals.loaded += oracle != NULL;
	if (oracle)
		oracle_close(oracle);
	vm_free(prog);
	return violation ? why : NULL;
}

static const char *check_seed(uint64_t seed)
{
	static struct facts_gen gen;
	static struct random_prog random;
	uint64_t rng = seed;

	if (seed % 16) {
		facts_gen_make(seed, &gen);
		if (seed % 4 == 2)
			change(&rng, gen.insns, gen.insn_cnt);
		return check(&gen_source, gen.prog_type, gen.insns, gen.insn_cnt, seed);
	}
	random_prog_make(seed, &random);
	if (seed % 32)
		change(&rng, random.insns, random.insn_cnt);
	return check(&random_source, random.type, random.insns, random.insn_cnt, seed);
}

static void figures_print(void)
{
	printf("# %llu programs made, %llu looked at, %llu of %llu runs ended in order, %llu "
	       "steps\n",
	       (unsigned long long)totals.made, (unsigned long long)totals.loaded,
	       (unsigned long long)oracle_count.ends, (unsigned long long)oracle_count.runs,
	       (unsigned long long)oracle_count.steps);
	printf("# %llu words and %llu facts compared; %llu of %llu accesses proved; %.0f ns per "
	       "insn\n",
	       (unsigned long long)oracle_count.words, (unsigned long long)oracle_count.facts,
	       (unsigned long long)totals.accesses_sure, (unsigned long long)totals.accesses,
	       (double)totals.prove_ns / (double)(totals.insns ? totals.insns : 1));
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1, first = seed;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : argc > 1 ? 1 : UINT64_MAX;
	time_t end = time(NULL) + (getenv("BPFMAP_LONG") ? LONG_SECONDS : DEFAULT_SECONDS);
	const char *violation = NULL;

	if (maps_open(&gen_source) || maps_open(&random_source))
		return 1;
	for (; count && time(NULL) < end && !violation; count--, seed++)
		violation = check_seed(seed);
	printf("%sok 1 - what is proved is true in every run, seeds %llu to %llu\n",
	       violation ? "not " : "", (unsigned long long)first, (unsigned long long)seed - 1);
	if (violation)
		printf("# seed %llu: %s\n", (unsigned long long)seed - 1, violation);
	figures_print();
	printf("1..1\n");
	return violation != NULL;
}
