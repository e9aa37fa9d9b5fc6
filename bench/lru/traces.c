/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* traces.c: the request streams. Every one is a function of its parameters and a fixed seed. */
#include "sim.h"

#include <math.h>

#define KEYS 1000000u

static uint64_t random_state;

void trace_seed(uint64_t seed)
{
	random_state = seed;
}

static uint64_t rnd(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static double rnd_unit(void)
{
	return (double)(rnd() >> 11) * 0x1p-53;
}

static uint32_t rnd_below(uint32_t n)
{
	return (uint32_t)((rnd() >> 32) * n >> 32);
}

/* Walker's alias method: one draw in constant time, exact for the given weights. */
static uint32_t *alias;
static double *share;
static uint32_t alias_n;
static double alias_exp;

static void zipf_init(double exponent, uint32_t n)
{
	uint32_t *small, *large, ns = 0, nl = 0, i;
	double sum = 0;

	if (alias_n == n && alias_exp == exponent)
		return;
	free(alias);
	free(share);
	alias_n = n;
	alias_exp = exponent;
	alias = zalloc(n, sizeof(*alias));
	share = zalloc(n, sizeof(*share));
	small = zalloc(n, sizeof(*small));
	large = zalloc(n, sizeof(*large));
	for (i = 0; i < n; i++)
		sum += share[i] = pow(i + 1, -exponent);
	for (i = 0; i < n; i++) {
		share[i] *= n / sum;
		if (share[i] < 1)
			small[ns++] = i;
		else
			large[nl++] = i;
	}
	while (ns && nl) {
		uint32_t s = small[--ns], l = large[nl - 1];

		alias[s] = l;
		share[l] -= 1 - share[s];
		if (share[l] < 1) {
			small[ns++] = l;
			nl--;
		}
	}
	while (nl)
		share[large[--nl]] = 1;
	while (ns)
		share[small[--ns]] = 1;
	free(small);
	free(large);
}

static uint32_t zipf(void)
{
	uint32_t i = rnd_below(alias_n);

	return rnd_unit() < share[i] ? i : alias[i];
}

/* a: exponent */
static uint32_t fill_zipf(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t i;

	zipf_init(t->a, KEYS);
	for (i = 0; i < n; i++)
		req[i] = zipf();
	return KEYS;
}

/* A third of the requests are bursts of b keys that never come again. a: exponent, b: burst */
static uint32_t fill_zipf_once(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t burst = (uint32_t)t->b, fresh = KEYS, i;

	zipf_init(t->a, KEYS);
	for (i = 0; i < n; i++)
		if (burst > 1)
			req[i] = i / burst % 3 == 2 ? fresh++ : zipf();
		else
			req[i] = rnd_below(3) == 0 ? fresh++ : zipf();
	return fresh;
}

/* Scans over the same range again and again. a: exponent, b: burst, c: range in capacities */
static uint32_t fill_zipf_scan(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t burst = (uint32_t)t->b, range = (uint32_t)(t->c * t->cap), at = 0, i;

	zipf_init(t->a, KEYS);
	for (i = 0; i < n; i++)
		req[i] = i / burst % 3 == 2 ? KEYS + at++ % range : zipf();
	return KEYS + range;
}

/* Ranks slide over the keys. a: exponent, b: requests per step, c: keys per step (0: anywhere) */
static uint32_t fill_drift(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t every = (uint32_t)t->b, step = (uint32_t)t->c, shift = 0, i;

	zipf_init(t->a, KEYS);
	for (i = 0; i < n; i++) {
		if (i % every == every - 1)
			shift = (shift + (step ? step : rnd_below(KEYS))) % KEYS;
		req[i] = (zipf() + shift) % KEYS;
	}
	return KEYS;
}

/* Nine of ten requests go to a set that is replaced at once. a: its size in capacities, b: period */
static uint32_t fill_hotset(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t size = (uint32_t)(t->a * t->cap), every = (uint32_t)t->b, base = 0, i;

	for (i = 0; i < n; i++) {
		if (i % every == every - 1)
			base = rnd_below(KEYS - size);
		req[i] = rnd_below(10) ? base + rnd_below(size) : rnd_below(KEYS);
	}
	return KEYS;
}

/* Number of uses of a connection: geometric with that mean, or Pareto (exponent 1.2) if negative. */
static uint32_t conn_uses(double mean)
{
	double u = 1 - rnd_unit(), v;

	if (mean < 0)
		v = pow(u, -1 / 1.2) * -mean;
	else
		v = 1 + floor(log(u) / log(1 - 1 / mean));
	return v < 1 ? 1 : v > 200000 ? 200000 : (uint32_t)v;
}

/* Live connections, each equally likely to be next. a: live in capacities, b: uses, c: one-hit share */
static uint32_t fill_conn(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t live = (uint32_t)(t->a * t->cap), fresh = 0, i;
	uint32_t *key = zalloc(live, sizeof(*key)), *left = zalloc(live, sizeof(*left));

	for (i = 0; i < n; i++) {
		uint32_t x = rnd_below(live);

		if (t->c > 0 && rnd_unit() < t->c) {
			req[i] = fresh++;
			continue;
		}
		if (!left[x]) {
			key[x] = fresh++;
			left[x] = conn_uses(t->b);
		}
		left[x]--;
		req[i] = key[x];
	}
	free(key);
	free(left);
	return fresh;
}

/* Connections that return after a gap of between a and b capacities (in requests); c: uses. A time
 * at which nobody is due is the birth of a new one. */
static uint32_t fill_gap(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t lo = (uint32_t)(t->a * t->cap), span = (uint32_t)(t->b * t->cap) - lo + 1,
		 fresh = 0;
	uint32_t size = 1, *due, *left, i;

	while (size < 4 * (lo + span))
		size *= 2;
	due = zalloc(size, sizeof(*due)); /* key + 1 */
	left = zalloc(n, sizeof(*left));
	for (i = 0; i < n; i++) {
		uint32_t *now = &due[i & (size - 1)], at;

		req[i] = *now ? *now - 1 : fresh++;
		if (!*now)
			left[req[i]] = conn_uses(t->c);
		*now = 0;
		if (!--left[req[i]])
			continue;
		at = i + lo + rnd_below(span);
		while (due[at & (size - 1)])
			at++;
		due[at & (size - 1)] = req[i] + 1;
	}
	free(due);
	free(left);
	return fresh;
}

/* As gap, but each connection keeps a rate of its own, gaps from 16 requests to b capacities. */
static uint32_t fill_rates(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t size = 1, fresh = 0, *due, *left, *gap, i;
	double top = log(t->b * t->cap / 16);

	while (size < 8 * t->b * t->cap)
		size *= 2;
	due = zalloc(size, sizeof(*due));
	left = zalloc(n, sizeof(*left));
	gap = zalloc(n, sizeof(*gap));
	for (i = 0; i < n; i++) {
		uint32_t *now = &due[i & (size - 1)], at, k;

		k = req[i] = *now ? *now - 1 : fresh++;
		if (!*now) {
			left[k] = conn_uses(t->c);
			gap[k] = (uint32_t)(16 * exp(rnd_unit() * top));
		}
		*now = 0;
		if (!--left[k])
			continue;
		at = i + gap[k] / 2 + 1 + rnd_below(gap[k]);
		while (due[at & (size - 1)])
			at++;
		due[at & (size - 1)] = k + 1;
	}
	free(due);
	free(left);
	free(gap);
	return fresh;
}

/* Every other request each: Zipf 0.99, and connections as in gap. */
static uint32_t fill_zipf_gap(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t *half = zalloc(n / 2, sizeof(*half)), keys = fill_gap(t, half, n / 2), i;

	zipf_init(0.99, KEYS);
	for (i = 0; i < n; i++)
		req[i] = i & 1 ? KEYS + half[i / 2] : zipf();
	free(half);
	return KEYS + keys;
}

/* a: range in capacities */
static uint32_t fill_uniform(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t range = (uint32_t)(t->a * t->cap), i;

	for (i = 0; i < n; i++)
		req[i] = rnd_below(range);
	return range;
}

/* a: range in capacities, b: share of uniform requests over four capacities */
static uint32_t fill_loop(const struct trace *t, uint32_t *req, uint32_t n)
{
	uint32_t range = (uint32_t)(t->a * t->cap), at = 0, i;

	for (i = 0; i < n; i++)
		req[i] = rnd_unit() < t->b ? range + rnd_below(4 * t->cap) : at++ % range;
	return range + 4 * t->cap;
}

/* Phases of b requests by turns: Zipf a, then connections with gaps of up to a capacity. */
static uint32_t fill_phases(const struct trace *t, uint32_t *req, uint32_t n)
{
	struct trace gap = {.cap = t->cap, .a = 0.1, .b = 1, .c = 4};
	uint32_t *conn = zalloc(n, sizeof(*conn)), keys = fill_gap(&gap, conn, n), i;

	zipf_init(t->a, KEYS);
	for (i = 0; i < n; i++)
		req[i] = i / (uint32_t)t->b & 1 ? KEYS + conn[i] : zipf();
	free(conn);
	return KEYS + keys;
}

#define K 1024
/* clang-format off */
const struct trace traces[] = {
	{"Zipf 0.8, 1k", K, fill_zipf, 0.8, 0, 0},
	{"Zipf 0.8, 16k", 16 * K, fill_zipf, 0.8, 0, 0},
	{"Zipf 0.8, 128k", 128 * K, fill_zipf, 0.8, 0, 0},
	{"Zipf 0.99, 1k", K, fill_zipf, 0.99, 0, 0},
	{"Zipf 0.99, 16k", 16 * K, fill_zipf, 0.99, 0, 0},
	{"Zipf 0.99, 128k", 128 * K, fill_zipf, 0.99, 0, 0},
	{"Zipf 1.2, 1k", K, fill_zipf, 1.2, 0, 0},
	{"Zipf 1.2, 16k", 16 * K, fill_zipf, 1.2, 0, 0},
	{"Zipf 1.2, 128k", 128 * K, fill_zipf, 1.2, 0, 0},
	{"Zipf 0.99 + scans, 16k", 16 * K, fill_zipf_once, 0.99, 10000, 0},
	{"Zipf 0.99 + one-hit, 16k", 16 * K, fill_zipf_once, 0.99, 1, 0},
	{"Zipf 0.99 + repeated scans, 16k", 16 * K, fill_zipf_scan, 0.99, 10000, 2},
	{"drift, 1 key a 1000, 16k", 16 * K, fill_drift, 0.99, 1000, 1},
	{"drift, 1 key a 100, 16k", 16 * K, fill_drift, 0.99, 100, 1},
	{"drift, 1 key a 10, 16k", 16 * K, fill_drift, 0.99, 10, 1},
	{"drift, 1 key a 2, 16k", 16 * K, fill_drift, 0.99, 2, 1},
	{"drift, 1 key a 100, 1k", K, fill_drift, 0.99, 100, 1},
	{"jump each 1M, 16k", 16 * K, fill_drift, 0.99, 1000000, 0},
	{"jump each 200k, 16k", 16 * K, fill_drift, 0.99, 200000, 0},
	{"jump each 50k, 16k", 16 * K, fill_drift, 0.99, 50000, 0},
	{"jump each 10k, 1k", K, fill_drift, 0.99, 10000, 0},
	{"hot set 0.5 each 200k, 16k", 16 * K, fill_hotset, 0.5, 200000, 0},
	{"hot set 0.9 each 200k, 16k", 16 * K, fill_hotset, 0.9, 200000, 0},
	{"hot set 0.5 each 50k, 16k", 16 * K, fill_hotset, 0.5, 50000, 0},
	{"conn 0.3 geo 8, 16k", 16 * K, fill_conn, 0.3, 8, 0},
	{"conn 0.8 geo 8, 16k", 16 * K, fill_conn, 0.8, 8, 0},
	{"conn 1.0 geo 8, 16k", 16 * K, fill_conn, 1, 8, 0},
	{"conn 1.5 geo 8, 16k", 16 * K, fill_conn, 1.5, 8, 0},
	{"conn 3.0 geo 8, 16k", 16 * K, fill_conn, 3, 8, 0},
	{"conn 0.3 pareto, 16k", 16 * K, fill_conn, 0.3, -2, 0},
	{"conn 0.8 pareto, 16k", 16 * K, fill_conn, 0.8, -2, 0},
	{"conn 1.0 pareto, 16k", 16 * K, fill_conn, 1, -2, 0},
	{"conn 1.5 pareto, 16k", 16 * K, fill_conn, 1.5, -2, 0},
	{"conn 3.0 pareto, 16k", 16 * K, fill_conn, 3, -2, 0},
	{"conn 0.5 geo 3, 16k", 16 * K, fill_conn, 0.5, 3, 0},
	{"conn 0.3 geo 8 + 30 % once, 16k", 16 * K, fill_conn, 0.3, 8, 0.3},
	{"conn 0.8 geo 8 + 30 % once, 16k", 16 * K, fill_conn, 0.8, 8, 0.3},
	{"conn 0.8 geo 8, 1k", K, fill_conn, 0.8, 8, 0},
	{"conn 1.5 geo 30, 1k", K, fill_conn, 1.5, 30, 0},
	{"conn 0.8 geo 30, 128k", 128 * K, fill_conn, 0.8, 30, 0},
	{"gap 0.1-0.5 geo 4, 16k", 16 * K, fill_gap, 0.1, 0.5, 4},
	{"gap 0.1-1.0 geo 2, 16k", 16 * K, fill_gap, 0.1, 1, 2},
	{"gap 0.1-1.0 geo 4, 16k", 16 * K, fill_gap, 0.1, 1, 4},
	{"gap 0.1-1.0 geo 10, 16k", 16 * K, fill_gap, 0.1, 1, 10},
	{"gap 0.5-1.0 geo 3, 16k", 16 * K, fill_gap, 0.5, 1, 3},
	{"gap 0.5-1.0 geo 10, 16k", 16 * K, fill_gap, 0.5, 1, 10},
	{"gap 0.1-1.0 pareto, 16k", 16 * K, fill_gap, 0.1, 1, -2},
	{"gap 0.5-2.0 geo 3, 16k", 16 * K, fill_gap, 0.5, 2, 3},
	{"gap 0.1-1.0 geo 4, 1k", K, fill_gap, 0.1, 1, 4},
	{"gap 0.1-1.0 geo 4, 128k", 128 * K, fill_gap, 0.1, 1, 4},
	{"rates to 4 geo 8, 16k", 16 * K, fill_rates, 0, 4, 8},
	{"rates to 16 geo 8, 16k", 16 * K, fill_rates, 0, 16, 8},
	{"rates to 4 pareto, 16k", 16 * K, fill_rates, 0, 4, -2},
	{"Zipf 0.99 + gap 0.1-0.5, 16k", 16 * K, fill_zipf_gap, 0.1, 0.5, 4},
	{"Zipf / gap each 250k, 16k", 16 * K, fill_phases, 0.99, 250000, 0},
	{"uniform 1.1, 16k", 16 * K, fill_uniform, 1.1, 0, 0},
	{"uniform 2, 16k", 16 * K, fill_uniform, 2, 0, 0},
	{"loop 0.9, 16k", 16 * K, fill_loop, 0.9, 0, 0},
	{"loop 1.1, 16k", 16 * K, fill_loop, 1.1, 0, 0},
	{"loop 2, 16k", 16 * K, fill_loop, 2, 0, 0},
	{"loop 0.5 + 20 % uniform, 16k", 16 * K, fill_loop, 0.5, 0.2, 0},
	{"loop 0.8 + 20 % uniform, 16k", 16 * K, fill_loop, 0.8, 0.2, 0},
	{"loop 1.2 + 20 % uniform, 16k", 16 * K, fill_loop, 1.2, 0.2, 0},
	{0},
};
/* clang-format on */
