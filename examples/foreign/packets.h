/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* packets.h: the packets of a capture. A file of its own because <pcap.h> and <linux/bpf.h> both
 * have a struct bpf_insn. */
#ifndef EXAMPLES_FOREIGN_PACKETS_H
#define EXAMPLES_FOREIGN_PACKETS_H

#include <stdint.h>

/* 0, or what stops the walk. */
typedef int packet_fn(void *arg, const uint8_t *packet, uint32_t size);

/* 0, what fn returned, or -1 after a sentence on stderr. */
int packets_each(const char *path, packet_fn *fn, void *arg);

#endif
