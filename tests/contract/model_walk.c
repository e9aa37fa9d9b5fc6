/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model_walk.c: the native API against the sequential model.
 *
 *   exhaustive  every sequence of up to 6 operations on maps of 1 to 3 entries with 3 keys
 *   random      100 000 operations over maps of many shapes, from one seed
 *
 * BPFMAP_SEED=n repeats a run, BPFMAP_LONG=1 runs ten times as many random operations and makes a
 * new map for each sequence. Prints TAP; a failure prints the seed, the map and the operation.
 */
#include "bpfmap/bpfmap.h"
#include "model_map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RANDOM_OPS	100000u
#define LONG_FACTOR	10u
#define OPS_PER_MAP	2000u
#define OPS_PER_CHECK	500u
#define OPS_PER_INFO	20u
#define MAX_MAP_BYTES	(4u << 20)
#define MAX_KEY		600u
#define MAX_VALUE	5000u
#define MAX_ENTRIES	5000u
#define MAX_BATCH	16u
#define SEQUENCE	6u
#define SEQUENCE_KEYS	3u
#define SEQUENCE_CHOICE 12u /* 3 keys times ANY, NOEXIST, EXIST, delete */
#define FRESH_PREFIX	3u  /* sequences this short get a new map each */

static uint64_t seed, state;
static bool is_long;
static unsigned int points;

static uint64_t next_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(next_random() % n);
}

/* A map under test, its model, and where we are. */
struct subject {
	struct bpfmap *map;
	struct bpfmap *second; /* another handle of the same region, or the same one */
	struct model_map model;
	uint32_t flags;
	uint32_t memory;
	uint32_t universe; /* number of different keys in use */
	uint32_t index_at; /* where in the key its number stands */
	uint64_t op;
};

__attribute__((format(printf, 2, 3), noreturn)) static void broken(const struct subject *s,
								   const char *fmt, ...)
{
	va_list args;

	printf("not ok %u - ", points + 1);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n# BPFMAP_SEED=%" PRIu64
	       " type %u key_size %u value_size %u max_entries %u flags 0x%x "
	       "memory %u operation %" PRIu64 "\n# last error: %s\n1..%u\n",
	       seed, s->model.type, s->model.key_size, s->model.value_size, s->model.max_entries,
	       s->flags, s->memory, s->op, bpfmap_last_error(), points + 1);
	exit(1);
}

static void subject_open(struct subject *s, uint32_t type, uint32_t key_size, uint32_t value_size,
			 uint32_t n)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = key_size,
					  .value_size = value_size,
					  .max_entries = n,
					  .map_flags = s->flags,
					  .memory = s->memory};
	int fd;

	model_init(&s->model, type, key_size, value_size, n);
	if (bpfmap_create(&opts, &s->map))
		broken(s, "create");
	s->second = s->map;
	if (s->memory != BPFMAP_MEMORY_SHARED)
		return;
	fd = bpfmap_fd(s->map);
	if (fd < 0 || bpfmap_open_fd(fd, 0, &s->second))
		broken(s, "second handle");
	close(fd);
}

static void subject_close(struct subject *s)
{
	if (s->second != s->map)
		bpfmap_close(s->second);
	bpfmap_close(s->map);
	model_free(&s->model);
}

/* Either handle will do. */
static struct bpfmap *any_handle(struct subject *s)
{
	return next_random() & 1 ? s->map : s->second;
}

static void key_make(const struct subject *s, uint32_t number, unsigned char *key)
{
	uint32_t width = s->model.key_size < 4 ? s->model.key_size : 4;

	memset(key, 0x5a, s->model.key_size);
	memcpy(key + s->index_at, &number, width);
}

static void value_make(const struct subject *s, unsigned char *value)
{
	uint64_t r = next_random();

	for (uint32_t i = 0; i < s->model.value_size; i++)
		value[i] = (unsigned char)(r >> (i % 8 * 8)) + (unsigned char)(i >> 3);
}

