/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* series.c: metrics made of a map's elements.
 *
 * A walk over the map gives a sample per element: labels from the key, a number from the value (of
 * values per CPU the sum). Samples with equal labels are added up, for a decoder may give different
 * keys the same text. Of a histogram the last label is the number of a bucket.
 */
#include "export/series.h"

#include "base/error.h"
#include "cli/field.h"
#include "export/decode.h"
#include "export/key_labels.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond that a metric is an error: no monitoring system wants more series of one kind. */
#define SAMPLES_MAX 100000

/* Not an errno: too many elements. */
#define WALK_TOO_MANY 1

struct sample {
	char *labels;
	double bucket; /* of histograms */
	long double value;
};

struct series {
	const struct config_metric *metric;
	const struct mapref *ref;
	struct field field;
	const struct btf_fold *fold;
	struct sample *sample;
	size_t len;
	/* Of the element in hand. */
	struct text labels;
	struct text names; /* of labels, each behind a comma */
	struct text bucket;
	struct text last_name; /* of the label that is in bucket */
};

/* ---- which map ---- */

static bool map_fits(const struct catalog_map *map, const struct backend *backend, const char *name,
		     uint32_t id)
{
	if (backend && map->backend != backend)
		return false;
	/* The kernel keeps 15 characters of a name. */
	return name ? !strncmp(map->info.name, name, BPF_OBJ_NAME_LEN - 1) : map->info.id == id;
}

static int catalog_open(const struct catalog *catalog, const struct backend *backend,
			const char *name, uint32_t id, const struct backend **ret_backend)
{
	const struct catalog_map *found = NULL;

	for (size_t i = 0; i < catalog->count; i++) {
		if (!map_fits(&catalog->map[i], backend, name, id))
			continue;
		if (found)
			return fail(EINVAL,
				    "several maps are called %s; say which with map: %s id %u",
				    name ? name : "so", found->backend->name, found->info.id);
		found = &catalog->map[i];
	}
	if (!found && name)
		return fail(ENOENT, "there is no map called %.60s", name);
	if (!found)
		return fail(ENOENT, "there is no map with id %u", id);
	*ret_backend = found->backend;
	return backend_map_open_id(found->backend, found->info.id);
}

/* MAP as the verbs take it: [user|kernel] (id N | name NAME | pinned FILE | PATH). */
static int words_open(const struct catalog *catalog, const char *map,
		      const struct backend **ret_backend)
{
	const struct backend *backend = NULL;
	char path[MAPREF_PATH_MAX];
	char *end;

	for (const char *const *world = (const char *const[]){"user ", "kernel ", NULL}; *world;
	     world++)
		if (!strncmp(map, *world, strlen(*world))) {
			backend = *world[0] == 'u' ? &backend_user : &backend_kernel;
			map += strlen(*world);
		}
	if (!strncmp(map, "id ", 3)) {
		unsigned long id = strtoul(map + 3, &end, 10);

		if (*end || !map[3] || id > UINT32_MAX)
			return fail(EINVAL, "map: '%.60s' is no id", map + 3);
		return catalog_open(catalog, backend ? backend : &backend_user, NULL, (uint32_t)id,
				    ret_backend);
	}
	if (!strncmp(map, "name ", 5))
		return catalog_open(catalog, backend, map + 5, 0, ret_backend);
	if (!strncmp(map, "pinned ", 7))
		map += 7;
	if (mapref_pin_path(map, path, sizeof(path)))
		return fail(ENAMETOOLONG, "map: the path is too long");
	*ret_backend = backend ? backend : mapref_path_world(path);
	return backend_map_open_pin(*ret_backend, path);
}

static int metric_open(struct cli *cli, const struct catalog *catalog,
		       const struct config_metric *metric, struct mapref *ret_ref)
{
	const struct backend *backend = NULL;
	int fd;

	if (metric->map)
		fd = words_open(catalog, metric->map, &backend);
	else
		fd = catalog_open(catalog, NULL, metric->table ? metric->table : metric->name, 0,
				  &backend);
	if (fd < 0)
		return fd;
	if (mapref_from_fd(cli, backend, fd, ret_ref))
		return -ENOENT;
	return 0;
}

