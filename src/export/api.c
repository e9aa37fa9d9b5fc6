/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* api.c: maps and elements as JSON. A page of elements costs as much as its elements: it begins
 * behind a key, so nothing before it is read. */
#include "export/api.h"

#include "base/error.h"
#include "cli/btf_parse_value.h"
#include "cli/element.h"
#include "cli/load_json.h"
#include "cli/places.h"
#include "cli/text.h"
#include "export/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A page of elements ends behind so many bytes of keys and values, whatever its limit: an answer is
 * made in memory. */
#define PAGE_BYTES (1 << 20)

static void field_u64(struct out *out, const char *name, uint64_t value)
{
	out_key(out, name, name);
	out_u64(out, value);
}

/* ---- maps ---- */

static void time_print(struct out *out, const char *name, uint64_t ns)
{
	out_key(out, name, name);
	if (ns)
		out_double(out, (double)(ns / 1000000) / 1e3);
	else
		out_null(out);
}

static void figures_print(struct out *out, const struct bpfmap_info *figures)
{
	field_u64(out, "high_water", figures->high_water);
	field_u64(out, "updates", figures->updates);
	field_u64(out, "deletes", figures->deletes);
	field_u64(out, "evictions", figures->evictions);
	field_u64(out, "failed_full", figures->failed_updates);
	field_u64(out, "failed_exists", figures->failed_exists);
	field_u64(out, "failed_absent", figures->failed_absent);
	field_u64(out, "failed_other", figures->failed_other);
	if (figures->lookups_counted) {
		field_u64(out, "lookups", figures->lookups);
		field_u64(out, "hits", figures->hits);
	}
	time_print(out, "created", figures->created_ns);
	time_print(out, "changed", figures->changed_ns);
}

static void map_fields(struct out *out, const struct catalog_map *map)
{
	const struct bpf_map_info *info = &map->info;

	out_key(out, "world", "world");
	out_str(out, map->backend->name);
	field_u64(out, "id", info->id);
	out_key(out, "name", "name");
	out_strn(out, info->name, strnlen(info->name, sizeof(info->name)));
	out_key(out, "type", "type");
	out_str(out, mapref_type(info));
	field_u64(out, "bytes_key", info->key_size);
	field_u64(out, "bytes_value", info->value_size);
	field_u64(out, "flags", info->map_flags);
	field_u64(out, "max_entries", info->max_entries);
	out_key(out, "entries", "entries");
	if (map->counted)
		out_u64(out, map->entries);
	else
		out_null(out);
	out_key(out, "entries_age", "entries_age");
	out_double(out, map->age_seconds);
	out_key(out, "entries_at_least", "entries_at_least");
	out_bool(out, map->at_least);
	field_u64(out, "bytes_memory", map->memory_bytes);
	out_key(out, "frozen", "frozen");
	out_bool(out, map->frozen);
	if (map->has_figures)
		figures_print(out, &map->figures);
}

void api_maps(struct counter *counter, bool writable, struct out *out)
{
	struct catalog catalog;
	struct timespec now;

	catalog_take(counter, &catalog);
	clock_gettime(CLOCK_REALTIME, &now);
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	out_key(out, "version", "version");
	out_str(out, bpfmap_version());
	out_key(out, "time", "time");
	out_double(out, (double)now.tv_sec + (double)(now.tv_nsec / 1000000) / 1e3);
	out_key(out, "writable", "writable");
	out_bool(out, writable);
	out_key(out, "kernel", "kernel");
	out_bool(out, catalog.kernel_permitted);
	out_key(out, "maps", "maps");
	out_begin(out, OUT_ARRAY, OUT_TABLE);
	for (size_t i = 0; i < catalog.count; i++) {
		out_begin(out, OUT_OBJECT, OUT_ROW);
		map_fields(out, &catalog.map[i]);
		out_end(out);
	}
	out_end(out);
	out_end(out);
	catalog_free(&catalog);
}

/* ---- elements ---- */

