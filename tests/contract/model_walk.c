/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model_walk.c: the native API against the sequential model, for every type of map.
 *
 *   exhaustive  every sequence of up to 4, 5 or 6 operations on maps of 1 to 3 entries with 3 keys
 *   random      100 000 operations over maps of every type and many shapes, from one seed
 *
 * BPFMAP_SEED=n repeats a run, BPFMAP_LONG=1 runs ten times as many random operations and makes a
 * new map for each sequence. Prints TAP; a failure prints the seed, the map and the operation.
 */
#include "bpfmap/bpfmap.h"
#include "model_map.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RANDOM_OPS    100000u
#define LONG_FACTOR   10u
#define OPS_PER_MAP   2000u
#define OPS_PER_CHECK 500u
#define OPS_PER_INFO  20u
#define MAX_MAP_BYTES (4u << 20)
#define MAX_KEY	      600u
#define MAX_VALUE     5000u
#define MAX_BYTES     65536u /* of an element: all CPUs */
#define MAX_ENTRIES   5000u
#define MAX_BATCH     16u
#ifdef __SANITIZE_ADDRESS__
#define SEQUENCE 5u
#else
#define SEQUENCE 6u
#endif
#define SEQUENCE_VALUE	8u
#define SEQUENCE_KEYS	3u
#define SEQUENCE_CHOICE 12u /* 3 keys times ANY, NOEXIST, EXIST, delete */
#define FRESH_PREFIX	3u  /* sequences this short get a new map each */

#define CANARY_ANSWER 1000u

static uint64_t seed, state;
static uint32_t cpus_here; /* values of a per-CPU element */
static bool is_long;
static unsigned int points;
static uint64_t operations; /* compared */
static bool failed;

/* What is wrong on purpose: our answer of that number, or the model's contents at each look. */
static struct {
	uint32_t answer;
	bool contents;
} lie;

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
	uint32_t map_extra;
	uint32_t lock_plus1;
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
					  .memory = s->memory,
					  .map_extra = s->map_extra,
					  .spin_lock_plus1 = s->lock_plus1};
	struct model_spec spec = {type, key_size, value_size, n, cpus_here, s->lock_plus1};
	int fd;

	model_init(&s->model, &spec);
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

	for (uint32_t i = 0; i < s->model.value_bytes; i++)
		value[i] = (unsigned char)(r >> (i % 8 * 8)) + (unsigned char)(i >> 3);
}

/* Every way to look at one CPU's value: `want` is what it is. */
static void compare_cpu(struct subject *s, struct bpfmap *map, const unsigned char *key,
			const unsigned char *want, uint32_t cpu)
{
	static unsigned char copy[MAX_VALUE + 8];
	const unsigned char *got = bpfmap_lookup_cpu(map, key, cpu);
	uint32_t size = s->model.value_size;
	int result;

	if (!got != !want)
		broken(s, "lookup_cpu finds %s", got ? "a key that is not there" : "nothing");
	if (want && memcmp(got, want, size) != 0)
		broken(s, "lookup_cpu finds another value");
	memset(copy, 0xa5, sizeof(copy));
	result = bpfmap_read_cpu(map, key, cpu, copy);
	if (result != (want ? 0 : -ENOENT))
		broken(s, "read_cpu gives %d", result);
	if (want && memcmp(copy, want, size) != 0)
		broken(s, "read_cpu gives another value");
	if (copy[want ? size : 0] != 0xa5)
		broken(s, "read_cpu writes what it should not");
}

/* A number of that many bytes. */
static uint64_t number_at(const unsigned char *bytes, uint32_t size)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < size; i++)
		n = n << 8 | bytes[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? size - 1 - i : i];
	return n;
}

