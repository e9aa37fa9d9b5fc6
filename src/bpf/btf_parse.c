/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_parse.c: a reader of BTF that believes nothing.
 *
 * Layout: header (hdr_len bytes), type section, string section, in this order and without gaps. A
 * type is struct btf_type and, by kind, more words: kinds[] says how many bytes and how many per
 * element (vlen). btf_index_make() walks the type section once, checking every bound, and leaves an
 * array of offsets; afterwards a type is reached by its id alone. References may be cyclic through
 * pointers; whatever follows them counts its steps.
 */
#include "bpf/btf_parse.h"

#include "base/error.h"
#include "region/spec.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX	32
#define NAME_OFF_MAX	0x00ffffff
#define NAME_LEN_MAX	511
#define TYPES_MAX	0x000fffff
#define KIND_ENUM64_LEN 12
#define KIND_NAMED	1  /* must have a name */
#define KIND_ANONYMOUS	2  /* must not */
#define KIND_FLAG_OK	4  /* kind_flag means something */
#define KIND_VLEN_OK	8  /* vlen counts elements */
#define KIND_TYPE_REF	16 /* the size field is a type id */
#define KIND_WORD	32 /* a name must be an identifier */

/* What stands behind struct btf_type, and which fields a kind may use. */
static const struct {
	uint8_t fixed;	     /* bytes */
	uint8_t per_element; /* bytes */
	uint8_t rules;
} kinds[] = {
	[BTF_KIND_INT] = {4, 0, KIND_NAMED},
	[BTF_KIND_PTR] = {0, 0, KIND_ANONYMOUS | KIND_TYPE_REF},
	[BTF_KIND_ARRAY] = {sizeof(struct btf_array), 0, KIND_ANONYMOUS},
	[BTF_KIND_STRUCT] = {0, sizeof(struct btf_member), KIND_WORD | KIND_FLAG_OK | KIND_VLEN_OK},
	[BTF_KIND_UNION] = {0, sizeof(struct btf_member), KIND_WORD | KIND_FLAG_OK | KIND_VLEN_OK},
	[BTF_KIND_ENUM] = {0, sizeof(struct btf_enum), KIND_WORD | KIND_FLAG_OK | KIND_VLEN_OK},
	[BTF_KIND_FWD] = {0, 0, KIND_NAMED | KIND_WORD | KIND_FLAG_OK},
	[BTF_KIND_TYPEDEF] = {0, 0, KIND_NAMED | KIND_WORD | KIND_TYPE_REF},
	[BTF_KIND_VOLATILE] = {0, 0, KIND_ANONYMOUS | KIND_TYPE_REF},
	[BTF_KIND_CONST] = {0, 0, KIND_ANONYMOUS | KIND_TYPE_REF},
	[BTF_KIND_RESTRICT] = {0, 0, KIND_ANONYMOUS | KIND_TYPE_REF},
	/* vlen of a function is its linkage. */
	[BTF_KIND_FUNC] = {0, 0, KIND_NAMED | KIND_WORD | KIND_TYPE_REF},
	[BTF_KIND_FUNC_PROTO] = {0, sizeof(struct btf_param),
				 KIND_ANONYMOUS | KIND_VLEN_OK | KIND_TYPE_REF},
	[BTF_KIND_VAR] = {sizeof(struct btf_var), 0, KIND_NAMED | KIND_WORD | KIND_TYPE_REF},
	[BTF_KIND_DATASEC] = {0, sizeof(struct btf_var_secinfo), KIND_NAMED | KIND_VLEN_OK},
	[BTF_KIND_FLOAT] = {0, 0, KIND_NAMED},
	[BTF_KIND_DECL_TAG] = {sizeof(struct btf_decl_tag), 0,
			       KIND_NAMED | KIND_TYPE_REF | KIND_FLAG_OK},
	[BTF_KIND_TYPE_TAG] = {0, 0, KIND_NAMED | KIND_TYPE_REF | KIND_FLAG_OK},
	[BTF_KIND_ENUM64] = {0, KIND_ENUM64_LEN, KIND_WORD | KIND_FLAG_OK | KIND_VLEN_OK},
};

