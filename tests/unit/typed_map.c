/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* typed_map.c: the functions that <bpfmap/typed.h> defines, over each kind of map. */
#include <bpfmap/typed.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct flow_key {
	uint32_t host;
	uint16_t port;
	uint16_t zero;
};

struct flow_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t last_ns;
};

struct word {
	uint64_t bits;
};

struct odd {
	uint32_t words[3]; /* not a multiple of 8 */
};

BPFMAP_DEFINE(flow_map, struct flow_key, struct flow_stats);
BPFMAP_DEFINE(flow_words, struct flow_key, struct word);
BPFMAP_DEFINE(index_map, uint32_t, uint32_t);
BPFMAP_DEFINE_ARRAY(word_array, struct word);
BPFMAP_DEFINE_ARRAY(odd_array, struct odd);
BPFMAP_DEFINE_PERCPU(load_map, uint32_t, struct flow_stats);
BPFMAP_DEFINE(load_plain, uint32_t, struct flow_stats);
BPFMAP_DEFINE_BLOOM(flow_filter, struct flow_key);

#define ENTRIES 100

static struct bpfmap_create_opts opts_of(uint32_t type)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts), .type = type, .max_entries = ENTRIES};

	return opts;
}

static struct flow_key key_of(uint32_t i)
{
	struct flow_key key = {.host = i * 7, .port = (uint16_t)i};

	return key;
}

static struct flow_map flows_filled(void)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_HASH);
	struct flow_map flows = {NULL};

	assert_int_equal(flow_map_create(&opts, &flows), 0);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		struct flow_stats stats = {.packets = i, .bytes = i * 100};
		struct flow_key key = key_of(i);

		assert_int_equal(flow_map_update(&flows, &key, &stats, BPF_NOEXIST), 0);
	}
	return flows;
}

static void create__fills_the_sizes_in(void **state)
{
	struct flow_map flows = flows_filled();
	struct bpfmap_info info;

	assert_int_equal(bpfmap_get_info(flows.map, &info), 0);
	assert_int_equal(info.key_size, sizeof(struct flow_key));
	assert_int_equal(info.value_size, sizeof(struct flow_stats));
	flow_map_close(&flows);
	assert_null(flows.map);
}

static void create__refuses_other_sizes(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_HASH);
	struct flow_map flows = {NULL};

	opts.value_size = 16;
	assert_int_equal(flow_map_create(&opts, &flows), -EINVAL);
	assert_string_equal(bpfmap_last_error(),
			    "value_size: map has 16, struct flow_stats has 24");
	assert_null(flows.map);
}

static void create__passes_the_librarys_errors_on(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_ARRAY);
	struct flow_map flows = {NULL};

	assert_int_equal(flow_map_create(&opts, &flows),
			 -EINVAL); /* the key of an array is 4 bytes */
	opts = opts_of(BPF_MAP_TYPE_HASH);
	opts.max_entries = 0;
	assert_int_equal(flow_map_create(&opts, &flows), -EINVAL);
	assert_string_not_equal(bpfmap_last_error(), "");
}

static void elements__are_read_updated_and_deleted(void **state)
{
	struct flow_map flows = flows_filled();
	struct flow_stats stats = {.packets = 1}, *found;
	struct flow_key key = key_of(42), next;

	assert_int_equal(flow_map_read(&flows, &key, &stats), 0);
	assert_int_equal(stats.packets, 42);
	assert_int_equal(stats.bytes, 4200);
	found = flow_map_lookup(&flows, &key);
	assert_non_null(found);
	found->packets++;
	assert_int_equal(flow_map_lookup(&flows, &key)->packets, 43);
	assert_int_equal(flow_map_update(&flows, &key, &stats, BPF_NOEXIST), -EEXIST);
	assert_int_equal(flow_map_delete(&flows, &key), 0);
	assert_int_equal(flow_map_delete(&flows, &key), -ENOENT);
	assert_null(flow_map_lookup(&flows, &key));
	assert_int_equal(flow_map_update(&flows, &key, &stats, BPF_EXIST), -ENOENT);
	assert_int_equal(flow_map_next_key(&flows, NULL, &next), 0);
	flow_map_close(&flows);
}

static void for_each__sees_every_element_once(void **state)
{
	struct flow_map flows = flows_filled();
	uint8_t seen[ENTRIES] = {0};
	struct flow_map_iter it;
	unsigned int count = 0;

	bpfmap_for_each(flow_map, &flows, &it)
	{
		struct flow_key key = key_of((uint32_t)it.value->packets);

		assert_memory_equal(it.key, &key, sizeof(key));
		assert_int_equal(seen[it.value->packets]++, 0);
		count++;
	}
	assert_int_equal(it.err, 0);
	assert_int_equal(count, ENTRIES);
	assert_null(it.iter);
	flow_map_close(&flows);
}

static void for_each__ends_early_without_a_leak(void **state)
{
	struct flow_map flows = flows_filled();
	struct flow_map_iter it;

	bpfmap_for_each(flow_map, &flows, &it)
	{
		flow_map_iter_end(&it);
		break;
	}
	assert_int_equal(it.err, 0);
	assert_null(it.iter);
	flow_map_close(&flows);
}

