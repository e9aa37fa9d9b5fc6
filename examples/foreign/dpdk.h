/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* dpdk.h: what dpdk.bpf.c and dpdk.c share. */
#ifndef EXAMPLES_FOREIGN_DPDK_H
#define EXAMPLES_FOREIGN_DPDK_H

#include <linux/types.h>

#define HEAD_BYTES 40

/* The program's argument. DPDK's verifier knows its size, and lets no pointer be loaded from it: so
 * the bytes themselves, and zeroes behind a shorter packet. */
struct head {
	__u64 size; /* of the whole packet */
	__u8 bytes[HEAD_BYTES];
};

#endif