struct btf_index {
	const uint8_t *types;
	uint32_t types_len;
	const char *strings;
	uint32_t strings_len;
	uint32_t *offs; /* of type id i in types; [0] is void and unused */
	uint32_t count; /* ids are 1 .. count - 1 */
};

static const struct btf_type *type_at(const struct btf_index *index, uint32_t id)
{
	if (!id || id >= index->count)
		return NULL;
	return (const struct btf_type *)(index->types + index->offs[id]);
}

static uint32_t kind_of(const struct btf_type *type)
{
	return BTF_INFO_KIND(type->info);
}

static const char *name_at(const struct btf_index *index, uint32_t off)
{
	return off < index->strings_len ? index->strings + off : NULL;
}

/* The kernel's notion of a letter: Latin-1, without the signs for times and divided by. */
static int is_letter(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' ||
	       (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

/* Letters, digits behind the first one, at most NAME_LEN_MAX. Offset 0 is no name, and passes. */
static int is_word(const struct btf_index *index, uint32_t off)
{
	const char *name = index->strings + off;
	size_t len = 0;

	while (name[len] && len <= NAME_LEN_MAX) {
		if (!is_letter((unsigned char)name[len]) &&
		    (!len || name[len] < '0' || name[len] > '9'))
			return 0;
		len++;
	}
	return !off || (len && len <= NAME_LEN_MAX);
}

static int strings_check(const struct btf_index *index)
{
	if (!index->strings_len || index->strings_len - 1 > NAME_OFF_MAX || index->strings[0] ||
	    index->strings[index->strings_len - 1])
		return fail(EINVAL, "BTF: the string section must begin and end with a zero byte");
	return 0;
}

static int header_check(const void *bytes, uint32_t size, struct btf_header *ret_header)
{
	struct btf_header *header = ret_header;
	const uint8_t *raw = bytes;

	if (size < offsetof(struct btf_header, type_off))
		return fail(EINVAL, "BTF: %u bytes do not hold a header", size);
	memset(header, 0, sizeof(*header));
	memcpy(header, bytes, size < sizeof(*header) ? size : sizeof(*header));
	if (header->hdr_len > size)
		return fail(EINVAL, "BTF: the header claims %u of %u bytes", header->hdr_len, size);
	for (uint32_t i = sizeof(*header); i < header->hdr_len; i++)
		if (raw[i])
			return fail(E2BIG, "BTF: a header of a newer kind");
	if (header->hdr_len < sizeof(*header))
		memset((uint8_t *)header + header->hdr_len, 0, sizeof(*header) - header->hdr_len);
	if (header->magic != BTF_MAGIC)
		return fail(EINVAL, "BTF: magic %#x is not %#x", header->magic, BTF_MAGIC);
	if (header->version != BTF_VERSION || header->flags)
		return fail(E524, "BTF: version %u, flags %#x are not supported", header->version,
			    header->flags);
	if (header->hdr_len == size)
		return fail(EINVAL, "BTF: no data behind the header");
	return 0;
}

/* Types, then strings, then the end: the kernel takes no other order and no gaps. */
static int sections_check(const struct btf_header *header, uint32_t size)
{
	uint64_t total = size - header->hdr_len;
	uint64_t type_end = (uint64_t)header->type_off + header->type_len;

	if (header->type_off & 3)
		return fail(EINVAL, "BTF: the type section is not aligned");
	if (header->type_off || type_end != header->str_off ||
	    (uint64_t)header->str_off + header->str_len != total)
		return fail(EINVAL, "BTF: the sections overlap, have gaps or do not fill the data");
	return 0;
}

static int type_meta_check(const struct btf_index *index, const struct btf_type *type, uint32_t id)
{
	uint32_t kind = kind_of(type);
	uint8_t rules = kinds[kind].rules;
	const char *name = name_at(index, type->name_off);

	if (!name)
		return fail(EINVAL, "BTF: the name of type %u lies outside the strings", id);
	if ((rules & KIND_ANONYMOUS) && type->name_off)
		return fail(EINVAL, "BTF: type %u must not have a name", id);
	if ((rules & KIND_NAMED) && !*name && kind != BTF_KIND_INT)
		return fail(EINVAL, "BTF: type %u must have a name", id);
	if ((rules & KIND_WORD) && !is_word(index, type->name_off))
		return fail(EINVAL, "BTF: the name of type %u is no identifier", id);
	if (BTF_INFO_KFLAG(type->info) && !(rules & KIND_FLAG_OK))
		return fail(EINVAL, "BTF: type %u has a flag its kind does not know", id);
	if (BTF_INFO_VLEN(type->info) && !(rules & KIND_VLEN_OK) && kind != BTF_KIND_FUNC)
		return fail(EINVAL, "BTF: type %u has elements, its kind has none", id);
	if (kind == BTF_KIND_FUNC && BTF_INFO_VLEN(type->info) > BTF_FUNC_EXTERN)
		return fail(EINVAL, "BTF: function type %u has an unknown linkage", id);
	return 0;
}

/* Bytes of the type at off, its elements included; negative: malformed. */
static int64_t type_len(const struct btf_index *index, uint32_t off, uint32_t id)
{
	const struct btf_type *type = (const struct btf_type *)(index->types + off);
	uint64_t left = index->types_len - off;
	uint64_t len = sizeof(*type);
	uint32_t kind;

	if (left < len)
		return fail(EINVAL, "BTF: type %u is cut off", id);
	kind = kind_of(type);
	if (!kind || kind >= sizeof(kinds) / sizeof(kinds[0]) || (type->info & 0x60ff0000))
		return fail(EINVAL, "BTF: type %u has the invalid info word %#x", id, type->info);
	len += kinds[kind].fixed;
	if (kinds[kind].rules & KIND_VLEN_OK)
		len += (uint64_t)BTF_INFO_VLEN(type->info) * kinds[kind].per_element;
	if (left < len)
		return fail(EINVAL, "BTF: the elements of type %u are cut off", id);
	return (int64_t)len;
}

static int types_walk(struct btf_index *index)
{
	uint32_t room = index->types_len / sizeof(struct btf_type) + 1;
	uint32_t off = 0;

	if (room > TYPES_MAX)
		room = TYPES_MAX;
	index->offs = malloc(room * sizeof(*index->offs));
	if (!index->offs)
		return fail(ENOMEM, "no memory for the index of %u BTF types", room);
	for (index->count = 1; off < index->types_len; index->count++) {
		int64_t len = type_len(index, off, index->count);
		int err;

		if (len < 0)
			return (int)len;
		if (index->count >= room)
			return fail(E2BIG, "BTF: more than %u types", room);
		index->offs[index->count] = off;
		err = type_meta_check(index, (const void *)(index->types + off), index->count);
		if (err)
			return err;
		off += (uint32_t)len;
	}
	return 0;
}

static void btf_index_free(struct btf_index *index)
{
	free(index->offs);
}

/* Ends with btf_index_free(), also after a failure. */
static int btf_index_make(const void *bytes, uint32_t size, struct btf_index *index)
{
	struct btf_header header;
	int err;

	memset(index, 0, sizeof(*index));
	err = header_check(bytes, size, &header);
	if (!err)
		err = sections_check(&header, size);
	if (err)
		return err;
	index->types = (const uint8_t *)bytes + header.hdr_len;
	index->types_len = header.type_len;
	index->strings = (const char *)index->types + header.str_off;
	index->strings_len = header.str_len;
	if (header.hdr_len & 3)
		return fail(EINVAL, "BTF: the header's length is not a multiple of 4");
	err = strings_check(index);
	return err ? err : types_walk(index);
}

/* The type behind typedefs, qualifiers, tags and variables; 0 for void, negative if there is
 * none. */
static int64_t type_strip(const struct btf_index *index, uint32_t id)
{
	uint32_t first = id;

	for (uint32_t steps = 0; steps < index->count; steps++) {
		const struct btf_type *type = type_at(index, id);

		if (steps > DEPTH_MAX)
			break;
		if (steps && id == first)
			return fail(EEXIST, "BTF: type %u leads back to itself", id);
		if (!type)
			return id ? fail(EINVAL, "BTF: there is no type %u", id) : 0;
		switch (kind_of(type)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_CONST:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
		case BTF_KIND_VAR: id = type->type; break;
		default: return id;
		}
	}
	return fail(E2BIG, "BTF: type %u is more than %d steps deep", id, DEPTH_MAX);
}

/* Bytes of a value of this type, or negative: it has no size. */
static int64_t type_size(const struct btf_index *index, uint32_t id)
{
	uint64_t elements = 1;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		int64_t base = type_strip(index, id);
		const struct btf_type *type = base > 0 ? type_at(index, (uint32_t)base) : NULL;
		const struct btf_array *array;

		if (!type)
			return -EINVAL;
		switch (kind_of(type)) {
		case BTF_KIND_PTR: return (int64_t)(elements * sizeof(uint64_t));
		case BTF_KIND_INT:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_FLOAT:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_DATASEC:
			elements *= type->size;
			return elements > UINT32_MAX ? -EINVAL : (int64_t)elements;
		case BTF_KIND_ARRAY:
			array = (const struct btf_array *)(type + 1);
			elements *= array->nelems;
			if (elements > UINT32_MAX)
				return -EINVAL;
			id = array->type;
			break;
		default: return -EINVAL;
		}
	}
	return -E2BIG;
}

static int ref_check(const struct btf_index *index, uint32_t id, uint32_t ref)
{
	if (ref >= index->count)
		return fail(EINVAL, "BTF: type %u refers to type %u, which does not exist", id,
			    ref);
	return 0;
}

static int int_check(const struct btf_type *type, uint32_t id)
{
	uint32_t data = *(const uint32_t *)(type + 1);
	uint32_t bits = BTF_INT_BITS(data), offset = BTF_INT_OFFSET(data);
	uint32_t encoding = BTF_INT_ENCODING(data);

	if ((data & ~0x0fffffffu) || bits + offset > 128 || bits + offset > type->size * 8)
		return fail(EINVAL, "BTF: integer type %u has an impossible size", id);
	if (encoding && encoding != BTF_INT_SIGNED && encoding != BTF_INT_CHAR &&
	    encoding != BTF_INT_BOOL)
		return fail(E524, "BTF: integer type %u has an unknown encoding", id);
	return 0;
}

/* Whole bytes, as many as a machine's integer has: what arrays are made of and indexed by. */
static int int_is_regular(const struct btf_type *type)
{
	uint32_t data = *(const uint32_t *)(type + 1), bits = BTF_INT_BITS(data);

	return !BTF_INT_OFFSET(data) &&
	       (bits == 8 || bits == 16 || bits == 32 || bits == 64 || bits == 128);
}

/* Where a member that is no bit field ends, in bytes; -EINVAL. An integer may begin within a
 * byte. */
static int64_t member_end(const struct btf_index *index, uint32_t id, uint32_t bits)
{
	int64_t base = type_strip(index, id), size = type_size(index, id);
	const struct btf_type *type = base > 0 ? type_at(index, (uint32_t)base) : NULL;
	uint32_t data;

	if (!type || size < 0)
		return -EINVAL;
	if (kind_of(type) != BTF_KIND_INT)
		return bits % 8 ? -EINVAL : bits / 8 + size;
	data = *(const uint32_t *)(type + 1);
	return ((int64_t)bits + BTF_INT_OFFSET(data) + BTF_INT_BITS(data) + 7) / 8;
}

static int members_check(const struct btf_index *index, const struct btf_type *type, uint32_t id)
{
	const struct btf_member *member = (const struct btf_member *)(type + 1);
	uint32_t flagged = BTF_INFO_KFLAG(type->info), last_bits = 0;

	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++, member++) {
		uint32_t bits = flagged ? BTF_MEMBER_BIT_OFFSET(member->offset) : member->offset;
		uint32_t width = flagged ? BTF_MEMBER_BITFIELD_SIZE(member->offset) : 0;
		int64_t end = member_end(index, member->type, width ? 0 : bits);

		if (!name_at(index, member->name_off) || !is_word(index, member->name_off) ||
		    ref_check(index, id, member->type) || end < 0)
			return fail(EINVAL, "BTF: member %u of type %u has no valid name or type",
				    i, id);
		if (kind_of(type) == BTF_KIND_UNION && bits)
			return fail(EINVAL, "BTF: a member of union %u is not at its start", id);
		if (bits < last_bits)
			return fail(EINVAL, "BTF: member %u of type %u lies before the last one", i,
				    id);
		last_bits = bits;
		if ((width ? ((uint64_t)bits + width + 7) / 8 : (uint64_t)end) > type->size)
			return fail(EINVAL, "BTF: member %u lies outside its type %u", i, id);
	}
	return 0;
}

