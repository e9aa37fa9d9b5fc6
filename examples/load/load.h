/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* load.h: the map of load.bpf.c, for the program and for its reader. */
#ifndef EXAMPLES_LOAD_H
#define EXAMPLES_LOAD_H

#include <linux/types.h>

enum load_kind { LOAD_IPV4, LOAD_IPV6, LOAD_OTHER, LOAD_KINDS };

struct load {
	__u64 packets;
	__u64 bytes;
	__u64 largest; /* bytes */
};

#endif
