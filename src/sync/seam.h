/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* seam.h: the point before every store to shared memory. Empty in production; test builds put their
 * own "sync/seam.h" first in the include path and turn it into yield and crash points. */
#ifndef BPFMAP_SYNC_SEAM_H
#define BPFMAP_SYNC_SEAM_H

static inline void seam_step(void)
{
}

#endif
