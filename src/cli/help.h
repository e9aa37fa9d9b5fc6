/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* help.h: the help text, made from the tables. */
#ifndef BPFMAP_CLI_HELP_H
#define BPFMAP_CLI_HELP_H

#include <stdio.h>

void help_print(FILE *file);

#endif
