/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* help.h: the help texts, made from the tables. */
#ifndef BPFMAP_CLI_HELP_H
#define BPFMAP_CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

/* All verbs and what they are for, for somebody who has given none. */
void help_verbs_print(FILE *file);

/* All verbs, what the words of their synopses stand for, options and exit codes. */
void help_print(FILE *file);

/* One verb, which is written out, or an alias: its synopsis, what each word means, an example. */
void help_verb_print(FILE *file, const char *name);

/* Does what stands behind a verb ask for its help? */
bool help_is_wanted(const char *word);

#endif
