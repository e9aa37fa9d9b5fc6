/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* raw.h: the system call instruction. libc's syscall() is what this library replaces, so it cannot
 * be called; raw_<cpu>.c has the instruction. */
#ifndef BPFMAP_COMPAT_RAW_H
#define BPFMAP_COMPAT_RAW_H

/* The kernel's answer: a result or -errno. errno is left alone. */
long raw_syscall(long number, long a, long b, long c, long d, long e, long f);

#endif
