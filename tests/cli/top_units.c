/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_units.c: what bpfmap top works out, without maps and without a terminal: rates, order, filters, numbers
 * for people, and the first elements. */
#include "cli/top_model.h"
#include "cli/top_rank.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static void near(double got, double wanted)
{
	if (!(fabs(got - wanted) <= 1e-9 * (1 + fabs(wanted))))
		fail_msg("%.17g is not %.17g", got, wanted);
}

/* ---- looks ---- */

static struct top_facts facts_of(uint32_t id, uint64_t updates)
{
	struct top_facts facts = {.id = id,
				  .type = "hash",
				  .max_entries = 100,
				  .entries_known = true,
				  .entries = id,
				  .memory_known = true,
				  .memory_bytes = 4096};

	snprintf(facts.name, sizeof(facts.name), "map%u", id);
	facts.counted[TOP_COUNT_UPDATES] = true;
	facts.counter[TOP_COUNT_UPDATES] = updates;
	return facts;
}

static void look(struct top_model *model, uint64_t at, const struct top_facts *facts, size_t count)
{
	top_model_begin(model, at);
	for (size_t i = 0; i < count; i++)
		top_model_add(model, &facts[i]);
	top_model_end(model);
}

static double updates_of(const struct top_model *model, uint32_t id)
{
	const struct top_map *map = top_model_find(model, TOP_USER, id);

	assert_non_null(map);
	return top_value(model, map, TOP_UPDATES).number;
}

static void a_rate_needs_two_looks(void **state)
{
	struct top_model model = {0};
	struct top_facts facts = facts_of(1, 100);

	(void)state;
	look(&model, 5 * SECOND, &facts, 1);
	assert_true(isnan(updates_of(&model, 1)));
	facts.counter[TOP_COUNT_UPDATES] = 150;
	look(&model, 7 * SECOND, &facts, 1);
	near(updates_of(&model, 1), 25);
	assert_true(isnan(top_value(&model, &model.map[0], TOP_DELETES).number));
	top_model_free(&model);
}

static void a_counter_that_fell_has_no_rate(void **state)
{
	struct top_model model = {0};
	struct top_facts facts = facts_of(1, 100);

	(void)state;
	look(&model, 1 * SECOND, &facts, 1);
	facts.counter[TOP_COUNT_UPDATES] = 99;
	look(&model, 2 * SECOND, &facts, 1);
	assert_true(isnan(updates_of(&model, 1)));
	facts.counter[TOP_COUNT_UPDATES] = 109;
	look(&model, 3 * SECOND, &facts, 1);
	near(updates_of(&model, 1), 10);
	/* No time between two looks: no rate, no division by it. */
	look(&model, 3 * SECOND, &facts, 1);
	assert_true(isnan(updates_of(&model, 1)));
	assert_true(isnan(top_rate(UINT64_MAX, 0, SECOND)));
	near(top_rate(0, UINT64_MAX, SECOND), 18446744073709551616.0);
	top_model_free(&model);
}

static void another_map_of_the_same_id_has_no_rate(void **state)
{
	struct top_model model = {0};
	struct top_facts facts = facts_of(1, 100);

	(void)state;
	facts.created_ns = 1;
	look(&model, 1 * SECOND, &facts, 1);
	facts = facts_of(1, 200);
	facts.created_ns = 2;
	look(&model, 2 * SECOND, &facts, 1);
	assert_true(isnan(updates_of(&model, 1)));
	top_model_free(&model);
}

static void maps_come_and_go(void **state)
{
	struct top_model model = {0};
	struct top_facts facts[3] = {facts_of(7, 0), facts_of(2, 0), facts_of(5, 0)};

	(void)state;
	facts[0].pins = strdup("/a\n/b");
	look(&model, 1 * SECOND, facts, 3);
	assert_int_equal(model.count, 3);
	look(&model, 2 * SECOND, &facts[1], 1);
	assert_int_equal(model.count, 1);
	assert_int_equal(model.shown, 1);
	assert_null(top_model_find(&model, TOP_USER, 7));
	assert_null(top_model_find(&model, TOP_KERNEL, 2));
	facts[0] = facts_of(7, 1000);
	look(&model, 3 * SECOND, facts, 2);
	/* It was away: what it counted meanwhile is no rate. */
	assert_true(isnan(updates_of(&model, 7)));
	near(updates_of(&model, 2), 0);
	look(&model, 4 * SECOND, NULL, 0);
	assert_int_equal(model.shown, 0);
	top_model_free(&model);
}

/* ---- order ---- */

static void order_is(const struct top_model *model, const char *ids)
{
	char text[64] = "";

	for (size_t i = 0; i < model->shown; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", i ? " " : "",
			 model->map[model->order[i]].facts.id);
	assert_string_equal(text, ids);
}

