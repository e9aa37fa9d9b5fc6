/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* error.h: an errno with a sentence. Each failing function calls fail() once, where the cause is
 * known, and returns its result; callers pass the number on and leave the sentence alone. */
#ifndef BPFMAP_BASE_ERROR_H
#define BPFMAP_BASE_ERROR_H

/* "Not supported" inside the kernel; it leaks to user space and has no name in <errno.h>. */
#define E524 524

/* Records the sentence for this thread and returns -err. */
__attribute__((format(printf, 2, 3), cold)) int fail(int err, const char *fmt, ...);

/* The same with ": strerror(err)" appended. */
__attribute__((format(printf, 2, 3), cold)) int fail_os(int err, const char *fmt, ...);

/* The same for paths on which formatting would be felt: the sentence is a literal. */
int fail_quick(int err, const char *literal);

/* The sentence; never NULL. */
const char *error_sentence(void);

#endif