/* A counter of any size at any offset, over all CPUs. */
static void compare_counter(struct subject *s, struct bpfmap *map, const unsigned char *key,
			    const unsigned char *want)
{
	uint32_t size = 1u << below(4), off = below(s->model.value_size + 1), cpu;
	struct bpfmap_percpu_u64 total = {.min = UINT64_MAX}, got;
	int result = bpfmap_percpu_u64(map, key, off, size, &got);

	if (off + size > s->model.value_size) {
		if (result != -EINVAL)
			broken(s, "percpu_u64 beyond the value gives %d", result);
		return;
	}
	if (result != (want ? 0 : -ENOENT))
		broken(s, "percpu_u64 gives %d", result);
	for (cpu = 0; want && cpu < s->model.cpus; cpu++) {
		size_t cpu_off = (size_t)cpu * s->model.value_bytes / s->model.cpus;
		uint64_t n = number_at(want + cpu_off + off, size);

		total.sum += n;
		total.min = n < total.min ? n : total.min;
		total.max = n > total.max ? n : total.max;
	}
	if (want && memcmp(&total, &got, sizeof(got)) != 0)
		broken(s, "percpu_u64 of %u bytes at %u: sum, min or max is wrong", size, off);
}

static void compare_cpus(struct subject *s, struct bpfmap *map, const unsigned char *key,
			 const unsigned char *want)
{
	uint32_t stride = s->model.value_bytes / s->model.cpus;
	int cpu;

	for (uint32_t i = 0; i < s->model.cpus; i++)
		compare_cpu(s, map, key, want ? want + (size_t)i * stride : NULL, i);
	if (bpfmap_lookup_cpu(map, key, s->model.cpus))
		broken(s, "lookup_cpu finds a value of a CPU that is not there");
	compare_counter(s, map, key, want);
	cpu = bpfmap_cpu_enter(map);
	if (cpu < 0 || (uint32_t)cpu >= s->model.cpus)
		broken(s, "cpu_enter gives %d", cpu);
	if (bpfmap_lookup(map, key) != bpfmap_lookup_cpu(map, key, (uint32_t)cpu))
		broken(s, "lookup on a CPU does not find that CPU's value");
	bpfmap_cpu_leave(map);
}

static void compare_one(struct subject *s, struct bpfmap *map, const unsigned char *key)
{
	static unsigned char copy[MAX_BYTES + 8];
	const unsigned char *want = model_lookup(&s->model, key);
	const unsigned char *got = bpfmap_lookup(map, key);
	int result;

	if (!got != !want)
		broken(s, "lookup finds %s", got ? "a key that is not there" : "nothing");
	if (want && s->model.cpus == 1 && memcmp(got, want, s->model.value_size) != 0)
		broken(s, "lookup finds another value");
	memset(copy, 0xa5, s->model.value_bytes + 1);
	result = bpfmap_read(map, key, copy);
	if (result != (want ? 0 : -ENOENT))
		broken(s, "read gives %d", result);
	if (want && memcmp(copy, want, s->model.value_bytes) != 0)
		broken(s, "read gives another value");
	if (copy[s->model.value_bytes] != 0xa5)
		broken(s, "read writes behind the value");
	compare_cpus(s, map, key, want);
}

