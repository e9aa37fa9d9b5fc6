/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_show.c: one map in detail. */
#include "cli/btf_type.h"
#include "cli/map_flags.h"
#include "cli/places.h"
#include "cli/text.h"

#include <stdio.h>
#include <time.h>

/* The kernel's maps are counted by walking over them, for so long at most. */
#define COUNT_NS 1000000000ull

/* A type as C spells it. */
static void type_spell(struct text *text, const struct btf *btf, uint32_t id, unsigned int depth)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const char *name;

	if (!type || depth == BTF_DEPTH_MAX) {
		text_addf(text, "?");
		return;
	}
	name = btf_type_name(btf, type->name_off);
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT: text_addf(text, "struct %s", *name ? name : "{...}"); break;
	case BTF_KIND_UNION: text_addf(text, "union %s", *name ? name : "{...}"); break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: text_addf(text, "enum %s", *name ? name : "{...}"); break;
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT: type_spell(text, btf, type->type, depth + 1); break;
	case BTF_KIND_ARRAY:
		type_spell(text, btf, btf_array(type)->type, depth + 1);
		text_addf(text, "[%u]", btf_array(type)->nelems);
		break;
	case BTF_KIND_PTR:
		type_spell(text, btf, type->type, depth + 1);
		text_addf(text, " *");
		break;
	default: text_addf(text, "%s", name); break;
	}
}

static void type_field(struct out *out, const struct mapref *ref, const char *name,
		       const char *label, uint32_t type_id)
{
	struct text text = {0};

	if (!type_id)
		return;
	type_spell(&text, ref->btf, type_id, 0);
	out_key(out, name, label);
	out_str(out, text_str(&text));
	text_free(&text);
}

static void spec_print(struct out *out, const struct mapref *ref)
{
	const struct bpf_map_info *info = &ref->info;

	out_key(out, "world", "world");
	out_word(out, ref->backend->name);
	out_key(out, "id", "id");
	out_u64(out, info->id);
	out_key(out, "type", "type");
	out_str(out, mapref_type(info));
	out_key(out, "name", "name");
	out_str(out, info->name);
	out_key(out, "flags", "flags");
	out_hex(out, info->map_flags);
	if (info->map_flags) {
		out_key(out, "flag_names", "flag names");
		map_flags_print(out, info->map_flags);
	}
	out_key(out, "bytes_key", "key size");
	out_size(out, info->key_size);
	type_field(out, ref, "key_type", "key type", ref->key_type);
	out_key(out, "bytes_value", "value size");
	out_size(out, info->value_size);
	if (backend_is_percpu(info->type)) {
		out_key(out, "cpus", "values per key");
		out_u64(out, backend_cpus());
	}
	type_field(out, ref, "value_type", "value type", ref->value_type);
	if (info->btf_id) {
		out_key(out, "btf_id", "btf id");
		out_u64(out, info->btf_id);
	}
	out_key(out, "max_entries", "max entries");
	out_u64(out, info->max_entries);
}

__attribute__((format(printf, 2, 0), format(printf, 3, 0))) static void rounded_print(
	struct out *out, const char *json_fmt, const char *plain_fmt, double value)
{
	char json[40], plain[40];

	snprintf(json, sizeof(json), json_fmt, value);
	snprintf(plain, sizeof(plain), plain_fmt, value);
	out->ops->scalar(out, json, plain);
}

/* CLOCK_REALTIME, for people as a date and how long ago it was. */
static void time_print(struct out *out, const char *name, const char *label, uint64_t time_ns)
{
	char json[24], date[32], plain[80];
	time_t seconds = (time_t)(time_ns / 1000000000u);
	double ago = difftime(time(NULL), seconds);
	struct tm tm;

	if (!time_ns)
		return;
	localtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(json, sizeof(json), "%.3f", (double)time_ns / 1e9);
	snprintf(plain, sizeof(plain), "%s (%.0f s ago)", date, ago > 0 ? ago : 0);
	out_key(out, name, label);
	out->ops->scalar(out, json, plain);
}

static void number_print(struct out *out, const char *name, const char *label, uint64_t number)
{
	out_key(out, name, label);
	out_u64(out, number);
}

static void fill_print(struct out *out, uint64_t entries, const struct bpf_map_info *info)
{
	double percent = info->max_entries ? 100.0 * (double)entries / info->max_entries : 0;

	number_print(out, "entries", "entries", entries);
	out_key(out, "percent_full", "% full");
	if (backend_is_array(info->type))
		out->ops->scalar(out, "null", "all");
	else
		rounded_print(out, "%.1f", "%.1f", percent);
}

