/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* race.c: what operations on tables cost: the program behind hash, lru, array and bloom, which differ in
 * their list of peers.
 *
 * PROGRAM -n ENTRIES [-t THREADS | -P | -M] [-d uniform,zipf] [-o OP,...] [-p PEER,...] [-r ROUNDS] [-m MS]
 *         [-k HASHES]
 *
 * All peers hold the same ENTRIES elements, full to their capacity, in one process. A round measures each
 * once, one after the other, beginning with another one each time; ratios are taken within a round. Before a
 * sample of MS milliseconds (4) the same operation runs on other keys for as long, and at least until small
 * tables are in the caches again. -t 2: two threads, each on a CPU of its own, begin together; -P: two
 * processes, which takes tables in shared memory. Samples that were disturbed (sample.h, crew.c) are
 * repeated up to ATTEMPTS times; the last one counts then. A table with tabs:
 * shape, draw, operation, entries, threads, peer, ns (median, least, most), its multiple of the first peer's
 * (median, least, most), rounds, disturbed ones, sums that were wrong (lookups that missed present keys).
 * The column "draw" tells the number of hashes instead where -k gave one. -M: bytes per entry instead, see memory_all().
 */
#include "crew.h"
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX 99u
#define PEERS_MAX  16u
#define ATTEMPTS   3u
#define WARM_OPS   OPS_MAX
#define WARM	   6.0 /* times a sample's milliseconds */

static const char *const op_words[OPS] = {
#define OP(id, word, keys) [OP_##id] = word,
#include "ops.def"
#undef OP
};
static const char *const draw_words[DRAWS] = {"uniform", "zipf"};

struct lane {
	const struct peer *peer;
	void *table;
	struct held held;
	double guess_ns; /* per operation, from the last sample */
	double ns[ROUNDS_MAX];
	uint8_t disturbed[ROUNDS_MAX];
	uint32_t wrong;
};

struct options {
	uint32_t entries;
	uint32_t threads;
	enum crew_kind kind;
	unsigned int draws;
	unsigned int ops;
	const char *peers;
	uint32_t rounds;
	uint32_t hashes;
	uint32_t memory; /* bytes instead of times */
	double ms;
};

struct bench {
	struct options options;
	struct keys keys;
	struct crew *crew;
	struct lane lanes[PEERS_MAX];
	uint32_t n_lanes;
};

static int listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, word, len) && (!at[len] || at[len] == ','))
			return 1;
	return !list;
}

static void lane_fill(struct bench *b, struct lane *lane)
{
	struct batch_room *room = crew_room(b->crew, 0);

	for (uint32_t first = 0; first < b->options.entries; first += room->batch.n) {
		uint32_t left = b->options.entries - first;

		keys_fill(&b->keys, first, left < OPS_MAX ? left : OPS_MAX, room);
		crew_run_alone(b->crew, lane->peer, lane->table, OP_UPDATE);
	}
}

static void lanes_open(struct bench *b)
{
	struct table_spec spec = {b->options.entries, b->options.threads, b->options.hashes};

	for (uint32_t i = 0; peers[i]; i++) {
		struct lane *lane = &b->lanes[b->n_lanes];

		if (!listed(b->options.peers, peers[i]->name))
			continue;
		lane->peer = peers[i];
		lane->table = peers[i]->open(&spec);
		if (!lane->table)
			continue;
		lane->guess_ns = 100;
		lane_fill(b, lane);
		b->n_lanes++;
	}
}

static uint32_t ops_in(const struct lane *lane, double ms, uint32_t most)
{
	double n = ms * 1e6 / lane->guess_ns;

	if (n > most)
		n = most;
	return n < 4 * UNIT ? 4 * UNIT : (uint32_t)n / UNIT * UNIT;
}

/* Nanoseconds per operation; whether a worker was disturbed. */
static double lane_run(struct bench *b, struct lane *lane, enum op op, enum draw draw, uint32_t n,
		       uint32_t *ret_disturbed)
{
	uint32_t threads = b->options.threads;
	double ns = 0;

	for (uint32_t w = 0; w < threads; w++)
		keys_draw(&b->keys, op, draw, &lane->held, w, n, crew_room(b->crew, w));
	crew_run(b->crew, lane->peer, lane->table, op);
	*ret_disturbed = 0;
	for (uint32_t w = 0; w < threads; w++) {
		const struct crew_result *result = crew_result(b->crew, w);

		ns += result->ns / threads;
		*ret_disturbed |= result->disturbed;
		lane->wrong += result->wrong;
	}
	return ns;
}