static void compare_one(struct subject *s, struct bpfmap *map, const unsigned char *key)
{
	static unsigned char copy[MAX_VALUE + 8];
	const unsigned char *want = model_lookup(&s->model, key);
	const unsigned char *got = bpfmap_lookup(map, key);
	int result;

	if (!got != !want)
		broken(s, "lookup finds %s", got ? "a key that is not there" : "nothing");
	if (want && memcmp(got, want, s->model.value_size) != 0)
		broken(s, "lookup finds another value");
	memset(copy, 0xa5, sizeof(copy));
	result = bpfmap_read(map, key, copy);
	if (result != (want ? 0 : -ENOENT))
		broken(s, "read gives %d", result);
	if (want && memcmp(copy, want, s->model.value_size) != 0)
		broken(s, "read gives another value");
	if (copy[s->model.value_size] != 0xa5)
		broken(s, "read writes behind the value");
}

/* A walk shows every key of the model once, and nothing else. */
static void compare_walk(struct subject *s, struct bpfmap *map)
{
	static unsigned char key[MAX_KEY];
	uint64_t steps = 0;
	int result = bpfmap_next_key(map, NULL, key);

	while (result == 0) {
		if (!model_lookup(&s->model, key))
			broken(s, "next_key gives a key that is not there");
		if (++steps > s->model.entries)
			break;
		result = bpfmap_next_key(map, key, key);
	}
	if (steps != s->model.entries || result != -ENOENT)
		broken(s, "walk of %" PRIu64 " keys ends with %d after %" PRIu64, s->model.entries,
		       result, steps);
}

static void compare_batches(struct subject *s, struct bpfmap *map)
{
	size_t room = 1 + below(64), bytes;
	unsigned char *keys, *values;
	uint64_t cursor = 0, total = 0;
	int result;

	bytes = s->model.max_entries + 64;
	keys = malloc(bytes * s->model.key_size);
	values = malloc(bytes * s->model.value_size);
	do {
		uint32_t count = (uint32_t)room;

		result = bpfmap_read_batch(map, &cursor, keys, values, &count);
		if (result == -ENOSPC && room < s->model.max_entries) {
			room = s->model.max_entries;
			result = 0;
			continue;
		}
		for (uint32_t i = 0; i < count && (result == 0 || result == -ENOENT); i++) {
			const unsigned char *want =
				model_lookup(&s->model, keys + (size_t)i * s->model.key_size);

			if (!want || memcmp(want, values + (size_t)i * s->model.value_size,
					    s->model.value_size) != 0)
				broken(s, "read_batch gives an element that is not there");
		}
		total += count;
	} while (result == 0 && total <= s->model.entries);
	if (result != -ENOENT || total != s->model.entries)
		broken(s, "batch walk ends with %d after %" PRIu64 " of %" PRIu64, result, total,
		       s->model.entries);
	free(keys);
	free(values);
}

static void compare_info(struct subject *s, struct bpfmap *map)
{
	struct bpfmap_info info;
	int result = bpfmap_get_info(map, &info);

	if (result)
		broken(s, "info gives %d", result);
	if (info.entries != s->model.entries)
		broken(s, "entries is %" PRIu64 ", not %" PRIu64, info.entries, s->model.entries);
	if (info.high_water != s->model.high_water)
		broken(s, "high_water is %" PRIu64 ", not %" PRIu64, info.high_water,
		       s->model.high_water);
	if (info.failed_updates != s->model.failed_updates)
		broken(s, "failed_updates is %" PRIu64 ", not %" PRIu64, info.failed_updates,
		       s->model.failed_updates);
	if (info.type != s->model.type || info.key_size != s->model.key_size ||
	    info.value_size != s->model.value_size || info.max_entries != s->model.max_entries)
		broken(s, "info describes another map");
}

static void check_region(struct subject *s)
{
	int result = bpfmap_check(s->map);

	if (result)
		broken(s, "check gives %d", result);
}

static void expect(struct subject *s, const char *what, int got, int want)
{
	if (got != want)
		broken(s, "%s gives %d, not %d", what, got, want);
}

static void op_update(struct subject *s, const unsigned char *key)
{
	static const uint64_t flags[] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 8, 1ull << 32};
	static unsigned char value[MAX_VALUE];
	uint64_t flag = flags[below(sizeof(flags) / sizeof(flags[0]))];
	int got;

	value_make(s, value);
	got = bpfmap_update(any_handle(s), key, value, flag);
	expect(s, "update", got, model_update(&s->model, key, value, flag));
}