static void counts_print(struct out *out, const struct backend_stats *stats,
			 const struct bpf_map_info *info)
{
	number_print(out, "high_water", "high-water mark", stats->high_water);
	if (backend_is_lru(info->type))
		number_print(out, "evictions", "evictions", stats->evictions);
}

/* What was done to it since it was made. */
static void operations_print(struct out *out, const struct backend_stats *stats)
{
	number_print(out, "updates", "updates", stats->updates);
	number_print(out, "deletes", "deletes", stats->deletes);
	number_print(out, "failed_updates", "failed: full", stats->failed_updates);
	number_print(out, "failed_exists", "failed: exists", stats->failed_exists);
	number_print(out, "failed_absent", "failed: absent", stats->failed_absent);
	number_print(out, "failed_other", "failed: other", stats->failed_other);
	if (stats->lookups_counted) {
		number_print(out, "lookups", "lookups", stats->lookups);
		number_print(out, "hits", "hits", stats->hits);
	} else {
		out_key(out, "lookups", "lookups");
		out->ops->scalar(out, "null", "not counted (bpfmap_count_lookups())");
	}
	time_print(out, "created", "created", stats->created_ns);
	time_print(out, "changed", "last change", stats->changed_ns);
}

/* The kernel's: counted now, which may take a second. */
static void count_now_print(struct out *out, const struct mapref *ref)
{
	struct backend_entries found;

	if (ref->backend->map_entries(ref->fd, &ref->info, COUNT_NS, &found))
		return;
	fill_print(out, found.entries, &ref->info);
	if (!found.is_whole) {
		out_key(out, "entries_at_least", "counted");
		out->ops->scalar(out, "true", "not all of them, there was no time");
	}
}

static void bloom_print(struct cli *cli, const struct mapref *ref)
{
	struct bpfmap_bloom_info bloom;
	struct out *out = cli->out;

	if (ref->info.type != BPF_MAP_TYPE_BLOOM_FILTER || !ref->backend->map_bloom ||
	    ref->backend->map_bloom(ref->fd, &bloom))
		return;
	out_key(out, "hashes", "hash functions");
	out_u64(out, bloom.hashes);
	out_key(out, "bits", "bits");
	out_u64(out, bloom.bits);
	out_key(out, "bits_set", "bits set");
	out_u64(out, bloom.bits_set);
	out_key(out, "false_positive_rate", "false positives");
	rounded_print(out, "%.9g", "%.3g", bloom.false_positive_rate);
}

/* A map that grows has memory for the most elements it ever had, others for all that may come. */
static void memory_print(struct out *out, const struct mapref *ref,
			 const struct backend_stats *stats)
{
	bool grows = ref->info.map_flags & BPF_F_NO_PREALLOC;
	uint64_t elements = grows ? stats->high_water : ref->info.max_entries;
	uint64_t kernel = backend_kernel_bytes(&ref->info, stats->entries);

	out_key(out, "bytes_memlock", "memory");
	out_size(out, stats->memory_bytes);
	if (elements) {
		out_key(out, "bytes_per_element", "per element");
		rounded_print(out, "%.1f", "%.1f B",
			      (double)stats->memory_bytes / (double)elements);
	}
	if (kernel) {
		out_key(out, "bytes_in_kernel", "in the kernel");
		out_size(out, kernel);
	}
}

static void map_print(struct cli *cli, const struct mapref *ref, const struct places *places)
{
	struct backend_stats stats;
	bool known = !ref->backend->map_stats(ref->fd, &stats);

	out_begin(cli->out, OUT_OBJECT, OUT_RECORD);
	spec_print(cli->out, ref);
	if (known) {
		out_key(cli->out, "frozen", "frozen");
		cli->out->ops->scalar(cli->out, stats.frozen ? "1" : "0",
				      stats.frozen ? "yes" : "no");
	}
	if (known && stats.counted) {
		fill_print(cli->out, stats.entries, &ref->info);
		counts_print(cli->out, &stats, &ref->info);
	} else {
		count_now_print(cli->out, ref);
	}
	if (known && stats.operations)
		operations_print(cli->out, &stats);
	bloom_print(cli, ref);
	if (known)
		memory_print(cli->out, ref, &stats);
	places_print(cli, places, ref);
	out_end(cli->out);
}

int verb_show(struct cli *cli, struct args *args)
{
	struct places places;
	struct mapref ref;
	int code;

	/* As bpftool: show without a map is list. */
	if (!args->count)
		return verb_list(cli, args);
	code = mapref_parse(cli, args, &ref);
	if (code)
		return code;
	code = args_end(args);
	if (!code) {
		places_find(ref.backend, &places);
		map_print(cli, &ref, &places);
		places_free(&places);
	}
	mapref_close(&ref);
	return code;
}
