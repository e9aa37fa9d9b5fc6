/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* metrics.c: what /metrics answers. Metrics of maps come from metrics.def, one family after the
 * other. */
#include "export/metrics.h"

#include "base/clock.h"
#include "export/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Labels of all maps: metrics are written family by family, and each needs them. */
static char **labels_new(const struct catalog *catalog)
{
	char **labels = must_realloc(NULL, (catalog->count + 1) * sizeof(*labels));

	for (size_t i = 0; i < catalog->count; i++) {
		const struct catalog_map *map = &catalog->map[i];
		const char *type = mapref_type(&map->info);
		struct text text = {0};
		char id[16];
		int id_len = snprintf(id, sizeof(id), "%u", map->info.id);

		expose_label(&text, "id", id, (size_t)id_len);
		expose_label(&text, "name", map->info.name,
			     strnlen(map->info.name, sizeof(map->info.name)));
		expose_label(&text, "type", type, strlen(type));
		expose_label(&text, "world", map->backend->name, strlen(map->backend->name));
		labels[i] = text.s;
	}
	return labels;
}

static void labels_free(char **labels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(labels[i]);
	free(labels);
}

static void maps_write(struct expose *expose, const struct catalog *catalog, char **labels)
{
#define EACH_MAP(known, sample)                                                    \
	for (size_t i = 0; i < catalog->count; i++) {                              \
		const struct catalog_map *m = &catalog->map[i];                    \
		const struct bpfmap_info *f __attribute__((unused)) = &m->figures; \
		if (known)                                                         \
			sample;                                                    \
	}
#define MAP_METRIC(name, kind, unit, known, value, help)        \
	expose_family(expose, name, EXPOSE_##kind, unit, help); \
	EACH_MAP(known, expose_sample(expose, name, "", labels[i], value))
#define MAP_TIME(name, known, ns, help)                             \
	expose_family(expose, name, EXPOSE_GAUGE, "seconds", help); \
	EACH_MAP(known, expose_time(expose, name, labels[i], ns))
#define MAP_FAILURE(word, value)
#include "export/metrics.def"
#undef MAP_METRIC
#undef MAP_TIME
#undef MAP_FAILURE
#undef EACH_MAP
}

static void failure_write(struct expose *expose, const char *name, const char *labels,
			  const char *word, uint64_t value)
{
	struct text all = {0};

	text_add(&all, labels, strlen(labels));
	expose_label(&all, "errno", word, strlen(word));
	expose_sample(expose, name, "", text_str(&all), value);
	text_free(&all);
}

static void failures_write(struct expose *expose, const struct catalog *catalog, char **labels)
{
	static const char name[] = "bpfmap_map_failed_updates_total";

	expose_family(expose, name, EXPOSE_COUNTER, "", "Updates that were refused, by errno.");
	for (size_t i = 0; i < catalog->count; i++) {
		const struct bpfmap_info *f = &catalog->map[i].figures;

		if (!catalog->map[i].has_figures)
			continue;
#define MAP_METRIC(name, kind, unit, known, value, help)
#define MAP_TIME(name, known, ns, help)
#define MAP_FAILURE(word, value) failure_write(expose, name, labels[i], word, value);
#include "export/metrics.def"
#undef MAP_METRIC
#undef MAP_TIME
#undef MAP_FAILURE
	}
}

static void exporter_write(struct expose *expose, const struct catalog *catalog, double seconds)
{
	struct text labels = {0};
	const char *version = bpfmap_version();

	expose_label(&labels, "version", version, strlen(version));
	expose_family(expose, "bpfmap_exporter_build", EXPOSE_GAUGE, "", "This build; always 1.");
	expose_sample(expose, "bpfmap_exporter_build", "", text_str(&labels), 1);
	text_free(&labels);
	expose_family(expose, "bpfmap_exporter_kernel_permitted", EXPOSE_GAUGE, "",
		      "1 if the kernel lets the exporter see its maps.");
	expose_sample(expose, "bpfmap_exporter_kernel_permitted", "", "",
		      catalog->kernel_permitted);
	expose_family(expose, "bpfmap_exporter_collect_seconds", EXPOSE_GAUGE, "seconds",
		      "Time that these metrics took to collect.");
	expose_sample(expose, "bpfmap_exporter_collect_seconds", "", "", seconds);
}

void metrics_write(struct cli *cli, struct counter *counter, struct config *config,
		   struct expose *expose)
{
	double begin = clock_now_seconds();
	struct catalog catalog;
	char **labels;

	catalog_take(counter, &catalog);
	labels = labels_new(&catalog);
	maps_write(expose, &catalog, labels);
	failures_write(expose, &catalog, labels);
	series_write_all(cli, &catalog, config, expose);
	exporter_write(expose, &catalog, clock_now_seconds() - begin);
	expose_end(expose);
	labels_free(labels, catalog.count);
	catalog_free(&catalog);
}
