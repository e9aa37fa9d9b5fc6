/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cli_call.h: the tool, called in a harness's own process. What it prints is counted and dropped. */
#ifndef BPFMAP_TESTS_CLI_CALL_H
#define BPFMAP_TESTS_CLI_CALL_H

#include "fuzz.h"

/* To be called once: a runtime directory; files of at most limit bytes, so that a huge map is refused
 * rather than made; the streams. The directory's path. */
const char *cli_prepare(uint64_t limit);

/* Between these two stdout and stderr are the counted ones. cli_end: a code that is no exit code, or
 * a failure without a word on stderr, is a finding. */
void cli_begin(void);
void cli_end(const char *what, int code);

/* One command line; words end with NULL, argv[0] is added. Returns the exit code. */
int cli_call(const char *const *words);

/* A file in the runtime directory that holds these bytes; its path, good until the next call with the
 * same name. */
const char *cli_file(const char *name, const void *bytes, size_t size);

/* Removes what lies in the runtime directory, except names that begin with a dot. */
void cli_clean(void);

/* Maps with elements: those of tests/cli/types.bpf.o and one untyped of each kind. maps_make() makes
 * them once and keeps their bytes; maps_restore() puts those that a text names into the runtime
 * directory as they were. */
void maps_make(const char *object, const char *capture);
void maps_restore(const char *text);
/* Their names; the list ends with NULL. */
const char *const *maps_names(void);

#endif
