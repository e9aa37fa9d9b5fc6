/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* paths.h: what paths.bpf.c and its host agree on. */
#ifndef EXAMPLES_PATHS_H
#define EXAMPLES_PATHS_H

#define PATHS_MAX     100000
#define PATH_BYTES    256 /* the path, its NUL, zeros */
#define PATHS_HASHES  7
#define PATHS_KNOWN   1 /* what the program returns */
#define PATHS_UNKNOWN 0

/* Aligned, so that it is copied by words. */
struct path {
	char text[PATH_BYTES];
} __attribute__((aligned(8)));

#endif