static bool hex_parse(const char *text, uint8_t *ret, size_t size)
{
	if (strlen(text) != size * 2 || strspn(text, "0123456789abcdef") != size * 2)
		return false;
	for (size_t i = 0; i < size; i++) {
		const char pair[] = {text[i * 2], text[i * 2 + 1], 0};

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

static void next_print(struct out *out, const uint8_t *key, size_t size)
{
	struct text text = {0};

	for (size_t i = 0; i < size; i++)
		text_addf(&text, "%02x", key[i]);
	out_key(out, "next", "next");
	out_str(out, text_str(&text));
	text_free(&text);
}

static void element_one(struct out *out, const struct mapref *ref, const uint8_t *key,
			uint8_t *value)
{
	int err = backend_map_lookup(ref->backend, ref->fd, key, value);

	/* Deleted since its key was read: not an element. */
	if (err != -ENOENT)
		element_print(out, ref, NULL, key, err ? NULL : value, err);
}

static uint32_t page_room(const struct mapref *ref, uint32_t limit)
{
	size_t room = PAGE_BYTES / (ref->info.key_size + backend_value_size(&ref->info));

	if (!room)
		return 1;
	return room < limit ? (uint32_t)room : limit;
}

/* Elements behind the one in key; "next" if more may follow. */
static void elements_page(struct out *out, const struct mapref *ref,
			  const struct api_map_query *query, uint8_t *key, uint8_t *value)
{
	int err = backend_map_next_key(ref->backend, ref->fd, query->after ? key : NULL, key);
	uint32_t shown = 0, limit = page_room(ref, query->limit);

	out_key(out, "elements", "elements");
	out_begin(out, OUT_ARRAY, OUT_ELEMENTS);
	for (; !err && shown < limit; shown++) {
		element_one(out, ref, key, value);
		if (shown + 1 < limit)
			err = backend_map_next_key(ref->backend, ref->fd, key, key);
	}
	out_end(out);
	if (!err)
		next_print(out, key, ref->info.key_size);
}

static void elements_found(struct out *out, const struct mapref *ref, uint8_t *key, uint8_t *value)
{
	out_key(out, "elements", "elements");
	out_begin(out, OUT_ARRAY, OUT_ELEMENTS);
	element_one(out, ref, key, value);
	out_end(out);
}

/* The key that is asked for: typed, a number, or pairs of hexadecimal digits. */
static int key_parse(const struct mapref *ref, const char *text, uint8_t *ret_key)
{
	size_t size = ref->info.key_size;
	uint64_t number;
	char *end;

	memset(ret_key, 0, size);
	if (ref->key_type)
		return btf_parse_value(ref->btf, ref->key_type, "key", text, ret_key, size);
	if (hex_parse(text, ret_key, size))
		return 0;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (size > 8 || !*text || *end || errno || (size < 8 && number >> size * 8))
		return fail(EINVAL,
			    "the key has %zu bytes without a type: %zu hexadecimal digits%s", size,
			    size * 2, size <= 8 ? ", or a number" : "");
	memcpy(ret_key, &number, size);
	return 0;
}

/* Lengths of their own have no place in the kernel's calls: elements are counted off from the
 * first. */
static void elements_variable(struct out *out, struct bpfmap *map, uint64_t skip, uint32_t limit)
{
	uint32_t key_len, value_len, shown = 0;
	const void *key, *value;
	struct bpfmap_iter *iter;
	size_t bytes = 0;
	char next[24];

	out_key(out, "elements", "elements");
	out_begin(out, OUT_ARRAY, OUT_ELEMENTS);
	if (bpfmap_iter_new(map, &iter)) {
		out_end(out);
		return;
	}
	for (uint64_t i = 0; shown < limit && bytes < PAGE_BYTES &&
			     bpfmap_var_next(iter, &key, &key_len, &value, &value_len) == 1;
	     i++) {
		if (i < skip)
			continue;
		out_begin(out, OUT_OBJECT, OUT_ELEMENT);
		out_key(out, "key", "key");
		out_strn(out, key, key_len);
		out_key(out, "value", "value");
		out_strn(out, value, value_len);
		out_end(out);
		bytes += (size_t)key_len + value_len;
		shown++;
	}
	bpfmap_iter_free(iter);
	out_end(out);
	if (shown < limit && bytes < PAGE_BYTES)
		return;
	snprintf(next, sizeof(next), "%llu", (unsigned long long)(skip + shown));
	out_key(out, "next", "next");
	out_str(out, next);
}

static void type_print(struct out *out, const struct mapref *ref, const char *name,
		       uint32_t type_id)
{
	static const char *const words[] = {[BTF_KIND_STRUCT] = "struct ",
					    [BTF_KIND_UNION] = "union ",
					    [BTF_KIND_ENUM] = "enum ",
					    [BTF_KIND_ENUM64] = "enum "};
	const struct btf_type *type = type_id ? btf__type_by_id(ref->btf, type_id) : NULL;
	const char *word, *spelt;
	struct text text = {0};

	if (!type)
		return;
	word = btf_kind(type) < sizeof(words) / sizeof(words[0]) ? words[btf_kind(type)] : NULL;
	spelt = btf_type_name(ref->btf, type->name_off);
	if (!spelt[0])
		return;
	text_addf(&text, "%s%s", word ? word : "", spelt);
	out_key(out, name, name);
	out_str(out, text_str(&text));
	text_free(&text);
}

static void places_write(const struct mapref *ref, struct out *out)
{
	struct cli cli = {.out = out, .backend = ref->backend};
	struct places places;

	places_find(ref->backend, &places);
	places_print(&cli, &places, ref);
	places_free(&places);
}

/* What may go wrong with the question is found out before anything is written. */
struct page {
	const struct mapref *ref;
	const struct api_map_query *query;
	struct catalog_map map;
	struct bpfmap *variable; /* if elements have lengths of their own */
	uint64_t skip;		 /* of those */
	uint8_t *key;
	uint8_t *value;
};

static int page_prepare(struct counter *counter, struct page *page)
{
	const struct mapref *ref = page->ref;
	const struct api_map_query *query = page->query;
	int err = catalog_map_read(counter, ref->backend, ref->fd, &page->map);

	if (err || !ref->info.key_size)
		return err;
	if (ref->backend == &backend_user && ref->info.map_flags & BPFMAP_F_VARIABLE) {
		page->skip = query->after ? strtoull(query->after, NULL, 10) : 0;
		if (query->key)
			return fail(ENOTSUP, "keys of such a map are not looked up here; bpfmap "
					     "lookup does it");
		return bpfmap_open_fd(ref->fd, BPFMAP_OPEN_RDONLY, &page->variable);
	}
	page->key = must_realloc(NULL, ref->info.key_size);
	page->value = must_realloc(NULL, backend_value_size(&ref->info));
	if (query->key)
		return key_parse(ref, query->key, page->key);
	if (query->after && !hex_parse(query->after, page->key, ref->info.key_size))
		return fail(EINVAL, "after: %u bytes in hexadecimal digits", ref->info.key_size);
	return 0;
}

static void page_write(const struct page *page, struct out *out)
{
	const struct mapref *ref = page->ref;

	out_begin(out, OUT_OBJECT, OUT_RECORD);
	out_key(out, "map", "map");
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	map_fields(out, &page->map);
	type_print(out, ref, "key_type", ref->key_type);
	type_print(out, ref, "value_type", ref->value_type);
	if (page->query->places)
		places_write(ref, out);
	out_end(out);
	if (page->variable)
		elements_variable(out, page->variable, page->skip, page->query->limit);
	else if (page->key && page->query->key)
		elements_found(out, ref, page->key, page->value);
	else if (page->key)
		elements_page(out, ref, page->query, page->key, page->value);
	out_end(out);
}

static int ref_open(struct cli *cli, const struct api_map_query *query, struct mapref *ret_ref)
{
	int fd = backend_map_open_id(query->backend, query->id);

	if (fd < 0)
		return fd;
	return mapref_from_fd(cli, query->backend, fd, ret_ref) ? -ENOENT : 0;
}

int api_map(struct cli *cli, struct counter *counter, const struct api_map_query *query,
	    struct out *out)
{
	struct mapref ref;
	struct page page = {.ref = &ref, .query = query};
	int err = ref_open(cli, query, &ref);

	if (err)
		return err;
	err = page_prepare(counter, &page);
	if (!err)
		page_write(&page, out);
	bpfmap_close(page.variable);
	free(page.key);
	free(page.value);
	mapref_close(&ref);
	return err;
}

static int update(const struct mapref *ref, const char *body, uint8_t *key, uint8_t *value)
{
	int err = load_json(ref, body, key, value);

	if (err < 0)
		return err;
	return backend_map_update(ref->backend, ref->fd, key, value, BPF_EXIST);
}

int api_update(struct cli *cli, const struct api_map_query *query, const char *body)
{
	uint8_t *key, *value;
	struct mapref ref;
	int err = ref_open(cli, query, &ref);

	if (err)
		return err;
	if (!ref.info.key_size || ref.info.map_flags & BPFMAP_F_VARIABLE) {
		mapref_close(&ref);
		return fail(ENOTSUP, "elements of such a map are not changed here");
	}
	key = must_realloc(NULL, ref.info.key_size);
	value = must_realloc(NULL, backend_value_size(&ref.info));
	err = update(&ref, body, key, value);
	free(key);
	free(value);
	mapref_close(&ref);
	return err;
}
