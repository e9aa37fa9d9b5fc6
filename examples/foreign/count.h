/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* count.h: what count.bpf.c and the hosts that run it share. */
#ifndef EXAMPLES_FOREIGN_COUNT_H
#define EXAMPLES_FOREIGN_COUNT_H

#include <linux/types.h>

#define SOURCES_MAX 1024

enum total { TOTAL_IPV4, TOTAL_OTHER, TOTAL_COUNT };

/* The context of a program in this virtual machine: no XDP, no socket buffer, two pointers. */
struct frame {
	__u64 data;
	__u64 data_end;
};

struct source {
	__u64 packets;
	__u64 bytes;
};

#endif
