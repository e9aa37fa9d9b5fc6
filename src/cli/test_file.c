/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test_file.c: a test file's structure. It is YAML; each mapping has a table of the keys that it
 * may have, and a key that is not in it is refused, as it would otherwise be missed in silence.
 * What stands behind the keys of values, packets and maps is read when the case runs and the types
 * are known. */
#include "cli/test.h"

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (4 << 20)
#define CASES_MAX      10000
#define REPEAT_MAX     1000000

typedef int node_fn(struct test_file *file, const yaml_node_t *node, void *into);

/* A key of a mapping, and what reads its value. */
struct rule {
	const char *key;
	node_fn *read;
	size_t offset; /* of what it reads, in the struct */
};

int test_refuse(const struct test_file *file, const yaml_node_t *node, const char *fmt, ...)
{
	char why[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return fail(EINVAL, "%s:%zu:%zu: %s", file->path, node->start_mark.line + 1,
		    node->start_mark.column + 1, why);
}

const yaml_node_t *test_node(const struct test_file *file, int index)
{
	/* libyaml takes a document that it does not change. */
	return yaml_document_get_node((yaml_document_t *)&file->document, index);
}

const char *test_scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

bool test_is_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

int test_number(const struct test_file *file, const yaml_node_t *node, uint64_t max,
		uint64_t *ret_number)
{
	const char *s = test_scalar(node);
	uint64_t number;
	char *end = NULL;

	errno = 0;
	number = s ? strtoull(s, &end, 0) : 0;
	if (!s || !isdigit((unsigned char)*s) || *end)
		return test_refuse(file, node, "a number is expected here");
	if (errno || number > max)
		return test_refuse(file, node, "%s is too large, at most %llu", s,
				   (unsigned long long)max);
	*ret_number = number;
	return 0;
}

/* ---- what stands behind keys ---- */

static int read_text(struct test_file *file, const yaml_node_t *node, void *into)
{
	const char *s = test_scalar(node);

	if (!s || !*s)
		return test_refuse(file, node, "a text is expected here");
	*(const char **)into = s;
	return 0;
}

static int read_engine(struct test_file *file, const yaml_node_t *node, void *into)
{
	const char *s = test_scalar(node);

	if (!s || !backend_find(s))
		return test_refuse(file, node, "user or kernel is expected here");
	*(const char **)into = s;
	return 0;
}

static int read_bool(struct test_file *file, const yaml_node_t *node, void *into)
{
	const char *s = test_scalar(node);

	if (!s || (strcmp(s, "true") && strcmp(s, "false")))
		return test_refuse(file, node, "true or false is expected here");
	*(bool *)into = *s == 't';
	return 0;
}

static int read_repeat(struct test_file *file, const yaml_node_t *node, void *into)
{
	uint64_t repeat = 0;
	int err = test_number(file, node, REPEAT_MAX, &repeat);

	if (!err && !repeat)
		err = test_refuse(file, node, "a program runs at least once");
	*(uint32_t *)into = (uint32_t)repeat;
	return err;
}

static int read_node(struct test_file *file, const yaml_node_t *node, void *into)
{
	(void)file;
	*(const yaml_node_t **)into = node;
	return 0;
}

static int read_mapping(struct test_file *file, const yaml_node_t *node, void *into)
{
	if (node->type != YAML_MAPPING_NODE)
		return test_refuse(file, node, "keys with values are expected here");
	return read_node(file, node, into);
}

/* ---- mappings ---- */

static bool is_repeated(const struct test_file *file, const yaml_node_t *mapping,
			const yaml_node_pair_t *pair, const char *key)
{
	for (yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
		const char *before = test_scalar(test_node(file, p->key));

		if (before && !strcmp(before, key))
			return true;
	}
	return false;
}

static int no_such_key(const struct test_file *file, const yaml_node_t *node, const char *key,
		       const struct rule *rules)
{
	struct text keys = {0};
	int err;

	for (const struct rule *rule = rules; rule->key; rule++)
		text_addf(&keys, "%s%s", keys.len ? ", " : "", rule->key);
	err = test_refuse(file, node, "what is '%s'? Here may be: %s", key, text_str(&keys));
	text_free(&keys);
	return err;
}

static int walk(struct test_file *file, const yaml_node_t *mapping, const struct rule *rules,
		void *into)
{
	if (mapping->type != YAML_MAPPING_NODE)
		return test_refuse(file, mapping, "keys with values are expected here");
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *node = test_node(file, pair->key);
		const char *key = test_scalar(node);
		const struct rule *rule = rules;
		int err;

		if (!key)
			return test_refuse(file, node, "a key is a word");
		while (rule->key && strcmp(rule->key, key))
			rule++;
		if (!rule->key)
			return no_such_key(file, node, key, rules);
		if (is_repeated(file, mapping, pair, key))
			return test_refuse(file, node, "'%s' was said already", key);
		err = rule->read(file, test_node(file, pair->value), (char *)into + rule->offset);
		if (err)
			return err;
	}
	return 0;
}