static void lane_sample(struct bench *b, struct lane *lane, enum op op, enum draw draw,
			uint32_t round)
{
	uint32_t n, warm, disturbed = 1;

	for (uint32_t attempt = 0; disturbed && attempt < ATTEMPTS; attempt++) {
		warm = ops_in(lane, WARM * b->options.ms, WARM_OPS);
		lane->guess_ns = lane_run(b, lane, op, draw, warm, &disturbed);
		n = ops_in(lane, b->options.ms, OPS_MAX);
		lane->ns[round] = lane_run(b, lane, op, draw, n, &disturbed);
	}
	lane->disturbed[round] = (uint8_t)disturbed;
}

static int lane_has(const struct lane *lane, enum op op)
{
	return (lane->peer->ops & OP_BIT(op)) != 0;
}

/* The rounds in which neither was disturbed if these are half of all, else all. The number of rounds. */
static uint32_t rounds_usable(const struct bench *b, const struct lane *one, const struct lane *two,
			      uint32_t *ret_rounds)
{
	uint32_t clean = 0;

	for (uint32_t r = 0; r < b->options.rounds; r++)
		if (!one->disturbed[r] && !two->disturbed[r])
			ret_rounds[clean++] = r;
	if (2 * clean >= b->options.rounds)
		return clean;
	for (uint32_t r = 0; r < b->options.rounds; r++)
		ret_rounds[r] = r;
	return b->options.rounds;
}

static struct spread lane_spread(const struct bench *b, const struct lane *lane)
{
	uint32_t rounds[ROUNDS_MAX], n = rounds_usable(b, lane, lane, rounds);
	double ns[ROUNDS_MAX];

	for (uint32_t i = 0; i < n; i++)
		ns[i] = lane->ns[rounds[i]];
	return spread_of(ns, n);
}

static struct spread lane_ratio(const struct bench *b, const struct lane *lane,
				const struct lane *to)
{
	uint32_t rounds[ROUNDS_MAX], n = rounds_usable(b, lane, to, rounds);
	double ratios[ROUNDS_MAX];

	for (uint32_t i = 0; i < n; i++)
		ratios[i] = lane->ns[rounds[i]] / to->ns[rounds[i]];
	return spread_of(ratios, n);
}

static void print_lane(const struct bench *b, const struct lane *lane, enum op op, enum draw draw)
{
	struct spread ratio = {0, 0, 0}, ns = lane_spread(b, lane);
	uint32_t disturbed = 0;
	char column[16];

	if (lane_has(&b->lanes[0], op))
		ratio = lane_ratio(b, lane, &b->lanes[0]);
	for (uint32_t r = 0; r < b->options.rounds; r++)
		disturbed += lane->disturbed[r];
	if (b->options.hashes)
		snprintf(column, sizeof(column), "k%u", b->options.hashes);
	else
		snprintf(column, sizeof(column), "%s", draw_words[draw]);
	printf("%d/%d\t%s\t%s\t%u\t%u%s\t%s\t%.2f\t%.2f\t%.2f\t%.3f\t%.3f\t%.3f\t%u\t%u\t%u\n",
	       KEY_WORDS * 8, VALUE_WORDS * 8, column, op_words[op], b->options.entries,
	       b->options.threads, b->options.kind == CREW_PROCESSES ? "p" : "", lane->peer->name,
	       ns.median, ns.least, ns.most, ratio.median, ratio.least, ratio.most,
	       b->options.rounds, disturbed, lane->wrong);
}

/* Of operations without present keys there is one kind. */
static int op_drawn(enum op op, enum draw draw)
{
	return draw == DRAW_UNIFORM || OP_BIT(op) & OPS_OF_PRESENT;
}

static void measure(struct bench *b, enum op op, enum draw draw)
{
	for (uint32_t i = 0; i < b->n_lanes; i++) {
		b->lanes[i].guess_ns = 100;
		b->lanes[i].wrong = 0;
	}
	for (uint32_t r = 0; r < b->options.rounds; r++)
		for (uint32_t i = 0; i < b->n_lanes; i++) {
			struct lane *lane = &b->lanes[(i + r) % b->n_lanes];

			if (lane_has(lane, op))
				lane_sample(b, lane, op, draw, r);
		}
	for (uint32_t i = 0; i < b->n_lanes; i++)
		if (lane_has(&b->lanes[i], op))
			print_lane(b, &b->lanes[i], op, draw);
	fflush(stdout);
}

