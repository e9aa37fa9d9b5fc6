/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* config.c: read a YAML file of ebpf_exporter's format.
 *
 * The document is walked along tables of the keys that each mapping may have, which also bounds the
 * depth: whatever aliases a file contains, the walk ends. A key that is not in its table is an
 * error with its line, as it would otherwise be missed in silence.
 */
#include "export/config.h"

#include "base/error.h"
#include "export/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define CONFIG_BYTES_MAX (1 << 20)
#define METRICS_MAX	 1000 /* each is a walk over a map at every scrape */
#define LABELS_MAX	 64
#define DECODERS_MAX	 16
#define LIST_MAX	 10000 /* pairs, expressions, bucket keys */
#define BUCKETS_MAX	 10000 /* samples per histogram */

struct reader {
	const char *path;
	yaml_document_t *document;
	struct config *config;
};

typedef int node_fn(struct reader *reader, const yaml_node_t *node, void *into);

/* A key of a mapping and what reads its value. */
struct rule {
	const char *key;
	node_fn *read;
	size_t offset; /* of what it reads, in the struct */
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct reader *reader,
							const yaml_node_t *node, const char *fmt,
							...)
{
	char why[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return fail(EINVAL, "%s:%zu: %s", reader->path, node->start_mark.line + 1, why);
}

static char *text_dup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(must_realloc(NULL, size), s, size);
}

static const char *scalar_of(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* ---- scalars ---- */

static int read_string(struct reader *reader, const yaml_node_t *node, void *into)
{
	char **string = into;
	const char *s = scalar_of(node);

	if (!s)
		return refuse(reader, node, "a text is expected here");
	free(*string);
	*string = text_dup(s);
	return 0;
}

static int read_name(struct reader *reader, const yaml_node_t *node, void *into)
{
	const char *s = scalar_of(node);

	if (!s || !expose_name_is_valid(s))
		return refuse(reader, node,
			      "a name consists of letters, digits and _ and begins with no digit");
	return read_string(reader, node, into);
}

static int read_label_name(struct reader *reader, const yaml_node_t *node, void *into)
{
	const char *s = scalar_of(node);

	if (s && (!strcmp(s, "le") || !strncmp(s, "__", 2)))
		return refuse(reader, node, "labels called le or __... have meanings of their own");
	return read_name(reader, node, into);
}

static int read_number(struct reader *reader, const yaml_node_t *node, int64_t max, int64_t *ret)
{
	const char *s = scalar_of(node);
	char *end = NULL;
	long long number;

	errno = 0;
	number = s ? strtoll(s, &end, 0) : 0;
	if (!s || !*s || *end || errno || number > max || number < -max)
		return refuse(reader, node, "a whole number up to %lld is expected here",
			      (long long)max);
	*ret = number;
	return 0;
}

static int read_bucket(struct reader *reader, const yaml_node_t *node, void *into)
{
	return read_number(reader, node, BUCKETS_MAX, into);
}

static int read_size(struct reader *reader, const yaml_node_t *node, void *into)
{
	int64_t size = 0;
	int err = read_number(reader, node, UINT16_MAX, &size);

	if (!err && size < 0)
		err = refuse(reader, node, "a size is not negative");
	if (!err)
		*(uint64_t *)into = (uint64_t)size;
	return err;
}

static int read_double(struct reader *reader, const yaml_node_t *node, void *into)
{
	const char *s = scalar_of(node);
	char *end = NULL;
	double value = s ? strtod(s, &end) : 0;

	if (!s || !*s || *end || !(value - value == 0))
		return refuse(reader, node, "a number is expected here");
	*(double *)into = value;
	return 0;
}

static int read_bool(struct reader *reader, const yaml_node_t *node, void *into)
{
	const char *s = scalar_of(node);

	if (!s || (strcmp(s, "true") && strcmp(s, "false")))
		return refuse(reader, node, "true or false is expected here");
	*(bool *)into = !strcmp(s, "true");
	return 0;
}

static int read_bucket_type(struct reader *reader, const yaml_node_t *node, void *into)
{
	static const char *const words[] = {"exp2", "exp2zero", "linear", "fixed"};
	const char *s = scalar_of(node);

	for (int i = 0; s && i < 4; i++) {
		if (strcmp(s, words[i]))
			continue;
		*(enum config_buckets *)into = (enum config_buckets)i;
		return 0;
	}
	return refuse(reader, node, "bucket_type is exp2, exp2zero, linear or fixed");
}

static int read_perf_event_array(struct reader *reader, const yaml_node_t *node, void *into)
{
	bool wanted = false;
	int err = read_bool(reader, node, &wanted);

	(void)into;
	if (!err && wanted)
		err = refuse(reader, node,
			     "a perf event array holds no elements that could be read");
	return err;
}

/* What concerns the loading of programs, which is not done here. */
static int read_nothing(struct reader *reader, const yaml_node_t *node, void *into)
{
	return 0;
}

/* ---- mappings and sequences ---- */

static int read_pair(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		     const struct rule *rules, void *into)
{
	const char *word = scalar_of(key);

	for (const struct rule *rule = rules; word && rule->key; rule++)
		if (!strcmp(rule->key, word))
			return rule->read(reader, value, (char *)into + rule->offset);
	return refuse(reader, key, "what is '%.60s'? Expected %s, ...", word ? word : "this",
		      rules[0].key);
}

static int read_mapping(struct reader *reader, const yaml_node_t *node, const struct rule *rules,
			void *into)
{
	int err = 0;

	if (node->type != YAML_MAPPING_NODE)
		return refuse(reader, node,
			      "'key: value' lines are expected here, such as %s:", rules[0].key);
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !err && pair < node->data.mapping.pairs.top; pair++)
		err = read_pair(reader, yaml_document_get_node(reader->document, pair->key),
				yaml_document_get_node(reader->document, pair->value), rules, into);
	return err;
}