static void for_each__of_an_empty_map_does_nothing(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_HASH);
	struct flow_map_iter it;
	struct flow_map flows = {NULL};

	assert_int_equal(flow_map_create(&opts, &flows), 0);
	bpfmap_for_each(flow_map, &flows, &it) fail();
	assert_int_equal(it.err, 0);
	flow_map_close(&flows);
}

static void open_fd__compares_the_sizes(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_HASH);
	struct flow_words words = {NULL};
	struct index_map indexes = {NULL};
	struct flow_map flows = {NULL}, again = {NULL};
	struct flow_key key = key_of(1);
	struct flow_stats stats = {.packets = 5};
	int fd;

	opts.memory = BPFMAP_MEMORY_SHARED;
	assert_int_equal(flow_map_create(&opts, &flows), 0);
	fd = bpfmap_fd(flows.map);
	assert_true(fd >= 0);
	assert_int_equal(flow_words_open_fd(fd, 0, &words), -EINVAL);
	assert_string_equal(bpfmap_last_error(), "value_size: map has 24, struct word has 8");
	assert_int_equal(index_map_open_fd(fd, 0, &indexes), -EINVAL);
	assert_string_equal(bpfmap_last_error(), "key_size: map has 8, uint32_t has 4");
	assert_null(words.map);
	assert_null(indexes.map);
	assert_int_equal(flow_map_open_fd(fd, 0, &again), 0);
	assert_int_equal(flow_map_update(&flows, &key, &stats, BPF_ANY), 0);
	assert_int_equal(flow_map_lookup(&again, &key)->packets, 5);
	flow_map_close(&again);
	flow_map_close(&flows);
	close(fd);
}

static void open__opens_a_pin_and_names_what_is_missing(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_HASH);
	const char *path = "/sys/fs/bpf/typed_map_test";
	char dir[] = "/dev/shm/typed_map.XXXXXX", left[64];
	struct flow_map flows = {NULL}, again = {NULL};
	struct bpfmap_info info;
	int err;

	assert_non_null(mkdtemp(dir));
	setenv("BPFMAP_DIR", dir, 1);
	assert_int_equal(flow_map_open("/sys/fs/bpf/typed_map_nosuch", 0, &again), -ENOENT);
	assert_string_not_equal(bpfmap_last_error(), "");
	opts.memory = BPFMAP_MEMORY_SHARED;
	assert_int_equal(flow_map_create(&opts, &flows), 0);
	err = bpfmap_pin(flows.map, path);
	assert_int_equal(err, 0);
	assert_int_equal(flow_map_open(path, BPFMAP_OPEN_RDONLY, &again), 0);
	assert_int_equal(bpfmap_get_info(again.map, &info), 0);
	assert_true(info.readonly);
	flow_map_close(&again);
	flow_map_close(&flows);
	snprintf(left, sizeof(left), "%s/typed_map_test", dir);
	assert_int_equal(unlink(left), 0);
	snprintf(left, sizeof(left), "%s/.ids", dir);
	assert_int_equal(unlink(left), 0);
	assert_int_equal(rmdir(dir), 0);
	unsetenv("BPFMAP_DIR");
}

static void arrays__have_typed_elements(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_ARRAY);
	struct index_map_iter it;
	struct index_map squares = {NULL};
	uint64_t sum = 0;

	assert_int_equal(index_map_create(&opts, &squares), 0);
	for (uint32_t i = 0; i < ENTRIES; i++)
		*index_map_lookup(&squares, &i) = i * i;
	bpfmap_for_each(index_map, &squares, &it) sum += *it.value == *it.key * *it.key;
	assert_int_equal(it.err, 0);
	assert_int_equal(sum, ENTRIES);
	index_map_close(&squares);
}

static void percpu__values_come_as_arrays(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_PERCPU_HASH);
	struct flow_stats *values, one;
	struct load_map_iter it;
	struct load_map loads = {NULL};
	uint32_t key = 3, cpus;

	assert_int_equal(load_map_create(&opts, &loads), 0);
	cpus = load_map_cpus(&loads);
	values = test_calloc(cpus, sizeof(*values));
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		values[cpu].packets = 10 + cpu;
	assert_int_equal(load_map_update(&loads, &key, values, BPF_ANY), 0);
	memset(values, 0, cpus * sizeof(*values));
	assert_int_equal(load_map_read(&loads, &key, values), 0);
	bpfmap_for_each(load_map, &loads, &it)
		assert_memory_equal(it.value, values, cpus * sizeof(*values));
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		assert_int_equal(values[cpu].packets, 10 + cpu);
		assert_int_equal(load_map_lookup_cpu(&loads, &key, cpu)->packets, 10 + cpu);
		assert_int_equal(load_map_read_cpu(&loads, &key, cpu, &one), 0);
		assert_int_equal(one.packets, 10 + cpu);
	}
	assert_int_equal(load_map_read_cpu(&loads, &key, cpus, &one), -EINVAL);
	test_free(values);
	load_map_close(&loads);
}