static uint64_t memory_resident(void)
{
	unsigned long long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	if (!statm || fscanf(statm, "%*u %llu", &pages) != 1)
		abort();
	fclose(statm);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void memory_one(struct bench *b, const struct peer *peer)
{
	struct table_spec small = {2 * BULK, 1, b->options.hashes};
	struct lane *lane = b->lanes;
	void *table;
	double entries = b->options.entries;
	uint64_t before, says;

	memset(crew_room(b->crew, 0), 0, sizeof(struct batch_room));
	b->options.peers = peer->name;
	table = peer->open(&small); /* what every table of the process needs is not counted */
	if (table)
		peer->close(table);
	before = memory_resident();
	lanes_open(b);
	if (!b->n_lanes)
		exit(1);
	says = peer->bytes ? peer->bytes(lane->table) : 0;
	before = memory_resident() - before;
	printf("%d/%d\tuniform\tmemory\t%u\t1\t%s\t%.2f\t%.2f\t%.2f\t0\t0\t0\t1\t0\t0\n",
	       KEY_WORDS * 8, VALUE_WORDS * 8, b->options.entries, peer->name,
	       (double)(says ? says : before) / entries, (double)before / entries,
	       (double)says / entries);
	fflush(stdout);
}

/* One process per peer: bytes per entry, then those by which the process grew, then what the peer says that
 * it takes (0: nothing). The second counts memory that was reserved only when it was touched. */
static int memory_all(struct bench *b)
{
	for (uint32_t i = 0; peers[i]; i++) {
		pid_t child = listed(b->options.peers, peers[i]->name) ? fork() : -1;

		if (child < 0)
			continue;
		if (!child) {
			memory_one(b, peers[i]);
			exit(0);
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}

static unsigned int mask_of(const char *list, const char *const *words, uint32_t n)
{
	unsigned int mask = 0;

	for (uint32_t i = 0; i < n; i++)
		mask |= listed(list, words[i]) ? 1u << i : 0;
	return mask;
}

static int options_parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "n:t:PMd:o:p:r:m:k:")) != -1)
		switch (c) {
		case 'n': o->entries = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 't': o->threads = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'P':
			o->kind = CREW_PROCESSES;
			o->threads = 2;
			break;
		case 'M': o->memory = 1; break;
		case 'k': o->hashes = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'd': o->draws = mask_of(optarg, draw_words, DRAWS); break;
		case 'o': o->ops = mask_of(optarg, op_words, OPS); break;
		case 'p': o->peers = optarg; break;
		case 'r': o->rounds = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'm': o->ms = strtod(optarg, NULL); break;
		default: return -1;
		}
	if (o->entries < 2 * BULK || o->entries % PARTS || !o->rounds || o->rounds > ROUNDS_MAX ||
	    !o->threads || o->threads > WORKERS || !(o->ms > 0))
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench b = {.options = {.threads = 1,
					     .kind = CREW_THREADS,
					     .draws = 1u << DRAW_UNIFORM,
					     .ops = ~0u,
					     .rounds = 9,
					     .ms = 4}};

	if (options_parse(argc, argv, &b.options)) {
		fprintf(stderr, "usage: see the head of bench/harness/race.c\n");
		return 2;
	}
	cpu_pin(0);
	keys_init(&b.keys, b.options.entries);
	b.crew = crew_new();
	if (b.options.memory)
		return memory_all(&b);
	lanes_open(&b);
	if (!b.n_lanes)
		return 1;
	crew_start(b.crew, b.options.kind, b.options.threads);
	for (enum draw draw = 0; draw < DRAWS; draw++)
		for (enum op op = 0; op < OPS; op++)
			if (b.options.draws & 1u << draw && b.options.ops & OP_BIT(op) &&
			    op_drawn(op, draw))
				measure(&b, op, draw);
	crew_stop(b.crew);
	for (uint32_t i = 0; i < b.n_lanes; i++)
		b.lanes[i].peer->close(b.lanes[i].table);
	return 0;
}
