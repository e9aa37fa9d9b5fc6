/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* variable.h: verbs on maps whose elements have lengths of their own (BPFMAP_F_VARIABLE). bpf(2)
 * has no lengths, so such a map is worked on through bpfmap.h. */
#ifndef BPFMAP_CLI_VARIABLE_H
#define BPFMAP_CLI_VARIABLE_H

#include "cli/mapref.h"

bool variable_is(const struct mapref *ref);

/* A descriptor or -errno. */
int variable_create(const struct backend *backend, const struct backend_create *how);

/* What the verbs of these names do, behind MAP. An exit code. */
int variable_update(struct cli *cli, struct args *args, const struct mapref *ref);
int variable_lookup(struct cli *cli, struct args *args, const struct mapref *ref);
int variable_delete(struct cli *cli, struct args *args, const struct mapref *ref);
int variable_dump(struct cli *cli, struct args *args, const struct mapref *ref);

#endif