static int params_check(const struct btf_index *index, const struct btf_type *type, uint32_t id)
{
	const struct btf_param *param = (const struct btf_param *)(type + 1);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++, param++)
		if (!name_at(index, param->name_off) || ref_check(index, id, param->type))
			return fail(EINVAL,
				    "BTF: parameter %u of type %u has no valid name or type", i,
				    id);
	return 0;
}

static int datasec_check(const struct btf_index *index, const struct btf_type *type, uint32_t id)
{
	const struct btf_var_secinfo *info = (const struct btf_var_secinfo *)(type + 1);
	uint64_t end = 0;

	if (!type->size)
		return fail(EINVAL, "BTF: section %u is empty", id);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++, info++) {
		const struct btf_type *var = type_at(index, info->type);

		if (!var || kind_of(var) != BTF_KIND_VAR)
			return fail(EINVAL, "BTF: entry %u of section %u is not a variable", i, id);
		if (info->offset < end || !info->size ||
		    (uint64_t)info->offset + info->size > type->size)
			return fail(EINVAL, "BTF: entry %u of section %u overlaps or lies outside",
				    i, id);
		end = (uint64_t)info->offset + info->size;
	}
	return 0;
}

static int enum_check(const struct btf_index *index, const struct btf_type *type, uint32_t id)
{
	const uint8_t *element = (const uint8_t *)(type + 1);

	if (!type->size || type->size > 8 || (type->size & (type->size - 1)))
		return fail(EINVAL, "BTF: enumeration %u has the size %u", id, type->size);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
		const char *name = name_at(index, *(const uint32_t *)element);

		if (!name || !*name)
			return fail(EINVAL, "BTF: value %u of enumeration %u has no name", i, id);
		element += kinds[kind_of(type)].per_element;
	}
	return 0;
}

