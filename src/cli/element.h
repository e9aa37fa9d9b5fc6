/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* element.h: show elements, typed where the map has BTF. */
#ifndef BPFMAP_CLI_ELEMENT_H
#define BPFMAP_CLI_ELEMENT_H

#include "cli/mapref.h"

/* One element; value NULL: it could not be read, err says why. */
void element_print(struct out *out, const struct mapref *ref, const void *key, const void *value,
		   int err);

/* All of them, as an array; *ret_count becomes their number. 0 or -errno. */
int element_print_all(struct cli *cli, const struct mapref *ref, uint64_t *ret_count);

/* A key under any name; NULL is nothing. */
void element_key(struct out *out, const struct mapref *ref, const char *name, const char *label,
		 const void *key);

#endif
