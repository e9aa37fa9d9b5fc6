/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verdict.c: what programs returned, counted by value. A socket filter may return any length, so
 * values are found by bisection. */
#include "cli/verdict.h"

#include "cli/text.h"

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

void verdicts_add(struct verdicts *verdicts, uint32_t value, uint64_t count)
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

static int by_count(const void *a, const void *b)
{
	const struct verdict *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return left->value < right->value ? -1 : 1;
}

void verdicts_print(struct out *out, struct verdicts *verdicts, uint32_t prog_type)
{
	const struct verdict_name *names = prog_type == BPF_PROG_TYPE_XDP	  ? xdp_names
					   : prog_type == BPF_PROG_TYPE_SCHED_CLS ? tc_names
										  : no_names;

	if (verdicts->len)
		qsort(verdicts->verdict, verdicts->len, sizeof(struct verdict), by_count);
	out_begin(out, OUT_OBJECT, OUT_COUNTS);
	for (size_t i = 0; i < verdicts->len; i++) {
		const struct verdict_name *name = names;
		char number[16];

		snprintf(number, sizeof(number), "%" PRIu32, verdicts->verdict[i].value);
		while (name->name && name->value != verdicts->verdict[i].value)
			name++;
		out_key(out, name->name ? name->name : number, name->name ? name->name : number);
		out_u64(out, verdicts->verdict[i].count);
	}
	out_end(out);
}

void verdicts_free(struct verdicts *verdicts)
{
	free(verdicts->verdict);
	*verdicts = (struct verdicts){0};
}
