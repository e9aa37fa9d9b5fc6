/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* field.h: a part of an element that the command line names: key, value, value.packets,
 * key.address[2]. It can be compared with constants and with the same field of other elements. */
#ifndef BPFMAP_CLI_FIELD_H
#define BPFMAP_CLI_FIELD_H

#include "cli/btf_fold.h"
#include "cli/mapref.h"

enum field_kind {
	FIELD_UNSIGNED,
	FIELD_SIGNED,
	FIELD_FLOAT,
	FIELD_BYTES, /* strings and everything else, compared as memcmp() does */
};

struct field {
	bool of_key;
	enum field_kind kind;
	uint32_t type_id;     /* 0: bytes without type */
	uint64_t bit_off;     /* in the key or value */
	uint32_t bits;	      /* of a number */
	uint32_t member_bits; /* the same if it is a bit field, else 0 */
	size_t size;	      /* bytes of FIELD_BYTES */
};

/* What a field holds. bytes belong to the element or the constant. */
struct field_value {
	enum field_kind kind;
	uint64_t number; /* sign-extended */
	double real;
	const uint8_t *bytes;
	size_t size;
};

/* PATH of a map's elements. 0 or an exit code. */
int field_parse(const struct mapref *ref, const char *path, struct field *ret_field);

/* A constant to compare the field with: a number, or what its type takes (names of enumerators,
 * strings, braces). Free its bytes. 0 or an exit code. */
int field_constant(const struct mapref *ref, const struct field *field, const char *path,
		   const char *word, struct field_value *ret_constant);

/* The field of one element, whose value is folded if it is one per CPU. */
void field_load(const struct mapref *ref, const struct field *field, const struct btf_fold *fold,
		const void *key, const void *value, struct field_value *ret_value);

/* <0, 0, >0; both are values of one field. */
int field_compare(const struct field_value *a, const struct field_value *b);

#endif
