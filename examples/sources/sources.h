/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sources.h: the map of sources.bpf.c, for the program and for its reader. */
#ifndef EXAMPLES_SOURCES_H
#define EXAMPLES_SOURCES_H

#include <linux/types.h>

#define SOURCES_MAX 10000

/* IPv4 addresses are kept as ::ffff:a.b.c.d. */
struct source_key {
	__u8 address[16];
};

struct source_stats {
	__u64 packets;
	__u64 bytes; /* whole frames */
};

#endif
