/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test_context.c: fields of the context: { mark: 7, cb: [1, 2] }. */
#include "cli/test.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

static const struct context_field {
	bool is_xdp;
	const char *name;
	uint32_t off, size; /* of one element */
	uint32_t count;
} context_fields[] = {
#define CONTEXT_FIELD(of, field, elements)                                               \
	{sizeof(struct of) == sizeof(struct xdp_md), #field, offsetof(struct of, field), \
	 sizeof(((struct of *)0)->field) / (elements), elements},
#include "cli/context_fields.def"
#undef CONTEXT_FIELD
};

#define CONTEXT_FIELDS (sizeof(context_fields) / sizeof(context_fields[0]))

_Static_assert(sizeof(struct xdp_md) != sizeof(struct __sk_buff), "the size tells which it is");
_Static_assert(sizeof(struct __sk_buff) <= TEST_CONTEXT_MAX, "a context fits");

static int field_find(const struct test_file *file, const yaml_node_t *key, bool is_xdp,
		      const struct context_field **ret_field)
{
	const char *name = test_scalar(key);
	struct text names = {0};
	int err;

	for (size_t i = 0; i < CONTEXT_FIELDS; i++) {
		if (context_fields[i].is_xdp != is_xdp)
			continue;
		if (name && !strcmp(context_fields[i].name, name)) {
			*ret_field = &context_fields[i];
			text_free(&names);
			return 0;
		}
		text_addf(&names, "%s%s", names.len ? ", " : "", context_fields[i].name);
	}
	err = test_refuse(file, key, "the context has no field '%s'; there are %s",
			  name ? name : "?", text_str(&names));
	text_free(&names);
	return err;
}

/* Element i of a field's value; *ret_node is NULL behind the last one. */
static int element_node(const struct test_file *file, const yaml_node_t *node,
			const struct context_field *field, uint32_t i, const yaml_node_t **ret_node)
{
	uint32_t given = 1;

	if (node->type == YAML_SEQUENCE_NODE)
		given = (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (given > field->count)
		return test_refuse(file, node, "%s has %u elements", field->name, field->count);
	*ret_node = i >= given ? NULL
		    : node->type == YAML_SEQUENCE_NODE
			    ? test_node(file, node->data.sequence.items.start[i])
			    : node;
	return 0;
}

/* Called for each number that is given. */
typedef int element_fn(const struct test_file *file, const struct context_field *field, uint32_t i,
		       uint64_t number, void *arg);

static int walk(const struct test_file *file, const yaml_node_t *node, uint32_t prog_type,
		element_fn *element, void *arg)
{
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *value = test_node(file, pair->value), *one = NULL;
		const struct context_field *field = NULL;
		uint64_t number = 0;
		int err = field_find(file, test_node(file, pair->key),
				     prog_type == BPF_PROG_TYPE_XDP, &field);

		for (uint32_t i = 0; !err && i < field->count; i++) {
			err = element_node(file, value, field, i, &one);
			if (err || !one)
				break;
			err = test_number(file, one, ~0ull >> (64 - field->size * 8), &number);
			if (!err)
				err = element(file, field, i, number, arg);
		}
		if (err)
			return err;
	}
	return 0;
}

static int element_set(const struct test_file *file, const struct context_field *field, uint32_t i,
		       uint64_t number, void *arg)
{
	(void)file;
	memcpy((uint8_t *)arg + field->off + i * field->size, &number, field->size);
	return 0;
}

int test_context_set(const struct test_file *file, const yaml_node_t *node, uint32_t prog_type,
		     uint8_t *context, uint32_t *ret_size)
{
	*ret_size =
		prog_type == BPF_PROG_TYPE_XDP ? sizeof(struct xdp_md) : sizeof(struct __sk_buff);
	return node ? walk(file, node, prog_type, element_set, context) : 0;
}

struct comparison {
	const uint8_t *context;
	struct test_differences *differences;
};

static int element_compare(const struct test_file *file, const struct context_field *field,
			   uint32_t i, uint64_t number, void *arg)
{
	const struct comparison *comparison = arg;
	char what[48], expected[24], got[24];
	uint64_t found = 0;

	(void)file;
	memcpy(&found, comparison->context + field->off + i * field->size, field->size);
	if (found == number)
		return 0;
	if (field->count > 1)
		snprintf(what, sizeof(what), "%s[%u]", field->name, i);
	else
		snprintf(what, sizeof(what), "%s", field->name);
	snprintf(expected, sizeof(expected), "%" PRIu64, number);
	snprintf(got, sizeof(got), "%" PRIu64, found);
	test_differ(comparison->differences,
		    &(struct test_difference){
			    .where = "context", .what = what, .expected = expected, .got = got});
	return 0;
}

int test_context_compare(const struct test_file *file, const yaml_node_t *node, uint32_t prog_type,
			 const uint8_t *context, struct test_differences *differences)
{
	struct comparison comparison = {context, differences};

	return walk(file, node, prog_type, element_compare, &comparison);
}