static void op_update_batch(struct subject *s)
{
	static unsigned char keys[MAX_BATCH * MAX_KEY], values[MAX_BATCH * MAX_VALUE];
	uint32_t n = below(MAX_BATCH + 1), count = n, done = 0;
	int got, want = 0;

	for (uint32_t i = 0; i < n; i++) {
		key_make(s, below(s->universe), keys + (size_t)i * s->model.key_size);
		value_make(s, values + (size_t)i * s->model.value_size);
	}
	got = bpfmap_update_batch(any_handle(s), keys, values, &count, BPF_ANY);
	while (done < n && want == 0) {
		want = model_update(&s->model, keys + (size_t)done * s->model.key_size,
				    values + (size_t)done * s->model.value_size, BPF_ANY);
		done += want == 0;
	}
	expect(s, "update_batch", got, want);
	expect(s, "update_batch's count", (int)count, (int)done);
}

static void op_next_key(struct subject *s, const unsigned char *key)
{
	static unsigned char next[MAX_KEY], first[MAX_KEY];
	struct bpfmap *map = any_handle(s);
	int result = bpfmap_next_key(map, key, next), at_start = bpfmap_next_key(map, NULL, first);

	expect(s, "next_key of the start", at_start, s->model.entries ? 0 : -ENOENT);
	if (model_lookup(&s->model, key)) {
		if (result && result != -ENOENT)
			broken(s, "next_key gives %d", result);
		if (result == 0 && !model_lookup(&s->model, next))
			broken(s, "next_key gives a key that is not there");
		return;
	}
	expect(s, "next_key of an absent key", result, at_start);
	if (result == 0 && memcmp(next, first, s->model.key_size) != 0)
		broken(s, "next_key of an absent key does not restart");
}

static void op_random(struct subject *s)
{
	static unsigned char key[MAX_KEY];
	uint32_t dice = below(100);
	int got;

	key_make(s, below(s->universe), key);
	if (dice < 45) {
		op_update(s, key);
	} else if (dice < 65) {
		got = bpfmap_delete(any_handle(s), key);
		expect(s, "delete", got, model_delete(&s->model, key));
	} else if (dice < 85) {
		compare_one(s, any_handle(s), key);
	} else if (dice < 93) {
		op_next_key(s, key);
	} else if (dice < 99) {
		op_update_batch(s);
	} else if (below(2)) {
		compare_walk(s, any_handle(s));
	} else {
		compare_batches(s, any_handle(s));
	}
}

/* Small and large numbers alike: the number of bits is uniform. */
static uint32_t shape(uint32_t most)
{
	uint32_t bits = 1;

	while (bits < 31 && 1u << bits <= most)
		bits++;
	bits = 1 + below(bits);
	return 1 + below((1u << bits) - 1) % most;
}

static void random_map(struct subject *s)
{
	uint32_t type = below(4) ? BPF_MAP_TYPE_HASH : BPF_MAP_TYPE_ARRAY;
	uint32_t key_size = type == BPF_MAP_TYPE_ARRAY ? 4 : shape(MAX_KEY);
	uint32_t value_size = shape(MAX_VALUE), n = shape(MAX_ENTRIES);

	while ((uint64_t)n * (key_size + value_size) > MAX_MAP_BYTES)
		n /= 2;
	memset(s, 0, sizeof(*s));
	s->flags = type == BPF_MAP_TYPE_HASH && below(2) ? BPF_F_NO_PREALLOC : 0;
	s->memory = below(2) ? BPFMAP_MEMORY_SHARED : BPFMAP_MEMORY_PRIVATE;
	subject_open(s, type, key_size, value_size, n);
	s->universe = n + 1 + below(n + 1);
	if (key_size == 1 && s->universe > 256)
		s->universe = 256;
	if (key_size > 4 && below(2))
		s->index_at = key_size - 4;
}

