/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_advise.c: whether another type or size would serve a live map better, with reasons and
 * figures. */
#include "cli/advise.h"

#include "cli/text.h"

#include <bpf/libbpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_DEFAULT 1.5
#define SECONDS_MIN	1e-3
#define SECONDS_MAX	86400.0

static const struct rule {
	const char *name;
	const char *condition;
	const char *reason;
	advise_rule_fn *applies;
} rules[] = {
#define RULE(name, condition, reason) {#name, condition, reason, advise_##name},
#include "cli/advise.def"
#undef RULE
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

static const char *const confidence_words[] = {"low", "medium", "high"};

static void number_print(struct out *out, const char *name, const char *label, const char *fmt,
			 double value)
{
	char s[40];

	snprintf(s, sizeof(s), fmt, value);
	out_key(out, name, label);
	out->ops->scalar(out, s, s);
}

/* ---- what was seen ---- */

static void counters_print(struct out *out, const struct advise_facts *facts)
{
	const struct backend_stats *before = &facts->before, *after = &facts->after;

	if (after->counted) {
		out_key(out, "high_water", "high-water mark");
		out_u64(out, after->high_water);
	}
	if (after->operations) {
		number_print(out, "updates_per_second", "updates/s", "%.1f",
			     advise_rate(facts, before->updates, after->updates));
		number_print(out, "deletes_per_second", "deletes/s", "%.1f",
			     advise_rate(facts, before->deletes, after->deletes));
		number_print(out, "refused_per_second", "refused/s", "%.1f",
			     advise_rate(facts, before->failed_updates, after->failed_updates));
	}
	if (after->counted && backend_is_lru(facts->info->type))
		number_print(out, "evictions_per_second", "evictions/s", "%.1f",
			     advise_rate(facts, before->evictions, after->evictions));
	if (after->lookups_counted) {
		number_print(out, "lookups_per_second", "lookups/s", "%.1f",
			     advise_rate(facts, before->lookups, after->lookups));
		if (after->lookups > before->lookups)
			number_print(out, "hit_percent", "% hits", "%.1f",
				     100.0 * (double)(after->hits - before->hits) /
					     (double)(after->lookups - before->lookups));
	}
	if (facts->writers_known) {
		out_key(out, "writers", "writing threads");
		out_u64(out, facts->writers);
	}
}

static void facts_print(struct out *out, const struct advise_facts *facts)
{
	const struct bpf_map_info *info = facts->info;

	out_key(out, "id", "id");
	out_u64(out, info->id);
	out_key(out, "world", "world");
	out_str(out, facts->ref->backend->name);
	out_key(out, "type", "type");
	out_str(out, mapref_type(info));
	out_key(out, "max_entries", "max entries");
	out_u64(out, info->max_entries);
	out_key(out, "bytes_memlock", "memory");
	cost_print_bytes(out, facts->after.memory_bytes);
	number_print(out, "seconds", "watched, s", "%.1f", facts->seconds);
	if (facts->entries_known) {
		out_key(out, "entries", "entries");
		out_u64(out, facts->entries);
	}
	counters_print(out, facts);
	if (info->type == BPF_MAP_TYPE_BLOOM_FILTER && facts->probes) {
		number_print(out, "false_positive_percent", "% false finds", "%.2f",
			     100.0 * facts->false_hits / facts->probes);
		number_print(out, "false_positive_percent_made_for", "  made for", "%.2g",
			     100 * advise_bloom_rate(info));
	}
}

/* ---- what follows ---- */

/* Memory as it is and as it would be, in the map's world, when full. */
static void cost_compare(struct out *out, const struct advise_facts *facts,
			 const struct advise_advice *advice)
{
	const struct backend_create same = advise_same(facts);
	bool user = facts->ref->backend == &backend_user;
	struct cost now, then;
	uint64_t a, b;

	cost_of(&same, 0, &now);
	cost_of(&advice->other, 0, &then);
	if (then.here.err && !then.here.created) {
		out_key(out, "refused", "but");
		out_str(out, then.here.sentence);
		return;
	}
	a = user ? now.here.full : now.kernel.full;
	b = user ? then.here.full : then.kernel.full;
	out_key(out, "bytes_now", "memory now");
	cost_print_bytes(out, a);
	out_key(out, "bytes_then", advice->is_beside ? "  and beside it" : "  would be");
	cost_print_bytes(out, b);
	if (advice->is_beside || a == b)
		return;
	out_key(out, a > b ? "bytes_saved" : "bytes_more", a > b ? "  saved" : "  more");
	cost_print_bytes(out, a > b ? a - b : b - a);
}

static void advice_print(struct out *out, const struct advise_facts *facts, const struct rule *rule,
			 const struct advise_advice *advice)
{
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	out_note(out, "");
	out_key(out, "rule", "rule");
	out_str(out, rule->name);
	out_key(out, "finding", "finding");
	out_str(out, advice->finding);
	out_key(out, "advice", "advice");
	out_str(out, advice->advice);
	out_key(out, "reason", "reason");
	out_str(out, rule->reason);
	if (advice->has_other)
		cost_compare(out, facts, advice);
	out_key(out, "confidence", "confidence");
	out_str(out, confidence_words[advice->confidence]);
	out_end(out);
}

static size_t rules_apply(struct out *out, const struct advise_facts *facts)
{
	size_t applied = 0;

	out_key(out, "findings", NULL);
	out_begin(out, OUT_ARRAY, OUT_SECTIONS);
	for (size_t i = 0; i < RULES; i++) {
		struct advise_advice advice = {.confidence = ADVISE_LOW};

		if (!rules[i].applies(facts, &advice))
			continue;
		advice_print(out, facts, &rules[i], &advice);
		applied++;
	}
	out_end(out);
	return applied;
}

/* ---- what could not be known ---- */

static void unknown(struct out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void unknown(struct out *out, const char *fmt, ...)
{
	char text[ADVISE_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	out_key(out, "unknown", "not known");
	out_str(out, text);
	out_end(out);
}

static bool is_quiet(const struct advise_facts *facts)
{
	const struct backend_stats *before = &facts->before, *after = &facts->after;

	return !facts->changed && !facts->gone && after->updates == before->updates &&
	       after->deletes == before->deletes && after->failed_updates == before->failed_updates;
}

static void unknown_print(struct out *out, const struct advise_facts *facts)
{
	const struct bpf_map_info *info = facts->info;

	out_key(out, "not_known", NULL);
	out_begin(out, OUT_ARRAY, OUT_SECTIONS);
	if (!map_ops_of(info->type))
		unknown(out, "what becomes of a %s: no rule is about maps of this type",
			mapref_type(info));
	if (is_quiet(facts))
		unknown(out,
			"how it does under load: nothing was seen to change in %.1f s (for 60s "
			"watches "
			"longer)",
			facts->seconds);
	if (!facts->after.operations)
		unknown(out, "updates, deletes, refusals, evictions: the kernel does not count "
			     "them (what "
			     "came and went was seen by looking at a sample)");
	if (!facts->after.lookups_counted)
		unknown(out,
			facts->after.operations
				? "lookups and hits: they are counted once somebody has called "
				  "bpfmap_count_lookups()"
				: "lookups and hits: let the programs count them in a "
				  "percpu_array");
	if (!facts->writers_known)
		unknown(out, "who waits for whom: the kernel's locks cannot be seen from here");
	else if (facts->changed && facts->after.updates == facts->before.updates)
		unknown(out, "who writes: values change through pointers, which nobody counts; if "
			     "several "
			     "CPUs do, a per-CPU type serves better");
	if (info->map_flags & BPFMAP_F_VARIABLE)
		unknown(out, "keys and values: elements of different lengths are not looked at");
	else if (info->key_size && map_ops_of(info->type) && !facts->whole)
		unknown(out, "all elements: %u of them were looked at", facts->sampled);
	out_end(out);
}

/* ---- words ---- */

static int seconds_parse(struct args *args, double *ret_seconds)
{
	if (!args_take(args, "for"))
		return 0;
	return args_seconds(args, "for", SECONDS_MIN, SECONDS_MAX, ret_seconds);
}

static int rules_print(struct cli *cli)
{
	struct out *out = cli->out;

	out_begin(out, OUT_ARRAY, OUT_TABLE);
	for (size_t i = 0; i < RULES; i++) {
		out_begin(out, OUT_OBJECT, OUT_ROW);
		out_key(out, "rule", "rule");
		out_str(out, rules[i].name);
		out_key(out, "condition", "applies when");
		out_str(out, rules[i].condition);
		out_key(out, "reason", NULL);
		out_str(out, rules[i].reason);
		out_end(out);
	}
	out_end(out);
	return 0;
}

int verb_advise(struct cli *cli, struct args *args)
{
	double seconds = SECONDS_DEFAULT;
	struct advise_facts facts;
	struct mapref ref;
	int code;

	if (args->count == 1 && !strcmp(args_peek(args), "rules"))
		return rules_print(cli);
	code = mapref_parse(cli, args, &ref);
	if (code)
		return code;
	code = seconds_parse(args, &seconds);
	if (!code)
		code = args_end(args);
	if (!code)
		code = advise_watch(&ref, seconds, &facts);
	if (!code) {
		out_begin(cli->out, OUT_OBJECT, OUT_RECORD);
		facts_print(cli->out, &facts);
		if (!rules_apply(cli->out, &facts))
			out_note(cli->out, "\nall is well: no rule applies to what was seen");
		else
			out_note(cli->out, "");
		unknown_print(cli->out, &facts);
		out_end(cli->out);
	}
	mapref_close(&ref);
	return code;
}
