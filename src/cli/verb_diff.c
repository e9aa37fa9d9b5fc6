/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_diff.c: what two maps or snapshots do not have in common. Exit code 1 if there is anything,
 * as diff(1); what cannot be compared is never 1. Both sides are read into memory and sorted by
 * key. */
#include "cli/element.h"
#include "cli/records.h"
#include "cli/snapshot_file.h"
#include "cli/transfer.h"
#include "cli/variable.h"

#include "base/error.h"
#include "cli/btf_type.h"

#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct side {
	struct mapref ref; /* of a snapshot: as if it were a map, without a descriptor */
	struct shape shape;
	struct records records;
};

struct diff {
	struct out *out;
	const struct mapref *ref; /* how elements are shown */
	bool variable;
	uint64_t same, removed, added, changed;
};

/* ---- reading a side ---- */

static uint32_t type_of(const struct btf *btf, uint32_t id, size_t size)
{
	return id && btf_type_bytes(btf, id) == size && btf_type_is_sound(btf, id) ? id : 0;
}

static void ref_from_shape(struct side *side)
{
	const struct shape *shape = &side->shape;

	side->ref = (struct mapref){.backend = &backend_user, .fd = -1};
	side->ref.info.type = shape->type;
	side->ref.info.key_size = shape->key_size;
	side->ref.info.value_size = shape->value_size;
	side->ref.info.max_entries = shape->max_entries;
	side->ref.info.map_flags = shape->map_flags;
	if (!shape->btf)
		return;
	side->ref.btf = btf__new(shape->btf, shape->btf_size);
	if (!side->ref.btf)
		return;
	side->ref.key_type = type_of(side->ref.btf, shape->btf_key_type_id, shape->key_size);
	side->ref.value_type = type_of(side->ref.btf, shape->btf_value_type_id, shape->value_size);
}

static int snapshot_read(struct side *side, const char *path)
{
	struct snapshot_reader *reader;
	struct progress progress;
	struct record record;
	int err = snapshot_open(path, &reader, &side->shape);

	if (err)
		return exit_failure(err, "can't read the snapshot");
	progress_begin(&progress, "diff", "bytes", snapshot_bytes(reader));
	while ((err = snapshot_next(reader, &record)) == 1) {
		progress_at(&progress, snapshot_done(reader));
		records_add(&side->records, &record);
	}
	progress_end(&progress);
	snapshot_close(reader);
	ref_from_shape(side);
	return err ? exit_failure(err, "can't read the snapshot") : 0;
}

static int map_read(struct cli *cli, struct args *args, struct side *side)
{
	struct progress progress;
	struct transfer_read read = {.progress = &progress};
	int err, code = mapref_parse(cli, args, &side->ref);

	if (code)
		return code;
	err = shape_of_map(&side->ref, &side->shape);
	if (err)
		return exit_failure(err, "can't read the map");
	progress_begin(&progress, "diff", "elements", transfer_expect(&side->ref));
	err = transfer_each(&side->ref, &read, records_add, &side->records);
	progress_end(&progress);
	return err ? exit_failure(err, "can't read the map") : 0;
}

/* A word that names a snapshot is one, else it begins MAP. */
static int side_read(struct cli *cli, struct args *args, struct side *side)
{
	const char *word = args_peek(args);
	int code;

	side->ref.fd = -1;
	if (word && snapshot_is_file(word)) {
		args_next(args);
		code = snapshot_read(side, word);
	} else {
		code = map_read(cli, args, side);
	}
	/* In a Bloom filter the bits' order is what counts. */
	if (!code && !shape_is_bloom(&side->shape))
		records_sort_by_key(&side->records);
	/* 1 says that they differ. */
	return code == EXIT_CODE_NOT_FOUND ? EXIT_CODE_OTHER : code;
}

static void side_free(struct side *side)
{
	shape_free(&side->shape);
	records_free(&side->records);
	if (side->ref.fd >= 0)
		mapref_close(&side->ref);
	else
		btf__free(side->ref.btf);
}

/* ---- comparing ---- */

static bool is_text(const void *data, uint32_t len)
{
	const uint8_t *bytes = data;

	for (uint32_t i = 0; i < len; i++)
		if (bytes[i] < 0x20 || bytes[i] >= 0x7f)
			return false;
	return true;
}

static void bytes_show(struct out *out, const char *name, const void *data, uint32_t len)
{
	out_key(out, name, name);
	if (is_text(data, len) && !out_wants_bytes(out))
		out_strn(out, data, len);
	else
		out_raw(out, data, len);
}

