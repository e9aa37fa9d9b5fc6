/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* race.c: interpreters on the same programs.
 *
 *   race OBJECT time ROUNDS            nanoseconds per eBPF instruction, peers in turn within each round; medians,
 *                                      and the median of the rounds' ratios
 *   race OBJECT once PROGRAM PEER N    N runs in bench_measured(), for callgrind
 *   race OBJECT list                   programs and instructions per run
 */
#include "race.h"

#include <bpf/libbpf.h>
#include <bpfmap/bpfmap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_NS  2000000.0
#define MAX_ROUNDS 1000

static const struct peer *const peers[] = {&peer_ours,
#ifdef WITH_UBPF
					   &peer_ubpf
#endif
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))

struct entry {
	const char *name;
	struct input in;
	void *progs[PEERS];
	uint64_t insns; /* per run */
};

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "race: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

/* An Ethernet frame with IPv4 and TCP, or a text. */
static void input_fill(struct input *in, const char *name)
{
	static const uint8_t frame[] = {2,  0,	  0, 0, 0,  1, 2, 0,	0,    0,    0, 2,  8,
					0,  0x45, 0, 0, 46, 0, 1, 0,	0,    64,   6, 0,  0,
					10, 0,	  0, 1, 10, 0, 0, 2,	0x1f, 0x90, 0, 80, 0,
					0,  0,	  1, 0, 0,  0, 0, 0x50, 2,    4,    0};
	static const char text[] = "for i in 1 22 333 do every word 4 times; end ";

	in->rounds = strcmp(name, "lookups") ? 500 : 100;
	in->bytes = 480;
	for (size_t i = 0; i < sizeof(in->data); i++)
		in->data[i] = (uint8_t)text[i % (sizeof(text) - 1)];
	if (strcmp(name, "packet"))
		return;
	in->bytes = 64;
	memcpy(in->data, frame, sizeof(frame));
}

static struct bpfmap *map_fill(void)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = 1024};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map))
		die("%s", bpfmap_last_error());
	for (uint32_t key = 0; key < 1024; key += 2) {
		uint64_t value = key;

		if (bpfmap_update(map, &key, &value, BPF_ANY))
			die("%s", bpfmap_last_error());
	}
	return map;
}

static void entry_load(struct entry *entry, const struct bpf_program *prog, struct bpfmap *map)
{
	uint32_t count = (uint32_t)bpf_program__insn_cnt(prog);
	struct bpf_insn *insns = calloc(count, sizeof(*insns));

	if (!insns)
		die("no memory");
	memcpy(insns, bpf_program__insns(prog), count * sizeof(*insns));
	/* libbpf has not resolved the only reference that there is. */
	for (uint32_t i = 0; i + 1 < count; i++)
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) && !insns[i].imm &&
		    !insns[i + 1].imm)
			insns[i].src_reg = BPF_PSEUDO_MAP_FD;
	entry->name = bpf_program__name(prog);
	input_fill(&entry->in, entry->name);
	for (size_t i = 0; i < PEERS; i++)
		entry->progs[i] = peers[i]->load(insns, count, map);
	free(insns);
	entry->insns = ours_count(entry->progs[0], &entry->in);
	for (size_t i = 1; i < PEERS; i++)
		if (peers[i]->run(entry->progs[i], &entry->in, 1) !=
		    peers[0]->run(entry->progs[0], &entry->in, 1))
			die("%s: %s has another result", entry->name, peers[i]->name);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static double run_ns(const struct entry *entry, size_t peer, uint32_t times)
{
	struct input in = entry->in;
	double begin = now_ns();

	peers[peer]->run(entry->progs[peer], &in, times);
	return (now_ns() - begin) / times;
}

static void entry_time(const struct entry *entry, uint32_t rounds)
{
	static double ns[PEERS][MAX_ROUNDS];
	static double ratio[PEERS][MAX_ROUNDS];
	double insns = (double)entry->insns;
	uint32_t times = (uint32_t)(SAMPLE_NS / (insns * 2 + 100));

	for (uint32_t round = 0; round < rounds; round++) {
		for (size_t i = 0; i < PEERS; i++) {
			ns[i][round] = run_ns(entry, i, times);
			ratio[i][round] = ns[i][round] / ns[0][round];
		}
	}
	printf("%-12s %7.0f", entry->name, insns);
	for (size_t i = 0; i < PEERS; i++)
		printf(" %9.2f", median(ns[i], rounds) / insns);
	for (size_t i = 1; i < PEERS; i++)
		printf(" %9.2f", median(ratio[i], rounds));
	printf("\n");
}

static void time_all(const struct entry *entries, uint32_t n, uint32_t rounds)
{
	if (!rounds || rounds > MAX_ROUNDS)
		die("1 to %d rounds", MAX_ROUNDS);
	printf("%-12s %7s", "program", "insns");
	for (size_t i = 0; i < PEERS; i++)
		printf(" %6s ns", peers[i]->name);
	for (size_t i = 1; i < PEERS; i++)
		printf(" %s/ours", peers[i]->name);
	printf("\n");
	for (uint32_t i = 0; i < n; i++)
		entry_time(&entries[i], rounds);
}

uint64_t bench_measured(const struct entry *entry, size_t peer, struct input *in, uint32_t times);

__attribute__((noinline)) uint64_t bench_measured(const struct entry *entry, size_t peer,
						  struct input *in, uint32_t times)
{
	return peers[peer]->run(entry->progs[peer], in, times);
}

static void once(const struct entry *entries, uint32_t n, char **args)
{
	for (uint32_t i = 0; i < n; i++) {
		struct input in = entries[i].in;

		for (size_t peer = 0; peer < PEERS; peer++)
			if (!strcmp(entries[i].name, args[0]) &&
			    !strcmp(peers[peer]->name, args[1]))
				bench_measured(&entries[i], peer, &in, (uint32_t)atoi(args[2]));
	}
}

int main(int argc, char **argv)
{
	static struct entry entries[32];
	struct bpf_object *object;
	struct bpf_program *prog;
	struct bpfmap *map;
	uint32_t n = 0;

	if (argc < 3)
		die("see the head of race.c");
	object = bpf_object__open(argv[1]);
	if (!object)
		die("%s cannot be opened", argv[1]);
	map = map_fill();
	bpf_object__for_each_program(prog, object) entry_load(&entries[n++], prog, map);
	if (!strcmp(argv[2], "time") && argc == 4)
		time_all(entries, n, (uint32_t)atoi(argv[3]));
	else if (!strcmp(argv[2], "once") && argc == 6)
		once(entries, n, &argv[3]);
	else if (!strcmp(argv[2], "list"))
		for (uint32_t i = 0; i < n; i++)
			printf("%s %llu\n", entries[i].name, (unsigned long long)entries[i].insns);
	else
		die("see the head of race.c");
	return 0;
}
