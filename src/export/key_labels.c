/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* key_labels.c: labels from a key. Members of structs in it are called after the whole path:
 * address_port. */
#include "export/key_labels.h"

#include "cli/btf_fold.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct walk {
	const struct btf *btf;
	struct text name;
	key_label_fn *label;
	void *arg;
};

static void hex_add(struct text *text, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text_addf(text, "%02x", bytes[i]);
}

static void enum_add(struct text *text, const struct btf *btf, const struct btf_type *type,
		     uint64_t value)
{
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		if (btf_type_enum_value(type, i) != value)
			continue;
		text_addf(text, "%s", btf_type_enum_name(btf, type, i));
		return;
	}
	text_addf(text, "%" PRId64, (int64_t)value);
}

/* True if the value is a number, which is then added. */
static bool number_add(struct text *text, const struct btf *btf, const struct btf_type *type,
		       const struct btf_place *place)
{
	bool is_enum = btf_is_any_enum(type);
	bool is_signed = is_enum || (btf_is_int(type) && btf_int_encoding(type) & BTF_INT_SIGNED);
	uint32_t bits = place->bits ? place->bits : type->size * 8;
	uint64_t value;

	if (!is_enum && !btf_is_int(type) && !btf_is_ptr(type))
		return false;
	if (btf_is_ptr(type))
		bits = 64;
	if (bits > 64 || !btf_fold_load(place, bits, is_signed, &value))
		return false;
	if (is_enum)
		enum_add(text, btf, type, value);
	else if (is_signed)
		text_addf(text, "%" PRId64, (int64_t)value);
	else
		text_addf(text, "%" PRIu64, value);
	return true;
}

static void leaf(struct walk *walk, const struct btf_type *type, uint32_t id,
		 const struct btf_place *place)
{
	const uint8_t *bytes = place->data + place->bit_off / 8;
	size_t size = btf_type_bytes(walk->btf, id);
	struct text text = {0};

	if (type && btf_is_array(type) && btf_type_is_char(walk->btf, btf_array(type)->type))
		text_add(&text, (const char *)bytes, strnlen((const char *)bytes, size));
	else if (!type || !number_add(&text, walk->btf, type, place))
		hex_add(&text, bytes, size);
	walk->label(walk->arg, walk->name.len ? text_str(&walk->name) : "key", &text);
	text_free(&text);
}

/* Label names have no dots, and no digit at their beginning. */
static void name_add(struct text *name, const char *member)
{
	text_addf(name, "%s", name->len ? "_" : "");
	for (const char *s = member; *s; s++)
		text_addf(name, "%c", isalnum((unsigned char)*s) ? *s : '_');
}

static void walk_type(struct walk *walk, uint32_t id, const struct btf_place *place,
		      unsigned int depth)
{
	const struct btf_type *type = btf_type_strip(walk->btf, id, NULL);
	size_t len = walk->name.len;

	/* A union is one value; which member it is, nobody says. */
	if (!type || !btf_is_struct(type) || depth == BTF_DEPTH_MAX) {
		leaf(walk, type, id, place);
		return;
	}
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		struct btf_place at = *place;
		struct btf_field field;

		btf_field_get(walk->btf, type, i, &field);
		/* Named padding says nothing. */
		if (!btf_type_bytes(walk->btf, field.type_id))
			continue;
		at.bit_off += field.bit_off;
		at.bits = field.bits;
		if (field.name[0])
			name_add(&walk->name, field.name);
		walk_type(walk, field.type_id, &at, depth + 1);
		walk->name.len = len;
		if (walk->name.s)
			walk->name.s[len] = 0;
	}
}

void key_labels(const struct mapref *ref, const uint8_t *key, key_label_fn *label, void *arg)
{
	struct walk walk = {.btf = ref->btf, .label = label, .arg = arg};
	const struct btf_place place = {.data = (uint8_t *)key, .size = ref->info.key_size};
	size_t size = ref->info.key_size;
	struct text text = {0};
	uint64_t number = 0;

	if (ref->key_type) {
		walk_type(&walk, ref->key_type, &place, 0);
		text_free(&walk.name);
		return;
	}
	if (size == 1 || size == 2 || size == 4 || size == 8) {
		memcpy(&number, key, size);
		text_addf(&text, "%" PRIu64, number);
	} else {
		hex_add(&text, key, size);
	}
	label(arg, "key", &text);
	text_free(&text);
}