static int array_check(const struct btf_index *index, const struct btf_type *type, uint32_t id)
{
	const struct btf_array *array = (const struct btf_array *)(type + 1);
	int64_t by = type_strip(index, array->index_type), of = type_strip(index, array->type);
	const struct btf_type *index_type = by > 0 ? type_at(index, (uint32_t)by) : NULL;
	const struct btf_type *elem = of > 0 ? type_at(index, (uint32_t)of) : NULL;

	if (type->size || !index_type || kind_of(index_type) != BTF_KIND_INT ||
	    !int_is_regular(index_type) || !elem || type_size(index, id) < 0 ||
	    (kind_of(elem) == BTF_KIND_INT && !int_is_regular(elem)))
		return fail(EINVAL, "BTF: array type %u has no valid element or index type", id);
	return 0;
}

/* Structs that the kernel gives a meaning when they stand in a map's value, beside
 * bpf_spin_lock. */
static const char *const managed[] = {"bpf_res_spin_lock", "bpf_timer",	  "bpf_wq",
				      "bpf_list_head",	   "bpf_rb_root", "bpf_refcount"};

/* What a value holds of them. */
struct managed_fields {
	const char *other; /* the first one that is not a spin lock */
	uint64_t lock_off; /* of the last lock, bytes */
	uint32_t locks;
	uint32_t budget; /* bounds the work on types that hold each other thousands of times */
};

