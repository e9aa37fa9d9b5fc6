/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_flags.c: names of map creation flags. */
#include "cli/map_flags.h"

#include "bpfmap/bpfmap.h"
#include "cli/args.h"
#include "cli/exit.h"

#include <ctype.h>
#include <linux/bpf.h>
#include <string.h>

static const struct {
	uint32_t value;
	const char *name;
} map_flags[] = {
#define MAP_FLAG(value, name) {value, name},
#include "cli/map_flags.def"
#undef MAP_FLAG
};

#define MAP_FLAG_COUNT (sizeof(map_flags) / sizeof(map_flags[0]))

static uint32_t flag_value(const char *name, size_t len)
{
	for (size_t i = 0; i < MAP_FLAG_COUNT; i++)
		if (strlen(map_flags[i].name) == len && !memcmp(map_flags[i].name, name, len))
			return map_flags[i].value;
	return 0;
}

int map_flags_parse(const char *word, uint32_t *ret_flags)
{
	struct args args = {.word = (char **)&word, .count = 1};
	uint32_t flags = 0;
	uint64_t number;
	int code;

	if (isdigit((unsigned char)word[0])) {
		code = args_number(&args, "flags", UINT32_MAX, &number);
		if (!code)
			*ret_flags = (uint32_t)number;
		return code;
	}
	for (;;) {
		size_t len = strcspn(word, ",");
		uint32_t flag = flag_value(word, len);

		if (!flag)
			return exit_usage("flags: unknown flag '%.*s'; give a number or names such "
					  "as %s,%s",
					  (int)len, word, map_flags[0].name,
					  map_flags[MAP_FLAG_COUNT - 2].name);
		flags |= flag;
		if (!word[len])
			break;
		word += len + 1;
	}
	*ret_flags = flags;
	return 0;
}

void map_flags_print(struct out *out, uint32_t flags)
{
	out_begin(out, OUT_ARRAY, OUT_LIST);
	for (size_t i = 0; i < MAP_FLAG_COUNT; i++)
		if (flags & map_flags[i].value)
			out_str(out, map_flags[i].name);
	out_end(out);
}
