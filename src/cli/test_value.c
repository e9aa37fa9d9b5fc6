/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test_value.c: keys and values of a test file.
 *
 * A YAML value is spelt as the text that the tool takes for DATA, and read by the type. Read twice,
 * into zeroes and into ones, it shows which bits it says something about: a bit that is the same in
 * both. */
#include "cli/test.h"

#include "bpfmap/bpfmap.h"
#include "cli/btf_parse_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Aliases may nest a value in itself, or make a short file mean gigabytes. */
#define DEPTH_MAX 16
#define TEXT_MAX  (1u << 20)

static int spell(const struct test_file *file, const yaml_node_t *node, unsigned int depth,
		 struct text *text);

static void quote(struct text *text, const char *s)
{
	text_addf(text, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_addf(text, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			text_addf(text, "\\%03o", (unsigned char)*s);
		else
			text_add(text, s, 1);
	}
	text_addf(text, "\"");
}

static void bytes_spell(struct text *text, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_addf(text, "%s%u", i ? "," : "{", bytes[i]);
	text_addf(text, "}");
}

/* An IPv4, IPv6 or Ethernet address as bytes in its order. */
static bool address_spell(struct text *text, const char *s)
{
	unsigned int mac[6];
	uint8_t bytes[16];
	int end = 0;

	if (inet_pton(AF_INET, s, bytes) == 1) {
		bytes_spell(text, bytes, 4);
		return true;
	}
	if (inet_pton(AF_INET6, s, bytes) == 1) {
		bytes_spell(text, bytes, 16);
		return true;
	}
	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		   &mac[5], &end) != 6 ||
	    s[end])
		return false;
	for (size_t i = 0; i < 6; i++)
		bytes[i] = (uint8_t)mac[i];
	bytes_spell(text, bytes, 6);
	return true;
}

/* !be16 80, !be32 10.0.0.1: a number as the network has it. */
static int network_spell(const struct test_file *file, const yaml_node_t *node, const char *tag,
			 struct text *text)
{
	unsigned int bytes = (unsigned int)atoi(tag + strlen("!be")) / 8;
	uint64_t number = 0, swapped = 0;
	struct in_addr address;
	int err;

	if (bytes == 4 && test_scalar(node) &&
	    inet_pton(AF_INET, test_scalar(node), &address) == 1) {
		text_addf(text, "%" PRIu32, address.s_addr);
		return 0;
	}
	err = test_number(file, node, ~0ull >> (64 - bytes * 8), &number);
	if (err)
		return err;
	for (unsigned int i = 0; i < bytes; i++)
		((uint8_t *)&swapped)[i] = (uint8_t)(number >> (bytes - 1 - i) * 8);
	text_addf(text, "%" PRIu64, swapped);
	return 0;
}

/* A text that looks like an address and is none has !text before it. */
static int tagged_spell(const struct test_file *file, const yaml_node_t *node, struct text *text)
{
	const char *tag = (const char *)node->tag;

	if (!strcmp(tag, "!be16") || !strcmp(tag, "!be32") || !strcmp(tag, "!be64"))
		return network_spell(file, node, tag, text);
	if (!strcmp(tag, "!text")) {
		quote(text, test_scalar(node));
		return 0;
	}
	return test_refuse(file, node, "what is %s? There are !be16, !be32, !be64 and !text", tag);
}

/* A number or a name; other texts are put into quotes. */
static bool is_word(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_+-.'", *s))
			return false;
	return true;
}

/* Tags of YAML's own are spelt out; "!" alone means none. */
static bool has_tag(const yaml_node_t *node)
{
	const char *tag = (const char *)node->tag;

	return tag && tag[0] == '!' && tag[1];
}

static int scalar_spell(const struct test_file *file, const yaml_node_t *node, unsigned int depth,
			struct text *text)
{
	const char *s = test_scalar(node);

	if (has_tag(node))
		return tagged_spell(file, node, text);
	if (address_spell(text, s))
		return 0;
	if (!depth || (test_is_plain(node) && is_word(s)))
		text_addf(text, "%s", s);
	else
		quote(text, s);
	return 0;
}

static int sequence_spell(const struct test_file *file, const yaml_node_t *node, unsigned int depth,
			  struct text *text)
{
	int err = 0;

	text_addf(text, "[");
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     !err && item < node->data.sequence.items.top; item++) {
		text_addf(text, "%s", item > node->data.sequence.items.start ? "," : "");
		err = spell(file, test_node(file, *item), depth + 1, text);
	}
	text_addf(text, "]");
	return err;
}

static int mapping_spell(const struct test_file *file, const yaml_node_t *node, unsigned int depth,
			 struct text *text)
{
	int err = 0;

