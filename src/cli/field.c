/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* field.c: a part of an element that the command line names. */
#include "cli/field.h"

#include "bpfmap/bpfmap.h"
#include "cli/btf_parse_value.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX 128

/* ---- the path ---- */

/* One member: *path stands behind the dot. */
static int member_step(const struct mapref *ref, const char *whole, const char **path,
		       struct field *field)
{
	const struct btf_type *type = btf_type_strip(ref->btf, field->type_id, NULL);
	size_t len = strcspn(*path, ".[");
	struct btf_field member;
	char name[NAME_LEN_MAX];

	if (!type || !btf_type_is_composite(type))
		return exit_usage("%s: nothing there has members, '%.*s' is one", whole, (int)len,
				  *path);
	if (!len || len >= sizeof(name))
		return exit_usage("%s: a member's name is missing", whole);
	memcpy(name, *path, len);
	name[len] = 0;
	if (!btf_field_find(ref->btf, type, name, &member))
		return exit_usage("%s: there is no member '%s' (bpfmap -p lookup shows all)", whole,
				  name);
	*path += len;
	field->type_id = member.type_id;
	field->bit_off += member.bit_off;
	field->member_bits = member.bits;
	return 0;
}

/* One element of an array: *path stands behind the bracket. */
static int index_step(const struct mapref *ref, const char *whole, const char **path,
		      struct field *field)
{
	const struct btf_type *type = btf_type_strip(ref->btf, field->type_id, NULL);
	unsigned long index;
	char *end;

	if (!type || !btf_is_array(type))
		return exit_usage("%s: [ stands behind something that is no array", whole);
	errno = 0;
	index = strtoul(*path, &end, 0);
	if (errno || !isdigit((unsigned char)**path) || *end != ']')
		return exit_usage("%s: an index is a number in brackets, [0]", whole);
	if (index >= btf_array(type)->nelems)
		return exit_usage("%s: index %lu is out of range, the array has %u elements", whole,
				  index, btf_array(type)->nelems);
	*path = end + 1;
	field->type_id = btf_array(type)->type;
	field->bit_off += index * btf_type_bytes(ref->btf, field->type_id) * 8;
	return 0;
}

static bool is_number_size(size_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static void kind_of_bytes(struct field *field, size_t size)
{
	field->kind = is_number_size(size) ? FIELD_UNSIGNED : FIELD_BYTES;
	field->bits = (uint32_t)size * 8;
	field->size = size;
}

/* Older compilers do not say so; a negative enumerator does. */
static bool enum_is_signed(const struct btf_type *type)
{
	bool is_signed = btf_kflag(type);

	for (uint32_t i = 0; btf_is_enum(type) && i < btf_vlen(type); i++)
		is_signed |= btf_enum(type)[i].val < 0;
	return is_signed;
}

static void kind_of_type(const struct btf *btf, struct field *field)
{
	const struct btf_type *type = btf_type_strip(btf, field->type_id, NULL);

	field->kind = FIELD_BYTES;
	field->size = btf_type_bytes(btf, field->type_id);
	field->bits = field->member_bits ? field->member_bits : (uint32_t)field->size * 8;
	if (!type || field->size > sizeof(uint64_t))
		return;
	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		field->kind =
			btf_int_encoding(type) & BTF_INT_SIGNED ? FIELD_SIGNED : FIELD_UNSIGNED;
		if (!field->member_bits) {
			field->bits = btf_int_bits(type);
			field->bit_off += btf_int_offset(type);
		}
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		field->kind = enum_is_signed(type) ? FIELD_SIGNED : FIELD_UNSIGNED;
		break;
	case BTF_KIND_PTR: field->kind = FIELD_UNSIGNED; break;
	case BTF_KIND_FLOAT:
		field->kind = field->size == 4 || field->size == 8 ? FIELD_FLOAT : FIELD_BYTES;
		break;
	default: break;
	}
}

int field_parse(const struct mapref *ref, const char *path, struct field *ret_field)
{
	size_t len = strcspn(path, ".[");
	const char *rest = path + len;
	struct field field = {.of_key = !strncmp(path, "key", len) && len == 3};
	int code = 0;

	if (!field.of_key && (strncmp(path, "value", len) || len != 5))
		return exit_usage("expected a field such as key, value or value.packets, got: '%s'",
				  path);
	field.type_id = field.of_key ? ref->key_type : ref->value_type;
	if (*rest && !field.type_id)
		return exit_usage("%s: the map has no BTF for its %s, so it has no members", path,
				  field.of_key ? "key" : "value");
	while (!code && *rest) {
		char lead = *rest++;

		if (lead == '.')
			code = member_step(ref, path, &rest, &field);
		else if (lead == '[')
			code = index_step(ref, path, &rest, &field);
		else
			code = exit_usage("%s: what is '%c%s'?", path, lead, rest);
	}
	if (code)
		return code;
	if (field.type_id)
		kind_of_type(ref->btf, &field);
	else
		kind_of_bytes(&field, field.of_key ? ref->info.key_size : ref->info.value_size);
	if (field.kind == FIELD_BYTES && !field.of_key && backend_is_percpu(ref->info.type))
		return exit_usage(
			"%s is no number; of a value per CPU only numbers can be compared", path);
	*ret_field = field;
	return 0;
}

