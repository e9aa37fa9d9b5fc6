/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* absent.c: names of what the kernel has and we do not, from absent.def. */
#include "base/absent.h"

#include <stddef.h>

static const char *const maps[] = {
#define ABSENT_MAP(number, word) [number] = word,
#define ABSENT_PROG(number, word)
#include "base/absent.def"
#undef ABSENT_MAP
#undef ABSENT_PROG
};

static const char *const progs[] = {
#define ABSENT_MAP(number, word)
#define ABSENT_PROG(number, word) [number] = word,
#include "base/absent.def"
#undef ABSENT_MAP
#undef ABSENT_PROG
};

static const char *word_of(const char *const *words, size_t count, uint32_t type)
{
	return type < count && words[type] ? words[type] : "unknown";
}

const char *absent_map_word(uint32_t type)
{
	return word_of(maps, sizeof(maps) / sizeof(maps[0]), type);
}

const char *absent_prog_word(uint32_t type)
{
	return word_of(progs, sizeof(progs) / sizeof(progs[0]), type);
}