static void show(const struct diff *d, const char *what, const struct record *record)
{
	out_begin(d->out, OUT_OBJECT, OUT_ELEMENT);
	out_key(d->out, "change", "change");
	out_word(d->out, what);
	if (d->variable) {
		bytes_show(d->out, "key", record->key, record->key_len);
		bytes_show(d->out, "value", record->value, record->value_len);
	} else {
		element_key(d->out, d->ref, "key", "key", record->key);
		element_value(d->out, d->ref, record->value);
	}
	out_end(d->out);
}

/* Of what changed, both. */
static void show_changed(const struct diff *d, const struct record *a, const struct record *b)
{
	show(d, "before", a);
	show(d, "after", b);
}

static bool values_equal(const struct record *a, const struct record *b)
{
	return a->value_len == b->value_len && !memcmp(a->value, b->value, a->value_len);
}

static void compare(struct diff *d, const struct side *a, const struct side *b)
{
	size_t i = 0, j = 0;

	while (i < a->records.count || j < b->records.count) {
		bool has_left = i < a->records.count, has_right = j < b->records.count;
		struct record left, right;
		int order = has_left ? -1 : 1;

		if (has_left)
			records_get(&a->records, i, &left);
		if (has_right)
			records_get(&b->records, j, &right);
		if (has_left && has_right)
			order = records_compare_keys(&left, &right);
		i += order <= 0;
		j += order >= 0;
		if (order < 0)
			show(d, "removed", &left), d->removed++;
		else if (order > 0)
			show(d, "added", &right), d->added++;
		else if (values_equal(&left, &right))
			d->same++;
		else
			show_changed(d, &left, &right), d->changed++;
	}
}

static int elements_diff(struct cli *cli, const struct side *a, const struct side *b)
{
	/* Types are the first side's, or the other's if it has none. */
	struct diff d = {.out = cli->out,
			 .ref = a->ref.value_type || !b->ref.value_type ? &a->ref : &b->ref,
			 .variable = shape_is_variable(&a->shape)};
	char note[160];

	out_begin(cli->out, OUT_ARRAY, OUT_ELEMENTS);
	compare(&d, a, b);
	out_end(cli->out);
	snprintf(note, sizeof(note),
		 "%" PRIu64 " removed, %" PRIu64 " added, %" PRIu64 " changed, %" PRIu64
		 " the same",
		 d.removed, d.added, d.changed, d.same);
	out_note(cli->out, note);
	return d.removed || d.added || d.changed ? EXIT_CODE_NOT_FOUND : 0;
}

/* Bits of two filters of the same seed and size: how many only one of them has. */
static int bits_diff(struct cli *cli, const struct side *a, const struct side *b)
{
	uint64_t only[2] = {0, 0};

	for (size_t i = 0; i < a->records.count && i < b->records.count; i++) {
		struct record left, right;

		records_get(&a->records, i, &left);
		records_get(&b->records, i, &right);
		for (uint32_t at = 0; at + 8 <= left.value_len && at + 8 <= right.value_len;
		     at += 8) {
			uint64_t x, y;

			memcpy(&x, (const uint8_t *)left.value + at, 8);
			memcpy(&y, (const uint8_t *)right.value + at, 8);
			only[0] += (uint64_t)__builtin_popcountll(x & ~y);
			only[1] += (uint64_t)__builtin_popcountll(y & ~x);
		}
	}
	out_begin(cli->out, OUT_OBJECT, OUT_LINE);
	out_key(cli->out, "bits_removed", "bits removed");
	out_u64(cli->out, only[0]);
	out_key(cli->out, "bits_added", "bits added");
	out_u64(cli->out, only[1]);
	out_end(cli->out);
	return only[0] || only[1] ? EXIT_CODE_NOT_FOUND : 0;
}

static int sides_diff(struct cli *cli, const struct side *a, const struct side *b)
{
	int err = shape_fits(&a->shape, &b->shape);

	if (!err && shape_is_variable(&a->shape) != shape_is_variable(&b->shape))
		err = fail(EINVAL, "one has elements with lengths of their own, the other has not");
	if (!err && a->shape.cpus != b->shape.cpus)
		err = fail(EINVAL, "one has values of %u CPUs, the other of %u", a->shape.cpus,
			   b->shape.cpus);
	if (err)
		return exit_failure(err, "they cannot be compared");
	return shape_is_bloom(&a->shape) ? bits_diff(cli, a, b) : elements_diff(cli, a, b);
}

int verb_diff(struct cli *cli, struct args *args)
{
	struct side a = {.ref.fd = -1}, b = {.ref.fd = -1};
	int code = side_read(cli, args, &a);

	if (!code)
		code = side_read(cli, args, &b);
	if (!code)
		code = args_end(args);
	if (!code)
		code = sides_diff(cli, &a, &b);
	side_free(&a);
	side_free(&b);
	return code;
}
