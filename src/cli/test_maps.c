/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test_maps.c: maps before and after a case.
 *
 * Of a map named in expect: maps:, each element that is listed must be there with this value, as
 * far as the value says, or be absent; each that is not listed must be as it was before the run.
 * changes: compares numbers with what they were. A map with values per CPU is given its value on
 * CPU 0, zeroes on the others, and compared by the sum over all.
 */
#include "cli/btf_print.h"
#include "cli/element.h"
#include "cli/field.h"
#include "cli/test.h"
#include "cli/top_cells.h"

#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Differences of a case beyond which no more are shown. */
#define DIFFERENCES_MAX 50

/* A map's elements at one moment, by key. */
struct elements {
	uint8_t *bytes;
	size_t count, room;
	size_t key_size, size; /* of a key, and of both */
};

struct test_map {
	struct mapref ref;
	char *name;
	struct elements before;
	struct btf_fold fold;
	const struct btf_fold *folded; /* &fold, or NULL: one value per element */
};

struct test_maps {
	const struct test_file *file;
	struct test_map **map;
	size_t count;
};

/* ---- elements ---- */

static const uint8_t *key_at(const struct elements *elements, size_t i)
{
	return elements->bytes + i * elements->size;
}

static const uint8_t *value_at(const struct elements *elements, size_t i)
{
	return key_at(elements, i) + elements->key_size;
}

static int element_keep(void *arg, const void *key, const void *value, int err)
{
	struct elements *elements = arg;
	uint8_t *to;

	(void)err;
	/* Deleted meanwhile. */
	if (!value)
		return 0;
	if (elements->count == elements->room) {
		elements->room = elements->room ? elements->room * 2 : 64;
		elements->bytes = must_realloc(elements->bytes, elements->room * elements->size);
	}
	to = elements->bytes + elements->count++ * elements->size;
	memcpy(to, key, elements->key_size);
	memcpy(to + elements->key_size, value, elements->size - elements->key_size);
	return 0;
}

static int by_key(const void *a, const void *b, void *arg)
{
	return memcmp(a, b, ((const struct elements *)arg)->key_size);
}

static int elements_read(const struct test_map *map, struct elements *ret_elements)
{
	struct elements elements = {.key_size = map->ref.info.key_size};
	int err;

	elements.size = elements.key_size + backend_value_size(&map->ref.info);
	err = map->ref.backend->map_walk(map->ref.fd, &map->ref.info, element_keep, &elements);
	if (elements.count)
		qsort_r(elements.bytes, elements.count, elements.size, by_key, &elements);
	*ret_elements = elements;
	return err;
}

