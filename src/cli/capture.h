/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* capture.h: Ethernet packets of a capture file, of standard input or of an interface, through
 * libpcap. One thread at a time. Sentences are in bpfmap_last_error(). */
#ifndef BPFMAP_CLI_CAPTURE_H
#define BPFMAP_CLI_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

struct capture;

struct capture_packet {
	const uint8_t *data; /* until the next call */
	uint32_t size;
	uint64_t time_ns; /* of the capture's clock */
};

enum capture_result {
	CAPTURE_END,	 /* there are no more */
	CAPTURE_PACKET,	 /* *ret_packet is the next one */
	CAPTURE_NOTHING, /* an interface or a pipe had none for a while, at most CAPTURE_WAIT_MS */
};

#define CAPTURE_WAIT_MS 100

/* A pcap or pcapng file; "-" is standard input. ENOENT, EACCES ..., EINVAL: no capture, not
 * Ethernet; EINTR: by a signal. */
int capture_open(const char *path, struct capture **ret_capture);
/* ENODEV, ENETDOWN, EPERM, EINVAL: not Ethernet. */
int capture_open_interface(const char *name, struct capture **ret_capture);

/* enum capture_result; EINVAL: it breaks off; EINTR: by a signal. */
int capture_next(struct capture *capture, struct capture_packet *ret_packet);

/* Packets that an interface's buffer had no room for. */
uint64_t capture_lost(struct capture *capture);
void capture_close(struct capture *capture);

/* True if the file can be read again from the beginning. */
bool capture_is_repeatable(const char *path);

#endif
