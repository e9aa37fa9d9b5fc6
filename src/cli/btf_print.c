/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_print.c: write a value with its type.
 *
 * Integers are numbers, _Bool is true or false, enumerators are names where they have one, char
 * arrays are strings where nothing is lost by it, pointers are hexadecimal. Members of anonymous
 * structs and unions stand in their parent, as C spells them. Of a union every member is shown.
 *
 * Of values that are folded over CPUs, numbers are folded; what is no number is shown where all
 * CPUs agree and is null elsewhere.
 */
#include "cli/btf_print.h"

#include "cli/btf_fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_value(struct out *out, const struct btf *btf, uint32_t id,
			const struct btf_place *place, unsigned int depth);

/* Integers of more than 64 bits have no place in JSON: hexadecimal text. */
static void print_wide(struct out *out, const struct btf_place *place, size_t bytes)
{
	uint64_t low, high;
	struct btf_place upper = *place;
	char s[40];

	upper.bit_off += 64;
	if (bytes != 16 || !btf_fold_agrees(place, 16) || !btf_place_load(place, 64, &low) ||
	    !btf_place_load(&upper, 64, &high)) {
		out_null(out);
		return;
	}
	snprintf(s, sizeof(s), "0x%016" PRIx64 "%016" PRIx64, high, low);
	out_word(out, s);
}

static void print_int(struct out *out, const struct btf_type *type, const struct btf_place *place)
{
	uint32_t bits = place->bits ? place->bits : btf_int_bits(type);
	bool is_signed = btf_int_encoding(type) & BTF_INT_SIGNED;
	struct btf_place at = *place;
	uint64_t value;

	if (type->size > 8) {
		print_wide(out, place, type->size);
		return;
	}
	/* Compilers before kind_flag put a bit field's place into the integer itself. */
	if (!place->bits)
		at.bit_off += btf_int_offset(type);
	if (!bits || !btf_fold_load(&at, bits, is_signed, &value))
		out_null(out);
	else if (btf_int_encoding(type) & BTF_INT_BOOL && value <= 1 && !place->fold)
		out_bool(out, value);
	else if (is_signed)
		out_s64(out, (int64_t)value);
	else
		out_u64(out, value);
}

static void print_enum(struct out *out, const struct btf *btf, const struct btf_type *type,
		       const struct btf_place *place)
{
	uint32_t bits = place->bits ? place->bits : type->size * 8;
	uint64_t value;

	if (!bits || !btf_fold_agrees(place, type->size) || !btf_place_load(place, bits, &value)) {
		out_null(out);
		return;
	}
	if (btf_kflag(type))
		value = (uint64_t)btf_sign_extend(value, bits);
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		if (btf_type_enum_value(type, i) == value) {
			out_word(out, btf_type_enum_name(btf, type, i));
			return;
		}
	}
	if (btf_kflag(type))
		out_s64(out, (int64_t)value);
	else
		out_u64(out, value);
}

static void print_float(struct out *out, const struct btf_type *type, const struct btf_place *place)
{
	double value;

	if (btf_fold_float(place, type->size, &value))
		out_double(out, value);
	else
		out_null(out);
}

/* Length of the string in a char array, or -1 if it is not only that: printable text, then zeroes.
 * Text that fills the array has no terminator, as in C. */
static long string_len(const uint8_t *s, size_t size)
{
	size_t len = strnlen((const char *)s, size);

	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] == 0x7f)
			return -1;
	for (size_t i = len; i < size; i++)
		if (s[i])
			return -1;
	return (long)len;
}

static void print_array(struct out *out, const struct btf *btf, const struct btf_type *type,
			const struct btf_place *place, unsigned int depth)
{
	const struct btf_array *array = btf_array(type);
	size_t stride = btf_type_bytes(btf, array->type);
	uint64_t off = place->bit_off / 8;
	struct btf_place at = *place;
	long len = -1;

	at.bits = 0;
	/* Elements without size would print for ever and say nothing. */
	if (array->nelems &&
	    (!stride || off > place->size || array->nelems > (place->size - off) / stride)) {
		out_null(out);
		return;
	}
	if (array->nelems && btf_type_is_char(btf, array->type)) {
		if (!btf_fold_agrees(place, array->nelems)) {
			out_null(out);
			return;
		}
		len = string_len(place->data + off, array->nelems);
	}
	if (len >= 0) {
		out_strn(out, (const char *)place->data + off, (size_t)len);
		return;
	}
	out_begin(out, OUT_ARRAY, OUT_VALUE);
	for (uint32_t i = 0; i < array->nelems; i++) {
		at.bit_off = place->bit_off + (uint64_t)i * stride * 8;
		print_value(out, btf, array->type, &at, depth + 1);
	}
	out_end(out);
}

static void print_members(struct out *out, const struct btf *btf, const struct btf_type *type,
			  const struct btf_place *place, unsigned int depth)
{
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *member;
		struct btf_place at = *place;
		struct btf_field field;

		btf_field_get(btf, type, i, &field);
		at.bit_off = place->bit_off + field.bit_off;
		at.bits = field.bits;
		member = btf_type_strip(btf, field.type_id, NULL);
		if (!field.name[0] && member && btf_is_composite(member) && depth < BTF_DEPTH_MAX) {
			print_members(out, btf, member, &at, depth + 1);
			continue;
		}
		out_key(out, field.name, field.name);
		print_value(out, btf, field.type_id, &at, depth + 1);
	}
}

static void print_value(struct out *out, const struct btf *btf, uint32_t id,
			const struct btf_place *place, unsigned int depth)
{
	const struct btf_type *type = btf_type_strip(btf, id, NULL);
	uint64_t value;

	switch (type && depth < BTF_DEPTH_MAX ? btf_kind(type) : BTF_KIND_UNKN) {
	case BTF_KIND_INT: print_int(out, type, place); break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: print_enum(out, btf, type, place); break;
	case BTF_KIND_FLOAT: print_float(out, type, place); break;
	case BTF_KIND_ARRAY: print_array(out, btf, type, place, depth); break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
		out_begin(out, OUT_OBJECT, OUT_VALUE);
		print_members(out, btf, type, place, depth);
		out_end(out);
		break;
	case BTF_KIND_PTR:
		if (btf_fold_agrees(place, 8) && btf_place_load(place, 64, &value)) {
			out_hex(out, value);
			break;
		}
		/* fallthrough */
	default: out_null(out); break;
	}
}

void btf_print_place(struct out *out, const struct btf *btf, uint32_t type_id,
		     const struct btf_place *place)
{
	print_value(out, btf, type_id, place, 0);
}

void btf_print(struct out *out, const struct btf *btf, uint32_t type_id, const void *data,
	       size_t size)
{
	const struct btf_place place = {.data = (uint8_t *)data, .size = size};

	btf_print_place(out, btf, type_id, &place);
}
