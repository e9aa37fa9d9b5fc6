/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* shape.h: keys and values, for user space and the kernel's programs alike. The compiler's command line
 * defines KEY_WORDS and VALUE_WORDS.
 */
#ifndef BENCH_SHAPE_H
#define BENCH_SHAPE_H

/* A value's first word is its key's, shifted by this: sums of lookups are verified. The rest is arbitrary. */
#define VALUE_SHIFT 16

#endif