/* Each item goes into a new element of size bytes, zero at first, at the end of *array. */
static int read_sequence(struct reader *reader, const yaml_node_t *node, node_fn *item,
			 void **array, size_t *len, size_t size, size_t max)
{
	int err = 0;

	/* "counters:" without anything is an empty list. */
	if (node->type == YAML_SCALAR_NODE && !node->data.scalar.length)
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return refuse(reader, node, "a list is expected here, lines that begin with -");
	for (yaml_node_item_t *at = node->data.sequence.items.start;
	     !err && at < node->data.sequence.items.top; at++) {
		if (*len == max)
			return refuse(reader, node, "a list here has at most %zu items", max);
		*array = must_realloc(*array, (*len + 1) * size);
		memset((char *)*array + *len * size, 0, size);
		err = item(reader, yaml_document_get_node(reader->document, *at),
			   (char *)*array + (*len)++ * size);
	}
	return err;
}

/* A mapping or sequence inside of a struct is read by one function with one pointer: to its array,
 * beside which the length stands. */
#define LIST_READER(name, struct_tag, array, length, item, max)                     \
	static int name(struct reader *reader, const yaml_node_t *node, void *into) \
	{                                                                           \
		struct struct_tag *whole = into;                                    \
		void *list = whole->array;                                          \
		int err = read_sequence(reader, node, item, &list, &whole->length,  \
					sizeof(*whole->array), max);                \
                                                                                    \
		whole->array = list;                                                \
		return err;                                                         \
	}

static int read_regexp(struct reader *reader, const yaml_node_t *node, void *into)
{
	const char *s = scalar_of(node);
	char why[128];
	int err;

	/* Compiled at once, so that config_free() may free it: an empty one, where it is no
	 * expression. */
	err = regcomp(into, s ? s : "", REG_EXTENDED | REG_NOSUB);
	if (!err && s)
		return 0;
	regerror(err, into, why, sizeof(why));
	if (err)
		regcomp(into, "", REG_EXTENDED | REG_NOSUB);
	return refuse(reader, node, "not a regular expression: %s", why);
}

static int read_static_map(struct reader *reader, const yaml_node_t *node, void *into)
{
	struct config_decoder *decoder = into;

	if (node->type != YAML_MAPPING_NODE)
		return refuse(reader, node, "static_map consists of lines 'from: to'");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(reader->document, pair->value);

		if (!scalar_of(key) || !scalar_of(value) || decoder->pairs == LIST_MAX)
			return refuse(reader, key, "static_map takes at most %d texts", LIST_MAX);
		decoder->static_map = must_realloc(
			decoder->static_map, (decoder->pairs + 1) * sizeof(*decoder->static_map));
		decoder->static_map[decoder->pairs++] =
			(struct config_pair){text_dup(scalar_of(key)), text_dup(scalar_of(value))};
	}
	return 0;
}

static int read_decoder_name(struct reader *reader, const yaml_node_t *node, void *into)
{
	struct config_decoder *decoder = into;
	const char *s = scalar_of(node);

	if (!s || decoder_find(s, &decoder->decoder))
		return refuse(reader, node, "%s", s ? error_sentence() : "a decoder's name");
	return 0;
}

LIST_READER(read_regexps, config_decoder, regexp, regexps, read_regexp, LIST_MAX)

