/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* config.h: which elements become metrics: a YAML file of ebpf_exporter's format.
 *
 * metrics: counters, gauges and histograms, each with name, help, labels (name, size, padding,
 * decoders) and for histograms bucket_type, bucket_min, bucket_max, bucket_multiplier, bucket_keys.
 * The map is the one that is called as the metric, or as table says. Beyond ebpf_exporter: map (MAP
 * as the tool's verbs take it) and value (a field, such as value.packets); labels may be left out
 * where the key has BTF.
 */
#ifndef BPFMAP_EXPORT_CONFIG_H
#define BPFMAP_EXPORT_CONFIG_H

#include "export/expose.h"

#include <regex.h>

struct decoder;

struct config_decoder {
	const struct decoder *decoder;
	struct config_pair {
		char *from;
		char *to;
	} * static_map;
	size_t pairs;
	regex_t *regexp;
	size_t regexps;
	bool allow_unknown;
};

struct config_label {
	char *name;
	uint64_t size;	  /* bytes of the key, */
	uint64_t padding; /* and how many are skipped behind them */
	struct config_decoder *decoder;
	size_t decoders;
};

enum config_buckets { BUCKETS_EXP2, BUCKETS_EXP2ZERO, BUCKETS_LINEAR, BUCKETS_FIXED };

struct config_metric {
	enum expose_kind kind;
	char *name;
	char *help;
	char *map;   /* NULL: by name */
	char *table; /* NULL: the metric's name */
	char *value; /* NULL: all of the value */
	struct config_label *label;
	size_t labels; /* 0: from BTF */
	enum config_buckets buckets;
	int64_t bucket_min;
	int64_t bucket_max;
	double multiplier;
	double *bucket_key; /* of BUCKETS_FIXED */
	size_t bucket_keys;
	char *complaint; /* why it could not be collected when it was last tried; NULL: it could */
};

struct config {
	struct config_metric *metric;
	size_t metrics;
};

/* 0, or -ENOENT, -EACCES, -EINVAL and so on with a sentence that names file and line. */
int config_read(const char *path, struct config *ret_config);
void config_free(struct config *config);

#endif
