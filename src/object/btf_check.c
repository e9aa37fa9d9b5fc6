/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_check.c: an object's BTF is input, and libbpf (1.1) follows its references without
 * looking. */
#include "object/btf_check.h"

#include <bpf/btf.h>
#include <stdint.h>

static bool ref_is_sound(const struct btf *btf, uint32_t name_off, uint32_t id)
{
	return btf__name_by_offset(btf, name_off) && btf__type_by_id(btf, id);
}

static bool members_are_sound(const struct btf *btf, const struct btf_type *type)
{
	for (uint32_t i = 0; i < btf_vlen(type); i++)
		if (!ref_is_sound(btf, btf_members(type)[i].name_off, btf_members(type)[i].type))
			return false;
	return true;
}

static bool params_are_sound(const struct btf *btf, const struct btf_type *type)
{
	for (uint32_t i = 0; i < btf_vlen(type); i++)
		if (!ref_is_sound(btf, btf_params(type)[i].name_off, btf_params(type)[i].type))
			return false;
	return btf__type_by_id(btf, type->type);
}

/* A data section holds variables and, of functions, their declarations. */
static bool variables_are_sound(const struct btf *btf, const struct btf_type *type)
{
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *var = btf__type_by_id(btf, btf_var_secinfos(type)[i].type);

		if (!var || (!btf_is_var(var) && !btf_is_func(var)))
			return false;
	}
	return true;
}

static bool enumerators_are_sound(const struct btf *btf, const struct btf_type *type)
{
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		uint32_t name_off = btf_is_enum64(type) ? btf_enum64(type)[i].name_off
							: btf_enum(type)[i].name_off;

		if (!btf__name_by_offset(btf, name_off))
			return false;
	}
	return true;
}

static bool function_is_sound(const struct btf *btf, const struct btf_type *type)
{
	const struct btf_type *proto = btf__type_by_id(btf, type->type);

	return proto && btf_is_func_proto(proto);
}

static bool refs_are_sound(const struct btf *btf, const struct btf_type *type)
{
	if (!btf__name_by_offset(btf, type->name_off))
		return false;
	switch (btf_kind(type)) {
	case BTF_KIND_ARRAY:
		return btf__type_by_id(btf, btf_array(type)->type) &&
		       btf__type_by_id(btf, btf_array(type)->index_type);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: return members_are_sound(btf, type);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: return enumerators_are_sound(btf, type);
	case BTF_KIND_FUNC_PROTO: return params_are_sound(btf, type);
	case BTF_KIND_DATASEC: return variables_are_sound(btf, type);
	case BTF_KIND_FUNC: return function_is_sound(btf, type);
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
	case BTF_KIND_TYPE_TAG: return btf__type_by_id(btf, type->type);
	default: return true;
	}
}

bool btf_refs_are_sound(const struct btf *btf)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++)
		if (!refs_are_sound(btf, btf__type_by_id(btf, id)))
			return false;
	return true;
}
