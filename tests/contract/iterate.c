/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* iterate.c: GET_NEXT_KEY as a walk (SEMANTICS sections 3.1, 4, 5). Hash walks are compared as
 * sets: the order of a map with a random seed is nobody's promise. */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 500

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Walks until an error and prints the keys in ascending order, then the error. */
static void walk_sorted(int fd, const char *name)
{
	uint32_t keys[64], key;
	unsigned int n = 0;
	char text[1024];
	int len = 0;
	long result = map_next(fd, NULL, &key);

	while (result == 0 && n < 64) {
		keys[n++] = key;
		result = map_next(fd, &key, &key);
	}
	qsort(keys, n, sizeof(keys[0]), compare_u32);
	for (unsigned int i = 0; i < n; i++)
		len += snprintf(text + len, sizeof(text) - len, "%u ", keys[i]);
	snprintf(text + len, sizeof(text) - len, "%s", result_name(result));
	row_text(text, "iterate.%s", name);
}

static void walks(void)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 4, 4, 16, 0);
	uint32_t key;

	walk_sorted(fd, "hash.empty");
	for (key = 10; key < 26; key++)
		map_update(fd, &key, &key, 0);
	walk_sorted(fd, "hash.full");
	for (key = 11; key < 26; key += 2)
		map_delete(fd, &key);
	walk_sorted(fd, "hash.half");
	for (key = 10; key < 26; key += 2)
		map_delete(fd, &key);
	walk_sorted(fd, "hash.emptied");
	close(fd);
	fd = map_make(BPF_MAP_TYPE_ARRAY, 4, 4, 5, 0);
	walk_sorted(fd, "array");
	close(fd);
	fd = map_make(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0);
	walk_sorted(fd, "array.one");
	close(fd);
}

static void array_steps(void)
{
	static const uint32_t keys[] = {0, 1, 3, 4, 5, 6, 100, 0x7fffffff, 0x80000000, 0xffffffff};
	int fd = map_make(BPF_MAP_TYPE_ARRAY, 4, 4, 5, 0);
	struct line l;
	uint32_t next;

	line_begin(&l, "iterate.array.step");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		long result = map_next(fd, &keys[i], &next);

		line_add(&l, result ? result : (long)next, "%u", keys[i]);
	}
	line_end(&l);
	next = 77;
	row(map_next(fd, NULL, &next), "iterate.array.first");
	row(next, "iterate.array.first_key");
	close(fd);
}

static int hash_with_many(uint32_t flags)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 4, 4, MANY, flags);

	for (uint32_t key = 0; key < MANY; key++)
		map_update(fd, &key, &key, 0);
	return fd;
}

/* The key that is not there leads to the first one, whatever the first one is. */
static void hash_restarts(void)
{
	int fd = hash_with_many(0);
	uint32_t first, second, key = 100000, next;

	map_next(fd, NULL, &first);
	row(map_next(fd, &key, &next), "iterate.hash.absent_key");
	row(next == first, "iterate.hash.absent_key_restarts");
	map_next(fd, &first, &second);
	row(map_delete(fd, &first), "iterate.hash.delete_current");
	row(map_next(fd, &first, &next), "iterate.hash.next_of_deleted");
	row(next == second, "iterate.hash.next_of_deleted_restarts");
	row(map_next(fd, NULL, &next), "iterate.hash.first_after_delete");
	row(next == second, "iterate.hash.first_after_delete_is_second");
	close(fd);
}

static void hash_drain(uint32_t flags)
{
	int fd = hash_with_many(flags);
	unsigned int n = 0;
	uint32_t key;

	while (map_next(fd, NULL, &key) == 0 && n <= MANY) {
		if (map_delete(fd, &key))
			break;
		n++;
	}
	row(n, "iterate.hash.%x.drained", flags);
	row(map_next(fd, NULL, &key), "iterate.hash.%x.drained_then_next", flags);
	close(fd);
}