/* ---- constants ---- */

/* Numbers are read without regard to the field's width: a sum is wider than what it adds up. */
static int number_constant(const struct field *field, const char *path, const char *word,
			   struct field_value *constant)
{
	bool negative = word[0] == '-';
	uint64_t magnitude;
	char *end;

	errno = 0;
	magnitude = strtoull(word + negative, &end, 0);
	if (*end)
		return exit_usage("%s: '%s' is not a whole number", path, word);
	if (negative && field->kind == FIELD_UNSIGNED)
		return exit_usage("%s is unsigned and never %s", path, word);
	if (errno || (field->kind == FIELD_SIGNED && magnitude > INT64_MAX))
		return exit_usage("%s: %s is too large", path, word);
	constant->number = negative ? 0 - magnitude : magnitude;
	return 0;
}

/* A value of the field's type, or bytes. */
static int typed_constant(const struct mapref *ref, const struct field *field, const char *path,
			  const char *word, struct field_value *constant)
{
	size_t size = field->type_id ? btf_type_bytes(ref->btf, field->type_id) : 0;
	uint8_t *bytes;
	struct btf_place place;

	if (!size)
		return exit_usage("%s: '%s' is not a number, and the map has no BTF that names "
				  "other values",
				  path, word);
	bytes = memset(must_realloc(NULL, size), 0, size);
	constant->bytes = bytes;
	constant->size = size;
	if (btf_parse_value(ref->btf, field->type_id, path, word, bytes, size))
		return exit_usage("%s", bpfmap_last_error());
	place = (struct btf_place){.data = bytes, .size = size};
	if (field->kind != FIELD_BYTES)
		btf_fold_load(&place, (uint32_t)size * 8, field->kind == FIELD_SIGNED,
			      &constant->number);
	return 0;
}

int field_constant(const struct mapref *ref, const struct field *field, const char *path,
		   const char *word, struct field_value *ret_constant)
{
	const char *digits = word + (word[0] == '-');
	char *end;

	*ret_constant = (struct field_value){.kind = field->kind};
	if (field->kind == FIELD_FLOAT) {
		ret_constant->real = strtod(word, &end);
		if (!word[0] || *end)
			return exit_usage("%s: '%s' is not a number", path, word);
		return 0;
	}
	if (field->kind != FIELD_BYTES && isdigit((unsigned char)digits[0]))
		return number_constant(field, path, word, ret_constant);
	return typed_constant(ref, field, path, word, ret_constant);
}

/* ---- values ---- */

void field_load(const struct mapref *ref, const struct field *field, const struct btf_fold *fold,
		const void *key, const void *value, struct field_value *ret_value)
{
	const struct btf_place place = {
		.data = (uint8_t *)(field->of_key ? key : value),
		.size = field->of_key ? ref->info.key_size : ref->info.value_size,
		.bit_off = field->bit_off,
		.fold = field->of_key ? NULL : fold,
	};

	*ret_value = (struct field_value){.kind = field->kind};
	if (field->kind == FIELD_FLOAT) {
		btf_fold_float(&place, (uint32_t)field->size, &ret_value->real);
	} else if (field->kind == FIELD_BYTES) {
		ret_value->bytes = place.data + field->bit_off / 8;
		ret_value->size = field->size;
	} else if (field->bits) {
		btf_fold_load(&place, field->bits, field->kind == FIELD_SIGNED, &ret_value->number);
	}
}

int field_compare(const struct field_value *a, const struct field_value *b)
{
	size_t size = a->size < b->size ? a->size : b->size;

	switch (a->kind) {
	case FIELD_UNSIGNED: return (a->number > b->number) - (a->number < b->number);
	case FIELD_SIGNED:
		return ((int64_t)a->number > (int64_t)b->number) -
		       ((int64_t)a->number < (int64_t)b->number);
	case FIELD_FLOAT: return (a->real > b->real) - (a->real < b->real);
	default: return memcmp(a->bytes, b->bytes, size);
	}
}