static void random_walk(void)
{
	uint64_t total = RANDOM_OPS * (is_long ? LONG_FACTOR : 1u), done = 0;
	unsigned int maps = 0;
	struct subject s;

	state = seed;
	while (done < total) {
		random_map(&s);
		for (s.op = 0; s.op < OPS_PER_MAP; s.op++) {
			op_random(&s);
			if (s.op % OPS_PER_INFO == 0)
				compare_info(&s, any_handle(&s));
			if (s.op % OPS_PER_CHECK == OPS_PER_CHECK - 1)
				check_region(&s);
		}
		compare_walk(&s, s.map);
		compare_batches(&s, s.second);
		subject_close(&s);
		done += OPS_PER_MAP;
		maps++;
	}
	printf("ok %u - random: %" PRIu64 " operations on %u maps, BPFMAP_SEED=%" PRIu64 "\n",
	       ++points, done, maps, seed);
}

/* One step of a sequence: choice / 4 is the key, choice % 4 the operation. */
static void step(struct subject *s, unsigned int choice, unsigned char *value)
{
	static const uint64_t flags[] = {BPF_ANY, BPF_NOEXIST, BPF_EXIST};
	uint32_t key = choice / 4;
	int got;

	value[0]++;
	if (choice % 4 == 3) {
		got = bpfmap_delete(s->map, &key);
		expect(s, "delete", got, model_delete(&s->model, &key));
	} else {
		got = bpfmap_update(s->map, &key, value, flags[choice % 4]);
		expect(s, "update", got, model_update(&s->model, &key, value, flags[choice % 4]));
	}
}

static void compare_all(struct subject *s)
{
	for (uint32_t key = 0; key < SEQUENCE_KEYS; key++)
		compare_one(s, s->map, (unsigned char *)&key);
	compare_walk(s, s->map);
	compare_info(s, s->map);
}

static void drain(struct subject *s)
{
	for (uint32_t key = 0; key < SEQUENCE_KEYS; key++) {
		int got = bpfmap_delete(s->map, &key);

		expect(s, "delete", got, model_delete(&s->model, &key));
	}
}

/* Every sequence of `length` steps; returns how many were run. The sequence's number is s->op, its digits are the steps. */
static uint64_t sequences(struct subject *s, unsigned int length, uint32_t n)
{
	bool fresh = is_long || length <= FRESH_PREFIX;
	uint64_t count = 1, run = 0;
	unsigned char value[8] = {0};

	for (unsigned int i = 0; i < length; i++)
		count *= SEQUENCE_CHOICE;
	subject_open(s, s->model.type, 4, sizeof(value), n);
	for (s->op = 0; s->op < count; s->op++) {
		uint64_t rest = s->op;

		/* Keys are interchangeable in a hash: begin with the first one. */
		if (s->model.type == BPF_MAP_TYPE_HASH && rest % SEQUENCE_CHOICE >= 4)
			continue;
		run++;
		for (unsigned int i = 0; i < length; i++, rest /= SEQUENCE_CHOICE)
			step(s, (unsigned int)(rest % SEQUENCE_CHOICE), value);
		compare_all(s);
		if (fresh) {
			check_region(s);
			subject_close(s);
			subject_open(s, s->model.type, 4, sizeof(value), n);
		} else if (s->model.type == BPF_MAP_TYPE_HASH) {
			drain(s);
		}
	}
	check_region(s);
	subject_close(s);
	return run;
}

static void exhaustive(uint32_t type, uint32_t flags)
{
	uint64_t total = 0;
	struct subject s;

	for (uint32_t n = 1; n <= SEQUENCE_KEYS; n++) {
		for (unsigned int length = 1; length <= SEQUENCE; length++) {
			memset(&s, 0, sizeof(s));
			s.flags = flags;
			s.model.type = type;
			total += sequences(&s, length, n);
		}
	}
	printf("ok %u - exhaustive: type %u flags 0x%x, %" PRIu64
	       " sequences of up to %u operations\n",
	       ++points, type, flags, total, SEQUENCE);
}

int main(void)
{
	const char *text = getenv("BPFMAP_SEED");

	setvbuf(stdout, NULL, _IOLBF, 0);
	is_long = getenv("BPFMAP_LONG") && strcmp(getenv("BPFMAP_LONG"), "1") == 0;
	seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
	exhaustive(BPF_MAP_TYPE_HASH, 0);
	exhaustive(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC);
	exhaustive(BPF_MAP_TYPE_ARRAY, 0);
	random_walk();
	printf("1..%u\n", points);
	return 0;
}