static const uint8_t *elements_find(const struct elements *elements, const uint8_t *key)
{
	size_t low = 0, high = elements->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(key_at(elements, middle), key, elements->key_size);

		if (!order)
			return value_at(elements, middle);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- texts ---- */

/* What a printing function writes, as one line. */
static struct out *line_begin(struct top_cells *cells)
{
	top_cells_init(cells);
	out_begin(&cells->out, OUT_OBJECT, OUT_ROW);
	out_key(&cells->out, "", "");
	return &cells->out;
}

/* The caller frees it. */
static char *line_end(struct top_cells *cells)
{
	char *s = strdup(text_str(&cells->cell[0].text));

	top_cells_free(cells);
	return s ? s : must_realloc(NULL, SIZE_MAX);
}

static char *key_text(const struct test_map *map, const uint8_t *key)
{
	struct top_cells cells;

	top_cells_init(&cells);
	out_begin(&cells.out, OUT_OBJECT, OUT_ROW);
	element_key(&cells.out, &map->ref, "", "", key);
	return line_end(&cells);
}

static char *typed_text(const struct test_map *map, uint32_t type_id, const struct btf_place *place)
{
	struct top_cells line;

	btf_print_place(line_begin(&line), map->ref.btf, type_id, place);
	return line_end(&line);
}

static char *untyped_text(const struct test_map *map, const uint8_t *value,
			  const struct btf_fold *fold)
{
	const struct btf_place place = {
		.data = (uint8_t *)value, .size = map->ref.info.value_size, .fold = fold};
	uint32_t size = map->ref.info.value_size;
	uint64_t number;
	struct top_cells line;
	struct out *out = line_begin(&line);

	if ((size == 1 || size == 2 || size == 4 || size == 8) &&
	    btf_fold_load(&place, size * 8, false, &number))
		out_u64(out, number);
	else
		out_raw(out, value, size);
	return line_end(&line);
}

/* ---- values ---- */

/* A value that is compared: what is expected, what is there, which bits count. */
struct comparison {
	const struct test_map *map;
	const uint8_t *key;
	struct btf_place expected, got, mask;
	struct test_differences *differences;
	struct text path;
};

static void differ(struct comparison *comparison, char *expected, char *got)
{
	char *key = key_text(comparison->map, comparison->key);

	test_differ(comparison->differences,
		    &(struct test_difference){.where = comparison->map->name,
					      .key = key,
					      .what = comparison->path.len ? comparison->path.s
									   : NULL,
					      .expected = expected,
					      .got = got});
	free(key);
	free(expected);
	free(got);
}

static bool bit_get(const uint8_t *data, uint64_t bit)
{
	return data[bit / 8] >> bit % 8 & 1;
}

static bool bits_asked(const struct comparison *comparison, uint64_t bit, uint64_t bits)
{
	for (uint64_t i = bit; i < bit + bits; i++)
		if (bit_get(comparison->mask.data, i))
			return true;
	return false;
}

static bool bits_same(const struct comparison *comparison, uint64_t bit, uint64_t bits)
{
	for (uint64_t i = bit; i < bit + bits; i++)
		if (bit_get(comparison->mask.data, i) &&
		    bit_get(comparison->expected.data, i) != bit_get(comparison->got.data, i))
			return false;
	return true;
}

/* Of values per CPU the sums, where they are numbers. */
static bool folded_same(const struct comparison *comparison, const struct btf_type *type,
			uint64_t bit, uint32_t bits)
{
	struct btf_place expected = comparison->expected, got = comparison->got;
	bool is_signed = type && btf_is_int(type) && btf_int_encoding(type) & BTF_INT_SIGNED;
	uint64_t want, sum;
	double real_want, real_sum;

	expected.bit_off = got.bit_off = bit;
	if (type && btf_is_float(type))
		return btf_fold_float(&expected, type->size, &real_want) &&
		       btf_fold_float(&got, type->size, &real_sum) && real_want == real_sum;
	if (bits > 64 || !btf_fold_load(&got, bits, is_signed, &sum) ||
	    !btf_fold_load(&expected, bits, is_signed, &want))
		return bits_same(comparison, bit, bits);
	return sum == want;
}

static void leaf_compare(struct comparison *comparison, uint32_t type_id, uint64_t bit,
			 uint32_t member_bits)
{
	const struct btf *btf = comparison->map->ref.btf;
	const struct btf_type *type = btf_type_strip(btf, type_id, NULL);
	uint64_t bits = member_bits ? member_bits : btf_type_bytes(btf, type_id) * 8;
	struct btf_place expected = comparison->expected, got = comparison->got;

	if (bit + bits > comparison->mask.size * 8 || !bits_asked(comparison, bit, bits))
		return;
	if (got.fold ? folded_same(comparison, type, bit, (uint32_t)bits)
		     : bits_same(comparison, bit, bits))
		return;
	expected.bit_off = got.bit_off = bit;
	expected.bits = got.bits = member_bits;
	differ(comparison, typed_text(comparison->map, type_id, &expected),
	       typed_text(comparison->map, type_id, &got));
}

static void path_cut(struct comparison *comparison, size_t len)
{
	comparison->path.len = len;
	if (comparison->path.s)
		comparison->path.s[len] = 0;
}

static bool is_array_of_composites(const struct btf *btf, const struct btf_type *type)
{
	const struct btf_type *element;

	if (!type || !btf_is_array(type))
		return false;
	element = btf_type_strip(btf, btf_array(type)->type, NULL);
	return element && btf_type_is_composite(element);
}

static void typed_compare(struct comparison *comparison, uint32_t type_id, uint64_t bit,
			  uint32_t member_bits, unsigned int depth)
{
	const struct btf *btf = comparison->map->ref.btf;
	const struct btf_type *type = btf_type_strip(btf, type_id, NULL);
	size_t len = comparison->path.len;
	struct btf_field field;

	if (depth < BTF_DEPTH_MAX && is_array_of_composites(btf, type)) {
		const struct btf_array *array = btf_array(type);

		for (uint32_t i = 0; i < array->nelems; i++) {
			text_addf(&comparison->path, "[%u]", i);
			typed_compare(comparison, array->type,
				      bit + i * btf_type_bytes(btf, array->type) * 8, 0, depth + 1);
			path_cut(comparison, len);
		}
		return;
	}
	if (!type || depth == BTF_DEPTH_MAX || !btf_type_is_composite(type)) {
		leaf_compare(comparison, type_id, bit, member_bits);
		return;
	}
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		btf_field_get(btf, type, i, &field);
		text_addf(&comparison->path, "%s%s", field.name[0] ? "." : "", field.name);
		typed_compare(comparison, field.type_id, bit + field.bit_off, field.bits,
			      depth + 1);
		path_cut(comparison, len);
	}
}