/* The iterator shows every element once and ends. */
static void compare_iter(struct subject *s, struct bpfmap *map)
{
	const void *key, *value;
	struct bpfmap_iter *iter;
	uint64_t steps = 0;
	int result = bpfmap_iter_new(map, &iter);

	if (result)
		broken(s, "iter_new gives %d", result);
	while ((result = bpfmap_iter_next(iter, &key, &value)) == 1) {
		const unsigned char *want = model_lookup(&s->model, key);

		if (!want || memcmp(want, value, s->model.value_bytes) != 0)
			broken(s, "the iterator gives an element that is not there");
		if (++steps > s->model.entries)
			break;
	}
	if (result == 0)
		result = bpfmap_iter_next(iter, &key, &value);
	bpfmap_iter_free(iter);
	if (steps != s->model.entries || result)
		broken(s, "iterator over %" PRIu64 " elements ends with %d after %" PRIu64,
		       s->model.entries, result, steps);
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

/* Elements of a batch are in the model; `take` ones leave it. */
static void check_batch(struct subject *s, const unsigned char *keys, const unsigned char *values,
			uint32_t count, bool taken)
{
	for (uint32_t i = 0; i < count; i++) {
		const unsigned char *key = keys + (size_t)i * s->model.key_size;
		const unsigned char *want = model_lookup(&s->model, key);

		if (!want || memcmp(want, values + (size_t)i * s->model.value_bytes,
				    s->model.value_bytes) != 0)
			broken(s, "a batch gives an element that is not there");
		if (taken)
			model_delete(&s->model, key);
	}
}

enum batch { READ_BATCH, TAKE_BATCH };

static void compare_batches(struct subject *s, struct bpfmap *map, enum batch kind)
{
	uint64_t cursor = 0, total = 0, entries = s->model.entries;
	size_t room = 1 + below(64), most = s->model.max_entries + 64;
	unsigned char *keys = malloc(most * s->model.key_size),
		      *values = malloc(most * s->model.value_bytes);
	int result;

	do {
		uint32_t count = (uint32_t)room;

		result = (kind == TAKE_BATCH ? bpfmap_take_batch : bpfmap_read_batch)(
			map, &cursor, keys, values, &count);
		if (result == -ENOSPC && room < s->model.max_entries) {
			room = s->model.max_entries;
			result = 0;
			continue;
		}
		if (result == 0 || result == -ENOENT)
			check_batch(s, keys, values, count, kind == TAKE_BATCH);
		total += count;
	} while (result == 0 && total <= entries);
	if (result != -ENOENT || total != entries)
		broken(s, "batch walk ends with %d after %" PRIu64 " of %" PRIu64, result, total,
		       entries);
	free(keys);
	free(values);
}

static void compare_figures(struct subject *s, const struct bpfmap_info *info)
{
	const bool counts = s->model.type != BPF_MAP_TYPE_BLOOM_FILTER;

	if (info->entries != (counts ? s->model.entries : 0))
		broken(s, "entries is %" PRIu64 ", not %" PRIu64, info->entries, s->model.entries);
	if (info->high_water != (counts ? s->model.high_water : 0))
		broken(s, "high_water is %" PRIu64 ", not %" PRIu64, info->high_water,
		       s->model.high_water);
	if (info->failed_updates != s->model.failed_updates)
		broken(s, "failed_updates is %" PRIu64 ", not %" PRIu64, info->failed_updates,
		       s->model.failed_updates);
}

static void compare_info(struct subject *s, struct bpfmap *map)
{
	struct bpfmap_info info;
	int result = bpfmap_get_info(map, &info);

	if (result)
		broken(s, "info gives %d", result);
	compare_figures(s, &info);
	if (info.type != s->model.type || info.key_size != s->model.key_size ||
	    info.value_size != s->model.value_size || info.max_entries != s->model.max_entries)
		broken(s, "info describes another map");
	if (bpfmap_cpus(map) != s->model.cpus || bpfmap_value_bytes(map) != s->model.value_bytes)
		broken(s, "value_bytes or cpus is not what the type has");
}

static void check_region(struct subject *s)
{
	int result = bpfmap_check(s->map);

	if (result)
		broken(s, "check gives %d", result);
}

static void expect(struct subject *s, const char *what, int got, int want)
{
	if (lie.answer && --lie.answer == 0)
		got++;
	if (got != want)
		broken(s, "%s gives %d, not %d", what, got, want);
}

static void op_update(struct subject *s, const unsigned char *key)
{
	static const uint64_t flags[] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 1ull << 32};
	static unsigned char value[MAX_BYTES];
	uint64_t flag = flags[below(sizeof(flags) / sizeof(flags[0]))];
	int got;

	value_make(s, value);
	got = bpfmap_update(any_handle(s), key, value, flag);
	expect(s, "update", got, model_update(&s->model, key, value, flag));
}

