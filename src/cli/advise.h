/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* advise.h: a live map watched for a while, and what follows from it. */
#ifndef BPFMAP_CLI_ADVISE_H
#define BPFMAP_CLI_ADVISE_H

#include "cli/cost.h"
#include "cli/mapref.h"

#define ADVISE_TEXT 320

/* What was seen. */
struct advise_facts {
	const struct mapref *ref;
	const struct bpf_map_info *info; /* ref's */
	double seconds;			 /* watched for */
	/* stats.counted and stats.operations say what they know. */
	struct backend_stats before;
	struct backend_stats after;
	bool entries_known;
	uint64_t entries;
	/* Elements that were looked at, spread over the map. */
	uint32_t sampled;
	bool whole;	 /* they are all there were */
	bool index_keys; /* keys of 1, 2, 4 or 8 bytes, as numbers: */
	uint64_t key_max;
	uint32_t zero; /* values that are all zero, on all CPUs */
	/* Bytes of a value up to the last one that is not zero in any of them. */
	uint32_t value_used;
	uint32_t one_cpu; /* per-CPU: not zero on one CPU alone */
	uint32_t changed; /* values that were others at the end */
	/* Keys that were looked for again and again. */
	uint32_t gone;	   /* times that one had disappeared */
	uint32_t returned; /* and was there again later */
	/* Owners that changed the map, and how often two of them met at a lock. User space only. */
	bool writers_known;
	uint32_t writers;
	uint32_t looks;
	uint32_t meetings;
	/* Bloom filters. */
	uint32_t probes; /* random values that were asked for */
	uint32_t false_hits;
	bool bloom_known;
	struct bpfmap_bloom_info bloom;
};

/* Watch the map. 0 or an exit code, the sentence printed. */
int advise_watch(const struct mapref *ref, double seconds, struct advise_facts *ret_facts);

enum advise_confidence { ADVISE_LOW, ADVISE_MEDIUM, ADVISE_HIGH };

/* What one rule says. */
struct advise_advice {
	char finding[ADVISE_TEXT];
	char advice[ADVISE_TEXT];
	enum advise_confidence confidence;
	/* The map to make instead, if it is one; or beside it. */
	bool has_other;
	bool is_beside;
	struct backend_create other;
};

/* True if the rule applies. */
typedef bool advise_rule_fn(const struct advise_facts *facts, struct advise_advice *ret_advice);

#define RULE(name, condition, reason) advise_rule_fn advise_##name;
#include "cli/advise.def"
#undef RULE

/* The map as it is, as something to create. */
struct backend_create advise_same(const struct advise_facts *facts);
/* The rate per second between the two looks. */
double advise_rate(const struct advise_facts *facts, uint64_t before, uint64_t after);
/* A Bloom filter's error rate when max_entries values were pushed. */
double advise_bloom_rate(const struct bpf_map_info *info);

__attribute__((format(printf, 2, 3))) void advise_say(char text[static ADVISE_TEXT],
						      const char *fmt, ...);

/* Who writes. advise_writers.c. */
struct advise_writers;
/* NULL: not to be known. */
struct advise_writers *advise_writers_open(int fd);
/* One look at what they hold and wait for. */
void advise_writers_look(struct advise_writers *writers);
/* Fills in the facts and frees. */
void advise_writers_close(struct advise_writers *writers, struct advise_facts *facts);

#endif