	text_addf(text, "{");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !err && pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = test_node(file, pair->key);

		if (!test_scalar(key))
			return test_refuse(file, key, "a member's name is expected here");
		text_addf(text, "%s", pair > node->data.mapping.pairs.start ? "," : "");
		quote(text, test_scalar(key));
		text_addf(text, ":");
		err = spell(file, test_node(file, pair->value), depth + 1, text);
	}
	text_addf(text, "}");
	return err;
}

static int spell(const struct test_file *file, const yaml_node_t *node, unsigned int depth,
		 struct text *text)
{
	if (depth == DEPTH_MAX || text->len > TEXT_MAX)
		return test_refuse(file, node, "the value is too deep or too long");
	switch (node->type) {
	case YAML_SCALAR_NODE: return scalar_spell(file, node, depth, text);
	case YAML_SEQUENCE_NODE: return sequence_spell(file, node, depth, text);
	case YAML_MAPPING_NODE: return mapping_spell(file, node, depth, text);
	default: return test_refuse(file, node, "a value is expected here");
	}
}

/* ---- bytes ---- */

/* "hex 01 02 ff" or "hex 0102ff": all of it. */
static int hex_value(const struct test_file *file, const yaml_node_t *node,
		     const struct test_want *want, uint8_t *data)
{
	const char *s = test_scalar(node) + strlen("hex");
	size_t count = 0;

	for (; *s; s++) {
		char digits[3] = {s[0], s[0] ? s[1] : 0, 0};

		if (isspace((unsigned char)*s))
			continue;
		if (strspn(digits, "0123456789abcdefABCDEF") != 2)
			return test_refuse(file, node, "%s: '%.10s' is no hexadecimal byte",
					   want->what, s);
		if (count < want->size)
			data[count] = (uint8_t)strtoul(digits, NULL, 16);
		count++;
		s++;
	}
	if (count == want->size)
		return 0;
	return test_refuse(file, node, "%s: %zu bytes are expected, there are %zu", want->what,
			   want->size, count);
}

/* Without BTF: a number in the machine's order, or a list of bytes. */
static int untyped_value(const struct test_file *file, const yaml_node_t *node,
			 const struct test_want *want, uint8_t *data)
{
	uint64_t number = 0;
	size_t count;
	int err;

	if (node->type == YAML_SCALAR_NODE &&
	    (want->size == 1 || want->size == 2 || want->size == 4 || want->size == 8)) {
		err = test_number(file, node, ~0ull >> (64 - want->size * 8), &number);
		memcpy(data, &number, want->size);
		return err;
	}
	if (node->type != YAML_SEQUENCE_NODE)
		return test_refuse(file, node,
				   "%s: the map has no BTF for it, so it is a list of %zu bytes, "
				   "or hex ...",
				   want->what, want->size);
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count != want->size)
		return test_refuse(file, node, "%s: %zu bytes are expected, there are %zu",
				   want->what, want->size, count);
	for (size_t i = 0; i < count; i++) {
		err = test_number(file, test_node(file, node->data.sequence.items.start[i]), 255,
				  &number);
		if (err)
			return err;
		data[i] = (uint8_t)number;
	}
	return 0;
}

static int typed_value(const struct test_file *file, const yaml_node_t *node,
		       const struct test_want *want, uint8_t *data, uint8_t *mask)
{
	struct text text = {0};
	int err = spell(file, node, 0, &text);

	memset(data, 0, want->size);
	memset(mask, 0xff, want->size);
	if (!err) {
		err = btf_parse_value(want->btf, want->type_id, want->what, text_str(&text), data,
				      want->size);
		if (!err)
			err = btf_parse_value(want->btf, want->type_id, want->what, text_str(&text),
					      mask, want->size);
		if (err) {
			char why[400];

			snprintf(why, sizeof(why), "%s", bpfmap_last_error());
			err = test_refuse(file, node, "%s", why);
		}
	}
	text_free(&text);
	for (size_t i = 0; !err && i < want->size; i++)
		mask[i] = (uint8_t) ~(data[i] ^ mask[i]);
	return err;
}

int test_value(const struct test_file *file, const yaml_node_t *node, const struct test_want *want,
	       uint8_t *ret_data, uint8_t *ret_mask)
{
	const char *s = test_scalar(node);

	if (s && !strncmp(s, "hex ", 4)) {
		memset(ret_mask, 0xff, want->size);
		return hex_value(file, node, want, ret_data);
	}
	if (want->type_id)
		return typed_value(file, node, want, ret_data, ret_mask);
	memset(ret_mask, 0xff, want->size);
	return untyped_value(file, node, want, ret_data);
}