static void percpu__lookup_gives_the_entered_cpus_value(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_PERCPU_ARRAY);
	struct load_map loads = {NULL};
	uint32_t key = 0;
	int cpu;

	assert_int_equal(load_map_create(&opts, &loads), 0);
	cpu = load_map_cpu_enter(&loads);
	assert_true(cpu >= 0);
	load_map_lookup(&loads, &key)->packets += 5;
	load_map_cpu_leave(&loads);
	assert_int_equal(load_map_lookup_cpu(&loads, &key, (uint32_t)cpu)->packets, 5);
	load_map_close(&loads);
}

/* Its read would write all CPUs' values into one. */
static void percpu__is_refused_by_a_definition_for_one_value(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_PERCPU_ARRAY);
	struct load_plain plain = {NULL};
	struct load_map loads = {NULL};
	uint32_t cpus;

	assert_int_equal(load_map_create(&opts, &loads), 0);
	cpus = load_map_cpus(&loads);
	load_map_close(&loads);
	if (cpus == 1)
		skip();
	assert_int_equal(load_plain_create(&opts, &plain), -EINVAL);
	assert_non_null(strstr(bpfmap_last_error(), "use BPFMAP_DEFINE_PERCPU"));
	assert_null(plain.map);
}

static void bloom__is_pushed_and_peeked(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_BLOOM_FILTER);
	struct flow_filter filter = {NULL};
	struct flow_map flows = {NULL};

	assert_int_equal(flow_map_create(&opts, &flows), -EINVAL); /* it has no keys */
	assert_int_equal(flow_filter_create(&opts, &filter), 0);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		struct flow_key key = key_of(i);

		assert_int_equal(flow_filter_push(&filter, &key), 0);
		assert_int_equal(flow_filter_peek(&filter, &key), 0);
	}
	flow_filter_close(&filter);
	assert_int_equal(flow_filter_create(&opts, &filter), 0);
	assert_int_equal(flow_filter_peek(&filter, &(struct flow_key){.host = 1}), -ENOENT);
	flow_filter_close(&filter);
}

static void array__is_found_where_lookup_finds_it(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_ARRAY);
	struct bpfmap_array_view view;
	struct odd_array odds = {.map = NULL};
	struct word_array words = {.map = NULL};
	struct odd value;

	assert_int_equal(odd_array_create(&opts, &odds), 0);
	assert_int_equal(word_array_create(&opts, &words), 0);
	assert_int_equal(bpfmap_array_get_view(odds.map, &view), 0);
	assert_int_equal(view.max_entries, ENTRIES);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		value = (struct odd){{i, i * 2, i * 3}};
		assert_int_equal(odd_array_update(&odds, &i, &value, BPF_ANY), 0);
		assert_ptr_equal(odd_array_at(&odds, i), bpfmap_lookup(odds.map, &i));
		assert_ptr_equal(bpfmap_array_at(&view, i), bpfmap_lookup(odds.map, &i));
		assert_ptr_equal(word_array_lookup(&words, &i), bpfmap_lookup(words.map, &i));
		assert_int_equal(odd_array_at(&odds, i)->words[2], i * 3);
	}
	assert_null(odd_array_at(&odds, ENTRIES));
	assert_null(word_array_at(&words, UINT32_MAX));
	assert_null(bpfmap_array_at(&view, ENTRIES));
	odd_array_close(&odds);
	word_array_close(&words);
}

static void array__of_another_type_is_ENOTSUP(void **state)
{
	struct bpfmap_create_opts opts = opts_of(BPF_MAP_TYPE_HASH);
	struct word_array words = {.map = NULL};
	struct flow_map flows = flows_filled();
	struct bpfmap_array_view view;

	assert_int_equal(word_array_create(&opts, &words), -ENOTSUP);
	assert_null(words.map);
	assert_int_equal(bpfmap_array_get_view(flows.map, &view), -ENOTSUP);
	flow_map_close(&flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create__fills_the_sizes_in),
		cmocka_unit_test(create__refuses_other_sizes),
		cmocka_unit_test(create__passes_the_librarys_errors_on),
		cmocka_unit_test(elements__are_read_updated_and_deleted),
		cmocka_unit_test(for_each__sees_every_element_once),
		cmocka_unit_test(for_each__ends_early_without_a_leak),
		cmocka_unit_test(for_each__of_an_empty_map_does_nothing),
		cmocka_unit_test(open_fd__compares_the_sizes),
		cmocka_unit_test(open__opens_a_pin_and_names_what_is_missing),
		cmocka_unit_test(arrays__have_typed_elements),
		cmocka_unit_test(percpu__values_come_as_arrays),
		cmocka_unit_test(percpu__lookup_gives_the_entered_cpus_value),
		cmocka_unit_test(percpu__is_refused_by_a_definition_for_one_value),
		cmocka_unit_test(bloom__is_pushed_and_peeked),
		cmocka_unit_test(array__is_found_where_lookup_finds_it),
		cmocka_unit_test(array__of_another_type_is_ENOTSUP),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