static int read_decoder(struct reader *reader, const yaml_node_t *node, void *into)
{
	static const struct rule rules[] = {
		{"name", read_decoder_name, 0},
		{"static_map", read_static_map, 0},
		{"regexps", read_regexps, 0},
		{"allow_unknown", read_bool, offsetof(struct config_decoder, allow_unknown)},
		{0},
	};
	struct config_decoder *decoder = into;
	int err = read_mapping(reader, node, rules, into);

	if (!err && !decoder->decoder)
		err = refuse(reader, node, "a decoder needs a name");
	return err;
}

LIST_READER(read_decoders, config_label, decoder, decoders, read_decoder, DECODERS_MAX)

static int read_label(struct reader *reader, const yaml_node_t *node, void *into)
{
	static const struct rule rules[] = {
		{"name", read_label_name, offsetof(struct config_label, name)},
		{"size", read_size, offsetof(struct config_label, size)},
		{"padding", read_size, offsetof(struct config_label, padding)},
		{"decoders", read_decoders, 0},
		{0},
	};
	struct config_label *label = into;
	int err = read_mapping(reader, node, rules, into);

	if (err)
		return err;
	if (!label->name || !label->size || !label->decoders)
		return refuse(reader, node, "a label needs name, size (bytes) and decoders");
	return 0;
}

LIST_READER(read_labels, config_metric, label, labels, read_label, LABELS_MAX)
LIST_READER(read_bucket_keys, config_metric, bucket_key, bucket_keys, read_double, BUCKETS_MAX)

/* ---- metrics ---- */

#define FIELD(name) offsetof(struct config_metric, name)
static const struct rule metric_rules[] = {
	{"name", read_name, FIELD(name)},
	{"help", read_string, FIELD(help)},
	{"table", read_string, FIELD(table)},
	{"map", read_string, FIELD(map)},
	{"value", read_string, FIELD(value)},
	{"labels", read_labels, 0},
	{"bucket_type", read_bucket_type, FIELD(buckets)},
	{"bucket_min", read_bucket, FIELD(bucket_min)},
	{"bucket_max", read_bucket, FIELD(bucket_max)},
	{"bucket_multiplier", read_double, FIELD(multiplier)},
	{"bucket_keys", read_bucket_keys, 0},
	{"perf_event_array", read_perf_event_array, 0},
	{"flush_interval", read_nothing, 0},
	{0},
};

static int buckets_check(struct reader *reader, const yaml_node_t *node,
			 struct config_metric *metric)
{
	if (metric->buckets == BUCKETS_FIXED) {
		for (size_t i = 1; i < metric->bucket_keys; i++)
			if (metric->bucket_key[i] <= metric->bucket_key[i - 1])
				return refuse(reader, node, "bucket_keys do not increase");
		if (!metric->bucket_keys)
			return refuse(reader, node, "bucket_type fixed needs bucket_keys");
		metric->bucket_min = 0;
		metric->bucket_max = (int64_t)metric->bucket_keys - 1;
	} else if (metric->bucket_max <= metric->bucket_min) {
		return refuse(reader, node, "bucket_max is not greater than bucket_min");
	} else if (metric->buckets != BUCKETS_LINEAR && metric->bucket_max > 1000) {
		return refuse(reader, node, "2 to the power of bucket_max is not a number");
	} else if (metric->buckets == BUCKETS_EXP2ZERO && metric->bucket_min < 0) {
		return refuse(reader, node, "exp2zero begins with bucket 0");
	}
	if (metric->multiplier < 0)
		return refuse(reader, node, "bucket_multiplier is negative");
	return 0;
}

static int read_metric(struct reader *reader, const yaml_node_t *node, enum expose_kind kind,
		       struct config_metric *metric)
{
	int err;

	metric->kind = kind;
	err = read_mapping(reader, node, metric_rules, metric);
	if (err)
		return err;
	if (!metric->name)
		return refuse(reader, node, "a metric needs a name");
	if (kind == EXPOSE_HISTOGRAM)
		err = buckets_check(reader, node, metric);
	if (!metric->multiplier)
		metric->multiplier = 1;
	return err;
}

static int read_counter(struct reader *reader, const yaml_node_t *node, void *into)
{
	return read_metric(reader, node, EXPOSE_COUNTER, into);
}

static int read_gauge(struct reader *reader, const yaml_node_t *node, void *into)
{
	return read_metric(reader, node, EXPOSE_GAUGE, into);
}

static int read_histogram(struct reader *reader, const yaml_node_t *node, void *into)
{
	return read_metric(reader, node, EXPOSE_HISTOGRAM, into);
}

LIST_READER(read_counters, config, metric, metrics, read_counter, METRICS_MAX)
LIST_READER(read_gauges, config, metric, metrics, read_gauge, METRICS_MAX)
LIST_READER(read_histograms, config, metric, metrics, read_histogram, METRICS_MAX)

