/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* talkers.h: what the program writes and the tool reads. The key is an IPv4 address as it is in the
 * packet. */
#ifndef EXAMPLES_TUTORIAL_TALKERS_H
#define EXAMPLES_TUTORIAL_TALKERS_H

#include <linux/types.h>

struct talker {
	__u64 packets;
	__u64 bytes;
	__u64 last_ns; /* CLOCK_MONOTONIC: when it was heard last */
};

#endif
