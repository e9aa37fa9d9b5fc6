/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sim.c: replays request streams through replacement policies.
 *
 * sim [NAME ...]   hit ratio of every policy on every trace (or those whose name contains a NAME): a
 *                  table with tabs. A request is a program's lookup; a miss is followed by an insert.
 * sim cost         time of an insert with eviction, nothing ever used, at three capacities
 * sim check        ours against deletions at any time, capacities from 1 up
 */
#include "policies.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIE	   0.1 /* percentage points */
#define REFERENCES 2   /* the first policies: kernel, LRU */

static const struct policy *const policies[] = {&policy_kernel, &policy_lru,	&policy_clock,
						&policy_sieve,	&policy_s3fifo, &policy_balance};

#define POLICIES (sizeof(policies) / sizeof(policies[0]))

struct score {
	double worst; /* against the better reference */
	uint32_t losses;
};

static void print_row(const struct trace *t, uint32_t *req, struct score *score)
{
	uint32_t keys, i;
	double best = 0;

	trace_seed(1);
	keys = t->fill(t, req, REQUESTS);
	printf("%s", t->name);
	for (i = 0; i < POLICIES; i++) {
		double ratio = hit_ratio(policies[i], t->cap, req, keys);

		if (i < REFERENCES && ratio > best)
			best = ratio;
		if (i >= REFERENCES && ratio - best < score[i].worst)
			score[i].worst = ratio - best;
		if (i >= REFERENCES && ratio < best - TIE)
			score[i].losses++;
		printf("\t%.2f", ratio);
		fflush(stdout);
	}
	putchar('\n');
}

static int print_table(char *const *names, int n)
{
	struct score score[POLICIES] = {0};
	uint32_t *req = zalloc(REQUESTS, sizeof(*req)), i;
	const struct trace *t;

	printf("trace");
	for (i = 0; i < POLICIES; i++)
		printf("\t%s", policies[i]->name);
	putchar('\n');
	for (t = traces; t->name; t++)
		if (trace_wanted(t, names, n))
			print_row(t, req, score);
	printf("# worst against the better of the first two");
	for (i = REFERENCES; i < POLICIES; i++)
		printf("\t%.2f", score[i].worst);
	printf("\n# traces lost by more than %.1f", TIE);
	for (i = REFERENCES; i < POLICIES; i++)
		printf("\t%u", score[i].losses);
	putchar('\n');
	free(req);
	return 0;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Keys come again after four capacities, so that the table of keys stays as small as a map's. */
static int print_cost(void)
{
	uint32_t caps[] = {1024, 16384, 131072}, i, j, k;

	for (i = 0; i < POLICIES; i++) {
		printf("%s", policies[i]->name);
		for (j = 0; j < 3; j++) {
			struct cache c;
			void *state;
			double begin;

			cache_init(&c, caps[j], 4 * caps[j]);
			state = policies[i]->create(&c);
			begin = now_ns();
			for (k = 0; k < REQUESTS; k++)
				cache_request(&c, policies[i], state, k & (4 * caps[j] - 1));
			printf("\t%.1f", (now_ns() - begin) / REQUESTS);
			policies[i]->destroy(state);
			cache_free(&c);
		}
		putchar('\n');
	}
	return 0;
}

/* Once full, only deletions make room: live is then what a model without a policy says. */
static int check_capacity(const struct policy *p, uint32_t cap)
{
	uint32_t keys = 3 * cap + 2, live = 0, i, key, x = cap;
	struct cache c;
	void *state;
	int bad = 0;

	cache_init(&c, cap, keys);
	state = p->create(&c);
	for (i = 0; i < 200000 && !bad; i++) {
		x = key_hash(x + i);
		key = x % keys;
		if ((x >> 16) % 8 == 0 && c.slot_of[key] != NONE) {
			uint32_t slot = c.slot_of[key];

			cache_drop(&c, slot);
			p->remove(state, slot);
			live--;
		} else if (!cache_request(&c, p, state, key) && live < cap) {
			live++;
		}
		bad = live != c.live || c.live > cap;
	}
	p->destroy(state);
	cache_free(&c);
	if (bad)
		printf("%s, capacity %u: %u live, expected %u (operation %u)\n", p->name, cap,
		       c.live, live, i);
	return bad;
}

static int check(void)
{
	uint32_t cap;
	int bad = 0;

	for (cap = 1; cap <= 4096; cap = cap < 70 ? cap + 1 : cap * 2)
		bad |= check_capacity(&policy_balance, cap);
	puts(bad ? "check: FAILED" : "check: ok");
	return bad;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "cost"))
		return print_cost();
	if (argc == 2 && !strcmp(argv[1], "check"))
		return check();
	return print_table(argv + 1, argc - 1);
}