static int read_metrics(struct reader *reader, const yaml_node_t *node, void *into)
{
	static const struct rule rules[] = {
		{"counters", read_counters, 0},
		{"gauges", read_gauges, 0},
		{"histograms", read_histograms, 0},
		{0},
	};

	return read_mapping(reader, node, rules, reader->config);
}

/* The keys of a file, and of each program in the older format, in which a file has several. */
static const struct rule program_rules[] = {
	{"metrics", read_metrics, 0},	  {"name", read_nothing, 0},
	{"tracing", read_nothing, 0},	  {"kaddrs", read_nothing, 0},
	{"code", read_nothing, 0},	  {"cflags", read_nothing, 0},
	{"kprobes", read_nothing, 0},	  {"kretprobes", read_nothing, 0},
	{"tracepoints", read_nothing, 0}, {"raw_tracepoints", read_nothing, 0},
	{"perf_events", read_nothing, 0}, {0},
};

static int read_program(struct reader *reader, const yaml_node_t *node, void *into)
{
	return read_mapping(reader, node, program_rules, into);
}

static int read_root(struct reader *reader, const yaml_node_t *root)
{
	char ignored;
	const yaml_node_t *key;
	void *none = NULL;
	size_t programs = 0;

	if (root->type == YAML_MAPPING_NODE &&
	    root->data.mapping.pairs.top - root->data.mapping.pairs.start == 1) {
		yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		int err;

		key = yaml_document_get_node(reader->document, pair->key);
		if (scalar_of(key) && !strcmp(scalar_of(key), "programs")) {
			err = read_sequence(reader,
					    yaml_document_get_node(reader->document, pair->value),
					    read_program, &none, &programs, 1, METRICS_MAX);
			free(none);
			return err;
		}
	}
	return read_program(reader, root, &ignored);
}

static int parse(const char *path, FILE *file, struct config *config)
{
	yaml_document_t document;
	yaml_parser_t parser;
	struct reader reader = {.path = path, .document = &document, .config = config};
	int err;

	if (!yaml_parser_initialize(&parser))
		return fail(ENOMEM, "no memory for the YAML parser");
	yaml_parser_set_input_file(&parser, file);
	if (!yaml_parser_load(&parser, &document)) {
		err = fail(EINVAL, "%s:%zu: not YAML: %s", path, parser.problem_mark.line + 1,
			   parser.problem ? parser.problem : "unreadable");
		yaml_parser_delete(&parser);
		return err;
	}
	if (yaml_document_get_root_node(&document))
		err = read_root(&reader, yaml_document_get_root_node(&document));
	else
		err = fail(EINVAL, "%s: the file is empty", path);
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	return err;
}

/* A metric must not be written twice. */
static int names_check(const char *path, const struct config *config)
{
	for (size_t i = 0; i < config->metrics; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(config->metric[i].name, config->metric[j].name))
				return fail(EINVAL, "%s: there are two metrics called %.60s", path,
					    config->metric[i].name);
	return 0;
}

int config_read(const char *path, struct config *ret_config)
{
	struct config config = {0};
	FILE *file = fopen(path, "re");
	int err;

	if (!file)
		return fail_os(errno, "cannot read %s", path);
	/* The parser keeps the whole document in memory. */
	if (fseek(file, 0, SEEK_END) || ftell(file) > CONFIG_BYTES_MAX)
		err = fail(EFBIG, "%s: a configuration is a file of at most %d bytes", path,
			   CONFIG_BYTES_MAX);
	else
		err = fseek(file, 0, SEEK_SET) ? fail_os(errno, "cannot read %s", path)
					       : parse(path, file, &config);
	fclose(file);
	if (!err)
		err = names_check(path, &config);
	if (err)
		config_free(&config);
	else
		*ret_config = config;
	return err;
}

/* ---- the end ---- */

static void decoder_free(struct config_decoder *decoder)
{
	for (size_t i = 0; i < decoder->pairs; i++) {
		free(decoder->static_map[i].from);
		free(decoder->static_map[i].to);
	}
	free(decoder->static_map);
	for (size_t i = 0; i < decoder->regexps; i++)
		regfree(&decoder->regexp[i]);
	free(decoder->regexp);
}

static void label_free(struct config_label *label)
{
	for (size_t i = 0; i < label->decoders; i++)
		decoder_free(&label->decoder[i]);
	free(label->decoder);
	free(label->name);
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->metrics; i++) {
		struct config_metric *metric = &config->metric[i];

		for (size_t l = 0; l < metric->labels; l++)
			label_free(&metric->label[l]);
		free(metric->label);
		free(metric->name);
		free(metric->help);
		free(metric->map);
		free(metric->table);
		free(metric->value);
		free(metric->bucket_key);
		free(metric->complaint);
	}
	free(config->metric);
	*config = (struct config){0};
}