/* ---- which number ---- */

static bool is_number_size(size_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* The whole value as a number: as BTF says, else, as in ebpf_exporter, an unsigned one. */
static int whole_value(const struct mapref *ref, struct field *ret_field)
{
	const struct btf_type *type =
		ref->value_type ? btf_type_strip(ref->btf, ref->value_type, NULL) : NULL;
	struct field field = {.kind = FIELD_UNSIGNED,
			      .bits = ref->info.value_size * 8,
			      .size = ref->info.value_size};

	if (!is_number_size(field.size))
		return fail(EINVAL,
			    "its values have %zu bytes and are no numbers; name a member with "
			    "value: value.MEMBER",
			    field.size);
	if (type && btf_is_float(type))
		field.kind = FIELD_FLOAT;
	if (type && btf_is_int(type) && btf_int_encoding(type) & BTF_INT_SIGNED)
		field.kind = FIELD_SIGNED;
	*ret_field = field;
	return 0;
}

static int value_find(struct series *series)
{
	const char *path = series->metric->value;

	if (!path)
		return whole_value(series->ref, &series->field);
	if (field_parse(series->ref, path, &series->field))
		return fail(EINVAL, "there is no field %.60s", path);
	if (series->field.kind == FIELD_BYTES)
		return fail(EINVAL, "%.60s is not a number", path);
	return 0;
}

static long double number_of(const struct field_value *value)
{
	switch (value->kind) {
	case FIELD_FLOAT: return value->real;
	case FIELD_SIGNED: return (int64_t)value->number;
	default: return value->number;
	}
}

/* ---- which labels ---- */

/* Of a histogram the label before goes to the set only when another one follows: the last is the
 * bucket. */
static void label_flush(struct series *series)
{
	if (series->last_name.len)
		expose_label(&series->labels, text_str(&series->last_name),
			     text_str(&series->bucket), series->bucket.len);
	text_clear(&series->last_name);
}

/* No name twice, and none that means something else. */
static void name_choose(struct series *series, const char *name)
{
	struct text mark = {0};

	for (int i = 1; i == 1 || strstr(text_str(&series->names), text_str(&mark)); i++) {
		text_clear(&series->last_name);
		text_addf(&series->last_name, "%s%s%s", strncmp(name, "__", 2) ? "" : "key", name,
			  strcmp(name, "le") ? "" : "_");
		if (i > 1)
			text_addf(&series->last_name, "_%d", i);
		text_clear(&mark);
		text_addf(&mark, ",%s,", text_str(&series->last_name));
	}
	text_addf(&series->names, "%s", text_str(&mark));
	text_free(&mark);
}

static void label_take(void *arg, const char *name, const struct text *value)
{
	struct series *series = arg;

	label_flush(series);
	name_choose(series, name);
	text_clear(&series->bucket);
	text_add(&series->bucket, text_str(value), value->len);
}

static int labels_configured(struct series *series, const uint8_t *key)
{
	const struct config_metric *metric = series->metric;
	uint64_t off = 0;
	int ret = 1;

	for (size_t i = 0; ret == 1 && i < metric->labels; i++) {
		struct text text = {0};

		ret = decode_label(&metric->label[i], key + off, &text);
		if (ret == 1)
			label_take(series, metric->label[i].name, &text);
		text_free(&text);
		off += metric->label[i].size + metric->label[i].padding;
	}
	return ret;
}

static int labels_check(const struct series *series)
{
	const struct config_metric *metric = series->metric;
	uint64_t total = 0;

	for (size_t i = 0; i < metric->labels; i++)
		total += metric->label[i].size + metric->label[i].padding;
	if (metric->labels && total != series->ref->info.key_size)
		return fail(EINVAL,
			    "its labels have %llu bytes with padding, the map's keys have %u",
			    (unsigned long long)total, series->ref->info.key_size);
	return 0;
}

/* ---- the walk ---- */

static int bucket_take(struct series *series, double *ret_bucket)
{
	char *end;

	*ret_bucket = strtod(text_str(&series->bucket), &end);
	if (!series->bucket.len || *end || isnan(*ret_bucket))
		return fail(EINVAL,
			    "its last label has to be the number of a bucket, it is '%.40s'",
			    text_str(&series->bucket));
	return 0;
}

static void sample_add(struct series *series, double bucket, const void *key, const void *value)
{
	struct field_value number;

	field_load(series->ref, &series->field, series->fold, key, value, &number);
	/* Room doubles whenever it is used up. */
	if (!(series->len & (series->len - 1)))
		series->sample = must_realloc(series->sample, (series->len ? series->len * 2 : 1) *
								      sizeof(*series->sample));
	series->sample[series->len++] = (struct sample){
		.labels = series->labels.s ? series->labels.s : must_realloc(NULL, 1),
		.bucket = bucket,
		.value = number_of(&number),
	};
	if (!series->labels.s)
		series->sample[series->len - 1].labels[0] = 0;
	series->labels = (struct text){0};
}

static int element_take(void *arg, const void *key, const void *value, int err)
{
	struct series *series = arg;
	double bucket = 0;
	int ret = 1;

	/* Deleted under the walk. */
	if (!value)
		return 0;
	text_clear(&series->labels);
	text_clear(&series->names);
	text_clear(&series->last_name);
	if (series->metric->labels)
		ret = labels_configured(series, key);
	else
		key_labels(series->ref, key, label_take, series);
	if (ret != 1)
		return ret;
	if (series->metric->kind == EXPOSE_HISTOGRAM)
		ret = bucket_take(series, &bucket);
	else
		label_flush(series);
	if (ret < 0)
		return ret;
	if (series->len == SAMPLES_MAX)
		return WALK_TOO_MANY;
	sample_add(series, bucket, key, value);
	return 0;
}

static int sample_compare(const void *a, const void *b)
{
	const struct sample *left = a, *right = b;
	int order = strcmp(left->labels, right->labels);

	return order ? order : (left->bucket > right->bucket) - (left->bucket < right->bucket);
}

static int series_collect(struct series *series)
{
	const struct bpf_map_info *info = &series->ref->info;
	int err = value_find(series);

	if (!err)
		err = labels_check(series);
	if (!err && (!info->key_size || info->map_flags & BPFMAP_F_VARIABLE))
		err = fail(EINVAL, "its elements have no keys of one size");
	if (!err)
		err = series->ref->backend->map_walk(series->ref->fd, info, element_take, series);
	if (err == WALK_TOO_MANY)
		err = fail(E2BIG, "it has more than %d elements", SAMPLES_MAX);
	if (!err && series->len)
		qsort(series->sample, series->len, sizeof(*series->sample), sample_compare);
	return err;
}

/* ---- output ---- */

static void plain_write(const struct series *series, struct expose *expose)
{
	for (size_t i = 0, next; i < series->len; i = next) {
		long double value = 0;

		for (next = i; next < series->len &&
			       !strcmp(series->sample[next].labels, series->sample[i].labels);
		     next++)
			value += series->sample[next].value;
		expose_sample(expose, series->metric->name, "", series->sample[i].labels, value);
	}
}

/* The upper bound of a bucket. */
static double bucket_bound(const struct config_metric *metric, int64_t bucket)
{
	switch (metric->buckets) {
	case BUCKETS_EXP2: return exp2((double)bucket) * metric->multiplier;
	case BUCKETS_EXP2ZERO: return bucket ? exp2((double)bucket - 1) * metric->multiplier : 0;
	case BUCKETS_FIXED: return metric->bucket_key[bucket] * metric->multiplier;
	default: return (double)bucket * metric->multiplier;
	}
}

static void bucket_write(struct expose *expose, const char *name, const char *labels, double bound,
			 long double count)
{
	struct text all = {0};
	char le[40];

	expose_float(bound, le);
	text_addf(&all, "%s", labels);
	expose_label(&all, "le", le, strlen(le));
	expose_sample(expose, name, "_bucket", text_str(&all), count);
	text_free(&all);
}

/* One histogram: sample[0..len-1], in order of bucket. The one behind the last is the sum. */
static void histogram_write(const struct config_metric *metric, const struct sample *sample,
			    size_t len, struct expose *expose)
{
	long double count = 0, sum = 0;
	size_t at = 0;

	for (; at < len && sample[at].bucket < (double)metric->bucket_min; at++)
		;
	for (int64_t i = metric->bucket_min; i <= metric->bucket_max; i++) {
		for (; at < len && sample[at].bucket <= (double)i; at++)
			count += sample[at].value;
		bucket_write(expose, metric->name, sample[0].labels, bucket_bound(metric, i),
			     count);
	}
	for (; at < len && sample[at].bucket <= (double)metric->bucket_max + 1; at++)
		sum += sample[at].value * metric->multiplier;
	bucket_write(expose, metric->name, sample[0].labels, INFINITY, count);
	expose_sample(expose, metric->name, "_sum", sample[0].labels, sum);
	expose_sample(expose, metric->name, "_count", sample[0].labels, count);
}

static void histograms_write(const struct series *series, struct expose *expose)
{
	for (size_t i = 0, next; i < series->len; i = next) {
		for (next = i; next < series->len &&
			       !strcmp(series->sample[next].labels, series->sample[i].labels);
		     next++)
			;
		histogram_write(series->metric, &series->sample[i], next - i, expose);
	}
}

static void series_free(struct series *series)
{
	for (size_t i = 0; i < series->len; i++)
		free(series->sample[i].labels);
	free(series->sample);
	text_free(&series->labels);
	text_free(&series->names);
	text_free(&series->bucket);
	text_free(&series->last_name);
}

/* What ebpf_exporter calls its metrics, so that dashboards made for it work. */
static char *name_exported(const char *name)
{
	struct text text = {0};

	text_addf(&text, "ebpf_exporter_%s", name);
	return text.s;
}

static int metric_write(struct cli *cli, const struct catalog *catalog,
			struct config_metric *metric, struct expose *expose)
{
	struct config_metric exported = *metric;
	struct mapref ref;
	struct btf_fold fold = {.op = BTF_FOLD_SUM, .cpus = backend_cpus()};
	struct series series = {.metric = &exported, .ref = &ref};
	int err = metric_open(cli, catalog, metric, &ref);

	if (err)
		return err;
	fold.stride = ((size_t)ref.info.value_size + 7) & ~(size_t)7;
	series.fold = backend_is_percpu(ref.info.type) ? &fold : NULL;
	err = series_collect(&series);
	if (!err) {
		exported.name = name_exported(metric->name);
		expose_family(expose, exported.name, metric->kind, "",
			      metric->help ? metric->help : "");
		if (metric->kind == EXPOSE_HISTOGRAM)
			histograms_write(&series, expose);
		else
			plain_write(&series, expose);
		free(exported.name);
	}
	series_free(&series);
	mapref_close(&ref);
	return err;
}

/* A scrape every few seconds must not fill a log with the same sentence. */
static void complaint_set(struct config_metric *metric, const char *sentence)
{
	if (sentence && (!metric->complaint || strcmp(metric->complaint, sentence)))
		fprintf(stderr, "metric %s: %s\n", metric->name, sentence);
	free(metric->complaint);
	metric->complaint = NULL;
	if (sentence)
		metric->complaint = strcpy(must_realloc(NULL, strlen(sentence) + 1), sentence);
}

static void collected_write(const struct config *config, struct expose *expose)
{
	static const char name[] = "bpfmap_exporter_metric_collected";

	if (!config->metrics)
		return;
	expose_family(expose, name, EXPOSE_GAUGE, "",
		      "1 if a metric of the configuration could be collected.");
	for (size_t i = 0; i < config->metrics; i++) {
		const struct config_metric *metric = &config->metric[i];
		struct text labels = {0};

		expose_label(&labels, "metric", metric->name, strlen(metric->name));
		expose_sample(expose, name, "", text_str(&labels), !metric->complaint);
		text_free(&labels);
	}
}

void series_write_all(struct cli *cli, const struct catalog *catalog, struct config *config,
		      struct expose *expose)
{
	for (size_t i = 0; i < config->metrics; i++) {
		struct config_metric *metric = &config->metric[i];
		int err = metric_write(cli, catalog, metric, expose);

		complaint_set(metric, err ? error_sentence() : NULL);
	}
	collected_write(config, expose);
}