static void equal_maps_keep_their_places(void **state)
{
	struct top_model model = {.sort = TOP_MEMORY};
	struct top_facts facts[4] = {facts_of(4, 0), facts_of(3, 0), facts_of(9, 0),
				     facts_of(1, 0)};

	(void)state;
	facts[2].memory_bytes = 1 << 20;
	for (uint64_t at = 1; at < 20; at++) {
		struct top_facts first = facts[0];

		look(&model, at * SECOND, facts, 4);
		order_is(&model, "9 1 3 4");
		memmove(facts, facts + 1, 3 * sizeof(*facts));
		facts[3] = first;
	}
	model.ascending = true;
	top_model_order(&model);
	order_is(&model, "1 3 4 9");
	model.sort = TOP_NAME;
	top_model_order(&model);
	order_is(&model, "1 3 4 9");
	model.ascending = false;
	top_model_order(&model);
	order_is(&model, "9 4 3 1");
	top_model_free(&model);
}

static void what_is_not_known_comes_last_in_both_directions(void **state)
{
	struct top_model model = {.sort = TOP_FULL};
	struct top_facts facts[3] = {facts_of(1, 0), facts_of(2, 0), facts_of(3, 0)};

	(void)state;
	facts[1].entries_known = false;
	look(&model, SECOND, facts, 3);
	order_is(&model, "3 1 2");
	model.ascending = true;
	top_model_order(&model);
	order_is(&model, "1 3 2");
	top_model_free(&model);
}

static void an_array_is_neither_full_nor_empty(void **state)
{
	struct top_model model = {.sort = TOP_FULL};
	struct top_facts facts[3] = {facts_of(1, 0), facts_of(100, 0), facts_of(3, 0)};

	(void)state;
	facts[1].always_full = true;
	look(&model, SECOND, facts, 3);
	order_is(&model, "3 1 100");
	assert_string_equal(top_absent(top_model_find(&model, TOP_USER, 100), TOP_FULL, "-"),
			    "all");
	assert_string_equal(top_absent(top_model_find(&model, TOP_USER, 100), TOP_AGE, "-"), "-");
	assert_string_equal(top_absent(top_model_find(&model, TOP_USER, 3), TOP_FULL, "-"), "-");
	top_model_free(&model);
}

static void a_filter_looks_at_names_types_pins_and_ids(void **state)
{
	struct top_model model = {.sort = TOP_ID, .ascending = true};
	struct top_facts facts[3] = {facts_of(1, 0), facts_of(12, 0), facts_of(3, 0)};

	(void)state;
	facts[2].world = TOP_KERNEL;
	facts[2].type = "lru_hash";
	facts[0].pins = strdup("/sys/fs/bpf/Flows");
	look(&model, SECOND, facts, 3);
	strcpy(model.filter, "flow");
	top_model_order(&model);
	order_is(&model, "1");
	strcpy(model.filter, "KERNEL");
	top_model_order(&model);
	order_is(&model, "3");
	strcpy(model.filter, "map1");
	top_model_order(&model);
	order_is(&model, "1 12");
	strcpy(model.filter, "12");
	top_model_order(&model);
	order_is(&model, "12");
	strcpy(model.filter, "nothing");
	top_model_order(&model);
	order_is(&model, "");
	top_model_free(&model);
}

/* ---- numbers for people ---- */

static void formatted(enum top_unit unit, double number, const char *text)
{
	char got[32];

	top_format(got, sizeof(got), unit, number, "none");
	assert_string_equal(got, text);
}

static void numbers_for_people(void **state)
{
	char line[8];

	(void)state;
	formatted(TOP_UNIT_RATE, NAN, "none");
	formatted(TOP_UNIT_RATE, 0, "0");
	formatted(TOP_UNIT_RATE, 0.25, "0.2");
	formatted(TOP_UNIT_RATE, 99999, "99999");
	formatted(TOP_UNIT_RATE, 123456, "123k");
	formatted(TOP_UNIT_RATE, 1234567, "1.2M");
	formatted(TOP_UNIT_RATE, -1234567, "-1.2M");
	formatted(TOP_UNIT_RATE, 1.8e19, "18E");
	formatted(TOP_UNIT_PERCENT, 100, "100.0%");
	formatted(TOP_UNIT_BYTES, 1023, "1023");
	formatted(TOP_UNIT_BYTES, 1536, "1.5K");
	formatted(TOP_UNIT_BYTES, 80.0 * 1024 * 1024, "80M");
	formatted(TOP_UNIT_SECONDS, 7.6, "8s");
	formatted(TOP_UNIT_COUNT, 4294967295.0, "4294967295");
	top_join(line, sizeof(line), "a\nb");
	assert_string_equal(line, "a, b");
	top_join(line, sizeof(line), "long enough");
	assert_true(strlen(line) < sizeof(line));
	top_join(line, sizeof(line), NULL);
	assert_string_equal(line, "");
}

/* ---- elements ---- */

