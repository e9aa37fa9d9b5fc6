/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_bloom.c: no value that was pushed is ever reported absent, also while others push; the rate of
 * false positives is what theory says, and what bpfmap_bloom_info() expects. Seeds are fixed
 * (BPF_F_ZERO_SEED), so a run gives the same figures each time.
 */
#include "bpfmap/bpfmap.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	  4
#define PROCESSES 2
#define PUSHES	  4000u /* of each of them */
#define FILL	  4096u /* values of the filters whose rate is measured */
#define ASKED	  200000u

static struct bpfmap *map_make(uint32_t value_size, uint32_t n, uint32_t hashes)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_BLOOM_FILTER,
					  .value_size = value_size,
					  .max_entries = n,
					  .map_flags = BPF_F_ZERO_SEED,
					  .map_extra = hashes,
					  .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map = NULL;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

struct pusher {
	struct bpfmap *map;
	uint64_t who;
	unsigned int lost;
};

/* Push, look at once, and look again at everything that was pushed so far now and then. */
static void *push_many(void *arg)
{
	struct pusher *p = arg;

	for (uint64_t i = 0; i < PUSHES; i++) {
		uint64_t value = p->who << 32 | i;

		if (bpfmap_push(p->map, &value, BPF_ANY))
			p->lost++;
		p->lost += bpfmap_peek(p->map, &value) != 0;
		for (uint64_t k = 0; i % 500 == 499 && k <= i; k++) {
			value = p->who << 32 | k;
			p->lost += bpfmap_peek(p->map, &value) != 0;
		}
	}
	return NULL;
}

static void no_false_negatives(uint32_t hashes)
{
	uint32_t n = (THREADS + PROCESSES) * PUSHES;
	struct bpfmap *map = map_make(8, n, hashes);
	struct pusher pushers[THREADS + PROCESSES];
	pthread_t threads[THREADS];
	pid_t pids[PROCESSES];
	int status;

	for (uint64_t i = 0; i < THREADS + PROCESSES; i++)
		pushers[i] = (struct pusher){map, i + 1, 0};
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			push_many(&pushers[THREADS + i]);
			_exit(pushers[THREADS + i].lost != 0);
		}
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, push_many, &pushers[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(pushers[i].lost, 0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	for (uint64_t who = 1; who <= THREADS + PROCESSES; who++) {
		for (uint64_t i = 0; i < PUSHES; i++) {
			uint64_t value = who << 32 | i;

			assert_int_equal(bpfmap_peek(map, &value), 0);
		}
	}
	bpfmap_close(map);
}

static void push__is_seen_at_once_and_for_ever_while_others_push(void **state)
{
	no_false_negatives(1);
	no_false_negatives(5);
	no_false_negatives(15);
}

static void value_of(unsigned char *value, uint32_t size, uint64_t number)
{
	memset(value, 0x33, size);
	memcpy(value, &number, size < sizeof(number) ? size : sizeof(number));
}

/* The share of values that were never pushed and are reported present. */
static double measure(struct bpfmap *map, uint32_t value_size)
{
	unsigned char value[64];
	uint32_t positive = 0;

	for (uint32_t i = 0; i < FILL; i++) {
		value_of(value, value_size, i);
		assert_int_equal(bpfmap_push(map, value, BPF_ANY), 0);
	}
	for (uint32_t i = 0; i < ASKED; i++) {
		value_of(value, value_size, (1ull << 24) + i);
		positive += bpfmap_peek(map, value) == 0;
	}
	return (double)positive / ASKED;
}

/* Standard deviations of a measured share around `rate`. */
static double deviations(double measured, double rate)
{
	return fabs(measured - rate) / sqrt(rate * (1 - rate) / ASKED + 1e-10);
}

static void rate_of(uint32_t hashes, uint32_t value_size)
{
	struct bpfmap *map = map_make(value_size, FILL, hashes);
	struct bpfmap_bloom_info info;
	double measured, theory;

	assert_int_equal(bpfmap_bloom_info(map, &info), 0);
	assert_int_equal(info.bits_set, 0);
	assert_true(info.false_positive_rate == 0);
	measured = measure(map, value_size);
	assert_int_equal(bpfmap_bloom_info(map, &info), 0);
	assert_int_equal(info.hashes, hashes);
	assert_in_range(info.bits_set, 1, info.bits);
	theory = pow(1 - exp(-(double)hashes * FILL / (double)info.bits), hashes);
	print_message("k %2u value %2u: measured %.6f expected %.6f theory %.6f bits %llu\n",
		      hashes, value_size, measured, info.false_positive_rate, theory,
		      (unsigned long long)info.bits);
	assert_true(deviations(measured, info.false_positive_rate) < 5);
	/* Blocks cost a fifth of the rate at most (bloom.c); 5 standard deviations for chance. */
	assert_true(measured < 1.2 * theory + 5 * sqrt(theory / ASKED) + 1.0 / ASKED);
	bpfmap_close(map);
}

static void peek__false_positives_are_what_theory_says_for_1_to_15_hashes(void **state)
{
	for (uint32_t hashes = 1; hashes <= 15; hashes++) {
		rate_of(hashes, 8);
		rate_of(hashes, 37);
	}
}

static void create__no_hashes_given_means_5(void **state)
{
	struct bpfmap *map = map_make(8, 100, 0);
	struct bpfmap_bloom_info info;

	assert_int_equal(bpfmap_bloom_info(map, &info), 0);
	assert_int_equal(info.hashes, 5);
	bpfmap_close(map);
}

static void zero_seed__two_filters_answer_alike(void **state)
{
	struct bpfmap *a = map_make(8, 64, 3), *b = map_make(8, 64, 3);

	for (uint64_t i = 0; i < 64; i++) {
		assert_int_equal(bpfmap_push(a, &i, BPF_ANY), 0);
		assert_int_equal(bpfmap_push(b, &i, BPF_ANY), 0);
	}
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(bpfmap_peek(a, &i), bpfmap_peek(b, &i));
	bpfmap_close(a);
	bpfmap_close(b);
}

static void check__a_filter_is_sound_before_and_after_pushes(void **state)
{
	struct bpfmap *map = map_make(8, 100, 7);
	uint64_t value = 1;

	assert_int_equal(bpfmap_check(map), 0);
	assert_int_equal(bpfmap_push(map, &value, BPF_ANY), 0);
	assert_int_equal(bpfmap_check(map), 0);
	bpfmap_close(map);
}

static void push__every_flag_is_EINVAL(void **state)
{
	struct bpfmap *map = map_make(8, 100, 7);
	uint64_t value = 1;

	for (int bit = 0; bit < 64; bit++)
		assert_int_equal(bpfmap_push(map, &value, 1ull << bit), -EINVAL);
	assert_int_equal(bpfmap_peek(map, &value), -ENOENT);
	assert_int_equal(bpfmap_freeze(map), 0);
	assert_int_equal(bpfmap_push(map, &value, BPF_ANY), -EPERM);
	bpfmap_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(push__is_seen_at_once_and_for_ever_while_others_push),
		cmocka_unit_test(peek__false_positives_are_what_theory_says_for_1_to_15_hashes),
		cmocka_unit_test(create__no_hashes_given_means_5),
		cmocka_unit_test(zero_seed__two_filters_answer_alike),
		cmocka_unit_test(check__a_filter_is_sound_before_and_after_pushes),
		cmocka_unit_test(push__every_flag_is_EINVAL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