static void value_compare(struct comparison *comparison)
{
	const struct test_map *map = comparison->map;

	if (map->ref.value_type) {
		typed_compare(comparison, map->ref.value_type, 0, 0, 0);
		text_free(&comparison->path);
		return;
	}
	if (map->folded ? folded_same(comparison, NULL, 0, map->ref.info.value_size * 8)
			: bits_same(comparison, 0, (uint64_t)map->ref.info.value_size * 8))
		return;
	differ(comparison, untyped_text(map, comparison->expected.data, comparison->expected.fold),
	       untyped_text(map, comparison->got.data, comparison->got.fold));
}

/* ---- opening ---- */

/* By its name; .bss, .data and .rodata also without the object's. */
static struct bpf_map *map_find(const struct object *object, const char *name)
{
	size_t len = strlen(name);
	struct bpf_map *map;

	bpf_object__for_each_map(map, object->bpf)
	{
		const char *has = bpf_map__name(map);
		size_t has_len = strlen(has);

		if (!strcmp(has, name) ||
		    (*name == '.' && has_len > len && !strcmp(has + has_len - len, name)))
			return map;
	}
	return NULL;
}

static int no_such_map(const struct test_file *file, const yaml_node_t *node, const char *name,
		       const struct object *object)
{
	struct text names = {0};
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, object->bpf)
		text_addf(&names, "%s%s", names.len ? ", " : "", bpf_map__name(map));
	err = test_refuse(file, node, "there is no map '%s'; there are: %s", name,
			  text_str(&names));
	text_free(&names);
	return err;
}

static struct test_map *map_open(struct cli *cli, const char *name, const struct bpf_map *bpf)
{
	struct test_map *map = must_realloc(NULL, sizeof(*map));
	int fd = fcntl(bpf_map__fd(bpf), F_DUPFD_CLOEXEC, 3);

	*map = (struct test_map){.name = strdup(name)};
	if (!map->name || fd < 0 || mapref_from_fd(cli, cli->backend, fd, &map->ref)) {
		free(map->name);
		free(map);
		return NULL;
	}
	map->fold = (struct btf_fold){.op = BTF_FOLD_SUM,
				      .cpus = backend_cpus(),
				      .stride = (map->ref.info.value_size + 7) & ~(size_t)7};
	map->folded = backend_is_percpu(map->ref.info.type) ? &map->fold : NULL;
	return map;
}

static struct test_map *map_known(const struct test_maps *maps, const char *name)
{
	for (size_t i = 0; name && i < maps->count; i++)
		if (!strcmp(maps->map[i]->name, name))
			return maps->map[i];
	return NULL;
}

static int map_add(struct test_maps *maps, struct cli *cli, const struct object *object,
		   const yaml_node_t *node)
{
	const char *name = test_scalar(node);
	const struct bpf_map *bpf = name ? map_find(object, name) : NULL;

	if (!bpf)
		return no_such_map(maps->file, node, name ? name : "?", object);
	if (map_known(maps, name))
		return 0;
	maps->map = must_realloc(maps->map, (maps->count + 1) * sizeof(*maps->map));
	maps->map[maps->count] = map_open(cli, name, bpf);
	if (!maps->map[maps->count])
		return test_refuse(maps->file, node, "map %s cannot be opened", name);
	maps->count++;
	return 0;
}

