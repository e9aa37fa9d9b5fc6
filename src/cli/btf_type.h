/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_type.h: what printing and parsing typed values have in common. BTF comes from files that
 * anybody may have written: every id, name and offset is checked where it is used. */
#ifndef BPFMAP_CLI_BTF_TYPE_H
#define BPFMAP_CLI_BTF_TYPE_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nesting of types beyond which a value is not typed: no program comes near, damaged BTF does. */
#define BTF_DEPTH_MAX 32

/* The type behind typedef, const, volatile, restrict, type tags and variables; NULL if there is
 * none. ret_id may be NULL. */
const struct btf_type *btf_type_strip(const struct btf *btf, uint32_t id, uint32_t *ret_id);

/* Bytes of a value of that type; 0 if it has none or the BTF is damaged. */
size_t btf_type_bytes(const struct btf *btf, uint32_t id);

/* True if every member lies inside its struct and the type has no more parts than a program could
 * mean: then showing a value of it takes time and output in proportion to its size. Damaged BTF may
 * describe a struct that holds itself twice. */
bool btf_type_is_sound(const struct btf *btf, uint32_t id);

/* The name at an offset, "" if there is none. */
const char *btf_type_name(const struct btf *btf, uint32_t name_off);

/* True for the element type of a string: one byte called char. */
bool btf_type_is_char(const struct btf *btf, uint32_t id);

bool btf_type_is_composite(const struct btf_type *type);

struct btf_fold;

/* Where a value lies: bits of a buffer. */
struct btf_place {
	uint8_t *data;
	size_t size;	  /* bytes of the buffer */
	uint64_t bit_off; /* from its start */
	uint32_t bits;	  /* of a bit field; 0: the type's own size */
	/* The buffer is the first of one per CPU, which are read as one value; NULL: it is the only
	 * one. */
	const struct btf_fold *fold;
};

/* One member of a struct, union or data section. */
struct btf_field {
	const char *name;
	uint32_t type_id;
	uint64_t bit_off; /* from the start of the struct */
	uint32_t bits;	  /* of a bit field, else 0 */
};
void btf_field_get(const struct btf *btf, const struct btf_type *type, uint32_t index,
		   struct btf_field *ret_field);

/* The member of that name, searched in anonymous structs and unions too. */
bool btf_field_find(const struct btf *btf, const struct btf_type *type, const char *name,
		    struct btf_field *ret_field);

/* The integer at a place, zero-extended; false if it does not lie in the buffer or has more than 64
 * bits. store is its reverse; the value's upper bits are dropped. */
bool btf_place_load(const struct btf_place *place, uint32_t bits, uint64_t *ret_value);
bool btf_place_store(const struct btf_place *place, uint32_t bits, uint64_t value);

/* The enumerator's value at index, sign-extended if the enum is signed. */
uint64_t btf_type_enum_value(const struct btf_type *type, uint32_t index);
const char *btf_type_enum_name(const struct btf *btf, const struct btf_type *type, uint32_t index);

#endif
