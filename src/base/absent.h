/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* absent.h: names of what the kernel has and we do not, for sentences. */
#ifndef BPFMAP_BASE_ABSENT_H
#define BPFMAP_BASE_ABSENT_H

#include <stdint.h>

/* Of a type that is not here; "unknown" if the kernel has none of that number either. */
const char *absent_map_word(uint32_t type);
const char *absent_prog_word(uint32_t type);

#endif