/* Every map of a mapping from names. */
static int maps_add(struct test_maps *maps, struct cli *cli, const struct object *object,
		    const yaml_node_t *mapping)
{
	int err = 0;

	for (yaml_node_pair_t *pair = mapping ? mapping->data.mapping.pairs.start : NULL;
	     mapping && !err && pair < mapping->data.mapping.pairs.top; pair++)
		err = map_add(maps, cli, object, test_node(maps->file, pair->key));
	return err;
}

/* ---- lists of elements ---- */

/* An element of a list: nodes, NULL where not given. */
struct listed {
	const yaml_node_t *node, *key, *value, *absent;
};

typedef int listed_fn(struct test_maps *maps, struct test_map *map, const struct listed *listed,
		      void *arg);

static int listed_read(const struct test_file *file, const yaml_node_t *node,
		       struct listed *ret_listed)
{
	struct listed listed = {.node = node};

	if (node->type != YAML_MAPPING_NODE)
		return test_refuse(file, node, "an element is { key: ..., value: ... }");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const char *key = test_scalar(test_node(file, pair->key));
		const yaml_node_t *value = test_node(file, pair->value);

		if (key && !strcmp(key, "key"))
			listed.key = value;
		else if (key && !strcmp(key, "value"))
			listed.value = value;
		else if (key && !strcmp(key, "absent"))
			listed.absent = value;
		else
			return test_refuse(file, test_node(file, pair->key),
					   "an element has key and value, or is absent: KEY");
	}
	*ret_listed = listed;
	return 0;
}

/* Global variables: their map has one element, which is given alone. */
static bool is_variables(const struct test_map *map, const yaml_node_t *node)
{
	return node->type == YAML_MAPPING_NODE && backend_is_array(map->ref.info.type) &&
	       map->ref.info.max_entries == 1;
}

static int list_walk(struct test_maps *maps, struct test_map *map, const yaml_node_t *node,
		     listed_fn *fn, void *arg)
{
	struct listed listed = {.node = node, .value = node};
	int err = 0;

	if (is_variables(map, node))
		return fn(maps, map, &listed, arg);
	if (node->type != YAML_SEQUENCE_NODE)
		return test_refuse(maps->file, node, "a list of elements is expected here");
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     !err && item < node->data.sequence.items.top; item++) {
		err = listed_read(maps->file, test_node(maps->file, *item), &listed);
		if (!err)
			err = fn(maps, map, &listed, arg);
	}
	return err;
}

static int lists_walk(struct test_maps *maps, const yaml_node_t *mapping, listed_fn *fn, void *arg)
{
	int err = 0;

	for (yaml_node_pair_t *pair = mapping ? mapping->data.mapping.pairs.start : NULL;
	     mapping && !err && pair < mapping->data.mapping.pairs.top; pair++)
		err = list_walk(maps,
				map_known(maps, test_scalar(test_node(maps->file, pair->key))),
				test_node(maps->file, pair->value), fn, arg);
	return err;
}

/* node NULL: global variables, index 0. */
static int key_read(const struct test_maps *maps, const struct test_map *map,
		    const yaml_node_t *node, uint8_t *key)
{
	const struct test_want want = {.what = "key",
				       .btf = map->ref.btf,
				       .type_id = map->ref.key_type,
				       .size = map->ref.info.key_size};
	uint8_t *mask;
	int err;

	memset(key, 0, want.size);
	if (!node)
		return 0;
	mask = must_realloc(NULL, want.size);
	err = test_value(maps->file, node, &want, key, mask);
	free(mask);
	return err;
}

static int value_read(const struct test_maps *maps, const struct test_map *map,
		      const yaml_node_t *node, uint8_t *value, uint8_t *mask)
{
	const struct test_want want = {.what = "value",
				       .btf = map->ref.btf,
				       .type_id = map->ref.value_type,
				       .size = map->ref.info.value_size};

	return test_value(maps->file, node, &want, value, mask);
}

/* ---- given ---- */

/* Variables that are not named keep their values. */
static void variables_merge(const struct test_map *map, const uint8_t *key, uint8_t *value,
			    const uint8_t *mask)
{
	uint8_t *now = must_realloc(NULL, backend_value_size(&map->ref.info));

	if (!backend_map_lookup(map->ref.backend, map->ref.fd, key, now))
		for (size_t i = 0; i < map->ref.info.value_size; i++)
			value[i] = (uint8_t)((now[i] & ~mask[i]) | (value[i] & mask[i]));
	free(now);
}

