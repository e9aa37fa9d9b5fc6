/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* element.c: show elements, typed where the map has BTF. */
#include "cli/element.h"

#include "cli/btf_print.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* An array's index is a number also where BTF gives only the value a type, as for global data. */
static void key_typed(struct out *out, const struct mapref *ref, const void *key)
{
	uint32_t index;

	if (ref->key_type) {
		btf_print(out, ref->btf, ref->key_type, key, ref->info.key_size);
	} else if (ref->value_type && backend_is_array(ref->info.type)) {
		memcpy(&index, key, sizeof(index));
		out_u64(out, index);
	} else {
		out_raw(out, key, ref->info.key_size);
	}
}

static struct btf_place value_place(const struct mapref *ref, const struct btf_fold *fold,
				    const void *value)
{
	return (struct btf_place){
		.data = (uint8_t *)value, .size = ref->info.value_size, .fold = fold};
}

static void value_typed(struct out *out, const struct mapref *ref, const void *value)
{
	if (ref->value_type)
		btf_print(out, ref->btf, ref->value_type, value, ref->info.value_size);
	else
		out_raw(out, value, ref->info.value_size);
}

static void value_bytes(struct out *out, const struct mapref *ref, const void *value)
{
	out_raw(out, value, ref->info.value_size);
}

static bool value_is_number(const struct mapref *ref)
{
	const struct btf_type *type;

	if (!ref->value_type)
		return ref->info.value_size <= 8 &&
		       !(ref->info.value_size & (ref->info.value_size - 1));
	type = btf_type_strip(ref->btf, ref->value_type, NULL);
	return type && (btf_is_int(type) || btf_is_float(type));
}

/* Folded, or where a number says more than bytes: values without type are little-endian numbers. */
static void value_folded(struct out *out, const struct mapref *ref, const struct btf_fold *fold,
			 const void *value)
{
	const struct btf_place place = value_place(ref, fold, value);
	uint64_t number;

	if (ref->value_type)
		btf_print_place(out, ref->btf, ref->value_type, &place);
	else if (value_is_number(ref) &&
		 btf_fold_load(&place, ref->info.value_size * 8, false, &number))
		out_u64(out, number);
	else
		out_raw(out, value, ref->info.value_size);
}

static const uint8_t *value_on(const struct mapref *ref, const void *value, unsigned int cpu)
{
	return (const uint8_t *)value + cpu * (((size_t)ref->info.value_size + 7) & ~(size_t)7);
}

/* One value, or one per CPU. */
static void value_field(struct out *out, const struct mapref *ref, const void *value,
			void (*fn)(struct out *, const struct mapref *, const void *))
{
	char label[16];

	if (!backend_is_percpu(ref->info.type)) {
		out_key(out, "value", "value");
		fn(out, ref, value);
		return;
	}
	out_key(out, "values", "values");
	out_begin(out, OUT_ARRAY, OUT_CPUS);
	for (unsigned int cpu = 0; cpu < backend_cpus(); cpu++) {
		snprintf(label, sizeof(label), "cpu %u", cpu);
		out_begin(out, OUT_OBJECT, OUT_CPU);
		out_key(out, "cpu", NULL);
		out_u64(out, cpu);
		out_key(out, "value", label);
		fn(out, ref, value_on(ref, value, cpu));
		out_end(out);
	}
	out_end(out);
}

static void value_error(struct out *out, int err)
{
	out_key(out, "value", "value");
	out_begin(out, OUT_OBJECT, OUT_VALUE);
	out_key(out, "error", "error");
	out_str(out, strerror(-err));
	out_end(out);
}

void element_value(struct out *out, const struct mapref *ref, const void *value)
{
	value_field(out, ref, value, out_wants_bytes(out) ? value_bytes : value_typed);
}

void element_key(struct out *out, const struct mapref *ref, const char *name, const char *label,
		 const void *key)
{
	out_key(out, name, label);
	if (!key)
		out_null(out);
	else if (out_wants_bytes(out))
		out_raw(out, key, ref->info.key_size);
	else
		key_typed(out, ref, key);
}

static void formatted_print(struct out *out, const struct mapref *ref, const void *key,
			    const void *value)
{
	out_key(out, "formatted", "formatted");
	out_begin(out, OUT_OBJECT, OUT_VALUE);
	if (key) {
		out_key(out, "key", "key");
		key_typed(out, ref, key);
	}
	value_field(out, ref, value, value_typed);
	out_end(out);
}

