/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map_flags.h: names of map creation flags. */
#ifndef BPFMAP_CLI_MAP_FLAGS_H
#define BPFMAP_CLI_MAP_FLAGS_H

#include "cli/out.h"

#include <stdint.h>

/* A number or names joined by commas. 0 or an exit code. */
int map_flags_parse(const char *word, uint32_t *ret_flags);

/* The names of the flags that have one, as a list. */
void map_flags_print(struct out *out, uint32_t flags);

#endif
