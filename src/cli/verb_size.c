/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_size.c: what a map would take, before it is made; without a type, all that could serve. */
#include "cli/cost.h"
#include "cli/create_words.h"
#include "cli/map_flags.h"
#include "cli/mapref.h"
#include "cli/text.h"

#include <bpf/libbpf.h>
#include <stdio.h>

static const struct choice {
	uint32_t type;
	uint32_t flags;
	const char *when;
} choices[] = {
#define CHOICE(NAME, flags, when) {BPF_MAP_TYPE_##NAME, flags, when},
#include "cli/choices.def"
#undef CHOICE
};

#define CHOICES (sizeof(choices) / sizeof(choices[0]))

static void per_element_print(struct out *out, const char *name, const char *label, uint64_t bytes,
			      uint32_t entries)
{
	double each = entries ? (double)bytes / entries : 0;
	char json[40], plain[40];

	snprintf(json, sizeof(json), "%.3f", each);
	snprintf(plain, sizeof(plain), "%.1f", each);
	out_key(out, name, label);
	out->ops->scalar(out, json, plain);
}

static void bytes_print(struct out *out, const char *name, const char *label, uint64_t bytes)
{
	out_key(out, name, label);
	cost_print_bytes(out, bytes);
}

/* ---- one type ---- */

/* The bytes of keys and values alone. */
static uint64_t data_bytes(const struct create_words *words)
{
	const struct backend_create *how = &words->how;
	uint64_t cpus = words->cpus ? words->cpus : backend_cpus();

	if (!how->key_size)
		return 0;
	return how->max_entries *
	       (how->key_size + how->value_size * (backend_is_percpu(how->type) ? cpus : 1));
}

static void refusal_print(struct out *out, const char *name, const char *label,
			  const struct cost_place *place)
{
	struct text text = {0};

	if (!place->err)
		return;
	text_addf(&text, "creation would fail with %s: %s", cost_errno(place->err),
		  place->sentence);
	out_key(out, name, label);
	out_word(out, text_str(&text));
	text_free(&text);
}

static void parts_print(struct out *out, const char *name, const char *label,
			const struct memory_parts *parts)
{
	out_key(out, name, NULL);
	out_note(out, "");
	out_begin(out, OUT_ARRAY, OUT_TABLE);
	for (uint32_t i = 0; i < parts->count; i++) {
		const struct memory_part *part = &parts->part[i];

		out_begin(out, OUT_OBJECT, OUT_ROW);
		out_key(out, "name", label);
		out_str(out, part->name);
		out_key(out, "bytes", "bytes");
		out_u64(out, part->created);
		out_key(out, "bytes_full", "when full");
		out_u64(out, part->full);
		out_key(out, "why", "what for");
		out_str(out, part->why);
		out_end(out);
	}
	out_end(out);
}

static void spec_print(struct out *out, const struct create_words *words)
{
	const struct backend_create *how = &words->how;

	out_key(out, "type", "type");
	out_str(out, libbpf_bpf_map_type_str((enum bpf_map_type)how->type));
	if (how->map_flags) {
		out_key(out, "flag_names", "flags");
		map_flags_print(out, how->map_flags);
	}
	out_key(out, "bytes_key", "key size");
	out_size(out, how->key_size);
	out_key(out, "bytes_value", "value size");
	out_size(out, how->value_size);
	out_key(out, "max_entries", "max entries");
	out_u64(out, how->max_entries);
	if (backend_is_percpu(how->type)) {
		out_key(out, "cpus", "values per key");
		out_u64(out, words->cpus ? words->cpus : backend_cpus());
	}
}