static int element_put(struct test_maps *maps, struct test_map *map, const struct listed *listed,
		       uint8_t *key, uint8_t *value, uint8_t *mask)
{
	int err = 0;

	if (map->ref.info.key_size)
		err = key_read(maps, map, listed->key, key);
	if (!err)
		err = value_read(maps, map, listed->value, value, mask);
	if (err)
		return err;
	if (listed->value == listed->node)
		variables_merge(map, key, value, mask);
	err = backend_map_update(map->ref.backend, map->ref.fd, map->ref.info.key_size ? key : NULL,
				 value, BPF_ANY);
	if (err) {
		char why[400];

		snprintf(why, sizeof(why), "%s", bpfmap_last_error());
		err = test_refuse(maps->file, listed->node, "map %s: %s", map->name, why);
	}
	return err;
}

static int element_give(struct test_maps *maps, struct test_map *map, const struct listed *listed,
			void *arg)
{
	bool needs_key = map->ref.info.key_size && listed->value != listed->node;
	uint8_t *key, *value, *mask;
	int err;

	(void)arg;
	if (listed->absent || !listed->value || needs_key != !!listed->key)
		return test_refuse(maps->file, listed->node, "map %s: an element has %svalue",
				   map->name, map->ref.info.key_size ? "key and " : "a ");
	key = must_realloc(NULL, map->ref.info.key_size);
	mask = must_realloc(NULL, map->ref.info.value_size);
	value = calloc(1, backend_value_size(&map->ref.info));
	if (!value)
		must_realloc(NULL, SIZE_MAX);
	err = element_put(maps, map, listed, key, value, mask);
	free(key);
	free(value);
	free(mask);
	return err;
}

/* What the maps hold before the run. */
static int before_read(struct test_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		int err = 0;

		if (maps->map[i]->ref.info.key_size)
			err = elements_read(maps->map[i], &maps->map[i]->before);
		if (err)
			return err;
	}
	return 0;
}

static int keyed_check(const struct test_maps *maps, const yaml_node_t *mapping)
{
	for (yaml_node_pair_t *pair = mapping ? mapping->data.mapping.pairs.start : NULL;
	     mapping && pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *node = test_node(maps->file, pair->key);
		const struct test_map *map = map_known(maps, test_scalar(node));

		if (!map->ref.info.key_size)
			return test_refuse(maps->file, node,
					   "map %s is a %s, which has no keys; what it holds "
					   "cannot be compared",
					   map->name, mapref_type(&map->ref.info));
	}
	return 0;
}

int test_maps_begin(const struct test_file *file, const struct test_case *test, struct cli *cli,
		    const struct object *object, struct test_maps **ret_maps)
{
	struct test_maps *maps = must_realloc(NULL, sizeof(*maps));
	int err;

	*maps = (struct test_maps){.file = file};
	err = maps_add(maps, cli, object, test->given_maps);
	if (!err)
		err = maps_add(maps, cli, object, test->maps);
	if (!err)
		err = maps_add(maps, cli, object, test->changes);
	if (!err)
		err = keyed_check(maps, test->maps);
	if (!err)
		err = keyed_check(maps, test->changes);
	if (!err)
		err = lists_walk(maps, test->given_maps, element_give, NULL);
	if (!err)
		err = before_read(maps);
	if (err)
		test_maps_free(maps);
	else
		*ret_maps = maps;
	return err;
}

/* ---- expected ---- */

/* What maps hold after the run, and which of it was listed. */
struct check {
	struct test_differences *differences;
	const struct elements *after;
	struct elements listed; /* keys */
};

static void element_differs(struct check *check, const struct test_map *map, const uint8_t *key,
			    const char *expected, const char *got)
{
	char *text;

	if (check->differences->count >= DIFFERENCES_MAX)
		return;
	text = key_text(map, key);
	test_differ(check->differences, &(struct test_difference){.where = map->name,
								  .key = text,
								  .expected = (char *)expected,
								  .got = (char *)got});
	free(text);
}