static void rates_of_numbers(void **state)
{
	struct field_value a = {.kind = FIELD_UNSIGNED}, b = a;

	(void)state;
	b.number = 50;
	near(top_rank_rate(&a, &b, 64, SECOND / 2), 100);
	/* A gauge falls. */
	near(top_rank_rate(&b, &a, 64, SECOND), -50);
	/* Counters wrap around, of 64 bits and of fewer. */
	a.number = UINT64_MAX - 4;
	b.number = 5;
	near(top_rank_rate(&a, &b, 64, SECOND), 10);
	a.number = UINT32_MAX - 4;
	near(top_rank_rate(&a, &b, 32, SECOND), 10);
	a.kind = b.kind = FIELD_SIGNED;
	a.number = (uint64_t)-3;
	b.number = 4;
	near(top_rank_rate(&a, &b, 32, SECOND), 7);
	a.kind = b.kind = FIELD_FLOAT;
	a.real = 1.5;
	b.real = 2;
	near(top_rank_rate(&a, &b, 64, SECOND), 0.5);
	assert_true(isnan(top_rank_rate(&a, &b, 64, 0)));
}

static void ranked_is(const struct top_rank *rank, enum top_rank_by by, const char *keys)
{
	const struct top_ranked *ranked = &rank->ranked[by];
	char text[256] = "";
	uint32_t key;

	for (size_t i = 0; i < ranked->count; i++) {
		memcpy(&key, ranked->data + i * (rank->key_size + rank->value_size), sizeof(key));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", i ? " " : "",
			 key);
	}
	assert_string_equal(text, keys);
}

static void element_add(struct top_rank *rank, uint32_t key, uint64_t value)
{
	const struct field_value number = {.kind = FIELD_UNSIGNED, .number = value};

	top_rank_add(rank, &key, &value, &number);
}

static void the_first_by_value_and_by_rate(void **state)
{
	struct top_rank rank = {.key_size = 4, .value_size = 8, .bits = 64, .limit = 3};

	(void)state;
	top_rank_begin(&rank, SECOND);
	for (uint32_t key = 0; key < 5; key++)
		element_add(&rank, key, key * 100);
	ranked_is(&rank, TOP_BY_VALUE, "4 3 2");
	assert_true(isnan(rank.ranked[TOP_BY_RATE].figure[0].rate));
	top_rank_begin(&rank, 3 * SECOND);
	/* 1 rises by 20, 2 falls, 9 is new, 0 and 4 stay: equal rates stand in order of keys. */
	element_add(&rank, 4, 400);
	element_add(&rank, 9, 900);
	element_add(&rank, 2, 150);
	element_add(&rank, 1, 120);
	element_add(&rank, 0, 0);
	ranked_is(&rank, TOP_BY_VALUE, "9 4 2");
	ranked_is(&rank, TOP_BY_RATE, "1 0 4");
	near(rank.ranked[TOP_BY_RATE].figure[0].rate, 10);
	rank.ascending = true;
	top_rank_begin(&rank, 4 * SECOND);
	element_add(&rank, 9, 900);
	element_add(&rank, 2, 100);
	element_add(&rank, 5, 5);
	element_add(&rank, 1, 121);
	ranked_is(&rank, TOP_BY_VALUE, "5 2 1");
	ranked_is(&rank, TOP_BY_RATE, "2 9 1");
	top_rank_free(&rank);
}

/* Against sorting all of them, with a generator of fixed seed. */
static int value_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return x[1] == y[1] ? memcmp(x, y, 4) : x[1] < y[1] ? 1 : -1;
}

static void the_first_of_many(void **state)
{
	enum { COUNT = 5000, FIRST = 50 };
	struct top_rank rank = {.key_size = 4, .value_size = 8, .bits = 64, .limit = FIRST};
	uint64_t(*all)[2] = calloc(COUNT, sizeof(*all)), seed = 42;

	(void)state;
	for (uint64_t walk = 1; walk <= 3; walk++) {
		top_rank_begin(&rank, walk * SECOND);
		for (uint32_t i = 0; i < COUNT; i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			all[i][0] = i;
			all[i][1] = seed >> 54;
			element_add(&rank, i, all[i][1]);
		}
		qsort(all, COUNT, sizeof(*all), value_compare);
		for (size_t i = 0; i < FIRST; i++)
			assert_memory_equal(rank.ranked[TOP_BY_VALUE].data + i * 12, &all[i][0], 4);
		assert_int_equal(rank.elements, COUNT);
		assert_true(walk == 1 || !isnan(rank.ranked[TOP_BY_RATE].figure[0].rate));
	}
	free(all);
	top_rank_free(&rank);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_needs_two_looks),
		cmocka_unit_test(a_counter_that_fell_has_no_rate),
		cmocka_unit_test(another_map_of_the_same_id_has_no_rate),
		cmocka_unit_test(maps_come_and_go),
		cmocka_unit_test(equal_maps_keep_their_places),
		cmocka_unit_test(what_is_not_known_comes_last_in_both_directions),
		cmocka_unit_test(an_array_is_neither_full_nor_empty),
		cmocka_unit_test(a_filter_looks_at_names_types_pins_and_ids),
		cmocka_unit_test(numbers_for_people),
		cmocka_unit_test(rates_of_numbers),
		cmocka_unit_test(the_first_by_value_and_by_rate),
		cmocka_unit_test(the_first_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