static int read_given(struct test_file *file, const yaml_node_t *node, void *into)
{
	static const struct rule rules[] = {
		{"maps", read_mapping, offsetof(struct test_case, given_maps)},
		{"context", read_mapping, offsetof(struct test_case, given_context)},
		{"packet", read_node, offsetof(struct test_case, given_packet)},
		{NULL, NULL, 0},
	};

	return walk(file, node, rules, into);
}

static int read_expect(struct test_file *file, const yaml_node_t *node, void *into)
{
	static const struct rule rules[] = {
		{"verdict", read_node, offsetof(struct test_case, verdict)},
		{"packet", read_node, offsetof(struct test_case, packet)},
		{"context", read_mapping, offsetof(struct test_case, context)},
		{"maps", read_mapping, offsetof(struct test_case, maps)},
		{"changes", read_mapping, offsetof(struct test_case, changes)},
		{"fails", read_node, offsetof(struct test_case, fails)},
		{NULL, NULL, 0},
	};

	return walk(file, node, rules, into);
}

static int case_check(const struct test_file *file, const struct test_case *test)
{
	if (!test->name)
		return test_refuse(file, test->node, "the case has no name");
	if (!test->given_packet)
		return test_refuse(file, test->node, "the case has no packet (given: packet:)");
	if (!test->verdict && !test->packet && !test->context && !test->maps && !test->changes &&
	    !test->fails)
		return test_refuse(file, test->node, "the case expects nothing");
	return 0;
}

static int read_cases(struct test_file *file, const yaml_node_t *node, void *into)
{
	static const struct rule rules[] = {
		{"name", read_text, offsetof(struct test_case, name)},
		{"program", read_text, offsetof(struct test_case, program)},
		{"only", read_engine, offsetof(struct test_case, only)},
		{"keep", read_bool, offsetof(struct test_case, keep)},
		{"repeat", read_repeat, offsetof(struct test_case, repeat)},
		{"given", read_given, 0},
		{"expect", read_expect, 0},
		{NULL, NULL, 0},
	};

	(void)into;
	if (node->type != YAML_SEQUENCE_NODE)
		return test_refuse(file, node, "a list of cases is expected here");
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		struct test_case test = {.node = test_node(file, *item), .repeat = 1};
		int err = walk(file, test.node, rules, &test);

		if (!err)
			err = case_check(file, &test);
		if (!err && file->count == CASES_MAX)
			err = test_refuse(file, test.node, "there are more than %d cases",
					  CASES_MAX);
		if (err)
			return err;
		file->cases = must_realloc(file->cases, (file->count + 1) * sizeof(test));
		file->cases[file->count++] = test;
	}
	return 0;
}

static int file_walk(struct test_file *file)
{
	static const struct rule rules[] = {
		{"program", read_text, offsetof(struct test_file, program)},
		{"packets", read_node, offsetof(struct test_file, packets)},
		{"cases", read_cases, 0},
		{NULL, NULL, 0},
	};
	const yaml_node_t *root = yaml_document_get_root_node(&file->document);
	int err;

	if (!root)
		return fail(EINVAL, "%s:1:1: the file is empty", file->path);
	err = walk(file, root, rules, file);
	if (!err && !file->count)
		err = test_refuse(file, root, "the file has no cases");
	for (size_t i = 0; i < file->count; i++)
		if (!file->cases[i].program)
			file->cases[i].program = file->program;
	return err;
}

static int parse(FILE *stream, struct test_file *file)
{
	yaml_parser_t parser;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return fail(ENOMEM, "no memory to read %s", file->path);
	yaml_parser_set_input_file(&parser, stream);
	if (!yaml_parser_load(&parser, &file->document))
		err = fail(EINVAL, "%s:%zu:%zu: %s", file->path, parser.problem_mark.line + 1,
			   parser.problem_mark.column + 1,
			   parser.problem ? parser.problem : "no YAML");
	yaml_parser_delete(&parser);
	return err;
}

int test_file_read(const char *path, struct test_file *ret_file)
{
	struct test_file file = {.path = path};
	FILE *stream = fopen(path, "re");
	int err;

	if (!stream)
		return fail_os(errno, "can't open %s", path);
	fseek(stream, 0, SEEK_END);
	err = ftell(stream) > FILE_BYTES_MAX
		      ? fail(EFBIG, "%s is larger than %d bytes", path, FILE_BYTES_MAX)
		      : 0;
	rewind(stream);
	if (!err)
		err = parse(stream, &file);
	fclose(stream);
	if (err)
		return err;
	err = file_walk(&file);
	if (err)
		test_file_free(&file);
	else
		*ret_file = file;
	return err;
}

void test_file_free(struct test_file *file)
{
	yaml_document_delete(&file->document);
	free(file->cases);
}