static void hash_all_seen(uint32_t flags)
{
	static unsigned char seen[MANY];
	int fd = hash_with_many(flags);
	unsigned int steps = 0, twice = 0, strange = 0;
	uint32_t key;
	long result = map_next(fd, NULL, &key);

	memset(seen, 0, sizeof(seen));
	while (result == 0 && steps++ < 10 * MANY) {
		if (key >= MANY)
			strange++;
		else if (seen[key]++)
			twice++;
		result = map_next(fd, &key, &key);
	}
	row(steps, "iterate.hash.%x.steps", flags);
	row(twice, "iterate.hash.%x.seen_twice", flags);
	row(strange, "iterate.hash.%x.strange", flags);
	row(result, "iterate.hash.%x.end", flags);
	close(fd);
}

/* Keys that are deleted behind the walk or inserted anywhere do not make it miss a stable key. */
static void hash_changing(void)
{
	static unsigned char seen[MANY];
	int fd = map_make(BPF_MAP_TYPE_HASH, 4, 4, 2 * MANY, 0);
	unsigned int stable = 0, steps = 0;
	uint32_t key, behind = 0, has_behind = 0;

	memset(seen, 0, sizeof(seen));
	for (key = 0; key < MANY; key++)
		map_update(fd, &key, &key, 0);
	if (map_next(fd, NULL, &key) == 0) {
		do {
			if (key < MANY && !seen[key]++)
				stable++;
			if (has_behind && behind % 3 == 0)
				map_delete(fd, &behind);
			behind = key;
			has_behind = 1;
		} while (map_next(fd, &key, &key) == 0 && steps++ < 4 * MANY);
	}
	row(stable, "iterate.hash.all_seen_while_deleting_behind");
	close(fd);
}

static void hash_zero_seed_repeats(void)
{
	int a = hash_with_many(BPF_F_ZERO_SEED), b = hash_with_many(BPF_F_ZERO_SEED);
	uint32_t x = 0, y = 0;
	unsigned int same = 0;
	long result_a = map_next(a, NULL, &x), result_b = map_next(b, NULL, &y);

	while (result_a == 0 && result_b == 0 && x == y && same++ < MANY) {
		result_a = map_next(a, &x, &x);
		result_b = map_next(b, &y, &y);
	}
	row(same, "iterate.hash.zero_seed_same_order");
	close(a);
	close(b);
}

static void hash_zero_seed_order(void)
{
	int fd = map_make(BPF_MAP_TYPE_HASH, 4, 4, 16, BPF_F_ZERO_SEED);
	char text[256];
	int len = 0;
	uint32_t key;

	for (key = 0; key < 16; key++)
		map_update(fd, &key, &key, 0);
	if (map_next(fd, NULL, &key) == 0) {
		do {
			len += snprintf(text + len, sizeof(text) - len, "%u ", key);
		} while (map_next(fd, &key, &key) == 0 && len < 200);
	}
	row_text(text, "iterate.hash.zero_seed_order");
	close(fd);
}

static void outputs(const struct type *t)
{
	int fd = map_fresh(t->number);
	struct line l;
	union req r;
	uint32_t key = 1;

	line_begin(&l, "iterate.%s.bad_output", t->name);
	for (int i = 0; i < BAD_ADDRESSES; i++) {
		req_elem(&r, fd, NULL, (void *)(uintptr_t)bad_addresses[i].address, 0);
		line_add(&l, bpf_try(BPF_MAP_GET_NEXT_KEY, &r), "first_%s", bad_addresses[i].name);
		req_elem(&r, fd, &key, (void *)(uintptr_t)bad_addresses[i].address, 0);
		line_add(&l, bpf_try(BPF_MAP_GET_NEXT_KEY, &r), "next_%s", bad_addresses[i].name);
	}
	line_end(&l);
	close(fd);
}

void section_iterate(void)
{
	page_edge();
	walks();
	array_steps();
	hash_restarts();
	hash_drain(0);
	hash_drain(BPF_F_NO_PREALLOC);
	hash_all_seen(0);
	hash_all_seen(BPF_F_NO_PREALLOC);
	hash_all_seen(BPF_F_ZERO_SEED);
	hash_changing();
	hash_zero_seed_repeats();
	hash_zero_seed_order();
	outputs(&types[0]);
	outputs(&types[1]);
}
