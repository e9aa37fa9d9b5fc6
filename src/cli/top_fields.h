/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_fields.h: the numbers in a map's value, by which elements can be ranked. */
#ifndef BPFMAP_CLI_TOP_FIELDS_H
#define BPFMAP_CLI_TOP_FIELDS_H

#include "cli/field.h"

struct top_fields {
	struct top_field {
		char *path; /* value.packets */
		struct field field;
	} * field;
	size_t count;
};

void top_fields_find(const struct mapref *ref, struct top_fields *ret_fields);
void top_fields_free(struct top_fields *fields);

/* The one to begin with: what is called as counters are, else the first. */
size_t top_fields_choice(const struct top_fields *fields);

#endif
