/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* shapes.h: a map of each type, and of each layout that a type has: for tests of what region files are. Words
 * are names of files, too. */
#ifndef TESTS_SUPPORT_SHAPES_H
#define TESTS_SUPPORT_SHAPES_H

#include "bpfmap/bpfmap.h"

#include <stdint.h>

static const struct shape {
	const char *word;
	uint32_t type, value_size, flags;
} shapes[] = {
#undef MAP_TYPE /* of <sys/mman.h> */
#define MAP_TYPE(NAME, word, ops) {word, BPF_MAP_TYPE_##NAME, 500, 0},
#include "map/types.def"
#undef MAP_TYPE
	{"hash_small", BPF_MAP_TYPE_HASH, 8, 0},
	{"hash_no_prealloc", BPF_MAP_TYPE_HASH, 500, BPF_F_NO_PREALLOC},
	{"hash_variable", BPF_MAP_TYPE_HASH, 500, BPFMAP_F_VARIABLE},
	{"array_mmapable", BPF_MAP_TYPE_ARRAY, 500, BPF_F_MMAPABLE},
};

#endif
