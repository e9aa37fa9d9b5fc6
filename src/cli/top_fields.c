/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_fields.c: the numbers in a map's value. */
#include "cli/top_fields.h"

#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

/* More are not chosen from a screen; large arrays and global data have them. */
#define FIELDS_MAX	   64
#define ARRAY_ELEMENTS_MAX 16

static void field_add(const struct mapref *ref, const char *path, struct top_fields *fields)
{
	struct top_field found = {0};
	size_t size = strlen(path) + 1;

	if (fields->count == FIELDS_MAX || field_parse(ref, path, &found.field))
		return;
	found.path = memcpy(must_realloc(NULL, size), path, size);
	fields->field = must_realloc(fields->field, (fields->count + 1) * sizeof(found));
	fields->field[fields->count++] = found;
}

static bool is_number(const struct btf_type *type, size_t size)
{
	switch (btf_kind(type)) {
	case BTF_KIND_INT: return size <= sizeof(uint64_t);
	case BTF_KIND_FLOAT: return size == sizeof(float) || size == sizeof(double);
	default: return false;
	}
}

static void fields_walk(const struct mapref *ref, struct text *path, uint32_t id,
			unsigned int depth, struct top_fields *fields)
{
	const struct btf_type *type = btf_type_strip(ref->btf, id, NULL);
	size_t len = path->len;
	uint32_t parts;
	bool array;

	if (!type || depth == BTF_DEPTH_MAX || fields->count == FIELDS_MAX)
		return;
	array = btf_is_array(type) && !btf_type_is_char(ref->btf, btf_array(type)->type);
	if (!array && !btf_type_is_composite(type)) {
		if (is_number(type, btf_type_bytes(ref->btf, id)))
			field_add(ref, text_str(path), fields);
		return;
	}
	parts = array ? btf_array(type)->nelems : btf_vlen(type);
	for (uint32_t i = 0; i < parts && (!array || i < ARRAY_ELEMENTS_MAX); i++) {
		struct btf_field member = {.name = "",
					   .type_id = array ? btf_array(type)->type : 0};

		if (array)
			text_addf(path, "[%u]", i);
		else
			btf_field_get(ref->btf, type, i, &member);
		if (member.name[0])
			text_addf(path, ".%s", member.name);
		fields_walk(ref, path, member.type_id, depth + 1, fields);
		path->len = len;
		path->s[len] = 0;
	}
}

void top_fields_find(const struct mapref *ref, struct top_fields *ret_fields)
{
	struct text path = {0};

	*ret_fields = (struct top_fields){0};
	text_addf(&path, "value");
	if (ref->value_type)
		fields_walk(ref, &path, ref->value_type, 0, ret_fields);
	else if (ref->info.value_size <= 8 && ref->info.value_size &&
		 !(ref->info.value_size & (ref->info.value_size - 1)))
		field_add(ref, "value", ret_fields);
	text_free(&path);
}

void top_fields_free(struct top_fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		free(fields->field[i].path);
	free(fields->field);
	*fields = (struct top_fields){0};
}

size_t top_fields_choice(const struct top_fields *fields)
{
	static const char *const words[] = {"packets", "count", "bytes", "hits"};

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		for (size_t i = 0; i < fields->count; i++)
			if (strstr(fields->field[i].path, words[w]))
				return i;
	return 0;
}
