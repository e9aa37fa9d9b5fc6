/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* element.h: show elements, typed where the map has BTF. */
#ifndef BPFMAP_CLI_ELEMENT_H
#define BPFMAP_CLI_ELEMENT_H

#include "cli/btf_fold.h"
#include "cli/mapref.h"

/* One element. fold: its values per CPU are shown as one number; NULL: each as it is. key NULL: the
 * map has none. value NULL: it could not be read, err says why. */
void element_print(struct out *out, const struct mapref *ref, const struct btf_fold *fold,
		   const void *key, const void *value, int err);

/* A row of a table, a column for each member. */
void element_row(struct out *out, const struct mapref *ref, const struct btf_fold *fold,
		 const void *key, const void *value);
/* The same, a column for each CPU, and of numbers the sum. */
void element_cpu_row(struct out *out, const struct mapref *ref, const struct btf_fold *sum,
		     const void *key, const void *value);

/* All of them, as an array; of an array's that are zero people see how many. 0 or -errno. */
int element_print_all(struct cli *cli, const struct mapref *ref);

/* A field with the value, or with one per CPU. */
void element_value(struct out *out, const struct mapref *ref, const void *value);

/* A key under any name; NULL is nothing. */
void element_key(struct out *out, const struct mapref *ref, const char *name, const char *label,
		 const void *key);

#endif
