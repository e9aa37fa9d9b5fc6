/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* variable.c: see variable.h. */
#include "cli/variable.h"

#include "cli/data.h"
#include "cli/operand.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A verb's map and DATA. */
struct variable {
	struct bpfmap *map;
	uint8_t *key;
	uint8_t *value;
	uint32_t key_len;
	uint32_t value_len;
};

bool variable_is(const struct mapref *ref)
{
	return ref->info.map_flags & BPFMAP_F_VARIABLE;
}

int variable_create(const struct backend *backend, const struct backend_create *how)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = how->type,
					  .key_size = how->key_size,
					  .value_size = how->value_size,
					  .max_entries = how->max_entries,
					  .map_flags = how->map_flags,
					  .memory = BPFMAP_MEMORY_SHARED,
					  .name = how->name};
	struct bpfmap *map;
	int fd;

	/* The kernel refuses the flag itself. */
	if (backend != &backend_user)
		return backend_map_create(backend, how);
	fd = bpfmap_create(&opts, &map);
	if (fd)
		return fd;
	fd = bpfmap_fd(map);
	bpfmap_close(map);
	return fd;
}

static int variable_open(const struct mapref *ref, uint32_t flags, struct variable *v)
{
	int err = bpfmap_open_fd(ref->fd, flags, &v->map);

	if (err)
		return exit_failure(err, "can't open the map");
	v->key = must_realloc(NULL, ref->info.key_size);
	v->value = must_realloc(NULL, ref->info.value_size);
	return 0;
}

static void variable_close(struct variable *v)
{
	bpfmap_close(v->map);
	free(v->key);
	free(v->value);
}

static int key_parse(struct args *args, const struct mapref *ref, struct variable *v)
{
	const struct data_want want = {.what = "key", .size = ref->info.key_size};

	if (!args_take(args, "key"))
		return exit_usage("did not find key: expected key DATA");
	return data_parse_variable(args, &want, v->key, &v->key_len);
}

static int value_parse(struct args *args, const struct mapref *ref, struct variable *v)
{
	const struct data_want want = {.what = "value", .size = ref->info.value_size};

	if (!args_take(args, "value"))
		return exit_usage("expected value, got: '%s'",
				  args->count ? args_peek(args) : "nothing");
	return data_parse_variable(args, &want, v->value, &v->value_len);
}

/* Text where all of it can be shown, else bytes. */
static void data_print(struct out *out, const void *data, uint32_t len)
{
	const uint8_t *bytes = data;
	uint32_t shown = 0;

	while (shown < len && bytes[shown] >= 0x20 && bytes[shown] < 0x7f)
		shown++;
	if (shown == len && !out_wants_bytes(out))
		out_strn(out, data, len);
	else
		out_raw(out, data, len);
}

static void pair_print(struct out *out, const void *key, uint32_t key_len, const void *value,
		       uint32_t value_len)
{
	out_begin(out, OUT_OBJECT, OUT_ELEMENT);
	out_key(out, "key", "key");
	data_print(out, key, key_len);
	out_key(out, "value", "value");
	data_print(out, value, value_len);
	out_end(out);
}

static int update(struct cli *cli, struct args *args, const struct mapref *ref, struct variable *v)
{
	uint64_t flags;
	int err, code = key_parse(args, ref, v);

	if (!code)
		code = value_parse(args, ref, v);
	if (!code)
		code = mapref_flags(args, &flags);
	if (code)
		return code;
	err = bpfmap_var_update(v->map, v->key, v->key_len, v->value, v->value_len, flags);
	code = operand_updated(err);
	if (!code)
		out_null(cli->out);
	return code;
}

static int lookup(struct cli *cli, struct args *args, const struct mapref *ref, struct variable *v)
{
	int err, code = key_parse(args, ref, v);

	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = bpfmap_var_read(v->map, v->key, v->key_len, v->value, ref->info.value_size,
			      &v->value_len);
	code = operand_result(err, "lookup", OPERAND_NO_KEY);
	if (!code)
		pair_print(cli->out, v->key, v->key_len, v->value, v->value_len);
	return code;
}

static int delete_key(struct cli *cli, struct args *args, const struct mapref *ref,
		      struct variable *v)
{
	int err, code = key_parse(args, ref, v);

	if (!code)
		code = args_end(args);
	if (code)
		return code;
	err = bpfmap_var_delete(v->map, v->key, v->key_len);
	code = operand_result(err, "delete", OPERAND_NO_KEY);
	if (!code)
		out_null(cli->out);
	return code;
}

static int dump(struct cli *cli, struct args *args, const struct mapref *ref, struct variable *v)
{
	const void *key, *value;
	struct bpfmap_iter *iter;
	uint32_t key_len, value_len;
	uint64_t count = 0;
	char found[48];
	int err;

	(void)ref;
	if (args->count)
		return exit_usage("%s: a map whose elements have lengths of their own is dumped as "
				  "a whole",
				  args_peek(args));
	err = bpfmap_iter_new(v->map, &iter);
	if (err)
		return exit_failure(err, "dump failed");
	out_begin(cli->out, OUT_ARRAY, OUT_ELEMENTS);
	while ((err = bpfmap_var_next(iter, &key, &key_len, &value, &value_len)) == 1) {
		pair_print(cli->out, key, key_len, value, value_len);
		count++;
	}
	out_end(cli->out);
	snprintf(found, sizeof(found), "Found %" PRIu64 " element%s", count, count == 1 ? "" : "s");
	out_note(cli->out, found);
	bpfmap_iter_free(iter);
	return err ? exit_failure(err, "dump failed") : 0;
}

typedef int variable_fn(struct cli *cli, struct args *args, const struct mapref *ref,
			struct variable *v);

static int with_map(struct cli *cli, struct args *args, const struct mapref *ref, uint32_t flags,
		    variable_fn *fn)
{
	struct variable v;
	int code = variable_open(ref, flags, &v);

	if (code)
		return code;
	code = fn(cli, args, ref, &v);
	variable_close(&v);
	return code;
}

int variable_update(struct cli *cli, struct args *args, const struct mapref *ref)
{
	return with_map(cli, args, ref, 0, update);
}

int variable_lookup(struct cli *cli, struct args *args, const struct mapref *ref)
{
	return with_map(cli, args, ref, BPFMAP_OPEN_RDONLY, lookup);
}

int variable_delete(struct cli *cli, struct args *args, const struct mapref *ref)
{
	return with_map(cli, args, ref, 0, delete_key);
}

int variable_dump(struct cli *cli, struct args *args, const struct mapref *ref)
{
	return with_map(cli, args, ref, BPFMAP_OPEN_RDONLY, dump);
}
