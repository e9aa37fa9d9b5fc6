/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verdict.c: what programs returned, counted by value. A socket filter may return any length, so
 * values that are not small are found by bisection. */
#include "cli/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME(verdict)                         \
	{                                     \
		(uint32_t)(verdict), #verdict \
	}

struct verdict_name {
	uint32_t value;
	const char *name;
};

static const struct verdict_name xdp_names[] = {
	NAME(XDP_ABORTED), NAME(XDP_DROP), NAME(XDP_PASS), NAME(XDP_TX), NAME(XDP_REDIRECT), {0},
};

static const struct verdict_name tc_names[] = {
	NAME(TC_ACT_UNSPEC),
	NAME(TC_ACT_OK),
	NAME(TC_ACT_RECLASSIFY),
	NAME(TC_ACT_SHOT),
	NAME(TC_ACT_PIPE),
	NAME(TC_ACT_STOLEN),
	NAME(TC_ACT_QUEUED),
	NAME(TC_ACT_REPEAT),
	NAME(TC_ACT_REDIRECT),
	NAME(TC_ACT_TRAP),
	{0},
};

static const struct verdict_name no_names[] = {{0}};

static const struct verdict_name *names_of(uint32_t prog_type)
{
	switch (prog_type) {
	case BPF_PROG_TYPE_XDP: return xdp_names;
	case BPF_PROG_TYPE_SCHED_CLS: return tc_names;
	default: return no_names;
	}
}

const char *verdict_name(uint32_t prog_type, uint32_t value)
{
	const struct verdict_name *name = names_of(prog_type);

	while (name->name && name->value != value)
		name++;
	return name->name;
}

bool verdict_parse(uint32_t prog_type, const char *word, uint32_t *ret_value)
{
	const struct verdict_name *name = names_of(prog_type);
	long long value;
	char *end;

	for (; name->name; name++) {
		if (!strcmp(name->name, word)) {
			*ret_value = name->value;
			return true;
		}
	}
	errno = 0;
	value = strtoll(word, &end, 0);
	if (errno || end == word || *end || value < INT32_MIN || value > UINT32_MAX)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

void verdict_names(struct text *text, uint32_t prog_type)
{
	for (const struct verdict_name *name = names_of(prog_type); name->name; name++)
		text_addf(text, "%s%s", name == names_of(prog_type) ? "" : ", ", name->name);
}

void verdicts_add_other(struct verdicts *verdicts, uint32_t value, uint64_t count)
{
	size_t low = 0, high = verdicts->len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (verdicts->verdict[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == verdicts->len || verdicts->verdict[low].value != value) {
		verdicts->verdict = must_realloc(verdicts->verdict,
						 (verdicts->len + 1) * sizeof(struct verdict));
		memmove(verdicts->verdict + low + 1, verdicts->verdict + low,
			(verdicts->len - low) * sizeof(struct verdict));
		verdicts->verdict[low] = (struct verdict){.value = value};
		verdicts->len++;
	}
	verdicts->verdict[low].count += count;
}

void verdicts_move(struct verdicts *to, struct verdicts *from)
{
	for (size_t i = 0; i < VERDICTS_SMALL; i++) {
		to->small[i] += from->small[i];
		from->small[i] = 0;
	}
	/* Values stay: they are likely to come again. */
	for (size_t i = 0; i < from->len; i++) {
		if (from->verdict[i].count)
			verdicts_add_other(to, from->verdict[i].value, from->verdict[i].count);
		from->verdict[i].count = 0;
	}
}

static int by_count(const void *a, const void *b)
{
	const struct verdict *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return left->value < right->value ? -1 : 1;
}

/* All that were counted, the most frequent first. The caller frees it. */
static struct verdict *verdicts_sorted(const struct verdicts *verdicts, size_t *ret_count)
{
	struct verdict *all =
		must_realloc(NULL, (VERDICTS_SMALL + verdicts->len) * sizeof(struct verdict));
	size_t count = 0;

	for (uint32_t i = 0; i < VERDICTS_SMALL; i++)
		if (verdicts->small[i])
			all[count++] = (struct verdict){i, verdicts->small[i]};
	for (size_t i = 0; i < verdicts->len; i++)
		if (verdicts->verdict[i].count)
			all[count++] = verdicts->verdict[i];
	qsort(all, count, sizeof(*all), by_count);
	*ret_count = count;
	return all;
}

/* The value's name, or the number. */
static const char *spell(uint32_t prog_type, uint32_t value, char *number, size_t size)
{
	const char *name = verdict_name(prog_type, value);

	snprintf(number, size, "%" PRIu32, value);
	return name ? name : number;
}

void verdicts_print(struct out *out, const struct verdicts *verdicts, uint32_t prog_type)
{
	size_t count;
	struct verdict *all = verdicts_sorted(verdicts, &count);

	out_begin(out, OUT_OBJECT, OUT_COUNTS);
	for (size_t i = 0; i < count; i++) {
		char number[16];
		const char *word = spell(prog_type, all[i].value, number, sizeof(number));

		out_key(out, word, word);
		out_u64(out, all[i].count);
	}
	out_end(out);
	free(all);
}

void verdicts_text(struct text *text, const struct verdicts *verdicts, uint32_t prog_type)
{
	size_t count;
	struct verdict *all = verdicts_sorted(verdicts, &count);

	for (size_t i = 0; i < count; i++) {
		char number[16];

		text_addf(text, "%s%s=%" PRIu64, i ? "  " : "",
			  spell(prog_type, all[i].value, number, sizeof(number)), all[i].count);
	}
	free(all);
}

void verdicts_free(struct verdicts *verdicts)
{
	free(verdicts->verdict);
	*verdicts = (struct verdicts){0};
}
