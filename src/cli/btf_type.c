/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_type.c: what printing and parsing typed values have in common. */
#include "cli/btf_type.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "bit fields are read in little-endian order");

const struct btf_type *btf_type_strip(const struct btf *btf, uint32_t id, uint32_t *ret_id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	for (int depth = 0; type && depth < BTF_DEPTH_MAX; depth++) {
		if (!btf_is_mod(type) && !btf_is_typedef(type) && !btf_is_var(type) &&
		    !btf_is_type_tag(type)) {
			if (ret_id)
				*ret_id = id;
			return type;
		}
		id = type->type;
		type = btf__type_by_id(btf, id);
	}
	return NULL;
}

size_t btf_type_bytes(const struct btf *btf, uint32_t id)
{
	uint32_t stripped;
	const struct btf_type *type = btf_type_strip(btf, id, &stripped);
	int64_t size;

	if (!type)
		return 0;
	if (btf_is_datasec(type))
		return type->size;
	size = btf__resolve_size(btf, stripped);
	return size > 0 ? (size_t)size : 0;
}

const char *btf_type_name(const struct btf *btf, uint32_t name_off)
{
	const char *name = btf__name_by_offset(btf, name_off);

	return name ? name : "";
}

bool btf_type_is_char(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf_type_strip(btf, id, NULL);

	return type && btf_is_int(type) && type->size == 1 &&
	       !strcmp(btf_type_name(btf, type->name_off), "char");
}

bool btf_type_is_composite(const struct btf_type *type)
{
	return btf_is_composite(type) || btf_is_datasec(type);
}

void btf_field_get(const struct btf *btf, const struct btf_type *type, uint32_t index,
		   struct btf_field *ret_field)
{
	if (btf_is_datasec(type)) {
		const struct btf_var_secinfo *info = &btf_var_secinfos(type)[index];
		const struct btf_type *var = btf__type_by_id(btf, info->type);

		*ret_field = (struct btf_field){
			.name = var ? btf_type_name(btf, var->name_off) : "",
			.type_id = info->type,
			.bit_off = (uint64_t)info->offset * 8,
		};
		return;
	}
	*ret_field = (struct btf_field){
		.name = btf_type_name(btf, btf_members(type)[index].name_off),
		.type_id = btf_members(type)[index].type,
		.bit_off = btf_member_bit_offset(type, index),
		.bits = btf_member_bitfield_size(type, index),
	};
}

static bool field_find(const struct btf *btf, const struct btf_type *type, const char *name,
		       unsigned int depth, struct btf_field *ret_field)
{
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *member;
		struct btf_field field, inner;

		btf_field_get(btf, type, i, &field);
		if (field.name[0] && !strcmp(field.name, name)) {
			*ret_field = field;
			return true;
		}
		member = field.name[0] ? NULL : btf_type_strip(btf, field.type_id, NULL);
		if (member && btf_is_composite(member) && depth < BTF_DEPTH_MAX &&
		    field_find(btf, member, name, depth + 1, &inner)) {
			inner.bit_off += field.bit_off;
			*ret_field = inner;
			return true;
		}
	}
	return false;
}

bool btf_field_find(const struct btf *btf, const struct btf_type *type, const char *name,
		    struct btf_field *ret_field)
{
	return field_find(btf, type, name, 0, ret_field);
}

static bool place_is_inside(const struct btf_place *place, uint32_t bits)
{
	return bits <= 64 && place->bit_off <= (uint64_t)place->size * 8 &&
	       bits <= (uint64_t)place->size * 8 - place->bit_off;
}

/* Parts of a type, its members' parts included, that are still believed to be meant. */
#define SOUND_PARTS_MAX 65536

static bool type_is_sound(const struct btf *btf, uint32_t id, unsigned int depth,
			  unsigned int *parts)
{
	const struct btf_type *type = btf_type_strip(btf, id, NULL);

	if (!type)
		return true;
	if (depth == BTF_DEPTH_MAX || !*parts)
		return false;
	(*parts)--;
	if (btf_is_array(type))
		return type_is_sound(btf, btf_array(type)->type, depth + 1, parts);
	if (!btf_type_is_composite(type))
		return true;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		struct btf_field field;
		uint64_t bits;

		btf_field_get(btf, type, i, &field);
		bits = field.bits ? field.bits : (uint64_t)btf_type_bytes(btf, field.type_id) * 8;
		if (field.bit_off + bits > (uint64_t)type->size * 8 ||
		    !type_is_sound(btf, field.type_id, depth + 1, parts))
			return false;
	}
	return true;
}

bool btf_type_is_sound(const struct btf *btf, uint32_t id)
{
	unsigned int parts = SOUND_PARTS_MAX;

	return type_is_sound(btf, id, 0, &parts);
}

bool btf_place_load(const struct btf_place *place, uint32_t bits, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!place_is_inside(place, bits))
		return false;
	if ((place->bit_off | bits) % 8 == 0) {
		memcpy(&value, place->data + place->bit_off / 8, bits / 8);
		*ret_value = value;
		return true;
	}
	for (uint32_t i = 0; i < bits; i++) {
		uint64_t bit = place->bit_off + i;

		value |= (uint64_t)(place->data[bit / 8] >> bit % 8 & 1) << i;
	}
	*ret_value = value;
	return true;
}

bool btf_place_store(const struct btf_place *place, uint32_t bits, uint64_t value)
{
	if (!place_is_inside(place, bits))
		return false;
	for (uint32_t i = 0; i < bits; i++) {
		uint64_t bit = place->bit_off + i;
		uint8_t mask = (uint8_t)(1 << bit % 8);

		if (value >> i & 1)
			place->data[bit / 8] |= mask;
		else
			place->data[bit / 8] &= (uint8_t)~mask;
	}
	return true;
}

uint64_t btf_type_enum_value(const struct btf_type *type, uint32_t index)
{
	if (btf_is_enum64(type))
		return btf_enum64_value(&btf_enum64(type)[index]);
	if (btf_kflag(type))
		return (uint64_t)(int64_t)btf_enum(type)[index].val;
	return (uint32_t)btf_enum(type)[index].val;
}

const char *btf_type_enum_name(const struct btf *btf, const struct btf_type *type, uint32_t index)
{
	if (btf_is_enum64(type))
		return btf_type_name(btf, btf_enum64(type)[index].name_off);
	return btf_type_name(btf, btf_enum(type)[index].name_off);
}