static void values_compare(struct check *check, const struct test_map *map, const uint8_t *key,
			   const uint8_t *expected, const struct btf_fold *expected_fold,
			   const uint8_t *mask, const uint8_t *got)
{
	size_t size = map->ref.info.value_size;
	struct comparison comparison = {
		.map = map,
		.key = key,
		.expected = {.data = (uint8_t *)expected, .size = size, .fold = expected_fold},
		.got = {.data = (uint8_t *)got, .size = size, .fold = map->folded},
		.mask = {.data = (uint8_t *)mask, .size = size},
		.differences = check->differences,
	};

	if (check->differences->count < DIFFERENCES_MAX)
		value_compare(&comparison);
}

static int element_expect(struct test_maps *maps, struct test_map *map, const struct listed *listed,
			  void *arg)
{
	size_t size = map->ref.info.value_size;
	struct check *check = arg;
	const uint8_t *got;
	uint8_t *key = must_realloc(NULL, map->ref.info.key_size + 2 * size);
	uint8_t *value = key + map->ref.info.key_size, *mask = value + size;
	int err;

	if (listed->value != listed->node && !listed->absent && (!listed->key || !listed->value))
		err = test_refuse(maps->file, listed->node,
				  "an element has key and value, or is absent: KEY");
	else
		err = key_read(maps, map, listed->absent ? listed->absent : listed->key, key);
	if (!err && !listed->absent)
		err = value_read(maps, map, listed->value, value, mask);
	if (!err) {
		got = elements_find(check->after, key);
		if (listed->absent && got)
			element_differs(check, map, key, "absent", "present");
		else if (!listed->absent && !got)
			element_differs(check, map, key, "present", "absent");
		else if (got)
			values_compare(check, map, key, value, NULL, mask, got);
		element_keep(&check->listed, key, "", 0);
	}
	free(key);
	return err;
}

/* Those that are not listed have not changed. */
static void others_compare(struct check *check, const struct test_map *map)
{
	size_t size = backend_value_size(&map->ref.info);
	uint8_t *mask = memset(must_realloc(NULL, size), 0xff, size);

	for (size_t i = 0; i < check->after->count; i++) {
		const uint8_t *key = key_at(check->after, i), *got = value_at(check->after, i);
		const uint8_t *before = elements_find(&map->before, key);

		if (elements_find(&check->listed, key))
			continue;
		if (!before)
			element_differs(check, map, key, "absent, as it is not listed", "present");
		else if (memcmp(before, got, size))
			values_compare(check, map, key, before, map->folded, mask, got);
	}
	for (size_t i = 0; i < map->before.count; i++) {
		const uint8_t *key = key_at(&map->before, i);

		if (!elements_find(check->after, key) && !elements_find(&check->listed, key))
			element_differs(check, map, key, "present, as before", "absent");
	}
	free(mask);
}

static int map_compare(struct test_maps *maps, struct test_map *map, const yaml_node_t *node,
		       struct test_differences *differences)
{
	struct elements after = {0};
	struct check check = {.differences = differences, .after = &after};
	int err = elements_read(map, &after);

	check.listed = (struct elements){.key_size = after.key_size, .size = after.key_size};
	if (!err)
		err = list_walk(maps, map, node, element_expect, &check);
	if (check.listed.count)
		qsort_r(check.listed.bytes, check.listed.count, check.listed.size, by_key,
			&check.listed);
	if (!err)
		others_compare(&check, map);
	free(after.bytes);
	free(check.listed.bytes);
	return err;
}

/* ---- changes ---- */

static int64_t change_of(const struct test_map *map, const struct field *field,
			 const uint8_t *before, const uint8_t *after)
{
	struct field_value was = {0}, is = {0};
	uint64_t change;

	if (before)
		field_load(&map->ref, field, map->folded, NULL, before, &was);
	if (after)
		field_load(&map->ref, field, map->folded, NULL, after, &is);
	change = is.number - was.number;
	/* Sums over CPUs are 64 bits wide. */
	if (!map->folded && field->bits < 64)
		change = (uint64_t)btf_sign_extend(change & ((1ull << field->bits) - 1),
						   field->bits);
	return (int64_t)change;
}