static const char *managed_name(const char *name)
{
	for (size_t i = 0; i < sizeof(managed) / sizeof(managed[0]); i++)
		if (!strcmp(name, managed[i]))
			return managed[i];
	return NULL;
}

static void managed_find(const struct btf_index *index, uint32_t id, uint64_t off, int depth,
			 struct managed_fields *ret)
{
	int64_t base = type_strip(index, id);
	const struct btf_type *type = base > 0 ? type_at(index, (uint32_t)base) : NULL;
	const struct btf_member *member;
	const struct btf_array *array;
	const char *name;

	if (!type || depth > 8 || !ret->budget)
		return;
	ret->budget--;
	if (kind_of(type) == BTF_KIND_ARRAY) {
		uint32_t locks = ret->locks;

		array = (const struct btf_array *)(type + 1);
		managed_find(index, array->type, off, depth + 1, ret);
		if (ret->locks > locks && array->nelems > 1)
			ret->locks = locks + 2;
	}
	if (kind_of(type) != BTF_KIND_STRUCT)
		return;
	name = name_at(index, type->name_off);
	if (!strcmp(name, "bpf_spin_lock")) {
		/* As in the kernel, one of another size, or not aligned, is none. */
		if (type->size == sizeof(struct bpf_spin_lock) && off % 4 == 0) {
			ret->lock_off = off;
			ret->locks++;
		}
		return;
	}
	if (!ret->other)
		ret->other = managed_name(name);
	member = (const struct btf_member *)(type + 1);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
		uint32_t bits = BTF_INFO_KFLAG(type->info) ? BTF_MEMBER_BIT_OFFSET(member[i].offset)
							   : member[i].offset;

