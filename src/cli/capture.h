/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* capture.h: packets of a capture file, through libpcap. */
#ifndef BPFMAP_CLI_CAPTURE_H
#define BPFMAP_CLI_CAPTURE_H

#include <stdint.h>

/* Non-zero ends the walk; it is not a failure of the capture. */
typedef int capture_packet_fn(void *arg, const uint8_t *data, uint32_t size);

/* Every packet of an Ethernet capture (pcap or pcapng). 0 or an exit code, the sentence printed:
 * unreadable, not a capture, not Ethernet, or it breaks off; packets before that were handed out. */
int capture_walk(const char *path, capture_packet_fn *packet, void *arg);

#endif