static int change_compare(struct test_maps *maps, struct check *check, struct test_map *map,
			  const uint8_t *key, const yaml_node_t *path, const yaml_node_t *by)
{
	const char *s = test_scalar(by), *name = test_scalar(path);
	char *end = NULL, *text, want[24], got[24];
	struct field field;
	int64_t wanted, found;

	errno = 0;
	wanted = s ? strtoll(s, &end, 0) : 0;
	if (!s || !*s || *end || errno)
		return test_refuse(maps->file, by, "a change is a number such as +1");
	if (!name || field_parse(&map->ref, name, &field) || field.of_key ||
	    (field.kind != FIELD_UNSIGNED && field.kind != FIELD_SIGNED))
		return test_refuse(maps->file, path,
				   "a number of the value is expected here: value, value.packets");
	found = change_of(map, &field, elements_find(&map->before, key),
			  elements_find(check->after, key));
	if (found == wanted)
		return 0;
	snprintf(want, sizeof(want), "%+" PRId64, wanted);
	snprintf(got, sizeof(got), "%+" PRId64, found);
	text = key_text(map, key);
	test_differ(check->differences,
		    &(struct test_difference){.where = map->name,
					      .key = text,
					      .what = (char *)name + strlen("value"),
					      .expected = want,
					      .got = got});
	free(text);
	return 0;
}

static int change_read(struct test_maps *maps, struct check *check, struct test_map *map,
		       const yaml_node_t *node)
{
	const yaml_node_t *key_node = NULL;
	yaml_node_pair_t *first, *top;
	uint8_t *key;
	int err;

	if (node->type != YAML_MAPPING_NODE)
		return test_refuse(maps->file, node, "a change is { key: ..., value.packets: +1 }");
	first = node->data.mapping.pairs.start;
	top = node->data.mapping.pairs.top;
	for (yaml_node_pair_t *pair = first; pair < top; pair++) {
		const char *name = test_scalar(test_node(maps->file, pair->key));

		if (name && !strcmp(name, "key"))
			key_node = test_node(maps->file, pair->value);
	}
	key = must_realloc(NULL, map->ref.info.key_size);
	err = key_read(maps, map, key_node, key);
	for (yaml_node_pair_t *pair = first; !err && pair < top; pair++) {
		const yaml_node_t *path = test_node(maps->file, pair->key);
		const yaml_node_t *by = test_node(maps->file, pair->value);

		if (by != key_node)
			err = change_compare(maps, check, map, key, path, by);
	}
	free(key);
	return err;
}

static int changes_compare(struct test_maps *maps, struct test_map *map, const yaml_node_t *node,
			   struct test_differences *differences)
{
	struct elements after = {0};
	struct check check = {.differences = differences, .after = &after};
	int err = elements_read(map, &after);

	if (!err && node->type != YAML_SEQUENCE_NODE)
		err = test_refuse(maps->file, node, "a list of changes is expected here");
	for (yaml_node_item_t *item = err ? NULL : node->data.sequence.items.start;
	     !err && item < node->data.sequence.items.top; item++)
		err = change_read(maps, &check, map, test_node(maps->file, *item));
	free(after.bytes);
	return err;
}

/* ---- the end ---- */

typedef int compare_fn(struct test_maps *maps, struct test_map *map, const yaml_node_t *node,
		       struct test_differences *differences);

static int each(struct test_maps *maps, const yaml_node_t *mapping, compare_fn *compare,
		struct test_differences *differences)
{
	int err = 0;

	for (yaml_node_pair_t *pair = mapping ? mapping->data.mapping.pairs.start : NULL;
	     mapping && !err && pair < mapping->data.mapping.pairs.top; pair++)
		err = compare(maps, map_known(maps, test_scalar(test_node(maps->file, pair->key))),
			      test_node(maps->file, pair->value), differences);
	return err;
}

int test_maps_end(const struct test_case *test, struct test_maps *maps,
		  struct test_differences *differences)
{
	int err = each(maps, test->maps, map_compare, differences);

	if (!err)
		err = each(maps, test->changes, changes_compare, differences);
	test_maps_free(maps);
	return err;
}

void test_maps_free(struct test_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		free(maps->map[i]->before.bytes);
		free(maps->map[i]->name);
		mapref_close(&maps->map[i]->ref);
		free(maps->map[i]);
	}
	free(maps->map);
	free(maps);
}