		managed_find(index, member[i].type, off + bits / 8, depth + 1, ret);
	}
}

static int locks_check(const struct managed_fields *fields)
{
	if (fields->locks > 1)
		return fail(E2BIG, "BTF: a struct may hold one bpf_spin_lock, not more");
	return 0;
}

/* The kernel looks for locks in a struct when it is loaded if one is a member itself. */
static int struct_check(const struct btf_index *index, const struct btf_type *type, uint32_t id)
{
	const struct btf_member *member = (const struct btf_member *)(type + 1);
	struct managed_fields fields = {.budget = 100000};
	int has_lock = 0, err = members_check(index, type, id);

	for (uint32_t i = 0; !err && !has_lock && i < BTF_INFO_VLEN(type->info); i++) {
		const struct btf_type *of = type_at(index, member[i].type);

		has_lock = of && kind_of(of) == BTF_KIND_STRUCT &&
			   !strcmp(name_at(index, of->name_off), "bpf_spin_lock");
	}
	if (!has_lock)
		return err;
	managed_find(index, id, 0, 0, &fields);
	if (!fields.locks && !fields.other)
		return fail(EFAULT,
			    "BTF: the bpf_spin_lock of type %u has another size than the "
			    "kernel's, or is not aligned",
			    id);
	return locks_check(&fields);
}

static int type_check(const struct btf_index *index, uint32_t id)
{
	const struct btf_type *type = type_at(index, id);
	const struct btf_type *target;
	uint32_t kind = kind_of(type);
	int64_t base;

	if ((kinds[kind].rules & KIND_TYPE_REF) && ref_check(index, id, type->type))
		return -EINVAL;
	switch (kind) {
	case BTF_KIND_INT: return int_check(type, id);
	case BTF_KIND_ARRAY: return array_check(index, type, id);
	case BTF_KIND_STRUCT: return struct_check(index, type, id);
	case BTF_KIND_UNION: return members_check(index, type, id);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: return enum_check(index, type, id);
	case BTF_KIND_FUNC_PROTO: return params_check(index, type, id);
	case BTF_KIND_DATASEC: return datasec_check(index, type, id);
	case BTF_KIND_FWD: return type->type ? fail(EINVAL, "BTF: forward %u has a type", id) : 0;
	case BTF_KIND_FUNC:
		target = type_at(index, type->type);
		return target && kind_of(target) == BTF_KIND_FUNC_PROTO
			       ? 0
			       : fail(EINVAL, "BTF: function %u has no prototype", id);
	case BTF_KIND_VAR:
		return type_size(index, id) < 0 ? fail(EINVAL, "BTF: variable %u has no size", id)
						: 0;
	case BTF_KIND_FLOAT:
		return type->size == 2 || type->size == 4 || type->size == 8 || type->size == 12 ||
				       type->size == 16
			       ? 0
			       : fail(EINVAL, "BTF: float type %u has the size %u", id, type->size);
	default: base = type_strip(index, id); return base < 0 ? (int)base : 0;
	}
}