static int one_print(struct cli *cli, const struct create_words *words)
{
	uint32_t entries = words->how.max_entries;
	struct out *out = cli->out;
	struct cost cost;

	cost_of(&words->how, words->cpus, &cost);
	if (cost.here.err && !cost.here.created)
		return exit_sentence(cost.here.err, "creation would fail with %s: %s",
				     cost_errno(cost.here.err), cost.here.sentence);
	out_begin(out, OUT_OBJECT, OUT_RECORD);
	spec_print(out, words);
	if (data_bytes(words))
		bytes_print(out, "bytes_data", "keys and values", data_bytes(words));
	bytes_print(out, "bytes_here", "memory here", cost.here.created);
	if (cost.here.full != cost.here.created)
		bytes_print(out, "bytes_here_full", "  when full", cost.here.full);
	per_element_print(out, "bytes_here_per_element", "  per element", cost.here.full, entries);
	refusal_print(out, "refused_here", "  but", &cost.here);
	if (cost.kernel.created) {
		bytes_print(out, "bytes_kernel", "in the kernel", cost.kernel.created);
		if (cost.kernel.full != cost.kernel.created)
			bytes_print(out, "bytes_kernel_full", "  when full", cost.kernel.full);
		per_element_print(out, "bytes_kernel_per_element", "  per element",
				  cost.kernel.full, entries);
	}
	refusal_print(out, "refused_kernel", cost.kernel.created ? "  but" : "in the kernel",
		      &cost.kernel);
	parts_print(out, "parts", "here", &cost.parts);
	if (cost.kernel_parts.count)
		parts_print(out, "kernel_parts", "in the kernel", &cost.kernel_parts);
	out_end(out);
	return 0;
}

/* ---- all types ---- */

/* The same elements in a map of that kind. False: they do not fit into any such map. */
static bool how_for(const struct choice *choice, const struct backend_create *asked,
		    struct backend_create *ret_how)
{
	struct backend_create how = *asked;

	how.type = choice->type;
	how.map_flags |= choice->flags;
	if (choice->type != BPF_MAP_TYPE_BLOOM_FILTER) {
		how.map_extra = 0;
		if (!how.key_size || (backend_is_array(how.type) && how.key_size != 4))
			return false;
	} else if (how.key_size) {
		/* What is asked for later is the key. */
		how.value_size = how.key_size;
		how.key_size = 0;
	}
	*ret_how = how;
	return true;
}

static void bytes_or_dash(struct out *out, const char *name, const char *label, uint64_t bytes)
{
	out_key(out, name, label);
	if (bytes)
		out_size(out, bytes);
	else
		out_null(out);
}

static void refused_row(struct out *out, const struct cost_place *place)
{
	struct text text = {0};

	text_addf(&text, "%s: %s", cost_errno(place->err), place->sentence);
	out_key(out, "refused", "serves when");
	out_str(out, text_str(&text));
	text_free(&text);
}

static void choice_print(struct out *out, const struct choice *choice,
			 const struct backend_create *how, uint32_t cpus)
{
	struct cost cost;

	cost_of(how, cpus, &cost);
	out_begin(out, OUT_OBJECT, OUT_ROW);
	out_key(out, "type", "type");
	out_str(out, libbpf_bpf_map_type_str((enum bpf_map_type)how->type));
	out_key(out, "flag_names", "flags");
	if (how->map_flags)
		map_flags_print(out, how->map_flags);
	else
		out->ops->scalar(out, "[]", "-");
	bytes_or_dash(out, "bytes_here", "here", cost.here.created);
	bytes_or_dash(out, "bytes_here_full", "full", cost.here.full);
	if (cost.here.full)
		per_element_print(out, "bytes_here_per_element", "b/element", cost.here.full,
				  how->max_entries);
	bytes_or_dash(out, "bytes_kernel", "in kernel", cost.kernel.created);
	bytes_or_dash(out, "bytes_kernel_full", "kernel full", cost.kernel.full);
	if (cost.here.err)
		refused_row(out, &cost.here);
	out_key(out, "when", cost.here.err ? NULL : "serves when");
	out_str(out, choice->when);
	out_end(out);
}

static int all_print(struct cli *cli, const struct create_words *words)
{
	struct backend_create how;

	out_begin(cli->out, OUT_ARRAY, OUT_TABLE);
	for (size_t i = 0; i < CHOICES; i++)
		if (how_for(&choices[i], &words->how, &how))
			choice_print(cli->out, &choices[i], &how, words->cpus);
	out_end(cli->out);
	return 0;
}

int verb_size(struct cli *cli, struct args *args)
{
	struct create_words words = {
		.how = {.name = ""},
		.refused = {[CREATE_NAME] = true},
		.optional = {[CREATE_TYPE] = true},
	};
	int code = create_words_parse(args, "size", &words);

	if (code)
		return code;
	return words.given[CREATE_TYPE] ? one_print(cli, &words) : all_print(cli, &words);
}
