/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* moment.h: time and chance for both engines: moment.c has clock_gettime() and getrandom() in the C library's
 * place. Each look at the clock is a microsecond later, all chance is 0x5a. */
#ifndef BPFMAP_TESTS_JIT_MOMENT_H
#define BPFMAP_TESTS_JIT_MOMENT_H

/* The first moment again, in this thread. */
void moment_again(void);

#endif