int btf_check(const void *bytes, uint32_t size)
{
	struct btf_index index;
	int err = btf_index_make(bytes, size, &index);

	for (uint32_t id = 1; !err && id < index.count; id++)
		err = type_check(&index, id);
	btf_index_free(&index);
	return err;
}

/* Kernel-managed fields of the value. *ret_lock_plus1 is its spin lock's offset + 1, 0 if none. */
static int managed_check(const struct btf_index *index, uint32_t value_type,
			 const struct map_spec *spec, uint32_t *ret_lock_plus1)
{
	struct managed_fields fields = {.budget = 1000000};
	int err;

	managed_find(index, value_type, 0, 0, &fields);
	err = locks_check(&fields);
	if (err)
		return err;
	if ((fields.locks || fields.other) &&
	    (spec->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)))
		return fail(EACCES, "values with a struct %s need programs that read and write",
			    fields.other ? fields.other : "bpf_spin_lock");
	if (fields.other)
		return fail(EOPNOTSUPP, "values with a struct %s are not supported", fields.other);
	*ret_lock_plus1 = fields.locks ? (uint32_t)fields.lock_off + 1 : 0;
	return 0;
}

/* An array's key is a 32-bit integer, or there is none and the only value is a data section. */
static int array_types_check(const struct btf_index *index, int64_t key, int64_t value,
			     const struct map_spec *spec)
{
	const struct btf_type *type = type_at(index, (uint32_t)(key ? key : value));
	uint32_t data;

	if (!key)
		return spec->max_entries == 1 && kind_of(type) == BTF_KIND_DATASEC
			       ? 0
			       : fail(EINVAL, "BTF: an array without a key type must have one "
					      "element that is a data section");
	if (kind_of(type) != BTF_KIND_INT)
		return fail(EINVAL, "BTF: the key of an array must be a 32-bit integer");
	data = *(const uint32_t *)(type + 1);
	if (BTF_INT_BITS(data) != 32 || BTF_INT_OFFSET(data))
		return fail(EINVAL, "BTF: the key of an array must be a 32-bit integer");
	return 0;
}

static int map_types_check(const struct btf_index *index, uint32_t key_type, uint32_t value_type,
			   const struct map_spec *spec, uint32_t *ret_lock_plus1)
{
	int64_t key = type_strip(index, key_type), value = type_strip(index, value_type);
	int is_array = spec->type == BPF_MAP_TYPE_ARRAY || spec->type == BPF_MAP_TYPE_PERCPU_ARRAY;
	int has_key = spec->type != BPF_MAP_TYPE_BLOOM_FILTER;
	int err;

	if (key_type && (key <= 0 || type_size(index, key_type) != spec->key_size))
		return fail(EINVAL, "BTF: type %u is not a key of %u bytes", key_type,
			    spec->key_size);
	if (!key_type && !is_array && has_key)
		return fail(EINVAL, "BTF: this type of map needs a key type");
	if (value <= 0 || type_size(index, value_type) != spec->value_size)
		return fail(EINVAL, "BTF: type %u is not a value of %u bytes", value_type,
			    spec->value_size);
	err = managed_check(index, value_type, spec, ret_lock_plus1);
	if (err)
		return err;
	return is_array ? array_types_check(index, key, value, spec) : 0;
}

int btf_map_check(const void *bytes, uint32_t size, uint32_t key_type, uint32_t value_type,
		  const struct map_spec *spec, uint32_t *ret_lock_plus1)
{
	struct btf_index index;
	int err = btf_index_make(bytes, size, &index);

	if (!err)
		err = map_types_check(&index, key_type, value_type, spec, ret_lock_plus1);
	btf_index_free(&index);
	return err;
}
