/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* talk.h: the map through which detect.bpf.c and enforce.bpf.c communicate. */
#ifndef EXAMPLES_TALK_H
#define EXAMPLES_TALK_H

#include <linux/types.h>

#define SOURCES_MAX 1024
#define PORTS_MAX   8  /* more different ones make a source a scanner */
#define PORTS_TOP   64 /* ports from 0 to this are watched */

/* Value of "blocked": what detect.bpf.c knew when it blocked the source, and what came of it. */
struct blocked {
	__u64 ports;   /* a bit for each port that was tried */
	__u64 dropped; /* packets, counted by enforce.bpf.c */
};

/* The record that both programs get for each packet. */
struct record {
	__u32 source;
	__u32 port;
	__u8 zero[8]; /* up to the shortest frame */
};

#endif
