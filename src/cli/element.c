/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* element.c: show elements, typed where the map has BTF. */
#include "cli/element.h"

#include "cli/btf_print.h"

#include <string.h>

/* An array's index is a number also where BTF gives only the value a type, as for global data. */
static void key_typed(struct out *out, const struct mapref *ref, const void *key)
{
	uint32_t index;

	if (ref->key_type) {
		btf_print(out, ref->btf, ref->key_type, key, ref->info.key_size);
	} else if (ref->value_type && ref->info.type == BPF_MAP_TYPE_ARRAY) {
		memcpy(&index, key, sizeof(index));
		out_u64(out, index);
	} else {
		out_raw(out, key, ref->info.key_size);
	}
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

/* One value, or one per CPU. */
static void value_field(struct out *out, const struct mapref *ref, const void *value,
			void (*fn)(struct out *, const struct mapref *, const void *))
{
	size_t stride = ((size_t)ref->info.value_size + 7) & ~(size_t)7;

	if (!backend_is_percpu(ref->info.type)) {
		out_key(out, "value", "value");
		fn(out, ref, value);
		return;
	}
	out_key(out, "values", "values");
	out_begin(out, OUT_ARRAY, OUT_VALUE);
	for (unsigned int cpu = 0; cpu < backend_cpus(); cpu++) {
		out_begin(out, OUT_OBJECT, OUT_VALUE);
		out_key(out, "cpu", "cpu");
		out_u64(out, cpu);
		out_key(out, "value", "value");
		fn(out, ref, (const uint8_t *)value + cpu * stride);
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

void element_print(struct out *out, const struct mapref *ref, const void *key, const void *value,
		   int err)
{
	bool bytes = out_wants_bytes(out);

	out_begin(out, OUT_OBJECT, OUT_ELEMENT);
	element_key(out, ref, "key", "key", key);
	if (!value)
		value_error(out, err);
	else
		value_field(out, ref, value, bytes ? value_bytes : value_typed);
	if (bytes && value && (ref->key_type || ref->value_type)) {
		out_key(out, "formatted", "formatted");
		out_begin(out, OUT_OBJECT, OUT_VALUE);
		out_key(out, "key", "key");
		key_typed(out, ref, key);
		value_field(out, ref, value, value_typed);
		out_end(out);
	}
	out_end(out);
}

struct print_all {
	struct out *out;
	const struct mapref *ref;
	uint64_t count;
};

static int print_one(void *arg, const void *key, const void *value, int err)
{
	struct print_all *all = arg;

	element_print(all->out, all->ref, key, value, err);
	all->count++;
	return 0;
}

int element_print_all(struct cli *cli, const struct mapref *ref, uint64_t *ret_count)
{
	struct print_all all = {.out = cli->out, .ref = ref};
	int err;

	out_begin(cli->out, OUT_ARRAY, OUT_ELEMENTS);
	err = cli->backend->map_walk(ref->fd, &ref->info, print_one, &all);
	out_end(cli->out);
	*ret_count = all.count;
	return err;
}