void element_print(struct out *out, const struct mapref *ref, const struct btf_fold *fold,
		   const void *key, const void *value, int err)
{
	bool bytes = out_wants_bytes(out);

	out_begin(out, OUT_OBJECT, OUT_ELEMENT);
	if (key)
		element_key(out, ref, "key", "key", key);
	if (!value) {
		value_error(out, err);
	} else if (fold) {
		out_key(out, "value", "value");
		value_folded(out, ref, fold, value);
	} else {
		value_field(out, ref, value, bytes ? value_bytes : value_typed);
	}
	if (bytes && value && !fold && (ref->key_type || ref->value_type))
		formatted_print(out, ref, key, value);
	out_end(out);
}

/* ---- table rows ---- */

/* A cell for each member of the type at place, named by its path. */
static void cells_print(struct out *out, const struct mapref *ref, struct text *path, uint32_t id,
			const struct btf_place *place, unsigned int depth)
{
	const struct btf_type *type = btf_type_strip(ref->btf, id, NULL);
	size_t len = path->len;

	if (!type || !btf_type_is_composite(type) || !btf_vlen(type) || depth == BTF_DEPTH_MAX) {
		out_key(out, text_str(path), text_str(path));
		btf_print_place(out, ref->btf, id, place);
		return;
	}
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		struct btf_place at = *place;
		struct btf_field field;

		btf_field_get(ref->btf, type, i, &field);
		at.bit_off += field.bit_off;
		at.bits = field.bits;
		if (field.name[0])
			text_addf(path, ".%s", field.name);
		cells_print(out, ref, path, field.type_id, &at, depth + 1);
		path->len = len;
		path->s[len] = 0;
	}
}

static void key_cells(struct out *out, const struct mapref *ref, const void *key)
{
	const struct btf_place place = {.data = (uint8_t *)key, .size = ref->info.key_size};
	struct text path = {0};

	text_addf(&path, "key");
	if (ref->key_type) {
		cells_print(out, ref, &path, ref->key_type, &place, 0);
	} else {
		out_key(out, "key", "key");
		key_typed(out, ref, key);
	}
	text_free(&path);
}

void element_row(struct out *out, const struct mapref *ref, const struct btf_fold *fold,
		 const void *key, const void *value)
{
	const struct btf_place place = value_place(ref, fold, value);
	struct text path = {0};

	out_begin(out, OUT_OBJECT, OUT_ROW);
	key_cells(out, ref, key);
	text_addf(&path, "value");
	if (ref->value_type) {
		cells_print(out, ref, &path, ref->value_type, &place, 0);
	} else {
		out_key(out, "value", "value");
		value_folded(out, ref, fold, value);
	}
	text_free(&path);
	out_end(out);
}

void element_cpu_row(struct out *out, const struct mapref *ref, const struct btf_fold *sum,
		     const void *key, const void *value)
{
	char name[16];

	out_begin(out, OUT_OBJECT, OUT_ROW);
	key_cells(out, ref, key);
	for (unsigned int cpu = 0; cpu < sum->cpus; cpu++) {
		snprintf(name, sizeof(name), "cpu%u", cpu);
		out_key(out, name, name);
		value_folded(out, ref, NULL, value_on(ref, value, cpu));
	}
	if (value_is_number(ref)) {
		out_key(out, "sum", "sum");
		value_folded(out, ref, sum, value);
	}
	out_end(out);
}

/* ---- all elements ---- */

struct print_all {
	struct out *out;
	const struct mapref *ref;
	bool leaves_zeroes; /* people are told how many there are */
	uint64_t zeroes;
};

static bool is_zero(const uint8_t *value, size_t size)
{
	return !size || (!value[0] && !memcmp(value, value + 1, size - 1));
}

static int print_one(void *arg, const void *key, const void *value, int err)
{
	struct print_all *all = arg;

	if (all->leaves_zeroes && value && is_zero(value, backend_value_size(&all->ref->info)))
		all->zeroes++;
	else
		element_print(all->out, all->ref, NULL, key, value, err);
	return 0;
}

/* An array has all its elements from the beginning: those that nobody wrote are no news. */
int element_print_all(struct cli *cli, const struct mapref *ref)
{
	struct print_all all = {
		.out = cli->out,
		.ref = ref,
		.leaves_zeroes = !cli->for_programs && backend_is_array(ref->info.type) &&
				 ref->info.max_entries > 1,
	};
	char zeroes[48];
	int err;

	out_begin(cli->out, OUT_ARRAY, OUT_ELEMENTS);
	err = ref->backend->map_walk(ref->fd, &ref->info, print_one, &all);
	if (all.zeroes) {
		snprintf(zeroes, sizeof(zeroes), "%" PRIu64 " element%s zero", all.zeroes,
			 all.zeroes == 1 ? " is" : "s are");
		out_note(cli->out, zeroes);
	}
	out_end(cli->out);
	return err;
}
