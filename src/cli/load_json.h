/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* load_json.h: one element from one line of JSON, as dump MAP lines writes it. */
#ifndef BPFMAP_CLI_LOAD_JSON_H
#define BPFMAP_CLI_LOAD_JSON_H

#include "cli/mapref.h"

/* {"key":K,"value":V}, or for values per CPU {"key":K,"values":[{"cpu":0,"value":V},...]}. K and V
 * are typed by BTF, or [byte,...], or without BTF a number of 1, 2, 4 or 8 bytes. A single V of a
 * per-CPU map goes to all CPUs; CPUs that are not named get zeroes. Buffers are of the syscall's
 * sizes. 1, or -EINVAL, -ERANGE with a sentence. */
int load_json(const struct mapref *ref, const char *line, void *ret_key, void *ret_value);

#endif