static void op_update_batch(struct subject *s)
{
	static unsigned char keys[MAX_BATCH * MAX_KEY], values[MAX_BATCH * MAX_BYTES];
	uint32_t n = below(MAX_BATCH + 1), count = n, done = 0;
	int got, want = 0;

	for (uint32_t i = 0; i < n; i++) {
		key_make(s, below(s->universe), keys + (size_t)i * s->model.key_size);
		value_make(s, values + (size_t)i * s->model.value_bytes);
	}
	got = bpfmap_update_batch(any_handle(s), keys, values, &count, BPF_ANY);
	while (done < n && want == 0) {
		want = model_update(&s->model, keys + (size_t)done * s->model.key_size,
				    values + (size_t)done * s->model.value_bytes, BPF_ANY);
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

static void op_take(struct subject *s, const unsigned char *key)
{
	static unsigned char got[MAX_BYTES + 1], want[MAX_BYTES];
	int result, expected = -ENOTSUP;

	memset(got, 0xa5, s->model.value_bytes + 1);
	result = bpfmap_take(any_handle(s), key, got);
	if (model_is_hash(s->model.type))
		expected = model_take(&s->model, key, want);
	expect(s, "take", result, expected);
	if (result == 0 && memcmp(got, want, s->model.value_bytes) != 0)
		broken(s, "take gives another value");
	if (got[result ? 0 : s->model.value_bytes] != 0xa5)
		broken(s, "take writes what it should not");
}

static void op_take_batch(struct subject *s)
{
	uint32_t count = 1;
	uint64_t cursor = 0;
	unsigned char none;

	if (model_is_hash(s->model.type))
		compare_batches(s, any_handle(s), TAKE_BATCH);
	else
		expect(s, "take_batch",
		       bpfmap_take_batch(any_handle(s), &cursor, &none, &none, &count), -ENOTSUP);
}

static void op_walk(struct subject *s)
{
	switch (below(7)) {
	case 0: op_take_batch(s); break;
	case 1:
	case 2: compare_walk(s, any_handle(s)); break;
	case 3:
	case 4: compare_iter(s, any_handle(s)); break;
	default: compare_batches(s, any_handle(s), READ_BATCH);
	}
}

/* What has no keys refuses what needs one. */
static void op_without_keys(struct subject *s, unsigned char *value)
{
	struct bpfmap *map = any_handle(s);
	struct bpfmap_iter *iter;
	uint64_t cursor = 0;
	uint32_t count = 1;

	expect(s, "read", bpfmap_read(map, value, value), -ENOTSUP);
	expect(s, "update", bpfmap_update(map, value, value, BPF_ANY), -ENOTSUP);
	expect(s, "delete", bpfmap_delete(map, value), -ENOTSUP);
	expect(s, "next_key", bpfmap_next_key(map, NULL, value), -ENOTSUP);
	expect(s, "take", bpfmap_take(map, value, value), -ENOTSUP);
	expect(s, "read_batch", bpfmap_read_batch(map, &cursor, value, value, &count), -ENOTSUP);
	expect(s, "take_batch", bpfmap_take_batch(map, &cursor, value, value, &count), -ENOTSUP);
	expect(s, "iter_new", bpfmap_iter_new(map, &iter), -ENOTSUP);
	if (bpfmap_lookup(map, value))
		broken(s, "lookup finds something in a map without keys");
}

static void op_bloom_info(struct subject *s)
{
	struct bpfmap_bloom_info info;
	uint32_t hashes = s->map_extra ? s->map_extra : 5;

	expect(s, "bloom_info", bpfmap_bloom_info(any_handle(s), &info), 0);
	if (info.hashes != hashes || info.bits_set > info.bits ||
	    info.bits_set > s->model.entries * hashes || !info.bits_set != !s->model.entries)
		broken(s, "bloom_info: %" PRIu64 " of %" PRIu64 " bits, %u hashes", info.bits_set,
		       info.bits, info.hashes);
	if (info.false_positive_rate < 0 || info.false_positive_rate > 1)
		broken(s, "a rate of %g", info.false_positive_rate);
}

static void op_bloom(struct subject *s)
{
	static const uint64_t flags[] = {0, 0, 0, 0, 0, 0, 1, 2, 4, 1ull << 32};
	static unsigned char value[MAX_VALUE];
	uint64_t flag = flags[below(10)];
	uint32_t dice = below(100);
	int result;

	value_make(s, value);
	if (dice < 40) {
		result = bpfmap_push(any_handle(s), value, flag);
		expect(s, "push", result, model_push(&s->model, value, flag));
	} else if (dice < 60) {
		result = bpfmap_peek(any_handle(s), value);
		if (result != 0 && (result != -ENOENT || model_was_pushed(&s->model, value)))
			broken(s, "peek gives %d", result);
	} else if (dice < 95 && s->model.entries) {
		memcpy(value,
		       s->model.values +
			       (size_t)below((uint32_t)s->model.entries) * s->model.value_bytes,
		       s->model.value_bytes);
		expect(s, "peek of a pushed value", bpfmap_peek(any_handle(s), value), 0);
	} else if (dice < 98) {
		op_bloom_info(s);
	} else {
		op_without_keys(s, value);
	}
}

static void op_random(struct subject *s)
{
	static unsigned char key[MAX_KEY];
	uint32_t dice = below(100);
	int got;

	key_make(s, below(s->universe), key);
	if (dice < 45) {
		op_update(s, key);
	} else if (dice < 55) {
		op_take(s, key);
	} else if (dice < 65) {
		got = bpfmap_delete(any_handle(s), key);
		expect(s, "delete", got, model_delete(&s->model, key));
	} else if (dice < 85) {
		compare_one(s, any_handle(s), key);
	} else if (dice < 93) {
		op_next_key(s, key);
	} else if (dice < 99) {
		op_update_batch(s);
	} else {
		op_walk(s);
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

static const uint32_t all_types[] = {
#define MAP_TYPE(NAME, word, ops) BPF_MAP_TYPE_##NAME,
#include "map/types.def"
#undef MAP_TYPE
};

/* Flags and locks that the type takes. */
static void random_flags(struct subject *s, uint32_t type, uint32_t value_size)
{
	memset(s, 0, sizeof(*s));
	s->memory = below(2) ? BPFMAP_MEMORY_SHARED : BPFMAP_MEMORY_PRIVATE;
	if (model_is_hash(type) && !model_is_lru(type) && below(2))
		s->flags |= BPF_F_NO_PREALLOC;
	if (model_is_hash(type) && below(4) == 0)
		s->flags |= BPF_F_ZERO_SEED;
	if (type == BPF_MAP_TYPE_BLOOM_FILTER)
		s->map_extra = below(16);
	if ((type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_ARRAY) && value_size >= 4 &&
	    below(4) == 0)
		s->lock_plus1 = below(value_size / 4) * 4 + 1;
}

/* False: the model cannot predict this type's contents here. */
static bool random_map(struct subject *s, uint32_t type)
{
	uint32_t key_size = model_is_array(type) ? 4 : shape(MAX_KEY), n = shape(MAX_ENTRIES);
	uint32_t copies = model_is_percpu(type) ? cpus_here : 1;
	uint32_t value_size = shape(copies > 1 ? MAX_VALUE / 8 : MAX_VALUE);

	while ((uint64_t)(value_size + 7) * copies > MAX_BYTES)
		value_size = value_size / 2;
	while ((uint64_t)n * (key_size + value_size * copies) > MAX_MAP_BYTES)
		n /= 2;
	if (!model_knows(type) || model_is_lru(type))
		return false;
	random_flags(s, type, value_size);
	if (type == BPF_MAP_TYPE_BLOOM_FILTER)
		key_size = 0;
	subject_open(s, type, key_size, value_size, n);
	s->universe = n + 1 + below(n + 1);
	if (key_size == 1 && s->universe > 256)
		s->universe = 256;
	if (key_size > 4 && below(2))
		s->index_at = key_size - 4;
	return true;
}

static void random_ops(struct subject *s)
{
	bool keyless = s->model.type == BPF_MAP_TYPE_BLOOM_FILTER;

	for (s->op = 0; s->op < OPS_PER_MAP; s->op++) {
		if (keyless)
			op_bloom(s);
		else
			op_random(s);
		if (s->op % OPS_PER_INFO == 0)
			compare_info(s, any_handle(s));
		if (s->op % OPS_PER_CHECK == OPS_PER_CHECK - 1)
			check_region(s);
	}
	if (keyless)
		return;
	compare_walk(s, s->map);
	compare_batches(s, s->second, READ_BATCH);
	compare_iter(s, s->second);
}

static void random_walk(void)
{
	uint64_t total = RANDOM_OPS * (is_long ? LONG_FACTOR : 1u), done = 0;
	unsigned int maps = 0;
	struct subject s;

	state = seed;
	while (done < total) {
		if (!random_map(&s, all_types[below(sizeof(all_types) / sizeof(all_types[0]))]))
			continue;
		random_ops(&s);
		subject_close(&s);
		done += OPS_PER_MAP;
		operations += OPS_PER_MAP;
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
	if (lie.contents)
		s->model.values[0] ^= 1;
	for (uint32_t key = 0; key < SEQUENCE_KEYS; key++)
		compare_one(s, s->map, (unsigned char *)&key);
	compare_walk(s, s->map);
	compare_info(s, s->map);
}

static void drain(struct subject *s)
{
	for (uint32_t key = 0; key < SEQUENCE_KEYS; key++)
		op_take(s, (unsigned char *)&key);
}

/* Every sequence of `length` steps; returns how many were run. The sequence's number is s->op, its digits are the steps. */
static uint64_t sequences(struct subject *s, unsigned int length, uint32_t n)
{
	bool fresh = is_long || length <= FRESH_PREFIX;
	static unsigned char value[MAX_BYTES];
	uint64_t count = 1, run = 0;

	for (unsigned int i = 0; i < length; i++)
		count *= SEQUENCE_CHOICE;
	subject_open(s, s->model.type, 4, SEQUENCE_VALUE, n);
	for (s->op = 0; s->op < count; s->op++) {
		uint64_t rest = s->op;

		/* Keys are interchangeable in a hash: begin with the first one. */
		if (model_is_hash(s->model.type) && rest % SEQUENCE_CHOICE >= 4)
			continue;
		run++;
		operations += length;
		for (unsigned int i = 0; i < length; i++, rest /= SEQUENCE_CHOICE)
			step(s, (unsigned int)(rest % SEQUENCE_CHOICE), value);
		compare_all(s);
		if (fresh) {
			check_region(s);
			subject_close(s);
			subject_open(s, s->model.type, 4, SEQUENCE_VALUE, n);
		} else if (model_is_hash(s->model.type)) {
			drain(s);
		}
	}
	check_region(s);
	subject_close(s);
	return run;
}

static void exhaustive(uint32_t type, uint32_t flags, unsigned int longest)
{
	uint64_t total = 0;
	struct subject s;

	for (uint32_t n = 1; n <= SEQUENCE_KEYS; n++) {
		for (unsigned int length = 1; length <= longest; length++) {
			memset(&s, 0, sizeof(s));
			s.flags = flags;
			s.model.type = type;
			total += sequences(&s, length, n);
		}
	}
	printf("ok %u - exhaustive: type %u flags 0x%x, %" PRIu64
	       " sequences of up to %u operations\n",
	       ++points, type, flags, total, longest);
}

/* The walk ends with an error in a process that lies. */
static void canary(const char *sentence, uint32_t answer, bool contents)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		lie.answer = answer;
		lie.contents = contents;
		if (freopen("/dev/null", "w", stdout))
			exhaustive(BPF_MAP_TYPE_ARRAY, 0, 3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	points++;
	printf("%sok %u - %s (canary)\n",
	       WIFEXITED(status) && WEXITSTATUS(status) == 1 ? "" : "not ", points, sentence);
	failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 1;
}

int main(void)
{
	const char *text = getenv("BPFMAP_SEED");

	setvbuf(stdout, NULL, _IOLBF, 0);
	is_long = getenv("BPFMAP_LONG") && strcmp(getenv("BPFMAP_LONG"), "1") == 0;
	cpus_here = (uint32_t)libbpf_num_possible_cpus();
	seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
	exhaustive(BPF_MAP_TYPE_HASH, 0, SEQUENCE);
	exhaustive(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, SEQUENCE - 1);
	exhaustive(BPF_MAP_TYPE_ARRAY, 0, SEQUENCE - 1);
	exhaustive(BPF_MAP_TYPE_PERCPU_HASH, 0, SEQUENCE - 1);
	exhaustive(BPF_MAP_TYPE_PERCPU_HASH, BPF_F_NO_PREALLOC, SEQUENCE - 2);
	exhaustive(BPF_MAP_TYPE_PERCPU_ARRAY, 0, SEQUENCE - 2);
	random_walk();
	canary("a wrong answer is noticed", CANARY_ANSWER, false);
	canary("a wrong value is noticed", 0, true);
	printf("# figure: operations compared with the sequential model = %" PRIu64 " operations\n",
	       operations);
	printf("1..%u\n", points);
	return failed;
}
