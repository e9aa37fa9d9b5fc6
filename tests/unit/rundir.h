/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rundir.h: a runtime directory of its own for a group of unit tests that count what stands in it. */
#ifndef BPFMAP_TESTS_UNIT_RUNDIR_H
#define BPFMAP_TESTS_UNIT_RUNDIR_H

/* Its path; $BPFMAP_DIR is the same. */
extern char rundir[128];

/* Set-up and tear-down of the group. */
int rundir_make(void **state);
int rundir_remove(void **state);

#endif
